package parse

import (
	"testing"

	"bootplan/memmap"
)

func TestFirmwareMapPrefersWhatFirmwareSaid(t *testing.T) {
	for _, c := range []struct {
		labels    []string
		want      string
		afterExit bool
	}{
		{[]string{"BIOS-e820", "user"}, "BIOS-e820", false},
		{[]string{labelInvalid, "BIOS-e820", labelEFI, labelRuntime}, labelEFI, true},
		{[]string{labelEFI, labelShell}, labelShell, false},
		{[]string{labelRuntime, string(Iomem)}, string(Iomem), false},
		{[]string{"user", "modified"}, "user", false},
	} {
		doc := &Document{}
		for _, label := range c.labels {
			doc.Maps = append(doc.Maps, memmap.Map{Kind: memmap.E820, Label: label, Entries: testMap})
		}
		if m, afterExit := doc.FirmwareMap(); m.Label != c.want || afterExit != c.afterExit {
			t.Errorf("%v: %s, after exit %v", c.labels, m.Label, afterExit)
		}
	}
	if m, _ := (&Document{}).FirmwareMap(); m != nil {
		t.Errorf("map %v of nothing", m)
	}
}
