package design

import (
	"strings"

	"bootplan/memmap"
	"bootplan/sim"
)

const initrdName = "initrd"

// loadInitrd reads the initial RAM disk into pages of its own: what the firmware or a
// boot loader offers through LoadFile2, else the file that initrd= names.
func (s *stub) loadInitrd(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/efi-stub-helper.c:efi_load_initrd"
	size := b.Scenario.Initrd.Size
	if size == 0 || s.options.NoInitrd {
		return nil
	}
	r, err := s.takeInitrd(b, size, source)
	if err != nil {
		return s.givesUp(b, "Failed to load initrd: 0x8000000000000009", err) // EFI_OUT_OF_RESOURCES
	}
	s.initrd = sized(r.Start, size)
	b.Do(sim.Step{Op: sim.Write, Object: initrdName, Range: s.initrd, Keep: true, Why: "read through the firmware", Source: source})
	b.Place("initrd", s.initrd, 0)
	if s.namesInitrd(b) {
		s.say(b, levelInfo, "EFI stub: Loaded initrd from command line option")
	} else {
		s.say(b, levelInfo, "EFI stub: Loaded initrd from LINUX_EFI_INITRD_MEDIA_GUID device path")
		if err := s.measure(b, int(size), initrdEvent); err != nil {
			return err
		}
	}
	if !s.ways.recordsInitrd {
		return nil
	}
	return s.recordInitrd(b, source)
}

const (
	recordName   = "initrd record"
	initrdRecord = 16 // bytes: base and size
)

// recordInitrd tells the kernel where the initrd is.
func (s *stub) recordInitrd(b *sim.Boot, source string) error {
	r, err := s.fw.For(recordName, "a block of the firmware's pool", source).TakePool(memmap.EFILoaderData, initrdRecord)
	if err != nil {
		return err
	}
	b.Do(sim.Step{Op: sim.Write, Object: recordName, Range: r, Keep: true, Why: "base and size, by which the kernel finds the initrd", Source: source})
	b.Place("initrd_record", r, 0)
	return nil
}

// namesInitrd reports whether the stub itself reads a file that its command line names.
// OVMF adds "initrd=initrd" for stubs that do not know LoadFile2, which it offers too. A
// stub that was handed over does not know from which disk.
func (s *stub) namesInitrd(b *sim.Boot) bool {
	_, file, found := strings.Cut(b.Scenario.Cmdline, "initrd=")
	file, _, _ = strings.Cut(file, " ")
	return found && file != "initrd" && !s.handover
}

// takeInitrd allocates the pages. A file is first tried below the limit that the kernel
// states; neither way has another limit of its own.
func (s *stub) takeInitrd(b *sim.Boot, size uint64, source string) (memmap.Range, error) {
	if s.namesInitrd(b) && !s.ways.noInitrdMax {
		soft := uint64(s.kernel.Setup.InitrdAddrMax)
		r, err := s.fw.For(initrdName, "as high as the firmware has room below initrd_addr_max", source).TakePages(memmap.EFILoaderData, size, soft)
		if err == nil {
			return r, nil
		}
	}
	return s.fw.For(initrdName, "as high as the firmware has room", source).TakePages(memmap.EFILoaderData, size, s.maxAddress())
}
