package parse

import (
	"bytes"
	"slices"
	"strings"

	"bootplan/memmap"
)

// Log is what a kernel log says beside its maps, of the first boot if there are
// several; fields are zero where it does not.
type Log struct {
	Release     string         // "6.12.117+deb12-amd64"
	CommandLine string         // as the kernel printed it
	Ramdisk     memmap.Range   // the initial ramdisk's pages
	FourLevel   bool           // the kernel ran with 4-level paging: "max_arch_pfn = 0x400000000"
	SetupData   []memmap.Range // setup_data nodes, head included: the kernel marks each in its map
	Boot        BootMessages   // what was printed before the kernel's first line
	Immovable   []memmap.Range // memory that the ACPI SRAT does not call hot-pluggable, in its order
}

// facts are the words behind which a line says something for Log.
var facts = []struct {
	words string
	take  func(log *Log, text string)
}{
	{"ommand line: ", (*Log).takeCommandLine},
	{"RAMDISK: ", (*Log).takeRamdisk},
	{"max_arch_pfn = ", (*Log).takePaging},
	{"e820: update ", (*Log).takeUpdate},
	{"SRAT: Node ", (*Log).takeNode},
}

// read keeps what line says.
func (log *Log) read(line []byte) {
	for _, fact := range facts {
		if text, found := after(line, fact.words); found {
			fact.take(log, text)
		}
	}
}

func (log *Log) takeCommandLine(text string) {
	if log.CommandLine == "" {
		log.CommandLine = text
	}
}

func (log *Log) takeRamdisk(text string) {
	if log.Ramdisk.Empty() {
		log.Ramdisk = parseRange(text)
	}
}

func (log *Log) takePaging(text string) {
	log.FourLevel = strings.HasPrefix(text, "0x400000000") // 2^46 bytes in pages
}

// takeUpdate keeps where setup_data lies. Kernels before v6.10 say it twice, once
// for each of two maps.
func (log *Log) takeUpdate(text string) {
	r := parseRange(text)
	if strings.Contains(text, "usable ==> usable") && !r.Empty() && !slices.Contains(log.SetupData, r) {
		log.SetupData = append(log.SetupData, r)
	}
}

// takeNode keeps memory that cannot be unplugged. Lines without "[mem", before v3.6,
// do not tell whether it can.
func (log *Log) takeNode(text string) {
	at := strings.Index(text, "[mem ")
	if at < 0 || strings.Contains(text, " hotplug") {
		return
	}
	if r := parseRange(text[at:]); !r.Empty() {
		log.Immovable = append(log.Immovable, r)
	}
}

// parseRange reads "[mem 0x7fe78000-0x7ffcffff]", or "37d0b000 - 37ff0000" with
// an exclusive end, as kernels before v3.6 print it.
func parseRange(text string) memmap.Range {
	c := cursor{line: text}
	inclusive := c.skip("[mem ")
	start, _ := c.hex()
	if !c.skip("-") {
		c.skip(" - ")
	}
	end, ok := c.hex()
	if inclusive {
		end++
	}
	r, err := memmap.NewRange(start, end)
	if err != nil || !ok {
		return memmap.Range{}
	}
	return r
}

// after returns what follows words in line.
func after(line []byte, words string) (string, bool) {
	_, rest, found := bytes.Cut(line, []byte(words))
	return string(rest), found
}
