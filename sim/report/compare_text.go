package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"bootplan/sim"
)

// sideBySide is how many designs still have room beside each other.
const sideBySide = 3

// CompareText shows what designs answer to each question: one column per design, or,
// where there are too many, one line per design and a table per group of questions. Then
// how much is writable and executable over time, and the findings of each. The setting
// says in words what was simulated.
func CompareText(w io.Writer, boots []Boot, setting string, style Style) error {
	table := columnPerDesign
	if len(boots) > sideBySide {
		table = linePerDesign
	}
	if err := table(w, boots, style); err != nil {
		return err
	}
	fmt.Fprintln(w, "\n° stated by the design; all else is computed from its run\nW+X: RAM mapped writable and executable at once; bootplan explain NAME tells of any other column")
	if style.Quiet {
		return nil
	}
	fmt.Fprintln(w, "simulated: "+setting)
	fmt.Fprintln(w)
	if err := drawLanes(w, boots); err != nil {
		return err
	}
	if err := details(w, boots, style); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nNext: bootplan run -v --design %s, with the flags given here, tells its steps and reasons\n", worst(boots).Design)
	return err
}

// title is the name of a question, marked if its answers are stated.
func (q question) title() string {
	if q.stated {
		return q.name + "°"
	}
	return q.name
}

// columnPerDesign shows one line per question.
func columnPerDesign(w io.Writer, boots []Boot, style Style) error {
	columns := []Column{{}}
	for _, b := range boots {
		columns = append(columns, Column{Title: b.name()})
	}
	blank := make([]string, len(columns))
	var rows [][]string
	for _, g := range groups {
		if rows != nil {
			heading := append([]string{g.name}, blank[1:]...)
			rows = append(rows, blank, heading)
		}
		for _, q := range g.questions {
			row := []string{q.title()}
			for _, b := range boots {
				row = append(row, q.answer(b))
			}
			rows = append(rows, row)
		}
	}
	return foldedTable(w, style.Width, columns, rows)
}

// linePerDesign shows a table per group of questions, one line per design.
func linePerDesign(w io.Writer, boots []Boot, style Style) error {
	for i, g := range groups {
		columns := []Column{{Title: g.name}}
		for _, q := range g.questions {
			columns = append(columns, Column{Title: q.title()})
		}
		var rows [][]string
		for _, b := range boots {
			row := []string{"  " + b.name()}
			for _, q := range g.questions {
				row = append(row, q.answer(b))
			}
			rows = append(rows, row)
		}
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := foldedTable(w, style.Width, columns, rows); err != nil {
			return err
		}
	}
	return nil
}

// details are the findings of each boot and what it assumes, and with Style.Verbose what
// its design does not support. Of many designs only what keeps them from booting is told,
// and what they assume.
func details(w io.Writer, boots []Boot, style Style) error {
	if len(boots) > sideBySide && !style.Verbose {
		brief(w, boots)
		return nil
	}
	for _, b := range boots {
		fmt.Fprintf(w, "\n%s: %s\n", b.name(), compareAnswer(b.Result))
		if err := findingLines(w, b.Result, style); err != nil {
			return err
		}
		for _, text := range b.Result.Assumptions {
			fmt.Fprintln(w, "  assumed: "+text)
		}
		for _, text := range b.Design.Info.Lacks {
			if style.Verbose {
				fmt.Fprintln(w, "  does not support: "+text)
			}
		}
	}
	return nil
}

// brief tells why some boots do not get there, and what boots assume.
func brief(w io.Writer, boots []Boot) {
	for _, b := range boots {
		if b.Result.Outcome != sim.Boots {
			fmt.Fprintf(w, "\n%s: %s\n", b.name(), compareAnswer(b.Result))
		}
	}
	assumptions(w, boots)
}

// assumptions lists what boots assume, each with the designs that do.
func assumptions(w io.Writer, boots []Boot) {
	designs := map[string][]string{}
	var texts []string
	for _, b := range boots {
		for _, text := range b.Result.Assumptions {
			if designs[text] == nil {
				texts = append(texts, text)
			}
			if !slices.Contains(designs[text], b.Result.Design) {
				designs[text] = append(designs[text], b.Result.Design)
			}
		}
	}
	if texts != nil {
		fmt.Fprintln(w, "\nassumed")
	}
	for _, text := range texts {
		fmt.Fprintf(w, "  %s: %s\n", strings.Join(designs[text], ", "), text)
	}
}

// worst is the first result that does not boot; if all do, the one with most findings.
func worst(boots []Boot) *sim.Result {
	worst := boots[0].Result
	for _, b := range boots {
		if b.Result.Outcome != sim.Boots {
			return b.Result
		}
		if len(b.Result.Findings) > len(worst.Findings) {
			worst = b.Result
		}
	}
	return worst
}

func compareAnswer(r *sim.Result) string {
	if r.Outcome == sim.Boots {
		return Summary(r.Findings)
	}
	return string(r.Outcome) + ": " + r.Failure
}
