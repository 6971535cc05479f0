package lint_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/memmap/lint"
	"bootplan/memmap/parse"
	"bootplan/rule"
)

// machine is what the corpus' index says about one log.
type machine struct {
	File    string `json:"file"`
	RAM     uint64 `json:"ram_bytes"`
	Entries int    `json:"e820_entries"`
}

// firmware returns the two maps of firmware in the log; the EFI map may be nil.
func firmware(t *testing.T, path string) (e820, efi *memmap.Map) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := parse.Read(path, f, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range doc.Maps {
		switch doc.Maps[i].Label {
		case "BIOS-e820":
			e820 = &doc.Maps[i]
		case "efi":
			efi = &doc.Maps[i]
		}
	}
	return e820, efi
}

// The corpus holds maps of 185 machines on which Linux boots. Its description says
// that no table overlaps itself or is out of order, that all have RAM below 640 KiB
// and at 1 MiB, and that the EFI maps offer the same RAM as the e820 tables. The
// oddities that remain were found by searching the logs without this package:
// base addresses that are no multiple of 4096, gaps, "type N", entries from 0x0 to 0x0.
func TestCorpus(t *testing.T) {
	corpus := filepath.Join("..", "..", "..", "shared", "corpus")
	text, err := os.ReadFile(filepath.Join(corpus, "index.json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no corpus of kernel logs in %s", corpus)
	}
	if err != nil {
		t.Fatal(err)
	}
	var machines []machine
	if err := json.Unmarshal(text, &machines); err != nil {
		t.Fatal(err)
	}
	fired := map[string][]string{} // rule to the numbers of the logs
	for _, c := range machines {
		e820, efi := firmware(t, filepath.Join(corpus, c.File))
		if e820 == nil || e820.Len() != c.Entries || e820.RAM().Bytes() != c.RAM {
			t.Fatalf("%s: the table is not what the index says", c.File)
		}
		findings := lint.Map(e820, lint.Options{})
		if efi != nil {
			findings = append(findings, lint.Map(efi, lint.Options{})...)
			findings = append(findings, lint.Pair(e820, efi)...)
		}
		for _, f := range findings {
			if f.Severity == rule.Error {
				t.Errorf("%s: %+v", c.File, f)
			}
			if !slices.Contains(fired[f.Rule], c.File[:3]) {
				fired[f.Rule] = append(fired[f.Rule], c.File[:3])
			}
		}
	}
	want := map[string][]string{
		"map-small-hole":  {"034", "038", "096", "107", "122"},
		"map-unaligned":   {"045", "052", "078", "080", "155"},
		"map-zero-length": {"015"},
		"map-unknown-type": { // 038 has type 9, the others type 20
			"005", "008", "015", "016", "021", "023", "027", "028", "038", "050", "053", "054", "060", "100", "103", "108",
			"114", "118", "119", "123", "127", "128", "130", "138", "141", "150", "162", "163", "164", "167", "168",
		},
	}
	if diff := cmp.Diff(want, fired); diff != "" {
		t.Error(diff)
	}
}
