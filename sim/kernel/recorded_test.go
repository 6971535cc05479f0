package kernel_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/memmap/parse"
	"bootplan/sim/kernel"
	"bootplan/trampoline"
)

// hex is a number as recordings state it.
type hex uint64

func (h *hex) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 0, 64)
	*h = hex(n)
	return err
}

// recorded is what a recording of a real boot states.
type recorded struct {
	Name     string
	Firmware struct{ Kind string }
	Kernel   struct{ Version string }
	Cmdline  string `json:"kernel_cmdline_seen"`
	Capture  struct {
		Userspace bool `json:"reached_userspace"`
	}
	Symbols   map[string]hex
	Values    map[string]hex `json:"kernel_values"`
	Placement struct {
		Phys hex `json:"kernel_phys_base"`
	}
	BootParams struct {
		RamdiskImage hex    `json:"ramdisk_image"`
		RamdiskSize  hex    `json:"ramdisk_size"`
		SetupData    hex    `json:"setup_data"`
		TypeOfLoader hex    `json:"type_of_loader"`
		AltMemK      uint32 `json:"alt_mem_k"`
		Signature    string `json:"efi_loader_signature"`
		DescSize     uint64 `json:"efi_memdesc_size"`
		EFIMap       hex    `json:"efi_memmap"`
		EFIMapSize   uint64 `json:"efi_memmap_size"`
		E820         []struct {
			Addr, Size hex
			Type       memmap.E820Type
		} `json:"e820_table"`
	} `json:"boot_params"`
	SetupDataTypes []string `json:"setup_data_types"`
	RealMode       struct {
		Phys, Size hex
	} `json:"real_mode_trampoline"`
	Configuration []string `json:"memblock_configuration"`
	IOMem         []string
	Debugger      struct {
		EBDA    hex    `json:"bda_ebda_segment_40e"`
		BaseKiB uint16 `json:"bda_base_memory_kb_413"`
	}

	log []string // what the kernel printed, without time stamps and offsets in functions
}

// stamp is the time in front of a line of a kernel's log; offset is where in a
// function its caller is, which differs from build to build.
var (
	stamp  = regexp.MustCompile(`^\[ *\d+\.\d+\] `)
	offset = regexp.MustCompile(`\+0x[0-9a-f]+/0x[0-9a-f]+$`)
)

// readLog returns the lines of a kernel's log.
func readLog(t *testing.T, path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if at := stamp.FindStringIndex(line); at != nil {
			lines = append(lines, offset.ReplaceAllString(line[at[1]:], ""))
		}
	}
	return lines
}

// forEachBoot runs check for every recorded boot that reached user space on x86.
func forEachBoot(t *testing.T, check func(t *testing.T, r *recorded)) {
	own, err := filepath.Glob("../design/testdata/boots/*.json")
	if err != nil || len(own) == 0 {
		t.Fatal("the copied boots are missing", err)
	}
	shared, err := filepath.Glob("../../../shared/boots/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(shared) == 0 {
		t.Log("../shared/boots is missing: only the copied boots are checked")
	}
	for _, file := range append(own, shared...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r recorded
		if json.Unmarshal(text, &r) != nil || !r.Capture.Userspace || r.Kernel.Version == "" {
			continue // no boot, one that ended early, or another architecture
		}
		t.Run(r.Name, func(t *testing.T) {
			r.log = readLog(t, strings.TrimSuffix(file, ".json")+".log")
			check(t, &r)
		})
	}
}

// handover is what the recording says that boot code left. Where tables of the
// firmware are, which no memory map tells, is taken from the log: the MP table, the
// EFI memory attributes table and the boot logo.
func (r *recorded) handover(t *testing.T) *kernel.Handover {
	version, err := linux.ParseVersion(r.Kernel.Version)
	if err != nil {
		t.Fatal(err)
	}
	bp := r.BootParams
	h := &kernel.Handover{
		Version: version, Image: r.image(version), Cmdline: r.Cmdline, TypeOfLoader: uint8(bp.TypeOfLoader),
		Initrd:    memmap.Range{Start: uint64(bp.RamdiskImage), End: uint64(bp.RamdiskImage + bp.RamdiskSize)},
		SetupData: r.setupData(t), EFI: r.efi(t), BIOS: linux.BIOSWords{BaseKiB: r.Debugger.BaseKiB, EBDASegment: uint16(r.Debugger.EBDA)},
		CPU:     kernel.CPU{LA57: r.Values["__pgtable_l5_enabled"] == 1, GBPages: slices.Contains(r.log, "Using GB pages for direct mapping")},
		MPTable: r.reservedBy("smp_scan_config"),
		Regions: func(uint64) kaslr.Regions {
			v := r.Values
			return kaslr.Regions{PageOffset: uint64(v["page_offset_base"]), Vmalloc: uint64(v["vmalloc_base"]), Vmemmap: uint64(v["vmemmap_base"])}
		},
	}
	for _, e := range bp.E820 {
		h.Memory.Table = append(h.Memory.Table, memmap.E820Entry{Addr: uint64(e.Addr), Size: uint64(e.Size), Type: e.Type})
	}
	h.Memory.AltMemK = bp.AltMemK
	return h
}

