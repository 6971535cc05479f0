package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"bootplan/memmap"
	"bootplan/memmap/lint"
	"bootplan/memmap/parse"
	"bootplan/sim/report"
)

func newMapShowCmd(a *app) *cobra.Command {
	var from, sysroot string
	cmd := &cobra.Command{
		Use:   "show FILE…",
		Short: "Show every memory map in these files",
		Long: `Shows every memory map in these files, one table for each: ranges with their last
byte, as kernel logs print them, sizes, types and EFI attributes. With -v also what the
allocator of the firmware that reported an EFI map must have been like.

Exit status: 0 everything could be read; 2 a file holds no map, or entries could not
be read. They are listed after what could be.`,
		Example: `  bootplan map show dmesg.txt
  dmesg | bootplan map show -
  bootplan map show --json serial.log
  bootplan map show --sysroot capture/`,
		RunE: func(_ *cobra.Command, paths []string) error {
			if sysroot != "" {
				paths = append([]string{sysroot}, paths...)
			}
			if len(paths) == 0 {
				return errors.New("map show: expected a FILE, - for standard input, or --sysroot DIR")
			}
			return a.mapShow(paths, from)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", fmt.Sprintf("the form of the files, one of %v (default: told from the content)", parse.Forms()))
	cmd.Flags().StringVar(&sysroot, "sysroot", "", "a directory with captured /sys and /proc")
	return cmd
}

// mapResult is the JSON answer of map show.
type mapResult struct {
	Schema   string       `json:"schema"`
	Maps     []shownMap   `json:"maps"`
	Problems []mapProblem `json:"problems"`
}

// shownMap is a map and, with -v, what its firmware's allocator was like.
type shownMap struct {
	parse.Stated
	Allocator *allocatorState `json:"allocator,omitempty"`
}

// mapProblem is an entry that could not be read.
type mapProblem struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Text   string `json:"text"`
	Reason string `json:"reason"`
}

func (a *app) mapShow(paths []string, from string) error {
	result := mapResult{Schema: schema, Maps: []shownMap{}, Problems: []mapProblem{}}
	var failed []error
	for i, path := range paths {
		doc, err := a.readDocument(path, from)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		found := lintDocument(doc, lint.Options{})
		for i := range doc.Maps {
			stated := parse.State(&doc.Maps[i], doc.Form, doc.File)
			for _, f := range found[i] {
				stated.Findings = append(stated.Findings, f)
			}
			state, _ := a.stateOf(&doc.Maps[i]) // a map that no firmware could have has none
			result.Maps = append(result.Maps, shownMap{stated, state})
		}
		for _, p := range doc.Problems {
			result.Problems = append(result.Problems, mapProblem(*p))
		}
		if a.json {
			continue
		}
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		if err := a.printDocument(doc); err != nil {
			return err
		}
	}
	if a.json && len(result.Maps) > 0 {
		if err := json.NewEncoder(a.out).Encode(result); err != nil {
			return err
		}
	}
	if len(failed) == 0 && len(result.Problems) > 0 {
		return status(exitUsage)
	}
	return errors.Join(failed...)
}

// printDocument prints what a document holds in a few lines, then map by map.
func (a *app) printDocument(doc *parse.Document) error {
	fmt.Fprintf(a.out, "%s: %s (%s)\n", doc.File, report.Count(uint64(len(doc.Maps)), "map"), describe(doc))
	var rows [][]string
	for i := range doc.Maps {
		m := &doc.Maps[i]
		rows = append(rows, []string{"  " + m.Label, m.Kind.String(), entries(m.Len()), report.Size(m.RAM().Bytes()) + " of RAM"})
	}
	if err := report.Table(a.out, []report.Column{{}, {}, {Right: true}, {Right: true}}, rows); err != nil {
		return err
	}
	a.printDoubts(doc)
	for i := range doc.Maps {
		m := &doc.Maps[i]
		fmt.Fprintf(a.out, "\n%s\n", m.Label)
		if err := errors.Join(a.printMap(m), a.printState(m)); err != nil {
			return err
		}
	}
	return nil
}

// printDoubts prints what could not be read, and how much is odd.
func (a *app) printDoubts(doc *parse.Document) {
	if len(doc.Problems) > 0 {
		fmt.Fprintf(a.out, "%s could not be read:\n", entries(len(doc.Problems)))
	}
	for _, p := range doc.Problems {
		fmt.Fprintf(a.out, "  %v\n", p)
	}
	judged := lintResult{Files: []lintFile{judgeFile(doc, lint.Options{})}}
	if lines := judged.lines(); len(lines) > 0 && !a.quiet {
		argument := doc.File
		if argument == standardInput {
			argument = "-"
		}
		fmt.Fprintf(a.out, "%s. Next: bootplan map lint %s\n", tally(lines), argument)
	}
}

// describe says what the source of a document is.
func describe(doc *parse.Document) string {
	if doc.Log.Release != "" {
		return "log of Linux " + doc.Log.Release
	}
	return string(doc.Form)
}

// printMap prints the entries of m in the order of their source.
func (a *app) printMap(m *memmap.Map) error {
	columns := []report.Column{{Title: "#", Right: true}, {Title: "where"}, {Title: "size", Right: true}, {Title: "type"}}
	if m.Kind == memmap.EFI {
		columns = append(columns, report.Column{Title: "attributes"})
	}
	if a.verbose {
		columns = append(columns, report.Column{Title: "line", Right: true})
	}
	var rows [][]string
	for i := range m.Len() {
		row := []string{fmt.Sprint(i), where(m, i), entrySize(m, i), m.TypeName(i)}
		if m.Kind == memmap.EFI {
			row = append(row, m.Descriptors[i].Attr.String())
		}
		if a.verbose {
			row = append(row, fmt.Sprint(m.Line(i)))
		}
		rows = append(rows, row)
	}
	return report.Table(a.out, columns, rows)
}

// where is the range of entry i; entries that are no proper range are shown as
// they are stated.
func where(m *memmap.Map, i int) string {
	r, err := m.Range(i)
	if err == nil {
		return r.String()
	}
	if m.Kind == memmap.EFI {
		return fmt.Sprintf("%#x pages at 0x%016x, beyond 2^64", m.Descriptors[i].Pages, m.Start(i))
	}
	return fmt.Sprintf("%#x bytes at 0x%016x, beyond 2^64", m.Entries[i].Size, m.Start(i))
}

func entrySize(m *memmap.Map, i int) string {
	r, err := m.Range(i)
	if err != nil {
		return "?"
	}
	return report.Size(r.Len())
}

// entries is "1 entry" or "2 entries".
func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}
