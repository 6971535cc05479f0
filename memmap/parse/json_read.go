package parse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"bootplan/memmap"
)

// jsonReader reads the JSON form piece by piece, so that it knows where it is.
type jsonReader struct {
	doc     *Document
	data    []byte
	in      *json.Decoder
	at      int // the offset up to which lines have been counted
	line    int // of that offset, from 1
	entries int
}

// readJSON reads an object with "maps", or a single map. Unknown keys are allowed.
func readJSON(doc *Document, r io.Reader) error {
	const most = 64 << 20
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return err
	}
	if len(data) > most {
		return &Error{Reason: fmt.Sprintf("expected at most %d bytes of JSON", most)}
	}
	j := &jsonReader{doc: doc, data: data, in: json.NewDecoder(bytes.NewReader(data)), line: 1}
	if err := j.document(); err != nil {
		return j.failed(err)
	}
	return nil
}

// failed gives an error of package json its place.
func (j *jsonReader) failed(err error) error {
	var placed *Error
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &placed):
		return placed
	case errors.As(err, &syntax):
		return &Error{Line: j.lineAt(int(syntax.Offset)), Reason: "expected JSON: " + syntax.Error()}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Line: j.lineAt(len(j.data)), Reason: "expected more JSON: the text ends too early"}
	}
	return &Error{Line: j.lineAt(int(j.in.InputOffset())), Reason: "expected the JSON of a map: " + err.Error()}
}

func (j *jsonReader) lineAt(offset int) int {
	offset = min(offset, len(j.data))
	if offset > j.at {
		j.line += bytes.Count(j.data[j.at:offset], []byte("\n"))
		j.at = offset
	}
	return j.line
}

// document reads the top-level object.
func (j *jsonReader) document() error {
	single := jsonMap{}
	err := j.object(func(key string) error {
		if key == "maps" {
			return j.array(j.element)
		}
		return j.field(&single, key)
	})
	if err != nil {
		return err
	}
	return j.add(&single)
}

// element reads one object of "maps".
func (j *jsonReader) element() error {
	m := jsonMap{}
	if err := j.object(func(key string) error { return j.field(&m, key) }); err != nil {
		return err
	}
	return j.add(&m)
}

// jsonMap is what an object has stated so far.
type jsonMap struct {
	kind, label string
	entries     []StatedEntry
	lines       []int
}

// field reads the value of key.
func (j *jsonReader) field(m *jsonMap, key string) error {
	switch key {
	case "kind":
		return j.in.Decode(&m.kind)
	case "label":
		return j.in.Decode(&m.label)
	case "entries":
		return j.array(func() error { return j.entry(m) })
	}
	var ignored json.RawMessage
	return j.in.Decode(&ignored)
}

func (j *jsonReader) entry(m *jsonMap) error {
	var e StatedEntry
	err := j.in.Decode(&e)
	line := j.lineAt(int(j.in.InputOffset()))
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return j.doc.problem(&Error{Line: line, Text: wrong.Value, Reason: expectedType(wrong)})
	}
	if err != nil {
		return err
	}
	if j.entries++; j.entries > maxEntries {
		return &Error{Line: line, Reason: fmt.Sprintf("expected at most %d entries", maxEntries)}
	}
	m.entries = append(m.entries, e)
	m.lines = append(m.lines, line)
	return nil
}

func expectedType(wrong *json.UnmarshalTypeError) string {
	if wrong.Field == "" {
		return "expected an object with start, end and type"
	}
	return fmt.Sprintf("expected a %v as %s", wrong.Type, wrong.Field)
}

// add turns what an object has stated into a map of the document.
func (j *jsonReader) add(stated *jsonMap) error {
	if stated.kind == "" && len(stated.entries) == 0 {
		return nil
	}
	m := memmap.Map{Kind: memmap.E820, Label: stated.label}
	switch stated.kind {
	case memmap.E820.String():
	case memmap.EFI.String():
		m.Kind = memmap.EFI
	default:
		return &Error{Line: j.lineAt(int(j.in.InputOffset())), Text: stated.kind, Reason: `expected "e820" or "efi" as kind`}
	}
	for i, e := range stated.entries {
		if problem := e.addTo(&m); problem != nil {
			problem.Line = stated.lines[i]
			if err := j.doc.problem(problem); err != nil {
				return err
			}
			continue
		}
		m.Lines = append(m.Lines, stated.lines[i])
	}
	if m.Len() > 0 {
		j.doc.Maps = append(j.doc.Maps, m)
	}
	return nil
}

