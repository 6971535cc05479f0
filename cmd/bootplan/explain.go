package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"bootplan/alloc"
	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/memmap"
	"bootplan/memmap/lint"
	"bootplan/rule"
	"bootplan/sim/check"
	"bootplan/sim/kernel"
	"bootplan/sim/report"
	"bootplan/trampoline"
)

func newExplainCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [NAME]",
		Short: "What is this rule, step, design or firmware policy?",
		Long: `Explains a rule, a kind of step, a boot design or a firmware policy in a paragraph,
with the sources that say so. Without a name it lists everything that it can explain.`,
		Example: `  bootplan explain
  bootplan explain map-overlap
  bootplan explain --json efistub`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, names []string) error {
			if len(names) == 0 {
				return a.listTopics(topics())
			}
			t, err := findTopic(topics(), names[0])
			if err != nil {
				return err
			}
			return a.printTopic(t)
		},
	}
}

// topic is one thing that explain explains.
type topic struct {
	Name     string         `json:"name"`
	Kind     string         `json:"kind"` // "design", "proposal", "choice", "policy", "firmware", "phase", "step", "measure", "weakness", "property" or "rule"
	Title    string         `json:"title"`
	Severity *rule.Severity `json:"severity,omitempty"` // of a rule
	Text     string         `json:"text"`
	Example  string         `json:"example,omitempty"`
	Lacks    []string       `json:"lacks,omitempty"`   // of a design: what it does not support
	Choices  []choiceTopic  `json:"choices,omitempty"` // of a design or choice
	Sources  []string       `json:"sources"`

	group string // heading in the list
}

// topics collects everything that can be explained, group by group.
func topics() []topic {
	var list []topic
	list = append(list, designTopics()...)
	list = append(list, choiceTopics()...)
	list = append(list, policyTopics()...)
	list = append(list, firmwareTopics()...)
	list = append(list, stepTopics()...)
	list = append(list, measureTopics()...)
	list = append(list, weaknessTopics()...)
	list = append(list, questionTopics(list)...)
	for _, g := range []struct {
		heading string
		rules   []rule.Rule
	}{
		{"rules on boots: bootplan run", check.Rules()},
		{"rules on allocators: bootplan run", alloc.Rules()},
		{"rules on the early kernel: bootplan run", kernel.Rules()},
		{"rules on trampolines: bootplan trampoline", trampoline.Rules()},
		{"rules on KASLR: bootplan kaslr", kaslr.Rules()},
		{"rules on maps: bootplan map lint", lint.Rules()},
		{"rules on the kernel's own map", memmap.Rules()},
		{"rules on the kernel's first allocator", alloc.MemblockRules()},
		{"rules on images: bootplan image lint", image.LintRules()},
	} {
		list = append(list, ruleTopics(g.heading, g.rules)...)
	}
	return list
}

func ruleTopics(heading string, rules []rule.Rule) []topic {
	var list []topic
	for _, r := range rules {
		sources := append([]string{}, r.Sources...) // a list in JSON, even if there is none
		list = append(list, topic{
			Name: r.ID, Kind: "rule", Title: r.Title, Severity: &r.Severity, Text: r.Text, Example: r.Example, Sources: sources, group: heading,
		})
	}
	return list
}

// findTopic returns the topic called name, or the choice that has such a value, or an
// error that names the nearest ones.
func findTopic(list []topic, name string) (topic, error) {
	name = strings.TrimSuffix(name, "°") // as a comparison marks it
	var choices []topic
	var names []string
	for _, t := range list {
		if strings.EqualFold(t.Name, name) {
			return t, nil
		}
		if t.Kind == "choice" && slices.ContainsFunc(t.Choices[0].Values, func(v valueTopic) bool { return v.Name == name }) {
			choices, names = append(choices, t), append(names, t.Name)
		}
	}
	switch {
	case len(choices) == 1:
		return choices[0], nil
	case len(choices) > 1:
		return topic{}, fmt.Errorf("explain %q: several choices have this value: expected one of %s", name, strings.Join(names, ", "))
	}
	if near := nearest(list, name); len(near) > 0 {
		return topic{}, fmt.Errorf("explain %q: there is no such rule, step, design or policy. Did you mean %s?", name, strings.Join(near, " or "))
	}
	return topic{}, fmt.Errorf("explain %q: there is no such rule, step, design or policy. \"bootplan explain\" lists them", name)
}

