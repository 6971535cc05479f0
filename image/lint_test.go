package image

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
	"bootplan/rule"
)

// rwx is the finding that the kernel in testdata causes, as every real kernel does.
var rwx = Finding{"image-segment-wx", rule.Info, "the segment at 0x1401000, 0x5234 bytes, is rwx"}

func TestEachRuleFindsItsFault(t *testing.T) {
	good := mustRead(t, newTiny(t, "zst").bytes(), Options{})
	if diff := cmp.Diff([]Finding{rwx}, Lint(good)); diff != "" {
		t.Fatalf("the good image:\n%s", diff)
	}
	end := good.FileSize
	for _, c := range []struct {
		change  func(k *Kernel)
		rule    string
		level   rule.Severity
		message string
	}{
		{func(k *Kernel) { k.FileSize -= 0x100; k.PE.Sections = nil; k.PE = nil }, "image-file-size", rule.Error, "setup_sects and syssize describe 0x2000 bytes, the file has 0x1f00"},
		{func(k *Kernel) { k.FileSize += 0x10 }, "image-trailing-data", rule.Warning, "0x10 bytes from 0x2000 on belong to no part of the image"},
		{func(k *Kernel) {
			k.FileSize += 0x30
			k.PE.SignatureOffset, k.PE.SignatureSize = uint32(end), 0x20
		}, "image-trailing-data", rule.Warning, "0x10 bytes from 0x2020 on belong to no part of the image"},
		// _end is 0x5c000. 2578556>>8 + 131072 + 2578556-959 is 2718741, in pages 0x298000;
		// with 65536 instead it is 0x288000. The running kernel needs 0x407000.
		{func(k *Kernel) { k.Setup.InitSize = 0x406fff }, "image-init-size", rule.Error, "init_size is 0x406fff, the formula gives 0x407000"},
		{func(k *Kernel) { k.Setup.InitSize, k.VO.TotalSize = 0x2f3fff, 0x1000 }, "image-init-size", rule.Error, "init_size is 0x2f3fff, the formula gives 0x2f4000"},
		{func(k *Kernel) { k.Setup.InitSize, k.VO.TotalSize, k.Version = 0x2e3fff, 0x1000, linux.Of(5, 8) }, "image-init-size", rule.Error, "init_size is 0x2e3fff, the formula gives 0x2e4000"},
		{func(k *Kernel) { k.Setup.PrefAddress = 0x1100000 }, "image-pref-address", rule.Error, "pref_address 0x1100000 is no multiple of kernel_alignment 0x200000"},
		{func(k *Kernel) { k.Setup.KernelAlignment = 0x100000 }, "image-kernel-alignment", rule.Warning, "kernel_alignment is 0x100000, less than 2 MiB"},
		{func(k *Kernel) { k.Setup.KernelAlignment, k.Setup.PrefAddress = 0x300000, 0x900000 }, "image-kernel-alignment", rule.Warning, "kernel_alignment 0x300000 is no power of two"},
		{func(k *Kernel) { k.Setup.MinAlignment = 22 }, "image-kernel-alignment", rule.Warning, "kernel_alignment 0x200000 is less than min_alignment, 2^22"},
		{func(k *Kernel) { k.Setup.MinAlignment = 64 }, "image-kernel-alignment", rule.Warning, "kernel_alignment 0x200000 is less than min_alignment, 2^64"},
		{func(k *Kernel) { k.Setup.XLoadFlags = 0x7e }, "image-not-64bit", rule.Warning, "xloadflags is 0x7e: bit 0, XLF_KERNEL_64, is clear"},
		{func(k *Kernel) { k.Setup.XLoadFlags = 0x7d }, "image-below-4g", rule.Info, "xloadflags is 0x7d: bit 1, XLF_CAN_BE_LOADED_ABOVE_4G, is clear"},
		{func(k *Kernel) { k.Setup.Relocatable = 0 }, "image-not-relocatable", rule.Warning, "relocatable_kernel is 0: the kernel runs at 0x1000000 only"},
		{func(k *Kernel) { k.Payload.Size = 0xc01 }, "image-payload-range", rule.Error, "the payload ends at 0x2001 in the file, what the header describes at 0x2000"},
		{func(k *Kernel) { k.Payload.Uncompressed-- }, "image-payload-size", rule.Error, "the payload states 2578556 bytes and unpacks to 2578555"},
		{func(k *Kernel) { k.PE = nil }, "image-no-pe", rule.Info, "the file does not begin with a PE header"},
		{func(k *Kernel) { k.PE.Subsystem = 11 }, "image-subsystem", rule.Error, "the subsystem is 11, an EFI application has 10"},
		{func(k *Kernel) { k.PE.SizeOfImage-- }, "image-size-of-image", rule.Error, "section .data ends at 0x5d000, SizeOfImage is 0x5cfff"},
		{func(k *Kernel) { k.PE.Sections[2].RawSize++ }, "image-section-file", rule.Error, "section .text ends at 0x2001 in the file, which has 0x2000 bytes"},
		{func(k *Kernel) { k.PE.SizeOfHeaders = 0x400 }, "image-section-overlap", rule.Error, "section .setup starts at 0x200, the headers end at 0x400"},
		{func(k *Kernel) { k.PE.Sections[3].VirtualAddress = 0x1fff }, "image-section-overlap", rule.Error, "section .data starts at 0x1fff, the sections before it end at 0x2000"},
		{func(k *Kernel) { k.PE.SectionAlignment, k.PE.DLLCharacteristics = 0x20, 0 }, "image-section-alignment", rule.Warning, "SectionAlignment is 0x20, less than a page"},
		{func(k *Kernel) { k.PE.Sections[0].Characteristics = 0xc0000040 }, "image-section-shares-page", rule.Warning, "sections .setup (rw-) and .compat (r--) share a page"},
		{func(k *Kernel) { k.PE.EntryRVA = 0x2000 }, "image-entry", rule.Error, "the entry point 0x2000 lies in no executable section"},
		{func(k *Kernel) { k.PE.Sections[3].Characteristics = 0xe0000060 }, "image-section-wx", rule.Error, "section .data is rwx"},
		{func(k *Kernel) { k.PE.Sections[2].RawSize = 0xfff; k.PE.Sections[2].VirtualSize++ }, "image-code-covers-data", rule.Warning, "section .text (r-x) has 0xfff bytes in the file and 0x1001 in memory"},
		{func(k *Kernel) {
			k.PE.Sections[0].Characteristics = 0x60000020
			k.PE.Sections = append(k.PE.Sections[:1], k.PE.Sections[2:]...)
		}, "image-setup-executable", rule.Warning, "section .setup is r-x"},
		{func(k *Kernel) { k.PE.DLLCharacteristics = 0x40 }, "image-nx-compat-missing", rule.Warning, "DllCharacteristics is 0x40: NX_COMPAT, 0x100, is clear"},
		{func(k *Kernel) { k.PE.SectionAlignment = 0x20 }, "image-nx-compat-untrue", rule.Error, "SectionAlignment is 0x20, less than a page"},
		{func(k *Kernel) { k.PE.Sections[3].Characteristics = 0xe0000060 }, "image-nx-compat-untrue", rule.Error, "section .data is rwx"},
		{func(k *Kernel) { k.PE.Sections[2].RawSize = 0; k.PE.Sections[2].VirtualSize = 1 }, "image-nx-compat-untrue", rule.Error, "section .text (r-x) holds zero-filled memory, which is there to be written to"},
	} {
		k := mustRead(t, newTiny(t, "zst").bytes(), Options{})
		c.change(k)
		found := false
		for _, f := range Lint(k) {
			found = found || f == Finding{c.rule, c.level, c.message}
		}
		if !found {
			t.Errorf("%s %q was not found; found %v", c.rule, c.message, Lint(k))
		}
	}
}

