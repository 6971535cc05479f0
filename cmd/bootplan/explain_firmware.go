package main

import "bootplan/sim"

// firmwareTopics explains how firmware can hand out memory.
func firmwareTopics() []topic {
	var list []topic
	for i, f := range firmwares {
		list = append(list, topic{
			Name: sim.FirmwareKind(i).String(), Kind: "firmware", Title: f.title, Text: f.text, Sources: f.sources,
			group: "how EFI firmware hands out memory: bootplan run --firmware NAME[,ia32|,la57|,la57-boot]",
		})
	}
	return list
}

const variantsText = " With \",ia32\" behind its name it is 32-bit code: it uses no memory above 4 GiB, and a 64-bit kernel calls it with " +
	"paging off, so that its memory attribute protocol finds no page tables to change and fails. With \",la57\" it uses 5-level paging " +
	"itself, and with \",la57-boot\" until boot services end."

// firmwares, each with its kind as index.
var firmwares = []struct {
	title, text string
	sources     []string
}{
	sim.EDK2Stable202211: {
		"EDK2 of November 2022, as in Debian 12",
		"The highest free place below the bins wins. Bins are blocks that are set aside for the memory types that must not move. " +
			"Images are loaded where they prefer to be, if that is free, else at the highest free place. Sections count as code if they are " +
			"executable and not writable; an image without code is not protected." + variantsText,
		[]string{"MdeModulePkg/Core/Dxe/Mem/Page.c (edk2-stable202211)", "MdeModulePkg/Core/Dxe/Image/Image.c (edk2-stable202211)"},
	},
	sim.EDK2Stable202502: {
		"EDK2 of February 2025, as in Debian 13",
		"As edk2-stable202211, but specific-purpose memory is not handed out, the memory attribute protocol exists on x86, and sections " +
			"count as code if they are flagged so; an image without code becomes data as a whole." + variantsText,
		[]string{"MdeModulePkg/Core/Dxe/Mem/Page.c (edk2-stable202502)", "UefiCpuPkg/CpuDxe/CpuPageTable.c (edk2-stable202502)"},
	},
	sim.EDK2Stable202605: {
		"EDK2 of May 2026",
		"As edk2-stable202502, but the map shows every bin whole, page 0 cannot be had by its address, pages that are not readable and " +
			"writable are kept when they are freed, and images that are not protected are opened as a whole." + variantsText,
		[]string{"MdeModulePkg/Core/Dxe/Mem/Page.c (edk2-stable202605)"},
	},
	sim.EDK2Master20260806: {
		"EDK2 of 6 August 2026",
		"As edk2-stable202605, but all bins are set aside as one block." + variantsText,
		[]string{"MdeModulePkg/Core/Dxe/Mem/MemoryBin.c (c5aa7e7d94c0)"},
	},
	sim.UBoot: {
		"U-Boot before 2025, which is no EDK2",
		"The highest free place wins; there are no bins, no permissions, no memory attribute protocol and no DXE services. A limit counts " +
			"whole pages only, and each pool block fills pages of its own.",
		[]string{"lib/efi_loader/efi_memory.c (v2023.04)"},
	},
	sim.BottomUp: {
		"a firmware that hands out the lowest memory first",
		"It models no product. It shows which designs rely on more than UEFI promises: that memory comes from the top.",
		[]string{"UEFI 2.11, 7.2"},
	},
}
