package check_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
	"bootplan/sim/check"
)

// story is a design that only does the given steps.
type story func(b *sim.Boot)

func (story) Name() string             { return "story" }
func (s story) Boot(b *sim.Boot) error { s(b); return nil }

// machine has RAM, a reserved MiB at 16 MiB, runtime services at 17 MiB and boot
// services at 18 MiB.
var machine = &memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{
	{Type: memmap.EFIConventional, Phys: 0, Pages: 0x1000},
	{Type: memmap.EFIReserved, Phys: 0x1000000, Pages: 0x100},
	{Type: memmap.EFIRuntimeServicesCode, Phys: 0x1100000, Pages: 0x100},
	{Type: memmap.EFIBootServicesData, Phys: 0x1200000, Pages: 0x100},
	{Type: memmap.EFIConventional, Phys: 0x1300000, Pages: 0x10000},
}}

func r(start, end uint64) memmap.Range { return memmap.Range{Start: start, End: end} }

// rulesOf runs s with every check and returns the rules that it breaks, sorted.
func rulesOf(t *testing.T, s story) []string {
	t.Helper()
	result, err := sim.Run(s, &sim.Scenario{Map: machine}, sim.Options{Checks: check.All()})
	if err != nil {
		t.Fatal(err)
	}
	broken := []string{}
	for _, f := range result.Findings {
		broken = append(broken, f.Rule)
	}
	slices.Sort(broken)
	return slices.Compact(broken)
}

// paging brings tables into force that map [0, 64 MiB) with perm.
func paging(b *sim.Boot, perm sim.Perm) {
	t := &sim.Tables{Name: "test", Paging: true}
	t.Perm.Set(r(0, 64*memmap.MiB), perm)
	b.SwitchTo(t, sim.Step{})
}

// own allocates 2 to 4 MiB.
func own(b *sim.Boot) {
	b.In(sim.Decompressor)
	b.Do(sim.Step{Op: sim.Alloc, Object: "mine", Range: r(0x200000, 0x400000)})
}

// code is written at 2 MiB and may be executed there.
func code(b *sim.Boot) {
	b.Do(sim.Step{Op: sim.Write, Object: "code", Range: r(0x200000, 0x201000)})
}

func run(b *sim.Boot) {
	b.Do(sim.Step{Op: sim.Exec, Object: "code", Range: r(0x200000, 0x201000)})
}

// ruleTest is the smallest story that breaks a rule, and one close to it that breaks none.
type ruleTest struct {
	rule       string
	fails, not story
}

// cleared runs code that clears memory from start on, behind an initrd.
func cleared(b *sim.Boot, start uint64) {
	own(b)
	code(b)
	b.Do(sim.Step{Op: sim.Write, Object: "initrd", Range: r(0x300000, 0x301000), Keep: true})
	b.Do(sim.Step{Op: sim.Exec, Object: "code", Range: r(0x200000, 0x201000), Clears: r(start, 0x302000)})
}

