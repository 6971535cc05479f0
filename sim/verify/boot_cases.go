package verify

import (
	"encoding/json"
	"fmt"
	"strings"

	"bootplan/image"
	"bootplan/memmap"
)

// readCases reads a list of runs of the real decompressor that a debugger stopped, on
// made-up maps: those of KASLR state slot areas, those of the paging switch a
// trampoline.
func readCases(file string, text []byte) ([]Boot, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, badJSON(file, text, err)
	}
	var boots []Boot
	for i, item := range list {
		b, err := readCase(item)
		if err != nil {
			return nil, fmt.Errorf("%s: case %d: %w", file, i+1, worded(err))
		}
		boots = append(boots, b)
	}
	if len(boots) == 0 {
		return nil, fmt.Errorf("%s: %w", file, ErrNoCapture)
	}
	return boots, nil
}

func readCase(text []byte) (Boot, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, err
	}
	if _, found := keys["slot_areas"]; found {
		c := &slotCase{}
		return c, json.Unmarshal(text, c)
	}
	if _, found := keys["trampoline_base"]; found {
		c := &trampolineCase{}
		return c, json.Unmarshal(text, c)
	}
	return nil, ErrNoCapture
}

// decompressorCase is what cases of both kinds state.
type decompressorCase struct {
	Name    string      `json:"name"`
	Kernel  string      `json:"kernel"` // name of the file
	CPU     string      `json:"cpu"`
	E820    []sizeEntry `json:"e820"`
	Cmdline string      `json:"command_line"`
}

// start makes the report of a case, and finds its kernel.
func (c *decompressorCase) start(kernels *Kernels) (facts, *image.Kernel) {
	release := strings.TrimPrefix(c.Kernel, "vmlinuz-")
	f := facts{BootReport: &BootReport{Name: c.Name + " (" + release + ")", Facts: []Fact{}}}
	of := &Capture{}
	of.Kernel.Release = release
	k, err := kernels.find(of)
	if err != nil {
		f.blocked = err.Error()
	}
	return f, k
}

func (c *decompressorCase) table() []memmap.E820Entry {
	var table []memmap.E820Entry
	for _, e := range c.E820 {
		table = append(table, memmap.E820Entry(e))
	}
	return table
}
