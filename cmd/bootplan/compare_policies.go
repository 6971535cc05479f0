package main

import (
	"fmt"
	"strings"

	"bootplan/sim"
	"bootplan/sim/report"
)

// sweep are the policies that the flag --policy names, if it names several; the first one
// then stands for all where a scenario needs one.
func (f *scenarioFlags) sweep() []string {
	names := strings.Split(f.Policy, ",")
	if f.Policy == "all" {
		names = sim.Policies()
	}
	if len(names) < 2 {
		return nil
	}
	f.Policy = names[0]
	return names
}

// compareUnder compares designs under each of several policies.
func (a *app) compareUnder(f *scenarioFlags, sc *sim.Scenario, names []string, judge bool) error {
	var runs []report.UnderPolicy
	var findings []sim.Finding
	for _, name := range names {
		policy, err := sim.PolicyNamed(name)
		if err != nil {
			return fmt.Errorf("--policy: %w", err)
		}
		under := *sc
		under.Policy = policy
		boots, err := a.bootAll(f, &under)
		if err != nil {
			return err
		}
		runs = append(runs, report.UnderPolicy{Policy: name, Boots: boots})
		findings = append(findings, findingsOf(boots)...)
	}
	var err error
	if a.json {
		err = a.print(report.ComparePolicies(runs))
	} else {
		err = report.PoliciesText(a.out, runs, f.setting(sc, ""), a.style())
	}
	if err != nil || !judge {
		return err
	}
	return a.verdict(findings)
}
