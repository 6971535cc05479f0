package main

import (
	"fmt"
	"slices"
	"strings"

	"bootplan/sim/report"
	"bootplan/sim/verify"
)

// printBootText tells how much is equal, then what differs and what was not predicted;
// of a single boot, and with -v of all, every fact.
func (a *app) printBootText(r bootResult) error {
	fmt.Fprintf(a.out, "%s: %s equal, %s, %s not predicted.\n", report.Count(uint64(len(r.Boots)), "boot"),
		report.Count(uint64(r.Equal), "fact"), differ(r.Differ), report.Thousands(uint64(r.NotPredicted)))
	if a.quiet {
		return nil
	}
	everything := a.verbose || len(r.Boots) == 1
	for i := range r.Boots {
		if err := a.printBoot(&r.Boots[i], everything); err != nil {
			return err
		}
	}
	a.printReasons(r.Boots)
	if !everything {
		fmt.Fprintln(a.out, "\nEvery fact with its values: bootplan verify boot -v")
	}
	return nil
}

func differ(n int) string {
	if n == 1 {
		return "1 differs"
	}
	return report.Thousands(uint64(n)) + " differ"
}

// printBoot prints the facts of one boot: those that differ, or all.
func (a *app) printBoot(b *verify.BootReport, everything bool) error {
	if b.Differ == 0 && !everything {
		return nil
	}
	design := ""
	if b.Design != "" {
		design = " (" + b.Design + ")"
	}
	fmt.Fprintf(a.out, "\n%s%s: %d equal, %s, %d not predicted\n", b.Name, design, b.Equal, differ(b.Differ), b.NotPredicted)
	for _, note := range b.Notes {
		fmt.Fprintln(a.out, "  note: "+note)
	}
	var rows [][]string
	for i := range b.Facts {
		if f := &b.Facts[i]; everything || f.Differs() {
			rows = append(rows, factRows(f)...)
		}
	}
	return report.Table(a.out, []report.Column{{}, {Title: "fact"}, {Title: "predicted"}, {Title: "recorded"}}, rows)
}

// factRows are the lines of one fact. Of a list that differs those entries are shown
// in which it does.
func factRows(f *verify.Fact) [][]string {
	if f.Reason != "" {
		return [][]string{{" ?", f.Name, "–", text(f.Recorded)}}
	}
	if f.Equal {
		return [][]string{{" =", f.Name, text(f.Predicted) + odds(f), text(f.Recorded)}}
	}
	rows := [][]string{{" ●", f.Name, text(f.Predicted), text(f.Recorded)}}
	predicted, recorded := list(f.Predicted), list(f.Recorded)
	for _, v := range predicted {
		if !slices.Contains(recorded, v) {
			rows = append(rows, []string{"", "", v, ""})
		}
	}
	for _, v := range recorded {
		if !slices.Contains(predicted, v) {
			rows = append(rows, []string{"", "", "", v})
		}
	}
	return rows
}

func text(v verify.Value) string {
	if v == nil {
		return "nothing"
	}
	switch v := v.(type) {
	case verify.Places:
		if v.Count > 1 {
			return "one of " + report.Count(v.Count, "place")
		}
	case verify.List:
		if len(v) == 1 {
			return v[0].String()
		}
	}
	return v.String()
}

// list are the entries of a list as text; none for any other value.
func list(v verify.Value) []string {
	entries, _ := v.(verify.List)
	var texts []string
	for _, e := range entries {
		texts = append(texts, e.String())
	}
	return texts
}

// odds is how likely an outcome was that chance decided.
func odds(f *verify.Fact) string {
	const least = 0.0001 // below it the number of places tells more
	if f.Probability < least || f.Probability == 1 {
		return ""
	}
	return fmt.Sprintf(", %.2g %%", 100*f.Probability)
}

// printReasons tells why facts were not predicted, the most frequent reason first.
func (a *app) printReasons(boots []verify.BootReport) {
	type count struct {
		facts int
		boots []string
	}
	counts := map[string]*count{}
	var reasons []string
	for _, b := range boots {
		for _, f := range b.Facts {
			if f.Reason == "" {
				continue
			}
			if counts[f.Reason] == nil {
				counts[f.Reason] = &count{}
				reasons = append(reasons, f.Reason)
			}
			c := counts[f.Reason]
			c.facts++
			if !slices.Contains(c.boots, b.Name) {
				c.boots = append(c.boots, b.Name)
			}
		}
	}
	if len(reasons) == 0 {
		return
	}
	slices.SortStableFunc(reasons, func(x, y string) int { return counts[y].facts - counts[x].facts })
	fmt.Fprintln(a.out, "\nNot predicted:")
	for _, reason := range reasons {
		c := counts[reason]
		of := ""
		if len(boots) > 1 {
			of = " of " + some(c.boots)
		}
		fmt.Fprintf(a.out, "  %s%s: %s\n", report.Count(uint64(c.facts), "fact"), of, reason)
	}
}

// some names boots, the first of many.
func some(boots []string) string {
	const most = 2
	if len(boots) <= most {
		return strings.Join(boots, " and ")
	}
	return fmt.Sprintf("%s and %d other boots", boots[0], len(boots)-1)
}
