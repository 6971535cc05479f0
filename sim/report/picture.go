package report

import (
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"bootplan/memmap"
	"bootplan/sim"
)

// pictureWidth is how many columns a picture of memory has.
const pictureWidth = 72

// drawMemory shows the address space before and after the boot, and what is mapped
// writable and executable when boot code has done its work. The scale is piecewise: stretches between
// things of interest get columns by the logarithm of their length.
func drawMemory(w io.Writer, r *sim.Result) error {
	s := newScale(r)
	fmt.Fprintf(w, "%-8s %s\n", "memory", s.ruler())
	fmt.Fprintf(w, "%-8s %s\n", "before", s.draw(func(c memmap.Range) rune { return use(&r.Before, c) }))
	after := s.draw(func(c memmap.Range) rune { return content(r, c) })
	fmt.Fprintf(w, "%-8s %s\n", "after", s.label(after, r))
	fmt.Fprintf(w, "%-8s %s\n", "W+X", s.draw(func(c memmap.Range) rune { return wx(r.After.Tables, c) }))
	if _, err := fmt.Fprintf(w, "%-8s %s\n", "", legend); err != nil {
		return err
	}
	return drawLane(w, r)
}

// drawLane shows how much is mapped writable and executable while the boot goes on.
func drawLane(w io.Writer, r *sim.Result) error {
	m, _ := r.Metric(sim.WXPeak)
	if m.Value == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "\nW+X from the first step of boot code until the kernel has protected itself; boot code: at most %s\n%-8s %s\n%-8s %s\n%-8s %s\n",
		Value(m), "", lane(r), "", laneLegend[0], "", laneLegend[1])
	return err
}

// The characters of a picture. The command line replaces them where a terminal
// shows ASCII only.
const (
	free, taken, firmware, reserved, hole = '░', '█', '▓', '▒', ' '
	wxYes, wxNo                           = '▇', '▁'
	legend                                = "░ free   █ written by this boot   ▓ firmware   ▒ reserved   W+X: ▇ writable and executable"
)

// use shows what most of c is for.
func use(p *sim.Picture, c memmap.Range) rune {
	var bytes struct{ free, firmware, reserved uint64 }
	p.Use.Over(c, func(u memmap.Span[sim.Use]) bool {
		switch u.Value {
		case sim.UseRAM, sim.UseLoader, sim.UseUnaccepted:
			bytes.free += u.Len()
		case sim.UseBoot:
			bytes.firmware += u.Len()
		case sim.UseNone:
		default:
			bytes.reserved += u.Len()
		}
		return true
	})
	switch {
	case bytes.free+bytes.firmware+bytes.reserved < c.Len()/2:
		return hole
	case bytes.reserved > bytes.free && bytes.reserved > bytes.firmware:
		return reserved
	case bytes.firmware > bytes.free:
		return firmware
	}
	return free
}

// content shows whether the boot wrote to most of c.
func content(r *sim.Result, c memmap.Range) rune {
	var written uint64
	r.After.Content.Over(c, func(s memmap.Span[string]) bool {
		if s.Value != "" {
			written += s.Len()
		}
		return true
	})
	if written > 0 && written >= c.Len()/2 {
		return taken
	}
	return use(&r.After, c)
}

// wx shows whether any of c is mapped writable and executable.
func wx(t *sim.Tables, c memmap.Range) rune {
	mark := wxNo
	if t.Paging {
		t.Over(c, func(p memmap.Span[sim.Perm]) bool {
			if p.Value.Has(sim.W | sim.X) {
				mark = wxYes
			}
			return mark == wxNo
		})
	}
	return mark
}

// scale maps columns to addresses.
type scale struct {
	cells []memmap.Range
}

