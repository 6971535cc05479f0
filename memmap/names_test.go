package memmap

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The codes and names are those of ACPI 6.5, table 15.4, and of kernel logs.
func TestE820TypeNames(t *testing.T) {
	for code, want := range map[E820Type]string{
		0: "type 0", 1: "usable", 2: "reserved", 3: "ACPI data", 4: "ACPI NVS", 5: "unusable",
		6: "type 6", 7: "persistent (type 7)", 12: "persistent (type 12)", 20: "type 20",
		128: "usable", 0xefffffff: "soft reserved", 0xffffffff: "type 4294967295",
	} {
		if code.String() != want {
			t.Errorf("type %d is %q, want %q", uint32(code), code, want)
		}
	}
}

// The codes are those of UEFI 2.10, 7.2; the names are those of kernel logs.
func TestEFITypeNames(t *testing.T) {
	for code, want := range map[EFIType]string{
		0: "Reserved", 1: "Loader Code", 2: "Loader Data", 3: "Boot Code", 4: "Boot Data",
		5: "Runtime Code", 6: "Runtime Data", 7: "Conventional", 8: "Unusable", 9: "ACPI Reclaim",
		10: "ACPI Mem NVS", 11: "MMIO", 12: "MMIO Port", 13: "PAL Code", 14: "Persistent",
		15: "Unaccepted", 16: "type 16", 0x80000000: "type 2147483648", 0xffffffff: "type 4294967295",
	} {
		if code.String() != want {
			t.Errorf("type %d is %q, want %q", uint32(code), code, want)
		}
	}
}

// The bits are those of UEFI 2.10, 7.2.3; the order is that of the columns of
// "efi: mem00: [Conventional|RUN|HP|MR|CC|SP|NV|XP|RP|WP|RO|UCE|WB|WT|WC|UC]".
func TestEFIAttrNames(t *testing.T) {
	order := []string{"RUN", "HP", "MR", "CC", "SP", "NV", "XP", "RP", "WP", "RO", "UCE", "WB", "WT", "WC", "UC"}
	bits := map[string]uint{
		"UC": 0, "WC": 1, "WT": 2, "WB": 3, "UCE": 4, "WP": 12, "RP": 13, "XP": 14, "NV": 15,
		"MR": 16, "RO": 17, "SP": 18, "CC": 19, "HP": 20, "RUN": 63,
	}
	var all EFIAttr
	for _, name := range order {
		bit := EFIAttr(1) << bits[name]
		all |= bit
		if got, ok := ParseEFIAttr(name); !ok || got != bit {
			t.Errorf("%s is %#x, want %#x", name, uint64(got), uint64(bit))
		}
	}
	if diff := cmp.Diff(order, all.Names()); diff != "" {
		t.Error(diff)
	}
	if _, ok := ParseEFIAttr("wb"); ok {
		t.Error("names are upper case")
	}
}

func TestEFIAttrText(t *testing.T) {
	for attr, want := range map[EFIAttr]string{
		0: "", 0xf: "WB|WT|WC|UC", 0x800000000000000f: "RUN|WB|WT|WC|UC", 1 << 62: "0x4000000000000000", 0x28: "WB|0x20",
	} {
		if attr.String() != want {
			t.Errorf("%#x is %q, want %q", uint64(attr), attr, want)
		}
	}
}

// No bit may be lost on the way to text.
func TestEFIAttrNamesAreComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		attr := EFIAttr(rapid.Uint64().Draw(t, "attr"))
		var named, known EFIAttr
		for _, n := range efiAttrNames {
			known |= n.bit
		}
		for _, name := range attr.Names() {
			bit, _ := ParseEFIAttr(name)
			named |= bit
		}
		if named != attr&known {
			t.Fatalf("%#x names %#x only", uint64(attr), uint64(named))
		}
	})
}
