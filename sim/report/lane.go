package report

import (
	"fmt"
	"io"
	"slices"

	"bootplan/memmap"
	"bootplan/sim"
)

// laneWidth is how many columns the line of a boot has in a picture.
const laneWidth = 48

// laneLevels are the characters of a lane, and the bytes below which each is used.
var laneLevels = []struct {
	below uint64
	mark  rune
}{
	{1, '·'}, {memmap.MiB, '▁'}, {16 * memmap.MiB, '▂'}, {64 * memmap.MiB, '▃'}, {256 * memmap.MiB, '▄'},
	{memmap.GiB, '▅'}, {2 * memmap.GiB, '▆'}, {^uint64(0), '▇'},
}

// laneLegend explains a lane, in two lines.
var laneLegend = [...]string{
	"· none  ▁ <1 MiB  ▂ <16  ▃ <64  ▄ <256  ▅ <1024  ▆ <2048  ▇ more",
	"│ boot services end  ║ the kernel begins",
}

// The marks in a lane where boot services end, and where the kernel's own steps begin.
const exitMark, kernelMark = '│', '║'

// lane draws how much RAM is mapped writable and executable, from the first step of boot
// code to the kernel's last, over the width of a lane; a column shows the most of its
// steps, and marks are in the first column of theirs.
func lane(r *sim.Result) string {
	first := slices.IndexFunc(r.Steps, func(s sim.Step) bool { return s.Phase > sim.Loader })
	if first < 0 {
		return ""
	}
	steps := r.Steps[first:]
	columns := make([]rune, laneWidth)
	at := func(column int) (first, end int) {
		first = column * len(steps) / laneWidth
		return first, max((column+1)*len(steps)/laneWidth, first+1)
	}
	for i := range columns {
		first, end := at(i)
		columns[i] = wxMark(steps[first:end])
	}
	mark := func(with rune, is func(sim.Step) bool) {
		step := slices.IndexFunc(steps, is)
		for i := range columns {
			if first, end := at(i); first <= step && step < end {
				columns[i] = with
				return
			}
		}
	}
	mark(exitMark, func(s sim.Step) bool { return s.Op == sim.Exit })
	mark(kernelMark, func(s sim.Step) bool { return s.Phase == sim.Kernel })
	return string(columns)
}

// wxMark is the character for the most that any of some steps leads to.
func wxMark(steps []sim.Step) rune {
	var most uint64
	for _, s := range steps {
		most = max(most, s.WX)
	}
	for _, l := range laneLevels {
		if most < l.below {
			return l.mark
		}
	}
	return '▇'
}

// drawLanes shows the lane of each boot, and its peak.
func drawLanes(w io.Writer, boots []Boot) error {
	var rows [][]string
	for _, b := range boots {
		rows = append(rows, []string{"  " + b.name(), lane(b.Result), measured(sim.WXPeak)(b)})
	}
	fmt.Fprintln(w, "W+X from the first step of boot code until the kernel has protected itself; the most before that")
	if err := Table(w, []Column{{}, {}, {Right: true}}, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "  %s\n  %s\n", laneLegend[0], laneLegend[1])
	return err
}
