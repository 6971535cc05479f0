package design_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// walked is a recorded boot whose page tables were walked at several stops.
type walked struct {
	recorded
	Stops []struct {
		Stop string
		WX   string `json:"wx_bytes_ram"`
		RX   string `json:"rx_bytes_ram"`

		Ranges []struct{ Start, End, Perm string } // with their last byte
	} `json:"page_permissions"`
}

// walkedBoots calls yield for each recorded boot of the stub whose page tables were
// walked, with the name of its log.
func walkedBoots(t *testing.T, yield func(t *testing.T, r *walked, log string)) {
	files, err := filepath.Glob("testdata/boots/perm-*.json")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../../shared/boots/perm-*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, more...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r walked
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
		if _, stub := loaderOf(&r.recorded); stub && profiles[r.Kernel.Version] != "" {
			t.Run(r.Name, func(t *testing.T) { yield(t, &r, strings.TrimSuffix(file, ".json")+".log") })
		}
	}
}

// exposure is how much RAM the stub itself makes writable and executable, and how much
// read-only and executable, from its entry to ExitBootServices. What the firmware had
// mapped so before depends on which of its drivers run.
type exposure struct{ WX, RX int64 }

// TestRecordedPermissions holds the change of permissions that the stub brings about
// against page tables read out of machines with every policy that was recorded.
func TestRecordedPermissions(t *testing.T) {
	walkedBoots(t, func(t *testing.T, r *walked, log string) {
		entry, exit := r.Stops[0], r.Stops[1]
		if !strings.HasPrefix(entry.Stop, "PE entry") || !strings.HasPrefix(exit.Stop, "call of ExitBootServices") {
			t.Fatalf("stops %q and %q", entry.Stop, exit.Stop)
		}
		want := exposure{
			int64(hex(t, exit.WX) - hex(t, entry.WX)),
			int64(hex(t, exit.RX) - hex(t, entry.RX)),
		}
		result := bootRecorded(t, &handedOver{recorded: r.recorded}, log)
		if diff := cmp.Diff(want, exposureOf(result)); diff != "" {
			t.Errorf("-recorded +simulated:\n%s", diff)
		}
	})
}

// entered keeps the page tables as they are when the stub begins.
type entered struct {
	perm memmap.Spans[sim.Perm]
	done bool
}

func (*entered) Begin() {}

func (*entered) End(*sim.Machine, func(sim.Finding)) {}

func (e *entered) Step(m *sim.Machine, s *sim.Step, _ func(sim.Finding)) {
	if s.Phase == sim.Stub && !e.done {
		e.perm, e.done = m.Tables.Perm.Clone(), true
	}
}

// TestEntryPermissions holds the firmware's page tables at the stub's entry against those
// of machines with every policy that was recorded, page by page. Left out is what the log
// does not tell: images of the firmware's own in runtime code and reserved memory, which
// are mapped by their sections, and memory that holds its page tables, which is read-only.
func TestEntryPermissions(t *testing.T) {
	walkedBoots(t, func(t *testing.T, r *walked, log string) {
		if !r.Capture.Userspace && len(r.MapAtAllocation) == 0 {
			return // nothing tells the map of this machine
		}
		sc := scenarioOf(t, &r.recorded, log)
		d, err := design.Named(design.Fitting(sc.Kernel, true))
		if err != nil {
			t.Fatal(err)
		}
		var at entered
		result, err := sim.Run(d, sc, sim.Options{Checks: []sim.Check{&at}})
		if err != nil {
			t.Fatal(err)
		}
		simulated, _ := result.Placement("pe_image")
		image := memmap.Range{Start: hex(t, r.Stub.Image), End: hex(t, r.Stub.Image) + simulated.Range.Len()}
		var compared uint64
		for _, stated := range r.Stops[0].Ranges {
			perm, err := sim.ParsePerm(stated.Perm)
			if err != nil {
				t.Fatal(err)
			}
			whole := memmap.Range{Start: hex(t, stated.Start), End: hex(t, stated.End) + 1}
			compared += sameImage(t, &at, whole.Intersect(image), perm, simulated.Range.Start-image.Start)
			compared += sameMemory(t, &at, sc.Map, whole, perm, image, simulated.Range)
		}
		if compared < 1900*memmap.MiB {
			t.Errorf("only %d bytes were compared", compared)
		}
	})
}

// sameImage compares a part r of the kernel's image, which the simulation has put moved
// bytes higher, and returns its size.
func sameImage(t *testing.T, at *entered, r memmap.Range, perm sim.Perm, moved uint64) uint64 {
	if r.Empty() {
		return 0
	}
	at.perm.Over(memmap.Range{Start: r.Start + moved, End: r.End + moved}, func(s memmap.Span[sim.Perm]) bool {
		if s.Value != perm {
			t.Errorf("image: %v is mapped %v, recorded is %v", s.Range, s.Value, perm)
		}
		return true
	})
	return r.Len()
}

// sameMemory compares what of r the map m describes, without the recorded and the
// simulated image, and returns how many bytes that are.
func sameMemory(t *testing.T, at *entered, m *memmap.Map, r memmap.Range, perm sim.Perm, images ...memmap.Range) uint64 {
	rest := memmap.NewSet(r)
	for _, image := range images {
		rest.Remove(image)
	}
	var compared uint64
	for _, d := range m.Descriptors {
		whole, err := d.Range()
		if err != nil {
			t.Fatal(err)
		}
		parts, _ := rest.Intersection(whole)
		for _, part := range parts {
			if firmwareOwn(d.Type, perm) {
				continue
			}
			compared += part.Len()
			at.perm.Over(part, func(s memmap.Span[sim.Perm]) bool {
				if s.Value != perm {
					t.Errorf("%v: %v is mapped %v, recorded is %v", d.Type, s.Range, s.Value, perm)
				}
				return true
			})
		}
	}
	return compared
}

// firmwareOwn reports whether such memory with such permissions holds images or page
// tables of the firmware.
func firmwareOwn(t memmap.EFIType, perm sim.Perm) bool {
	switch t {
	case memmap.EFIRuntimeServicesCode:
		return true
	case memmap.EFIReserved:
		return perm == sim.RWX
	case memmap.EFIBootServicesData:
		return !perm.Has(sim.W)
	}
	return false
}

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
		policy, err := sim.PolicyNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		r := boot(t, "efistub", &sim.Scenario{
			Map: gallery.OVMF2G(), Kernel: debian612(t), CPU: sim.CPU{LA57: true, NX: true}, Policy: policy, Random: sim.Fixed{},
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
	policy, err := sim.PolicyNamed("strict-block")
	if err != nil {
		t.Fatal(err)
	}
	kernel := *debian612(t)
	pe := *kernel.PE
	const nxCompat = 0x100
	pe.DLLCharacteristics &^= nxCompat
	kernel.PE = &pe
	sc := &sim.Scenario{Map: gallery.OVMF2G(), Kernel: &kernel, CPU: sim.CPU{NX: true}, Policy: policy, Random: sim.Fixed{}}
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
	stub, err := design.Named("efistub")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := sim.PolicyNamed("edk2-nx-image-attr")
	if err != nil {
		t.Fatal(err)
	}
	sc := &sim.Scenario{Map: gallery.OVMF2G(), Kernel: debian612(t), CPU: sim.CPU{LA57: true, NX: true}, Policy: policy, Random: sim.Fixed{}}
	r, err := sim.Run(stub, sc, sim.Options{Checks: check.All()})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		t.Errorf("%s: %s", f.Rule, f.Message)
	}
}
