package kaslr

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
	"bootplan/memmap/mapgen"
)

// machine draws the parts of an input that do not come from the map, all of them
// proper: no range wraps around 2^64, and none is empty.
func machine(t *rapid.T) *Input {
	in := plain()
	in.LA57 = rapid.Bool().Draw(t, "la57")
	in.PhysicalAlign = rapid.SampledFrom([]uint64{2 * memmap.MiB, 16 * memmap.MiB}).Draw(t, "align")
	in.NeededSize = rapid.Uint64Range(1, 32).Draw(t, "needed") * 2 * memmap.MiB
	in.Output = rapid.Uint64Range(1, 512).Draw(t, "output") * 2 * memmap.MiB
	in.InitSize = in.NeededSize
	in.Payload = in.Output + rapid.Uint64Range(0, in.InitSize-1).Draw(t, "payload")
	in.Initrd = somewhere().Draw(t, "initrd")
	for _, r := range rapid.SliceOfN(somewhere(), 0, 4).Draw(t, "setup_data") {
		in.SetupData = append(in.SetupData, SetupData{
			Addr: r.Start, Type: SetupIndirect, Len: 24, Indirect: Indirect{Addr: r.Start ^ memmap.GiB, Len: r.Size},
		})
	}
	return in
}

// somewhere is a range below 8 GiB.
func somewhere() *rapid.Generator[Extent] {
	return rapid.Custom(func(t *rapid.T) Extent {
		start := rapid.Uint64Range(1, 8*memmap.GiB).Draw(t, "start")
		return Extent{start, rapid.Uint64Range(1, 256*memmap.MiB).Draw(t, "size")}
	})
}

// onMap draws a machine with a realistic map of either kind.
func onMap(t *rapid.T) *Input {
	in := machine(t)
	if rapid.Bool().Draw(t, "efi") {
		descs := mapgen.RealisticEFI().Draw(t, "map")
		in.EFI = EFIInfo{Signature: "EL64", DescSize: 48, MapSize: uint32(48 * len(descs)), Descs: descs}
	} else {
		in.E820 = mapgen.RealisticE820().Draw(t, "map")
	}
	return in
}

// placesByHand takes everything that is forbidden out of each piece of free memory,
// and returns the places in what is left. It knows nothing of walks.
func placesByHand(in *Input, p *Plan) (places []Area) {
	for e := range in.entries(p.Source) {
		r, ok := e.proper()
		if !ok || !e.candidate {
			continue
		}
		left := memmap.NewSet(r.Intersect(memmap.Range{Start: p.Minimum, End: p.Limit}))
		for _, a := range p.Avoid {
			left.Remove(memmap.Range{Start: a.Start, End: a.End()})
		}
		for _, piece := range left.Ranges() {
			start := memmap.AlignUp(piece.Start, p.Align)
			if start+p.NeededSize <= piece.End {
				places = append(places, Area{start, 1 + (piece.End-p.NeededSize-start)/p.Align})
			}
		}
	}
	return places
}

func TestAreasAreWhatIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := onMap(t)
		var p Plan
		if err := p.Make(in); err != nil {
			t.Fatal(err)
		}
		want := placesByHand(in, &p)
		want = want[:min(len(want), MaxAreas)]
		if diff := cmp.Diff(want, append([]Area(nil), p.Areas...)); diff != "" {
			t.Fatal(diff)
		}
		var slots uint64
		for _, a := range p.Areas {
			slots += a.Slots
		}
		if slots != p.Slots {
			t.Fatalf("%d slots, the areas have %d", p.Slots, slots)
		}
	})
}

// Every slot has its own address within the areas, in their order.
func TestPlaceCountsThroughTheAreas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := onMap(t)
		var p Plan
		if err := p.Make(in); err != nil || p.Slots == 0 {
			return
		}
		slot := rapid.Uint64Range(0, p.Slots-1).Draw(t, "slot")
		rest := slot
		for _, a := range p.Areas {
			if rest < a.Slots {
				if got := p.Place(slot); got != a.Start+rest*p.Align {
					t.Fatalf("slot %d: %#x", slot, got)
				}
				return
			}
			rest -= a.Slots
		}
		t.Fatalf("slot %d is in no area", slot)
	})
}

