package design_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim"
)

// exposure is how much RAM the stub itself makes writable and executable, and how much
// read-only and executable, from its entry to ExitBootServices. What the firmware had
// mapped so before depends on which of its drivers run.
type exposure struct{ WX, RX int64 }

func exposureOf(r *sim.Result) exposure {
	entry, _ := r.Metric("wx_bytes_at_stub_entry")
	exit, _ := r.Metric("wx_bytes_at_exit_boot_services")
	var code memmap.Set
	for _, s := range r.Steps {
		if s.Phase == sim.Stub && s.Op == sim.Protect && s.Perm == sim.RX {
			code.Add(s.Range)
		}
	}
	return exposure{WX: int64(exit.Value) - int64(entry.Value), RX: int64(code.Bytes())}
}

// TestPolicies boots Debian's 6.12 on firmware of each policy. The kernel's block is
// 56 MiB of LoaderCode, its text 16 MiB; the two pages of the paging switch are
// LoaderData, of which the first is code.
func TestPolicies(t *testing.T) {
	const block, text, page = 0x3800000, 0x1000000, 0x1000
	// The section table of the image says so: .text is r-x, .data and the rest rw-.
	const code, image = 0xb80000, 0xbec000
	type facts struct {
		Outcome sim.Outcome
		Failure string
		Change  exposure
		Image   map[sim.Perm]uint64 // bytes of the PE image at the end
	}
	whole, bySection := map[sim.Perm]uint64{sim.RWX: image}, map[sim.Perm]uint64{sim.RX: code, sim.RW: image - code}
	want := map[string]facts{
		"ovmf":               {sim.Boots, "", exposure{}, whole},
		"ovmf-attr":          {sim.Boots, "", exposure{-text - page, text + page}, whole},
		"edk2-nx":            {sim.Boots, "", exposure{block + page, 0}, whole},
		"edk2-nx-attr":       {sim.Boots, "", exposure{block - text, text + page}, whole},
		"edk2-nx-image":      {sim.Boots, "", exposure{block + page, 0}, bySection},
		"edk2-nx-image-attr": {sim.Boots, "", exposure{block - text, text + page}, bySection},
		"strict":             {sim.Boots, "", exposure{0, text + page}, whole},
		"strict-block":       {sim.Boots, "", exposure{0, text + page}, bySection},
	}
	got := map[string]facts{}
	for _, name := range sim.Policies() {
		r := boot(t, "efistub", &sim.Scenario{
			Map: gallery.OVMF2G(), Kernel: debian612(t), CPU: sim.CPU{LA57: true, NX: true}, Policy: policy(t, name), Random: sim.Fixed{},
		})
		f := facts{Outcome: r.Outcome, Failure: r.Failure, Change: exposureOf(r), Image: map[sim.Perm]uint64{}}
		pe, _ := r.Placement("pe_image")
		r.After.Tables.Over(pe.Range, func(s memmap.Span[sim.Perm]) bool {
			f.Image[s.Value] += s.Len()
			return true
		})
		got[name] = f
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

// TestBlockPolicy: firmware that blocks refuses an image without NX_COMPAT before it
// allocates anything; without NX in the CPU nothing is protected.
func TestBlockPolicy(t *testing.T) {
	kernel := *debian612(t)
	pe := *kernel.PE
	const nxCompat = 0x100
	pe.DLLCharacteristics &^= nxCompat
	kernel.PE = &pe
	sc := &sim.Scenario{Map: gallery.OVMF2G(), Kernel: &kernel, CPU: sim.CPU{NX: true}, Policy: policy(t, "strict-block"), Random: sim.Fixed{}}
	r := boot(t, "efistub", sc)
	if _, loaded := r.Placement("pe_image"); r.Outcome != sim.Fails || loaded || !strings.Contains(r.Failure, "NX_COMPAT") {
		t.Errorf("%s: %q, loaded: %v", r.Outcome, r.Failure, loaded)
	}

	sc.Kernel, sc.CPU.NX = debian612(t), false
	r = boot(t, "efistub", sc)
	for _, s := range r.After.Tables.Perm.All() {
		if !s.Value.Has(sim.X) {
			t.Errorf("%v is mapped %s by a CPU without NX", s.Range, s.Value)
		}
	}
}

// TestStubUnderProtection: with images mapped by their sections, data without execute
// permission, and the protocol to change that, nothing is left to object to.
func TestStubUnderProtection(t *testing.T) {
	sc := &sim.Scenario{Map: gallery.OVMF2G(), Kernel: debian612(t), CPU: sim.CPU{LA57: true, NX: true}, Policy: policy(t, "edk2-nx-image-attr"), Random: sim.Fixed{}}
	for _, f := range boot(t, "efistub", sc).Findings {
		t.Errorf("%s: %s", f.Rule, f.Message)
	}
}
