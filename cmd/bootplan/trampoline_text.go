package main

import (
	"fmt"
	"io"
	"strings"

	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim/report"
	"bootplan/trampoline"
)

// printTrampoline tells the place, then the way to it.
func (a *app) printTrampoline(t *trampolineAnswer) error {
	var names []string
	for _, f := range t.findings {
		names = append(names, f.Rule)
	}
	headline := t.headline()
	if len(names) > 0 {
		headline = fmt.Sprintf("%-70s  %s", headline, strings.Join(names, ", "))
	}
	fmt.Fprintln(a.out, headline)
	if a.quiet {
		return nil
	}
	if !t.stub.Empty() {
		fmt.Fprintf(a.out, "  for a loader that enters %v behind its EFI stub; the stub's own place is below\n", t.Version)
	}
	for _, line := range append(t.limitLines(), t.searchLines(a.verbose)...) {
		fmt.Fprintln(a.out, "  "+line)
	}
	if len(t.findings) > 0 {
		if err := t.printFindings(a.out, a.style()); err != nil {
			return err
		}
	}
	fmt.Fprintln(a.out)
	return report.Table(a.out, make([]report.Column, 3), t.others())
}

// headline is the place, and what kind of memory it is.
func (t *trampolineAnswer) headline() string {
	r, err := t.Range()
	switch {
	case err != nil:
		return fmt.Sprintf("%#x: an address that wrapped around, where no memory is.", t.Start)
	case t.notRAM():
		return fmt.Sprintf("%#x, two pages %s, in memory that the map does not call usable.", t.Start, r.Short())
	}
	return fmt.Sprintf("%#x, two pages %s, in usable memory that nobody allocated.", t.Start, r.Short())
}

func (t *trampolineAnswer) notRAM() bool {
	for _, f := range t.findings {
		if f.Rule == "not-ram" {
			return true
		}
	}
	return false
}

// limitLines tell how the BIOS words became the limit of the search.
func (t *trampolineAnswer) limitLines() []string {
	b := t.Bound
	if !b.Read {
		return []string{
			"the boot parameters carry an EFI signature: the BIOS data area is not read",
			fmt.Sprintf("limit %#x, as high as a trampoline may end", b.Limit),
		}
	}
	base := fmt.Sprintf("base memory ends at %#x (%d KiB), the BIOS says", b.BaseMemory, t.words.BaseKiB)
	if t.assumed {
		base = fmt.Sprintf("base memory ends at %#x (%d KiB), which is assumed: the map says nothing of the BIOS data area", b.BaseMemory, t.words.BaseKiB)
	}
	limit := fmt.Sprintf("limit %#x", b.Limit)
	if b.Capped {
		limit += ": base memory is only believed from 0x20000 to 0x9f000"
	}
	ebda := fmt.Sprintf("EBDA at %#x: not between 0x20000 and the end of base memory, ignored", b.EBDA)
	if b.AtEBDA {
		ebda = fmt.Sprintf("EBDA at %#x: lower, it is the limit", b.EBDA)
		limit = fmt.Sprintf("limit %#x", b.Limit)
	}
	return []string{base, ebda, limit}
}

// searchLines tell what the search makes of each entry. Entries above the limit are
// only counted, unless all are wanted.
func (t *trampolineAnswer) searchLines(all bool) []string {
	if t.Version < linux.V4_19 {
		return []string{fmt.Sprintf("%v does not look at the e820 table: the trampoline goes right below the limit", t.Version)}
	}
	var lines []string
	above, limit := uint64(0), t.Bound.Limit
	for _, v := range t.Visits {
		if v.Verdict == trampoline.Above && !all {
			above++
		} else {
			lines = append(lines, visitLine(v, limit))
		}
		limit = v.Limit
	}
	if above > 0 {
		lines = append([]string{entries(int(above)) + " of the e820 table, looked at first: all above the limit"}, lines...)
	}
	if !t.Found() {
		lines = append(lines, fmt.Sprintf("no usable entry below %#x holds two pages, and the code has no way to say so: it takes the place below", limit))
	}
	return lines
}

// visitLine tells what the search makes of one entry.
func visitLine(v trampoline.Visit, limit uint64) string {
	where := fmt.Sprintf("%#x bytes at %#x", v.E820.Size, v.E820.Addr)
	if r, err := v.E820.Range(); err == nil {
		where = r.Short()
	}
	line := fmt.Sprintf("entry %d %s %v: ", v.Entry, where, v.E820.Type)
	switch v.Verdict {
	case trampoline.Above:
		return line + "at or above the limit"
	case trampoline.NotRAM:
		return line + "refused, not usable memory"
	case trampoline.GivesUp:
		return line + "ends below 8 KiB, where subtracting two pages wraps around: the search ends"
	case trampoline.TooSmall:
		line += "refused, no room for two pages"
		if v.Limit < limit {
			line += fmt.Sprintf(", but from now on the limit is %#x", v.Limit)
		}
		return line
	}
	if v.Limit < limit {
		return line + fmt.Sprintf("taken, from its end %#x downwards", v.Limit)
	}
	return line + "taken, from the limit downwards"
}

func (t *trampolineAnswer) printFindings(w io.Writer, style report.Style) error {
	var rows [][]string
	for _, f := range t.findings {
		rows = append(rows, []string{"", style.Severity(f.Severity), f.Rule, f.Message})
	}
	if err := report.Table(w, make([]report.Column, 4), rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s Next: bootplan explain %s\n", report.Summary(t.findings), t.findings[0].Rule)
	return err
}

// others are the places of everything that is no search.
func (t *trampolineAnswer) others() [][]string {
	rows := [][]string{
		{"page table", fmt.Sprintf("%#x", t.PageTable()), "what lies there is saved before and restored afterwards"},
		{"code", fmt.Sprintf("%#x", t.Code()), t.use()},
		{"real mode", rangeOr(t.realMode, "none"), "where the other processors start: the highest free pages below 1 MiB, kept for good"},
	}
	if !t.stub.Empty() {
		rows = append(rows, []string{"EFI stub", t.stub.Short(),
			"allocated as Loader Data below 4 GiB: the code, then the page table"})
	}
	return rows
}

// use says when this version runs the trampoline.
func (t *trampolineAnswer) use() string {
	if t.Version < linux.V6_6 {
		return "executed in every boot, even if the paging mode stays as it is"
	}
	return "executed only if the paging mode changes"
}

func rangeOr(r memmap.Range, none string) string {
	if r.Empty() {
		return none
	}
	return r.Short()
}
