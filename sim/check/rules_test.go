package check_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
	"bootplan/sim/check"
)

// TestRulesOfMemory: who may free, use and reach what.
func TestRulesOfMemory(t *testing.T) {
	free := func(b *sim.Boot, object string, start, end uint64) {
		b.Do(sim.Step{Op: sim.Free, Object: object, Range: r(start, end)})
	}
	write := func(b *sim.Boot, object string, start, end uint64) {
		b.Do(sim.Step{Op: sim.Write, Object: object, Range: r(start, end)})
	}
	testRules(t, []ruleTest{
		{"use-after-free",
			func(b *sim.Boot) {
				own(b)
				free(b, "mine", 0x300000, 0x400000)
				b.Do(sim.Step{Op: sim.Read, Object: "mine", Range: r(0x2ff000, 0x300001)})
			},
			func(b *sim.Boot) {
				own(b)
				free(b, "mine", 0x300000, 0x400000)
				b.Do(sim.Step{Op: sim.Read, Object: "mine", Range: r(0x2ff000, 0x300000)})
				b.Do(sim.Step{Op: sim.Alloc, Object: "mine", Range: r(0x300000, 0x301000)})
				write(b, "mine", 0x300000, 0x301000)
			}},
		{"bad-free",
			func(b *sim.Boot) { own(b); free(b, "mine", 0x300000, 0x400001) },
			func(b *sim.Boot) { own(b); free(b, "mine", 0x300000, 0x400000) }},
		{"bad-free",
			func(b *sim.Boot) {
				own(b)
				free(b, "mine", 0x200000, 0x400000)
				free(b, "mine", 0x200000, 0x201000)
			},
			func(b *sim.Boot) { // block by block, then the page as a whole
				own(b)
				free(b, "mine", 0x200000, 0x200100)
				free(b, "mine", 0x200000, 0x201000)
			}},
		{"bad-free",
			func(b *sim.Boot) {
				own(b)
				b.In(sim.Stub)
				free(b, "another's", 0x200000, 0x201000)
			},
			func(b *sim.Boot) { own(b); free(b, "mine", 0x200000, 0x201000) }},
		{"above-4g",
			func(b *sim.Boot) {
				b.Do(sim.Step{Op: sim.Read, Object: "x", Range: r(4*memmap.GiB-1, 4*memmap.GiB+1), Bits32: true})
			},
			func(b *sim.Boot) {
				b.Do(sim.Step{Op: sim.Read, Object: "x", Range: r(4*memmap.GiB-1, 4*memmap.GiB), Bits32: true})
				b.Do(sim.Step{Op: sim.Read, Object: "x", Range: r(4*memmap.GiB, 4*memmap.GiB+1)})
			}},
		{"out-of-range",
			func(b *sim.Boot) {
				b.Machine.PhysBits = 36
				b.Do(sim.Step{Op: sim.Read, Object: "x", Range: r(1<<36-1, 1<<36+1)})
			},
			func(b *sim.Boot) {
				b.Machine.PhysBits = 36
				b.Do(sim.Step{Op: sim.Read, Object: "x", Range: r(1<<36-1, 1<<36)})
			}},
		{"footprint",
			func(b *sim.Boot) {
				b.In(sim.Loader)
				b.Do(sim.Step{Op: sim.Alloc, Object: "window", Range: r(0x400000, 0x600000)})
				own(b)
				write(b, "x", 0x5ff000, 0x600001)
			},
			func(b *sim.Boot) {
				b.In(sim.Loader)
				b.Do(sim.Step{Op: sim.Alloc, Object: "window", Range: r(0x400000, 0x600000)})
				b.Do(sim.Step{Op: sim.Alloc, Object: "more of it", Range: r(0x600000, 0x700000)})
				own(b)
				write(b, "x", 0x3ff000, 0x700000)
			}},
		{"heap-exhausted", needs(sim.Heap, 0x1000), needs(sim.Heap, 0xfff)},
		{"stack-exhausted", needs(sim.Stack, 0x1001), needs(sim.Stack, 0x1000)},
		{"bss-dirty",
			func(b *sim.Boot) { bss(b, 0x1ff); run(b) },
			func(b *sim.Boot) { bss(b, 0x200); run(b) }},
		{"nx-stripped", // more than is executed
			func(b *sim.Boot) { grant(b); b.In(sim.Kernel); b.Do(sim.Step{Op: sim.Exit}) },
			func(b *sim.Boot) { grant(b); run(b); b.In(sim.Kernel); b.Do(sim.Step{Op: sim.Exit}) }},
	})
}

