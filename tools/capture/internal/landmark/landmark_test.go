package landmark

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/image"
)

// assembly is a protected-mode part that is put together by hand.
type assembly struct {
	t     *testing.T
	bytes []byte
}

// at puts code in hex, spaces allowed, at an offset from startup_32.
func (a *assembly) at(offset int, code string) {
	a.t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(code, " ", ""))
	if err != nil {
		a.t.Fatal(err)
	}
	copy(a.bytes[offset:], b)
}

// relative puts the displacement from the end of an instruction at end to target.
func (a *assembly) relative(end, target int) {
	binary.LittleEndian.PutUint32(a.bytes[end-4:], uint32(int32(target-end)))
}

// Where things are in the made-up kernel; its payload is at [0x600,0x1600).
const (
	payloadAt, payloadEnd = 0x600, 0x1600
	relocatedAt           = 0x1700
	drawFunction          = 0x2000
	choose                = 0x3000 // code of KASLR
	stubAt                = 0x4000
	trampolineAt          = 0x5000
	textsAt               = 0x6000
	variablesAt           = 0x8000
)

// kernel is a made-up bzImage whose instructions are those of Debian's kernels.
func kernel(t *testing.T) (*image.Kernel, *assembly) {
	a := &assembly{t, make([]byte, 0x7000)}
	a.at(0x2c3, "488d83 00170000 ffe0") // lea .Lrelocated(%rbx),%rax; jmp *%rax
	a.at(0x39f, "488d80 00020000 ffe0") // lea startup_64(%rax),%rax; jmp *%rax
	a.at(drawFunction+0x90, "48ba d38d84f3cb08605d")

	a.at(textsAt, hex.EncodeToString([]byte("not Physical\x00Virtual\x00an EFI\x00EFI\x00")))
	physical, virtual, efi := textsAt+4, textsAt+13, textsAt+28
	a.at(choose, "488d3d 00000000 4c890424 e8 00000000 48f735 00000000")
	a.relative(choose+7, physical)
	a.relative(choose+16, drawFunction)
	a.relative(choose+23, variablesAt+0x108)
	a.at(choose+0x100, "488d3d 00000000 e8 00000000")
	a.relative(choose+0x107, virtual)
	a.relative(choose+0x10c, drawFunction)
	a.at(choose+0x200, "48ba 0000000000400000 48894500 48890d 00000000 488915 00000000") // two stores of %rcx and %rdx
	a.relative(choose+0x200+21, variablesAt)
	a.relative(choose+0x200+28, variablesAt+0x88)

	a.at(stubAt, "488d3d 00000000 4929ed e8 00000000")
	a.relative(stubAt+7, efi)
	a.relative(stubAt+15, drawFunction)
	a.at(stubAt+0x80, "be 00002000 e8 00000000") // an alignment without the lowest address
	a.at(stubAt+0x100, "41b9 00000001 41b8 01000000 be 00002000 50 e8 00000000")
	a.at(trampolineAt+0x4e, "0fbaf80c")
	return &image.Kernel{
		Name:    "made up",
		Setup:   &image.SetupHeader{SetupSects: 1, PayloadOffset: payloadAt, KernelAlignment: 0x200000, PrefAddress: 0x1000000},
		Payload: &image.Payload{Size: payloadEnd - payloadAt}, VO: &image.VO{},
		Decompressor: &image.Decompressor{Relocated: relocatedAt, Trampoline: trampolineAt},
	}, a
}

func find(t *testing.T, k *image.Kernel, a *assembly) *Marks {
	t.Helper()
	marks, err := Find(k, append(make([]byte, k.SetupBytes()), a.bytes...))
	if err != nil {
		t.Fatal(err)
	}
	return marks
}

