package sim

import "bootplan/memmap"

// meter keeps the figures of a boot while it runs, as totals that each step changes, so
// that nothing has to be counted again.
type meter struct {
	held  memmap.Spans[holding]
	bytes struct{ all, unpacking uint64 } // of held
	peak  struct{ all, unpacking uint64 }

	grabbed   memmap.Set // written below 1 MiB without an allocation
	lowTaken  uint64
	copied    uint64
	copies    [KernelImage + 1]int
	calls     int
	stack     uint64
	heap      uint64
	wx        struct{ peak, sum uint64 }
	exposed   memmap.Set // written through a W+X mapping, permissions unchanged since
	exploited memmap.Set // and executed
}

// holding is why memory counts as held by this boot.
type holding uint8

const (
	heldApart     holding = iota + 1 // an initrd, or a block of a pool
	heldUnpacking                    // all else
)

const initrdName = "initrd"

func (m *meter) reset() {
	m.held.Clear()
	m.grabbed.Clear()
	m.exposed.Clear()
	m.exploited.Clear()
	*m = meter{held: m.held, grabbed: m.grabbed, exposed: m.exposed, exploited: m.exploited}
}

// before counts s when it is about to take effect.
func (m *meter) before(machine *Machine, s *Step) {
	switch s.Op {
	case Alloc:
		if s.Phase == Stub || s.Phase == Decompressor {
			m.lowTaken += s.Range.Intersect(memmap.Range{End: memmap.MiB}).Len()
		}
		m.hold(s.Range, holdingOf(s), true)
	case Free:
		m.release(s.Range)
	case Write, Copy:
		m.write(machine, s)
	case Exec:
		m.execute(machine, s)
	case Protect:
		if !s.Perm.Has(W | X) {
			m.exposed.Remove(s.Range)
		}
	}
}

func holdingOf(s *Step) holding {
	if s.Where == FromPool || s.Object == initrdName {
		return heldApart
	}
	return heldUnpacking
}

// hold counts those bytes of r that are not held yet; an allocation says anew why they are.
func (m *meter) hold(r memmap.Range, why holding, anew bool) {
	changes := false
	m.held.Over(r, func(h memmap.Span[holding]) bool {
		if h.Value != why && (h.Value == 0 || anew) {
			m.count(h.Value, -h.Len())
			m.count(why, h.Len())
			changes = true
		}
		return true
	})
	if changes {
		m.held.Update(r, func(h holding) holding {
			if h != 0 && !anew {
				return h
			}
			return why
		})
	}
}

// release gives r back.
func (m *meter) release(r memmap.Range) {
	m.held.Over(r, func(h memmap.Span[holding]) bool {
		m.count(h.Value, -h.Len())
		return true
	})
	m.held.Set(r, 0)
}

// count adds n bytes that are held, or takes them away where n is a negative number.
func (m *meter) count(why holding, n uint64) {
	if why != 0 {
		m.bytes.all += n
	}
	if why == heldUnpacking {
		m.bytes.unpacking += n
	}
}

// write counts what s writes.
func (m *meter) write(machine *Machine, s *Step) {
	m.copies[s.Lays]++
	if s.Op == Copy && s.Phase > Loader {
		m.copied += s.Range.Len()
	}
	switch s.Pool {
	case Stack:
		m.stack = max(m.stack, s.Needs)
	case Heap:
		m.heap = max(m.heap, s.Needs)
	}
	m.noteLow(machine, s)
	if s.Restores {
		m.release(s.Range)
	} else {
		m.hold(s.Range, heldUnpacking, false)
		if s.Op == Copy && !s.Room.Empty() {
			m.hold(s.Room, heldUnpacking, false)
		}
	}
	if s.Phase >= Stub && machine.Tables.Paging && s.Perm.Has(RWX) {
		m.exposed.Add(s.Range)
	} else {
		m.exposed.Remove(s.Range)
	}
}

// noteLow keeps account of memory below 1 MiB that boot code writes and nobody gave it.
func (m *meter) noteLow(machine *Machine, s *Step) {
	r := s.Range.Intersect(memmap.Range{End: memmap.MiB})
	if s.Phase <= Setup || r.Empty() {
		return
	}
	machine.Owner.Over(r, func(o memmap.Span[Owner]) bool {
		if o.Value == (Owner{}) {
			m.grabbed.Add(o.Range)
		}
		return true
	})
}

// execute counts which of the bytes that s executes were written through the same mapping.
func (m *meter) execute(machine *Machine, s *Step) {
	if !machine.Tables.Paging || !s.Perm.Has(RWX) {
		return
	}
	for rest := s.Range; !rest.Empty(); {
		part := m.exposed.Overlap(rest)
		if part.Empty() {
			return
		}
		m.exploited.Add(part)
		rest.Start = part.End
	}
}

// after takes note of the state that a step of a phase has led to, in which wx bytes of
// RAM are mapped writable and executable.
func (m *meter) after(p Phase, wx uint64) {
	if p <= Loader || p == Kernel {
		return
	}
	m.peak.all = max(m.peak.all, m.bytes.all)
	m.peak.unpacking = max(m.peak.unpacking, m.bytes.unpacking)
	m.wx.peak = max(m.wx.peak, wx)
	m.wx.sum += wx
}

// report states the figures.
func (m *meter) report(b *Boot) {
	requests := 0
	for i := range b.result.Allocations {
		requests += b.result.Allocations[i].Count
	}
	b.measure(PeakBytes, float64(m.peak.all), "bytes")
	b.measure(PeakUnpackingBytes, float64(m.peak.unpacking), "bytes")
	b.measure(BytesCopied, float64(m.copied), "bytes")
	b.measure(KernelCopies, float64(m.copies[KernelImage]), "")
	b.measure(CompressedCopies, float64(m.copies[CompressedImage]), "")
	b.measure(AllocationCount, float64(requests), "")
	b.measure(LowMemoryBytes, float64(m.grabbed.Bytes()), "bytes")
	b.measure(LowMemoryAllocated, float64(m.lowTaken), "bytes")
	b.measure(PermissionCalls, float64(m.calls), "")
	b.measure(WXPeak, float64(m.wx.peak), "bytes")
	b.measure(WXSteps, float64(m.wx.sum), "bytes")
	b.measure(WXUsed, float64(m.exploited.Bytes()), "bytes")
	b.measure(StackBytes, float64(m.stack), "bytes")
	b.measure(HeapBytes, float64(m.heap), "bytes")
}
