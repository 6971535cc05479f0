package verify

import (
	"strings"

	"bootplan/memmap"
	"bootplan/sim"
)

// stopwatch takes a picture of the page tables in force at each moment at which a
// recording can have stopped: before something is executed, and when boot services end.
type stopwatch struct{ moments []moment }

// moment is the state just before a step.
type moment struct {
	step   sim.Step
	tables sim.Tables
}

// Begin forgets the last boot.
func (w *stopwatch) Begin() { w.moments = nil }

// Watches says that any step may be such a moment.
func (w *stopwatch) Watches() sim.Ops { return sim.AllOps }

// Step makes the stopwatch a check that finds nothing.
func (w *stopwatch) Step(m *sim.Machine, s *sim.Step, _ func(sim.Finding)) {
	if s.Op != sim.Exec && s.Op != sim.Exit {
		return
	}
	t := *m.Tables
	t.Perm = t.Perm.Clone()
	w.moments = append(w.moments, moment{*s, t})
}

// End does nothing.
func (w *stopwatch) End(*sim.Machine, func(sim.Finding)) {}

// stops are the moments at which recordings stop: how their names begin, what facts
// call them, and which step is about to happen.
var stops = []struct {
	recorded, name string
	is             func(v *verification, s *sim.Step) bool
}{
	{"PE entry", "pe_entry", func(_ *verification, s *sim.Step) bool { return s.Op == sim.Exec && s.Phase == sim.Stub }},
	{"call of ExitBootServices", "exit_boot_services", func(_ *verification, s *sim.Step) bool { return s.Op == sim.Exit }},
	{"relocated decompressor", "relocated_decompressor", (*verification).isRelocated},
	{"first block of the decompressed kernel", "kernel_entry", func(_ *verification, s *sim.Step) bool { return s.Op == sim.Exec && s.Object == "kernel" }},
	{"userspace", "userspace", func(*verification, *sim.Step) bool { return false }},
}

// isRelocated reports whether s executes the copy that the decompressor made of itself.
func (v *verification) isRelocated(s *sim.Step) bool {
	p, ok := v.result.Placement("relocated_image")
	return ok && s.Op == sim.Exec && p.Range.Covers(s.Range)
}

// permissions compares the page tables at each stop: all of them where they are boot
// code's own, else the ranges that belong to boot code, and what it changed of the
// total. What the firmware mapped for itself is not in any map.
func (v *verification) permissions() {
	for _, recorded := range v.c.Stops {
		for _, s := range stops {
			if strings.HasPrefix(recorded.Name, s.recorded) {
				v.stopAt(s.name, &recorded, v.moment(s.is))
			}
		}
	}
	v.exposure()
}

// moment is the first one that is; nil if the run has none.
func (v *verification) moment(is func(*verification, *sim.Step) bool) *moment {
	if v.result == nil {
		return nil
	}
	for i := range v.watch.moments {
		if m := &v.watch.moments[i]; is(v, &m.step) {
			return m
		}
	}
	return nil
}

// stopAt compares the page tables at one stop; m is that moment in the simulation, nil
// if it has none.
func (v *verification) stopAt(name string, recorded *tableStop, m *moment) {
	switch {
	case name == "userspace":
		v.userSpace(recorded)
	case m == nil:
		v.notPredicted("permissions at "+name, recorded.list(), "the simulated boot has no such moment")
	case m.tables.Name == firmwareTables:
		v.notPredicted("wx_bytes_ram at "+name, Address(recorded.WXRAM), ownImages)
		for _, o := range v.owned(m) {
			v.fact("permissions of "+o.name+" at "+name, recorded.within(o.recorded), func() (Value, string) { return within(&m.tables, o), "" })
		}
	default:
		v.fact("permissions at "+name, recorded.list(), func() (Value, string) { return listOf(m.tables.Perm.All()), "" })
		v.fact("wx_bytes at "+name, Address(recorded.WX), func() (Value, string) { return Address(exposed(&m.tables, everywhere, sim.RWX)), "" })
		v.fact("wx_bytes_ram at "+name, Address(recorded.WXRAM), func() (Value, string) { return v.exposedRAM(m) })
	}
}

// notPredicted lists what was recorded with the reason why it is not predicted.
func (v *verification) notPredicted(name string, recorded Value, why string) {
	v.fact(name, recorded, func() (Value, string) { return nil, why })
}

// ownImages is why a total is not predicted while the firmware's page tables are in force.
const ownImages = "how the firmware maps its own images is in no map: what boot code adds is compared instead"

// firmwareTables is the name of the page tables that firmware made.
const firmwareTables = "firmware"

// exposure compares how much more RAM is writable and executable, or read-only and
// executable, when boot services end than when the stub began.
func (v *verification) exposure() {
	var begin, end *tableStop
	for i := range v.c.Stops {
		switch s := &v.c.Stops[i]; {
		case strings.HasPrefix(s.Name, stops[0].recorded):
			begin = s
		case strings.HasPrefix(s.Name, stops[1].recorded):
			end = s
		}
	}
	if begin == nil || end == nil {
		return
	}
	change := func(perm sim.Perm) func() (Value, string) {
		return func() (Value, string) {
			from, to := v.moment(stops[0].is), v.moment(stops[1].is)
			if from == nil || to == nil {
				return nil, "the simulated boot has no such moment"
			}
			return Change(exposed(&to.tables, everywhere, perm) - exposed(&from.tables, everywhere, perm)), ""
		}
	}
	v.fact("wx_bytes_change by the stub", Change(end.WXRAM-begin.WXRAM), change(sim.RWX))
	v.fact("rx_bytes_change by the stub", Change(end.RXRAM-begin.RXRAM), change(sim.RX))
}

// exposed is how many bytes of ranges t maps with exactly perm.
func exposed(t *sim.Tables, ranges []memmap.Range, perm sim.Perm) uint64 {
	var n uint64
	for _, r := range ranges {
		t.Over(r, func(s memmap.Span[sim.Perm]) bool {
			if s.Value == perm {
				n += s.Len()
			}
			return true
		})
	}
	return n
}

// everywhere is all that page tables can map.
var everywhere = []memmap.Range{{End: 1 << 52}}
