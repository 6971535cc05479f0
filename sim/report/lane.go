package report

import (
	"fmt"
	"io"

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

const laneLegend = "· none  ▁ <1 MiB  ▂ <16  ▃ <64  ▄ <256  ▅ <1024  ▆ <2048  ▇ more   │ exit of firmware"

// lane draws how much RAM is mapped writable and executable, from the first step of boot
// code to the last, over the width of a lane; a column shows the most of its steps.
func lane(r *sim.Result) string {
	var steps []sim.Step
	for _, s := range r.Steps {
		if s.Phase > sim.Loader && s.Phase < sim.Kernel {
			steps = append(steps, s)
		}
	}
	if len(steps) == 0 {
		return ""
	}
	marks := make([]rune, laneWidth)
	ended := false
	for i := range marks {
		first, end := i*len(steps)/laneWidth, (i+1)*len(steps)/laneWidth
		marks[i] = laneMark(steps[first:max(end, first+1)])
		if ended && marks[i] == exitMark {
			marks[i] = wxMark(steps[first].WX) // the same step in a further column
		}
		ended = ended || marks[i] == exitMark
	}
	return string(marks)
}

// exitMark is where boot services end.
const exitMark = '│'

// laneMark is the character for some steps.
func laneMark(steps []sim.Step) rune {
	var most uint64
	for _, s := range steps {
		if s.Op == sim.Exit {
			return exitMark
		}
		most = max(most, s.WX)
	}
	return wxMark(most)
}

// wxMark is the character for an amount of memory.
func wxMark(most uint64) rune {
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
	fmt.Fprintln(w, "W+X from the first step of boot code to the kernel's first instruction")
	if err := Table(w, []Column{{}, {}, {Right: true}}, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "  "+laneLegend)
	return err
}