func TestRules(t *testing.T) {
	testRules(t, []ruleTest{
		{"clobber",
			func(b *sim.Boot) {
				own(b)
				b.Do(sim.Step{Op: sim.Write, Object: "initrd", Range: r(0x300000, 0x301000), Keep: true})
				b.Do(sim.Step{Op: sim.Write, Object: "kernel", Range: r(0x300fff, 0x302000)})
			},
			func(b *sim.Boot) {
				own(b)
				b.Do(sim.Step{Op: sim.Write, Object: "initrd", Range: r(0x300000, 0x301000), Keep: true})
				b.Do(sim.Step{Op: sim.Write, Object: "kernel", Range: r(0x301000, 0x302000)})
				b.Release("initrd", r(0x300000, 0x301000))
				b.Do(sim.Step{Op: sim.Write, Object: "kernel", Range: r(0x300000, 0x302000)})
			}},
		{"clobber",
			func(b *sim.Boot) { cleared(b, 0x300fff) },
			func(b *sim.Boot) { cleared(b, 0x301000) }},
		{"overrun",
			func(b *sim.Boot) {
				own(b)
				b.Do(sim.Step{Op: sim.Copy, Object: "kernel", Range: r(0x200000, 0x300000), From: r(0x280000, 0x300000+0x21000-1), InPlace: true})
			},
			func(b *sim.Boot) {
				own(b)
				b.Do(sim.Step{Op: sim.Copy, Object: "kernel", Range: r(0x200000, 0x300000), From: r(0x280000, 0x300000+0x21000), InPlace: true})
			}},
		{"nx-stripped",
			func(b *sim.Boot) {
				own(b)
				paging(b, sim.RW)
				b.Machine.BootServices = true
				b.Do(sim.Step{Op: sim.Protect, Object: "mine and more", Range: r(0x3ff000, 0x401000), Perm: sim.RX})
			},
			func(b *sim.Boot) {
				own(b)
				paging(b, sim.RW)
				b.Machine.BootServices = true
				b.Do(sim.Step{Op: sim.Protect, Object: "mine", Range: r(0x3ff000, 0x400000), Perm: sim.RX})
				b.Do(sim.Step{Op: sim.Protect, Object: "less than there was", Range: r(0x400000, 0x401000), Perm: sim.R})
			}},
		{"stale-exec",
			func(b *sim.Boot) {
				own(b)
				code(b)
				b.Do(sim.Step{Op: sim.Write, Object: "stack", Range: r(0x200800, 0x200900)})
				run(b)
			},
			func(b *sim.Boot) { own(b); code(b); run(b) }},
		{"not-ram",
			func(b *sim.Boot) {
				own(b)
				b.Do(sim.Step{Op: sim.Write, Object: "x", Range: r(0xfff000, 0x1000001)})
			},
			func(b *sim.Boot) {
				own(b)
				b.Do(sim.Step{Op: sim.Write, Object: "x", Range: r(0x200000, 0x201000)})
			}},
		{"firmware-touched",
			func(b *sim.Boot) {
				own(b)
				b.Machine.BootServices = true
				b.Do(sim.Step{Op: sim.Write, Object: "x", Range: r(0x1200000, 0x1201000)})
			},
			func(b *sim.Boot) {
				own(b)
				b.Machine.BootServices = true
				b.Do(sim.Step{Op: sim.Exit})
				b.Do(sim.Step{Op: sim.Alloc, Object: "x", Range: r(0x1200000, 0x1201000)})
				b.Do(sim.Step{Op: sim.Write, Object: "x", Range: r(0x1200000, 0x1201000)})
			}},
		{"not-owned",
			func(b *sim.Boot) {
				own(b)
				b.Do(sim.Step{Op: sim.Write, Object: "x", Range: r(0x3ff000, 0x400001)})
			},
			func(b *sim.Boot) {
				own(b)
				b.Do(sim.Step{Op: sim.Write, Object: "x", Range: r(0x3ff000, 0x400000)})
			}},
		{"low-memory",
			func(b *sim.Boot) {
				own(b)
				b.Do(sim.Step{Op: sim.Write, Object: "x", Range: r(0xfffff, 0x100000)})
			},
			func(b *sim.Boot) {
				own(b)
				b.Do(sim.Step{Op: sim.Alloc, Object: "x", Range: r(0x9d000, 0x9f000)})
				b.Do(sim.Step{Op: sim.Write, Object: "x", Range: r(0x9d000, 0x9f000)})
			}},
		{"unmapped",
			func(b *sim.Boot) {
				own(b)
				paging(b, sim.RW)
				b.Do(sim.Step{Op: sim.Read, Object: "x", Range: r(64*memmap.MiB-1, 64*memmap.MiB+1)})
			},
			func(b *sim.Boot) {
				own(b)
				paging(b, sim.RW)
				b.Machine.Tables.OnFault = sim.RW
				b.Do(sim.Step{Op: sim.Read, Object: "x", Range: r(64*memmap.MiB-1, 64*memmap.MiB+1)})
			}},
		{"unaccepted",
			func(b *sim.Boot) {
				b.Machine.Use.Set(r(0x600000, 0x602000), sim.UseUnaccepted)
				b.Do(sim.Step{Op: sim.Accept, Object: "x", Range: r(0x600000, 0x601000)})
				b.Do(sim.Step{Op: sim.Read, Object: "x", Range: r(0x600fff, 0x601001)})
			},
			func(b *sim.Boot) {
				b.Machine.Use.Set(r(0x600000, 0x602000), sim.UseUnaccepted)
				b.Do(sim.Step{Op: sim.Accept, Object: "x", Range: r(0x600000, 0x601000)})
				b.Do(sim.Step{Op: sim.Read, Object: "x", Range: r(0x600fff, 0x601000)})
			}},
		{"nx-exec",
			func(b *sim.Boot) { own(b); code(b); paging(b, sim.RW); run(b) },
			func(b *sim.Boot) { own(b); code(b); paging(b, sim.RX); run(b) }},
		{"ro-write",
			func(b *sim.Boot) { own(b); paging(b, sim.RX); code(b) },
			func(b *sim.Boot) { own(b); paging(b, sim.RW); code(b) }},
		{"wx-mapped",
			func(b *sim.Boot) {
				own(b)
				paging(b, sim.RW)
				b.Do(sim.Step{Op: sim.Map, Object: "x", Range: r(0x200000, 0x400000), Perm: sim.RWX})
			},
			func(b *sim.Boot) {
				own(b)
				paging(b, sim.RW)
				b.Do(sim.Step{Op: sim.Map, Object: "x", Range: r(0x200000, 0x400000), Perm: sim.RX})
			}},
		{"wx-used",
			func(b *sim.Boot) { own(b); paging(b, sim.RWX); code(b); run(b) },
			func(b *sim.Boot) {
				own(b)
				paging(b, sim.RW)
				code(b)
				b.Do(sim.Step{Op: sim.Protect, Object: "code", Range: r(0x200000, 0x201000), Perm: sim.RX})
				run(b)
			}},
		{"self-relocated",
			func(b *sim.Boot) {
				own(b)
				code(b)
				run(b)
				b.Do(sim.Step{Op: sim.Copy, Object: "code", Range: r(0x300000, 0x301000), From: r(0x200000, 0x201000)})
				b.Do(sim.Step{Op: sim.Exec, Object: "code", Range: r(0x300000, 0x301000)})
			},
			func(b *sim.Boot) { // copied, but by somebody else: it had not run
				own(b)
				code(b)
				b.Do(sim.Step{Op: sim.Copy, Object: "code", Range: r(0x300000, 0x301000), From: r(0x200000, 0x201000)})
				b.Do(sim.Step{Op: sim.Exec, Object: "code", Range: r(0x300000, 0x301000)})
			}},
		{"demand-map",
			func(b *sim.Boot) {
				own(b)
				paging(b, sim.RW)
				b.Machine.Tables.OnFault = sim.RWX
				code(b)
			},
			func(b *sim.Boot) {
				own(b)
				paging(b, sim.RW)
				b.Machine.Tables.OnFault = sim.RW
				code(b)
			}},
	})
}

