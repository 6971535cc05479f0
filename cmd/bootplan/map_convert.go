package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"bootplan/memmap"
	"bootplan/memmap/parse"
)

func newMapConvertCmd(a *app) *cobra.Command {
	c := mapConvert{app: a}
	cmd := &cobra.Command{
		Use:   "convert --to FORM [-o FILE|DIR] FILE",
		Short: "Write a memory map in another form",
		Long: `Writes one memory map of a file in another form. Where the file holds several,
--map chooses one by its label or by its number, counted from 1.

An EFI map becomes e820 entries in the way of Linux's EFI stub where the form wants
them. The opposite is refused: an e820 map does not say what an EFI map needs.`,
		Example: `  bootplan map convert --to json dmesg.txt
  bootplan map convert --to kernel-log --map efi-shell serial.log
  bootplan map convert --to sysfs-memmap -o memmap/ dmesg.txt`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, paths []string) error {
			if c.sysroot != "" {
				paths = append(paths, c.sysroot)
			}
			if len(paths) != 1 {
				return errors.New("map convert: expected one FILE, - for standard input, or --sysroot DIR")
			}
			return c.run(paths[0])
		},
	}
	flags := cmd.Flags()
	writable := slices.DeleteFunc(parse.Forms(), func(f parse.Form) bool { return f == parse.Iomem })
	flags.StringVar(&c.to, "to", "", fmt.Sprintf("the form to write, one of %v", writable))
	flags.StringVarP(&c.output, "output", "o", "", "write to this file, or directory for trees, instead of standard output")
	flags.StringVar(&c.which, "map", "", "which map of the file: its label or its number from 1")
	flags.StringVar(&c.from, "from", "", "the form of the file (default: told from the content)")
	flags.StringVar(&c.sysroot, "sysroot", "", "a directory with captured /sys and /proc")
	_ = cmd.MarkFlagRequired("to") // fails only for a flag that is not declared
	return cmd
}

// mapConvert is one conversion.
type mapConvert struct {
	app                              *app
	to, output, which, from, sysroot string
}

func (c *mapConvert) run(path string) error {
	form, err := parse.ParseForm(c.to)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	doc, err := c.app.readDocument(path, c.from)
	if err != nil {
		return err
	}
	if len(doc.Problems) > 0 {
		return fmt.Errorf("%w (%s could not be read; see bootplan map show)", doc.Problems[0], entries(len(doc.Problems)))
	}
	m, err := c.choose(doc)
	if err != nil {
		return err
	}
	if form.Kind() == memmap.E820 && m.Kind == memmap.EFI {
		m = c.toE820(m)
	}
	if form.Kind() == memmap.EFI && m.Kind == memmap.E820 {
		return fmt.Errorf("%s: map %s is an e820 map, which lacks the types and attributes that %s needs", doc.File, m.Label, form)
	}
	if form.IsTree() {
		return c.writeTree(form, m)
	}
	var text bytes.Buffer
	if err := parse.Write(&text, form, m); err != nil {
		return err
	}
	if c.output == "" || c.output == "-" {
		_, err := c.app.out.Write(text.Bytes())
		return err
	}
	return replaceFile(c.output, text.Bytes())
}

// toE820 converts with the options of distribution kernels.
func (c *mapConvert) toE820(m *memmap.Map) *memmap.Map {
	c.app.note("%s is an EFI map; written as the e820 entries that Linux's EFI stub makes of it", m.Label)
	entries := memmap.ToE820(m.Descriptors, memmap.ConvertOptions{UnacceptedMemory: true, SoftReserve: true})
	return &memmap.Map{Kind: memmap.E820, Label: m.Label, Entries: entries}
}

// choose returns the map with this label or number, or the only one.
func (c *mapConvert) choose(doc *parse.Document) (*memmap.Map, error) {
	var labels []string
	var found []*memmap.Map
	for i := range doc.Maps {
		m := &doc.Maps[i]
		labels = append(labels, fmt.Sprintf("%d: %s (%s, %s)", i+1, m.Label, m.Kind, entries(m.Len())))
		if c.which == "" || c.which == m.Label || c.which == strconv.Itoa(i+1) {
			found = append(found, m)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	list := strings.Join(labels, ", ")
	switch {
	case c.which == "":
		return nil, fmt.Errorf("%s: several maps, choose one with --map: %s", doc.File, list)
	case len(found) > 1:
		return nil, fmt.Errorf("%s: several maps %s, choose one by number with --map: %s", doc.File, c.which, list)
	}
	return nil, fmt.Errorf("%s: no map %s: expected one of %s", doc.File, c.which, list)
}

// writeTree writes the files of a tree into a new directory.
func (c *mapConvert) writeTree(form parse.Form, m *memmap.Map) error {
	if c.output == "" || c.output == "-" {
		return fmt.Errorf("--to %s: a tree of files needs a directory: -o DIR", form)
	}
	files, err := parse.Files(form, m)
	if err != nil {
		return err
	}
	target := filepath.Clean(c.output)
	if inside, err := os.ReadDir(target); len(inside) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("-o %s: expected a directory that is empty or does not exist", c.output)
	}
	temporary, err := os.MkdirTemp(filepath.Dir(target), ".bootplan-")
	if err != nil {
		return fmt.Errorf("-o %s: %w", c.output, err)
	}
	defer os.RemoveAll(temporary)
	for name, text := range files {
		name = filepath.Join(temporary, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := os.Chmod(temporary, 0o755); err != nil {
		return err
	}
	return os.Rename(temporary, target)
}

// replaceFile writes data to a new file beside name and moves it there, so that
// nobody finds half of it. What is no regular file, as /dev/stdout, is written to.
func replaceFile(name string, data []byte) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(name, data, 0o644)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".bootplan-")
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
