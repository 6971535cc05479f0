package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// difference lists where two JSON values differ, by path. Absent, null and empty
// values (lists and objects) count as equal, as the vectors' conventions have it.
func difference(got, want []byte) ([]string, error) {
	var g, w any
	for _, x := range []struct {
		text []byte
		into *any
	}{{got, &g}, {want, &w}} {
		d := json.NewDecoder(bytes.NewReader(x.text))
		d.UseNumber() // 64-bit numbers stay exact
		if err := d.Decode(x.into); err != nil {
			return nil, err
		}
	}
	var list []string
	walk("", g, w, &list)
	return list, nil
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func walk(path string, got, want any, list *[]string) {
	if empty(got) && empty(want) {
		return
	}
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			walkObject(path, g, w, list)
			return
		}
	case []any:
		if g, ok := got.([]any); ok && len(g) == len(w) {
			for i := range w {
				walk(fmt.Sprintf("%s[%d]", path, i), g[i], w[i], list)
			}
			return
		}
	default:
		if got == want {
			return
		}
	}
	*list = append(*list, fmt.Sprintf("%s: got %s, want %s", path, short(got), short(want)))
}

func walkObject(path string, got, want map[string]any, list *[]string) {
	keys := make([]string, 0, len(got)+len(want))
	for k := range got {
		keys = append(keys, k)
	}
	for k := range want {
		if _, ok := got[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		walk(path+"."+k, got[k], want[k], list)
	}
}

// short is v as JSON, cut so that a difference stays one readable line.
func short(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	if len(text) > 200 {
		return string(text[:200]) + "…"
	}
	return string(text)
}
