package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/design"
	"bootplan/sim/report"
	"bootplan/trampoline"
)

func newTrampolineCmd(a *app) *cobra.Command {
	t := &trampolineCmd{app: a}
	cmd := &cobra.Command{
		Use:   "trampoline",
		Short: "Where the paging-switch and SMP trampolines go on this machine, and why there",
		Long: `Where the paging-switch and SMP trampolines go on this machine, and why there.

The paging trampoline is what the decompressor looks for below 640 KiB, step by step.
The EFI stub of v6.6 and later allocates two pages instead. The real-mode trampoline
is where the kernel starts the other processors.

The words of the BIOS data area are no part of a memory map. Those that are not given
are derived from it: base memory ends where usable memory below 640 KiB ends, and
the extended BIOS data area begins there. EFI machines have zeros.`,
		Example: `  bootplan trampoline --map dmesg.txt
  bootplan trampoline --map dmesg.txt --bda-base 639 --bda-ebda 0x9fc0 --kernel-version v5.2`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			t.givenBase, t.givenEBDA = cmd.Flags().Changed("bda-base"), cmd.Flags().Changed("bda-ebda")
			return t.run()
		},
	}
	flags := cmd.Flags()
	t.flags.add(flags)
	for _, name := range idleFlags {
		flags.Lookup(name).Hidden = true
	}
	flags.Uint16Var(&t.words.BaseKiB, "bda-base", 0, "KiB of base memory, the word at physical 0x413")
	flags.Uint16Var(&t.words.EBDASegment, "bda-ebda", 0, "segment of the extended BIOS data area, the word at 0x40e")
	flags.BoolVar(&t.efi, "efi", false, "the boot parameters carry an EFI signature (implied by an EFI map)")
	flags.StringVar(&t.version, "kernel-version", "", "release whose code is modelled, from v4.17 on (default: that of the kernel)")
	return cmd
}

// idleFlags are those of a scenario that no trampoline depends on. They stay, since
// every verb accepts the same scenario file.
var idleFlags = []string{"design", "set", "seed", "random"}

// trampolineCmd is one invocation of the verb.
type trampolineCmd struct {
	app                  *app
	flags                scenarioFlags
	words                linux.BIOSWords
	givenBase, givenEBDA bool
	efi                  bool
	version              string
}

// trampolineAnswer is what the verb has found out.
type trampolineAnswer struct {
	*trampoline.Walk
	words    linux.BIOSWords
	assumed  bool // some of the words come from the map
	realMode memmap.Range
	stub     memmap.Range // empty where no stub allocates
	findings []sim.Finding
}

func (t *trampolineCmd) run() error {
	for _, name := range idleFlags {
		if t.flags.given(name) {
			t.app.note("--%s makes no difference to a trampoline", name)
		}
	}
	sc, err := t.app.scenario(&t.flags)
	if err != nil {
		return err
	}
	v, err := t.modelled(sc)
	if err != nil {
		return err
	}
	answer, err := t.answer(sc, v)
	if err != nil {
		return err
	}
	if t.app.json {
		err = t.app.printTrampolineJSON(answer)
	} else {
		err = t.app.printTrampoline(answer)
	}
	if err != nil {
		return err
	}
	return t.app.verdict(answer.findings)
}

// firstTrampoline is the first release whose decompressor uses low memory.
const firstTrampoline = linux.Version(4<<8 | 17)

// modelled is the version that the user names, or that of the kernel.
func (t *trampolineCmd) modelled(sc *sim.Scenario) (linux.Version, error) {
	v := sc.Kernel.Version
	if t.version != "" {
		var err error
		if v, err = linux.ParseVersion(t.version); err != nil {
			return 0, fmt.Errorf("--kernel-version: %w", err)
		}
	}
	if v == 0 {
		return 0, fmt.Errorf("the kernel does not say which release it is: state it with --kernel-version")
	}
	if v < firstTrampoline {
		return 0, fmt.Errorf("%v has no paging trampoline: expected %v or later", v, firstTrampoline)
	}
	return v, nil
}

func (t *trampolineCmd) answer(sc *sim.Scenario, v linux.Version) (*trampolineAnswer, error) {
	var low []memmap.Range
	table := sc.Map.Entries
	efi := t.efi || sc.Map.Kind == memmap.EFI
	if sc.Map.Kind == memmap.EFI {
		table = memmap.ToE820(sc.Map.Descriptors, memmap.ConvertOptions{UnacceptedMemory: true, SoftReserve: true})
		low = bootServices(sc.Map.Descriptors)
	}
	answer := &trampolineAnswer{words: t.words}
	if !efi {
		answer.assume(trampoline.LikelyWords(table), t.givenBase, t.givenEBDA)
	}
	answer.Walk = trampoline.Explain(&trampoline.Input{BIOS: answer.words, EFI: efi, Table: table}, v)
	for _, f := range answer.Findings() {
		answer.findings = append(answer.findings, sim.Finding{Rule: f.Rule, Severity: f.Severity, Range: f.Range, Message: f.Message})
	}
	// An empty range stands for "none": the kernel then waits for boot services memory.
	answer.realMode, _ = trampoline.FindRealMode(&trampoline.RealModeInput{
		BIOS: answer.words, Table: table, Reserved: low, Size: trampoline.RealModeSize(v),
	})
	if sc.Map.Kind != memmap.EFI || v < linux.V6_6 {
		return answer, nil
	}
	var err error
	answer.stub, err = stubTrampoline(sc)
	return answer, err
}

