package parse

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"bootplan/memmap"
)

// treePlaces are where a captured tree may begin, seen from what Tree is given: the
// root of a system, its /sys, or the directory itself.
var treePlaces = map[Form][]string{
	SysfsMemmap:   {"sys/firmware/memmap", "firmware/memmap", "memmap", "."},
	EFIRuntimeMap: {"sys/firmware/efi/runtime-map", "firmware/efi/runtime-map", "efi/runtime-map", "runtime-map", "."},
}

// Tree reads the captured /sys/firmware/memmap and /sys/firmware/efi/runtime-map
// trees below fsys, which may be the root of a captured system, or one of the two
// directories itself. Where there is neither, it reads proc/iomem.
//
// Entries that could not be read are problems of the document, which name the file.
// The error is an *Error where there is no map.
func Tree(fsys fs.FS) (*Document, error) {
	doc := &Document{Form: SysfsMemmap}
	for _, form := range []Form{SysfsMemmap, EFIRuntimeMap} {
		if err := readTree(doc, fsys, form); err != nil {
			return nil, err
		}
	}
	if len(doc.Maps) == 0 && len(doc.Problems) == 0 {
		return treeIomem(fsys)
	}
	if len(doc.Maps) == 1 {
		doc.Form = Form(doc.Maps[0].Label)
	}
	return doc, doc.check()
}

// treeIomem reads proc/iomem below fsys.
func treeIomem(fsys fs.FS) (*Document, error) {
	const name = "proc/iomem"
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{Reason: "no memory map below this directory: expected sys/firmware/memmap, sys/firmware/efi/runtime-map or proc/iomem"}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(name, f, Iomem)
}

// readTree adds the map of the first of the form's places that has entries.
func readTree(doc *Document, fsys fs.FS, form Form) error {
	t := tree{doc: doc, fsys: fsys, m: memmap.Map{Kind: memmap.E820, Label: string(form)}}
	marker, read := "start", t.readE820
	if form == EFIRuntimeMap {
		t.m.Kind = memmap.EFI
		marker, read = "phys_addr", t.readEFI
	}
	for _, place := range treePlaces[form] {
		numbers, err := treeNumbers(fsys, place, marker)
		if err != nil {
			return err
		}
		if len(numbers) == 0 {
			continue
		}
		for _, n := range numbers {
			t.dir = path.Join(place, strconv.Itoa(n))
			if problem := read(); problem != nil {
				if err := doc.problem(problem); err != nil {
					return err
				}
			}
		}
		break
	}
	if t.m.Len() > 0 {
		doc.Maps = append(doc.Maps, t.m)
	}
	return nil
}

// treeNumbers returns the numbered directories of dir in ascending order, if one
// of them has the marker file.
func treeNumbers(fsys fs.FS, dir, marker string) ([]int, error) {
	names, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var numbers []int
	marked := false
	for _, name := range names {
		n, err := strconv.Atoi(name.Name())
		if err != nil || n < 0 {
			continue
		}
		numbers = append(numbers, n)
		if !marked {
			_, err := fs.Stat(fsys, path.Join(dir, name.Name(), marker))
			marked = err == nil
		}
	}
	if len(numbers) > maxEntries {
		return nil, &Error{File: dir, Reason: fmt.Sprintf("expected at most %d entries", maxEntries)}
	}
	slices.Sort(numbers)
	if !marked {
		return nil, nil
	}
	return numbers, nil
}

// tree reads one entry after the other.
type tree struct {
	doc  *Document
	fsys fs.FS
	dir  string // of the entry
	m    memmap.Map
}

func (t *tree) readE820() *Error {
	start, err1 := t.number("start")
	last, err2 := t.number("end")
	name, err3 := t.text("type")
	if err := firstError(err1, err2, err3); err != nil {
		return err
	}
	code, known := resourceNames[name]
	if !known {
		return &Error{File: path.Join(t.dir, "type"), Text: excerpt(name), Reason: "expected a type such as System RAM, Reserved or ACPI Tables"}
	}
	t.m.Entries = append(t.m.Entries, memmap.E820Entry{Addr: start, Size: last - start + 1, Type: code})
	return nil
}

func (t *tree) readEFI() *Error {
	code, err1 := t.number("type")
	phys, err2 := t.number("phys_addr")
	virt, err3 := t.number("virt_addr")
	pages, err4 := t.number("num_pages")
	attr, err5 := t.number("attribute")
	if err := firstError(err1, err2, err3, err4, err5); err != nil {
		return err
	}
	if code > 1<<32-1 {
		return &Error{File: path.Join(t.dir, "type"), Reason: "expected the number of an EFI memory type"}
	}
	t.m.Descriptors = append(t.m.Descriptors, memmap.EFIDescriptor{
		Type: memmap.EFIType(code), Phys: phys, Virt: virt, Pages: pages, Attr: memmap.EFIAttr(attr),
	})
	return nil
}

// number reads a file that holds one hexadecimal number.
func (t *tree) number(name string) (uint64, *Error) {
	text, err := t.text(name)
	if err != nil {
		return 0, err
	}
	digits, found := strings.CutPrefix(text, "0x")
	n, bad := strconv.ParseUint(digits, 16, 64)
	if !found || bad != nil {
		return 0, &Error{File: path.Join(t.dir, name), Text: excerpt(text), Reason: "expected a number such as 0x100000"}
	}
	return n, nil
}

// text reads a file of at most a page, the most that sysfs has in one.
func (t *tree) text(name string) (string, *Error) {
	name = path.Join(t.dir, name)
	f, err := t.fsys.Open(name)
	if err != nil {
		return "", &Error{File: name, Reason: "expected a file: " + errorText(err)}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, memmap.PageSize))
	if err != nil {
		return "", &Error{File: name, Reason: "expected a file: " + errorText(err)}
	}
	return strings.TrimSpace(string(data)), nil
}

// errorText is err without the path that it repeats.
func errorText(err error) string {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

func firstError(errs ...*Error) *Error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
