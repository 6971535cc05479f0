package design

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/image"
)

func profile(t *testing.T, name string) *image.Kernel {
	t.Helper()
	k, err := image.Profile(name)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// pack arranges a profile in a layout.
func pack(t *testing.T, name, layout string) *packed {
	t.Helper()
	p := &packed{}
	p.arrange(profile(t, name), layout)
	return p
}

// section is a section as a reader of the header sees it.
type section struct {
	Name, Perm           string
	Start, Size, Raw, At uint32
}

func sectionsOf(p *image.PE) []section {
	var list []section
	for _, s := range p.Sections {
		list = append(list, section{s.Name, s.Perm(), s.VirtualAddress, s.VirtualSize, s.RawSize, s.RawOffset})
	}
	return list
}

// TestOwnLayout: a kernel that has the layout stays as it is.
func TestOwnLayout(t *testing.T) {
	for name, layout := range map[string]string{"debian-6.12": peSplit, "debian-5.10": peLegacy} {
		k := profile(t, name)
		p := &packed{}
		p.arrange(k, layout)
		if diff := cmp.Diff(k, &p.kernel); diff != "" || p.code != k.SetupBytes() {
			t.Errorf("%s: code at %#x\n%s", name, p.code, diff)
		}
	}
}

// TestLegacyLayout: Debian's 6.12 as it would have been packed before 6.7. Its setup part
// has 0x5000 bytes, the file 0xb86200; init_size is 0x37ee000, to which come 2 MiB.
func TestLegacyLayout(t *testing.T) {
	p := pack(t, "debian-6.12", peLegacy)
	want := []section{
		{".setup", "r-x", 0x200, 0x4dc0, 0x4dc0, 0x200},
		{".reloc", "r--", 0x4fc0, 0x20, 0x20, 0x4fc0},
		{".compat", "r--", 0x4fe0, 0x20, 0x20, 0x4fe0},
		{".text", "r-x", 0x5000, 0x39e9000, 0xb81200, 0x5000},
	}
	if diff := cmp.Diff(want, sectionsOf(p.kernel.PE)); diff != "" {
		t.Errorf("-worked out +arranged:\n%s", diff)
	}
	type head struct {
		Base               uint64
		Size, Align, Entry uint32
		NX                 bool
	}
	pe := p.kernel.PE
	if diff := cmp.Diff(head{0x1000000, 0x39ee000, 0x20, 0xb790cd, true}, head{pe.ImageBase, pe.SizeOfImage, pe.SectionAlignment, pe.EntryRVA, pe.NXCompat()}); diff != "" {
		t.Errorf("-worked out +arranged:\n%s", diff)
	}
}

// TestSplitLayout: Debian's 5.10 as it would be packed since 6.7. Its setup part of 0x3e00
// bytes grows to 0x4000, code begins there and data at 0x6c0000 behind it, two pages in
// front of the BSS; the decompressor has 0x706000 bytes, of which the file holds 0x6c19c0.
func TestSplitLayout(t *testing.T) {
	p := pack(t, "debian-5.10", peSplit)
	want := []section{
		{".setup", "r--", 0x1000, 0x2000, 0x2000, 0x1000},
		{".compat", "r--", 0x3000, 0x1000, 0x1000, 0x3000},
		{".text", "r-x", 0x4000, 0x6c0000, 0x6c0000, 0x4000},
		{".data", "rw-", 0x6c4000, 0x46000, 0x19c0, 0x6c4000},
	}
	pe := p.kernel.PE
	if diff := cmp.Diff(want, sectionsOf(pe)); diff != "" || pe.SizeOfImage != 0x70a000 || p.code != 0x4000 || pe.EntryRVA != 0x6bea59 || pe.Compat[0].EntryRVA != 0x43b0 {
		t.Errorf("size %#x, code at %#x, entry points at %#x and %#x\n%s", pe.SizeOfImage, p.code, pe.EntryRVA, pe.Compat[0].EntryRVA, diff)
	}
}

// TestBaskovLayout: three pages of headers and small sections, then the decompressor of
// 0xbe7000 bytes, which grows by a page to keep low memory in and 32 for page tables.
func TestBaskovLayout(t *testing.T) {
	p := pack(t, "debian-6.12", peBaskov)
	want := []section{
		{".reloc", "r--", 0x1000, 0x1000, 0x200, 0x1000},
		{".compat", "r--", 0x2000, 0x1000, 0x200, 0x1200},
		{".text", "r-x", 0x3000, 0xb80000, 0xb80000, 0x5000},
		{".data", "rw-", 0xb83000, 0x67000 + 33*0x1000, 0x1200, 0xb85000},
	}
	if diff := cmp.Diff(want, sectionsOf(p.kernel.PE)); diff != "" || p.kernel.PE.SizeOfImage != 0xbea000+33*0x1000 || p.code != 0x3000 {
		t.Errorf("size %#x, code at %#x\n%s", p.kernel.PE.SizeOfImage, p.code, diff)
	}
}

// TestZbootLayout: a page of headers, 0x1d000 bytes of code and the payload of 0xb4a230 in
// whole pages, then 0x43000 bytes of data of which the last 256 KiB are the heap.
func TestZbootLayout(t *testing.T) {
	p := pack(t, "debian-6.12", peZboot)
	want := []section{
		{".text", "r-x", 0x1000, 0xb68000, 0xb68000, 0x1000},
		{".data", "rw-", 0xb69000, 0x43000, 0x200, 0xb69000},
	}
	d := p.kernel.Decompressor
	if diff := cmp.Diff(want, sectionsOf(p.kernel.PE)); diff != "" || p.kernel.PE.SizeOfImage != 0xbac000 {
		t.Errorf("size %#x\n%s", p.kernel.PE.SizeOfImage, diff)
	}
	type places struct{ Payload, Heap, HeapEnd, Saved, Top uint64 }
	got := places{p.code + uint64(p.kernel.Setup.PayloadOffset), p.code + d.BootHeap, p.code + d.BootHeap + d.HeapSize, p.code + d.TrampSave, p.code + d.TopPgTable}
	if diff := cmp.Diff(places{0x1e000, 0xb6c000, 0xbac000, 0xb6a000, 0xb6c000}, got); diff != "" {
		t.Errorf("-worked out +arranged:\n%s", diff)
	}
	if len(p.kernel.PE.Compat) != 0 {
		t.Error("the image has an entry point for 32-bit firmware")
	}
	if other := profile(t, "debian-6.12"); other.Setup.PayloadOffset != 0x2cc {
		t.Error("arranging has changed the kernel that was given")
	}
}

// TestZbootCompatLayout: as a zboot image, with a page behind it that tells 32-bit
// firmware where to enter.
func TestZbootCompatLayout(t *testing.T) {
	plain, p := pack(t, "debian-6.12", peZboot), pack(t, "debian-6.12", peCompat)
	want := append(sectionsOf(plain.kernel.PE), section{".compat", "r--", 0xbac000, 0x1000, 0x200, 0xb69200})
	if diff := cmp.Diff(want, sectionsOf(p.kernel.PE)); diff != "" || p.kernel.PE.SizeOfImage != 0xbad000 || p.kernel.FileSize != 0xb69400 {
		t.Errorf("size %#x, file %#x\n%s", p.kernel.PE.SizeOfImage, p.kernel.FileSize, diff)
	}
	if diff := cmp.Diff([]image.CompatEntry{{Type: 1, Size: 8, Machine: 0x14c, EntryRVA: 0x1000}}, p.kernel.PE.Compat); diff != "" {
		t.Errorf("-expected +arranged:\n%s", diff)
	}
}
