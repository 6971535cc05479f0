package linux

// BIOSWords are the two words of the BIOS data area that tell where base memory
// ends, below 640 KiB, and the BIOS keeps data of its own.
type BIOSWords struct {
	BaseKiB     uint16 // KiB of base memory, at physical 0x413
	EBDASegment uint16 // address of the extended BIOS data area divided by 16, at 0x40e
}

// Start is where the kernel proper believes that the BIOS's memory begins: at the end
// of base memory if that lies between 128 KiB and 0x9f000, else at 0x9f000, or at the
// extended BIOS data area if that lies between 128 KiB and there. Unlike the
// decompressor it accepts an area at exactly 128 KiB and does not round.
// Source: arch/x86/kernel/ebda.c:reserve_bios_regions (v6.12).
func (w BIOSWords) Start() uint64 {
	const least, most = 0x20000, 0x9f000
	start := uint64(w.BaseKiB) * 1024
	if start < least || start > most {
		start = most
	}
	if ebda := uint64(w.EBDASegment) * 16; ebda >= least && ebda < start {
		start = ebda
	}
	return start
}
