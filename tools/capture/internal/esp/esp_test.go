package esp

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The script of the recorded boot shell-512m-61-kaslr.
func TestScript(t *testing.T) {
	want := "@echo -off\necho MEMMAP-BEFORE-START\nmemmap\necho MEMMAP-BEFORE-END\nfs0:\n" +
		"\\vmlinuz.efi initrd=\\initrd.gz console=ttyS0 ignore_loglevel\n"
	if got := Script("console=ttyS0 ignore_loglevel"); got != want {
		t.Errorf("got %q: expected %q", got, want)
	}
}

func TestVolumeHoldsTheFiles(t *testing.T) {
	if _, err := exec.LookPath("mformat"); err != nil {
		t.Skip("mtools is not installed")
	}
	dir := t.TempDir()
	ramdisk := strings.Repeat("initrd", 8<<20) // more than the least size of a volume
	kernel, initrd, image := filepath.Join(dir, "vmlinuz-6.1"), filepath.Join(dir, "rd"), filepath.Join(dir, "esp.img")
	for name, data := range map[string]string{kernel: "MZ kernel", initrd: ramdisk} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(image, kernel, initrd, "nokaslr"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"vmlinuz.efi": "MZ kernel", "startup.nsh": Script("nokaslr"), "initrd.gz": ramdisk} {
		got, err := exec.Command("mcopy", "-n", "-i", image, "::/"+name, "-").Output()
		if err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v: expected %d", name, len(got), err, len(want))
		}
	}
}

func TestMissingTools(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := Write(filepath.Join(t.TempDir(), "esp.img"), "/dev/null", "/dev/null", "")
	if err == nil || !strings.Contains(err.Error(), "install mtools") {
		t.Errorf("got %v", err)
	}
}
