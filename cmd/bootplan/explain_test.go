package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/sim"
	"bootplan/sim/report"
)

func TestTopicsAreComplete(t *testing.T) {
	seen, texts := map[string]bool{}, map[string]string{}
	for _, topic := range topics() {
		if seen[topic.Name] {
			t.Errorf("%s is explained twice", topic.Name)
		}
		seen[topic.Name], texts[topic.Name] = true, topic.Text
		if topic.Title == "" || topic.Text == "" || topic.group == "" || topic.Sources == nil {
			t.Errorf("%s lacks a title, a text, a group or a list of sources", topic.Name)
		}
		if topic.Kind != "rule" && topic.Kind != "measure" && topic.Kind != "property" && len(topic.Sources) == 0 { // a measure is defined here
			t.Errorf("%s states facts without a source", topic.Name)
		}
		if (topic.Kind == "rule") != (topic.Severity != nil) {
			t.Errorf("%s is a %s with severity %v", topic.Name, topic.Kind, topic.Severity)
		}
	}
	for _, name := range sim.Policies() {
		p, err := sim.PolicyNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		if mask := fmt.Sprintf("%#x", p.NX); p.NX != 0 && !strings.Contains(texts[name], " "+mask+":") {
			t.Errorf("policy %s is explained without its NX mask, %s:\n%s", name, mask, texts[name])
		}
	}
	if len(policies) != len(sim.Policies()) || len(firmwares) != len(sim.Firmwares()) {
		t.Errorf("%d policies and %d kinds of firmware are explained, there are %d and %d",
			len(policies), len(firmwares), len(sim.Policies()), len(sim.Firmwares()))
	}
	for _, m := range sim.Measures() {
		if !seen[m.Name] {
			t.Errorf("measure %s is not explained", m.Name)
		}
	}
	for _, q := range report.Questions() {
		if !seen[q.Name] || q.Text == "" {
			t.Errorf("line %q of a comparison is not explained", q.Name)
		}
	}
	for p := sim.Firmware; p <= sim.Kernel; p++ {
		if !seen[p.String()] {
			t.Errorf("phase %v is not explained", p)
		}
	}
	for op := sim.Alloc; op <= sim.Exit; op++ {
		if !seen[op.String()] {
			t.Errorf("step %v is not explained", op)
		}
	}
}

func TestExplainARule(t *testing.T) {
	got := runWith("", "explain", "map-no-ram")
	want := ran{Out: `map-no-ram (rule, error): a map without RAM

No entry offers RAM. Nothing can be loaded, and a kernel that starts anyway
finds no memory to run in. Maps of runtime regions only, such as
/sys/firmware/efi/runtime-map, are not meant.

Sources
  arch/x86/kernel/e820.c:e820__memblock_setup (v6.12)
`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestExplainJSON(t *testing.T) {
	type stated struct{ Name, Kind, Severity string }
	for name, want := range map[string]stated{
		"map-overlap": {"map-overlap", "rule", "error"},
		"exit":        {"exit", "step", ""},
	} {
		var result struct {
			Schema string
			Topics []stated
		}
		if err := json.Unmarshal([]byte(runWith("", "explain", "--json", name).Out), &result); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]stated{want}, result.Topics); diff != "" || result.Schema != "bootplan/1" {
			t.Error(result.Schema, diff)
		}
	}
}

func TestExplainWhatDoesNotExist(t *testing.T) {
	for name, says := range map[string]string{
		"map-overlop":  `Did you mean map-overlap?`,
		"pair":         `Did you mean map-pair-lost or map-pair-ram or map-pair-type?`,
		"zzzzzzzzzzzz": `"bootplan explain" lists them`,
		"":             `"bootplan explain" lists them`,
	} {
		got := runWith("", "explain", name)
		if got.Code != exitUsage || got.Out != "" || !strings.Contains(got.Err, says) {
			t.Errorf("%q: %+v", name, got)
		}
	}
}

func TestExplainLists(t *testing.T) {
	got := runWith("", "explain")
	for _, line := range []string{
		"rules on maps: bootplan map lint\n",
		"  map-no-ram             error    a map without RAM\n",
	} {
		if !strings.Contains(got.Out, line) {
			t.Errorf("%q is missing in\n%s", line, got.Out)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"abc", "", 3}, {"", "abc", 3}, {"abc", "abc", 0},
		{"kitten", "sitting", 3}, {"saturday", "sunday", 3}, {"ab", "ba", 2},
	} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("%q to %q takes %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	text := rapid.StringMatching(`([a-zé]{1,12} {1,2}){0,30}`)
	rapid.Check(t, func(t *rapid.T) {
		s := text.Draw(t, "text")
		wrapped := wrap(s, 20)
		if diff := cmp.Diff(strings.Fields(s), strings.Fields(wrapped)); diff != "" {
			t.Fatal(diff)
		}
		lines := strings.Split(wrapped, "\n")
		for i, line := range lines {
			if utf8.RuneCountInString(line) > 20 {
				t.Fatalf("%q is longer than 20", line)
			}
			if i == 0 {
				continue
			}
			first, _, _ := strings.Cut(line, " ")
			if utf8.RuneCountInString(lines[i-1]+" "+first) <= 20 {
				t.Fatalf("%q would have fitted after %q", first, lines[i-1])
			}
		}
	})
}
