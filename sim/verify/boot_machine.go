package verify

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/trampoline"
)

// firmwareProfile is the newest release of EDK2 that is not newer than the recorded
// firmware, whose version reads like "edk2 2025.02 (Debian …)".
func (c *Capture) firmwareProfile() sim.FirmwareProfile {
	p := sim.FirmwareProfile{IA32: c.isMixed()}
	_, version, _ := strings.Cut(c.Firmware.Version, "edk2 ")
	for _, release := range []struct {
		since string
		kind  sim.FirmwareKind
	}{
		{"2025.02", sim.EDK2Stable202502}, {"2026.05", sim.EDK2Stable202605}, {"2026.08", sim.EDK2Master20260806},
	} {
		if version >= release.since {
			p.Kind = release.kind
		}
	}
	return p
}

// isMixed reports whether the firmware was a 32-bit one.
func (c *Capture) isMixed() bool {
	return c.MixedMode != nil || strings.HasPrefix(c.Firmware.Build, "OVMF32") || c.BootParams != nil && c.BootParams.Signature == "EL32"
}

// policy is how the recorded firmware protected memory.
func (c *Capture) policy() (sim.Policy, error) {
	const nxData, protectAll = 0xc000000000007fd5, 3
	name := "ovmf"
	switch c.Firmware.NX {
	case 0:
	case nxData:
		name = "edk2-nx"
	default:
		return sim.Policy{}, fmt.Errorf("the firmware's NX policy is %#x: only 0 and %#x are known", uint64(c.Firmware.NX), uint64(nxData))
	}
	if c.Firmware.NX != 0 && c.Firmware.Image == protectAll {
		name += "-image"
	}
	if strings.HasPrefix(c.Firmware.Attribute, "installed") {
		name += "-attr"
	}
	return sim.PolicyNamed(name)
}

// fiveLevelModels are QEMU's CPU models that know 5-level paging.
// Source: QEMU target/i386/cpu.c (v10.0).
var fiveLevelModels = []string{"max", "Icelake-Server", "SapphireRapids", "GraniteRapids", "SierraForest", "ClearwaterForest", "EPYC-Genoa", "EPYC-Turin"}

// hasLA57 reports whether the CPU can do 5-level paging: by its model, or where that
// is not known, because the kernel used it.
func (c *Capture) hasLA57() bool {
	if c.CPU == "" {
		return c.fiveLevels()
	}
	return fiveLevelCPU(c.CPU)
}

// fiveLevelCPU reports whether a CPU as QEMU's -cpu names it can do 5-level paging: by
// its model and the options behind it.
func fiveLevelCPU(cpu string) bool {
	model, options, _ := strings.Cut(cpu, ",")
	can := slices.ContainsFunc(fiveLevelModels, func(m string) bool { return strings.HasPrefix(model, m) })
	for _, o := range strings.Split(options, ",") {
		switch o {
		case "la57=on", "+la57", "la57":
			can = true
		case "la57=off", "-la57":
			can = false
		}
	}
	return can
}

// smallPageModels are QEMU's CPU models without pages of 1 GiB.
// Source: QEMU target/i386/cpu.c (v10.0).
var smallPageModels = []string{"qemu64", "kvm64", "core2duo", "Conroe", "Penryn", "Nehalem", "Westmere", "SandyBridge", "IvyBridge", "Haswell", "Broadwell", "Skylake-Client", "Opteron_G1", "Opteron_G2", "Opteron_G3"}

// hasGBPages reports whether the CPU knows pages of 1 GiB.
func (c *Capture) hasGBPages() bool {
	model, _, _ := strings.Cut(c.CPU, ",")
	if model == "" {
		return c.GBPages
	}
	return !slices.ContainsFunc(smallPageModels, func(m string) bool { return strings.HasPrefix(model, m) })
}

// biosWords are the words of the BIOS data area. OVMF leaves zeros there.
func (c *Capture) biosWords() linux.BIOSWords {
	words := linux.BIOSWords{BaseKiB: c.Debugger.BaseKiB, EBDASegment: uint16(c.Debugger.EBDASegment)}
	if words == (linux.BIOSWords{}) && !c.isEFI() {
		return trampoline.LikelyWords(c.e820AtEntry())
	}
	return words
}

// ram is where QEMU's machines have their RAM; nil where that is not known.
// Source: QEMU hw/i386/pc_piix.c:pc_init1, pc_q35.c:pc_q35_init (v7.2).
func (c *Capture) ram() []memmap.Range {
	size, ok := ramSize(c.RAM)
	machine, options, _ := strings.Cut(c.Firmware.Machine, ",")
	if !ok {
		return nil
	}
	low := uint64(0xe0000000)
	if machine == "q35" {
		low = 0xb0000000
	}
	if size >= low {
		low = memmap.AlignDown(low, memmap.GiB)
	}
	for _, option := range strings.Split(options, ",") {
		if limit, found := strings.CutPrefix(option, "max-ram-below-4g="); found {
			if n, ok := ramSize(limit); ok {
				low = min(low, n)
			}
		}
	}
	low = min(low, size)
	return []memmap.Range{{End: low}, {Start: 4 * memmap.GiB, End: 4*memmap.GiB + size - low}}
}

// ramSize reads "512M" or "2G", options behind it left out.
func ramSize(text string) (bytes uint64, ok bool) {
	text, _, _ = strings.Cut(text, ",")
	unit := memmap.MiB
	if t, found := strings.CutSuffix(text, "G"); found {
		text, unit = t, memmap.GiB
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(text, "M"), 10, 32)
	return n * unit, err == nil
}
