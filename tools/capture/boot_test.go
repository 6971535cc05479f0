package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bootplan/sim/verify"
	"bootplan/tools/capture/internal/qemu"
	"bootplan/tools/capture/internal/record"
)

// The kernel's options in the recorded boots.
func TestOptions(t *testing.T) {
	for want, o := range map[string]bootOptions{
		"console=ttyS0 ignore_loglevel earlyprintk=serial,ttyS0,115200 log_buf_len=1M nokaslr memblock=debug":   {firmware: seabios, append: "nokaslr"},
		"console=ttyS0 ignore_loglevel earlyprintk=serial,ttyS0,115200 log_buf_len=1M efi=debug memblock=debug": {firmware: "ovmf-4m"},
	} {
		if got := o.options(); got != want {
			t.Errorf("got %q: expected %q", got, want)
		}
	}
}

func TestDefaultNames(t *testing.T) {
	for want, o := range map[string]bootOptions{
		"bios-1g-6.12.117-nokaslr":    {firmware: seabios, append: "nokaslr", machine: qemu.Machine{RAM: "1G", CPU: "max"}},
		"shell-512m-6.12.117-la57off": {firmware: "ovmf-4m", shell: true, machine: qemu.Machine{RAM: "512M", CPU: "max,la57=off"}},
		"ovmf-2g-6.12.117":            {firmware: "fw/OVMF_CODE.fd", machine: qemu.Machine{RAM: "2G", CPU: "max"}},
	} {
		boot := &record.Boot{Kernel: &record.Kernel{Version: "6.12.117+deb12-amd64"}}
		if got := o.defaultName(boot); got != want {
			t.Errorf("got %s: expected %s", got, want)
		}
	}
}

func TestPaddedRamdisk(t *testing.T) {
	for size, want := range map[string]int{"": 3, "8": 8, "1K": 1024} {
		got, err := (&bootOptions{initrdSize: size}).padded([]byte("abc"))
		if len(got) != want || err != nil || !strings.HasPrefix(string(got), "abc") {
			t.Errorf("%q: got %d bytes, %v: expected %d", size, len(got), err, want)
		}
	}
	for _, size := range []string{"2", "many", "1Kx"} {
		if _, err := (&bootOptions{initrdSize: size}).padded([]byte("abc")); err == nil {
			t.Errorf("%q: expected an error", size)
		}
	}
}

func run(t *testing.T, args ...string) error {
	t.Helper()
	root := newRoot()
	root.SetArgs(args)
	return root.ExecuteContext(t.Context())
}

// A QEMU that gives up is not waited for, and what it said is passed on.
func TestQEMUGivesUp(t *testing.T) {
	dir := t.TempDir()
	fake := "#!/bin/sh\necho no such machine >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, qemu.Program), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	socket := filepath.Join(dir, "gdb")
	guest, err := qemu.Start(ctx, &qemu.Machine{}, socket)
	if err != nil {
		t.Fatal(err)
	}
	_, err = dial(ctx, guest, socket)
	if err == nil || !strings.Contains(err.Error(), "no such machine") || ctx.Err() != nil {
		t.Errorf("got %v, %v", err, ctx.Err())
	}
}

// A log that the UEFI Shell and a kernel left becomes a record.
func TestFactsOfALog(t *testing.T) {
	dir := t.TempDir()
	if err := run(t, "facts", "internal/console/testdata/shell-512m-61-kaslr.log", "-o", dir); err != nil {
		t.Fatal(err)
	}
	for _, ending := range []string{".log", ".json"} {
		name := filepath.Join(dir, "shell-512m-61-kaslr"+ending)
		text, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(text), "6.1.0-56-amd64") {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("%v, %v: expected two files", left, err)
	}
}

// What is written here, verify reads: the record of a log confirms more than the log alone.
func TestRecordCanBeVerified(t *testing.T) {
	dir := t.TempDir()
	if err := run(t, "facts", "internal/console/testdata/shell-512m-61-kaslr.log", "-o", dir); err != nil {
		t.Fatal(err)
	}
	log, made := verified(t, filepath.Join(dir, "shell-512m-61-kaslr.log")), verified(t, filepath.Join(dir, "shell-512m-61-kaslr.json"))
	if log.Equal == 0 || made.Equal <= log.Equal || made.Differ+log.Differ != 0 {
		t.Errorf("log: %d facts equal, %d differ; record: %d equal, %d differ", log.Equal, log.Differ, made.Equal, made.Differ)
	}
}

// verified holds one recording against its simulation.
func verified(t *testing.T, file string) verify.BootReport {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	boots, err := verify.ReadBoots(file, text)
	if err != nil {
		t.Fatal(err)
	}
	kernels, err := verify.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	return boots[0].Verify(kernels)
}

func TestUsageErrors(t *testing.T) {
	notKernel := filepath.Join(t.TempDir(), "vmlinuz")
	if err := os.WriteFile(notKernel, []byte("#!/bin/sh"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		`required flag(s) "kernel" not set`: {"boot"},
		"not a kernel image":                {"facts", "internal/console/testdata/bios-pc-2g-61-memmap-limit.log", "--kernel", notKernel},
		"no such file":                      {"facts", "none.log"},
		`no line with "Linux version"`:      {"facts", notKernel},
		"unknown command":                   {"bot"},
	} {
		if err := run(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v: expected %q", args, err, want)
		}
	}
}
