package main

import (
	"fmt"
	"strings"

	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/report"
)

// setting says in words what sc is: kernel, machine, and all that is not as by default.
// The name of the policy is empty where several are compared.
func (f *scenarioFlags) setting(sc *sim.Scenario, policy string) string {
	parts := []string{"kernel " + sc.Kernel.Release, "on " + f.machine()}
	if sc.Map.Kind == memmap.EFI {
		parts = append(parts, "firmware "+sc.Firmware.String())
		if policy != "" {
			parts = append(parts, "policy "+policy)
		}
	}
	if f.Services != "" {
		parts = append(parts, "services "+f.Services)
	}
	if !sc.CPU.LA57 {
		parts = append(parts, "no 5-level paging")
	}
	if !sc.CPU.NX {
		parts = append(parts, "no NX")
	}
	if sc.CPU.PhysBits != 0 {
		parts = append(parts, fmt.Sprintf("%d bits of physical address", sc.CPU.PhysBits))
	}
	if sc.Cmdline != "" {
		parts = append(parts, fmt.Sprintf("command line %q", sc.Cmdline))
	}
	if sc.Initrd.Size != 0 {
		parts = append(parts, "initrd of "+report.Size(sc.Initrd.Size))
	}
	if f.Random != "" {
		parts = append(parts, "random "+f.Random)
	} else if f.Seed != 0 {
		parts = append(parts, fmt.Sprintf("seed %d", f.Seed))
	}
	if len(f.Choices) > 0 {
		parts = append(parts, "with "+strings.Join(f.Choices, " and "))
	}
	return strings.Join(parts, ", ")
}

// machine names where the firmware map is from.
func (f *scenarioFlags) machine() string {
	path := f.Map
	if path == "" {
		path = f.Sysroot
	}
	switch {
	case path == "":
		return "QEMU's OVMF with 2 GiB"
	case path == "-":
		return standardInput
	case strings.Contains(path, "\n"):
		return "the scenario's own map"
	}
	return path
}
