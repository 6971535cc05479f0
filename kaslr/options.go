package kaslr

import (
	"strings"

	"bootplan/linux"
	"bootplan/memmap"
)

// maxMemmaps is how many memmap= ranges are avoided (MAX_MEMMAP_REGIONS).
const maxMemmaps = 4

// memmapNames are the names of the avoided memmap= ranges.
var memmapNames = [maxMemmaps]string{"memmap0", "memmap1", "memmap2", "memmap3"}

// Texts of warn() while options are read.
const (
	warnRepeated1G = "Repeatedly set hugeTLB page size of 1G!"
	warnHugepages  = "Failed to parse hugepages= boot parameter"
)

// options reads the command line for what limits memory, into a plan.
type options struct {
	plan    *Plan
	version linux.Version
	gbSize  bool // the last hugepagesz= was 1 GiB
	memmaps int  // ranges stored
}

// parse applies the words of text up to a bare "--".
// Source: arch/x86/boot/compressed/kaslr.c:handle_mem_options (v6.12).
func (o *options) parse(text string) {
	// Words need not be looked at where no name can be found; the search is for "gepages"
	// because a g is rarer than the h of hugepages, at which it would often stop.
	if !strings.Contains(text, "mem") && !strings.Contains(text, "gepages") {
		return
	}
	text = linux.SkipSpaces(text)
	for text != "" {
		var arg linux.Arg
		arg, text = linux.NextArg(text)
		switch arg.Name {
		case "--":
			if !arg.HasValue {
				return
			}
		case "memmap":
			if arg.HasValue {
				o.memmap(arg.Value, parseMemmap)
			}
		case "efi_fake_mem":
			if arg.HasValue && o.version < linux.V6_11 {
				o.memmap(arg.Value, parseFakeMem)
			}
		case "hugepagesz":
			o.hugePageSize(arg.Value)
		case "hugepages":
			o.hugePages(arg.Value)
		case "mem":
			if !o.mem(arg.Value) {
				o.plan.Stopped = true
				return
			}
		}
	}
}

// mem applies mem=. A value of zero, or none, ends the reading of options: the
// null pointer of a mem without "=" leads to memory that reads as zero.
func (o *options) mem(value string) (more bool) {
	if value == "nopentium" {
		return true
	}
	size, _ := linux.Memparse(value, o.version)
	if size == 0 {
		return false
	}
	o.plan.Limit = min(o.plan.Limit, size)
	return true
}

// itemParser reads one item of a list; ok is false where the list is not read on.
type itemParser func(item string, v linux.Version) (r Extent, ok bool)

// memmap applies one memmap= list, or an efi_fake_mem= list, which counts like one. Ranges that start at 0, whatever they stand
// for, limit memory instead of being avoided. Once four are stored, further
// memmap= options count for nothing; only more items in the list that stored the
// fourth make the search give up.
// Source: arch/x86/boot/compressed/kaslr.c:mem_avoid_memmap (v6.12).
func (o *options) memmap(list string, parse itemParser) {
	if o.memmaps == maxMemmaps {
		o.plan.IgnoredMemmaps++
		return
	}
	more := true
	for more && o.memmaps < maxMemmaps {
		var item string
		item, list, more = strings.Cut(list, ",")
		r, ok := parse(item, o.version)
		if !ok {
			return
		}
		if r.Start != 0 {
			o.plan.avoid(memmapNames[o.memmaps], r)
			o.memmaps++
		} else if r.Size > 0 {
			o.plan.Limit = min(o.plan.Limit, r.Size)
		}
	}
	o.plan.TooManyMemmaps = o.plan.TooManyMemmaps || o.memmaps == maxMemmaps && more
}

// parseMemmap reads one item of a memmap= list: size#start, size$start or
// size!start are a range; size@start says nothing, and everything else is a size
// alone, returned with start 0.
// Source: arch/x86/boot/compressed/kaslr.c:parse_memmap (v6.12).
func parseMemmap(item string, v linux.Version) (r Extent, ok bool) {
	if strings.HasPrefix(item, "exactmap") {
		return Extent{}, false
	}
	size, rest := linux.Memparse(item, v)
	if len(rest) == len(item) {
		return Extent{}, false
	}
	if rest == "" {
		return Extent{Size: size}, true
	}
	switch rest[0] {
	case '#', '$', '!':
		start, _ := linux.Memparse(rest[1:], v)
		return Extent{start, size}, true
	case '@':
		return Extent{}, true
	}
	return Extent{Size: size}, true
}

// parseFakeMem reads one item of an efi_fake_mem= list: size@start:attributes is a
// range if it makes memory specific-purpose and says nothing if it does not; all else
// is as in a memmap= list.
// Source: arch/x86/boot/compressed/kaslr.c:parse_memmap (v6.1).
func parseFakeMem(item string, v linux.Version) (r Extent, ok bool) {
	size, rest := linux.Memparse(item, v)
	place, at := strings.CutPrefix(rest, "@")
	if r, ok = parseMemmap(item, v); !ok || !at {
		return r, ok
	}
	start, rest := linux.Memparse(place, v)
	attributes, stated := strings.CutPrefix(rest, ":")
	attr, number := linux.Kstrtoull(attributes)
	if stated && number && memmap.EFIAttr(attr)&memmap.EFISP != 0 {
		return Extent{start, size}, true
	}
	return Extent{}, true
}

// hugePageSize applies hugepagesz=.
func (o *options) hugePageSize(value string) {
	size, _ := linux.Memparse(value, o.version)
	if size == memmap.GiB && o.gbSize {
		o.plan.warn(warnRepeated1G)
	}
	o.gbSize = size == memmap.GiB
}

// hugePages applies hugepages=: up to 6.12 the number at its beginning, in 7.2 a
// number that is all of it, or the count stays what it was.
// Source: arch/x86/boot/compressed/kaslr.c:parse_gb_huge_pages (v6.12, v7.2).
func (o *options) hugePages(value string) {
	if !o.gbSize {
		return
	}
	if o.version < linux.V7_2 {
		o.plan.GBPages, _ = linux.Strtoull(value)
		return
	}
	count, ok := linux.Kstrtoull(value)
	if !ok {
		o.plan.warn(warnHugepages)
		return
	}
	o.plan.GBPages = count
}