func TestMarks(t *testing.T) {
	k, a := kernel(t)
	want := &Marks{
		Startup64: 0x200, Jump: 0x2ca, Relocated: relocatedAt, StubDone: 0x3a6,
		Physical: choose + 16, Virtual: choose + 0x10c, EFI: stubAt + 15, RandomAlloc: stubAt + 0x100 + 18,
		MemLimit: variablesAt + 0x88, SlotMax: variablesAt + 0x108, Toggle: 0x4e,
	}
	if diff := cmp.Diff(want, find(t, k, a)); diff != "" {
		t.Error(diff)
	}
}

// A kernel without KASLR, and one without the EFI stub, lack only those places.
func TestWhatIsMissingIsZero(t *testing.T) {
	k, a := kernel(t)
	clear(a.bytes[drawFunction : drawFunction+0x100])
	marks := find(t, k, a)
	if marks.Physical != 0 || marks.Virtual != 0 || marks.EFI != 0 || marks.SlotMax != 0 {
		t.Errorf("got %+v: expected no draws", marks)
	}
	k, a = kernel(t)
	clear(a.bytes[stubAt : stubAt+0x200])
	if marks = find(t, k, a); marks.EFI != 0 || marks.RandomAlloc != 0 || marks.Physical == 0 {
		t.Errorf("got %+v: expected no stub", marks)
	}
}

func TestStrangeDecompressor(t *testing.T) {
	k, a := kernel(t)
	clear(a.bytes[:payloadAt])
	if _, err := Find(k, append(make([]byte, k.SetupBytes()), a.bytes...)); err == nil || !strings.Contains(err.Error(), "made up: no jump") {
		t.Errorf("got %v", err)
	}
	k.Decompressor = nil
	if _, err := Find(k, append(make([]byte, k.SetupBytes()), a.bytes...)); err == nil {
		t.Error("expected an error without a decompressor")
	}
}

// Read by a person in objdump's listings of these kernels.
func TestRealKernels(t *testing.T) {
	dir := os.Getenv("BOOTPLAN_KERNELS")
	if dir == "" {
		t.Skip("BOOTPLAN_KERNELS names no directory with vmlinuz-RELEASE files; Debian's linux-image packages have them")
	}
	found := 0
	for release, want := range map[string]Marks{
		"5.10.0-46-amd64": {
			Startup64: 0x200, Jump: 0x2f5, Relocated: 0x6aed00, StubDone: 0x3a6,
			Physical: 0x6b41b4, Virtual: 0x6b3d48, MemLimit: 0x6d7c08, SlotMax: 0x6d7508,
		},
		"6.1.0-56-amd64": {
			Startup64: 0x200, Jump: 0x2ca, Relocated: 0x7bf340, Physical: 0x7c468c, Virtual: 0x7c4215,
			EFI: 0x7cd27c, RandomAlloc: 0x7cd352, MemLimit: 0x7eec08, SlotMax: 0x7ee508, Toggle: 0x7cfa2e - 0x7cf9e0,
		},
		"6.12.117+deb12-amd64": {
			Startup64: 0x200, Jump: 0x2ca, Relocated: 0xb4a500, Physical: 0xb6841a, Virtual: 0xb67e17,
			EFI: 0xb72a90, RandomAlloc: 0xb72b66, MemLimit: 0xbb7c08, SlotMax: 0xbb7508, Toggle: 0xb75a2e - 0xb759e0,
		},
		"7.2.13+deb14-amd64": {
			Startup64: 0x200, Jump: 0x2ca, Relocated: 0xd9f1c0, Physical: 0xdc072d, Virtual: 0xdc0199,
			EFI: 0xdcb6d5, RandomAlloc: 0xdcb7a6, MemLimit: 0xe10c08, SlotMax: 0xe10508, Toggle: 0xdd714e - 0xdd7100,
		},
	} {
		name := filepath.Join(dir, "vmlinuz-"+release)
		file, err := os.ReadFile(name)
		if err != nil {
			t.Log(err)
			continue
		}
		found++
		k, err := image.Read(name, strings.NewReader(string(file)), int64(len(file)), image.Options{})
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := Find(k, file)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s:\n%s", release, diff)
		}
	}
	if found == 0 {
		t.Errorf("%s holds none of these kernels", dir)
	}
}
