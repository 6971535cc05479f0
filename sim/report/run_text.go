package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

// Style is how text is shown.
type Style struct {
	Verbose bool // reasons, sources, placements and figures too
	Quiet   bool // the answer only
	Color   bool
	Width   int // columns of the terminal; 0: it is none
}

// RunText tells one boot: the answer, the findings, the steps, and two pictures. The
// kernel prefers an address; setting says in words what was simulated.
func RunText(w io.Writer, r *sim.Result, prefers uint64, setting string, style Style) error {
	fmt.Fprintln(w, answer(r, prefers))
	if style.Quiet {
		return nil
	}
	if err := findingLines(w, r, style); err != nil {
		return err
	}
	fmt.Fprintln(w, Summary(r.Findings)+next(r.Findings))
	fmt.Fprintf(w, "simulated: %s, %s\n", r.Design, setting)
	for _, text := range r.Assumptions {
		fmt.Fprintln(w, "assumed: "+text)
	}
	for _, text := range r.Messages {
		fmt.Fprintf(w, "prints: %q\n", text)
	}
	fmt.Fprintln(w)
	if err := stepTable(w, r, style); err != nil {
		return err
	}
	if style.Verbose {
		if err := placementTable(w, r); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	return drawMemory(w, r)
}

// answer is the first line: how the boot ends, and where the kernel is.
func answer(r *sim.Result, prefers uint64) string {
	switch r.Outcome {
	case sim.Fails:
		return "fails: " + r.Failure
	case sim.Faults:
		return fmt.Sprintf("FAULTS at step %d: %s", len(r.Steps), r.Failure)
	}
	kernel, _ := r.Placement("kernel")
	where := ", where it prefers to be."
	if kernel.Range.Start != prefers {
		where = fmt.Sprintf("; it would prefer 0x%x.", prefers)
	}
	return fmt.Sprintf("boots. The kernel runs at %s%s", kernel.Range, where)
}

// findingLines lists what the checks object to, the worst first.
func findingLines(w io.Writer, r *sim.Result, style Style) error {
	var rows [][]string
	for _, f := range worstFirst(r.Findings) {
		rows = append(rows, []string{"", style.Severity(f.Severity), f.Rule, stepOf(f), rangeOf(f), messageOf(f, r)})
	}
	if rows == nil {
		return nil
	}
	return Table(w, make([]Column, 6), rows)
}

// stepOf says at which step a finding was made.
func stepOf(f sim.Finding) string {
	if f.Step == sim.AtEnd {
		return "as a whole"
	}
	return fmt.Sprintf("step %d", f.Step+1)
}

// rangeOf is the memory that a finding is about; empty where it is about none.
func rangeOf(f sim.Finding) string {
	if f.Range.Empty() {
		return ""
	}
	return f.Range.Short()
}

// messageOf is what a finding says. Of the failure, which the answer has told in
// full, it is the first line.
func messageOf(f sim.Finding, r *sim.Result) string {
	if f.Message != r.Failure {
		return f.Message
	}
	first, _, _ := strings.Cut(f.Message, "\n")
	return first
}

func worstFirst(findings []sim.Finding) []sim.Finding {
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b sim.Finding) int { return int(b.Severity) - int(a.Severity) })
	return sorted
}

// Summary counts findings: "6 findings: 1 error, 5 warnings."
func Summary(findings []sim.Finding) string {
	if len(findings) == 0 {
		return "no findings."
	}
	var parts []string
	for _, s := range []rule.Severity{rule.Error, rule.Warning, rule.Info} {
		n := 0
		for _, f := range findings {
			if f.Severity == s {
				n++
			}
		}
		if n > 0 && s == rule.Info {
			parts = append(parts, fmt.Sprintf("%d info", n))
		} else if n > 0 {
			parts = append(parts, Count(uint64(n), s.String()))
		}
	}
	return Count(uint64(len(findings)), "finding") + ": " + strings.Join(parts, ", ") + "."
}

// next says what to run to learn more about the worst finding.
func next(findings []sim.Finding) string {
	if len(findings) == 0 {
		return ""
	}
	return " Next: bootplan explain " + worstFirst(findings)[0].Rule
}

