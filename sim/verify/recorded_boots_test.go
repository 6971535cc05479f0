package verify

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// archived are the recordings in testdata, by file name: in boots.tar.zst those of
// ../shared/boots, as they are; in more.tar.zst others, made with tools/capture.
var archived = sync.OnceValues(func() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range []string{"boots.tar.zst", "more.tar.zst"} {
		if err := unpack(files, "testdata/boots/"+name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return files, nil
})

// unpack adds the files of an archive.
func unpack(files map[string][]byte, archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		return err
	}
	defer z.Close()
	for t := tar.NewReader(z); ; {
		head, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if files[head.Name], err = io.ReadAll(t); err != nil {
			return err
		}
	}
}

// recording returns one of the recordings in testdata.
func recording(t *testing.T, name string) []byte {
	t.Helper()
	files, err := archived()
	if err != nil {
		t.Fatal(err)
	}
	if files[name] == nil {
		t.Fatalf("%s is not in the archive", name)
	}
	return files[name]
}

// recordingsEnding returns the names of the recordings with an ending, of testdata and of
// ../shared/boots, sorted, and how to read one.
func recordingsEnding(t *testing.T, ending string) (names []string, read func(name string) []byte) {
	t.Helper()
	files, err := archived()
	if err != nil {
		t.Fatal(err)
	}
	all := maps.Clone(files)
	shared, err := filepath.Glob("../../../shared/boots/*" + ending)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range shared {
		if name := filepath.Base(file); all[name] == nil {
			if all[name], err = os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	names = slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool { return !strings.HasSuffix(name, ending) })
	return names, func(name string) []byte { return all[name] }
}

// profiles are the kernels of the recordings.
func profiles(t testing.TB) *Kernels {
	t.Helper()
	k, err := Profiles()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// verifyAll verifies every boot of a recording.
func verifyAll(t *testing.T, name string, text []byte, kernels *Kernels) []BootReport {
	t.Helper()
	boots, err := ReadBoots(name, text)
	if errors.Is(err, ErrNoCapture) && strings.HasPrefix(name, "kernels") {
		return nil // facts about the kernels' images
	}
	if err != nil {
		t.Fatal(err)
	}
	var reports []BootReport
	for _, b := range boots {
		reports = append(reports, b.Verify(kernels))
	}
	return reports
}

// forEachSimulated runs check for every boot of an x86 kernel in JSON, simulated.
func forEachSimulated(t *testing.T, check func(t *testing.T, v *verification)) {
	t.Helper()
	kernels := profiles(t)
	names, read := recordingsEnding(t, ".json")
	for _, name := range names {
		boots, err := ReadBoots(name, read(name))
		if err != nil && !errors.Is(err, ErrNoCapture) {
			t.Fatal(err)
		}
		if len(boots) != 1 {
			continue // cases of a part of a boot, or facts about kernels
		}
		c, whole := boots[0].(*Capture)
		if !whole || c.Architecture != "" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			v := newVerification(c)
			if err := v.simulate(kernels); err != nil {
				t.Fatal(err)
			}
			check(t, v)
		})
	}
}

// factsWhere are the names of the facts for which is holds.
func factsWhere(r BootReport, is func(Fact) bool) []string {
	names := []string{}
	for _, f := range r.Facts {
		if is(f) {
			names = append(names, f.Name)
		}
	}
	return names
}

func differs(f Fact) bool { return f.Differs() }

func notPredicted(f Fact) bool { return f.Reason != "" }
