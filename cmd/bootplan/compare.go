package main

import (
	"slices"

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
		Long: `The same machine and kernel under several designs, side by side: the kernel's own
boot code and the designs that compete with it, those that --design names, or with
--design all every one. With several policies (--policy a,b or all) it tells for each
design and policy how the boot ends.

A comparison is no verdict: it exits with 0 whatever it finds, unless --fail-on is
given.`,
		Args: usage(cobra.NoArgs),
		Example: `  bootplan compare
  bootplan compare --map dmesg.txt --policy edk2-nx-attr
  bootplan compare --design all --policy all`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.compare(&f, cmd.Flags().Changed("fail-on")) },
	}
	f.add(cmd.Flags())
	return cmd
}

func (a *app) compare(f *scenarioFlags, judge bool) error {
	policies := f.sweep()
	sc, err := a.scenario(f)
	if err != nil {
		return err
	}
	if policies != nil {
		return a.compareUnder(f, sc, policies, judge)
	}
	boots, err := a.bootAll(f, sc)
	if err != nil {
		return err
	}
	if a.json {
		err = a.print(report.Compare(boots))
	} else {
		err = report.CompareText(a.out, boots, f.setting(sc, sc.Policy.Name), a.style())
	}
	if err != nil || !judge {
		return err
	}
	return a.verdict(findingsOf(boots))
}

// allDesigns stands for every design that there is.
const allDesigns = "all"

// bootAll boots every design of a comparison. Of all designs those are left out that have
// nothing to do on such a machine.
func (a *app) bootAll(f *scenarioFlags, sc *sim.Scenario) ([]report.Boot, error) {
	all := slices.Equal(f.Designs, []string{allDesigns})
	designs, err := f.designs(compared(f, sc))
	if err != nil {
		return nil, err
	}
	var boots []report.Boot
	for _, d := range designs {
		r, err := a.boot(sc, d)
		if err != nil && all {
			a.note("left out: %v", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		boots = append(boots, report.Boot{Design: d, Result: r, Trials: try(sc, d)})
	}
	return boots, nil
}

// compared are the names of the designs to compare: those that the user gives, or the
// kernel's own without and with EFI, the last ones before the paging switch was reworked,
// and the two proposals of 2023.
func compared(f *scenarioFlags, sc *sim.Scenario) []string {
	switch {
	case slices.Equal(f.Designs, []string{allDesigns}):
		var names []string
		for _, d := range design.All() {
			names = append(names, d.Name())
		}
		return names
	case len(f.Designs) > 0:
		return f.Designs
	}
	names := []string{design.Fitting(sc.Kernel, false), "efistub@v6.5", "baskov-v5", "zboot-x86-rfc"}
	if own := design.Fitting(sc.Kernel, true); !slices.Contains(names, own) {
		names = append(names, own)
	}
	return names
}

func findingsOf(boots []report.Boot) []sim.Finding {
	var all []sim.Finding
	for _, b := range boots {
		all = append(all, b.Result.Findings...)
	}
	return all
}
