package initrd

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The archive of a file "a" with "hi", and of the terminal "dev/console", put together by
// hand from the kernel's description of the format.
func TestArchiveByHand(t *testing.T) {
	var got bytes.Buffer
	err := writeCPIO(&got, []entry{
		{name: "a", mode: executable, data: []byte("hi")},
		{name: "dev/console", mode: terminal, device: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	field := func(fields ...string) string { return strings.Join(fields, "") }
	const zero = "00000000"
	want := field("070701", "00000001", "000081ed", zero, zero, "00000001", zero, "00000002", zero, zero, zero, zero, "00000002", zero, "a\x00", "hi\x00\x00",
		"070701", "00000002", "00002180", zero, zero, "00000001", zero, zero, zero, zero, "00000005", "00000001", "0000000c", zero, "dev/console\x00", "\x00\x00",
		"070701", "00000003", zero, zero, zero, "00000001", zero, zero, zero, zero, zero, zero, "0000000b", zero, "TRAILER!!!\x00", "\x00\x00\x00")
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}

// Another program lists the whole initial ramdisk.
func TestRamdiskIsListed(t *testing.T) {
	lister, err := exec.LookPath("cpio")
	args := []string{"-t"}
	if err != nil {
		if lister, err = exec.LookPath("busybox"); err != nil {
			t.Skip("neither cpio nor busybox is installed")
		}
		args = []string{"cpio", "-t"}
	}
	packed, err := Build([]byte("a busybox"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(lister, args...)
	cmd.Stdin = z
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"bin", "dev", "proc", "sys", "dev/console", "bin/busybox", "init", "report.sh"}
	if diff := cmp.Diff(want, strings.Fields(string(out))); diff != "" {
		t.Error(diff)
	}
}

func TestBuildIsDeterministic(t *testing.T) {
	a, err1 := Build([]byte("x"))
	b, err2 := Build([]byte("x"))
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("%d bytes, %v; %d bytes, %v: expected the same bytes", len(a), err1, len(b), err2)
	}
}

func TestStaticProgramsOnly(t *testing.T) {
	if err := CheckStatic([]byte("#!/bin/sh")); err == nil {
		t.Error("a script was taken for a program")
	}
	shell, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Skip(err)
	}
	if err := CheckStatic(shell); err != nil && !strings.Contains(err.Error(), "busybox-static") {
		t.Errorf("%v: expected to hear what to install", err)
	}
}

// The scripts are for bash, and for the shell of busybox.
func TestScriptsParse(t *testing.T) {
	for _, shell := range [][]string{{"bash", "-n"}, {"busybox", "sh", "-n"}} {
		program, err := exec.LookPath(shell[0])
		if err != nil {
			t.Logf("%s is not installed", shell[0])
			continue
		}
		for name, script := range map[string]string{"init.sh": initScript, "report.sh": Report} {
			cmd := exec.Command(program, shell[1:]...)
			cmd.Stdin = strings.NewReader(script)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", name, err, out)
			}
		}
	}
}

// The script finds the kernel's values in a made-up /proc/kcore.
func TestReportReadsKernelMemory(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	root := t.TempDir()
	for name, data := range fakeProc() {
		path := root + name
		if err := os.MkdirAll(path[:strings.LastIndex(path, "/")], 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script := strings.NewReplacer("/proc/", root+"/proc/", "/sys/", root+"/sys/").Replace(Report)
	cmd := exec.Command(bash)
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	_, facts, _ := strings.Cut(string(out), "=== KFACTS ===\n")
	facts, _, _ = strings.Cut(facts, "=== MEMMAP ===")
	want := `kcore-load vaddr=0xffffffff81000000 paddr=0x1000000 memsz=0x1000
kcore-load vaddr=0xff11000000001000 paddr=0x1000 memsz=0x9e000
val phys_base 0xca00000
val __pgtable_l5_enabled 0x1
sym _text 0xffffffff81000000
boot_params (zero lines left out):
1e0: 00000000 00000000 05000000 00000000 00000000 00000000 00000000 00000000
200: 00000000 00000000 00000000 00000000 b0000000 00000000 00000000 00000000
`
	if diff := cmp.Diff(want, facts); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(out), "0x0 0x9fbff System RAM\n") {
		t.Error("the firmware's map is missing")
	}
}

// fakeProc are files of /proc and /sys of a machine whose kernel has its variables at
// 0xffffffff81000800 and 0xffffffff81000808.
func fakeProc() map[string][]byte {
	kcore := make([]byte, 0x2000)
	put := func(at int, bytes ...byte) { copy(kcore[at:], bytes) }
	put(56, 2)                                            // program headers
	put(64, 1, 0, 0, 0, 7)                                // PT_LOAD, flags
	put(64+8, 0, 0x10)                                    // offset 0x1000
	put(64+16, 0, 0, 0, 0x81, 0xff, 0xff, 0xff, 0xff)     // virtual
	put(64+24, 0, 0, 0, 1)                                // physical
	put(64+40, 0, 0x10)                                   // size
	put(64+56, 1, 0, 0, 0, 7)                             // the second
	put(64+56+16, 0, 0x10, 0, 0, 0, 0, 0x11, 0xff)        // virtual
	put(64+56+24, 0, 0x10)                                // physical
	put(64+56+40, 0, 0xe0, 9)                             // size
	put(0x1800, 0, 0, 0xa0, 0x0c, 0, 0, 0, 0, 1, 0, 0, 0) // phys_base, __pgtable_l5_enabled
	params := make([]byte, 4096)
	params[0x1e8], params[0x210] = 5, 0xb0
	return map[string][]byte{
		"/proc/kcore":                  kcore,
		"/proc/kallsyms":               []byte("ffffffff81000000 T _text\nffffffff81000000 t not_text\nffffffff81000800 D phys_base\nffffffff81000808 D __pgtable_l5_enabled\n"),
		"/sys/kernel/boot_params/data": params,
		"/sys/firmware/memmap/0/start": []byte("0x0\n"),
		"/sys/firmware/memmap/0/end":   []byte("0x9fbff\n"),
		"/sys/firmware/memmap/0/type":  []byte("System RAM\n"),
	}
}
