package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"bootplan/memmap"
	"bootplan/memmap/diff"
	"bootplan/memmap/parse"
	"bootplan/sim/report"
)

func newMapDiffCmd(a *app) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "diff BEFORE AFTER",
		Short: "What changed between two memory maps?",
		Long: `Compares the maps that firmware stated in two files, address by address: "-" is no
longer described, "+" is newly described, "~" has another type or other attributes.
Entries that are only split or ordered differently make no difference. Maps are
matched by kind and label, or by kind alone where each file has one.

Exit status: 0 the maps say the same; 1 they differ; 2 a file, or an entry of it,
could not be read, or the files have no map of the same kind.`,
		Example: `  bootplan map diff before-update.log after-update.log
  bootplan map diff --json laptop.log desktop.log`,
		Args: usage(cobra.ExactArgs(2)),
		RunE: func(_ *cobra.Command, paths []string) error { return a.mapDiff(paths[0], paths[1], from) },
	}
	cmd.Flags().StringVar(&from, "from", "", fmt.Sprintf("the form of the files, one of %v (default: told from the content)", parse.Forms()))
	return cmd
}

// diffResult is the JSON answer of map diff.
type diffResult struct {
	Schema     string    `json:"schema"`
	Before     string    `json:"before"`
	After      string    `json:"after"`
	Maps       []mapDiff `json:"maps"`
	OnlyBefore []string  `json:"only_before"` // labels of maps without a match
	OnlyAfter  []string  `json:"only_after"`
}

// mapDiff is how one map changed.
type mapDiff struct {
	Kind          string      `json:"kind"`
	Label         string      `json:"label"`
	SameEntries   bool        `json:"same_entries"`
	EntriesBefore int         `json:"entries_before"`
	EntriesAfter  int         `json:"entries_after"`
	RAMBefore     string      `json:"ram_before"` // bytes
	RAMAfter      string      `json:"ram_after"`
	Changes       []mapChange `json:"changes"`

	before, after *memmap.Map
	changes       []diff.Change
}

// mapChange is one stretch of addresses.
type mapChange struct {
	Change string       `json:"change"` // "removed", "added" or "changed"
	Range  report.Range `json:"range"`
	Before *mapWord     `json:"before,omitempty"`
	After  *mapWord     `json:"after,omitempty"`
}

// mapWord is what a map says about an address.
type mapWord struct {
	Type       string   `json:"type"`
	Attributes []string `json:"attributes,omitempty"`
}

func (a *app) mapDiff(before, after, from string) error {
	docs, err := a.diffDocuments(before, after, from)
	if err != nil {
		return err
	}
	pairs, onlyBefore, onlyAfter := matchMaps(firmwareMaps(docs[0]), firmwareMaps(docs[1]))
	if len(pairs) == 0 {
		return fmt.Errorf("%s and %s have no map of the same kind: expected both to hold an e820 table or both an EFI map", before, after)
	}
	result := diffResult{Schema: schema, Before: before, After: after, Maps: []mapDiff{}, OnlyBefore: onlyBefore, OnlyAfter: onlyAfter}
	for _, p := range pairs {
		result.Maps = append(result.Maps, diffMaps(p[0], p[1]))
	}
	if a.json {
		err = json.NewEncoder(a.out).Encode(result)
	} else {
		err = a.printDiff(result)
	}
	if err == nil && result.differ() > 0 {
		return status(exitFindings)
	}
	return err
}

// diffDocuments reads both files, which must be readable to the last entry.
func (a *app) diffDocuments(before, after, from string) (docs [2]*parse.Document, err error) {
	for i, path := range []string{before, after} {
		doc, err := a.readDocument(path, from)
		if err != nil {
			return docs, err
		}
		if len(doc.Problems) > 0 {
			return docs, fmt.Errorf("%w (entries that can't be read can't be compared)", doc.Problems[0])
		}
		docs[i] = doc
	}
	return docs, nil
}

// firmwareMaps are the maps of doc that are not the kernel's own work.
func firmwareMaps(doc *parse.Document) []*memmap.Map {
	var maps []*memmap.Map
	for i := range doc.Maps {
		if !kernelMade(doc.Maps[i].Label) {
			maps = append(maps, &doc.Maps[i])
		}
	}
	return maps
}

// matchMaps pairs maps of the same kind and label, then those of the same kind that
// are the only ones left of it. It returns the labels of the others.
func matchMaps(before, after []*memmap.Map) (pairs [][2]*memmap.Map, onlyBefore, onlyAfter []string) {
	pairs, before, after = match(before, after, func(x, y *memmap.Map) bool { return x.Kind == y.Kind && x.Label == y.Label })
	for _, kind := range []memmap.Kind{memmap.E820, memmap.EFI} {
		if ofKind(before, kind) == 1 && ofKind(after, kind) == 1 {
			var more [][2]*memmap.Map
			more, before, after = match(before, after, func(x, y *memmap.Map) bool { return x.Kind == kind && y.Kind == kind })
			pairs = append(pairs, more...)
		}
	}
	return pairs, labels(before), labels(after)
}

