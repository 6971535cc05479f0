package sim_test

import (
	"testing"

	"bootplan/sim"
)

// TestFirmwareNames: a profile is read back from the name that it prints.
func TestFirmwareNames(t *testing.T) {
	for text, want := range map[string]sim.FirmwareProfile{
		"edk2-stable202211":      {},
		"u-boot":                 {Kind: sim.UBoot},
		"edk2-stable202502,ia32": {Kind: sim.EDK2Stable202502, IA32: true},
		"edk2-stable202605,la57": {Kind: sim.EDK2Stable202605, Paging: sim.FiveLevels},
		"bottom-up,la57-boot":    {Kind: sim.BottomUp, Paging: sim.FiveLevelsUntilExit},
	} {
		got, err := sim.ParseFirmware(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%q: read as %v, %v, which prints %q", text, got, err, got.String())
		}
	}
}