// nearest lists at most three names that name could be meant for: the shortest that begin
// with it, or else the nearest ones within a third of its letters, or those that contain it.
func nearest(list []topic, name string) []string {
	limit := max(1, len(name)/3)
	var near []string
	for _, t := range list {
		if len(name) > 1 && strings.HasPrefix(t.Name, name) {
			near = append(near, t.Name)
		}
	}
	slices.SortStableFunc(near, func(a, b string) int { return len(a) - len(b) })
	for distance := 1; distance <= limit && len(near) == 0; distance++ {
		for _, t := range list {
			if edits(t.Name, name) == distance {
				near = append(near, t.Name)
			}
		}
	}
	if len(near) == 0 && name != "" {
		for _, t := range list {
			if strings.Contains(t.Name, name) {
				near = append(near, t.Name)
			}
		}
	}
	return near[:min(len(near), 3)]
}

// edits is the Levenshtein distance: how many bytes to insert, delete or replace to
// make a into b.
func edits(a, b string) int {
	row := make([]int, len(b)+1) // distances from a[:i] to each b[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// topicResult is the JSON answer of explain.
type topicResult struct {
	Schema string  `json:"schema"`
	Topics []topic `json:"topics"`
}

// listTopics prints a table for each group.
func (a *app) listTopics(list []topic) error {
	if a.json {
		return json.NewEncoder(a.out).Encode(topicResult{schema, list})
	}
	for len(list) > 0 {
		n := slices.IndexFunc(list, func(t topic) bool { return t.group != list[0].group })
		if n < 0 {
			n = len(list)
		}
		var rows [][]string
		for _, t := range list[:n] {
			rows = append(rows, []string{"  " + t.Name, t.mark(), t.Title})
		}
		fmt.Fprintln(a.out, list[0].group)
		if err := report.Table(a.out, []report.Column{{}, {}, {}}, rows); err != nil {
			return err
		}
		if list = list[n:]; len(list) > 0 {
			fmt.Fprintln(a.out)
		}
	}
	return nil
}

// mark is what a list says of a topic beside its title.
func (t topic) mark() string {
	switch {
	case t.Severity != nil:
		return t.Severity.String()
	case t.Kind == "proposal":
		return t.Kind
	}
	return ""
}

// printTopic prints one topic as a short page.
func (a *app) printTopic(t topic) error {
	if a.json {
		return json.NewEncoder(a.out).Encode(topicResult{schema, []topic{t}})
	}
	kind := t.Kind
	if t.Severity != nil {
		kind += ", " + t.mark()
	}
	var page strings.Builder
	fmt.Fprintf(&page, "%s (%s): %s\n\n%s\n", t.Name, kind, t.Title, wrap(t.Text, 80))
	if t.Example != "" {
		fmt.Fprintf(&page, "\nExample\n%s\n", indent(t.Example))
	}
	if len(t.Lacks) > 0 {
		fmt.Fprintf(&page, "\nDoes not support\n%s\n", indent(strings.Join(t.Lacks, "\n")))
	}
	for _, c := range t.Choices {
		heading := c.Name + ": " + c.Text
		if t.Kind == "choice" {
			heading = "Values"
		}
		fmt.Fprintf(&page, "\n%s\n%s", heading, c.valuesText())
	}
	if len(t.Sources) > 0 {
		fmt.Fprintf(&page, "\nSources\n%s\n", indent(strings.Join(t.Sources, "\n")))
	}
	_, err := a.out.Write([]byte(page.String()))
	return err
}

// printRules says with -v what each of the rules means that were broken.
func (a *app) printRules(broken []string) {
	if !a.verbose {
		return
	}
	for _, t := range topics() {
		if slices.Contains(broken, t.Name) {
			fmt.Fprintf(a.out, "\n%s: %s\n%s\n", t.Name, t.Title, indent(wrap(t.Text, 78)))
		}
	}
}

// wrap breaks text into lines of at most width letters, where words allow it.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case column == 0:
		case column+1+n > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

// indent moves every line of text to the right by two columns.
func indent(text string) string {
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}
