package report

import (
	"fmt"
	"io"
	"math"
	"strings"

	"bootplan/kaslr"
	"bootplan/memmap"
	"bootplan/sim"
)

// KASLR is where a kernel can land, in JSON.
type KASLR struct {
	Schema       string       `json:"schema"`
	Design       string       `json:"design"`
	SlotAreas    []SlotArea   `json:"slot_areas"`
	Slots        uint64       `json:"slots"`
	EntropyBits  float64      `json:"entropy_bits"`
	Distribution string       `json:"distribution"` // "uniform", "nearly uniform", "uneven" or "fixed"
	Physical     Places       `json:"physical"`
	Virtual      Places       `json:"virtual"`
	Avoided      []Avoided    `json:"avoided"`
	Findings     []RunFinding `json:"findings"`
	Messages     []string     `json:"messages"`

	align uint64
}

// SlotArea is a row of places, align bytes apart.
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
	Bytes uint64  `json:"bytes"`
	Slots int64   `json:"slots"` // how many more there would be
	Bits  float64 `json:"bits"`  // by how much the entropy would grow
}

// NewKASLR tells where the kernel of r can land.
func NewKASLR(r *sim.Result) (*KASLR, error) {
	k := &KASLR{
		Schema: Schema, Design: r.Design, SlotAreas: []SlotArea{}, Avoided: []Avoided{}, Findings: []RunFinding{},
		Messages: append([]string{}, r.Messages...),
	}
	for _, f := range r.Findings {
		k.Findings = append(k.Findings, newRunFinding(f))
	}
	if err := k.areas(r); err != nil {
		return nil, err
	}
	physical, err := r.Randomness.Physical()
	if err != nil {
		return nil, fmt.Errorf("physical places: %w", err)
	}
	virtual, err := r.Randomness.Virtual()
	if err != nil {
		return nil, fmt.Errorf("virtual places: %w", err)
	}
	k.Physical, k.Virtual = newPlaces(physical), newPlaces(virtual)
	k.Slots, k.EntropyBits, k.Distribution = k.Physical.Slots, k.Physical.EntropyBits, kindOf(physical)
	return k, nil
}

// areas lists the rows of places, and what keeps the kernel out of the rest.
func (k *KASLR) areas(r *sim.Result) error {
	switch random := r.Randomness; {
	case random.Decompressor != nil:
		k.align = random.Decompressor.Align
		for _, a := range random.Decompressor.Areas {
			k.area(a.Start, a.Slots)
		}
		excluded, err := kaslr.Exclusions(random.Input)
		if err != nil {
			return err
		}
		for _, e := range excluded {
			k.Avoided = append(k.Avoided, Avoided{What: e.What, Range: extentRange(e.Extent), Bytes: e.Bytes, Slots: e.Slots, Bits: e.Bits})
		}
	case random.Stub != nil:
		k.align = random.Stub.Request.Align
		for _, a := range random.Stub.Areas {
			k.area(a.Start, a.Slots)
		}
		k.Avoided = append(k.Avoided, belowMinimum(random.Stub))
	}
	return nil
}

// belowMinimum is what the stub's lowest address costs.
func belowMinimum(s *sim.StubPlaces) Avoided {
	q := s.Request
	q.Min = 0
	var with, without uint64
	for _, a := range s.Areas {
		with += a.Slots
	}
	for _, a := range q.Areas(nil, s.Map) {
		without += a.Slots
	}
	below, free := memmap.Range{End: s.Request.Min}, &memmap.Set{}
	for _, d := range s.Map {
		if r, err := d.Range(); err == nil && d.Type == memmap.EFIConventional {
			free.Add(r.Intersect(below))
		}
	}
	a := Avoided{What: "minimum", Range: JSONRange(below), Bytes: free.Bytes(), Slots: int64(without - with)}
	if with > 0 {
		a.Bits = math.Log2(float64(without) / float64(with))
	}
	return a
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
	return Range{Address(e.Start), Address(e.End())}
}

func newPlaces(d *kaslr.Distribution) Places {
	if d == nil {
		return Places{Places: 1, Levels: []Level{{"1", 1}}}
	}
	p := Places{Slots: d.Slots, Places: d.Places, EntropyBits: d.Entropy(), MinEntropyBits: d.MinEntropy(), Levels: []Level{}}
	for _, l := range d.Levels {
		p.Levels = append(p.Levels, Level{d.Fraction(l.Numbers).RatString(), l.Places})
	}
	return p
}

// kindOf names the shape of a distribution.
func kindOf(d *kaslr.Distribution) string {
	switch {
	case d == nil || d.Places == 1:
		return "fixed"
	case len(d.Levels) == 1:
		return "uniform"
	case d.MinEntropy() > math.Log2(float64(d.Places))-0.001:
		return "nearly uniform"
	}
	return "uneven"
}

// KASLRText tells the number first, then where the places are and why not elsewhere.
func KASLRText(w io.Writer, k *KASLR, whatIf bool, style Style) error {
	fmt.Fprintln(w, k.answer())
	if style.Quiet {
		return nil
	}
	for i, a := range k.SlotAreas {
		if i == 20 && !style.Verbose {
			fmt.Fprintf(w, "  … %d more areas, see them with -v\n", len(k.SlotAreas)-i)
			break
		}
		r := memmap.Range{Start: a.start, End: a.start + (a.Slots-1)*k.align + 1}
		fmt.Fprintf(w, "  first at 0x%016x, last at 0x%016x  %14s\n", r.Start, r.End-1, Count(a.Slots, "place"))
	}
	k.keptOut(w)
	fmt.Fprintln(w, k.virtual())
	for _, text := range k.Messages {
		fmt.Fprintf(w, "prints: %q\n", text)
	}
	for _, f := range k.Findings {
		fmt.Fprintf(w, "%s %s: %s\n", style.Severity(f.severity), f.Rule, f.Message)
	}
	if whatIf {
		if err := k.whatIf(w); err != nil {
			return err
		}
	}
	k.histogram(w)
	return nil
}

