package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	var b strings.Builder
	err := Table(&b, []Column{{Title: "NX_COMPAT"}, {Title: "bytes", Right: true}, {Title: "e820 type"}},
		[][]string{{"yes", "1", "usable"}, {"a longer one", "1,234", ""}})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"NX_COMPAT     bytes  e820 type",
		"yes               1  usable",
		"a longer one  1,234",
		"",
	}, "\n")
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// TestFoldedTable: no line is wider than the terminal, where one column fits beside the first.
func TestFoldedTable(t *testing.T) {
	columns := []Column{{Title: "how it ends"}, {Title: "outcome"}, {Title: "kernel at"}, {Title: "findings"}}
	rows := [][]string{{"  efistub", "boots", "0x1000000", "2"}}
	for width, want := range map[int]string{
		0:  "how it ends  outcome  kernel at  findings\n  efistub    boots    0x1000000  2\n",
		41: "how it ends  outcome  kernel at  findings\n  efistub    boots    0x1000000  2\n",
		40: "how it ends  outcome  kernel at\n  efistub    boots    0x1000000\n\nhow it ends  findings\n  efistub    2\n",
		1: "how it ends  outcome\n  efistub    boots\n\nhow it ends  kernel at\n  efistub    0x1000000\n\n" +
			"how it ends  findings\n  efistub    2\n",
	} {
		var b strings.Builder
		if err := foldedTable(&b, width, columns, rows); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("width %d: %s", width, diff)
		}
	}
}