// needs takes bytes from a pool of 4 KiB.
func needs(pool sim.Pool, bytes uint64) story {
	return func(b *sim.Boot) {
		own(b)
		b.Do(sim.Step{Op: sim.Write, Object: "x", Range: r(0x200000, 0x200010), Pool: pool, Room: r(0x200000, 0x201000), Needs: bytes})
	}
}

// bss runs code that relies on 512 bytes behind its first 512 being zero, of which size bytes
// were zeroed.
func bss(b *sim.Boot, size uint64) {
	own(b)
	b.Do(sim.Step{Op: sim.Write, Object: "code", Range: r(0x200000, 0x201000), Zeroed: r(0x200200, 0x200200+size)})
	b.Do(sim.Step{Op: sim.Exec, Object: "code", Range: r(0x200000, 0x200010), NeedZero: r(0x200200, 0x200400)})
}

// grant makes own code executable.
func grant(b *sim.Boot) {
	own(b)
	paging(b, sim.RW)
	b.Machine.BootServices = true
	code(b)
	b.Do(sim.Step{Op: sim.Protect, Object: "code", Range: r(0x200000, 0x201000), Perm: sim.RX})
}

// loaded is an image of one page of headers, one of code and one of data.
func loaded(b *sim.Boot, h sim.ImageHeader, code, data sim.Perm) {
	b.In(sim.Firmware)
	b.Do(sim.Step{Op: sim.Alloc, Object: "image", Range: r(0x600000, 0x603000)})
	b.Do(sim.Step{Op: sim.Write, Object: "file", Range: r(0x604000, 0x605000)})
	b.Do(sim.Step{Op: sim.Copy, Object: "image", Range: r(0x600000, 0x601000), From: r(0x604000, 0x605000), Header: h})
	b.Do(sim.Step{Op: sim.Write, Object: "image", Range: r(0x601000, 0x602000), Section: ".text", Promise: code})
	b.Do(sim.Step{Op: sim.Write, Object: "image", Range: r(0x602000, 0x603000), Section: ".data", Promise: data})
	own(b)
}

// TestRulesOfPromises: the six ways in which an image does not keep what its header says,
// and the image that does.
func TestRulesOfPromises(t *testing.T) {
	aligned := sim.ImageHeader{SectionAlignment: 0x1000, NXCompat: true}
	exec := func(b *sim.Boot, at uint64) {
		b.Do(sim.Step{Op: sim.Exec, Object: "image", Range: r(at, at+0x10)})
	}
	write := func(b *sim.Boot, at uint64) {
		b.Do(sim.Step{Op: sim.Write, Object: "image", Range: r(at, at+0x10)})
	}
	honest := func(b *sim.Boot) { loaded(b, aligned, sim.RX, sim.RW); exec(b, 0x601000); write(b, 0x602000) }
	testRules(t, []ruleTest{
		{"pe-promise", func(b *sim.Boot) { honest(b); write(b, 0x601ff0) }, honest},
		{"pe-promise", func(b *sim.Boot) { honest(b); exec(b, 0x602000) }, honest},
		{"pe-promise", func(b *sim.Boot) { loaded(b, aligned, sim.RX, sim.RX); exec(b, 0x601000) }, honest},
		{"pe-promise", func(b *sim.Boot) {
			loaded(b, sim.ImageHeader{SectionAlignment: 0x20, NXCompat: true}, sim.RX, sim.RW)
			exec(b, 0x601000)
		}, honest},
		{"pe-promise", func(b *sim.Boot) { loaded(b, aligned, sim.RWX, sim.RW); write(b, 0x601010); exec(b, 0x601000) },
			func(b *sim.Boot) { // it never promised
				loaded(b, sim.ImageHeader{SectionAlignment: 0x1000}, sim.RWX, sim.RW)
				write(b, 0x601010)
				exec(b, 0x601000)
			}},
		{"pe-promise", func(b *sim.Boot) { loaded(b, aligned, sim.RWX, sim.RW); write(b, 0x601010); exec(b, 0x601000) },
			func(b *sim.Boot) { // permissions change between the two
				loaded(b, aligned, sim.RWX, sim.RW)
				write(b, 0x601010)
				b.Do(sim.Step{Op: sim.Protect, Object: "image", Range: r(0x601000, 0x602000), Perm: sim.RX})
				exec(b, 0x601000)
			}},
		{"pe-promise", func(b *sim.Boot) { honest(b); write(b, 0x600ff0) }, honest},
	})
}

