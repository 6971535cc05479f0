package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inFiles writes each text to a file of a fresh working directory.
func inFiles(t *testing.T, texts map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

func TestMapDiff(t *testing.T) {
	after := strings.NewReplacer(
		"0x0000000007fdffff] usable", "0x0000000007ecffff] usable", // 1,088 KiB less
		"0x0000000007fe0000-0x0000000007ffffff] reserved", "0x0000000007ed0000-0x0000000007ffffff] reserved",
		"0x00000000fffc0000-0x00000000ffffffff] reserved", "0x0000000100000000-0x0000000103ffffff] usable",
	).Replace(plainLog)
	inFiles(t, map[string]string{"before.log": plainLog, "after.log": after})
	want := ran{Code: exitFindings, Out: `Different: 1 of 1 map.
--- before.log
+++ after.log

BIOS-e820: 3 ranges, 190.4 MiB of RAM, 62.9 MiB more than before
~  [mem 0x0000000007ed0000-0x0000000007fdffff]  1.1 MiB  usable → reserved
-  [mem 0x00000000fffc0000-0x00000000ffffffff]  256 KiB  reserved
+  [mem 0x0000000100000000-0x0000000103ffffff]   64 MiB  usable
`}
	if diff := cmp.Diff(want, runWith("", "map", "diff", "before.log", "after.log")); diff != "" {
		t.Error(diff)
	}
}

func TestMapDiffShowsAttributesThatChanged(t *testing.T) {
	after := strings.Replace(pairLog, "[Conventional|   |  |  |", "[Conventional|   |MR|  |", 1)
	inFiles(t, map[string]string{"before.log": pairLog, "after.log": strings.Replace(after, "Runtime Data", "Runtime Code", 1)})
	want := ran{Code: exitFindings, Out: `Different: 1 of 2 maps.
--- before.log
+++ after.log

BIOS-e820: the same

efi: 2 ranges, 1022.6 MiB of RAM as before
~  [mem 0x0000000000000000-0x000000000009ffff]  640 KiB  Conventional WB|WT|WC|UC > Conventional MR|WB|WT|WC|UC
~  [mem 0x000000003ff00000-0x000000003fffffff]    1 MiB  Runtime Data > Runtime Code
`}
	if diff := cmp.Diff(want, runWith("", "map", "diff", "--ascii", "before.log", "after.log")); diff != "" {
		t.Error(diff)
	}
}

func TestMapDiffIgnoresHowEntriesAreSplit(t *testing.T) {
	split := strings.Replace(plainLog, "0x0000000000100000-0x0000000007fdffff] usable",
		"0x0000000000100000-0x0000000000ffffff] usable\nBIOS-e820: [mem 0x0000000001000000-0x0000000007fdffff] usable", 1)
	inFiles(t, map[string]string{"before.log": plainLog, "after.log": split})
	want := ran{Out: "No difference in 1 map.\n\nBIOS-e820: the same, in 7 entries instead of 6\n"}
	if diff := cmp.Diff(want, runWith("", "map", "diff", "before.log", "after.log")); diff != "" {
		t.Error(diff)
	}
}

func TestMapDiffJSON(t *testing.T) {
	after := strings.Replace(plainLog, "0x000000000009fc00-0x000000000009ffff] reserved", "0x000000000009fc00-0x000000000009ffff] ACPI NVS", 1)
	inFiles(t, map[string]string{"before.log": plainLog, "after.log": after})
	want := ran{Code: exitFindings, Out: `{"schema":"bootplan/1","before":"before.log","after":"after.log","maps":[{"kind":"e820","label":"BIOS-e820",` +
		`"same_entries":false,"entries_before":6,"entries_after":6,"ram_before":"0x7f7fc00","ram_after":"0x7f7fc00",` +
		`"changes":[{"change":"changed","range":{"start":"0x9fc00","end":"0xa0000"},"before":{"type":"reserved"},"after":{"type":"ACPI NVS"}}]}],` +
		`"only_before":[],"only_after":[]}` + "\n"}
	if diff := cmp.Diff(want, runWith("", "map", "diff", "--json", "before.log", "after.log")); diff != "" {
		t.Error(diff)
	}
}

func TestMapDiffOfWhatCannotBeCompared(t *testing.T) {
	_, efiOnly, _ := strings.Cut(pairLog, "usable\nefi: ")
	efiOnly = "efi: " + efiOnly
	inFiles(t, map[string]string{
		"e820.log": plainLog, "efi.log": efiOnly, "both.log": pairLog,
		"broken.log": plainLog + "BIOS-e820: [mem 0x1000-nonsense] usable\n",
	})
	for _, c := range []struct {
		before, after string
		code          int
		says          string
	}{
		{"e820.log", "efi.log", exitUsage, "no map of the same kind"},
		{"e820.log", "broken.log", exitUsage, "broken.log:7"},
		{"e820.log", "missing.log", exitUsage, "missing.log"},
		{"efi.log", "both.log", exitFindings, "BIOS-e820: only in both.log"},
	} {
		got := runWith("", "map", "diff", c.before, c.after)
		if got.Code != c.code || !strings.Contains(got.Out+got.Err, c.says) {
			t.Errorf("%s, %s: %+v", c.before, c.after, got)
		}
	}
}
