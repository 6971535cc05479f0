package design

import (
	"slices"

	"bootplan/image"
	"bootplan/linux"
)

// Fitting names the design that is the boot code of kernel k itself, started by EFI
// firmware or by a boot loader.
func Fitting(k *image.Kernel, efi bool) string {
	family := "bzimage"
	if efi {
		family = "efistub"
	}
	switch v := generation(k); {
	case v == linux.V6_12, v == linux.V6_6 && !efi:
		return family
	case v < linux.V5_10 && efi:
		return family + "@" + linux.V5_10.String()
	default:
		return family + "@" + v.String()
	}
}

// generation is the version of the designs that model the boot code of k: those of 6.12
// for 6.7 to 7.1, those of 6.5 from 5.19 on, those of 5.3 from 5.1 on. The rework of 6.6
// was carried back to older stable series together with the split PE layout, so the
// layout decides before the version.
func generation(k *image.Kernel) linux.Version {
	switch v := k.Version; {
	case v >= linux.V7_2:
		return linux.V7_2
	case v == 0 || v > linux.V6_6 || splitLayout(k):
		return linux.V6_12
	case v == linux.V6_6:
		return v
	case v >= linux.V5_19:
		return linux.V6_5
	case v >= linux.V5_15:
		return linux.V5_15
	case v >= linux.V5_10:
		return linux.V5_10
	case v >= linux.V5_1:
		return linux.V5_3
	}
	return linux.V4_18
}

// models reports whether the boot code of kernel k is of the generation that designs
// of version v model. Without EFI 6.6 and 6.12 do the same.
func models(v linux.Version, k *image.Kernel) bool {
	g := generation(k)
	return k.Version != 0 && (g == v || g == linux.V6_6 && v == linux.V6_12)
}

// releaseOf is the release whose details count: the kernel's own, if it is of the
// generation that a design of version v models.
func releaseOf(k *image.Kernel, v linux.Version) linux.Version {
	if models(v, k) {
		return k.Version
	}
	return v
}

// splitLayout reports whether the PE image has sections of their own for code and
// data, as since 6.7.
func splitLayout(k *image.Kernel) bool {
	_, split := dataSection(k)
	return split
}

// dataSection is the PE section of the decompressor's data; ok is false if they share one
// with its code.
func dataSection(k *image.Kernel) (s image.Section, ok bool) {
	if k.PE == nil {
		return s, false
	}
	i := slices.IndexFunc(k.PE.Sections, func(s image.Section) bool { return s.Name == ".data" })
	if i < 0 {
		return s, false
	}
	return k.PE.Sections[i], true
}