// newScale divides memory at what is of interest in r.
func newScale(r *sim.Result) scale {
	edges := []uint64{0, memmap.MiB, reach(r)}
	add := func(a uint64) { edges = append(edges, min(a, reach(r))) }
	for _, p := range r.Placements {
		if p.Range.Len() >= 64*memmap.KiB && p.Name != "kernel_output" {
			add(p.Range.Start)
			add(p.Range.End)
		}
	}
	for i, u := range r.Before.Use.All() {
		if u.Value.IsRAM() && u.Len() >= 64*memmap.MiB || i == 0 {
			add(u.Start)
			add(u.End)
		}
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	return scale{divide(edges)}
}

// divide gives each stretch between two edges columns by the logarithm of its length.
func divide(edges []uint64) []memmap.Range {
	weights, total := make([]int, len(edges)-1), 0
	for i := range weights {
		weights[i] = max(1, bits.Len64(edges[i+1]-edges[i])-14)
		total += weights[i]
	}
	var cells []memmap.Range
	for i, weight := range weights {
		n := uint64(max(1, weight*pictureWidth/total))
		length := edges[i+1] - edges[i]
		for c := range n {
			// Multiplying first would overflow for a stretch of exabytes.
			cell := memmap.Range{Start: edges[i] + length/n*c, End: edges[i] + length/n*(c+1)}
			if c == n-1 {
				cell.End = edges[i+1]
			}
			cells = append(cells, cell)
		}
	}
	return cells
}

// draw shows each column as the character that glyph gives it.
func (s scale) draw(glyph func(memmap.Range) rune) string {
	var b strings.Builder
	for _, c := range s.cells {
		b.WriteRune(glyph(c))
	}
	return strings.TrimRight(b.String(), " ")
}

// ruler writes addresses above the columns where they begin, as far as they fit.
func (s scale) ruler() string {
	line := []rune(strings.Repeat(" ", len(s.cells)+12))
	at := 0
	for i, c := range s.cells {
		label := short(c.Start)
		if i >= at && (i == 0 || c.Start%memmap.MiB == 0 && c.Len() != s.cells[i-1].Len()) {
			copy(line[i:], []rune(label))
			at = i + len(label) + 1
		}
	}
	if len(s.cells) >= at {
		copy(line[len(s.cells):], []rune(short(s.cells[len(s.cells)-1].End)))
	}
	return strings.TrimRight(string(line), " ")
}

// short is an address in the largest unit: "16M".
func short(a uint64) string {
	switch {
	case a >= memmap.GiB && a%memmap.GiB == 0:
		return fmt.Sprintf("%dG", a/memmap.GiB)
	case a >= 16*memmap.GiB:
		return fmt.Sprintf("%.1fG", float64(a)/float64(memmap.GiB))
	case a >= memmap.MiB:
		return fmt.Sprintf("%dM", a/memmap.MiB)
	case a >= memmap.KiB:
		return fmt.Sprintf("%dK", a/memmap.KiB)
	}
	return fmt.Sprint(a)
}

// labels are the placements that a picture names, with the names that it uses.
var labels = []struct{ placement, name string }{
	{"kernel", "kernel"}, {"relocated_image", "copy"}, {"compressed_kernel", "file"},
	{"pe_image", "image"}, {"initrd", "initrd"},
}

// label writes the names of placements into a drawn line where they fit.
func (s scale) label(line string, r *sim.Result) string {
	runes := []rune(line)
	for _, l := range labels {
		p, ok := r.Placement(l.placement)
		if !ok {
			continue
		}
		first := slices.IndexFunc(s.cells, func(c memmap.Range) bool { return c.Overlaps(p.Range) })
		n := 0
		for i := first; i >= 0 && i < len(s.cells) && s.cells[i].Overlaps(p.Range); i++ {
			n++
		}
		width := utf8.RuneCountInString(l.name)
		if first < 0 || n < width || first+n > len(runes) {
			continue
		}
		if at := runes[first+(n-width)/2:][:width]; !slices.ContainsFunc(at, unicode.IsLetter) { // of something inside it
			copy(at, []rune(l.name))
		}
	}
	return string(runes)
}
