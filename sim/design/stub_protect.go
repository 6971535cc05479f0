package design

import (
	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

// protect asks the firmware for the permissions with which the kernel shall run. An
// error of the memory attribute protocol ends the boot, unless the release ignores it.
func (s *stub) protect(b *sim.Boot) error {
	status := alloc.Success
	switch s.choices.NX {
	case nxClear:
		status = s.clearXP(b, kernelName, sized(s.block.Start, s.kernel.VO.TotalSize))
	case nxPrefix:
		s.clearPrefix(b, kernelName, sized(s.block.Start, s.kernel.Flat().Code))
		return nil
	case nxText:
		status = s.protectText(b)
	case nxExact:
		s.restrictSegments()
		return nil
	case nxRX:
		s.protectExecutable()
		return nil
	}
	if status == alloc.Success || s.ways.forgives {
		return nil
	}
	return s.givesUp(b, decompressFails, &sim.Failure{Rule: "firmware-refused",
		Message: decompressFails + ": the memory attribute protocol is there, and answers with " + status.Error()})
}

// protectSwitch asks for the permissions of the pages from which paging levels are
// switched. Nobody looks at the answer.
func (s *stub) protectSwitch(b *sim.Boot) error {
	switch s.choices.NX {
	case nxClear:
		_ = s.clearXP(b, switchName, s.paging.code)
	case nxPrefix:
		s.clearPrefix(b, switchName, s.paging.code)
	case nxText, nxRX:
		_ = s.allowExecution(b, switchName, s.paging.code)
	case nxExact:
		s.restrictTrampoline()
	}
	return nil
}

// protectText has the kernel's text, and since 6.17 its init text, made read-only and
// executable; all else stays as the firmware maps the memory type.
// Source: drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel (v6.12, v7.2).
func (s *stub) protectText(b *sim.Boot) alloc.Status {
	vo := s.kernel.VO
	text := vo.TextSize
	if text == 0 && vo.Layout != nil {
		text = vo.Layout.RodataStart // a kernel of before the stub knew its text
	}
	if status := s.allowExecution(b, kernelName, sized(s.block.Start, text)); status != alloc.Success || vo.InitTextSize == 0 {
		return status
	}
	return s.allowExecution(b, kernelName, sized(s.block.Start+vo.InitTextOffset, vo.InitTextSize))
}

// allowExecution makes r read-only first, then executable, so that it is never both;
// without the protocol the DXE services take restrictions away and add none.
// Source: drivers/firmware/efi/libstub/x86-stub.c:efi_adjust_memory_range_protection (v6.12).
func (s *stub) allowExecution(b *sim.Boot, object string, r memmap.Range) alloc.Status {
	status := s.fw.AllowExecution(object, r, s.ways.alsoLifts...)
	if status != alloc.Success { // both requests fail for the same reasons
		s.say(b, levelWarning, "EFI stub: WARNING: Failed to set EFI_MEMORY_RO attribute")
	}
	return status
}

// clearXP makes r executable and leaves it writable.
// Source: drivers/firmware/efi/libstub/x86-stub.c:efi_adjust_memory_range_protection (v6.6).
func (s *stub) clearXP(b *sim.Boot, object string, r memmap.Range) alloc.Status {
	if !s.fw.Attributes() {
		s.fw.LiftRestrictions(object, r)
		return alloc.Success
	}
	return s.clear(b, object, r)
}

// clear takes the no-execute attribute of r away.
func (s *stub) clear(b *sim.Boot, object string, r memmap.Range) alloc.Status {
	status := s.fw.ClearMemoryAttributes(object, r.Outward(memmap.PageSize), memmap.EFIXP)
	if status != alloc.Success {
		s.say(b, levelWarning, "EFI stub: WARNING: Failed to clear EFI_MEMORY_XP attribute")
	}
	return status
}

// clearPrefix is clearXP without the DXE services.
// Source: drivers/firmware/efi/libstub/x86-zboot.c:efi_remap_exec
// ([RFC PATCH 3/3] 20230416120729.2470762-4-ardb@kernel.org).
func (s *stub) clearPrefix(b *sim.Boot, object string, r memmap.Range) {
	if s.fw.Attributes() {
		_ = s.clear(b, object, r)
	}
}
