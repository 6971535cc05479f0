package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
	"bootplan/sim/report"
)

func newRunCmd(a *app) *cobra.Command {
	var f scenarioFlags
	var log bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "One boot, step by step: what was allocated, copied, mapped and executed where and why",
		Args:  usage(cobra.NoArgs),
		Example: `  bootplan run                              the EFI stub on an embedded OVMF map
  bootplan run --map dmesg.txt -v           your machine, with the reason for every step
  bootplan run --design bzimage --policy ovmf --cmdline nokaslr
  bootplan run --map dmesg.txt --log        what the kernel would log about memory, to diff with what it did`,
		RunE: func(*cobra.Command, []string) error { return a.run(&f, log) },
	}
	f.add(cmd.Flags())
	cmd.Flags().BoolVar(&log, "log", false, "print what the kernel prints about memory, as dmesg shows it (memblock=debug, efi=debug in --cmdline print more); with -v also /proc/iomem")
	return cmd
}

func (a *app) run(f *scenarioFlags, log bool) error {
	sc, err := a.scenario(f)
	if err != nil {
		return err
	}
	if len(f.Designs) > 1 || slices.Contains(f.Designs, allDesigns) {
		return fmt.Errorf("--design: run takes one design; bootplan compare takes several")
	}
	designs, err := f.designs(chosenDesigns(f, sc))
	if err != nil {
		return err
	}
	result, err := a.boot(sc, designs[0])
	if err != nil {
		return err
	}
	if err := a.printRun(result, f, sc, log); err != nil {
		return err
	}
	if result.Outcome != sim.Boots {
		return status(exitFails)
	}
	return a.verdict(result.Findings)
}

// printRun prints a boot, or only what its kernel prints.
func (a *app) printRun(r *sim.Result, f *scenarioFlags, sc *sim.Scenario, log bool) error {
	switch {
	case a.json:
		run := report.NewRun(r)
		run.Schema = report.Schema
		if log {
			run.KernelLog, run.IOMem = r.KernelLog, r.IOMem
		}
		return a.print(run)
	case log:
		a.printLog(r)
		return nil
	}
	return report.RunText(a.out, r, prefers(sc), f.setting(sc, sc.Policy.Name), a.style())
}

// prefers is the address at which the scenario's kernel would rather run.
func prefers(sc *sim.Scenario) uint64 {
	if sc.Kernel.Setup == nil {
		return 0
	}
	return sc.Kernel.Setup.PrefAddress
}

// boot runs one design with every check and a full trace.
func (a *app) boot(sc *sim.Scenario, d *design.Design) (*sim.Result, error) {
	return sim.Run(d, sc, sim.Options{Trace: true, Checks: check.All()})
}

// verdict is the exit status that findings ask for.
func (a *app) verdict(findings []sim.Finding) error {
	limit, err := a.severity()
	if err != nil {
		return err
	}
	for _, f := range findings {
		if f.Severity >= limit {
			return status(exitFindings)
		}
	}
	return nil
}
