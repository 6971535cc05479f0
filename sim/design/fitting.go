package design

import (
	"bootplan/image"
	"bootplan/linux"
)

// Fitting names the design that is the boot code of kernel k itself, started by EFI
// firmware or by a boot loader. The rework of 6.6 was carried back to older stable
// series together with the split PE layout, so the layout decides before the version.
func Fitting(k *image.Kernel, efi bool) string {
	family := "bzimage"
	if efi {
		family = "efistub"
	}
	return family + generation(k, efi)
}

// generation is the suffix of the newest design that is not newer than k.
func generation(k *image.Kernel, efi bool) string {
	switch v := k.Version; {
	case v >= linux.V7_2:
		return "@v7.2"
	case v == 0 || splitLayout(k):
		return ""
	case v >= linux.V6_6 && efi:
		return "@v6.6"
	case v >= linux.V6_6:
		return ""
	case v >= linux.V5_19:
		return "@v6.5"
	case v >= linux.V5_15:
		return "@v5.15"
	case v >= linux.V5_10 || efi:
		return "@v5.10"
	case v >= linux.V5_1:
		return "@v5.3"
	}
	return "@v4.18"
}

// splitLayout reports whether the PE image has sections of their own for code and
// data, as since 6.7.
func splitLayout(k *image.Kernel) bool {
	if k.PE == nil {
		return false
	}
	for _, s := range k.PE.Sections {
		if s.Name == ".data" {
			return true
		}
	}
	return false
}
