package design_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/image"
	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim"
	"bootplan/sim/check"
)

// The tables below are those of the comparison matrix of the thread's designs, cell by
// cell, on QEMU's OVMF with 2 GiB and Debian's Linux 6.12. Where a computed cell differs
// from the matrix as it was written, docs/design-matrix.md says why.

// contender is a design of the matrix, perhaps with other choices, and the kernel that it
// boots: Debian's 6.12 unless stated otherwise.
type contender struct {
	design  string
	choices []string // name, value, name, value …
	profile string
}

func (c contender) String() string { return fmt.Sprint(c.design, c.choices) }

// on runs c on firmware with a protection policy; change, if given, alters the scenario.
func (c contender) on(t *testing.T, protection string, change func(*sim.Scenario)) *sim.Result {
	t.Helper()
	d := withChoices(t, c.design, c.choices...)
	profile := c.profile
	if profile == "" {
		profile = "debian-6.12"
	}
	kernel, err := image.Profile(profile)
	if err != nil {
		t.Fatal(err)
	}
	sc := &sim.Scenario{
		Map: gallery.OVMF2G(), Kernel: kernel, CPU: sim.CPU{LA57: true, NX: true}, Policy: policy(t, protection), Services: sim.Services{RNG: true},
		Random: sim.Fixed{Seed: [2]uint32{1 << 31, 1 << 31}, PhysicalValue: 100, VirtualValue: 100},
	}
	if change != nil {
		change(sc)
	}
	r, err := sim.Run(d, sc, sim.Options{Trace: true, Checks: check.All()})
	if err != nil {
		t.Fatalf("%v: %v", c, err)
	}
	return r
}

// end is how a boot ends: B it boots, S it faults in the paging switch or at the memory
// for it, K it faults at the kernel, X the firmware refuses the image.
func end(r *sim.Result) string {
	switch last := r.Steps[len(r.Steps)-1]; {
	case r.Outcome == sim.Boots:
		return "B"
	case r.Outcome == sim.Fails:
		return "X"
	case last.Op == sim.Exec && last.Object == "kernel":
		return "K"
	case last.Object == "paging trampoline" || last.Range.Start < memmap.MiB || last.From.Start < memmap.MiB:
		return "S"
	}
	return "?"
}

// firmwares are the five firmwares of the matrix: F0, F1, F1p, F2 and F3.
var firmwares = [5]string{"ovmf", "edk2-nx-image", "edk2-nx-image-attr", "strict", "strict-block"}

// TestMatrixOutcomes is section 18.3: four boots on each firmware, with KASLR and a CPU
// with 5-level paging, with KASLR only, with nokaslr and such a CPU, and with nokaslr only.
func TestMatrixOutcomes(t *testing.T) {
	for _, row := range []struct {
		contender
		want [5]string
	}{
		// D1: the old kernel never strips NX, and its image is refused or turns protection off.
		{contender{"efistub@v5.10", nil, "debian-5.10"}, [5]string{"BBBB", "SSSS", "SSSS", "BBBB", "XXXX"}},
		// D1 with NX stripping: the DXE services know that free memory is not executable, and
		// replacing its attributes also maps what F2 and F3 do not map at all.
		{contender{"efistub@v6.5", nil, ""}, [5]string{"BBBB", "BBBB", "BBBB", "BBBB", "BBBB"}},
		{contender{"la57-cleanup", nil, ""}, [5]string{"BBBB", "BBBB", "BBBB", "BBBB", "BBBB"}},
		// D3: without the protocol the code page of a switch is data, and stays so.
		{contender{"zboot-x86-rfc", nil, ""}, [5]string{"BBBB", "SBSB", "BBBB", "BBBB", "BBBB"}},
		{contender{"zboot-x86-rfc", []string{"virtual", "rfc-revised"}, ""}, [5]string{"BBBB", "SBSB", "BBBB", "BBBB", "BBBB"}},
		// D3 without its third patch.
		{contender{"zboot-x86-rfc", []string{"nx", "none"}, ""}, [5]string{"BBBB", "SBSB", "SBSB", "SKSK", "SKSK"}},
		// D4e: with nokaslr nobody makes the kernel executable, unless it was meant so.
		{contender{"baskov-v5", nil, ""}, [5]string{"BBBB", "BBKK", "BBKK", "BBKK", "BBKK"}},
		{contender{"baskov-v5", []string{"intent", "intended"}, ""}, [5]string{"BBBB", "BBBB", "BBBB", "BBBB", "BBBB"}},
		{contender{"efistub@v6.6", nil, ""}, [5]string{"BBBB", "BBBB", "BBBB", "BBBB", "BBBB"}},   // D5
		{contender{"efistub", nil, ""}, [5]string{"BBBB", "BBBB", "BBBB", "BBBB", "BBBB"}},        // D6
		{contender{"zboot-x86-2025", nil, ""}, [5]string{"BBBB", "BBBB", "BBBB", "BBBB", "BBBB"}}, // D12
	} {
		var got [5]string
		for i, policy := range firmwares {
			for _, cmdline := range []string{"", "nokaslr"} {
				for _, la57 := range []bool{true, false} {
					got[i] += end(row.on(t, policy, func(sc *sim.Scenario) { sc.Cmdline, sc.CPU.LA57 = cmdline, la57 }))
				}
			}
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%v: -matrix +simulated:\n%s", row.contender, diff)
		}
	}
}

// TestMatrixRWX is the table of bytes that are writable and executable, of section 18.3:
// what the stub adds from its entry to the kernel's on F1, F1p and F2.
func TestMatrixRWX(t *testing.T) {
	const (
		page   = 0x1000
		kernel = 0x2c30000 // P and K
		code   = 0x23de000 // up to the end of the init text, in pages
		text   = 0x1000000 // T
		block  = 0x3800000 // N
		loads  = 0x3200000 // what the program headers cover
		rx     = 0x1b71000 // text and read-only data, one segment
		init   = 0xa4000   // init text, in pages
	)
	no5lvl := func(sc *sim.Scenario) { sc.Cmdline = "no5lvl" }
	nokaslr := func(sc *sim.Scenario) { sc.Cmdline = "nokaslr" }
	for _, row := range []struct {
		contender
		change func(*sim.Scenario)
		want   [3]int64
	}{
		{contender{"zboot-x86-rfc", nil, ""}, no5lvl, [3]int64{kernel, kernel, code}},
		{contender{"zboot-x86-rfc", nil, ""}, nil, [3]int64{-1, kernel + page, code + page}},
		{contender{"baskov-v5", nil, ""}, nil, [3]int64{rx + init + page, 0, 0}},
		{contender{"baskov-v5", []string{"intent", "intended"}, ""}, nokaslr, [3]int64{block + page, block, block}},
		{contender{"efistub@v6.6", nil, ""}, nil, [3]int64{block + page, block + page, kernel + page}},
		{contender{"efistub", nil, ""}, nil, [3]int64{block + page, block - text, 0}},
		{contender{"zboot-x86-2025", nil, ""}, nil, [3]int64{loads + page, loads - rx - init, 0}},
	} {
		var got [3]int64
		for i, policy := range firmwares[1:4] {
			r := row.on(t, policy, row.change)
			entry, _ := r.Metric("wx_bytes_at_stub_entry")
			last, reached := r.Metric("wx_bytes_at_kernel_entry")
			if got[i] = -1; reached { // -1: it faults before
				got[i] = int64(last.Value) - int64(entry.Value)
			}
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%v: -matrix +simulated:\n%s", row.contender, diff)
		}
	}
}