// A machine that lies one alignment unit higher has its places one unit higher, as
// long as no bound cuts in.
func TestShiftedMapShiftsSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := machine(t)
		in.Output = 0 // the minimum stays 0
		in.E820 = mapgen.E820().Draw(t, "map")
		var low, high Plan
		if err := low.Make(in); err != nil {
			t.Fatal(err)
		}
		by := in.PhysicalAlign
		shifted := *in
		shifted.Payload += by
		shifted.InitSize += by // the image ends this far behind Output, which stays
		shifted.Initrd.Start += by
		shifted.BootParams += by
		shifted.CmdlinePtr += by
		shifted.SetupData = slices.Clone(in.SetupData)
		for i := range shifted.SetupData {
			shifted.SetupData[i].Addr += by
			shifted.SetupData[i].Indirect.Addr += by
		}
		shifted.E820 = slices.Clone(in.E820)
		for i := range shifted.E820 {
			shifted.E820[i].Addr += by
		}
		if err := high.Make(&shifted); err != nil {
			t.Fatal(err)
		}
		want := slices.Clone(low.Areas)
		for i := range want {
			want[i].Start += by
		}
		if diff := cmp.Diff(want, slices.Clone(high.Areas)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Whatever the map and the command line say, a plan comes out, or one of the errors
// that are documented; its areas are aligned and at most a hundred.
func TestHostileInput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := machine(t)
		in.E820 = mapgen.HostileE820().Draw(t, "e820")
		in.Initrd = Extent{rapid.Uint64().Draw(t, "initrd start"), rapid.Uint64().Draw(t, "initrd size")}
		in.NeededSize = rapid.OneOf(rapid.Just(uint64(0x2e00000)), rapid.Uint64()).Draw(t, "needed")
		in.Cmdline = rapid.StringOf(rapid.SampledFrom([]rune(`mem=aphugsz,$#!@0x123456789KMGTPE "-`))).Draw(t, "cmdline")
		if rapid.Bool().Draw(t, "efi") {
			descs := mapgen.HostileEFI().Draw(t, "efi map")
			in.EFI = EFIInfo{Signature: "EL32", DescSize: rapid.Uint32Range(0, 56).Draw(t, "size"), MapSize: 48 * 32, Descs: descs}
		}
		var p Plan
		if err := p.Make(in); err != nil && !errors.Is(err, ErrNeverReturns) && !errors.Is(err, ErrZeroDescSize) {
			t.Fatal(err)
		}
		if len(p.Areas) > MaxAreas {
			t.Fatalf("%d areas", len(p.Areas))
		}
		for _, a := range p.Areas {
			if a.Start%p.Align != 0 || a.Slots == 0 {
				t.Fatalf("area %#x", a)
			}
		}
		if _, err := findingsOf(in); err != nil && !errors.Is(err, ErrZeroDescSize) {
			t.Fatal(err)
		}
	})
}

// FuzzOptions feeds the command line to the option parser.
func FuzzOptions(f *testing.F) {
	for _, seed := range []string{
		"mem=1G memmap=64M$1G,2M#3G,1M!4G,5%6", `"memmap=1G$16E" hugepagesz=1G hugepages=+2`, "mem -- mem=0", "memmap=exactmap,1K",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cmdline string) {
		in := bare()
		in.Cmdline = cmdline
		var p Plan
		if err := p.Make(in); err != nil && !errors.Is(err, ErrNeverReturns) {
			t.Fatal(err)
		}
		if p.Limit > 1<<46 || len(p.Avoid) > 7 { // image, cmdline, boot_params, four memmap ranges
			t.Errorf("%q: limit %#x, avoided %v", cmdline, p.Limit, p.Avoid)
		}
	})
}

// What is passed over as too small has no place, wherever it begins and whatever is
// avoided.
func TestTooSmallHasNoPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := machine(t)
		in.Initrd = Extent{rapid.Uint64().Draw(t, "initrd start"), rapid.Uint64().Draw(t, "initrd size")}
		var p Plan
		if err := p.Make(in); err != nil {
			return // goes round for ever
		}
		p.Areas = p.Areas[:0]
		ends := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 64*memmap.MiB), rapid.Uint64Range(^uint64(0)-64*memmap.MiB, ^uint64(0)))
		r := Extent{ends.Draw(t, "start"), rapid.Uint64Range(0, p.NeededSize-1).Draw(t, "size")}
		w := walk{&p, nil, -1}
		if size, last := w.small(); r.Size >= size || r.Start > last {
			return // begins behind the last slot
		}
		if err := w.region(r); err != nil || len(p.Areas) > 0 {
			t.Fatalf("%v: %v, areas %v", r, err, p.Areas)
		}
	})
}
