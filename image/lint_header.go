package image

import (
	"fmt"

	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/rule"
)

// xloadflags bits. Source: arch/x86/include/uapi/asm/bootparam.h (v6.12).
const (
	xlfKernel64  = 1 << 0
	xlfAbove4GiB = 1 << 1
)

// onHeader makes a check of the setup header.
func onHeader(messages func(*Kernel) []string) func(*Kernel) []string {
	return func(k *Kernel) []string {
		if k.Setup == nil {
			return nil
		}
		return messages(k)
	}
}

var headerChecks = []check{
	{rule.Rule{
		ID: "image-file-size", Severity: rule.Error, Title: "the file is shorter than its header says",
		Text: "setup_sects and syssize in the setup header say how many bytes the real-mode part and the protected-mode part have. " +
			"A file with fewer bytes was cut off, in a download or by a full disk. " +
			"Boot loaders that trust the header read past the end; others start a kernel whose end is missing.",
		Sources: []string{"Documentation/arch/x86/boot.rst (v6.12)"},
	}, onHeader(shortFile)},
	{rule.Rule{
		ID: "image-trailing-data", Severity: rule.Warning, Title: "bytes follow the kernel that nothing accounts for",
		Text: "Behind the bytes that the setup header describes there may be a signature for Secure Boot, which the PE header mentions. " +
			"Anything else belongs to no part of the image, and whether a loader puts it into memory depends on the loader: some load the whole file, some what syssize says.",
		Sources: []string{"Documentation/arch/x86/boot.rst (v6.12)", "PE/COFF specification, The Attribute Certificate Table"},
	}, onHeader(trailingData)},
	{rule.Rule{
		ID: "image-init-size", Severity: rule.Error, Title: "init_size is smaller than decompression needs",
		Text: "init_size is the only figure by which a loader knows how much memory the kernel uses before it can look at the memory map itself. " +
			"Decompression works in place: the compressed kernel lies at the end of the buffer and must not be overtaken by what comes out at its beginning. " +
			"The header's formula adds the decompressor, the uncompressed size and a margin, and takes the size of the running kernel if that is larger. " +
			"With less, the kernel overwrites its own input or memory that somebody else owns.",
		Sources: []string{"arch/x86/boot/header.S (v6.12)"},
	}, onHeader(smallInitSize)},
	{rule.Rule{
		ID: "image-pref-address", Severity: rule.Error, Title: "the preferred address breaks the alignment",
		Text: "pref_address is where the kernel goes if nothing stands in the way, and kernel_alignment is the alignment that it needs wherever it goes. " +
			"If the first is not a multiple of the second, the decompressor and the loader compute different places.",
		Sources: []string{"Documentation/arch/x86/boot.rst (v6.12)"},
	}, onHeader(unalignedPref)},
	{rule.Rule{
		ID: "image-kernel-alignment", Severity: rule.Warning, Title: "the alignment does not suit a 64-bit kernel",
		Text: "A 64-bit kernel is mapped with pages of 2 MiB, so it has to start at a multiple of 2 MiB, and min_alignment says so as a power of two. " +
			"A smaller kernel_alignment, or one that is no power of two, lets a loader choose a place where the kernel cannot run.",
		Sources: []string{"arch/x86/Kconfig: PHYSICAL_ALIGN (v6.12)", "Documentation/arch/x86/boot.rst (v6.12)"},
	}, onHeader(oddAlignment)},
	{rule.Rule{
		ID: "image-not-64bit", Severity: rule.Warning, Title: "there is no 64-bit entry point",
		Text: "Bit 0 of xloadflags says that startup_64 lies at offset 0x200 of the protected-mode part. " +
			"Without it the kernel can be entered in 32-bit mode only, and 64-bit firmware has no way to start it but to leave 64-bit mode.",
		Sources: []string{"Documentation/arch/x86/boot.rst (v6.12)"},
	}, onHeader(no64Bit)},
	{rule.Rule{
		ID: "image-below-4g", Severity: rule.Info, Title: "the image must stay below 4 GiB",
		Text: "Bit 1 of xloadflags says that the kernel, its command line and its initrd may lie above 4 GiB. " +
			"Without it everything has to fit below, where firmware and devices take most of the room.",
		Sources: []string{"Documentation/arch/x86/boot.rst (v6.12)"},
	}, onHeader(below4GiB)},
	{rule.Rule{
		ID: "image-not-relocatable", Severity: rule.Warning, Title: "the kernel runs at one address only",
		Text: "relocatable_kernel is 0: the kernel has to be placed at pref_address exactly. " +
			"A machine whose firmware keeps something there cannot boot it, and there is no physical address randomisation.",
		Sources: []string{"Documentation/arch/x86/boot.rst (v6.12)"},
	}, onHeader(notRelocatable)},
}

