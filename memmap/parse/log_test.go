package parse

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

// readText reads text with the form that is sniffed.
func readText(t *testing.T, text string) *Document {
	t.Helper()
	doc, err := Read("log", strings.NewReader(text), "")
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Lines in every notation that kernels have used, after the prefixes that people
// put before them.
func TestE820Notations(t *testing.T) {
	low := memmap.E820Entry{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM}
	typed := func(t memmap.E820Type) memmap.E820Entry { return memmap.E820Entry{Addr: 0x1000, Size: 0x1000, Type: t} }
	for _, c := range []struct {
		line  string
		label string
		want  memmap.E820Entry
	}{
		{" BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)", "BIOS-e820", low},
		{"[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable", "BIOS-e820", low},
		{"BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff]  System RAM", "BIOS-e820", low},
		{"BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff]  639   KB kernel usable RAM", "BIOS-e820", low},
		{"<6>[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable", "BIOS-e820", low},
		{"Nov  1 10:00:00 host kernel: [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable", "BIOS-e820", low},
		{"Nov 01 10:00:00 host kernel: BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable", "BIOS-e820", low},
		{"[Sat Nov  1 10:00:00 2025] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable", "BIOS-e820", low},
		{"> > BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable", "BIOS-e820", low},
		{"dmesg.txt:12:BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\r\r", "BIOS-e820", low},
		{"\x1b[32m[    0.000000] \x1b[0m\x1b[33mBIOS-e820: \x1b[0m[mem 0x0000000000000000-0x000000000009fbff] usable", "BIOS-e820", low},
		{"BIOS-e820: [mem 0x0000000000001000-0x0000000000001fff]    1.9 GB usable", "BIOS-e820", typed(memmap.E820RAM)},
		{"BIOS-e820: [mem 0x0000000000001000-0x0000000000001fff]    4   KB device reserved", "BIOS-e820", typed(memmap.E820Reserved)},
		{"user: [mem 0x0000000000001000-0x0000000000001fff] reserved", "user", typed(memmap.E820Reserved)},
		{" modified: 0000000000001000 - 0000000000002000 (ACPI data)", "modified", typed(memmap.E820ACPI)},
		{"extended: [mem 0x0000000000001000-0x0000000000001fff] ACPI NVS", "extended", typed(memmap.E820NVS)},
		{"reserve setup_data: [mem 0x0000000000001000-0x0000000000001fff] unusable", "reserve setup_data", typed(memmap.E820Unusable)},
		{"Xen: [mem 0x0000000000001000-0x0000000000001fff] persistent (type 7)", "Xen", typed(memmap.E820PMEM)},
		{"BIOS-e801: [mem 0x0000000000001000-0x0000000000001fff] persistent RAM (type 12)", "BIOS-e801", typed(memmap.E820PRAM)},
		{"BIOS-88: [mem 0x0000000000001000-0x0000000000001fff] soft reserved", "BIOS-88", typed(memmap.E820SoftReserved)},
		{" BIOS-e820: 0000000000001000 - 0000000000002000 type 20", "BIOS-e820", typed(20)},
		{" BIOS-e820: 0000000000001000 - 0000000000002000 (type 4294967295)", "BIOS-e820", typed(1<<32 - 1)},
		// What the kernel prints of an entry without a length, and of one that wraps around.
		{"BIOS-e820: [mem 0x0000000000001000-0x0000000000000fff] usable", "BIOS-e820", memmap.E820Entry{Addr: 0x1000, Type: memmap.E820RAM}},
		{"BIOS-e820: [mem 0xfffffffffffff000-0x0000000000000fff] usable", "BIOS-e820", memmap.E820Entry{Addr: ^uint64(0xfff), Size: 0x2000, Type: memmap.E820RAM}},
	} {
		doc := readText(t, "some other line\n"+c.line+"\n")
		want := []memmap.Map{{Kind: memmap.E820, Label: c.label, Entries: []memmap.E820Entry{c.want}, Lines: []int{2}}}
		if diff := cmp.Diff(want, doc.Maps); diff != "" || len(doc.Problems) > 0 {
			t.Errorf("%q: %v (-want +got):\n%s", c.line, doc.Problems, diff)
		}
	}
}

func TestEFINotations(t *testing.T) {
	const wb = memmap.EFIWB | memmap.EFIWT | memmap.EFIWC | memmap.EFIUC
	low := memmap.EFIDescriptor{Type: memmap.EFIConventional, Pages: 0x9f, Attr: wb}
	for _, c := range []struct {
		line  string
		label string
		want  memmap.EFIDescriptor
	}{
		{"EFI: mem00: type=7, attr=0xf, range=[0x0000000000000000-0x000000000009f000) (0MB)", labelEFI, low},
		{"efi: mem00: [Conventional Memory|   |  |  |  |   |WB|WT|WC|UC] range=[0x0000000000000000-0x000000000009f000) (0MB)", labelEFI, low},
		{"efi: mem00: [Conventional Memory|   |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x0000000000000000-0x000000000009efff] (0MB)", labelEFI, low},
		{"[    0.0] efi: mem00: [Conventional|   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x0000000000000000-0x000000000009efff] (0MB)", labelEFI, low},
		{"efi: mem00: [Conventional|attr=0x000000000000000f] range=[0x0000000000000000-0x000000000009efff] (0MB)", labelEFI, low},
		{"efi:   0x000000000000-0x00000009efff [Conventional|   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC]*", labelEFI, low},
		{"efi: mem07: [Memory Mapped I/O  |RUN|  |  |  |  |WP|  |   |  |  |  |UC] range=[0x00000000f8000000-0x00000000fbffffff] (64MB)", labelEFI,
			memmap.EFIDescriptor{Type: memmap.EFIMMIO, Phys: 0xf8000000, Pages: 0x4000, Attr: memmap.EFIRuntime | memmap.EFIWP | memmap.EFIUC}},
		{"efi: mem00: [Reserved    |   |  |  |  |  |  |  |  |  |  |   |  |  |  |  ] range=[0x0000000000000000-0x0000000000000fff] (0MB)", labelEFI,
			memmap.EFIDescriptor{Type: memmap.EFIReserved, Pages: 1}},
		{"efi: mem00: [Loader Data |RUN|HP|MR|CC|SP|NV|XP|RP|WP|RO|UCE|WB|WT|WC|UC] range=[0x0000000000000000-0x0000000000000fff] (0MB)", labelEFI,
			memmap.EFIDescriptor{Type: memmap.EFILoaderData, Pages: 1, Attr: 0x80000000001ff01f}},
		{"efi: mem00: [Reserved           |attr=0xc00000000000000f] range=[0x0000000000000000-0x0000000000001000) (0MB)", labelEFI,
			memmap.EFIDescriptor{Type: memmap.EFIReserved, Pages: 1, Attr: 0xc00000000000000f}},
		// With ten digits in the type the kernel's buffer has no room for the bracket.
		{"efi: mem00: [type=2147483648|   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC range=[0x0000000000001000-0x0000000000001fff] (0MB)", labelEFI,
			memmap.EFIDescriptor{Type: 1 << 31, Phys: 0x1000, Pages: 1, Attr: wb}},
		// No pages; and so many that only the size in MiB shows the upper bits.
		{"efi: mem00: [Boot Code   |   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x0000000000001000-0x0000000000000fff] (0MB)", labelEFI,
			memmap.EFIDescriptor{Type: memmap.EFIBootServicesCode, Phys: 0x1000, Attr: wb}},
		{"efi: mem00: [Boot Code   |   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x0000000000001000-0x0000000000001fff] (17592186044416MB)", labelEFI,
			memmap.EFIDescriptor{Type: memmap.EFIBootServicesCode, Phys: 0x1000, Pages: 1<<52 + 1, Attr: wb}},
		// Descriptors that the kernel drops, as efi_memmap_entry_valid() prints them:
		// no pages, too many, an end at 2^64, and a start so high that the end carries.
		{"efi: mem00: [Boot Code   |   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x0000000000001000-0x0000000000000000] (invalid)", labelInvalid,
			memmap.EFIDescriptor{Type: memmap.EFIBootServicesCode, Phys: 0x1000, Attr: wb}},
		{"efi: mem00: [Boot Code   |   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x0000000000001000-0x30000000000001fff] (invalid)", labelInvalid,
			memmap.EFIDescriptor{Type: memmap.EFIBootServicesCode, Phys: 0x1000, Pages: 3<<52 + 1, Attr: wb}},
		{"efi: mem00: [Boot Code   |   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0xfffffffffffff000-0xffffffffffffffff] (invalid)", labelInvalid,
			memmap.EFIDescriptor{Type: memmap.EFIBootServicesCode, Phys: 0xfffffffffffff000, Pages: 1, Attr: wb}},
		{"efi: mem00: [Boot Code   |   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0xfffffffffffff000-0x10000000000000fff] (invalid)", labelInvalid,
			memmap.EFIDescriptor{Type: memmap.EFIBootServicesCode, Phys: 0xfffffffffffff000, Pages: 2, Attr: wb}},
	} {
		doc := readText(t, c.line)
		want := []memmap.Map{{Kind: memmap.EFI, Label: c.label, Descriptors: []memmap.EFIDescriptor{c.want}, Lines: []int{1}}}
		if diff := cmp.Diff(want, doc.Maps); diff != "" || len(doc.Problems) > 0 {
			t.Errorf("%q: %v (-want +got):\n%s", c.line, doc.Problems, diff)
		}
	}
}

// Lines that mention maps without stating an entry.
func TestLinesThatAreNoEntries(t *testing.T) {
	const one = "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n"
	text := one + strings.Join([]string{
		"e820: update [mem 0x00000000-0x00000fff] usable ==> reserved",
		"e820: remove [mem 0x000a0000-0x000fffff] usable",
		"e820 update range: 0000000000000000 - 0000000000001000 (usable) ==> (reserved)",
		"e820: [mem 0x80000000-0xafffffff] available for PCI devices",
		"BIOS-e820: [gap 0x00000000000a0000-0x00000000000effff]",
		"BIOS-e820: [gap 0x00000000000a0000-0x00000000000effff]  320   KB ...",
		"the BIOS-e820: map below is wrong",
		"PM: hibernation: Registered nosave memory: [mem 0x00000000-0x00000fff]",
		"ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x0009ffff]",
		"  node   0: [mem 0x0000000000001000-0x000000000009efff]",
		"superuser: [mem 0x0000000000001000-0x0000000000001fff] usable",
		"sshd[1]: user: root",
		"efi: Remove mem30: MMIO range=[0xe0000000-0xefffffff] (256MB) from e820 map",
		"efi: Not removing mem38: MMIO range=[0xfec00000-0xfec00fff] (4KB) from e820 map",
		"efi: memattr:  0x7fe9d000-0x7feabfff [Runtime Code|RUN|  |  |  |  |  |  |  |  |RO|   |  |  |  |  ]",
		"efi: SMBIOS=0x7f9ac000 ACPI=0x7fb7e000 MEMATTR=0x7ea03018",
		"memblock_reserve: [0x0000000000001000-0x000000000009efff] setup_arch+0x1/0x2",
		" memory[0x0]\t[0x0000000000001000-0x000000000009efff], 0x000000000009e000 bytes flags: 0x0",
		"BS-code   0000000000000000-0000000000000fff 00000001      4KiB UC WC WT WB",
		"reserved  0000000000000000-0000000000000fff 00000001      4KiB UC WC WT WB",
		"00100000-bfffffff : System RAM",
		"  Reserved  :         65,664 Pages (268,959,744 Bytes)",
	}, "\n")
	doc := readText(t, text)
	if len(doc.Maps) != 1 || doc.Maps[0].Len() != 1 || len(doc.Problems) > 0 {
		t.Errorf("maps %+v, problems %v: want one entry", doc.Maps, doc.Problems)
	}
}

// A line that cannot be read is reported with its place, and hides no other.
func TestDamagedLinesAreProblems(t *testing.T) {
	const good = "BIOS-e820: [mem 0x0000000000001000-0x0000000000001fff] usable\n"
	for line, want := range map[string]string{
		"BIOS-e820: [mem 0x00000000":                                                      `log:2:28: expected a dash and the end of the range`,
		"BIOS-e820: [mem 0x0000000000000000-0x00000g00000":                                `log:2:44: expected ] after the range`,
		"BIOS-e820: [mem 0x0000000000000000-]":                                            `log:2:37: expected the end of the range as a hexadecimal number`,
		"BIOS-e820: [mem 0x0000000000000000-0x0000000000000fff] usab":                     `log:2:57: expected an e820 type such as usable, reserved, ACPI data or type 20`,
		"BIOS-e820: [mem 0x0000000000000000-0x0000000000000fff] type 4294967296":          `log:2:57: expected an e820 type such as usable, reserved, ACPI data or type 20`,
		"BIOS-e820: [mem 0x00000000000000000-0x0000000000000fff] usable":                  ``,
		"BIOS-e820: [mem 0x10000000000000000-0x0000000000000fff] usable":                  `log:2:18: expected an e820 range such as [mem 0x0000000000100000-0x00000000bfffffff]`,
		"efi: mem01: [Boot Kode |WB] range=[0x0000000000000000-0x0000000000000fff] (0MB)": `log:2:15: expected an EFI memory type such as Boot Data or type=20`,
		"efi: mem01: [Boot Code |WX] range=[0x0000000000000000-0x0000000000000fff] (0MB)": `log:2:25: expected columns of attributes such as |RUN|WB|WT|WC|UC, or |attr=0xf`,
		"efi: mem01: [Boot Code ] range=[0x0000000000000000-0x0000000000000fff] (0MB)":    `log:2:25: expected columns of attributes such as |RUN|WB|WT|WC|UC, or |attr=0xf`,
		"efi: mem01: [Boot Code |WB] range=[0x0000000000000000-0x0000000000000ffe] (0MB)": `log:2:75: expected a range of whole pages of 4096 bytes`,
		"efi: mem01: [Boot Code   |   |  |":                                               `log:2:15: expected the columns of the attributes and range=[`,
		"efi: mem01: type=7, range=[0x0000000000000000-0x0000000000001000) (0MB)":         `log:2:20: expected the number of an EFI memory type and its attr=`,
	} {
		doc := readText(t, good+" "+line+"\n"+good)
		got := ""
		if len(doc.Problems) > 0 {
			got = doc.Problems[0].Error()
		}
		if i := strings.Index(got, `: "`); i >= 0 {
			got = got[:i]
		}
		if got != want {
			t.Errorf("%q:\n got %q\nwant %q", line, got, want)
		}
		if n := doc.Maps[0].Len(); len(doc.Problems) == 1 && n != 2 {
			t.Errorf("%q: %d entries, want the two around it", line, n)
		}
	}
}

// Each boot, and each table of a boot, is a map of its own.
func TestMapsAreKeptApart(t *testing.T) {
	boot := func(release, end string) string {
		return "Linux version " + release + " (gcc)\nCommand line: root=/dev/" + release + " quiet\n" +
			"BIOS-provided physical RAM map:\n" +
			"BIOS-e820: [mem 0x0000000000000000-0x" + end + "] usable\n" +
			"extended physical RAM map:\n" +
			"reserve setup_data: [mem 0x0000000000000000-0x" + end + "] usable\n" +
			"efi: mem00: [Boot Code   |WB] range=[0x0000000000000000-0x0000000000000fff] (0MB)\n" +
			"efi: mem01: [Boot Code   |WB] range=[0x0000000000001000-0x0000000000001fff] (0MB)\n" +
			"RAMDISK: [mem 0x7fe78000-0x7ffcffff]\n" +
			"efi: EFI runtime memory map:\n" +
			"efi: mem00: [Runtime Code|RUN|WB] range=[0x0000000000000000-0x0000000000000fff] (0MB)\n"
	}
	doc := readText(t, boot("5.1", "000000000009fbff")+boot("6.2", "000000000009efff"))
	var got []string
	for _, m := range doc.Maps {
		got = append(got, strings.Join([]string{m.Label, strings.Repeat("+", m.Len())}, " "))
	}
	one := []string{"BIOS-e820 +", "reserve setup_data +", "efi ++", "efi-runtime +"}
	if diff := cmp.Diff(append(one, one...), got); diff != "" {
		t.Errorf("maps (-want +got):\n%s", diff)
	}
	want := Log{Release: "5.1", CommandLine: "root=/dev/5.1 quiet", Ramdisk: memmap.Range{Start: 0x7fe78000, End: 0x7ffd0000}}
	if diff := cmp.Diff(want, doc.Log); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// Without headings, an index that starts again begins a new map.
func TestIndexRestartBeginsAMap(t *testing.T) {
	const line = "efi: mem0%s: [Boot Code   |WB] range=[0x0000000000000000-0x0000000000000fff] (0MB)\n"
	text := ""
	for _, index := range []string{"0", "1", "3", "0", "1", "1"} {
		text += strings.Replace(line, "%s", index, 1)
	}
	doc := readText(t, text)
	var got []int
	for _, m := range doc.Maps {
		got = append(got, m.Len())
	}
	if diff := cmp.Diff([]int{3, 2, 1}, got); diff != "" {
		t.Errorf("lengths of the maps (-want +got):\n%s", diff)
	}
}

func TestOldRamdiskLine(t *testing.T) {
	doc := readText(t, "RAMDISK: 37d0b000 - 37ff0000\n BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)\n")
	if want := (memmap.Range{Start: 0x37d0b000, End: 0x37ff0000}); doc.Log.Ramdisk != want {
		t.Errorf("ramdisk %v, want %v", doc.Log.Ramdisk, want)
	}
}

// What a later boot says does not fill what the first one left open.
func TestLogIsThatOfTheFirstBoot(t *testing.T) {
	const boot = "Linux version 6.1 (gcc)\nBIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n"
	doc := readText(t, boot+boot+"Command line: quiet\nRAMDISK: [mem 0x7fe78000-0x7ffcffff]\n")
	if diff := cmp.Diff(Log{Release: "6.1"}, doc.Log); diff != "" || len(doc.Maps) != 2 {
		t.Errorf("%d maps, log (-want +got):\n%s", len(doc.Maps), diff)
	}
}

// The lines are those of real machines; the second one says whether memory can be
// unplugged, the last two do not.
func TestImmovableMemory(t *testing.T) {
	doc := readText(t, `[    0.000000] Linux version 6.12
[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
[    0.000000] ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x0009ffff]
[    0.000000] ACPI: SRAT: Node 0 PXM 0 [mem 0x100000000-0x2ffffffff] hotplug
[    0.000000] ACPI: SRAT: Node 0 PXM 0 [mem 0x100000000-0x17fdfffff] non-volatile
[    0.000000] SRAT: Node 1 PXM 1 [mem 0x880000000-0x107fffffff]
[    0.000000] SRAT: Node 0 PXM 0 100000-10000000
[    0.000000] SRAT: Node 0 [0,a0000) + [100000,40000000) -> [0,40000000)
`)
	want := []memmap.Range{{Start: 0, End: 0xa0000}, {Start: 0x100000000, End: 0x17fe00000}, {Start: 0x880000000, End: 0x1080000000}}
	if diff := cmp.Diff(want, doc.Log.Immovable); diff != "" {
		t.Error(diff)
	}
}

func TestLogTellsOfSetupDataAndPaging(t *testing.T) {
	const log = `[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable
[    0.000000] e820: update [mem 0x3de11018-0x3de1ac57] usable ==> usable
[    0.000000] e820: update [mem 0x3de11018-0x3de1ac57] usable ==> usable
[    0.000000] e820: update [mem 0x00000000-0x00000fff] usable ==> reserved
[    0.000000] last_pfn = 0x3fef4 max_arch_pfn = 0x400000000
`
	doc, err := Read("log", strings.NewReader(log), "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]memmap.Range{{Start: 0x3de11018, End: 0x3de1ac58}}, doc.Log.SetupData); diff != "" || !doc.Log.FourLevel {
		t.Errorf("setup_data %s, 4-level %v", diff, doc.Log.FourLevel)
	}
	five := strings.Replace(log, "0x400000000", "0x10000000000", 1)
	if doc, err = Read("log", strings.NewReader(five), ""); err != nil || doc.Log.FourLevel {
		t.Errorf("5-level paging taken for 4-level, or %v", err)
	}
}
