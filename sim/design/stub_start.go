package design

import (
	"fmt"

	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

const (
	paramsName  = "boot_params"
	cmdlineName = "command line"
)

// start is what the stub does first: it is entered, and takes boot_params and the
// command line, unless a boot loader has brought them.
func (s *stub) start(b *sim.Boot) error {
	if s.handover {
		return s.enterHandedOver(b)
	}
	return perform(s, b, (*stub).enterImage, (*stub).takeBootParams, (*stub).convertCmdline)
}

// enterImage is the PE entry point; 32-bit firmware enters at another one, which the
// section .compat states.
func (s *stub) enterImage(b *sim.Boot) error {
	source, entry := "drivers/firmware/efi/libstub/x86-stub.c:efi_pe_entry", s.image.Start+uint64(s.kernel.PE.EntryRVA)
	if s.mixed() {
		if len(s.kernel.PE.Compat) == 0 {
			return unsupported("32-bit firmware finds no entry point in the image: the kernel was built without mixed mode")
		}
		source, entry = "arch/x86/boot/compressed/efi_mixed.S:efi32_pe_entry", s.image.Start+uint64(s.kernel.PE.Compat[0].EntryRVA)
	}
	b.In(sim.Stub)
	b.MeasureWX(sim.WXAtStubEntry)
	start := sim.Step{Op: sim.Exec, Object: stubName, Range: sized(entry, 64), Bits32: s.mixed(), Why: "the firmware starts the image at its entry point", Source: source}
	if s.version >= linux.V6_6 && !s.ways.clearsBSS {
		start.NeedZero = s.ownBSS() // before, its variables were linked into its data
	}
	b.Do(start)
	if s.mixed() {
		s.enterLongMode(b)
	} else if s.ways.clearsBSS {
		s.clearBSS(b, source)
	}
	return nil
}

// enterHandedOver is the entry point of the handover protocol.
func (s *stub) enterHandedOver(b *sim.Boot) error {
	source := "drivers/firmware/efi/libstub/x86-stub.c:efi_handover_entry"
	if s.mixed() {
		source = "arch/x86/boot/compressed/efi_mixed.S:efi32_stub_entry"
	}
	entry, ok := handoverEntry(s.kernel, s.startup(), s.mixed())
	if !ok {
		return unsupported("the kernel has no handover entry point for this firmware")
	}
	b.In(sim.Stub)
	b.MeasureWX(sim.WXAtStubEntry)
	b.Do(sim.Step{Op: sim.Exec, Object: stubName, Range: entry, Why: "the boot loader enters the kernel by the handover protocol", Source: source})
	if s.version >= linux.V6_6 {
		s.clearBSS(b, source)
	}
	if s.mixed() {
		s.enterLongMode(b)
	}
	return nil
}

// clearBSS zeroes the stub's own variables, which loaders have been seen not to do.
func (s *stub) clearBSS(b *sim.Boot, source string) {
	bss := s.ownBSS()
	b.Do(sim.Step{Op: sim.Write, Object: stubName, Range: bss, Zeroed: bss, Why: "its variables start as zero, whatever the loader left there", Source: source})
}

// ownBSS are the stub's variables that start as zero; empty where the image does not tell.
func (s *stub) ownBSS() memmap.Range {
	d := s.kernel.Decompressor
	return memmap.Range{Start: s.startup() + d.BSS, End: s.startup() + max(d.EBSS, d.BSS)}
}

// takeBootParams provides the zero page.
func (s *stub) takeBootParams(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:efi_pe_entry"
	if s.choices.BootParams == paramsStatic {
		s.bootParams = sized(memmap.AlignDown(s.startup()+s.kernel.Decompressor.BSS, memmap.PageSize)-memmap.PageSize, memmap.PageSize)
		b.Do(sim.Step{Op: sim.Write, Object: paramsName, Range: s.bootParams, Keep: true,
			Why: "the zero page is a part of the image's data, filled in when the kernel was built", Source: source})
		b.Place("boot_params", s.bootParams, 0)
		return nil
	}
	var err error
	s.bootParams, err = s.fw.For(paramsName, "the zero page", source).TakePages(memmap.EFILoaderData, memmap.PageSize, s.maxAddress())
	if err != nil {
		return err
	}
	b.Do(sim.Step{Op: sim.Write, Object: paramsName, Range: s.bootParams, Keep: true, Why: "it starts empty", Source: source})
	if s.choices.BootParams == paramsCopied {
		s.copyHeader(b, source)
	}
	b.Place("boot_params", s.bootParams, 0)
	return nil
}

// Where the setup header lies, from its jump instruction on, in the file's first
// sectors as in boot_params.
// Source: arch/x86/include/uapi/asm/bootparam.h (v6.6).
const (
	headerJump = 0x200
	headerEnd  = 0x26c
)

// copyHeader copies the setup header out of the image.
func (s *stub) copyHeader(b *sim.Boot, source string) {
	const size = headerEnd - headerJump
	b.Do(sim.Step{Op: sim.Copy, Object: paramsName, Range: sized(s.bootParams.Start+headerJump, size), From: sized(s.image.Start+headerJump, size), Keep: true,
		Why: "the setup header, from the image's first sectors", Source: source})
}

// convertCmdline makes a command line of the load options, which are UTF-16.
func (s *stub) convertCmdline(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/efi-stub-helper.c:efi_convert_cmdline"
	if err := s.measure(b, len(b.Scenario.Cmdline), loadOptionsEvent); err != nil {
		return err
	}
	if s.cut {
		s.say(b, levelError, fmt.Sprintf("EFI stub: ERROR: Command line is too long: truncated to %d bytes", len(s.text)))
	}
	size := uint64(len(s.text)) + 1
	var err error
	s.cmdline, err = s.fw.For(cmdlineName, "a block of the firmware's pool", source).TakePool(memmap.EFILoaderData, size)
	if err != nil {
		return err
	}
	b.Do(sim.Step{Op: sim.Write, Object: cmdlineName, Range: s.cmdline, Keep: true, Why: "the load options, converted from UTF-16", Source: source})
	b.Place("command_line", s.cmdline, 0)
	return nil
}

// parseOptions reads the command line, in a copy that is cut to pieces and given back.
func (s *stub) parseOptions(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/efi-stub-helper.c:efi_parse_options"
	size := min(uint64(len(s.text)), linux.MaxCommandLine) + 1
	block, err := s.fw.For("copy of the command line", "the parser cuts its text to pieces", source).TakePool(memmap.EFILoaderData, size)
	if err != nil {
		return s.givesUp(b, "Failed to parse options", err)
	}
	b.Do(sim.Step{Op: sim.Copy, Object: "copy of the command line", Range: block, From: sized(s.cmdline.Start, size), Why: "nokaslr, no5lvl, mem= and others are looked for", Source: source})
	s.fw.ReleasePool("copy of the command line", block, source)
	return nil
}
