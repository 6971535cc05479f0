package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"bootplan/memmap"
	"bootplan/memmap/parse"
)

func newMapCmd(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "map",
		Short: "What does this machine's firmware say about memory?",
		Long: `Reads a firmware memory map from a kernel log, from what the UEFI Shell's memmap
prints, from captured /sys/firmware/memmap and /sys/firmware/efi/runtime-map trees,
from /proc/iomem, from binary tables, or from bootplan's own JSON. The form is told
from the content.`,
	},
		newMapShowCmd(a),
		newMapLintCmd(a),
		newMapDiffCmd(a),
		newMapConvertCmd(a),
	)
}

// readDocument reads the maps of path: a file in any form, "-" for standard input,
// or a directory with captured trees. The form is sniffed when from is "".
func (a *app) readDocument(path, from string) (*parse.Document, error) {
	form := parse.Form(from)
	if from != "" {
		if _, err := parse.ParseForm(from); err != nil {
			return nil, fmt.Errorf("--from: %w", err)
		}
	}
	if path == "-" {
		in, err := a.stdin()
		if err != nil {
			return nil, err
		}
		return parse.Read(standardInput, in, form)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return readTree(path, form)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parse.Read(path, f, form)
}

// readTree reads the trees below a directory, or the one of the given form.
func readTree(dir string, form parse.Form) (*parse.Document, error) {
	if form != "" && !form.IsTree() {
		return nil, fmt.Errorf("%s: expected a file: %s is no tree of files", dir, form)
	}
	doc, err := parse.Tree(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	doc.File = dir
	for _, p := range doc.Problems {
		p.File = filepath.Join(dir, p.File)
	}
	if form == "" {
		return doc, nil
	}
	doc.Maps = slices.DeleteFunc(doc.Maps, func(m memmap.Map) bool { return m.Label != string(form) })
	if len(doc.Maps) == 0 {
		return nil, fmt.Errorf("%s: no %s tree below this directory", dir, form)
	}
	doc.Form = form
	return doc, nil
}
