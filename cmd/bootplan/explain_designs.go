package main

import (
	"fmt"
	"slices"
	"strings"

	"bootplan/sim/design"
)

// choiceTopic is a decision that a design makes, and the values it knows.
type choiceTopic struct {
	Name   string       `json:"name"`
	Text   string       `json:"text"`
	Value  string       `json:"value,omitempty"` // that of the design
	Values []valueTopic `json:"values"`
}

type valueTopic struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// designTopics explains the designs, and what can be changed in each.
func designTopics() []topic {
	var list []topic
	for _, d := range design.All() {
		i := d.Info
		t := topic{
			Name: d.Name(), Kind: "design", Title: i.Title, Text: i.Text, Sources: i.Sources, Lacks: i.Lacks,
			group: "boot designs: bootplan run --design NAME",
		}
		if i.Proposal {
			t.Kind = "proposal"
		}
		for _, c := range d.Offers() {
			t.Choices = append(t.Choices, choiceOf(c, d.Get(c.Name)))
		}
		list = append(list, t)
	}
	return list
}

// choiceTopics explains the decisions themselves.
func choiceTopics() []topic {
	var list []topic
	for _, c := range design.AllChoices() {
		var makers []string
		for _, d := range design.All() {
			if slices.ContainsFunc(d.Offers(), func(o design.Choice) bool { return o.Name == c.Name }) {
				makers = append(makers, d.Name())
			}
		}
		text := "No design lets it be overridden yet."
		if len(makers) > 0 {
			text = "Can be overridden in " + strings.Join(makers, ", ") + "."
		}
		list = append(list, topic{
			Name: c.Name, Kind: "choice", Title: c.Text, Text: text, Sources: c.Sources,
			Choices: []choiceTopic{choiceOf(c, "")},
			group:   "choices in which designs differ: bootplan run --set NAME=VALUE",
		})
	}
	return list
}

func choiceOf(c design.Choice, value string) choiceTopic {
	t := choiceTopic{Name: c.Name, Text: c.Text, Value: value}
	for _, v := range c.Values {
		t.Values = append(t.Values, valueTopic{v.Name, v.Text})
	}
	return t
}

// valuesText lists the values of a choice; a mark shows the one that is in force.
func (c choiceTopic) valuesText() string {
	var b strings.Builder
	for _, v := range c.Values {
		mark := " "
		if v.Name == c.Value {
			mark = "*"
		}
		text := strings.ReplaceAll(wrap(v.Text, 56), "\n", "\n"+strings.Repeat(" ", 24))
		fmt.Fprintf(&b, "  %s %-19s %s\n", mark, v.Name, text)
	}
	return b.String()
}
