package image

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
)

// MarshalJSON writes what "image show --json" prints and profiles are kept in: the
// parts and fields in their order, unsigned numbers as hex strings ("0x37ee000"),
// counts as numbers, without parts that are nil and texts that are empty.
func (k *Kernel) MarshalJSON() ([]byte, error) {
	return json.Marshal(document(reflect.ValueOf(*k)))
}

// object is a JSON object that keeps the order of its members.
type object []member

type member struct {
	key   string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for i, m := range o {
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, "%q:%s", m.key, value)
	}
	return append(text, '}'), nil
}

// document turns v into objects, lists, strings, numbers and truth values.
func document(v reflect.Value) any {
	switch {
	case v.Kind() == reflect.Pointer:
		return document(v.Elem())
	case v.CanUint():
		return fmt.Sprintf("%#x", v.Uint())
	case v.Kind() == reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = document(v.Index(i))
		}
		return list
	case v.Kind() == reflect.Struct:
		return members(v)
	}
	return v.Interface()
}

// members lists the fields of struct v; a section is shown by its ranges, and PE
// headers tell in plain words what a flag says.
func members(v reflect.Value) object {
	if s, ok := v.Interface().(Section); ok {
		v = reflect.ValueOf(s.ranges())
	}
	var o object
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("json")
		if key != "-" && !absent(v.Field(i)) {
			o = append(o, member{key, document(v.Field(i))})
		}
	}
	if p, ok := v.Interface().(PE); ok {
		o = append(o, member{"nx_compat", p.NXCompat()})
	}
	return o
}

func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.String:
		return v.IsZero()
	}
	return false
}

// sectionRanges is a section as half-open ranges of the loaded image and of the file.
type sectionRanges struct {
	Name            string `json:"name"`
	Start           uint64 `json:"start"`
	End             uint64 `json:"end"`
	FileStart       uint64 `json:"file_start"`
	FileEnd         uint64 `json:"file_end"`
	Permissions     string `json:"permissions"`
	Characteristics uint32 `json:"characteristics"`
}

func (s Section) ranges() sectionRanges {
	start, file := uint64(s.VirtualAddress), uint64(s.RawOffset)
	return sectionRanges{
		Name: s.Name, Permissions: s.Perm(), Characteristics: s.Characteristics,
		Start: start, End: start + uint64(s.VirtualSize),
		FileStart: file, FileEnd: file + uint64(s.RawSize),
	}
}

// UnmarshalJSON is the inverse of what MarshalJSON of a kernel does with a section,
// its numbers being numbers.
func (s *Section) UnmarshalJSON(text []byte) error {
	var r sectionRanges
	if err := json.Unmarshal(text, &r); err != nil {
		return err
	}
	*s = Section{
		Name: r.Name, Characteristics: r.Characteristics,
		VirtualAddress: uint32(r.Start), VirtualSize: uint32(r.End - r.Start),
		RawOffset: uint32(r.FileStart), RawSize: uint32(r.FileEnd - r.FileStart),
	}
	return nil
}

// unmarshal is the inverse of MarshalJSON.
func unmarshal(text []byte) (*Kernel, error) {
	k := &Kernel{}
	if err := json.Unmarshal(plainNumbers(text), k); err != nil {
		return nil, err
	}
	k.setVersion()
	return k, nil
}

var hexNumber = regexp.MustCompile(`"0x[0-9a-f]{1,16}"`)

// plainNumbers turns "0x37ee000" into 58646528.
func plainNumbers(text []byte) []byte {
	return hexNumber.ReplaceAllFunc(text, func(quoted []byte) []byte {
		value, _ := strconv.ParseUint(string(quoted[1:len(quoted)-1]), 0, 64) // the pattern admits nothing else
		return strconv.AppendUint(nil, value, 10)
	})
}

// Part is a part of an image with its plain fields, as JSON names them.
type Part struct {
	Name   string
	Fields []Field
}

// Field is a named value: hex for sizes and addresses, decimal for counts.
type Field struct{ Name, Value string }

// Parts lists every part of the image with all its fields but the lists.
func (k *Kernel) Parts() []Part {
	var parts []Part
	for _, m := range members(reflect.ValueOf(*k)) {
		fields, ok := m.value.(object)
		if !ok {
			continue
		}
		part := Part{Name: m.key}
		for _, f := range fields {
			switch f.value.(type) {
			case object, []any:
			default:
				part.Fields = append(part.Fields, Field{f.key, fmt.Sprint(f.value)})
			}
		}
		parts = append(parts, part)
	}
	return parts
}
