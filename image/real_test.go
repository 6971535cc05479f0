package image

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The profiles were made from facts that another program read, so this holds the
// reader against an independent one, for every field of eight kernels.
func TestRealKernelsEqualTheirProfiles(t *testing.T) {
	dir := os.Getenv("BOOTPLAN_KERNELS")
	if dir == "" {
		t.Skip("BOOTPLAN_KERNELS names no directory with vmlinuz-RELEASE files; Debian's linux-image packages have them")
	}
	for _, name := range Profiles() {
		want, err := Profile(name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "vmlinuz-"+want.Release)
		f, err := os.Open(path)
		if err != nil {
			t.Log(err)
			continue
		}
		defer f.Close()
		got, err := Read(name, f, int64(want.FileSize), Options{})
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s differs from profile %s:\n%s", path, name, diff)
		}
	}
}
