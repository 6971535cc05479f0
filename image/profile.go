package image

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Each profile holds the facts of one real kernel, in the form of MarshalJSON:
// everything a boot needs except the bytes.
//
//go:embed profiles/*.json
var profiles embed.FS

// Profiles returns the names of the embedded profiles, sorted.
func Profiles() []string {
	files, err := fs.Glob(profiles, "profiles/*.json")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(path.Base(f), ".json")
	}
	slices.Sort(names)
	return names
}

// Profile returns the embedded profile called name, such as "debian-6.12".
func Profile(name string) (*Kernel, error) {
	text, err := profiles.ReadFile("profiles/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("kernel profile %q: expected one of %s", name, strings.Join(Profiles(), ", "))
	}
	return unmarshal(text)
}
