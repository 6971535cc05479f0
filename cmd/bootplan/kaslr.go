package main

import (
	"errors"

	"github.com/spf13/cobra"

	"bootplan/sim"
	"bootplan/sim/report"
)

func newKASLRCmd(a *app) *cobra.Command {
	var f scenarioFlags
	var whatIf bool
	cmd := &cobra.Command{
		Use:   "kaslr",
		Short: "Where can the kernel land on this machine, with which probability, and how many bits is that?",
		Args:  usage(cobra.NoArgs),
		Example: `  bootplan kaslr --map dmesg.txt
  bootplan kaslr --map dmesg.txt --cmdline 'memmap=700M' --what-if`,
		RunE: func(*cobra.Command, []string) error { return a.kaslr(&f, whatIf) },
	}
	f.add(cmd.Flags())
	cmd.Flags().BoolVar(&whatIf, "what-if", false, "show what each thing that the kernel avoids costs in places and bits")
	return cmd
}

func (a *app) kaslr(f *scenarioFlags, whatIf bool) error {
	sc, err := a.scenario(f)
	if err != nil {
		return err
	}
	names := chosenDesigns(f, sc)
	if len(names) > 1 || names[0] == allDesigns {
		return errors.New("--design: kaslr takes one design; bootplan compare takes several")
	}
	designs, err := f.designs(names)
	if err != nil {
		return err
	}
	// Without checks only the surprises of the placement itself are found.
	result, err := sim.Run(designs[0], sc, sim.Options{})
	if err != nil {
		return err
	}
	k, err := report.NewKASLR(result)
	if err != nil {
		return err
	}
	if a.json {
		err = a.print(k)
	} else {
		err = report.KASLRText(a.out, k, whatIf, a.style())
	}
	if err != nil {
		return err
	}
	if k.Kernel == nil {
		return status(exitFails)
	}
	return a.verdict(k.Surprises())
}

// print writes v as JSON.
func (a *app) print(v any) error {
	text, err := report.Marshal(v)
	if err != nil {
		return err
	}
	_, err = a.out.Write(text)
	return err
}
