package alloc

import "bootplan/memmap"

// GCDType is what a range of the address space is for.
// Source: PI 1.8, volume II, 7.2.4.1:EFI_GCD_MEMORY_TYPE.
type GCDType uint8

// The types of PI 1.8.
const (
	GCDNonexistent GCDType = iota
	GCDReserved
	GCDSystemMemory
	GCDMMIO
	GCDPersistent
	GCDMoreReliable
	GCDUnaccepted
)

// GCDEntry is a range of the address space. What of it is memory, the firmware learns
// from AddMemory; the map that it reports takes from here what is not.
type GCDEntry struct {
	Type         GCDType
	Start, Last  uint64         // Last is the last byte
	Capabilities memmap.EFIAttr // what can be set
	Attributes   memmap.EFIAttr // what is set
}

// Attributes that only GCD entries have.
// Source: PI 1.8, volume II, 7.2.4.6.
const (
	gcdPresent     memmap.EFIAttr = 1 << 56
	gcdInitialized memmap.EFIAttr = 1 << 57
	gcdTested      memmap.EFIAttr = 1 << 58
	gcdPortIO      memmap.EFIAttr = 1 << 62
)

// Groups of attributes.
// Source: MdePkg/Include/Uefi/UefiSpec.h.
const (
	cacheAttrs  = memmap.EFIUC | memmap.EFIWC | memmap.EFIWT | memmap.EFIWB | memmap.EFIUCE | memmap.EFIWP
	accessAttrs = memmap.EFIRP | memmap.EFIXP | memmap.EFIRO
)

// promote takes memory into use that was not tested when the firmware started, all of
// it; ok is false if there is none.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:PromoteMemoryResource.
func (p *EFIPages) promote() (ok bool) {
	const state = gcdPresent | gcdInitialized | gcdTested
	for i := range p.gcd {
		g := &p.gcd[i]
		if g.Type != GCDReserved || g.Last >= p.config.Arch.limit() || g.Capabilities&state != gcdPresent|gcdInitialized {
			continue
		}
		g.Type = GCDSystemMemory
		g.Capabilities |= gcdTested
		p.addMemory(efiEntry{start: g.Start, last: g.Last, attr: g.Capabilities &^ (state | memmap.EFIRuntime), t: memmap.EFIConventional})
		ok = true
	}
	return ok
}

// reported reports whether the map has an entry for g.
func (g *GCDEntry) reported() bool {
	switch g.Type {
	case GCDReserved, GCDPersistent, GCDUnaccepted:
		return true
	}
	return g.Type == GCDMMIO && g.Attributes&memmap.EFIRuntime != 0
}

// alike reports whether g and o, which follow each other in the map of the address
// space, are reported as one.
func (g *GCDEntry) alike(o *GCDEntry) bool {
	return g.Type == o.Type && g.Capabilities == o.Capabilities && g.Attributes == o.Attributes
}

// descriptor is the map's entry for g.
func (g *GCDEntry) descriptor() memmap.EFIDescriptor {
	d := memmap.EFIDescriptor{
		Phys:  g.Start,
		Pages: (g.Last - g.Start + 1) / memmap.PageSize,
		Attr:  g.Attributes | g.Capabilities&(cacheAttrs|accessAttrs|memmap.EFISP|memmap.EFICPUCrypto),
	}
	switch g.Type {
	case GCDReserved:
		d.Type = memmap.EFIReserved
		d.Attr &^= gcdPortIO
	case GCDMMIO:
		d.Type = memmap.EFIMMIO
		if g.Attributes&gcdPortIO != 0 {
			d.Type = memmap.EFIMMIOPort
		}
		d.Attr &^= gcdPortIO
	case GCDPersistent:
		d.Type = memmap.EFIPersistent
		d.Attr |= memmap.EFINV
	case GCDUnaccepted:
		d.Type = memmap.EFIUnaccepted
		d.Attr = g.Attributes | g.Capabilities&(cacheAttrs|accessAttrs)
	}
	return d
}
