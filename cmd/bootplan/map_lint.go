package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"bootplan/memmap"
	"bootplan/memmap/lint"
	"bootplan/memmap/parse"
	"bootplan/rule"
	"bootplan/sim/report"
)

func newMapLintCmd(a *app) *cobra.Command {
	var from string
	var opts lint.Options
	cmd := &cobra.Command{
		Use:   "lint FILE…",
		Short: "What is odd in these memory maps?",
		Long: `Judges the maps that firmware stated: each on its own, and an e820 table against
the EFI map of the same log. Maps that the kernel made of them are left out.
"bootplan explain" lists the rules; -v adds what the broken ones mean for a boot.

Exit status: 1 findings at or above --fail-on; 2 a file, or an entry of it, could not
be read.`,
		Example: `  bootplan map lint dmesg.txt
  bootplan map lint --fail-on warning --json *.log
  bootplan map lint --phys-bits 39 dmesg.txt`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, paths []string) error {
			if opts.PhysBits < 32 || opts.PhysBits > 52 {
				return fmt.Errorf("--phys-bits %d: expected a number from 32 to 52", opts.PhysBits)
			}
			return a.mapLint(paths, from, opts)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", fmt.Sprintf("the form of the files, one of %v (default: told from the content)", parse.Forms()))
	cmd.Flags().IntVar(&opts.PhysBits, "phys-bits", 52, "physical address bits of the CPU")
	return cmd
}

// lintResult is the JSON answer of map lint.
type lintResult struct {
	Schema string     `json:"schema"`
	Files  []lintFile `json:"files"`
}

type lintFile struct {
	File string    `json:"file"`
	Maps []lintMap `json:"maps"`
}

type lintMap struct {
	Kind     string       `json:"kind"`
	Label    string       `json:"label"`
	Findings []mapFinding `json:"findings"`
}

// mapFinding is one finding on a map in JSON.
type mapFinding struct {
	Rule     string        `json:"rule"`
	Severity rule.Severity `json:"severity"`
	Lines    []int         `json:"lines"`           // of the entries, in the source
	Range    *report.Range `json:"range,omitempty"` // missing where no bytes are concerned
	Message  string        `json:"message"`
	Count    int           `json:"count"` // findings that this one stands for
}

func (a *app) mapLint(paths []string, from string, opts lint.Options) error {
	limit, err := a.severity()
	if err != nil {
		return err
	}
	result := lintResult{Schema: schema, Files: []lintFile{}}
	var failed []error
	for _, path := range paths {
		doc, err := a.readDocument(path, from)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		for _, p := range doc.Problems {
			failed = append(failed, p)
		}
		result.Files = append(result.Files, judgeFile(doc, opts))
	}
	if len(result.Files) > 0 {
		if err := a.printLint(result); err != nil {
			return err
		}
	}
	if len(failed) > 0 {
		return errors.Join(failed...)
	}
	if slices.ContainsFunc(result.lines(), func(l lintLine) bool { return l.Severity >= limit }) {
		return status(exitFindings)
	}
	return nil
}

func judgeFile(doc *parse.Document, opts lint.Options) lintFile {
	file := lintFile{File: doc.File, Maps: []lintMap{}}
	for i, found := range lintDocument(doc, opts) {
		if m := &doc.Maps[i]; found != nil {
			file.Maps = append(file.Maps, lintMap{m.Kind.String(), m.Label, found})
		}
	}
	return file
}

// lintDocument returns what is odd in each map of doc, in the order of doc.Maps:
// nil for the maps that the kernel made itself, which are not judged. What sets
// an e820 table apart from the EFI map of the same boot stands with the table.
func lintDocument(doc *parse.Document, opts lint.Options) [][]mapFinding {
	all := make([][]mapFinding, len(doc.Maps))
	table, efi := -1, -1
	for i := range doc.Maps {
		m := &doc.Maps[i]
		if kernelMade(m.Label) {
			continue
		}
		o := opts
		o.Part = m.Label == "efi-invalid" || m.Label == string(parse.EFIRuntimeMap)
		if m.Kind == memmap.E820 && table < 0 {
			table = i
		}
		if m.Kind == memmap.EFI && efi < 0 && !o.Part {
			efi = i
		}
		all[i] = stateFindings(m, lint.Map(m, o))
	}
	if table >= 0 && efi >= 0 {
		m := &doc.Maps[table]
		all[table] = append(all[table], stateFindings(m, lint.Pair(m, &doc.Maps[efi]))...)
	}
	return all
}

// kernelMade reports whether a map of a log is one that the kernel made of
// firmware's, following its command line, its setup_data or its quirks.
func kernelMade(label string) bool {
	switch label {
	case "user", "modified", "extended", "reserve setup_data", "bad_ppro", "efi-runtime":
		return true
	}
	return false
}

// stateFindings is found, on map m, in the JSON form; never nil.
func stateFindings(m *memmap.Map, found []lint.Finding) []mapFinding {
	stated := []mapFinding{}
	for _, f := range found {
		s := mapFinding{Rule: f.Rule, Severity: f.Severity, Lines: []int{}, Message: f.Message, Count: f.Count}
		for _, i := range f.Entries {
			if line := m.Line(i); line > 0 {
				s.Lines = append(s.Lines, line)
			}
		}
		if f.Range != (memmap.Range{}) {
			r := report.JSONRange(f.Range)
			s.Range = &r
		}
		stated = append(stated, s)
	}
	return stated
}

// lintLine is a finding with its place.
type lintLine struct {
	where string
	mapFinding
}

// lines are the findings of all files, the worst first.
func (r lintResult) lines() []lintLine {
	var lines []lintLine
	for _, file := range r.Files {
		for _, m := range file.Maps {
			for _, f := range m.Findings {
				lines = append(lines, lintLine{file.place(m, f), f})
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b lintLine) int { return cmp.Compare(b.Severity, a.Severity) })
	return lines
}

// place is "file:12,13", or the file and the map's label for a finding without lines.
func (file lintFile) place(m lintMap, f mapFinding) string {
	if len(f.Lines) == 0 {
		return file.File + " " + m.Label
	}
	var numbers []string
	for i, line := range f.Lines {
		if i == 3 {
			numbers = append(numbers, "…")
			break
		}
		numbers = append(numbers, fmt.Sprint(line))
	}
	return file.File + ":" + strings.Join(numbers, ",")
}

func (a *app) printLint(r lintResult) error {
	if a.json {
		return json.NewEncoder(a.out).Encode(r)
	}
	lines := r.lines()
	if len(lines) == 0 {
		maps := 0
		for _, file := range r.Files {
			maps += len(file.Maps)
		}
		_, err := fmt.Fprintf(a.out, "Nothing odd in %s.\n", report.Count(uint64(maps), "map"))
		return err
	}
	next := ""
	if !a.quiet {
		next = " Next: bootplan explain " + lines[0].Rule
	}
	fmt.Fprintf(a.out, "%s.%s\n\n", tally(lines), next)
	var rows [][]string
	var broken []string
	for _, l := range lines {
		rows = append(rows, []string{a.style().Severity(l.Severity), l.Rule, l.where, l.Message})
		broken = append(broken, l.Rule)
	}
	if err := report.Table(a.out, []report.Column{{}, {}, {}, {}}, rows); err != nil {
		return err
	}
	a.printRules(broken)
	return nil
}

// tally is "3 findings: 1 error, 2 warnings".
func tally(lines []lintLine) string {
	var of [rule.Error + 1]int
	total := 0
	for _, l := range lines {
		of[l.Severity] += l.Count
		total += l.Count
	}
	var parts []string
	if of[rule.Error] > 0 {
		parts = append(parts, report.Count(uint64(of[rule.Error]), "error"))
	}
	if of[rule.Warning] > 0 {
		parts = append(parts, report.Count(uint64(of[rule.Warning]), "warning"))
	}
	if of[rule.Info] > 0 {
		parts = append(parts, fmt.Sprintf("%d info", of[rule.Info]))
	}
	return report.Count(uint64(total), "finding") + ": " + strings.Join(parts, ", ")
}
