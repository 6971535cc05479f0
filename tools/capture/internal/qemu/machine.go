package qemu

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Program is the emulator.
const Program = "qemu-system-x86_64"

// Machine is what QEMU is asked to emulate.
type Machine struct {
	Type    string   // "q35"; empty is QEMU's default, pc
	CPU     string   // "max,la57=off"
	RAM     string   // "2G", as -m takes it
	SMP     int      // CPUs; 0 is one
	Code    string   // UEFI firmware; empty is QEMU's SeaBIOS
	Vars    string   // its variables, which the firmware writes
	Options []string // further options of QEMU

	// Either a kernel that QEMU hands over, or a disk.
	Kernel, Initrd, Append string
	Disk                   string
}

// Args are QEMU's arguments.
func (m *Machine) Args() []string {
	var args []string
	add := func(a ...string) { args = append(args, a...) }
	if m.Type != "" {
		add("-machine", m.Type)
	}
	add("-accel", "tcg", "-cpu", m.CPU, "-m", m.RAM)
	if m.SMP > 1 {
		add("-smp", fmt.Sprint(m.SMP))
	}
	add("-nographic", "-no-reboot", "-net", "none")
	add(m.Options...)
	if m.Code != "" {
		add("-drive", "if=pflash,format=raw,readonly=on,file="+m.Code)
		add("-drive", "if=pflash,format=raw,file="+m.Vars)
	}
	if m.Disk != "" {
		return append(args, "-drive", "format=raw,file="+m.Disk)
	}
	return append(args, "-kernel", m.Kernel, "-initrd", m.Initrd, "-append", m.Append)
}

// CommandLine is how a person would call QEMU, with files by name only.
func (m *Machine) CommandLine() string {
	named := *m
	for _, path := range []*string{&named.Code, &named.Vars, &named.Kernel, &named.Initrd, &named.Disk} {
		if *path != "" {
			*path = filepath.Base(*path)
		}
	}
	words := []string{Program}
	for _, arg := range named.Args() {
		if strings.ContainsAny(arg, " $&'\"\\") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}
