package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"bootplan/sim"
)

// UnderPolicy is the boots of several designs, the same for each policy.
type UnderPolicy struct {
	Policy string
	Boots  []Boot
}

// ComparePolicies makes the comparison of boots under several policies: one list of
// properties for each.
func ComparePolicies(runs []UnderPolicy) Comparison {
	c := Comparison{Schema: Schema, Runs: []Run{}, Matrix: []Property{}}
	for _, under := range runs {
		part := Compare(under.Boots)
		for i := range part.Runs {
			part.Runs[i].Policy = under.Policy
		}
		for i := range part.Matrix {
			part.Matrix[i].Policy = under.Policy
		}
		c.Runs = append(c.Runs, part.Runs...)
		c.Matrix = append(c.Matrix, part.Matrix...)
	}
	return c
}

// PoliciesText shows how each boot ends and what it leaves open, one line per design and
// one column per policy; then why some do not get there. The setting says in words what
// was simulated.
func PoliciesText(w io.Writer, runs []UnderPolicy, setting string, style Style) error {
	why := failures{}
	if err := policyTable(w, "how it ends", runs, style, why.outcome); err != nil || style.Quiet {
		return err
	}
	fmt.Fprintln(w)
	if err := policyTable(w, "W+X at kernel entry", runs, style, measured(sim.WXAtKernelEntry)); err != nil {
		return err
	}
	fmt.Fprintln(w)
	if err := policyTable(w, "findings (errors)", runs, style, findingCount); err != nil {
		return err
	}
	if len(why.texts) > 0 {
		fmt.Fprintln(w)
	}
	for i, text := range why.texts {
		fmt.Fprintf(w, "(%d) %s\n", i+1, text)
	}
	fmt.Fprintln(w, "\nsimulated: "+setting)
	var all []Boot
	for _, under := range runs {
		all = append(all, under.Boots...)
	}
	assumptions(w, all)
	_, err := fmt.Fprintln(w, "\nNext: bootplan compare with one of the policies tells more of each design")
	return err
}

// policyTable shows one answer of each design under each policy.
func policyTable(w io.Writer, title string, runs []UnderPolicy, style Style, answer func(Boot) string) error {
	columns := []Column{{Title: title}}
	for _, under := range runs {
		columns = append(columns, Column{Title: under.Policy})
	}
	var rows [][]string
	for i, b := range runs[0].Boots {
		row := []string{"  " + b.name()}
		for _, under := range runs {
			row = append(row, answer(under.Boots[i]))
		}
		rows = append(rows, row)
	}
	return foldedTable(w, style.Width, columns, rows)
}

// failures are the different reasons for which boots do not get to the kernel.
type failures struct{ texts []string }

// outcome is how a boot ends, with the number of the reason.
func (f *failures) outcome(b Boot) string {
	if b.Result.Outcome == sim.Boots {
		return "boots"
	}
	text := strings.SplitN(b.Result.Failure, "\n", 2)[0]
	i := slices.Index(f.texts, text)
	if i < 0 {
		i = len(f.texts)
		f.texts = append(f.texts, text)
	}
	return fmt.Sprintf("%s (%d)", outcome(b), i+1)
}