// The sections of 5.10 are those of the old layout.
func TestLintOfTheOldLayout(t *testing.T) {
	k, err := Profile("debian-5.10")
	if err != nil {
		t.Fatal(err)
	}
	want := []Finding{
		{"image-segment-wx", rule.Info, "the segment at 0x2c4c000, 0x19b4000 bytes, is rwx"},
		{"image-section-alignment", rule.Warning, "SectionAlignment is 0x20, less than a page"},
		{"image-section-shares-page", rule.Warning, "sections .setup (r-x) and .reloc (r--) share a page"},
		{"image-section-shares-page", rule.Warning, "sections .setup (r-x) and .compat (r--) share a page"},
		{"image-section-shares-page", rule.Warning, "sections .reloc (r--) and .text (r-x) share a page"},
		{"image-section-shares-page", rule.Warning, "sections .compat (r--) and .text (r-x) share a page"},
		{"image-code-covers-data", rule.Warning, "section .text (r-x) has 0x6c19c0 bytes in the file and 0x3d77200 in memory"},
		{"image-setup-executable", rule.Warning, "section .setup is r-x"},
		{"image-nx-compat-missing", rule.Warning, "DllCharacteristics is 0x0: NX_COMPAT, 0x100, is clear"},
	}
	if diff := cmp.Diff(want, Lint(k)); diff != "" {
		t.Fatal(diff)
	}
}

// init_size of every real kernel is what the formula gives, to the byte.
func TestInitSizeOfRealKernels(t *testing.T) {
	for _, name := range Profiles() {
		k, err := Profile(name)
		if err != nil {
			t.Fatal(err)
		}
		if k.Kind == BzImage && k.RequiredInitSize() != uint64(k.Setup.InitSize) {
			t.Errorf("%s: init_size %#x, formula %#x", name, k.Setup.InitSize, k.RequiredInitSize())
		}
	}
}

func TestRulesExplainThemselves(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range LintRules() {
		if seen[r.ID] || len(r.ID) < 7 || r.ID[:6] != "image-" {
			t.Errorf("rule %q: identifiers begin with image- and are there once", r.ID)
		}
		seen[r.ID] = true
		if r.Title == "" || len(r.Text) < 100 || len(r.Sources) == 0 {
			t.Errorf("rule %s: title %q, %d characters of text, %d sources", r.ID, r.Title, len(r.Text), len(r.Sources))
		}
	}
	if len(seen) != 25 {
		t.Errorf("%d rules; the list above was made for 25", len(seen))
	}
}
