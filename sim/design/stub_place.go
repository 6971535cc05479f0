package design

import (
	"fmt"

	"bootplan/alloc"
	"bootplan/image"
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

const (
	blockName       = "kernel block"
	decompressFails = "Failed to decompress kernel"
)

// placeKernel asks the firmware for the block into which the kernel goes, and settles
// its virtual address.
func (s *stub) placeKernel(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel"
	buffer, err := s.fetchMap(b, memmap.EFILoaderData, "a copy of the map, to count places in")
	if err != nil {
		return err
	}
	s.countPlaces()
	wish, err := s.choosePlace(b)
	if err != nil {
		return err
	}
	addr, status := s.allocateBlock(wish, source)
	s.fw.ReleasePool(mapName, buffer, source)
	if err := s.judge(b, status); err != nil || b.Stopped() {
		return err
	}
	s.block = sized(addr, memmap.AlignUp(s.places.Request.Size, memmap.PageSize))
	b.Place("kernel_block", s.block, 0)
	s.reportIgnored(b)
	return nil
}

// countPlaces looks for the places at which the kernel could lie.
func (s *stub) countPlaces() {
	q := alloc.Request{
		Size: s.size, Align: image.MinKernelAlign, Max: s.maxAddress(),
		SoftReserve: !s.options.NoSoftReserve, AllowZero: !s.ways.minimum, NoSlotSucceeds: s.ways.noSlotSucceeds,
	}
	if s.ways.minimum {
		q.Min = s.kernel.Setup.PrefAddress
	}
	p := &s.places
	p.Request, p.TotalSize = q, s.kernel.VO.TotalSize
	p.Map = append(p.Map[:0], s.fw.Map()...)
	p.Areas = q.Areas(p.Areas[:0], p.Map)
}

// A wish is a place for the kernel's block: a seed that chooses among all places, or
// an address.
type wish struct {
	seed   uint64
	addr   uint64
	chosen bool // addr counts
}

// allocateBlock asks the firmware for what the wish says.
func (s *stub) allocateBlock(w wish, source string) (uint64, alloc.Status) {
	q := s.places.Request
	if s.choices.Output == outputAbove {
		s.fw.For(blockName, "room for the unpacked file and the running kernel, as low as there is room from the chosen place on", source)
		q.Min = s.addressOf(w)
		return alloc.LowAllocAbove(s.fw, q)
	}
	s.fw.For(blockName, "room for the unpacked file and the running kernel, at the multiple of 2 MiB that was chosen", source)
	if !w.chosen {
		return alloc.RandomAllocIn(s.fw, s.places.Map, q, w.seed, memmap.EFILoaderCode)
	}
	pages := memmap.AlignUp(q.Size, memmap.PageSize) / memmap.PageSize
	return s.fw.AllocatePages(alloc.Address, memmap.EFILoaderCode, pages, w.addr)
}

// addressOf is the address that a wish stands for; without any place, the lowest one
// that is allowed.
func (s *stub) addressOf(w wish) uint64 {
	if w.chosen {
		return w.addr
	}
	var total uint64
	for _, a := range s.places.Areas {
		total += a.Slots
	}
	target := alloc.TargetSlot(total, w.seed)
	for _, a := range s.places.Areas {
		if target < a.Slots {
			return a.Start + target*s.places.Request.Align
		}
		target -= a.Slots
	}
	return s.places.Request.Min
}

// judge is what becomes of the boot after the firmware's answer.
func (s *stub) judge(b *sim.Boot, status alloc.Status) error {
	q := s.places.Request
	if s.choices.Output == outputRandom && status != alloc.NoAddress {
		for _, f := range alloc.RandomAllocFindings(q, s.places.Map, status) {
			surprise(f).report(b, kernelName)
		}
	}
	switch status {
	case alloc.Success:
		return nil
	case alloc.NoAddress:
		b.Stop(sim.Finding{Rule: "alloc-no-address", Severity: rule.Error, Object: stubName,
			Message: "no place was found; the stub does not notice, unpacks the kernel to an address that was never set, and crashes"})
		return nil
	}
	return s.givesUp(b, decompressFails, &sim.Failure{Rule: "no-memory", Message: fmt.Sprintf("%s: %v", decompressFails, alloc.NoMemory(s.places.Map, q))})
}
