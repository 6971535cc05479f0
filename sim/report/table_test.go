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
