package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/tools/capture/internal/console"
	"bootplan/tools/capture/internal/gdb"
	"bootplan/tools/capture/internal/landmark"
	"bootplan/tools/capture/internal/record"
)

// Plan says what is followed.
type Plan struct {
	Kernel      *image.Kernel
	File        []byte // the kernel image's bytes
	UEFI        bool   // the kernel is started through its PE entry
	CommandLine string // of the kernel
	Permissions bool   // read the page tables at the stops
}

// loadedAt is where QEMU's and other loaders of the BIOS era put the protected-mode part.
// Source: Documentation/arch/x86/boot.rst (v6.12).
const loadedAt = 0x100000

// boot is a boot that is followed.
type boot struct {
	machine     *machine
	kernel      *image.Kernel
	file        []byte
	marks       *landmark.Marks
	uefi        bool
	permissions bool
	nokaslr     bool
	ram         []memmap.Range // what lies below 4 GiB first
	facts       *record.Boot
	zeroPage    uint64 // boot_params
	bss         memory // of the decompressor, when it drew
}

// Probe is what remains of a boot that was followed.
type Probe struct{ bss memory }

// Follow runs the stopped machine to the kernel's first instruction and notes in facts
// what it sees. A boot that ends earlier has fewer facts. The machine is left stopped.
func Follow(ctx context.Context, client *gdb.Client, plan Plan, facts *record.Boot) (*Probe, error) {
	if plan.UEFI && plan.Kernel.PE == nil {
		return nil, fmt.Errorf("%s: no EFI stub: expected a kernel that UEFI firmware can start", plan.Kernel.Name)
	}
	marks, err := landmark.Find(plan.Kernel, plan.File)
	if err != nil {
		return nil, err
	}
	b := &boot{
		machine: &machine{ctx: ctx, gdb: client}, kernel: plan.Kernel, file: plan.File, marks: marks,
		uefi: plan.UEFI, permissions: plan.Permissions, facts: facts,
		nokaslr: linux.FindOptionBool(1, plan.CommandLine, "nokaslr"),
	}
	facts.Debugger = &record.Debugger{Note: "read with QEMU's debugger stub: results of kaslr_get_random_long, the boot code's own variables, arguments and result of efi_random_alloc"}
	if b.ram, err = ramOf(ctx, client); err != nil {
		return nil, err
	}
	if b.uefi {
		b.stub()
	} else {
		b.decompressor(loadedAt)
	}
	return &Probe{b.bss}, b.machine.finished()
}

// Immovable notes which ranges of the SRAT the decompressor honoured, when the kernel's
// lines about the SRAT are among the facts.
func (p *Probe) Immovable(facts *record.Boot) {
	if facts.Debugger.Tables != nil {
		facts.Debugger.Tables.Immovable = p.bss.immovable(console.Immovable(facts.SRAT))
	}
}

// inRAM reports whether addr is an address of RAM above the first MiB.
func (b *boot) inRAM(addr uint64) bool {
	return addr >= memmap.MiB && slices.ContainsFunc(b.ram, func(r memmap.Range) bool { return addr >= r.Start && addr < r.End })
}

// found are the facts of the debugger.
func (b *boot) found() *record.Debugger { return b.facts.Debugger }

func hexOf(n uint64) *record.Hex {
	h := record.Hex(n)
	return &h
}

// ramOf asks QEMU where the machine has RAM.
func ramOf(ctx context.Context, client *gdb.Client) ([]memmap.Range, error) {
	tree, err := client.Monitor(ctx, "info mtree")
	if err != nil {
		return nil, err
	}
	ram := ramIn(tree)
	if len(ram) == 0 {
		return nil, errors.New("QEMU does not say where the machine has RAM: expected a pc or q35 machine")
	}
	return ram, nil
}

// ramLine is a line of QEMU's memory tree that tells RAM of pc and q35 machines.
var ramLine = regexp.MustCompile(`(?m)^ *([0-9a-f]{16})-([0-9a-f]{16}) .*alias ram-(?:below|above)-4g`)

// ramIn is the RAM in QEMU's memory tree, in ascending order.
func ramIn(tree string) []memmap.Range {
	var ram []memmap.Range
	for _, m := range ramLine.FindAllStringSubmatch(tree, -1) {
		start, err1 := strconv.ParseUint(m[1], 16, 64)
		last, err2 := strconv.ParseUint(m[2], 16, 64)
		r, err3 := memmap.NewRange(start, last+1)
		if err1 == nil && err2 == nil && err3 == nil {
			ram = append(ram, r)
		}
	}
	slices.SortFunc(ram, func(a, b memmap.Range) int { return cmp.Compare(a.Start, b.Start) })
	return slices.Compact(ram)
}