func testRules(t *testing.T, tests []ruleTest) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			if got := rulesOf(t, test.fails); !slices.Contains(got, test.rule) {
				t.Errorf("the story that breaks it: got %v", got)
			}
			if got := rulesOf(t, test.not); len(got) > 0 {
				t.Errorf("the story that does not: got %v", got)
			}
		})
	}
}

// TestNotOwnedWhileFirmwareLives: the same use is worse while an allocator is alive.
func TestNotOwnedWhileFirmwareLives(t *testing.T) {
	for _, alive := range []bool{false, true} {
		result, err := sim.Run(story(func(b *sim.Boot) {
			b.In(sim.Stub)
			b.Machine.BootServices = alive
			b.Do(sim.Step{Op: sim.Write, Object: "x", Range: r(0x200000, 0x201000)})
		}), &sim.Scenario{Map: machine}, sim.Options{Checks: check.All()})
		if err != nil {
			t.Fatal(err)
		}
		want := sim.Finding{Rule: "not-owned", Severity: rule.Warning, Range: r(0x200000, 0x201000), Object: "x",
			Message: "x used memory that nobody allocated"}
		if alive {
			want.Severity = rule.Error
			want.Message += " while the firmware still hands out memory"
		}
		if diff := cmp.Diff([]sim.Finding{want}, result.Findings); diff != "" {
			t.Error(diff)
		}
	}
}

// TestFaultStopsTheBoot: nothing happens after the processor faults, and the step
// at which it does is the last one.
func TestFaultStopsTheBoot(t *testing.T) {
	result, err := sim.Run(story(func(b *sim.Boot) {
		own(b)
		code(b)
		paging(b, sim.RW)
		run(b)
		b.Do(sim.Step{Op: sim.Write, Object: "later", Range: r(0x200000, 0x201000)})
	}), &sim.Scenario{Map: machine}, sim.Options{Trace: true, Checks: check.All()})
	if err != nil {
		t.Fatal(err)
	}
	last := result.Steps[len(result.Steps)-1]
	if result.Outcome != sim.Faults || last.Op != sim.Exec || result.Findings[0].Step != len(result.Steps)-1 {
		t.Errorf("outcome %s, last step %v %s, finding at step %d of %d", result.Outcome, last.Op, last.Object, result.Findings[0].Step, len(result.Steps))
	}
}

// TestRulesAreDocumented: every rule says what it is, once.
func TestRulesAreDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, known := range check.Rules() {
		if known.Title == "" || known.Text == "" || known.Example == "" || len(known.Sources) == 0 || seen[known.ID] {
			t.Errorf("rule %q: no title, no text, no example, no source, or listed twice", known.ID)
		}
		seen[known.ID] = true
	}
}
