package report

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"bootplan/kaslr"
	"bootplan/memmap"
	"bootplan/sim"
)

// KASLR is where a kernel can land, in JSON.
type KASLR struct {
	Schema       string        `json:"schema"`
	Design       string        `json:"design"`
	Failure      string        `json:"failure"` // why the boot does not get as far as the kernel
	Kernel       *RunPlacement `json:"kernel"`  // with the random numbers of this run; null after a failure
	Bytes        uint64        `json:"bytes"`   // that the kernel needs at its place
	Alignment    string        `json:"alignment"`
	SlotAreas    []SlotArea    `json:"slot_areas"`
	Slots        uint64        `json:"slots"`
	EntropyBits  float64       `json:"entropy_bits"`
	Distribution string        `json:"distribution"` // "uniform", "nearly uniform", "uneven", "fixed" or "unknown"
	FixedBy      string        `json:"fixed_by"`     // why the physical address is not random
	Physical     Places        `json:"physical"`
	Virtual      Places        `json:"virtual"`
	Avoided      []Avoided     `json:"avoided"`
	Findings     []RunFinding  `json:"findings"`
	Messages     []string      `json:"messages"`
	Assumptions  []string      `json:"assumptions"`

	align    uint64
	findings []sim.Finding
}

// SlotArea is a row of places.
type SlotArea struct {
	Start string `json:"start"`
	Slots uint64 `json:"slots"`

	start uint64
}

// Places is one distribution.
type Places struct {
	Slots          uint64  `json:"slots"`
	Places         uint64  `json:"places"` // different addresses among the slots
	EntropyBits    float64 `json:"entropy_bits"`
	MinEntropyBits float64 `json:"min_entropy_bits"`
	Levels         []Level `json:"levels"`
}

// Level is how many places share one exact probability.
type Level struct {
	Probability string `json:"probability"` // "3/8"
	Places      uint64 `json:"places"`
}

// Avoided is memory that the kernel is kept out of, and what that costs alone.
type Avoided struct {
	What string `json:"what"`
	Range
	Bytes uint64  `json:"bytes"`           // of memory that the kernel could use otherwise
	Slots int64   `json:"slots"`           // how many more there would be
	Bits  float64 `json:"bits"`            // by how much the entropy would grow
	Error string  `json:"error,omitempty"` // why no figure can be given

	extent kaslr.Extent
}

// NewKASLR tells where the kernel of r can land.
func NewKASLR(r *sim.Result) (*KASLR, error) {
	k := &KASLR{
		Schema: Schema, Design: r.Design, SlotAreas: []SlotArea{}, Avoided: []Avoided{}, Findings: []RunFinding{},
		Messages: append([]string{}, r.Messages...), Assumptions: append([]string{}, r.Assumptions...),
	}
	if p, ok := r.Placement("kernel"); ok {
		k.Kernel = &RunPlacement{JSONRange(p.Range), Address(p.Virtual)}
	} else {
		k.Failure = r.Failure
	}
	for _, f := range r.Findings {
		if k.concerns(f) {
			k.findings = append(k.findings, f)
			k.Findings = append(k.Findings, newRunFinding(f))
		}
	}
	k.FixedBy = fixedBy(r.Randomness)
	if err := k.decompressor(r.Randomness); err != nil && !errors.Is(err, kaslr.ErrNeverReturns) {
		return nil, err
	}
	k.stub(r.Randomness.Stub)
	k.distributions(r.Randomness)
	return k, nil
}

// concerns reports whether f is about the placement: a surprise in it, or its failure.
func (k *KASLR) concerns(f sim.Finding) bool {
	return strings.HasPrefix(f.Rule, "kaslr-") || strings.HasPrefix(f.Rule, "alloc-") || k.Kernel == nil && f.Message == k.Failure
}

// Surprises are the findings about the placement.
func (k *KASLR) Surprises() []sim.Finding { return k.findings }

