package main

import "bootplan/sim"

// measureTopics explains the figures that boots state.
func measureTopics() []topic {
	var list []topic
	for _, m := range sim.Measures() {
		unit := "A count"
		if m.Unit != "" {
			unit = "In " + m.Unit
		}
		list = append(list, topic{
			Name: m.Name, Kind: "measure", Title: m.Text, Text: unit + "; stated by run -v, and with --json by run and compare.", Sources: []string{},
			group: "measures of a boot: bootplan run -v, bootplan compare",
		})
	}
	return list
}
