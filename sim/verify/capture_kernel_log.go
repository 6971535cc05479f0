package verify

import (
	"regexp"
	"strconv"
	"strings"

	"bootplan/memmap"
	"bootplan/memmap/parse"
)

// kernelLog is what a kernel printed about memory, recorded or predicted.
type kernelLog struct {
	maps     map[string][]memmap.E820Entry // by the words before each entry: "BIOS-e820", "user", "reserve setup_data"
	changes  []string                      // "e820: update …" and "e820: remove …"
	reserved []reservation                 // by memblock, in order
	memblock []string                      // the regions of its first dump
	ramdisk  memmap.Range                  // whole pages
	moved    memmap.Range                  // where the kernel moved the initrd
}

var (
	changeLine  = regexp.MustCompile(`^e820: (update|remove) `)
	updateLine  = regexp.MustCompile(`^e820: update \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\] `)
	reserveLine = regexp.MustCompile(`^_*memblock_reserve: \[(0x[0-9a-f]+)-(0x[0-9a-f]+)\] (.*)$`)
	regionLine  = regexp.MustCompile(`^ *((?:memory|reserved)\[0x[0-9a-f]+\])\s+(.*)$`)
	ramdiskLine = regexp.MustCompile(`^RAMDISK: \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]`)
	movedLine   = regexp.MustCompile(`^Allocated new RAMDISK: \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]`)
)

// readKernelLog reads lines without time stamps. Lines that say nothing of interest,
// or nothing that can be read, are left out.
func readKernelLog(lines []string) *kernelLog {
	log := &kernelLog{maps: map[string][]memmap.E820Entry{}}
	if doc, err := parse.ReadLog("", strings.NewReader(strings.Join(lines, "\n"))); err == nil {
		for _, m := range doc.Maps {
			if m.Kind == memmap.E820 && log.maps[m.Label] == nil {
				log.maps[m.Label] = m.Entries
			}
		}
	}
	for _, line := range lines {
		log.read(line)
	}
	log.memblock = firstDump(log.memblock)
	return log
}

func (log *kernelLog) read(line string) {
	switch {
	case changeLine.MatchString(line):
		log.changes = append(log.changes, line)
	case strings.HasPrefix(line, "RAMDISK:"):
		log.ramdisk = rangeIn(ramdiskLine, line)
	case strings.HasPrefix(line, "Allocated new RAMDISK:"):
		log.moved = rangeIn(movedLine, line)
	}
	if m := reserveLine.FindStringSubmatch(line); m != nil {
		if r := inclusiveRange(m[1], m[2]); !r.Empty() {
			words := strings.Fields(m[3])
			log.reserved = append(log.reserved, reservation{r, functionOf(words[len(words)-1])})
		}
	}
	if m := regionLine.FindStringSubmatch(line); m != nil {
		log.memblock = append(log.memblock, m[1]+" "+m[2])
	}
}

// firstDump are the regions of the first of memblock's dumps.
func firstDump(regions []string) []string {
	for i, line := range regions {
		if i > 0 && strings.HasPrefix(line, "memory[0x0]") {
			return regions[:i]
		}
	}
	return regions
}

// changedRange is the range in an "e820: update" line.
func changedRange(line string) memmap.Range { return rangeIn(updateLine, line) }

func rangeIn(pattern *regexp.Regexp, line string) memmap.Range {
	m := pattern.FindStringSubmatch(line)
	if m == nil {
		return memmap.Range{}
	}
	return inclusiveRange(m[1], m[2])
}

// inclusiveRange is the range from first to last; empty where they are none.
func inclusiveRange(first, last string) memmap.Range {
	a, err1 := strconv.ParseUint(first, 0, 64)
	b, err2 := strconv.ParseUint(last, 0, 64)
	if err1 != nil || err2 != nil || b == ^uint64(0) || b+1 < a {
		return memmap.Range{}
	}
	return memmap.Range{Start: a, End: b + 1}
}

// functionOf is the function in a caller such as "setup_arch+0xc7e/0xe70".
func functionOf(caller string) string {
	function, _, _ := strings.Cut(caller, "+")
	return function
}