// fixedBy says why there is nothing to choose from; empty if there is.
func fixedBy(r sim.Randomness) string {
	switch plan := r.Decompressor; {
	case plan == nil:
	case plan.Disabled && r.Input.CmdlinePtr == 0:
		return "there is no command line, which counts as nokaslr"
	case plan.Disabled:
		return "nokaslr is on the command line"
	case plan.TooManyMemmaps:
		return "memory is not searched, because a memmap= list has a fifth range"
	case plan.Slots == 0:
		return "no free memory is large enough for the kernel"
	case plan.Slots == 1:
		return "there is only one place"
	}
	switch s := r.Stub; {
	case s == nil:
	case s.NoKASLR:
		return "nokaslr is on the command line"
	case s.NoSeed:
		return "nothing random chooses the place"
	case s.Override != "":
		return s.Override + " is on the command line, so the stub takes the first place"
	case len(s.Areas) == 1 && s.Areas[0].Slots == 1:
		return "there is only one place"
	}
	return ""
}

// decompressor tells what the decompressor chooses from.
func (k *KASLR) decompressor(r sim.Randomness) error {
	if r.Decompressor == nil {
		return nil
	}
	k.size(r.Decompressor.NeededSize, r.Decompressor.Align)
	excluded, err := kaslr.Exclusions(r.Input)
	if err != nil {
		return err
	}
	for _, a := range r.Decompressor.Areas {
		k.area(a.Start, a.Slots)
	}
	for _, e := range excluded {
		a := Avoided{What: e.What, Range: extentRange(e.Extent), Bytes: e.Bytes, Slots: e.Slots, Bits: e.Bits, extent: e.Extent}
		if e.Err != nil {
			a.Error = e.Err.Error()
		}
		k.Avoided = append(k.Avoided, a)
	}
	return nil
}

// stub tells what the EFI stub chooses from; s may be nil.
func (k *KASLR) stub(s *sim.StubPlaces) {
	if s == nil {
		return
	}
	k.size(s.Request.Size, s.Request.Align)
	var slots uint64
	for _, a := range s.Areas {
		k.area(a.Start, a.Slots)
		slots += a.Slots
	}
	for _, e := range s.Request.Exclusions(s.Map) {
		a := Avoided{What: e.What, Bytes: e.Bytes, Slots: e.Slots}
		if e.What == "minimum" {
			a.extent = kaslr.Extent{Size: s.Request.Min}
		}
		if slots > 0 {
			a.Bits = math.Log2(float64(int64(slots)+e.Slots) / float64(slots))
		}
		a.Range = extentRange(a.extent)
		k.Avoided = append(k.Avoided, a)
	}
}

// distributions tells how probable the places are.
func (k *KASLR) distributions(r sim.Randomness) {
	physical, err := r.Physical()
	k.Physical = newPlaces(physical, err)
	k.Slots, k.EntropyBits, k.Distribution = k.Physical.Slots, k.Physical.EntropyBits, kindOf(physical, err)
	k.Virtual = newPlaces(r.Virtual())
}

func (k *KASLR) size(bytes, align uint64) {
	k.Bytes, k.align, k.Alignment = bytes, align, Address(align)
}

func (k *KASLR) area(start, slots uint64) {
	if slots > 0 {
		k.SlotAreas = append(k.SlotAreas, SlotArea{Address(start), slots, start})
	}
}

// extentRange is e as JSON shows it; an end of 2^64 or beyond is written out.
func extentRange(e kaslr.Extent) Range {
	if e.Wraps() {
		return Range{Address(e.Start), fmt.Sprintf("0x1%016x", e.End())}
	}
	return JSONRange(memmap.Range{Start: e.Start, End: e.End()})
}

// newPlaces is d in JSON. With nothing to choose from, or more than can be told apart
// (err), there is no level of chance.
func newPlaces(d *kaslr.Distribution, err error) Places {
	if err != nil || d == nil {
		return Places{Places: 1, Levels: []Level{{"1", 1}}}
	}
	p := Places{Slots: d.Slots, Places: d.Places, EntropyBits: d.Entropy(), MinEntropyBits: d.MinEntropy(), Levels: []Level{}}
	for _, l := range d.Levels {
		p.Levels = append(p.Levels, Level{d.Fraction(l.Numbers).RatString(), l.Places})
	}
	return p
}

// kindOf names the shape of a distribution.
func kindOf(d *kaslr.Distribution, err error) string {
	switch {
	case err != nil:
		return "unknown"
	case d == nil || d.Places == 1:
		return "fixed"
	case len(d.Levels) == 1:
		return "uniform"
	case d.MinEntropy() > math.Log2(float64(d.Places))-0.001:
		return "nearly uniform"
	}
	return "uneven"
}