// addTo appends e to the entries of m.
func (e *StatedEntry) addTo(m *memmap.Map) *Error {
	start, err := strconv.ParseUint(strings.TrimPrefix(e.Start, "0x"), 16, 64)
	if err != nil {
		return &Error{Text: excerpt(e.Start), Reason: `expected an address such as "0x9fc00" as start`}
	}
	end, ok := parseWide(strings.TrimPrefix(e.End, "0x"))
	size := end.minus(wide{0, start})
	if !ok || e.End == "" || end.hi == 0 && end.lo < start {
		return &Error{Text: excerpt(e.End), Reason: `expected an address such as "0xa0000", not below start, as end`}
	}
	if m.Kind == memmap.EFI {
		return e.addEFI(m, start, size)
	}
	return e.addE820(m, start, size)
}

func (e *StatedEntry) addE820(m *memmap.Map, start uint64, size wide) *Error {
	if size.hi != 0 {
		return &Error{Text: excerpt(e.End), Reason: "expected less than 2^64 bytes from start to end"}
	}
	t, ok := statedType(e, parseE820Type)
	if !ok {
		return &Error{Text: excerpt(e.Type), Reason: "expected an e820 type such as usable, reserved or type 20, and a type_code that agrees"}
	}
	m.Entries = append(m.Entries, memmap.E820Entry{Addr: start, Size: size.lo, Type: t})
	return nil
}

func (e *StatedEntry) addEFI(m *memmap.Map, start uint64, size wide) *Error {
	pages, ok := size.pages()
	if !ok {
		return &Error{Text: excerpt(e.End), Reason: "expected whole pages of 4096 bytes from start to end"}
	}
	t, ok := statedType(e, parseEFIType)
	if !ok {
		return &Error{Text: excerpt(e.Type), Reason: "expected an EFI memory type such as Boot Data or type 20, and a type_code that agrees"}
	}
	d := memmap.EFIDescriptor{Type: t, Phys: start, Pages: pages}
	for _, name := range e.Attributes {
		bit, known := memmap.ParseEFIAttr(name)
		if word, found := strings.CutPrefix(name, "0x"); !known && found {
			n, err := strconv.ParseUint(word, 16, 64)
			bit, known = memmap.EFIAttr(n), err == nil
		}
		if !known {
			return &Error{Text: excerpt(name), Reason: `expected attributes such as "RUN", "WB" or "0x10"`}
		}
		d.Attr |= bit
	}
	if e.Virtual != "" {
		var err error
		if d.Virt, err = strconv.ParseUint(strings.TrimPrefix(e.Virtual, "0x"), 16, 64); err != nil {
			return &Error{Text: excerpt(e.Virtual), Reason: `expected an address such as "0xfffffffeff000000" as virtual`}
		}
	}
	m.Descriptors = append(m.Descriptors, d)
	return nil
}

// statedType returns the type of e: its code, which must have the name that is
// stated, or without a code what the name means. Some names stand for two codes.
func statedType[T memmap.E820Type | memmap.EFIType](e *StatedEntry, parse func(string) (T, bool)) (T, bool) {
	named, known := parse(e.Type)
	if e.Code == nil {
		return named, known
	}
	t := T(*e.Code)
	return t, e.Type == "" || known && fmt.Sprint(named) == fmt.Sprint(t)
}

// object reads an object and calls field with the name of each value.
func (j *jsonReader) object(field func(key string) error) error {
	if err := j.delimiter('{', "an object"); err != nil {
		return err
	}
	for j.in.More() {
		key, err := j.in.Token()
		if err != nil {
			return err
		}
		if err := field(key.(string)); err != nil {
			return err
		}
	}
	_, err := j.in.Token()
	return err
}

// array reads an array and calls element for each of its values.
func (j *jsonReader) array(element func() error) error {
	if err := j.delimiter('[', "an array"); err != nil {
		return err
	}
	for j.in.More() {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := j.in.Token()
	return err
}

func (j *jsonReader) delimiter(want json.Delim, what string) error {
	got, err := j.in.Token()
	if err != nil {
		return err
	}
	if got != want {
		return &Error{Line: j.lineAt(int(j.in.InputOffset())), Reason: "expected " + what}
	}
	return nil
}