// answer is the first line.
func (k *KASLR) answer() string {
	p := k.Physical
	switch k.Distribution {
	case "fixed":
		return "0 bits: the kernel's physical address is not random."
	case "uniform":
		return fmt.Sprintf("%.1f bits: %s, all equally likely.", p.EntropyBits, Count(p.Places, "place"))
	case "nearly uniform":
		return fmt.Sprintf("%.1f bits: %s, equally likely but for the last bit of the random number (%s each).",
			p.EntropyBits, Count(p.Places, "place"), probabilities(p.Levels))
	}
	return fmt.Sprintf("%.1f bits: %s, not equally likely; the best guess is right with probability %s (%.1f bits).",
		p.EntropyBits, Count(p.Places, "place"), p.Levels[0].Probability, p.MinEntropyBits)
}

// probabilities names the levels: "1 in 2,981".
func probabilities(levels []Level) string {
	var n uint64
	for _, l := range levels {
		n += l.Places
	}
	return "1 in " + Thousands(n)
}

// reasons are what keeps a kernel out of memory, in words.
var reasons = map[string]string{
	"image": "the compressed kernel", "initrd": "the initrd", "cmdline": "the command line", "boot_params": "boot_params",
	"minimum": "the lowest address allowed", "limit": "the highest address allowed", "immovable": "memory that may be unplugged",
	"hugepages": "1 GiB pages asked for", "setup_data": "setup_data", "setup_indirect": "setup_data elsewhere",
}

// reasonFor names what a in words.
func reasonFor(a Avoided) string {
	if text, ok := reasons[a.What]; ok {
		return text
	}
	return a.What // "memmap0" …
}

// keptOut says what the kernel avoids and what that costs.
func (k *KASLR) keptOut(w io.Writer) {
	var parts []string
	for _, a := range k.Avoided {
		if a.Slots != 0 {
			parts = append(parts, fmt.Sprintf("%s (%s, %.2f bits)", reasonFor(a), Count(uint64(max(a.Slots, -a.Slots)), "place"), math.Abs(a.Bits)))
		}
	}
	if parts != nil {
		fmt.Fprintln(w, "Kept out by "+strings.Join(parts, ", ")+".")
	}
}

// virtual is the line about the virtual address.
func (k *KASLR) virtual() string {
	v := k.Virtual
	if v.Slots == 0 {
		return "Virtual: fixed."
	}
	return fmt.Sprintf("Virtual: %s, %.1f bits. Together %.1f bits.", Count(v.Places, "place"), v.EntropyBits, v.EntropyBits+k.EntropyBits)
}

// whatIf tables what each avoided thing costs by itself.
func (k *KASLR) whatIf(w io.Writer) error {
	var rows [][]string
	for _, a := range k.Avoided {
		from, to := a.Start, a.End
		if from == to {
			from, to = "–", "–" // no memory of its own
		}
		rows = append(rows, []string{"without " + reasonFor(a), from, to, Size(a.Bytes), fmt.Sprintf("%+d", a.Slots), fmt.Sprintf("%+.3f", a.Bits)})
	}
	if rows == nil {
		_, err := fmt.Fprintln(w, "Nothing is avoided: nothing is chosen.")
		return err
	}
	fmt.Fprintln(w)
	right := func(title string) Column { return Column{Title: title, Right: true} }
	return Table(w, []Column{{Title: "what if"}, right("from"), right("to"), right("memory"), right("places"), right("bits")}, rows)
}

// histogramWidth is how many columns a histogram has.
const histogramWidth = 64

// histogram shows how the places spread over the addresses between first and last.
func (k *KASLR) histogram(w io.Writer) {
	if k.Physical.Places < 2 {
		return
	}
	low, high := k.SlotAreas[0].start, uint64(0)
	for _, a := range k.SlotAreas {
		low, high = min(low, a.start), max(high, a.start+(a.Slots-1)*k.align)
	}
	counts := make([]uint64, histogramWidth)
	step := (high-low)/histogramWidth + 1
	for _, a := range k.SlotAreas {
		spread(counts, a, low, step, k.align)
	}
	var most uint64
	for _, n := range counts {
		most = max(most, n)
	}
	bars := []rune(" ▁▂▃▄▅▆▇█")
	line := make([]rune, histogramWidth)
	for i, n := range counts {
		level := (n*uint64(len(bars)-1) + most - 1) / most
		line[i] = bars[level]
	}
	left, right := short(low), short(high)
	fmt.Fprintf(w, "\n%s\n%s%*s\n%s a column, at most %s\n", string(line), left, histogramWidth-len(left), right, Size(step), Count(most, "place"))
}

// spread counts the places of an area into columns of step bytes from low on.
func spread(counts []uint64, a SlotArea, low, step, align uint64) {
	for i := range counts {
		from, to := low+uint64(i)*step, low+uint64(i+1)*step
		if to <= a.start {
			continue
		}
		first := (max(from, a.start) - a.start + align - 1) / align
		end := min((to-a.start+align-1)/align, a.Slots)
		if first < end {
			counts[i] += end - first
		}
	}
}
