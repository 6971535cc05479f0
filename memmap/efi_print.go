package memmap

import (
	"fmt"
	"strings"
)

// NamedEFIAttrs are the attributes that have a name, and a column in kernel logs.
const NamedEFIAttrs = EFIUC | EFIWC | EFIWT | EFIWB | EFIUCE | EFIWP | EFIRP | EFIXP | EFINV | EFIMoreReliable |
	EFIRO | EFISP | EFICPUCrypto | EFIHotPluggable | EFIRuntime

// LogLine states d as kernels print entry i of an EFI memory map with efi=debug:
// "efi: mem00: [Boot Code   |   |…|UC] range=[0x…-0x…] (0MB)". The end wraps around
// 2^64 as it does there.
// Source: arch/x86/platform/efi/efi.c:efi_print_memmap (v6.12).
func (d EFIDescriptor) LogLine(i int) string {
	return fmt.Sprintf("efi: mem%02d: %s range=[0x%016x-0x%016x] (%dMB)",
		i, d.typeAndAttributes(), d.Phys, d.Phys+d.Pages*PageSize-1, d.Pages>>8)
}

// typeAndAttributes is "[Boot Code   |   |…|UC]". As in the kernel it loses its last
// character where it does not fit.
// Source: drivers/firmware/efi/efi.c:efi_md_typeattr_format (v6.12).
func (d EFIDescriptor) typeAndAttributes() string {
	const kernelBuffer = 64 - 1
	var b strings.Builder
	if d.Type <= EFIUnaccepted {
		fmt.Fprintf(&b, "[%-12v", d.Type)
	} else {
		fmt.Fprintf(&b, "[type=%d", uint32(d.Type))
	}
	if d.Attr&^NamedEFIAttrs != 0 {
		fmt.Fprintf(&b, "|attr=0x%016x]", uint64(d.Attr))
		return b.String()
	}
	for _, n := range efiAttrNames {
		name := n.name
		if d.Attr&n.bit == 0 {
			name = strings.Repeat(" ", len(name))
		}
		b.WriteString("|" + name)
	}
	b.WriteByte(']')
	return b.String()[:min(b.Len(), kernelBuffer)]
}

// logInvalid logs which of the descriptors Clean drops.
// Source: arch/x86/platform/efi/efi.c:efi_clean_memmap, efi_memmap_entry_valid (v6.12).
func (m *KernelEFIMap) logInvalid(all []EFIDescriptor, dropped int) {
	if m.Log == nil {
		return
	}
	m.Log("efi: [Firmware Bug]: Invalid EFI memory map entries:")
	for i, d := range all {
		if !d.fits() {
			m.Log(fmt.Sprintf("efi: mem%02d: %s range=[0x%016x-0x%s] (invalid)", i, d.typeAndAttributes(), d.Phys, d.end()))
		}
	}
	m.Log(fmt.Sprintf("efi: Removing %d invalid memory map entries.", dropped))
}

// end is the last byte of an invalid descriptor in hexadecimal, with what exceeds 64
// bits in front; 0 without pages.
func (d EFIDescriptor) end() string {
	if d.Pages == 0 {
		return fmt.Sprintf("%016x", 0)
	}
	const highBit = 1 << 63
	last, above := d.Phys+d.Pages*PageSize-1, d.Pages>>(64-12)
	if d.Phys&highBit != 0 && last&highBit == 0 {
		above++
	}
	if above == 0 {
		return fmt.Sprintf("%016x", last)
	}
	return fmt.Sprintf("%x%016x", above, last)
}
