package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestREADME: what the README says that commands print is what they print.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []struct {
		after string // the sentence in front of the block
		args  []string
	}{
		{"W+X over time:\n\n", []string{"compare"}},
		{"unless somebody asks:\n\n", []string{"compare", "--policy", "all"}},
	} {
		_, rest, _ := strings.Cut(string(text), shown.after+"```\n")
		block, _, found := strings.Cut(rest, "```")
		if !found {
			t.Fatalf("README.md: expected the output of %v in a block", shown.args)
		}
		var out, errs bytes.Buffer
		if code := execute(shown.args, strings.NewReader(""), &out, &errs); code != 0 {
			t.Fatalf("%v: exit status %d: %s", shown.args, code, errs.String())
		}
		if !strings.HasPrefix(out.String(), block) {
			t.Errorf("README.md shows\n%s\n%v prints\n%s", block, shown.args, out.String())
		}
	}
}
