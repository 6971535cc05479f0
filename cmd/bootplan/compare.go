package main

import (
	"github.com/spf13/cobra"

	"bootplan/sim"
	"bootplan/sim/design"
	"bootplan/sim/report"
)

func newCompareCmd(a *app) *cobra.Command {
	var f scenarioFlags
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "The same machine and kernel under several designs, side by side",
		Long: `The same machine and kernel under several designs, side by side.

A comparison is no verdict: it exits with 0 whatever it finds, unless --fail-on is
given.`,
		Args: usage(cobra.NoArgs),
		Example: `  bootplan compare
  bootplan compare --map dmesg.txt --policy edk2-nx-attr`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.compare(&f, cmd.Flags().Changed("fail-on")) },
	}
	f.add(cmd.Flags())
	return cmd
}

func (a *app) compare(f *scenarioFlags, judge bool) error {
	sc, err := a.scenario(f)
	if err != nil {
		return err
	}
	names := f.Designs
	if names == nil {
		names = []string{design.Fitting(sc.Kernel, false), design.Fitting(sc.Kernel, true)}
	}
	designs, err := f.designs(sc, names)
	if err != nil {
		return err
	}
	var results []*sim.Result
	var findings []sim.Finding
	for _, d := range designs {
		r, err := a.boot(sc, d)
		if err != nil {
			return err
		}
		results = append(results, r)
		findings = append(findings, r.Findings...)
	}
	if err := a.printComparison(results); err != nil || !judge {
		return err
	}
	return a.verdict(findings)
}

func (a *app) printComparison(results []*sim.Result) error {
	if !a.json {
		return report.CompareText(a.out, results, a.style())
	}
	return a.print(report.Compare(results))
}
