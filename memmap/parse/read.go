package parse

import (
	"errors"
	"io"
	"io/fs"

	"bootplan/memmap"
)

// Read reads the maps of r in the given form, or in the form that Sniff finds if
// form is "". The file is named in errors only. An *Error is returned where nothing
// could be read; entries that could not be read are problems of the document.
func Read(file string, r io.Reader, form Form) (*Document, error) {
	return nil, errors.ErrUnsupported
}

// Tree reads the captured /sys/firmware/memmap and /sys/firmware/efi/runtime-map
// trees below fsys, which may be the root of a captured system, or one of the two
// directories itself.
func Tree(fsys fs.FS) (*Document, error) { return nil, errors.ErrUnsupported }

// Write writes m in the given form.
func Write(w io.Writer, form Form, m *memmap.Map) error { return errors.ErrUnsupported }

// Sniff tells the form from the first bytes of a source.
func Sniff(head []byte) (Form, error) { return "", errors.ErrUnsupported }
