package sim

import (
	"slices"
	"strings"

	"bootplan/memmap"
	"bootplan/rule"
)

// A Design is one way to get from firmware to the kernel's first instruction.
type Design interface {
	Name() string
	// Boot drives b. An error of type *Failure means that the boot cannot complete,
	// any other error that the scenario makes no sense for this design.
	Boot(b *Boot) error
}

// A Check watches steps against the machine's state just before each takes effect.
type Check interface {
	Begin() // a boot begins: forget the last one
	Step(m *Machine, s *Step, report func(Finding))
	End(m *Machine, report func(Finding)) // no further step follows: a finding is about the boot as a whole
}

// Finding is one thing that a check objects to.
type Finding struct {
	Rule     string
	Severity rule.Severity
	Step     int          // index into Result.Steps, or AtEnd
	Range    memmap.Range // where
	Object   string       // what did it
	Other    string       // what it was done to, may be empty
	Message  string       // one sentence for a person
	Fault    bool         // the processor stops the boot here
}

// Failure is why a boot cannot complete.
type Failure struct {
	Rule    string // the rule it breaks: "no-memory"
	Message string // what the boot code itself says, or what happens
}

func (f *Failure) Error() string { return f.Rule + ": " + f.Message }

// Boot is the recorder that a design drives.
type Boot struct {
	Scenario *Scenario
	Machine  *Machine

	phase   Phase
	version string // appended to the sources of steps
	cited   map[string]string
	checks  []Check
	trace   bool
	stopped bool
	pending bool    // what the last step led to has not been noted yet
	next    *Tables // come into force by the step that switches to them
	left    *Tables // in force when the kernel's own code began; nil: it has not
	meter   meter
	result  *Result
	runner  *Runner
	heed    func(Finding) // report, made a function value once for all steps, and
	closing func(Finding) // findAtEnd

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
		for _, c := range b.checks {
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

// touch lets the fault handler map what s needs and is not mapped, and notes the
// permissions in force.
func (b *Boot) touch(s *Step) {
	if !s.accesses() {
		return
	}
	t := b.Machine.Tables
	if t.OnFault != 0 && (s.Op != Exec || t.OnFault.Has(X)) { // a handler that grants no execution serves no fetch
		b.fault(s.Range)
		if s.Op == Copy {
			b.fault(s.From)
		}
	}
	s.Perm = t.Least(s.Range)
}

// hugePage is what a fault handler maps at once.
const hugePage = 2 * memmap.MiB

// fault maps, as the page-fault handler does, what r needs and is not mapped.
func (b *Boot) fault(r memmap.Range) {
	t := b.Machine.Tables
	for !b.stopped {
		missing := t.missing(r)
		if missing.Empty() {
			return
		}
		if t.Grow != nil {
			if err := t.Grow(missing); err != nil {
				b.Stop(Finding{Rule: "pagetables-exhausted", Severity: rule.Error, Range: missing,
					Object: "page-fault handler", Message: err.Error()})
				return
			}
		}
		b.Do(Step{Op: Map, Object: "page-fault handler", Range: missing, Perm: t.OnFault, OnFault: true,
			Why:    "nothing maps this memory yet; the handler maps whatever faults",
			Source: "arch/x86/boot/compressed/ident_map_64.c:do_boot_page_fault"})
	}
}

// missing is what a handler maps for the first byte of r that nothing maps: the whole
// pages around it, as far as nothing maps them either; empty if all of r is mapped.
func (t *Tables) missing(r memmap.Range) memmap.Range {
	first := func(r memmap.Range, end uint64) (gap memmap.Range) {
		t.Over(r, func(s memmap.Span[Perm]) bool {
			if s.Value == 0 && s.End > end {
				gap = s.Range
			}
			return gap.Empty()
		})
		return gap
	}
	gap := first(r, 0)
	return first(gap.Outward(hugePage), gap.Start)
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

// report keeps f; checks call it for the step that is about to be recorded.
func (b *Boot) report(f Finding) {
	f.Step = b.result.count
	b.result.Findings = append(b.result.Findings, f)
}

// Release says that nobody needs the bytes of object in r any more.
func (b *Boot) Release(object string, r memmap.Range) {
	b.Machine.Needed.Update(r, func(needed string) string {
		if needed == object {
			return ""
		}
		return needed
	})
}

// Place notes where something ended up; virt is 0 when it has no address of its own.
func (b *Boot) Place(name string, r memmap.Range, virt uint64) {
	b.result.Placements = append(b.result.Placements, Placement{name, r, virt})
}

// Measure notes a figure.
func (b *Boot) Measure(name string, value float64, unit string) {
	b.result.Metrics = append(b.result.Metrics, Metric{name, value, unit})
}

// MeasureWX notes how much RAM is mapped writable and executable at a milestone, by the
// name of its measure.
func (b *Boot) MeasureWX(milestone string) {
	if !b.stopped {
		b.Measure(milestone, float64(b.Machine.Tables.wx), "bytes")
	}
}

// AskForPermissions notes that boot code calls the firmware for other permissions.
func (b *Boot) AskForPermissions() { b.meter.calls++ }

// Say notes what the boot code prints.
func (b *Boot) Say(message string) {
	b.result.Messages = append(b.result.Messages, message)
}

// Stopped reports whether the processor has stopped the boot: nothing happens any more.
func (b *Boot) Stopped() bool { return b.stopped }

// Step is the index of the next step.
func (b *Boot) Step() int { return b.result.count }

// Traced reports whether somebody wants more than the outcome.
func (b *Boot) Traced() bool { return b.trace }

// KernelSays notes what the kernel prints about memory, and what it shows of it in
// /proc/iomem.
func (b *Boot) KernelSays(log, iomem []string) {
	b.result.KernelLog, b.result.IOMem = log, iomem
}

// Assume notes an assumption that the scenario left to the design.
func (b *Boot) Assume(text string) {
	b.result.Assumptions = append(b.result.Assumptions, text)
}

// AtEnd is the Step of a finding about a boot as a whole.
const AtEnd = -1

// findAtEnd keeps what a check says when the boot has ended.
func (b *Boot) findAtEnd(f Finding) {
	f.Step = AtEnd
	b.result.Findings = append(b.result.Findings, f)
}

// Find lets a design report what no check can see, such as a surprise in an algorithm.
func (b *Boot) Find(f Finding) {
	f.Step = max(0, b.result.count-1)
	b.result.Findings = append(b.result.Findings, f)
}
