package main

import (
	"strings"

	"bootplan/memmap"
	"bootplan/sim"
)

// setting says in words what sc is: kernel, machine, firmware, command line and choices. The name
// of the policy is empty where several are compared.
func (f *scenarioFlags) setting(sc *sim.Scenario, policy string) string {
	parts := []string{"kernel " + sc.Kernel.Release, "on " + f.machine()}
	if sc.Map.Kind == memmap.EFI {
		parts = append(parts, "firmware "+sc.Firmware.String())
		if policy != "" {
			parts = append(parts, "policy "+policy)
		}
	}
	if !sc.CPU.LA57 {
		parts = append(parts, "no 5-level paging")
	}
	if sc.Cmdline != "" {
		parts = append(parts, "command line \""+sc.Cmdline+"\"")
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
