package report

import (
	"fmt"
	"io"

	"bootplan/sim"
)

// sideBySide is how many designs still have room beside each other.
const sideBySide = 3

// CompareText shows what designs answer to each question: one column per design, or,
// where there are too many, one line per design and a table per group of questions. Then
// how much is writable and executable over time, and the findings of each.
func CompareText(w io.Writer, boots []Boot, style Style) error {
	table := columnPerDesign
	if len(boots) > sideBySide {
		table = linePerDesign
	}
	if err := table(w, boots); err != nil {
		return err
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "° stated by the design; all else is computed from its run. W+X: RAM mapped writable and executable at once")
	if style.Quiet {
		return nil
	}
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
func columnPerDesign(w io.Writer, boots []Boot) error {
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
	return Table(w, columns, rows)
}

// linePerDesign shows a table per group of questions, one line per design.
func linePerDesign(w io.Writer, boots []Boot) error {
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
		if err := Table(w, columns, rows); err != nil {
			return err
		}
	}
	return nil
}

// details are the findings of each boot, and with Style.Verbose what its design does not
// support. Many designs get one line each.
func details(w io.Writer, boots []Boot, style Style) error {
	brief := len(boots) > sideBySide && !style.Verbose
	fmt.Fprintln(w)
	for i, b := range boots {
		if i > 0 && !brief {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s: %s\n", b.name(), compareAnswer(b.Result))
		if brief {
			continue
		}
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
