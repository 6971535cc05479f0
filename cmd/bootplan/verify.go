package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"bootplan/sim/report"
	"bootplan/sim/verify"
)

func newVerifyCmd(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "verify",
		Short: "Does the model equal recorded truth?",
	}, &cobra.Command{
		Use:   "vectors PATH…",
		Short: "Does the model compute what the real code computed?",
		Long: `Runs golden vectors, which the real code made: JSON Lines, one case a line. A file's
name says which function it drives. Folders are searched for files that end in .jsonl.

Exit status: 1 a case differs, or the model cannot run it; 2 a file could not be read.`,
		Example: "  bootplan verify vectors sim/verify/testdata",
		Args:    usage(cobra.MinimumNArgs(1)),
		RunE:    func(_ *cobra.Command, paths []string) error { return a.verifyVectors(paths) },
	}, newVerifyBootCmd(a))
}

// vectorResult is the JSON answer of verify vectors.
type vectorResult struct {
	Schema      string        `json:"schema"`
	Files       []verify.File `json:"files"`
	Passed      int           `json:"passed"`
	Failed      int           `json:"failed"`
	Unsupported int           `json:"unsupported"`
}

func (a *app) verifyVectors(paths []string) error {
	files, err := vectorFiles(paths)
	if err != nil {
		return err
	}
	result := vectorResult{Schema: schema, Files: []verify.File{}}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		outcome, err := verify.Vectors(name, f)
		f.Close()
		if err != nil {
			return err
		}
		result.Files = append(result.Files, outcome)
		result.Passed += outcome.Passed
		result.Failed += outcome.Failed
		result.Unsupported += outcome.Unsupported
	}
	if err := a.printVectors(result); err != nil {
		return err
	}
	if result.Failed > 0 || result.Unsupported > 0 {
		return status(exitFindings)
	}
	return nil
}

// vectorFiles expands folders into the .jsonl files below them, sorted.
func vectorFiles(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		if path == "-" {
			return nil, errors.New("-: expected a file: its name says which function the vectors drive")
		}
		found := len(files)
		err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (name == path || strings.HasSuffix(name, ".jsonl")) {
				files = append(files, name)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(files) == found {
			return nil, fmt.Errorf("%s: no vector files: expected files that end in .jsonl", path)
		}
	}
	return files, nil
}

func (a *app) printVectors(r vectorResult) error {
	if a.json {
		return json.NewEncoder(a.out).Encode(r)
	}
	fmt.Fprintf(a.out, "%d passed, %d failed, %d unsupported\n", r.Passed, r.Failed, r.Unsupported)
	if a.quiet {
		return nil
	}
	fmt.Fprintln(a.out)
	var rows [][]string
	for _, f := range r.Files {
		rows = append(rows, []string{f.File, fmt.Sprint(f.Cases), fmt.Sprint(f.Passed), fmt.Sprint(f.Failed), fmt.Sprint(f.Unsupported), f.Function})
	}
	right := func(title string) report.Column { return report.Column{Title: title, Right: true} }
	err := report.Table(a.out, []report.Column{{Title: "file"}, right("cases"), right("passed"), right("failed"), right("unsupported"), {Title: "function"}}, rows)
	if err != nil {
		return err
	}
	for _, f := range r.Files {
		for i, failure := range f.Failures {
			if i == 5 && !a.verbose {
				fmt.Fprintf(a.out, "\n%s: %d more differ, see them with -v\n", f.File, len(f.Failures)-i)
				break
			}
			fmt.Fprintf(a.out, "\n%s: %s\n", f.File, failure.Name)
			for _, d := range failure.Diff {
				fmt.Fprintf(a.out, "  %s\n", d)
			}
		}
	}
	return nil
}
