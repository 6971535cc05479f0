package sim

import (
	"fmt"
	"slices"
	"strings"

	"bootplan/alloc"
)

// FirmwareKind is a release of EFI firmware, or a firmware that stands for another way
// to hand out memory.
type FirmwareKind uint8

// The kinds, EDK2's releases in the order of time.
const (
	EDK2Stable202211   = FirmwareKind(alloc.EDK2Stable202211) // Debian 12
	EDK2Stable202502   = FirmwareKind(alloc.EDK2Stable202502) // Debian 13
	EDK2Stable202605   = FirmwareKind(alloc.EDK2Stable202605)
	EDK2Master20260806 = FirmwareKind(alloc.EDK2Master20260806)

	UBoot    = EDK2Master20260806 + 1 // U-Boot before 2025
	BottomUp = UBoot + 1              // no product: the lowest free place first
)

var firmwareNames = [...]string{
	EDK2Stable202211: alloc.EDK2Stable202211.String(), EDK2Stable202502: alloc.EDK2Stable202502.String(),
	EDK2Stable202605: alloc.EDK2Stable202605.String(), EDK2Master20260806: alloc.EDK2Master20260806.String(),
	UBoot: "u-boot", BottomUp: "bottom-up",
}

func (k FirmwareKind) String() string { return firmwareNames[k] }

// EDK2 reports whether k is a release of EDK2.
func (k FirmwareKind) EDK2() bool { return k < UBoot }

// FirmwareProfile is the EFI firmware that a machine has.
type FirmwareProfile struct {
	Kind FirmwareKind
	IA32 bool // 32-bit code: it uses no memory above 4 GiB, and is called with paging off

	Paging Paging
}

// Paging is how many levels the page tables of 64-bit firmware have.
type Paging uint8

// The kinds of page tables.
const (
	FourLevels          Paging = iota
	FiveLevels                 // as EDK2 has with PcdUse5LevelPageTable
	FiveLevelsUntilExit        // it goes back to four when boot services end
)

// variants are what can stand behind the name of a kind.
var variants = map[string]FirmwareProfile{
	"": {}, "ia32": {IA32: true}, "la57": {Paging: FiveLevels}, "la57-boot": {Paging: FiveLevelsUntilExit},
}

// String is the form that ParseFirmware reads.
func (p FirmwareProfile) String() string {
	for name, v := range variants {
		if v.Kind = p.Kind; v == p && name != "" {
			return p.Kind.String() + "," + name
		}
	}
	return p.Kind.String()
}

// Firmwares lists the names of all kinds of firmware.
func Firmwares() []string { return slices.Clone(firmwareNames[:]) }

// ParseFirmware reads the name of a kind, with ",ia32" behind it for 32-bit firmware,
// ",la57" for one that uses 5-level paging, ",la57-boot" if it does until boot services end.
func ParseFirmware(text string) (FirmwareProfile, error) {
	name, variant, _ := strings.Cut(text, ",")
	kind := slices.Index(firmwareNames[:], name)
	if kind < 0 {
		return FirmwareProfile{}, fmt.Errorf("firmware %q: expected one of %s", name, strings.Join(firmwareNames[:], ", "))
	}
	profile, ok := variants[variant]
	if !ok {
		return FirmwareProfile{}, fmt.Errorf("firmware %q: expected ia32, la57, la57-boot, or nothing, behind the comma", text)
	}
	profile.Kind = FirmwareKind(kind)
	return profile, nil
}
