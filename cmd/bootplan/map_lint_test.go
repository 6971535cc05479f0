package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ran is what one command line printed.
type ran struct {
	Out, Err string
	Code     int
}

func runWith(input string, args ...string) ran {
	var out, errw strings.Builder
	code := execute(args, strings.NewReader(input), &out, &errw)
	return ran{out.String(), errw.String(), code}
}

// oddLog has an overlap, RAM on the local APIC, and a table that the kernel made
// itself, which is not to be judged.
const oddLog = `[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable
[    0.000000] BIOS-e820: [mem 0x0000000070000000-0x0000000070ffffff] reserved
[    0.000000] BIOS-e820: [mem 0x00000000fee00000-0x00000000fee00fff] usable
[    0.000000] user: [mem 0x0000000000000000-0x0000000000000fff] usable
`

// plainLog is what SeaBIOS states in a machine of 128 MiB.
const plainLog = `BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff] reserved
BIOS-e820: [mem 0x00000000000f0000-0x00000000000fffff] reserved
BIOS-e820: [mem 0x0000000000100000-0x0000000007fdffff] usable
BIOS-e820: [mem 0x0000000007fe0000-0x0000000007ffffff] reserved
BIOS-e820: [mem 0x00000000fffc0000-0x00000000ffffffff] reserved
`

// pairLog has an e820 table that offers runtime services memory as RAM.
const pairLog = `BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable
BIOS-e820: [mem 0x0000000000100000-0x000000003fffffff] usable
efi: mem00: [Conventional|   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x0000000000000000-0x000000000009ffff] (0MB)
efi: mem01: [Conventional|   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x0000000000100000-0x000000003fefffff] (1022MB)
efi: mem02: [Runtime Data|RUN|  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x000000003ff00000-0x000000003fffffff] (1MB)
`

func TestMapLint(t *testing.T) {
	want := ran{Code: exitFindings, Out: `2 findings: 2 errors. Next: bootplan explain map-overlap

error  map-overlap        standard input:2,3  [mem 0x0000000070000000-0x0000000070ffffff] is usable in one entry and reserved in another
error  map-ram-on-device  standard input:4    [mem 0x00000000fee00000-0x00000000fee00fff] is RAM, where the local APIC's registers are
`}
	if diff := cmp.Diff(want, runWith(oddLog, "map", "lint", "-")); diff != "" {
		t.Error(diff)
	}
}

func TestMapLintOfAPlainMap(t *testing.T) {
	want := ran{Out: "Nothing odd in 1 map.\n"}
	if diff := cmp.Diff(want, runWith(plainLog, "map", "lint", "--fail-on", "info", "-")); diff != "" {
		t.Error(diff)
	}
}

func TestMapLintComparesTheMapsOfOneLog(t *testing.T) {
	want := ran{Code: exitFindings, Out: `1 finding: 1 error.

error  map-pair-ram  standard input BIOS-e820  [mem 0x000000003ff00000-0x000000003fffffff] is usable in the e820 table, but the EFI map makes it reserved
`}
	if diff := cmp.Diff(want, runWith(pairLog, "map", "lint", "-q", "-")); diff != "" {
		t.Error(diff)
	}
}

func TestMapLintJSON(t *testing.T) {
	got := runWith(oddLog, "map", "lint", "--json", "-")
	want := `{"schema":"bootplan/1","files":[{"file":"standard input","maps":[{"kind":"e820","label":"BIOS-e820","findings":[` +
		`{"rule":"map-overlap","severity":"error","lines":[2,3],"range":{"start":"0x70000000","end":"0x71000000"},` +
		`"message":"[mem 0x0000000070000000-0x0000000070ffffff] is usable in one entry and reserved in another","count":1},` +
		`{"rule":"map-ram-on-device","severity":"error","lines":[4],"range":{"start":"0xfee00000","end":"0xfee01000"},` +
		`"message":"[mem 0x00000000fee00000-0x00000000fee00fff] is RAM, where the local APIC's registers are","count":1}]}]}]}` + "\n"
	if diff := cmp.Diff(ran{want, "", exitFindings}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMapShowJSONHoldsTheFindings(t *testing.T) {
	var shown struct {
		Maps []struct {
			Label    string
			Findings []mapFindingRule
		}
	}
	got := runWith(oddLog, "map", "show", "--json", "-")
	if err := json.Unmarshal([]byte(got.Out), &shown); err != nil {
		t.Fatal(err)
	}
	rules := map[string][]mapFindingRule{}
	for _, m := range shown.Maps {
		rules[m.Label] = m.Findings
	}
	want := map[string][]mapFindingRule{"BIOS-e820": {{"map-overlap"}, {"map-ram-on-device"}}, "user": {}}
	if diff := cmp.Diff(want, rules); diff != "" {
		t.Error(diff)
	}
}

type mapFindingRule struct{ Rule string }

func TestMapLintExitStatus(t *testing.T) {
	hole := strings.Replace(plainLog, "-0x0000000007fdffff", "-0x0000000007fdefff", 1)
	for _, c := range []struct {
		name  string
		input string
		args  []string
		want  int
		err   string
	}{
		{"information is below the limit", hole, nil, 0, ""},
		{"information is at the limit", hole, []string{"--fail-on", "info"}, exitFindings, ""},
		{"no map", "nothing\n", nil, exitUsage, "standard input"},
		{"an entry that can't be read", plainLog + "BIOS-e820: [mem 0x1000-nonsense] usable\n", nil, exitUsage, "standard input:7"},
		{"no such severity", plainLog, []string{"--fail-on", "fatal"}, exitUsage, "expected error, warning or info"},
		{"no such width", plainLog, []string{"--phys-bits", "64"}, exitUsage, "expected a number from 32 to 52"},
		{"beyond the width", plainLog + "BIOS-e820: [mem 0x0000008000000000-0x00000080ffffffff] usable\n", []string{"--phys-bits", "39"}, exitFindings, ""},
		{"within the width", plainLog + "BIOS-e820: [mem 0x0000008000000000-0x00000080ffffffff] usable\n", nil, 0, ""},
	} {
		got := runWith(c.input, append([]string{"map", "lint", "-"}, c.args...)...)
		if got.Code != c.want || !strings.Contains(got.Err, c.err) {
			t.Errorf("%s: status %d, %q, want %d, %q", c.name, got.Code, got.Err, c.want, c.err)
		}
	}
}