// match pairs each map with the first that fits and returns what is left.
func match(before, after []*memmap.Map, fits func(x, y *memmap.Map) bool) (pairs [][2]*memmap.Map, restBefore, restAfter []*memmap.Map) {
	restAfter = append(restAfter, after...)
next:
	for _, x := range before {
		for i, y := range restAfter {
			if fits(x, y) {
				pairs = append(pairs, [2]*memmap.Map{x, y})
				restAfter = append(restAfter[:i], restAfter[i+1:]...)
				continue next
			}
		}
		restBefore = append(restBefore, x)
	}
	return pairs, restBefore, restAfter
}

func ofKind(maps []*memmap.Map, kind memmap.Kind) (n int) {
	for _, m := range maps {
		if m.Kind == kind {
			n++
		}
	}
	return n
}

func labels(maps []*memmap.Map) []string {
	list := []string{}
	for _, m := range maps {
		list = append(list, m.Label)
	}
	return list
}

func diffMaps(before, after *memmap.Map) mapDiff {
	d := mapDiff{
		Kind: before.Kind.String(), Label: before.Label, SameEntries: diff.SameEntries(before, after),
		EntriesBefore: before.Len(), EntriesAfter: after.Len(),
		RAMBefore: fmt.Sprintf("%#x", before.RAM().Bytes()), RAMAfter: fmt.Sprintf("%#x", after.RAM().Bytes()),
		Changes: []mapChange{},
		before:  before, after: after, changes: diff.Maps(before, after),
	}
	for _, c := range d.changes {
		change := mapChange{Change: "changed", Range: report.JSONRange(c.Range), Before: stateWord(c.Before), After: stateWord(c.After)}
		switch {
		case change.Before == nil:
			change.Change = "added"
		case change.After == nil:
			change.Change = "removed"
		}
		d.Changes = append(d.Changes, change)
	}
	return d
}

// stateWord is w in JSON, nil where a map says nothing.
func stateWord(w memmap.Word) *mapWord {
	if w == (memmap.Word{}) {
		return nil
	}
	name := memmap.Word{Kind: w.Kind, Type: w.Type}.String()
	return &mapWord{name, w.Attr.Names()}
}

// differ is how many maps differ, those without a match included.
func (r diffResult) differ() int {
	n := len(r.OnlyBefore) + len(r.OnlyAfter)
	for _, m := range r.Maps {
		if len(m.Changes) > 0 {
			n++
		}
	}
	return n
}

func (a *app) printDiff(r diffResult) error {
	all := len(r.Maps) + len(r.OnlyBefore) + len(r.OnlyAfter)
	if r.differ() == 0 {
		fmt.Fprintf(a.out, "No difference in %s.\n", report.Count(uint64(all), "map"))
	} else {
		fmt.Fprintf(a.out, "Different: %d of %s.\n--- %s\n+++ %s\n", r.differ(), report.Count(uint64(all), "map"), r.Before, r.After)
	}
	for _, d := range r.Maps {
		if err := a.printMapDiff(d); err != nil {
			return err
		}
	}
	for _, label := range r.OnlyBefore {
		fmt.Fprintf(a.out, "\n%s: only in %s\n", label, r.Before)
	}
	for _, label := range r.OnlyAfter {
		fmt.Fprintf(a.out, "\n%s: only in %s\n", label, r.After)
	}
	return nil
}

// printMapDiff prints how one map changed: a summary, then range by range.
func (a *app) printMapDiff(d mapDiff) error {
	if len(d.changes) == 0 {
		fmt.Fprintf(a.out, "\n%s: %s\n", d.Label, sameText(d))
		return nil
	}
	fmt.Fprintf(a.out, "\n%s: %s, %s\n", d.Label, report.Count(uint64(len(d.changes)), "range"), ramText(d.before.RAM().Bytes(), d.after.RAM().Bytes()))
	var rows [][]string
	for _, c := range d.changes {
		sign, what := a.changeText(c)
		rows = append(rows, []string{sign, c.Range.String(), report.Size(c.Range.Len()), what})
	}
	return report.Table(a.out, []report.Column{{}, {}, {Right: true}, {}}, rows)
}

// changeText says what changed: "~" and "usable → reserved". Attributes are shown
// where they changed, or where there is nothing to compare them with.
func (a *app) changeText(c diff.Change) (sign, what string) {
	const arrow = " → "
	switch {
	case c.Before == memmap.Word{}:
		return "+", c.After.String()
	case c.After == memmap.Word{}:
		return "-", c.Before.String()
	case c.Before.Attr == c.After.Attr:
		c.Before.Attr, c.After.Attr = 0, 0
	}
	return "~", c.Before.String() + arrow + c.After.String()
}

func sameText(d mapDiff) string {
	switch {
	case d.SameEntries:
		return "the same"
	case d.EntriesBefore == d.EntriesAfter:
		return "the same, split or ordered differently"
	}
	return fmt.Sprintf("the same, in %d entries instead of %d", d.EntriesAfter, d.EntriesBefore)
}

// ramText is "2 GiB of RAM as before" or "2 GiB of RAM, 4 KiB less than before".
func ramText(before, after uint64) string {
	switch {
	case after > before:
		return fmt.Sprintf("%s of RAM, %s more than before", report.Size(after), report.Size(after-before))
	case after < before:
		return fmt.Sprintf("%s of RAM, %s less than before", report.Size(after), report.Size(before-after))
	}
	return report.Size(after) + " of RAM as before"
}