// image is the kernel, laid out as its symbols say.
func (r *recorded) image(v linux.Version) kernel.Image {
	at := func(symbol string) uint64 { return uint64(r.Symbols[symbol] - r.Symbols["_text"]) }
	return kernel.Image{
		Phys: uint64(r.Placement.Phys), BrkUsed: uint64(r.Values["_brk_end"] - r.Symbols["__brk_base"]), RealModeSize: trampoline.RealModeSize(v),
		Layout: image.Layout{
			TextEnd: at("_etext"), RodataStart: at("__start_rodata"), RodataEnd: at("__end_rodata"), DataStart: at("_sdata"), DataEnd: at("_edata"),
			BSSStart: at("__bss_start"), BSSEnd: at("__bss_stop"), BrkStart: at("__brk_base"), End: at("_end"),
		},
	}
}

// setupData is the only node that these boots have: the ROM of the graphics card.
func (r *recorded) setupData(t *testing.T) []kernel.SetupData {
	if r.BootParams.SetupData == 0 {
		return nil
	}
	for _, line := range r.SetupDataTypes {
		words := strings.Fields(line)
		if len(words) == 5 && strings.HasSuffix(words[0], "/setup_data/0") {
			kind, err1 := strconv.ParseUint(words[2], 0, 32)
			size, err2 := strconv.ParseUint(words[4], 0, 32)
			if err1 != nil || err2 != nil {
				t.Fatal(line)
			}
			return []kernel.SetupData{{SetupDataNode: memmap.SetupDataNode{Addr: uint64(r.BootParams.SetupData), Type: uint32(kind), Len: uint32(size)}}}
		}
	}
	t.Fatalf("setup_data at %#x, but no type and length in %q", r.BootParams.SetupData, r.SetupDataTypes)
	return nil
}

// efi is the map that the boot left, as the kernel printed it with efi=debug.
func (r *recorded) efi(t *testing.T) *kernel.EFI {
	if r.BootParams.Signature == "" {
		return nil
	}
	doc, err := parse.Read(r.Name, strings.NewReader(strings.Join(r.log, "\n")), parse.KernelLog)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range doc.Maps {
		if m.Kind == memmap.EFI && uint64(m.Len())*r.BootParams.DescSize == r.BootParams.EFIMapSize {
			e := &kernel.EFI{MapAddr: uint64(r.BootParams.EFIMap), DescSize: r.BootParams.DescSize, Descriptors: m.Descriptors}
			for _, table := range r.reservedBy("efi_memattr_init") {
				e.MemAttr = table
			}
			e.Kept = r.kept()
			return e
		}
	}
	t.Fatal("no EFI map in the log")
	return nil
}

var reservation = regexp.MustCompile(`^_*memblock_reserve: \[(0x[0-9a-f]+)-(0x[0-9a-f]+)\].* (\w+)$`)

// reservedBy are the ranges that a function reserved.
func (r *recorded) reservedBy(function string) []memmap.Range {
	var ranges []memmap.Range
	for _, line := range r.log {
		if m := reservation.FindStringSubmatch(line); m != nil && m[3] == function {
			ranges = append(ranges, inclusive(m[1], m[2]))
		}
	}
	return ranges
}

var update = regexp.MustCompile(`^e820: update \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\] (usable|System RAM) ==> `)

// kept is what the e820 map lost to drivers after the initrd was settled.
func (r *recorded) kept() []memmap.Range {
	var ranges []memmap.Range
	settled := slices.IndexFunc(r.log, func(line string) bool { return strings.HasPrefix(line, "RAMDISK:") })
	for _, line := range r.log[max(settled, 0):] {
		if m := update.FindStringSubmatch(line); m != nil {
			ranges = append(ranges, inclusive(m[1], m[2]))
		}
	}
	return ranges
}

func inclusive(first, last string) memmap.Range {
	a, err1 := strconv.ParseUint(first, 0, 64)
	b, err2 := strconv.ParseUint(last, 0, 64)
	if err1 != nil || err2 != nil {
		panic("the pattern admits numbers only")
	}
	return memmap.Range{Start: a, End: b + 1}
}
