package main

import (
	"slices"

	"bootplan/sim/report"
)

// questionTopics explains the lines of a comparison, but for those that have the name of
// one of known: of the choice behind them.
func questionTopics(known []topic) []topic {
	var list []topic
	for _, q := range report.Questions() {
		if slices.ContainsFunc(known, func(t topic) bool { return t.Name == q.Name }) {
			continue
		}
		text := "Computed from each boot."
		if q.Stated {
			text = "Stated by each design."
		}
		list = append(list, topic{
			Name: q.Name, Kind: "property", Title: q.Text, Text: text + " In a comparison it stands under \"" + q.Group + "\".", Sources: []string{},
			group: "lines of a comparison: bootplan compare",
		})
	}
	return list
}
