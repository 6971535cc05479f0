package qemu

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The command lines of recorded boots.
func TestCommandLinesOfRecordings(t *testing.T) {
	const options = "console=ttyS0 ignore_loglevel earlyprintk=serial,ttyS0,115200 log_buf_len=1M"
	for name, machine := range map[string]Machine{
		"bios-pc-2g-61-memmap-limit": {
			CPU: "max", RAM: "2G", SMP: 1,
			Kernel: "/boot/vmlinuz-6.1.0-56-amd64", Initrd: "work/initrd.gz", Append: options + " memmap=700M memblock=debug",
		},
		"shell-512m-61-kaslr": {
			Type: "q35", CPU: "max", RAM: "512M",
			Code: "/usr/share/OVMF/OVMF_CODE_4M.fd", Vars: "work/OVMF_VARS_4M.fd", Disk: "work/esp.img",
		},
	} {
		text, err := os.ReadFile(filepath.Join("../console/testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var recorded struct {
			CommandLine string `json:"command_line"`
		}
		if err := json.Unmarshal(text, &recorded); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(recorded.CommandLine, machine.CommandLine()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestWordsAreQuoted(t *testing.T) {
	m := Machine{CPU: "max", RAM: "1G", SMP: 4, Kernel: "k", Initrd: "i", Append: `memmap=64M$0x20000000 dyndbg='x'`, Options: []string{"-device", "virtio-rng-pci"}}
	want := `qemu-system-x86_64 -accel tcg -cpu max -m 1G -smp 4 -nographic -no-reboot -net none -device virtio-rng-pci ` +
		`-kernel k -initrd i -append 'memmap=64M$0x20000000 dyndbg='\''x'\'''`
	if diff := cmp.Diff(want, m.CommandLine()); diff != "" {
		t.Error(diff)
	}
}

func TestVariablesByTheFirmwaresName(t *testing.T) {
	for code, want := range map[string]string{
		"/usr/share/OVMF/OVMF_CODE.fd":              "/usr/share/OVMF/OVMF_VARS.fd",
		"/usr/share/OVMF/OVMF_CODE_4M.fd":           "/usr/share/OVMF/OVMF_VARS_4M.fd",
		"fw/OVMF_CODE_4M.secboot.strictnx.fd":       "fw/OVMF_VARS_4M.fd",
		"/usr/share/OVMF/OVMF32_CODE_4M.secboot.fd": "/usr/share/OVMF/OVMF32_VARS_4M.fd",
	} {
		if got := varsOf(code); got != want {
			t.Errorf("%s: got %s: expected %s", code, got, want)
		}
	}
}

func TestFirmwareOfAFile(t *testing.T) {
	dir := t.TempDir()
	code, vars := filepath.Join(dir, "MY_CODE.fd"), filepath.Join(dir, "MY_VARS.fd")
	if _, _, err := FindFirmware(code, ""); err == nil || !strings.Contains(err.Error(), "expected seabios, ovmf-2m") {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{code, vars} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	gotCode, gotVars, err := FindFirmware(code, "")
	if gotCode != code || gotVars != vars || err != nil {
		t.Errorf("got %s, %s, %v", gotCode, gotVars, err)
	}
	if _, _, err := FindFirmware(code, filepath.Join(dir, "none.fd")); err == nil || !strings.Contains(err.Error(), "--vars") {
		t.Errorf("got %v", err)
	}
}

func TestMissingQEMU(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Version(context.Background()); err == nil || !strings.Contains(err.Error(), "apt-get install qemu-system-x86") {
		t.Errorf("got %v", err)
	}
	if _, err := Start(context.Background(), &Machine{}, ""); err == nil || !strings.Contains(err.Error(), "apt-get install qemu-system-x86") {
		t.Errorf("got %v", err)
	}
}

// A program in place of QEMU: what it prints is the serial port, and it can be stopped.
func TestGuestPrintsAndEnds(t *testing.T) {
	dir := t.TempDir()
	fake := "#!/bin/sh\necho SeaBIOS\necho complaint >&2\ntest \"$1\" = -accel && exit 1\nexec sleep 60\n"
	if err := os.WriteFile(filepath.Join(dir, Program), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	guest, err := Start(t.Context(), &Machine{}, "")
	if err != nil {
		t.Fatal(err)
	}
	<-guest.Ended()
	if got := string(guest.Serial()); got != "SeaBIOS\n" || guest.Stderr() != "complaint" {
		t.Errorf("serial %q, stderr %q", got, guest.Stderr())
	}
	guest, err = Start(t.Context(), &Machine{Type: "q35"}, "")
	if err != nil {
		t.Fatal(err)
	}
	guest.Stop()
}