// messages are what the findings of a rule say.
func messages(t *testing.T, id string, s story) []string {
	t.Helper()
	result, err := sim.Run(s, &sim.Scenario{Map: machine}, sim.Options{Checks: check.All()})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range result.Findings {
		if f.Rule == id && f.Severity == rule.Warning {
			list = append(list, f.Message)
		}
	}
	return list
}

// TestSelfRelocated: what is said of code that copies itself depends on whose the memory
// is and where its stack was.
func TestSelfRelocated(t *testing.T) {
	move := func(stack, to uint64) story {
		return func(b *sim.Boot) {
			own(b)
			code(b)
			run(b)
			b.Do(sim.Step{Op: sim.Write, Object: "stack", Range: r(stack, stack+0x10), Pool: sim.Stack, Room: r(stack, stack+0x10)})
			b.Do(sim.Step{Op: sim.Copy, Object: "code", Range: r(to, to+0x1000), From: r(0x200000, 0x201000)})
			b.Do(sim.Step{Op: sim.Exec, Object: "code", Range: r(to, to+0x1000)})
		}
	}
	const plain = "code has copied itself and runs at the copy"
	for _, test := range []struct {
		stack, to uint64
		want      string
	}{
		{0x202000, 0x300000, plain},
		{0x302000, 0x300000, plain + "; its stack was there before a byte of it was copied"},
		{0x202000, 0x400000, plain + ", in memory that nobody allocated"},
	} {
		if diff := cmp.Diff([]string{test.want}, messages(t, "self-relocated", move(test.stack, test.to))); diff != "" {
			t.Errorf("stack at %#x, copy at %#x: %s", test.stack, test.to, diff)
		}
	}
}

// TestDemandMap: the four things that a page-fault handler should not do.
func TestDemandMap(t *testing.T) {
	handler := func(p sim.Perm, then func(b *sim.Boot)) story {
		return func(b *sim.Boot) {
			own(b)
			code(b)
			paging(b, sim.RWX)
			b.Machine.Tables.Perm.Set(r(0x200000, 0x400000), 0)
			b.Machine.Tables.OnFault = p
			then(b)
		}
	}
	const grants = "from here on a page-fault handler maps whatever faults rwx"
	for _, test := range []struct {
		story story
		want  []string
	}{
		{handler(sim.RW, func(b *sim.Boot) { code(b) }), nil},
		{handler(sim.RWX, func(b *sim.Boot) { code(b) }), []string{grants}},
		{handler(sim.RWX, func(b *sim.Boot) { run(b) }), []string{grants, "code is executed because the page-fault handler served the instruction fetch"}},
		{handler(sim.RWX, func(b *sim.Boot) { code(b); run(b) }), []string{grants, "code is executed in memory that the page-fault handler mapped for data"}},
		{handler(sim.RW, func(b *sim.Boot) {
			b.Do(sim.Step{Op: sim.Read, Object: "beyond", Range: r(0x12000000, 0x12000001)})
		}), []string{"the page-fault handler maps addresses that are no RAM"}},
	} {
		if diff := cmp.Diff(test.want, messages(t, "demand-map", test.story)); diff != "" {
			t.Error(diff)
		}
	}
}
