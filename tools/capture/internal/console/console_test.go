package console

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/tools/capture/internal/record"
)

// What OVMF and SeaBIOS send to a terminal, and what is left of it.
func TestClean(t *testing.T) {
	for serial, want := range map[string]string{
		"\x1b[2J\x1b[01;01H\x1b[=3h\x1b[2J\x1b[01;01HBdsDxe: loading Boot0003\r\n": "BdsDxe: loading Boot0003\n",
		"\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS (version 1.16.2)\r\n\x00":              "SeaBIOS (version 1.16.2)\n",
		"[    0.000000] [mem 0x0-0x9fbff] usable\n":                                "[    0.000000] [mem 0x0-0x9fbff] usable\n",
	} {
		if got := string(Clean([]byte(serial))); got != want {
			t.Errorf("%q became %q: expected %q", serial, got, want)
		}
	}
}

func TestFirmwareVersions(t *testing.T) {
	for text, want := range map[string]string{
		"SeaBIOS (version 1.16.2-debian-1.16.2-1)\nBooting from ROM...\n":                        "1.16.2-debian-1.16.2-1",
		"[    0.000000] DMI: LENOVO 20XW/20XW, BIOS N32ET75W (1.51 ) 12/02/2021\n[    0.1] more": "N32ET75W (1.51 ) 12/02/2021",
		"nothing": "",
	} {
		if got := FirmwareVersion([]byte(text)); got != want {
			t.Errorf("%q: got %q: expected %q", text, got, want)
		}
	}
}

func TestRelease(t *testing.T) {
	text := "EFI stub: Loaded initrd\n[    0.000000] Linux version 6.12.117+deb12-amd64 (debian-kernel@lists.debian.org)\n"
	if got := Release([]byte(text)); got != "6.12.117+deb12-amd64" {
		t.Errorf("got %q", got)
	}
}

// The lines of the recorded boot bios-q35-2g-612-hotplug-slots.
func TestImmovable(t *testing.T) {
	got := Immovable([]string{
		"ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x0009ffff]",
		"ACPI: SRAT: Node 0 PXM 0 [mem 0x00100000-0x7fffffff]",
		"ACPI: SRAT: Node 0 PXM 0 [mem 0x100000000-0x2ffffffff] hotplug",
	})
	want := []record.Range{{Start: 0, End: 0x9ffff}, {Start: 0x100000, End: 0x7fffffff}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Lines of the kernel between those of the report, and a dmesg that tells who printed.
func TestLinesBetweenLines(t *testing.T) {
	facts, err := Facts("log", []byte(`[    0.000000][    T0] Linux version 6.12.0
[    0.000000][    T0] e820: update [mem 0x00000000-0x00000fff] usable ==> reserved
=== REPORT ===
=== CMDLINE ===
[    2.597983] tsc: Refined TSC clocksource calibration: 2299.976 MHz
nokaslr quiet
=== MEMINFO ===
MemTotal:        2021660 kB
[    2.597999][  T123] more
=== END ===
[    4.117766] reboot: Power down
`))
	if err != nil {
		t.Fatal(err)
	}
	if facts.CommandLineSeen == nil || *facts.CommandLineSeen != "nokaslr quiet" || !facts.KASLR.Off {
		t.Errorf("got %v, nokaslr %v", facts.CommandLineSeen, facts.KASLR.Off)
	}
	if facts.MemTotalKB == nil || *facts.MemTotalKB != 2021660 {
		t.Errorf("got %v", facts.MemTotalKB)
	}
	if diff := cmp.Diff([]string{"e820: update [mem 0x00000000-0x00000fff] usable ==> reserved"}, facts.E820Changes); diff != "" {
		t.Error(diff)
	}
}

func TestDamagedMapIsAnError(t *testing.T) {
	text := "Linux version 6.1\nBIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\nBIOS-e820: [mem 0x00000000000f0000-0x0000zz\n"
	if _, err := Facts("serial.log", []byte(text)); err == nil || !strings.Contains(err.Error(), "serial.log:3") {
		t.Errorf("got %v: expected the file and the line", err)
	}
}

func TestNothing(t *testing.T) {
	facts, err := Facts("log", nil)
	if err != nil {
		t.Fatal(err)
	}
	if facts.Ramdisk != nil || facts.BootParams != nil || facts.Placement != nil || len(facts.E820) != 0 {
		t.Errorf("got %+v", facts)
	}
}

func FuzzFacts(f *testing.F) {
	f.Add([]byte("RAMDISK: [mem 0x\n=== REPORT ===\n=== KFACTS ===\nfe0: 00 ff\nval a 0x\n"))
	f.Add([]byte(`EFI stub: Loaded initrd
Available  0000000000001000-000000000009FFFF 000000000000009F 000000000000000F
[    0.000000] Linux version 6.1
[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
[    0.000000] efi: mem00: [Boot Code   |   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x0000000000000000-0x0000000000000fff] (0MB)
[    0.000000] Move RAMDISK from [mem 0x7fe88000-0x7ffdfcf5] to [mem 0x2b628000-0x2b77fcf5]
[    0.000000] memblock_reserve: [0x0000000038e00000-0x0000000038e10fff] setup_arch+0x792/0xd40
=== REPORT ===
=== IOMEM ===
  36600000-37401ef1 : Kernel code
=== KFACTS ===
val phys_base 0xca00000
sym _text 0xffffffffa9c00000
1e0: 80fb1f00 0d001000 07000000 00000000 00270100 20820d00 0000ffff 000055aa
=== END ===
`))
	f.Fuzz(func(_ *testing.T, text []byte) {
		_, _ = Facts("log", Clean(text)) // must not panic
	})
}
