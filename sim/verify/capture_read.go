package verify

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"bootplan/memmap/parse"
)

// ErrNoCapture says that a file is of some other kind.
var ErrNoCapture = errors.New("no recording of a boot: expected JSON with name and kernel, a list of cases, or a log with \"Linux version\" or \"EFI stub:\" in it")

// A Boot is one recorded boot, or one run of a part of it, that can be verified.
type Boot interface {
	// Verify simulates the boot with a kernel out of kernels and compares.
	Verify(kernels *Kernels) BootReport
}

// ReadBoots reads a capture: one boot in JSON, a list of cases in JSON
// (kaslr_slot_cases.json, trampoline_cases.json), or a serial or kernel log. The error
// names the file, and wraps ErrNoCapture for a file of another kind.
func ReadBoots(file string, text []byte) ([]Boot, error) {
	switch head := bytes.TrimSpace(text); {
	case len(head) == 0:
		return nil, fmt.Errorf("%s: empty: expected a capture or a log of a boot", file)
	case head[0] == '{':
		return one(readCapture(file, text))
	case head[0] == '[' && isJSONList(head):
		return readCases(file, text)
	}
	return one(readLogCapture(file, text))
}

func one(c *Capture, err error) ([]Boot, error) {
	if err != nil {
		return nil, err
	}
	return []Boot{c}, nil
}

// isJSONList tells a list of objects from a log, whose first line may begin with a
// time stamp in brackets.
func isJSONList(head []byte) bool {
	rest := bytes.TrimSpace(head[1:])
	return len(rest) > 0 && (rest[0] == '{' || rest[0] == ']')
}

func readCapture(file string, text []byte) (*Capture, error) {
	c := &Capture{}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, badJSON(file, text, err)
	}
	if c.Name == "" || c.Kernel.File == "" && c.Kernel.Release == "" {
		return nil, fmt.Errorf("%s: %w", file, ErrNoCapture)
	}
	doc, err := parse.ReadLog(file, strings.NewReader(strings.Join(c.BootMessages, "\n")))
	if err != nil {
		return nil, err
	}
	c.Console = doc.Log.Boot
	return c, nil
}

// badJSON gives an error of package json its place, as far as that is known.
func badJSON(file string, text []byte, err error) error {
	offset := int64(-1)
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &wrong):
		offset = wrong.Offset
	}
	err = worded(err)
	if offset < 0 {
		return fmt.Errorf("%s: %w", file, err)
	}
	line := 1 + bytes.Count(text[:min(int(offset), len(text))], []byte("\n"))
	return fmt.Errorf("%s:%d: %w", file, line, err)
}

// worded says of a value of the wrong kind what was expected, in terms of JSON.
func worded(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	field := strings.TrimPrefix(strings.TrimPrefix(wrong.Field, "kaslrTables."), "decompressorCase.")
	return fmt.Errorf("%s: expected %s, got %s", field, jsonKind(wrong.Type), wrong.Value)
}

// jsonKind names what JSON calls the values of a Go type.
func jsonKind(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice:
		return "a list"
	case reflect.String:
		return "a string"
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "a string"
	}
	return "a number"
}

// nameOf is what a boot is called whose file states no name.
func nameOf(file string) string {
	return strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
}