// described is how many bytes of the file the header describes; 0 if it is too old to say.
func (k *Kernel) described() uint64 {
	if k.Setup.Version < 0x0204 {
		return 0
	}
	return k.SetupBytes() + uint64(k.Setup.SysSize)*16
}

func shortFile(k *Kernel) []string {
	if k.FileSize >= k.described() {
		return nil
	}
	return []string{fmt.Sprintf("setup_sects and syssize describe %#x bytes, the file has %#x", k.described(), k.FileSize)}
}

func trailingData(k *Kernel) []string {
	accounted := k.described()
	if k.PE != nil && uint64(k.PE.SignatureOffset) >= accounted && k.PE.SignatureSize > 0 {
		accounted = uint64(k.PE.SignatureOffset) + uint64(k.PE.SignatureSize)
	}
	if k.described() == 0 || k.FileSize <= accounted {
		return nil
	}
	return []string{fmt.Sprintf("%#x bytes from %#x on belong to no part of the image", k.FileSize-accounted, accounted)}
}

// RequiredInitSize is what init_size has to be at least: the larger of what
// decompression and what the running kernel needs, in bytes. It is 0 if the image
// does not tell enough. Source: arch/x86/boot/header.S (v4.18, v5.10, v6.12).
func (k *Kernel) RequiredInitSize() uint64 {
	if k.Setup == nil || k.Payload == nil || k.Decompressor == nil || k.VO == nil {
		return 0
	}
	margin := uint64(128 << 10)
	if k.Version != 0 && k.Version < linux.Of(5, 9) {
		margin = 64 << 10
	}
	extract := k.Payload.Stated>>8 + margin
	if k.Payload.Stated > k.Payload.Size {
		extract += k.Payload.Stated - k.Payload.Size
	}
	extract = memmap.AlignUp(max(extract, uint64(k.Setup.PayloadOffset)), memmap.PageSize)
	return max(k.Decompressor.End+extract, k.VO.TotalSize)
}

func smallInitSize(k *Kernel) []string {
	if required := k.RequiredInitSize(); uint64(k.Setup.InitSize) < required {
		return []string{fmt.Sprintf("init_size is %#x, the formula gives %#x", k.Setup.InitSize, required)}
	}
	return nil
}

func unalignedPref(k *Kernel) []string {
	align := uint64(k.Setup.KernelAlignment)
	if align == 0 || k.Setup.PrefAddress%align == 0 {
		return nil
	}
	return []string{fmt.Sprintf("pref_address %#x is no multiple of kernel_alignment %#x", k.Setup.PrefAddress, align)}
}

func oddAlignment(k *Kernel) []string {
	align := k.Setup.KernelAlignment
	switch {
	case k.Setup.XLoadFlags&xlfKernel64 == 0:
		return nil
	case uint64(align) < MinKernelAlign:
		return []string{fmt.Sprintf("kernel_alignment is %#x, less than 2 MiB", align)}
	case align&(align-1) != 0:
		return []string{fmt.Sprintf("kernel_alignment %#x is no power of two", align)}
	case k.Setup.MinAlignment > 31 || align < 1<<k.Setup.MinAlignment:
		return []string{fmt.Sprintf("kernel_alignment %#x is less than min_alignment, 2^%d", align, k.Setup.MinAlignment)}
	}
	return nil
}

func no64Bit(k *Kernel) []string {
	if k.Setup.XLoadFlags&xlfKernel64 != 0 {
		return nil
	}
	return []string{fmt.Sprintf("xloadflags is %#x: bit 0, XLF_KERNEL_64, is clear", k.Setup.XLoadFlags)}
}

func below4GiB(k *Kernel) []string {
	if k.Setup.XLoadFlags&xlfKernel64 == 0 || k.Setup.XLoadFlags&xlfAbove4GiB != 0 {
		return nil
	}
	return []string{fmt.Sprintf("xloadflags is %#x: bit 1, XLF_CAN_BE_LOADED_ABOVE_4G, is clear", k.Setup.XLoadFlags)}
}

func notRelocatable(k *Kernel) []string {
	if k.Setup.Relocatable != 0 {
		return nil
	}
	return []string{fmt.Sprintf("relocatable_kernel is 0: the kernel runs at %#x only", k.Setup.PrefAddress)}
}
