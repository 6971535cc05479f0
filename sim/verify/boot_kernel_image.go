package verify

import (
	"fmt"
	"strings"

	"bootplan/image"
)

// Kernels are the kernels that recorded boots are simulated with: the embedded
// profiles, and images that a user names.
type Kernels struct {
	images []namedImage
}

type namedImage struct {
	kernel *image.Kernel
	sha256 string // of the file; empty: a profile, of which it is not known
}

// Profiles returns the embedded profiles. The error is that of [image.Profile].
func Profiles() (*Kernels, error) {
	k := &Kernels{}
	for _, name := range image.Profiles() {
		kernel, err := image.Profile(name)
		if err != nil {
			return nil, err
		}
		k.images = append(k.images, namedImage{kernel: kernel})
	}
	return k, nil
}

// Add makes an image known; sha256 is the checksum of its file, in hexadecimal
// digits. It comes before what was known.
func (k *Kernels) Add(kernel *image.Kernel, sha256 string) {
	k.images = append([]namedImage{{kernel, strings.ToLower(sha256)}}, k.images...)
}

// find returns the kernel that a recording names: by the checksum of the file, or by
// release and size. The error says what is missing.
func (k *Kernels) find(c *Capture) (*image.Kernel, error) {
	want := c.Kernel
	for _, i := range k.images {
		if i.sha256 != "" && want.SHA256 != "" && i.sha256 != strings.ToLower(want.SHA256) {
			continue
		}
		if i.kernel.Release != "" && i.kernel.Release == releaseOf(c) && (want.FileSize == 0 || want.FileSize == i.kernel.FileSize) {
			return i.kernel, nil
		}
	}
	if releaseOf(c) == "" {
		return nil, fmt.Errorf("the recording does not say which kernel ran")
	}
	return nil, fmt.Errorf("no facts about kernel %s: its image is needed (--kernel)", releaseOf(c))
}

// releaseOf is the release that the recording states, or that the name of the kernel's
// file contains.
func releaseOf(c *Capture) string {
	if c.Kernel.Release != "" {
		return c.Kernel.Release
	}
	_, release, _ := strings.Cut(c.Kernel.File, "vmlinuz-")
	return release
}
