package sim

import (
	"slices"
	"strings"

	"bootplan/memmap"
)

// Boot is the recorder that a design drives.
type Boot struct {
	Scenario *Scenario
	Machine  *Machine

	phase    Phase
	version  string // appended to the sources of steps
	cited    map[string]string
	checks   []Check
	watchers [len(opNames)][]Check // of each kind of step, in the order of checks
	trace    bool
	stopped  bool
	pending  bool    // what the last step led to has not been noted yet
	next     *Tables // come into force by the step that switches to them
	left     *Tables // in force when the kernel's own code began; nil: it has not
	meter    meter
	result   *Result
	runner   *Runner
	heed     func(Finding) // report, made a function value once for all steps, and
	closing  func(Finding) // findAtEnd

	// The step being done, and inside it the one that maps what it touches: checks get
	// pointers, which must not make garbage.
	steps [2]Step
	depth int
}

// reset begins a boot of sc.
func (b *Boot) reset(sc *Scenario) {
	b.Scenario = sc
	b.phase, b.version, b.cited, b.left, b.stopped, b.pending = 0, "", nil, nil, false, false
	b.meter.reset()
	b.depth = 0
}

// In says whose code runs from now on.
func (b *Boot) In(p Phase) {
	b.settle()
	if p == Kernel && b.left == nil {
		b.left = b.Machine.Tables
	}
	b.phase = p
}

// Version says which version a Source of later steps refers to that states none
// itself: "v6.12".
func (b *Boot) Version(v string) { b.version = v }

// Cite says where the code of later steps is in truth, for a design that shares what it
// does with others and has it in a place of its own: as names that place for the Source
// that a step states.
func (b *Boot) Cite(as map[string]string) { b.cited = as }

// Do lets s happen. After a step at which the processor faults nothing happens any more.
func (b *Boot) Do(s Step) {
	if b.stopped {
		return
	}
	now := &b.steps[b.depth]
	b.depth++
	*now = s
	now.Phase = b.phase
	b.do(now)
	b.depth--
}

func (b *Boot) do(s *Step) {
	b.settle()
	b.touch(s)
	b.settle()
	if !b.stopped {
		m, heed := b.Machine, b.heed
		m.Trap = m.trap(s)
		for _, c := range b.watchers[s.Op] {
			c.Step(m, s, heed)
		}
		if m.Trap.Kind != NoTrap {
			b.stop(m.Trap.Message)
		}
	}
	b.record(s)
	if b.stopped {
		return
	}
	b.meter.before(b.Machine, s)
	b.listAllocation(s)
	b.Machine.apply(s, b.result.count-1)
	if s.Op == Switch {
		b.Machine.Tables = b.next
		b.next.watch(b.Machine)
	}
	b.pending = true
}

// settle takes note of the state that the last step has led to. Firmware changes more
// after some steps, such as the permissions of what it has allocated: it is the next
// step, or the end, that tells when it is done.
func (b *Boot) settle() {
	if !b.pending {
		return
	}
	b.pending = false
	wx := b.Machine.Tables.wx
	b.meter.after(b.phase, wx)
	if b.trace {
		b.result.Steps[b.result.count-1].WX = wx
	}
}

// listAllocation adds s to the list of allocations, if it is one before the kernel's own.
func (b *Boot) listAllocation(s *Step) {
	if s.Op != Alloc || s.Phase == Kernel {
		return
	}
	kind := Allocations{Memory: s.Memory, Where: s.Where, Limit: s.Limit}
	if s.Memory == "" {
		kind.Where = Unstated
	}
	list := &b.result.Allocations
	i := slices.IndexFunc(*list, func(a Allocations) bool {
		return a.Memory == kind.Memory && a.Where == kind.Where && a.Limit == kind.Limit
	})
	if i < 0 {
		i = len(*list)
		*list = append(*list, kind)
	}
	(*list)[i].Count++
	(*list)[i].Bytes += s.Range.Len()
}

// NewTables returns page tables that map nothing.
func (b *Boot) NewTables(name string) *Tables {
	t := b.runner.newTables(name)
	t.Paging = true
	return t
}

// SwitchTo brings t into force; s describes it.
func (b *Boot) SwitchTo(t *Tables, s Step) {
	s.Op, b.next = Switch, t
	b.Do(s)
}

// Stop ends the boot with a finding at the step that is about to be recorded: the
// processor faults or hangs.
func (b *Boot) Stop(f Finding) {
	f.Fault = true
	b.report(f)
	b.stop(f.Message)
}

// stop ends the boot at the step that is about to be recorded.
func (b *Boot) stop(why string) {
	b.stopped = true
	if b.result.Failure == "" {
		b.result.Failure = why
	}
}

// record keeps s, when somebody wants the steps.
func (b *Boot) record(now *Step) {
	b.result.count++
	if !b.trace {
		return
	}
	s := *now
	if own, ok := b.cited[s.Source]; ok {
		s.Source = own
	}
	if s.Source != "" && b.version != "" && !strings.HasSuffix(s.Source, ")") {
		s.Source += " (" + b.version + ")"
	}
	b.result.Steps = append(b.result.Steps, s)
}

// Stopped reports whether the processor has stopped the boot: nothing happens any more.
func (b *Boot) Stopped() bool { return b.stopped }

// Step is the index of the next step.
func (b *Boot) Step() int { return b.result.count }

// Traced reports whether somebody wants more than the outcome.
func (b *Boot) Traced() bool { return b.trace }

// Release says that nobody needs the bytes of object in r any more.
func (b *Boot) Release(object string, r memmap.Range) {
	b.Machine.Needed.Update(r, func(needed string) string {
		if needed == object {
			return ""
		}
		return needed
	})
}