// stepTable lists the steps; with Style.Verbose each is followed by why and where it says so.
func stepTable(w io.Writer, r *sim.Result, style Style) error {
	broken := map[int][]string{}
	for _, f := range r.Findings {
		if !slices.Contains(broken[f.Step], f.Rule) {
			broken[f.Step] = append(broken[f.Step], f.Rule)
		}
	}
	var rows [][]string
	for i, s := range r.Steps {
		row := []string{fmt.Sprint(i + 1), s.Phase.String(), s.Op.String(), where(s), how(s), object(s), ""}
		if rules := broken[i]; rules != nil {
			row[6] = "● " + strings.Join(rules, ", ")
		}
		rows = append(rows, row)
	}
	var table strings.Builder
	columns := []Column{{"#", true}, {Title: "who"}, {Title: "what"}, {Title: "where"}, {Title: "how"}, {Title: "object"}, {Title: ""}}
	if err := Table(&table, columns, rows); err != nil {
		return err
	}
	if !style.Verbose {
		_, err := io.WriteString(w, table.String())
		return err
	}
	for i, line := range strings.SplitAfter(table.String(), "\n") {
		fmt.Fprint(w, line)
		if i > 0 && i <= len(r.Steps) {
			fmt.Fprintf(w, "       %s [%s]\n", r.Steps[i-1].Why, r.Steps[i-1].Source)
		}
	}
	return nil
}

// where shows the range of a step, and the source of a copy by its start.
func where(s sim.Step) string {
	if s.Range.Empty() {
		return ""
	}
	text := s.Range.Short()
	if s.Op == sim.Copy {
		text += " ← " + fmt.Sprintf("0x%08x", s.From.Start)
	}
	return text
}

func how(s sim.Step) string {
	if s.Perm == 0 {
		return ""
	}
	return s.Perm.String()
}

func object(s sim.Step) string {
	if s.Memory != "" {
		return s.Object + " (" + s.Memory + ")"
	}
	return s.Object
}

// placementTable lists where everything ended up, and the figures of the run.
func placementTable(w io.Writer, r *sim.Result) error {
	var rows [][]string
	for _, p := range r.Placements {
		virtual := ""
		if p.Virtual != 0 {
			virtual = "virtual " + Address(p.Virtual)
		}
		rows = append(rows, []string{p.Name, p.Range.String(), Size(p.Range.Len()), virtual})
	}
	fmt.Fprintln(w)
	err := Table(w, []Column{{Title: "placement"}, {Title: "where"}, {"size", true}, {}}, rows)
	if err != nil || len(r.Metrics) == 0 {
		return err
	}
	rows = nil
	for _, m := range r.Metrics {
		rows = append(rows, []string{m.Name, Value(m)})
	}
	fmt.Fprintln(w)
	if err := Table(w, []Column{{Title: "figure"}, {"value", true}}, rows); err != nil {
		return err
	}
	return allocationTable(w, r)
}

// allocationTable lists requests for memory by type and limit.
func allocationTable(w io.Writer, r *sim.Result) error {
	var rows [][]string
	for _, a := range r.Allocations {
		memory, where := a.Memory, a.Where.String()
		if memory == "" {
			memory = "–"
		}
		if a.Where == sim.Below {
			where += " " + short(a.Limit)
		}
		rows = append(rows, []string{memory, where, fmt.Sprint(a.Count), Size(a.Bytes)})
	}
	fmt.Fprintln(w)
	return Table(w, []Column{{Title: "memory asked for"}, {Title: "where"}, {"requests", true}, {"together", true}}, rows)
}

// Value is a figure with its unit.
func Value(m sim.Metric) string {
	switch m.Unit {
	case "bytes":
		return Size(uint64(m.Value))
	case "":
		return fmt.Sprintf("%g", m.Value)
	}
	return fmt.Sprintf("%.1f %s", m.Value, m.Unit)
}

// reach is the highest address that a picture needs to show.
func reach(r *sim.Result) uint64 {
	top := memmap.MiB
	for _, s := range r.Before.Use.All() {
		if s.Value.IsRAM() {
			top = max(top, s.End)
		}
	}
	for _, p := range r.Placements {
		top = max(top, p.Range.End)
	}
	return top
}
