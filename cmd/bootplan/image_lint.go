package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"bootplan/image"
	"bootplan/sim/report"
)

func newImageLintCmd(a *app) *cobra.Command {
	var source imageSource
	cmd := &cobra.Command{
		Use:   "lint FILE…|--profile NAME",
		Short: "What do these kernel images promise that they cannot keep?",
		Long: `Judges the setup header, the payload and the PE sections of kernel images.
-v adds what the rules mean for a boot.

Exit status: 1 findings at or above --fail-on; 2 a file could not be read.`,
		Example: `  bootplan image lint /boot/vmlinuz
  bootplan image lint --fail-on warning --json vmlinuz-*
  bootplan image lint --profile debian-5.10`,
		RunE: func(_ *cobra.Command, paths []string) error { return a.imageLint(&source, paths) },
	}
	source.addFlags(cmd)
	return cmd
}

// imageLintResult is the JSON answer of image lint.
type imageLintResult struct {
	Schema string          `json:"schema"`
	Files  []imageFindings `json:"files"`
}

type imageFindings struct {
	File     string          `json:"file"`
	Findings []image.Finding `json:"findings"`
}

func (a *app) imageLint(source *imageSource, paths []string) error {
	limit, err := a.severity()
	if err != nil {
		return err
	}
	result := imageLintResult{Schema: schema, Files: []imageFindings{}}
	err = source.each(a, paths, func(k *image.Kernel) error {
		result.Files = append(result.Files, imageFindings{k.Name, append([]image.Finding{}, image.Lint(k)...)})
		return nil
	})
	if len(result.Files) > 0 {
		if err := a.printImageLint(result); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	for _, file := range result.Files {
		if slices.ContainsFunc(file.Findings, func(f image.Finding) bool { return f.Severity >= limit }) {
			return status(exitFindings)
		}
	}
	return nil
}

func (a *app) printImageLint(r imageLintResult) error {
	if a.json {
		return json.NewEncoder(a.out).Encode(r)
	}
	lines := r.lines()
	if len(lines) == 0 {
		_, err := fmt.Fprintf(a.out, "Nothing wrong in %s.\n", report.Count(uint64(len(r.Files)), "image"))
		return err
	}
	next := " Next: bootplan explain " + lines[0].Rule
	if a.quiet {
		next = ""
	}
	fmt.Fprintf(a.out, "%s in %s.%s\n\n",
		report.Count(uint64(len(lines)), "finding"), report.Count(uint64(len(r.Files)), "image"), next)
	var rows [][]string
	var broken []string
	for _, l := range lines {
		rows = append(rows, []string{a.style().Severity(l.Severity), l.Rule, l.file, l.Message})
		broken = append(broken, l.Rule)
	}
	if err := report.Table(a.out, []report.Column{{}, {}, {}, {}}, rows); err != nil {
		return err
	}
	a.printRules(broken)
	return nil
}

// imageLintLine is a finding with the file it is about.
type imageLintLine struct {
	file string
	image.Finding
}

// lines are the findings of all files, the worst first.
func (r imageLintResult) lines() []imageLintLine {
	var lines []imageLintLine
	for _, file := range r.Files {
		for _, f := range file.Findings {
			lines = append(lines, imageLintLine{file.File, f})
		}
	}
	slices.SortStableFunc(lines, func(a, b imageLintLine) int { return cmp.Compare(b.Severity, a.Severity) })
	return lines
}
