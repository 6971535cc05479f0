package design_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap/gallery"
	"bootplan/sim"
	"bootplan/sim/design"
)

// weaknessRules are the rules that find each of the four weaknesses of the list of 2023-05-03.
var weaknessRules = map[string][]string{
	"W1": {"low-memory", "nx-stripped"},
	"W2": {"pe-promise"},
	"W3": {"self-relocated"},
	"W4": {"demand-map"},
}

// weaknesses are those that a boot shows, sorted.
func weaknesses(r *sim.Result) []string {
	shown := []string{}
	for _, w := range []string{"W1", "W2", "W3", "W4"} {
		if slices.ContainsFunc(r.Findings, func(f sim.Finding) bool { return slices.Contains(weaknessRules[w], f.Rule) }) {
			shown = append(shown, w)
		}
	}
	return shown
}

// TestFourWeaknesses: each of the four weaknesses is found in exactly the designs that have
// it, with a CPU that has LA57 and with one that has not. Before 5.10 nothing handles
// page faults, so that there is no fourth.
func TestFourWeaknesses(t *testing.T) {
	old := []string{"W1", "W2", "W3", "W4"}
	bare, quiet, none := []string{"W1", "W3", "W4"}, []string{"W3", "W4"}, []string{}
	want := map[string]struct{ la57, not []string }{
		"bzimage@v4.18":   {[]string{"W1", "W3"}, []string{"W1", "W3"}},
		"bzimage@v5.3":    {[]string{"W1", "W3"}, []string{"W1", "W3"}},
		"bzimage@v5.10":   {bare, bare},
		"bzimage@v5.15":   {bare, bare},
		"bzimage@v6.5":    {bare, bare},
		"bzimage":         {bare, quiet},
		"bzimage@v7.2":    {bare, quiet},
		"decompressor-nx": {bare, quiet}, // its handler still maps what is no RAM
		"efistub@v5.10":   {old, old},
		"efistub@v5.15":   {old, old},
		"efistub@v6.5":    {old, old},
		"la57-cleanup":    {[]string{"W2", "W3", "W4"}, []string{"W2", "W3", "W4"}},
		"efistub@v6.6":    {[]string{"W2"}, []string{"W2"}},
		"zboot-x86-rfc":   {none, none},
		"zboot-x86-2025":  {none, none},
		"baskov-v5-bios":  {[]string{"W1", "W3"}, []string{"W1", "W3"}}, // through low memory on every boot
		"baskov-v5":       {none, none},
		"efistub":         {none, none},
		"efistub@v7.2":    {none, none},
	}
	kernel := debian612(t)
	for name, expected := range want {
		for _, la57 := range []bool{true, false} {
			r := boot(t, name, &sim.Scenario{Map: gallery.OVMF2G(), Kernel: kernel, CPU: sim.CPU{LA57: la57, NX: true}, Random: sim.Seeded(1)})
			shown := expected.la57
			if !la57 {
				shown = expected.not
			}
			if diff := cmp.Diff(shown, weaknesses(r)); diff != "" {
				t.Errorf("%s, LA57 %v: -expected +found:\n%s", name, la57, diff)
			}
		}
	}
}

// TestStrippedNX: of the designs that lift restrictions from memory, one lifts them from
// memory that it does not own.
func TestStrippedNX(t *testing.T) {
	kernel := debian612(t)
	strips := []string{}
	for _, d := range design.All() {
		sc := &sim.Scenario{Map: gallery.OVMF2G(), Kernel: kernel, CPU: sim.CPU{LA57: true, NX: true}, Random: sim.Seeded(1), Policy: policy(t, "edk2-nx")}
		r := boot(t, d.Name(), sc)
		if slices.ContainsFunc(r.Findings, func(f sim.Finding) bool { return f.Rule == "nx-stripped" }) {
			strips = append(strips, d.Name())
		}
	}
	if diff := cmp.Diff([]string{"efistub@v6.5"}, strips); diff != "" {
		t.Errorf("-expected +found:\n%s", diff)
	}
}
