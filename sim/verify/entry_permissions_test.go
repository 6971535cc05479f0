package verify

import (
	"strings"
	"testing"

	"bootplan/memmap"
	"bootplan/sim"
)

// TestEntryPermissions holds the firmware's page tables at the stub's entry against those
// of machines with every policy that was recorded, page by page. Left out is what the map
// does not tell: images of the firmware's own in runtime code and reserved memory, which
// are mapped by their sections, and memory that holds its page tables, which is read-only.
func TestEntryPermissions(t *testing.T) {
	forEachSimulated(t, func(t *testing.T, v *verification) {
		if v.c.Stub.Image == nil || len(v.c.Stops) == 0 || len(v.c.After)+len(v.c.AtAllocation) == 0 {
			return // no page tables, or nothing tells the map of this machine
		}
		at, stop := v.moment(stops[0].is), v.c.Stops[0]
		if at == nil || !strings.HasPrefix(stop.Name, stops[0].recorded) {
			t.Fatalf("the first stop is %s, simulated: %v", stop.Name, at != nil)
		}
		placed, _ := v.result.Placement("pe_image")
		start := uint64(*v.c.Stub.Image)
		image := ownedRange{recorded: memmap.Range{Start: start, End: start + placed.Range.Len()}, simulated: placed.Range}
		var compared uint64
		for _, r := range stop.Ranges {
			perm, err := sim.ParsePerm(r.Perm)
			if err != nil {
				t.Fatal(err)
			}
			whole := memmap.Range{Start: uint64(r.Start), End: uint64(r.Last) + 1}
			compared += sameImage(t, &at.tables, whole, perm, image)
			compared += sameMemory(t, &at.tables, v.sc.Map, whole, perm, image)
		}
		if compared < v.sc.Map.RAM().Bytes()/100*95 {
			t.Errorf("only %d bytes were compared", compared)
		}
	})
}

// sameImage compares the part of the kernel's image that lies in r, and returns its size.
func sameImage(t *testing.T, tables *sim.Tables, r memmap.Range, perm sim.Perm, image ownedRange) uint64 {
	r = r.Intersect(image.recorded)
	if r.Empty() {
		return 0
	}
	moved := image.simulated.Start - image.recorded.Start
	mappedAs(t, tables, memmap.Range{Start: r.Start + moved, End: r.End + moved}, perm, "image")
	return r.Len()
}

// sameMemory compares what of r the map m describes, without the recorded and the
// simulated image, and returns how many bytes that are.
func sameMemory(t *testing.T, tables *sim.Tables, m *memmap.Map, r memmap.Range, perm sim.Perm, image ownedRange) uint64 {
	rest := memmap.NewSet(r)
	rest.Remove(image.recorded)
	rest.Remove(image.simulated)
	var compared uint64
	for _, d := range m.Descriptors {
		if firmwareOwn(d.Type, perm) {
			continue
		}
		whole, err := d.Range()
		if err != nil {
			t.Fatal(err)
		}
		parts, _ := rest.Intersection(whole)
		for _, part := range parts {
			compared += part.Len()
			mappedAs(t, tables, part, perm, d.Type.String())
		}
	}
	return compared
}

func mappedAs(t *testing.T, tables *sim.Tables, r memmap.Range, perm sim.Perm, what string) {
	t.Helper()
	tables.Over(r, func(s memmap.Span[sim.Perm]) bool {
		if s.Value != perm {
			t.Errorf("%s: %v is mapped %v, recorded is %v", what, s.Range, s.Value, perm)
		}
		return true
	})
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
