package verify

import (
	"bootplan/image"
	"bootplan/linux"
	"bootplan/sim/design"
	"bootplan/trampoline"
)

// trampolineCase is a run of the decompressor that was stopped when the place of the
// paging trampoline was known.
type trampolineCase struct {
	decompressorCase
	BaseKiB   uint16 `json:"bda_base_memory_kb_413"`
	EBDA      hex    `json:"bda_ebda_segment_40e"`
	Signature string `json:"efi_loader_signature"`
	Base      *hex   `json:"trampoline_base"` // nil: none was used
	Code      *hex   `json:"trampoline_code"`
}

// Verify looks for a place for the trampoline on the case's map.
func (c *trampolineCase) Verify(kernels *Kernels) BootReport {
	f, k := c.start(kernels)
	place := func(of func(trampoline.Placement) uint64) func() (Value, string) {
		return func() (Value, string) {
			if !c.used(k) {
				return notUsed, ""
			}
			in := trampoline.Input{
				BIOS: linux.BIOSWords{BaseKiB: c.BaseKiB, EBDASegment: uint16(c.EBDA)}, EFI: c.Signature != "", Table: c.table(),
			}
			return Address(of(trampoline.Find(&in, k.Version))), ""
		}
	}
	f.fact("paging_trampoline", usedAt(c.Base), place(trampoline.Placement.PageTable))
	f.fact("paging_trampoline_code", usedAt(c.Code), place(trampoline.Placement.Code))
	return *f.BootReport
}

// notUsed stands for the place of a trampoline where none is needed.
const notUsed = Text("not used")

func usedAt(a *hex) Value {
	if a == nil {
		return notUsed
	}
	return Address(*a)
}

// used reports whether kernel k goes through the trampoline: old ones always do, others
// to switch to 5-level paging.
func (c *trampolineCase) used(k *image.Kernel) bool {
	d, err := design.Named(design.Fitting(k, false))
	if err == nil && d.Get("trampoline") == "low-memory-always" {
		return true
	}
	return fiveLevelCPU(c.CPU) && !linux.FindOptionBool(1, c.Cmdline, "no5lvl")
}
