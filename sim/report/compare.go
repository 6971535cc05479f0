package report

import (
	"fmt"
	"io"
	"strings"

	"bootplan/rule"
	"bootplan/sim"
)

// Comparison is several designs on one machine.
type Comparison struct {
	Schema string     `json:"schema"`
	Runs   []Run      `json:"runs"`
	Matrix []Property `json:"matrix"`
}

// Property is one line of a comparison: what it asks, and each design's answer.
type Property struct {
	Property string            `json:"property"`
	Values   map[string]string `json:"values"`
}

// properties are the questions of a comparison, in order.
var properties = []struct {
	name   string
	answer func(*sim.Result) string
}{
	{"outcome", func(r *sim.Result) string {
		if r.Outcome == sim.Boots {
			return "boots"
		}
		return strings.ToUpper(string(r.Outcome))
	}},
	{"kernel at", func(r *sim.Result) string { return placed(r, "kernel", startOf) }},
	{"kernel virtual address", func(r *sim.Result) string { return placed(r, "kernel", virtualOf) }},
	{"physical KASLR", func(r *sim.Result) string { return measured(r, "physical_entropy_bits") }},
	{"virtual KASLR", func(r *sim.Result) string { return measured(r, "virtual_entropy_bits") }},
	{"memory below 1 MiB", lowMemoryUse},
	{"paging switch", func(r *sim.Result) string { return placed(r, "paging_trampoline", startOf) }},
	{"copies itself to", func(r *sim.Result) string { return placed(r, "relocated_image", startOf) }},
	{"W+X at stub entry", func(r *sim.Result) string { return measured(r, "wx_bytes_at_stub_entry") }},
	{"W+X at ExitBootServices", func(r *sim.Result) string { return measured(r, "wx_bytes_at_exit_boot_services") }},
	{"W+X at kernel entry", func(r *sim.Result) string { return measured(r, "wx_bytes_at_kernel_entry") }},
	{"written, then executed", func(r *sim.Result) string { return broke(r, "wx-used") }},
	{"findings (errors)", func(r *sim.Result) string {
		errors := 0
		for _, f := range r.Findings {
			if f.Severity == rule.Error {
				errors++
			}
		}
		return fmt.Sprintf("%d (%d)", len(r.Findings), errors)
	}},
}

func placed(r *sim.Result, name string, show func(sim.Placement) string) string {
	p, ok := r.Placement(name)
	if !ok {
		return "–"
	}
	return show(p)
}

func measured(r *sim.Result, name string) string {
	m, ok := r.Metric(name)
	if !ok {
		return "–"
	}
	return Value(m)
}

// startOf and virtualOf show where something was placed.
func startOf(p sim.Placement) string   { return Address(p.Range.Start) }
func virtualOf(p sim.Placement) string { return Address(p.Virtual) }

// lowMemoryUse is what the design takes below 1 MiB without asking.
func lowMemoryUse(r *sim.Result) string {
	m, _ := r.Metric(sim.LowMemoryBytes)
	if m.Value == 0 {
		return "none"
	}
	return Value(m) + " grabbed"
}

// broke names the places where a rule was broken.
func broke(r *sim.Result, id string) string {
	var objects []string
	for _, f := range r.Findings {
		if f.Rule == id {
			objects = append(objects, f.Object)
		}
	}
	if objects == nil {
		return "nothing"
	}
	return strings.Join(objects, ", ")
}

// Compare makes the comparison of results.
func Compare(results []*sim.Result) Comparison {
	c := Comparison{Schema: Schema, Runs: []Run{}, Matrix: []Property{}}
	for _, r := range results {
		c.Runs = append(c.Runs, NewRun(r))
	}
	for _, p := range properties {
		line := Property{p.name, map[string]string{}}
		for _, r := range results {
			line.Values[r.Design] = p.answer(r)
		}
		c.Matrix = append(c.Matrix, line)
	}
	return c
}

// CompareText shows one line per question and one column per design, then the
// findings of each.
func CompareText(w io.Writer, results []*sim.Result, style Style) error {
	columns := []Column{{}}
	for _, r := range results {
		columns = append(columns, Column{Title: r.Design})
	}
	var rows [][]string
	for _, line := range Compare(results).Matrix {
		row := []string{line.Property}
		for _, r := range results {
			row = append(row, line.Values[r.Design])
		}
		rows = append(rows, row)
	}
	if err := Table(w, columns, rows); err != nil || style.Quiet {
		return err
	}
	for _, r := range results {
		fmt.Fprintf(w, "\n%s: %s\n", r.Design, compareAnswer(r))
		if err := findingLines(w, r, style); err != nil {
			return err
		}
		for _, text := range r.Assumptions {
			fmt.Fprintln(w, "  assumed: "+text)
		}
	}
	_, err := fmt.Fprintf(w, "\nNext: bootplan run -v --design %s, with the flags given here, tells its steps and reasons\n", worst(results).Design)
	return err
}

// worst is the first result that does not boot; if all do, the one with most findings.
func worst(results []*sim.Result) *sim.Result {
	worst := results[0]
	for _, r := range results {
		if r.Outcome != sim.Boots {
			return r
		}
		if len(r.Findings) > len(worst.Findings) {
			worst = r
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
