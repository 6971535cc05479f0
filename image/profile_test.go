package image

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
)

func TestProfilesAreKnownByName(t *testing.T) {
	want := []string{
		"debian-5.10", "debian-6.1", "debian-6.1-cloud", "debian-6.12", "debian-6.12-cloud",
		"debian-7.2", "debian-7.2-arm64", "debian-7.2-loong64",
	}
	if diff := cmp.Diff(want, Profiles()); diff != "" {
		t.Fatal(diff)
	}
	for _, name := range want {
		k, err := Profile(name)
		if err != nil || k.Name != name || k.Version == 0 {
			t.Errorf("%s: name %q, version %v, error %v", name, k.Name, k.Version, err)
		}
	}
}

func TestUnknownProfileListsTheNames(t *testing.T) {
	_, err := Profile("debian-4.19")
	want := `kernel profile "debian-4.19": expected one of debian-5.10, debian-6.1, debian-6.1-cloud, debian-6.12, debian-6.12-cloud, debian-7.2, debian-7.2-arm64, debian-7.2-loong64`
	if err == nil || err.Error() != want {
		t.Fatalf("got %v, want %s", err, want)
	}
}

// The figures are those of spec linux-boot/12, read by hand from the file and by disassembly.
func TestProfileDebian612(t *testing.T) {
	k, err := Profile("debian-6.12")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		what      string
		got, want uint64
	}{
		{"version", uint64(k.Version), uint64(linux.V6_12)},
		{"setup bytes", k.SetupBytes(), 0x5000},
		{"protected-mode bytes", k.ProtectedModeBytes(), 0xb81200},
		{"entry offset", k.EntryOffset(), 0xb53},
		{"needed", k.NeededSize(), 0x3800000},
		{"end of loaded segments", k.ELF.LoadSpan().End, 0x1000000 + 0x3200000},
		{"init_size", uint64(k.Setup.InitSize), 0x37ee000},
		{"kernel_info", k.KernelInfo.Offset, 0xb7de9c},
		{"SizeOfImage", uint64(k.PE.SizeOfImage), 0xbec000},
		{".data virtual size", uint64(k.PE.Sections[3].VirtualSize), 0x67000},
		{".data raw size", uint64(k.PE.Sections[3].RawSize), 0x1200},
		{"heap", k.Decompressor.BootHeap, 0xb87040},
		{"heap end", k.Decompressor.BootHeap + k.Decompressor.HeapSize, 0xbb7040},
		{"trampoline_save", k.Decompressor.TrampSave, 0xbb8c80},
		{"page tables", k.Decompressor.PgTable, 0xbc6000},
		{"bss of the kernel", k.VO.BSSOffset, 0x2736000},
		{"relocations", uint64(k.Relocs.Count32 + k.Relocs.Inverse32 + k.Relocs.Count64), 83772 + 12914 + 158456},
	} {
		if x.got != x.want {
			t.Errorf("%s: got %#x, want %#x", x.what, x.got, x.want)
		}
	}
	if got := k.PE.Sections[3].Perm(); got != "rw-" || !k.PE.NXCompat() {
		t.Errorf(".data is %s, NX_COMPAT %v", got, k.PE.NXCompat())
	}
}

// A profile is what MarshalJSON writes: every key of the file is known and none is missing.
func TestProfileFilesAreInTheFormOfMarshalJSON(t *testing.T) {
	for _, name := range Profiles() {
		file, err := profiles.ReadFile("profiles/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		k, err := Profile(name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, text, "", " "); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(file), indented.String()+"\n"); diff != "" {
			t.Errorf("%s: the file differs from the form\n%s", name, diff)
		}
	}
}
