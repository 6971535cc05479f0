package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestREADME: what the README says that its first command prints is what it prints.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "The first command prints:\n\n```\n")
	shown, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("README.md: expected the output of compare in a block")
	}
	var out, errs bytes.Buffer
	if code := execute([]string{"compare"}, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("compare: exit status %d: %s", code, errs.String())
	}
	if !strings.HasPrefix(out.String(), shown) {
		t.Errorf("README.md shows\n%s\ncompare prints\n%s", shown, out.String())
	}
}
