package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"bootplan/memmap"
)

// KASLRText tells the number first, then where the places are and why not elsewhere.
func KASLRText(w io.Writer, k *KASLR, whatIf bool, style Style) error {
	fmt.Fprintln(w, k.answer())
	if style.Quiet {
		return nil
	}
	if err := k.places(w, style); err != nil {
		return err
	}
	fmt.Fprint(w, k.keptOut())
	if k.Kernel != nil {
		fmt.Fprintln(w, k.virtual())
	}
	if style.Verbose && k.Kernel != nil {
		fmt.Fprintf(w, "The given random numbers choose %s, virtual %s.\n", k.Kernel.Start, k.Kernel.Virtual)
	}
	for _, text := range k.Assumptions {
		fmt.Fprintln(w, "assumed: "+text)
	}
	for _, text := range k.Messages {
		fmt.Fprintf(w, "prints: %q\n", text)
	}
	if err := k.surprises(w, style); err != nil {
		return err
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
	switch {
	case k.Kernel == nil:
		return "fails: " + k.Failure
	case k.Distribution == "fixed":
		return fmt.Sprintf("0 bits: %s. The kernel is at %s.", k.FixedBy, k.Kernel.Start)
	case k.Distribution == "unknown":
		return "There are more than 2^32 places for a seed of 32 bits: some are taken more often than others, many never."
	case k.Distribution == "uniform":
		return fmt.Sprintf("%.1f bits: %s, all equally likely.", p.EntropyBits, Count(p.Places, "place"))
	case k.Distribution == "nearly uniform":
		return fmt.Sprintf("%.1f bits: %s, equally likely but for the last bit of the random number (1 in %s each).",
			p.EntropyBits, Count(p.Places, "place"), Thousands(p.Places))
	}
	return fmt.Sprintf("%.1f bits: %s, not equally likely; whoever guesses the likeliest one is right once in %.1f boots (%.1f bits).",
		p.EntropyBits, Count(p.Places, "place"), math.Exp2(p.MinEntropyBits), p.MinEntropyBits)
}

// maxAreas is how many areas are shown unless all are wanted.
const maxAreas = 20

// places lists the rows of places.
func (k *KASLR) places(w io.Writer, style Style) error {
	if len(k.SlotAreas) == 0 {
		return nil
	}
	fmt.Fprintf(w, "It needs %s and can begin at every multiple of %s\n", Size(k.Bytes), Size(k.align))
	var rows [][]string
	for i, a := range k.SlotAreas {
		if i == maxAreas && !style.Verbose {
			break
		}
		last := a.start + (a.Slots-1)*k.align
		rows = append(rows, []string{"", fmt.Sprintf("from 0x%09x to 0x%09x", a.start, last), Count(a.Slots, "place")})
	}
	if err := Table(w, []Column{{}, {}, {Right: true}}, rows); err != nil {
		return err
	}
	if more := len(k.SlotAreas) - len(rows); more > 0 {
		fmt.Fprintf(w, "  and in %s more, see them with -v\n", Count(uint64(more), "area"))
	}
	return nil
}

// reasons are what keeps a kernel out of memory, in words.
var reasons = map[string]string{
	"image": "the compressed kernel", "initrd": "the initrd", "cmdline": "the command line", "boot_params": "boot_params",
	"minimum": "the lowest address allowed", "limit": "the highest address allowed", "immovable": "the ranges of the ACPI SRAT",
	"hugepages": "1 GiB pages asked for", "setup_data": "setup_data", "setup_indirect": "setup_data elsewhere",
	"hot-pluggable": "hot-pluggable memory", "soft-reserved": "memory kept for drivers", "not-mirrored": "memory that is not mirrored",
	"too-small": "free ranges that are too small",
	"memmap0":   "the first memmap= range", "memmap1": "the second memmap= range", "memmap2": "the third memmap= range", "memmap3": "the fourth memmap= range",
}

// reason names what keeps the kernel out in words.
func (a Avoided) reason() string {
	if text, ok := reasons[a.What]; ok {
		return text
	}
	return "memory in use as " + a.What
}

// maxReasons is how many reasons the summary names.
const maxReasons = 5

// keptOut says what the kernel avoids and what that costs, the dearest first.
func (k *KASLR) keptOut() string {
	list := slices.DeleteFunc(slices.Clone(k.Avoided), func(a Avoided) bool { return a.Slots == 0 })
	slices.SortStableFunc(list, func(a, b Avoided) int { return cmp.Compare(max(b.Slots, -b.Slots), max(a.Slots, -a.Slots)) })
	var parts []string
	for i, a := range list {
		if i == maxReasons {
			parts = append(parts, fmt.Sprintf("%d more, see --what-if", len(list)-i))
			break
		}
		cost := Count(uint64(max(a.Slots, -a.Slots)), "place")
		if bits := fmt.Sprintf("%.2f bits", math.Abs(a.Bits)); bits != "0.00 bits" {
			cost += ", " + bits
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", a.reason(), cost))
	}
	if parts == nil {
		return ""
	}
	return "Kept out by " + strings.Join(parts, ",\n            ") + ".\n"
}

// virtual is the line about the virtual address.
func (k *KASLR) virtual() string {
	v := k.Virtual
	if v.Slots == 0 {
		return fmt.Sprintf("Virtual: fixed at %s.", k.Kernel.Virtual)
	}
	line := fmt.Sprintf("Virtual: %s, %.1f bits.", Count(v.Places, "place"), v.EntropyBits)
	if k.Distribution == "unknown" {
		return line
	}
	return line + fmt.Sprintf(" Together %.1f bits.", v.EntropyBits+k.EntropyBits)
}

// surprises lists the findings. One that the answer has told already is left out.
func (k *KASLR) surprises(w io.Writer, style Style) error {
	list := worstFirst(k.findings)
	if len(list) == 0 {
		return nil
	}
	var rows [][]string
	for _, f := range list {
		if f.Message != k.Failure {
			rows = append(rows, []string{style.Severity(f.Severity), f.Rule, f.Message})
		}
	}
	if rows != nil {
		if err := Table(w, make([]Column, 3), rows); err != nil {
			return err
		}
	}
	fmt.Fprintln(w, "Next: bootplan explain "+list[0].Rule)
	return nil
}

// whatIf tables what each avoided thing costs by itself.
func (k *KASLR) whatIf(w io.Writer) error {
	if len(k.Avoided) == 0 {
		_, err := fmt.Fprintln(w, "What if: nothing that the kernel avoids makes a difference.")
		return err
	}
	var rows [][]string
	for _, a := range k.Avoided {
		row := []string{"without " + a.reason(), a.where(), Size(a.Bytes), fmt.Sprintf("%+d", a.Slots), fmt.Sprintf("%+.3f", a.Bits)}
		if a.Error != "" {
			row[3], row[4] = "–", a.Error
		}
		rows = append(rows, row)
	}
	fmt.Fprintln(w)
	right := func(title string) Column { return Column{Title: title, Right: true} }
	return Table(w, []Column{{Title: "what if"}, {Title: "where"}, right("memory"), right("places"), right("bits")}, rows)
}

// where is the memory that is avoided, if it is one range.
func (a Avoided) where() string {
	switch {
	case a.extent.Size == 0:
		return "–"
	case a.What == "limit":
		return fmt.Sprintf("[mem 0x%08x-…]", a.extent.Start)
	case a.extent.Wraps():
		return fmt.Sprintf("0x%x bytes at 0x%x", a.extent.Size, a.extent.Start)
	}
	return memmap.Range{Start: a.extent.Start, End: a.extent.End()}.Short()
}

// histogramWidth is how many columns a histogram has at most.
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
	step := ((high-low)/k.align/histogramWidth + 1) * k.align // equal columns for equal memory
	counts := make([]uint64, (high-low)/step+1)
	for _, a := range k.SlotAreas {
		spread(counts, a, low, step, k.align)
	}
	most := slices.Max(counts)
	bars := []rune(" ▁▂▃▄▅▆▇█")
	line := make([]rune, len(counts))
	for i, n := range counts {
		line[i] = bars[(n*uint64(len(bars)-1)+most-1)/most]
	}
	left, right := short(low), short(high)
	fmt.Fprintf(w, "\n%s\n%s%*s\n%s a column, at most %s\n", string(line), left, max(len(line)-len(left), len(right)+1), right, Size(step), Count(most, "place"))
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
