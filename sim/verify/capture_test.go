package verify

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

// TestUnreadable: what is no recording is refused with the place and what was expected.
func TestUnreadable(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "f: empty: expected a capture or a log of a boot",
		" \n":                      "f: empty: expected a capture or a log of a boot",
		"hello":                    "f: no recording of a boot: expected JSON with name and kernel, a list of cases, or a log with \"Linux version\" or \"EFI stub:\" in it",
		`{}`:                       "f: no recording of a boot: expected JSON with name and kernel, a list of cases, or a log with \"Linux version\" or \"EFI stub:\" in it",
		"{\n\"name\": \"a\",\n}":   "f:3: invalid character '}' looking for beginning of object key string",
		"{\"name\": \"a\"":         "f:1: unexpected end of JSON input",
		"{\"name\":\n7}":           "f:2: name: expected a string, got number",
		`{"name":"a","kernel":[]}`: "f:1: kernel: expected an object, got array",
		`{"name":"a","placement":{"kernel_phys_base":"zz"}}`:                                                    `f: "zz": expected a 64-bit number such as 0x1000`,
		`{"name":"a","e820":[{"start":"0x0","end":"0xfff","type":"soup"}]}`:                                     `f: "soup": expected an e820 type such as usable or type 20`,
		`{"name":"a","efi_map_after":[{"start":"0x0","end":"0xfff","type":"soup"}]}`:                            `f: "soup": expected an EFI memory type such as Boot Data`,
		`{"name":"a","efi_map_after":[{"start":"0x0","end":"0xffe","type":"Boot Data"}]}`:                       "f: 0x0 to 0xffe: expected whole pages of 4096 bytes",
		`{"name":"a","efi_map_after":[{"start":"0x0","end":"0xfff","type":"Boot Data","attributes":["soup"]}]}`: `f: "soup": expected an EFI memory attribute such as WB`,
		`{"name":"a","ramdisk":{"range_printed":["0x1"]}}`:                                                      `f: ["0x1"]: expected the first and the last address of a range`,
		`{"name":"a","ramdisk":{"range_printed":["0x2","0xffffffffffffffff"]}}`:                                 "f: 0x2 to 0xffffffffffffffff: expected a range that ends below 2^64",
		`{"name":"a","ramdisk":{"range_printed":["0x2","0x0"]}}`:                                                "f: 0x2 to 0x1: range ends before it starts",
		`[]`:                      "f: no recording of a boot: expected JSON with name and kernel, a list of cases, or a log with \"Linux version\" or \"EFI stub:\" in it",
		`[{"name":"a"}]`:          "f: case 1: no recording of a boot: expected JSON with name and kernel, a list of cases, or a log with \"Linux version\" or \"EFI stub:\" in it",
		`[{"slot_areas":7}]`:      "f: case 1: slot_areas: expected a list, got number",
		`[{"trampoline_base":7}]`: "f: case 1: trampoline_base: expected a string, got number",
	} {
		_, err := ReadBoots("f", []byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
	if _, err := ReadBoots("f", []byte(`{"setup_header": {}}`)); !errors.Is(err, ErrNoCapture) {
		t.Errorf("facts about a kernel: %v", err)
	}
}

// TestLogCapture reads from a log what stands in it, and tells what is missing.
func TestLogCapture(t *testing.T) {
	const log = "iPXE 1.0.0\n" +
		"[    0.000000] Linux version 6.12.117+deb12-amd64 (x)\r\n" +
		"[    0.000000] Command line: nokaslr\n" +
		"[    0.000000] BIOS-e820: [mem 0x0000000000001000-0x000000000009ffff] usable\n" +
		"[    0.000000] e820: update [mem 0x00001018-0x00002000] usable ==> usable\n" +
		"[    0.000000] last_pfn = 0x3ffe0 max_arch_pfn = 0x400000000\n" +
		"[    0.000000] Using GB pages for direct mapping\n" +
		"[    0.000000][    T0] RAMDISK: [mem 0x3fe88000-0x3ffdffff]\n" +
		"00001000-0009ffff : System RAM\n" +
		"  00002000-00002fff : Kernel code\n"
	boots, err := ReadBoots("dir/boot.log", []byte(log))
	if err != nil {
		t.Fatal(err)
	}
	c := boots[0].(*Capture)
	type facts struct {
		Name, Release, Cmdline, Loader string
		E820                           []printedEntry
		Ramdisk, Code, SetupData       memmap.Range
		Five, GB                       bool
		Lacks                          []string
	}
	got := facts{
		c.Name, c.Kernel.Release, c.cmdline(), c.loader(), c.E820, c.Ramdisk.Printed.Range, c.KernelPhysical.Code.Range,
		c.setupDataPlaces()[0], c.fiveLevels(), c.hasGBPages(), c.Lacks,
	}
	want := facts{
		"boot", "6.12.117+deb12-amd64", "nokaslr", "ipxe",
		[]printedEntry{{Addr: 0x1000, Size: 0x9f000, Type: memmap.E820RAM}},
		memmap.Range{Start: 0x3fe88000, End: 0x3ffe0000}, memmap.Range{Start: 0x2000, End: 0x3000},
		memmap.Range{Start: 0x1018, End: 0x2001}, false, true,
		[]string{"nothing of memblock in the log: memblock=debug makes the kernel print it"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestDamagedMap: a map of which a line cannot be read is left out, and the report says so.
func TestDamagedMap(t *testing.T) {
	const log = "Linux version 6.12.117+deb12-amd64 (x)\n" +
		"BIOS-e820: [mem 0x0000000000001000-0x000000000009ffff] usable\n" +
		"BIOS-e820: [mem 0x00000000000a0000-0x000x0000000fffff] reserved\n" +
		"RAMDISK: [mem 0x3fe88000-0x3ffdffff]\n"
	r := verifyAll(t, "f.log", []byte(log), profiles(t))[0]
	if len(r.Notes) == 0 || !strings.HasPrefix(r.Notes[0], "maps left out, part of which cannot be read: f.log:3:") || r.Equal+r.Differ != 0 {
		t.Errorf("%+v", r)
	}
}

// TestMissing: a boot of which something is needed that is not there tells what, and
// counts its facts as not predicted.
func TestMissing(t *testing.T) {
	const log = "[    0.000000] Linux version 9.9.9-mine (x)\n[    0.000000] BIOS-e820: [mem 0x0000000000001000-0x000000000009ffff] usable\n"
	r := verifyAll(t, "f.log", []byte(log), profiles(t))[0]
	if r.NotPredicted != len(r.Facts) || r.NotPredicted == 0 || r.Facts[0].Reason != "no facts about kernel 9.9.9-mine: its image is needed (--kernel)" {
		t.Errorf("%+v", r)
	}
}

// TestNeverStarted: of a boot whose firmware found nothing to start, nothing is predicted.
func TestNeverStarted(t *testing.T) {
	const recorded = `{"name": "none", "capture": {"reached_userspace": false}, "firmware": {"kind": "OVMF"},
		"kernel": {"file": "vmlinuz", "version": "6.1.0-56-amd64"},
		"boot_messages": ["BdsDxe: failed to load Boot0002: Not Found"]}`
	r := verifyAll(t, "none.json", []byte(recorded), profiles(t))[0]
	if r.Differ != 0 || r.NotPredicted != len(r.Facts) || r.NotPredicted == 0 || !strings.HasPrefix(r.Facts[0].Reason, "nothing in the recording shows") {
		t.Errorf("%+v", r)
	}
}

// TestNoMap: a boot without a map is predicted from that of another machine only if that
// has as much RAM. The first is a boot that was recorded with 96 MiB.
func TestNoMap(t *testing.T) {
	const recorded = `{"name": "none", "capture": {"reached_userspace": false}, "firmware": {"kind": "OVMF"}, "ram_option": "RAM",
		"kernel": {"file": "vmlinuz", "version": "6.12.117+deb12-cloud-amd64"},
		"boot_messages": ["EFI stub: ERROR: Failed to decompress kernel", "EFI stub: ERROR: efi_stub_entry() failed!"]}`
	for ram, reason := range map[string]string{"96M": noEFIMap, "2G": ""} {
		r := verifyAll(t, "none.json", []byte(strings.Replace(recorded, "RAM", ram, 1)), profiles(t))[0]
		if len(r.Facts) == 0 || r.Facts[0].Reason != reason {
			t.Errorf("%s: %+v", ram, r)
		}
	}
}
