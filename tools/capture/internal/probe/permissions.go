package probe

import (
	"bootplan/memmap"
	"bootplan/tools/capture/internal/paging"
	"bootplan/tools/capture/internal/record"
)

// The stops at which page tables are read.
const (
	stopPEEntry   = "PE entry of the kernel image (first block)"
	stopExit      = "call of ExitBootServices (first instruction of the firmware function)"
	stopRelocated = "relocated decompressor (.Lrelocated, first block)"
	stopKernel    = "first block of the decompressed kernel (startup_64)"
	stopUserspace = "userspace (init script running; CPU stopped in the kernel)"
)

// cr4LA57 is the bit of CR4 that turns 5-level paging on.
const cr4LA57 = 1 << 12

// notePermissions reads the page tables that are in force, if that was asked for.
func (b *boot) notePermissions(stop string) {
	if !b.permissions {
		return
	}
	var identity identityMap
	p := b.machine.pageTables(stop, identity.add)
	if !b.machine.ok() {
		return
	}
	p.Ranges = identity.ranges
	b.sum(p)
	b.facts.Permissions = append(b.facts.Permissions, *p)
}

// pageTables walks the page tables that are in force and states the registers.
func (m *machine) pageTables(stop string, visit func(paging.Mapping)) *record.Permissions {
	r := paging.Registers{
		CR0: m.register("cr0"), CR3: m.register("cr3"), CR4: m.register("cr4"), EFER: m.register("efer"),
	}
	p := &record.Permissions{
		Stop: stop, RIP: record.Hex(m.register("rip")),
		CR0: record.Hex(r.CR0), CR3: record.Hex(r.CR3), CR4: record.Hex(r.CR4), EFER: record.Hex(r.EFER),
		WP: r.WriteProtect(), NXE: r.NoExecute(), Levels: r.Levels(),
	}
	m.try(func() (err error) {
		p.TablePages, err = paging.Walk(r, func(table uint64) ([]byte, error) {
			return m.gdb.ReadPhysical(m.ctx, table, memmap.PageSize)
		}, visit)
		return err
	})
	return p
}

// identityMap are the mappings of addresses to themselves, joined.
type identityMap struct{ ranges []record.Mapped }

func (i *identityMap) add(m paging.Mapping) {
	if m.Virt != m.Phys {
		return
	}
	r := record.Range{Start: record.Hex(m.Virt), End: record.Hex(m.Virt + m.Size - 1)}
	last, perm := len(i.ranges)-1, m.Perm.String()
	if last >= 0 && i.ranges[last].End+1 == r.Start && i.ranges[last].Perm == perm {
		i.ranges[last].End = r.End
		return
	}
	i.ranges = append(i.ranges, record.Mapped{Range: r, Perm: perm})
}

// sum adds up the bytes of the ranges by permission: all, those in RAM, those below 1 MiB.
func (b *boot) sum(p *record.Permissions) {
	inRAM := map[string]uint64{}
	for _, mapped := range p.Ranges {
		r := memmap.Range{Start: uint64(mapped.Start), End: uint64(mapped.End) + 1}
		for _, ram := range b.ram {
			inRAM[mapped.Perm] += shared(r, ram)
		}
		if mapped.Perm == "rwx" {
			p.WX += record.Hex(r.Len())
			p.WXLow += record.Hex(shared(r, memmap.Range{End: memmap.MiB}))
		}
	}
	p.WXRAM, p.RWRAM = record.Hex(inRAM["rwx"]), record.Hex(inRAM["rw-"])
	p.RXRAM, p.RORAM = record.Hex(inRAM["r-x"]), record.Hex(inRAM["r--"])
}

// shared is how many bytes a and b have in common.
func shared(a, b memmap.Range) uint64 {
	start, end := max(a.Start, b.Start), min(a.End, b.End)
	return max(start, end) - start
}
