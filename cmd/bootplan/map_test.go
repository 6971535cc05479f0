package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	parseData   = "../../memmap/parse/testdata/"
	shellLog    = parseData + "nxpol-shell-2g-510-nokaslr.log"
	userMapLog  = parseData + "bios-q35-4g-612-memmap-add.log"
	smallLog    = "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\nBIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable\n"
	smallEFILog = "efi: mem00: [Conventional|   |WB] range=[0x0000000000000000-0x0000000000000fff] (0MB)\n" +
		"efi: mem01: [Loader Data |   |WB] range=[0x0000000000001000-0x000000000009ffff] (0MB)\n"
)

// runMap runs "bootplan map" with these arguments.
func runMap(t *testing.T, in string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = execute(append([]string{"map"}, args...), strings.NewReader(in), &out, &errs)
	return out.String(), errs.String(), code
}

func TestMapShow(t *testing.T) {
	out, errs, code := runMap(t, smallEFILog, "show", "-")
	want := `standard input: 1 map (kernel-log)
  efi  efi  2 entries  640 KiB of RAM

efi
#  where                                          size  type          attributes
0  [mem 0x0000000000000000-0x0000000000000fff]   4 KiB  Conventional  WB
1  [mem 0x0000000000001000-0x000000000009ffff] 636 KiB  Loader Data   WB
`
	// What is odd in so small a map is another verb's business.
	lines := strings.SplitAfter(out, "\n")
	kept := ""
	for _, line := range lines {
		if !strings.Contains(line, "map lint") {
			kept += line
		}
	}
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	if diff := cmp.Diff(squeeze(want), squeeze(kept)); diff != "" || code != 0 || errs != "" {
		t.Errorf("status %d, %s (-want +got):\n%s", code, errs, diff)
	}
}

