package verify

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// FuzzReadBoots: no recording, however damaged, makes reading or simulation panic, and
// every fact is counted once.
func FuzzReadBoots(f *testing.F) {
	files, err := archived()
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{
		"bios-pc-512m-61-nokaslr.json", "nxpol-2g-510-nokaslr.json", "ovmf-128m-612-nokaslr.json", "nxpol-shell-2g-510-nokaslr.log", "bios-pc-1g-72-kaslr.log",
	} {
		f.Add(files[name])
	}
	f.Add([]byte(`[{"name":"a","kernel":"vmlinuz-6.1.0-56-amd64","cpu":"max","e820":[{"addr":"0x0","size":"0xffffffffffffffff","type":1}],"slot_areas":[],"random_virtual":"0x1"}]`))
	f.Add([]byte(`[{"name":"a","kernel":"vmlinuz-6.1.0-56-amd64","cpu":"max","e820":[{"addr":"0x0","size":"0x9fc00","type":1}],"trampoline_base":null}]`))
	kernels := profiles(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		boots, err := ReadBoots("f", text)
		if err != nil {
			return
		}
		for _, b := range boots {
			r := b.Verify(kernels)
			if r.Equal+r.Differ+r.NotPredicted != len(r.Facts) {
				t.Errorf("%d facts: %d equal, %d differ, %d not predicted", len(r.Facts), r.Equal, r.Differ, r.NotPredicted)
			}
		}
	})
}

// TestHostileValues: whatever a recording states, reading it ends with an error or
// simulating it with a report; nothing panics.
func TestHostileValues(t *testing.T) {
	kernels := profiles(t)
	files, err := archived()
	if err != nil {
		t.Fatal(err)
	}
	var roots []any
	for _, name := range []string{"bios-pc-512m-61-nokaslr", "bios-pc-2g-61c-kaslr", "ovmf-1g-612-kaslr", "perm-nxpol-2g-612-kaslr", "shell-512m-61-kaslr", "nxpol-2g-510-nokaslr"} {
		var root any
		if err := json.Unmarshal(files[name+".json"], &root); err != nil {
			t.Fatal(err)
		}
		roots = append(roots, root)
	}
	hostile := []any{
		"0xffffffffffffffff", "0xfffffffffffff000", "0x8000000000000000", "0xfff", "0x1", "0x0", "", "nonsense", nil, 0, 1, -1, 1e30, true,
		[]any{}, map[string]any{}, []any{nil}, "max,la57=off", "Reserved", "0x100000000", "mem=0 memmap=1M!0 nokaslr",
	}
	rapid.Check(t, func(t *rapid.T) {
		root := roots[rapid.IntRange(0, len(roots)-1).Draw(t, "recording")]
		if undo := damage(t, root, rapid.SampledFrom(hostile).Draw(t, "value")); undo != nil {
			defer undo()
		}
		text, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		boots, err := ReadBoots("f", text)
		if err != nil {
			return
		}
		r := boots[0].Verify(kernels)
		if r.Equal+r.Differ+r.NotPredicted != len(r.Facts) {
			t.Fatalf("%+v", r)
		}
	})
}

// damage replaces one value somewhere below node, and returns what puts it back.
func damage(t *rapid.T, node, value any) (undo func()) {
	if rapid.IntRange(0, 9).Draw(t, "stop") == 0 {
		return nil // the whole of it
	}
	switch node := node.(type) {
	case map[string]any:
		if len(node) == 0 {
			break
		}
		key := rapid.SampledFrom(slices.Sorted(maps.Keys(node))).Draw(t, "key")
		if undo := damage(t, node[key], value); undo != nil {
			return undo
		}
		old := node[key]
		node[key] = value
		return func() { node[key] = old }
	case []any:
		if len(node) == 0 {
			break
		}
		i := rapid.IntRange(0, len(node)-1).Draw(t, "index")
		if undo := damage(t, node[i], value); undo != nil {
			return undo
		}
		old := node[i]
		node[i] = value
		return func() { node[i] = old }
	}
	return nil
}
