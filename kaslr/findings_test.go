package kaslr

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
	"bootplan/memmap"
)

// findingsOf looks at what Make makes of in. An error that is no finding is returned.
func findingsOf(in *Input) ([]Finding, error) {
	var f Finder
	var p Plan
	err := p.Make(in)
	list := f.Find(in, &p, err)
	if errors.Is(err, ErrNeverReturns) {
		err = nil
	}
	return list, err
}

// found lists the identifiers of findings, each once, in order.
func found(t *testing.T, in *Input) []string {
	t.Helper()
	findings, err := findingsOf(in)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, f := range findings {
		if len(ids) == 0 || ids[len(ids)-1] != f.Rule {
			ids = append(ids, f.Rule)
		}
		if f.Message == "" || strings.Contains(f.Message, "%!") {
			t.Errorf("%s: message %q", f.Rule, f.Message)
		}
	}
	return ids
}

// Every rule fires on its own example, on a machine that is plain otherwise.
func TestFindings(t *testing.T) {
	gib := func(start, size uint64, kind memmap.E820Type) memmap.E820Entry {
		return memmap.E820Entry{Addr: start, Size: size, Type: kind}
	}
	pieces := func(in *Input) {
		in.E820 = nil
		for i := range uint64(101) {
			in.E820 = append(in.E820, gib(memmap.GiB+i*(64*memmap.MiB+memmap.PageSize), 64*memmap.MiB, memmap.E820RAM))
		}
	}
	shown := map[string]bool{}
	for name, c := range map[string]struct {
		change func(*Input)
		want   []string
	}{
		"nothing odd":  {func(in *Input) {}, nil},
		"nokaslr":      {func(in *Input) { in.Cmdline = "nokaslr" }, nil},
		"null cmdline": {func(in *Input) { in.CmdlinePtr = 0 }, []string{ruleNullCmdline}},
		"never returns": {func(in *Input) {
			in.E820 = in.E820[:2]
			in.E820[0].Size = memmap.GiB
			in.E820[1].Addr = 2 * memmap.GiB
			in.Cmdline = "memmap=0xfffffffffeffffff$0x1000000"
		}, []string{ruleNeverReturns}},
		"reserved inside RAM": {func(in *Input) {
			in.E820 = append(in.E820, gib(0x20000000, 0x1000, memmap.E820Reserved))
		}, []string{ruleNotRAM}},
		"scratch outside RAM": {func(in *Input) {
			in.Version, in.KexecHandover = linux.V7_2, true
			in.SetupData = []SetupData{{Addr: 0x70000, Type: SetupKexecKHO, KHO: KHO{16, []Extent{{16 << 30, 1 << 30}}}}}
		}, []string{ruleNotRAM}},
		"avoided range wraps": {func(in *Input) { in.Initrd = Extent{0x20000000, 0xfffffffff0000000} },
			[]string{ruleRepeatedArea, ruleAvoidWraps}},
		"large kernel": {func(in *Input) { in.NeededSize = 1009 * memmap.MiB }, []string{ruleVirtualWraps}},
		"below minimum": {func(in *Input) { in.Cmdline = "memmap=0xffffffff80000000$0x7fffffff" },
			[]string{ruleAreaLimit, ruleRepeatedArea, ruleInvalidDraw}},
		"entry twice":    {func(in *Input) { in.E820 = append(in.E820, in.E820[2]) }, []string{ruleRepeatedArea}},
		"pieces":         {pieces, []string{ruleAreaLimit}},
		"no place":       {func(in *Input) { in.Cmdline = "mem=64M" }, []string{ruleNoPlace}},
		"list of five":   {func(in *Input) { in.Cmdline = "memmap=1M$1G,1M$2G,1M$3G,1M$4G,1G@5G" }, []string{ruleTooMany}},
		"option of five": {func(in *Input) { in.Cmdline = "memmap=1M$1G,1M$2G,1M$3G,1M$4G memmap=1M$5G" }, []string{ruleIgnoredMemmap}},
		"empty memmap":   {func(in *Input) { in.Cmdline = "memmap=0$1G" }, []string{ruleEmptyMemmap}},
		"mem=0":          {func(in *Input) { in.Cmdline = "mem=0 memmap=1G$4G" }, []string{ruleCutShort}},
	} {
		in := plain()
		c.change(in)
		if diff := cmp.Diff(c.want, found(t, in)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for _, id := range c.want {
			shown[id] = true
		}
	}
	for _, r := range Rules() {
		if !shown[r.ID] {
			t.Errorf("%s: no example", r.ID)
		}
	}
}

func TestRulesAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] || !strings.HasPrefix(r.ID, "kaslr-") || r.Title == "" || r.Text == "" || r.Example == "" || len(r.Sources) == 0 {
			t.Errorf("%q is not complete, or not alone", r.ID)
		}
		seen[r.ID] = true
	}
	if len(seen) != 13 {
		t.Errorf("%d rules", len(seen))
	}
}

// A search that goes round stores the same areas many times; each is told once.
func TestFindingsDoNotRepeat(t *testing.T) {
	in := plain()
	in.Cmdline = "memmap=0xffffffff80000000$0x7fffffff"
	findings, err := findingsOf(in)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Finding]bool{}
	for _, f := range findings {
		if seen[f] {
			t.Errorf("%s: %s", f.Rule, f.Message)
		}
		seen[f] = true
	}
}

func TestNotRAMNamesTheMemory(t *testing.T) {
	in := plain()
	in.E820 = append(in.E820, memmap.E820Entry{Addr: 0x20000000, Size: 0x1000, Type: memmap.E820Reserved})
	findings, err := findingsOf(in)
	if err != nil || len(findings) != 1 {
		t.Fatalf("%v, %v", findings, err)
	}
	if want := (memmap.Range{Start: 0x20000000, End: 0x20001000}); findings[0].Range != want {
		t.Errorf("got %v, want %v", findings[0].Range, want)
	}
}
