package verify

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestVectors runs every vector file below testdata, and below the folders that
// the environment variable BOOTPLAN_VECTORS names.
func TestVectors(t *testing.T) {
	folders := append([]string{"testdata"}, filepath.SplitList(os.Getenv("BOOTPLAN_VECTORS"))...)
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".jsonl") {
				t.Run(path, func(t *testing.T) { checkVectors(t, path) })
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func checkVectors(t *testing.T, path string) {
	data, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	out, err := Vectors(path, data)
	if err != nil {
		t.Fatal(err)
	}
	if out.Cases == 0 || out.Unsupported > 0 {
		t.Errorf("%d of %d cases cannot be run", out.Unsupported, out.Cases)
	}
	for i, f := range out.Failures {
		if i == 5 {
			t.Errorf("and %d more", len(out.Failures)-i)
			break
		}
		t.Errorf("%s:\n  %s", f.Name, strings.Join(f.Diff, "\n  "))
	}
}

func TestVectorsCountsOutcomes(t *testing.T) {
	const right = `{"name":"a","in":{"cmdline":""},"want":{"nokaslr":false,"nochunk":false,"novamap":false,` +
		`"no5lvl":false,"loglevel":7,"mem_encrypt":0,"soft_reserve":true,"memmap_override":null}}`
	wrong := strings.Replace(right, `"loglevel":7`, `"loglevel":4`, 1)
	for file, want := range map[string]File{
		"efi_options_x.jsonl":    {Function: "parse_options of the EFI stub", Cases: 2, Passed: 1, Failed: 1},
		"efi_optionsx.jsonl":     {Cases: 2, Unsupported: 2},
		"unknown_function.jsonl": {Cases: 2, Unsupported: 2},
	} {
		got, err := Vectors(file, strings.NewReader(right+"\n\n"+wrong))
		if err != nil {
			t.Fatal(err)
		}
		if got.Failed > 0 {
			if diff := cmp.Diff([]string{".loglevel: got 7, want 4"}, got.Failures[0].Diff); diff != "" {
				t.Error(diff)
			}
		}
		want.File, got.Failures = file, nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

func TestVectorsNamesTheBadLine(t *testing.T) {
	for text, want := range map[string]string{
		"\nno json":                  "f.jsonl:2: no vector: ",
		`{"name":"a","in":{}}`:       "f.jsonl:1: no vector: expected an object",
		`{"name":"a","in":{},"want"`: "f.jsonl:1: no vector: ",
	} {
		_, err := Vectors("f.jsonl", strings.NewReader(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s…", text, err, want)
		}
	}
}