// assume fills in the words that are not given.
func (t *trampolineAnswer) assume(likely linux.BIOSWords, givenBase, givenEBDA bool) {
	if !givenBase {
		t.words.BaseKiB = likely.BaseKiB
	}
	if !givenEBDA {
		t.words.EBDASegment = likely.EBDASegment
	}
	t.assumed = !givenBase || !givenEBDA
}

// bootServices is the memory of EFI boot services, which the kernel keeps until the
// real-mode trampoline has its place.
func bootServices(descs []memmap.EFIDescriptor) []memmap.Range {
	var list []memmap.Range
	for _, d := range descs {
		r, err := d.Range()
		if err == nil && (d.Type == memmap.EFIBootServicesCode || d.Type == memmap.EFIBootServicesData) {
			list = append(list, r)
		}
	}
	return list
}

// stubTrampoline runs the EFI stub and returns the pages that it allocates; none if
// the CPU does not know 5-level paging, or if the boot fails before.
func stubTrampoline(sc *sim.Scenario) (memmap.Range, error) {
	d, err := design.Named(design.Fitting(sc.Kernel, true))
	if err != nil {
		return memmap.Range{}, err
	}
	result, err := sim.Run(d, sc, sim.Options{})
	if err != nil {
		return memmap.Range{}, err
	}
	p, _ := result.Placement("paging_trampoline")
	return p.Range, nil
}

// trampolineJSON is the answer in JSON.
type trampolineJSON struct {
	Schema    string            `json:"schema"`
	Version   string            `json:"version"`
	Placement report.Range      `json:"placement"`
	PageTable string            `json:"page_table"`
	Code      string            `json:"code"`
	BIOS      trampolineBIOS    `json:"bios"`
	Walk      []trampolineVisit `json:"walk"`
	Found     bool              `json:"found"` // an entry of the table holds the trampoline
	RealMode  *report.Range     `json:"realmode_trampoline,omitempty"`
	Stub      *report.Range     `json:"efi_stub,omitempty"`
	Findings  []trampolineFault `json:"findings"`
}

type trampolineBIOS struct {
	Read       bool   `json:"read"`
	Assumed    bool   `json:"assumed"`
	BaseMemory string `json:"base_memory"`
	EBDA       string `json:"ebda"`
	Limit      string `json:"limit"`
}

type trampolineVisit struct {
	Entry   int    `json:"entry"`
	Start   string `json:"start"`
	Size    string `json:"size"` // as stated: start and size may wrap around
	Type    string `json:"type"`
	Verdict string `json:"verdict"`
	Limit   string `json:"limit"` // from now on
}

type trampolineFault struct {
	Rule     string        `json:"rule"`
	Severity string        `json:"severity"`
	Range    *report.Range `json:"range,omitempty"`
	Message  string        `json:"message"`
}

func (a *app) printTrampolineJSON(t *trampolineAnswer) error {
	out := trampolineJSON{
		Schema: schema, Version: t.Version.String(),
		Placement: report.Range{Start: report.Address(t.Start), End: report.Address(t.Start + trampoline.Size)},
		PageTable: report.Address(t.PageTable()), Code: report.Address(t.Code()),
		BIOS: trampolineBIOS{
			Read: t.Bound.Read, Assumed: t.assumed, BaseMemory: report.Address(t.Bound.BaseMemory),
			EBDA: report.Address(t.Bound.EBDA), Limit: report.Address(t.Bound.Limit),
		},
		Walk: []trampolineVisit{}, Found: t.Found(), Findings: []trampolineFault{},
		RealMode: jsonRange(t.realMode), Stub: jsonRange(t.stub),
	}
	for _, v := range t.Visits {
		out.Walk = append(out.Walk, trampolineVisit{
			v.Entry, report.Address(v.E820.Addr), report.Address(v.E820.Size), v.E820.Type.String(),
			v.Verdict.String(), report.Address(v.Limit),
		})
	}
	for _, f := range t.findings {
		out.Findings = append(out.Findings, trampolineFault{f.Rule, f.Severity.String(), jsonRange(f.Range), f.Message})
	}
	text, err := report.Marshal(out)
	if err != nil {
		return err
	}
	_, err = a.out.Write(text)
	return err
}

// jsonRange is r in JSON, or nothing if r is empty.
func jsonRange(r memmap.Range) *report.Range {
	if r.Empty() {
		return nil
	}
	j := report.JSONRange(r)
	return &j
}