func TestMapShowJSON(t *testing.T) {
	out, errs, code := runMap(t, "", "show", "--json", shellLog, userMapLog)
	var got struct {
		Schema string
		Maps   []struct {
			Schema, Kind, Label string
			Source              struct{ Form, File string }
			Entries             []struct {
				Start, End, Type string
				Attributes       []string
				Line             int
			}
			Findings []any
		}
		Problems []any
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 {
		t.Fatalf("status %d, %s: %v", code, errs, err)
	}
	if got.Schema != "bootplan/1" || len(got.Maps) != 3 || got.Problems == nil {
		t.Fatalf("%.300s", out)
	}
	shell, user := got.Maps[0], got.Maps[2]
	if shell.Source.Form != "efi-shell" || shell.Source.File != shellLog || shell.Kind != "efi" || len(shell.Entries) != 123 {
		t.Errorf("first map: %+v", shell.Source)
	}
	first := shell.Entries[0]
	if first.Start != "0x0" || first.End != "0xa0000" || first.Type != "Conventional" || first.Line != 28 {
		t.Errorf("first entry: %+v", first)
	}
	if diff := cmp.Diff([]string{"WB", "WT", "WC", "UC"}, first.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if user.Label != "user" || user.Kind != "e820" || len(user.Entries) != 10 || user.Findings == nil {
		t.Errorf("last map: %+v", user)
	}
}

// What cannot be read is shown behind what can, and is an error all the same.
func TestMapShowProblems(t *testing.T) {
	out, _, code := runMap(t, smallLog+"BIOS-e820: [mem 0x0000000000200000-0x000\n", "show", "-")
	if code != exitUsage || !strings.Contains(out, "2 entries") || !strings.Contains(out, "1 entry could not be read:\n  standard input:3:41: expected ] after the range") {
		t.Errorf("status %d:\n%s", code, out)
	}
	out, errs, code := runMap(t, "", "show", userMapLog, "no-such-file")
	if code != exitUsage || !strings.Contains(out, "BIOS-e820") || !strings.Contains(errs, "no-such-file") {
		t.Errorf("status %d, %s:\n%s", code, errs, out)
	}
}

func TestMapErrorsNameTheFile(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	empty, garbage, prose := put("empty", ""), put("garbage", "\x00\x01\x02\x03"), put("prose", "hello\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"show"}, "expected a FILE"},
		{[]string{"show", filepath.Join(dir, "missing")}, "missing: no such file"},
		{[]string{"show", empty}, empty + ": empty: expected a memory map"},
		{[]string{"show", garbage}, garbage + ": binary data that is no memory map"},
		{[]string{"show", prose}, prose + ": no memory map found: expected lines with"},
		{[]string{"show", dir}, dir + ": no memory map below this directory: expected sys/firmware/memmap"},
		{[]string{"show", "--sysroot", dir}, dir + ": no memory map below this directory"},
		{[]string{"show", "--from", "xml", prose}, `--from: form "xml": expected one of [kernel-log`},
		{[]string{"show", "--from", "iomem", dir}, dir + ": expected a file"},
		{[]string{"show", "--from", "sysfs-memmap", prose}, prose + ": expected a directory"},
		{[]string{"convert", userMapLog}, `required flag(s) "to" not set`},
		{[]string{"convert", "--to", "xml", userMapLog}, `--to: form "xml": expected one of`},
		{[]string{"convert", "--to", "json", userMapLog}, "several maps, choose one with --map: 1: BIOS-e820 (e820, 10 entries), 2: user (e820, 10 entries)"},
		{[]string{"convert", "--to", "json", "--map", "3", userMapLog}, "no map 3: expected one of 1: BIOS-e820"},
		{[]string{"convert", "--to", "efi-binary", "--map", "user", userMapLog}, "map user is an e820 map, which lacks the types and attributes that efi-binary needs"},
		{[]string{"convert", "--to", "iomem", "--map", "1", userMapLog}, "iomem cannot hold this map"},
		{[]string{"convert", "--to", "sysfs-memmap", "--map", "1", userMapLog}, "a tree of files needs a directory: -o DIR"},
		{[]string{"convert", "--to", "sysfs-memmap", "-o", dir, "--map", "1", userMapLog}, "expected a directory that is empty or does not exist"},
	} {
		out, errs, code := runMap(t, "", c.args...)
		if code != exitUsage || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%v: status %d\n got %s\nwant %s", c.args, code, errs, c.want)
		}
	}
}

func TestMapConvert(t *testing.T) {
	out, errs, code := runMap(t, smallEFILog, "convert", "--to", "kernel-log", "-")
	if code != 0 || errs != "" || !strings.HasPrefix(out, "[    0.000000] efi: mem00: [Conventional|   |  |") {
		t.Errorf("status %d, %s:\n%s", code, errs, out)
	}
	// Both descriptors become one entry of RAM, and a note says who made it.
	out, errs, code = runMap(t, smallEFILog, "convert", "--to", "e820-binary", "-")
	want := strings.Repeat("\x00", 8) + "\x00\x00\x0a\x00\x00\x00\x00\x00" + "\x01\x00\x00\x00"
	if code != 0 || out != want || !strings.Contains(errs, "EFI stub") {
		t.Errorf("status %d, %s: %q", code, errs, out)
	}
	// An entry that cannot be read is no reason to drop it silently.
	out, errs, code = runMap(t, smallLog+"BIOS-e820: [mem 0x0\n", "convert", "--to", "json", "-")
	if code != exitUsage || out != "" || !strings.Contains(errs, "standard input:3:20:") {
		t.Errorf("status %d, %s:\n%s", code, errs, out)
	}
}

// A map survives a tour through files and trees.
func TestMapConvertTour(t *testing.T) {
	dir := t.TempDir()
	tree, text, again := filepath.Join(dir, "memmap"), filepath.Join(dir, "map.json"), filepath.Join(dir, "again.json")
	for _, args := range [][]string{
		{"convert", "--to", "sysfs-memmap", "--map", "BIOS-e820", "-o", tree, userMapLog},
		{"convert", "--to", "json", "-o", text, tree},
		{"convert", "--to", "json", "-o", again, text},
	} {
		if out, errs, code := runMap(t, "", args...); code != 0 || out != "" {
			t.Fatalf("%v: status %d, %s%s", args, code, out, errs)
		}
	}
	table := func(path, which string) string {
		out, _, _ := runMap(t, "", "convert", "--to", "e820-binary", "--map", which, path)
		return out
	}
	want := table(userMapLog, "BIOS-e820")
	for _, path := range []string{tree, text, again} {
		if got := table(path, "1"); got != want || len(got) != 200 {
			t.Errorf("%s: %d bytes differ from the log's table", path, len(got))
		}
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".bootplan-*")); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestMapConvertReplacesAFileAtOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "map.log")
	if err := os.WriteFile(name, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, code := runMap(t, smallLog, "convert", "--to", "efi-shell", "-o", name, "-"); code != exitUsage {
		t.Errorf("status %d for an e820 map as a Shell table", code)
	}
	if data, _ := os.ReadFile(name); string(data) != "precious" {
		t.Errorf("a refused conversion changed the file to %q", data)
	}
	if _, errs, code := runMap(t, smallLog, "convert", "--to", "kernel-log", "-o", name, "-"); code != 0 {
		t.Errorf("status %d: %s", code, errs)
	}
	if data, _ := os.ReadFile(name); !strings.HasPrefix(string(data), "[    0.000000] BIOS-provided physical RAM map:\n") {
		t.Errorf("the file holds %q", data)
	}
}
