package design

import (
	"bootplan/alloc"
	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim/firmware"
)

// ways are the details in which releases of the stub differ and that nobody discusses:
// no choices, but facts of a version.
type ways struct {
	release        linux.Version        // whose ways they are
	clearsBSS      bool                 // the PE entry point clears the stub's variables
	minimum        bool                 // the kernel is kept out of memory below LOAD_PHYSICAL_ADDR
	heedsOptions   bool                 // mem=, memmap= and hugepages= switch physical randomness off
	heedsVendor    bool                 // so does firmware that is known to hang
	onlyRNG        bool                 // its random numbers are those of EFI_RNG; without it they are 0
	noSlotSucceeds bool                 // an allocation without any place for it succeeds, and stores no address
	tellsKernel    bool                 // the kernel is told that its address is random (KASLR_FLAG)
	forgives       bool                 // errors of the memory attribute protocol are ignored
	asksForSize    bool                 // only the size of the map decides on the e820 extension, no copy of it
	unaccepted     bool                 // unaccepted memory is known
	alsoLifts      []firmware.SpaceType // from what memory besides system memory the DXE services take restrictions
	noInitrdMax    bool                 // initrd_addr_max is 0 in boot_params, which limits nothing
	mapSlack       uint32               // for how many more descriptors a buffer for the memory map has room
	mapHead        uint64               // bytes before the descriptors in such a buffer
	mapType        memmap.EFIType       // of the buffer that the kernel reads
	seedType       memmap.EFIType       // of the random bytes for the kernel
	logType        memmap.EFIType       // of the copy of the TPM's event log
	recordsInitrd  bool                 // the place of the initrd is left in a table
	devicesByStub  bool                 // the stub allocates the list of PCI devices, not the firmware
	guessesMap     bool                 // a buffer for 32 descriptors is tried first
	alwaysToggles  bool                 // pages for a switch of paging levels are used unless the level is wanted and there
	entry          string               // the function that says that the stub gives up; empty: none does
}

// mirrored is memory that the firmware keeps twice, which until 2025 counted as memory of
// another kind.
var mirrored = []firmware.SpaceType{firmware.MoreReliable}

// waysOf are the ways of the stub of design version v with kernel k. A kernel of a
// generation that the design models has its own release's: Debian's 6.1 carries the
// stub of 6.7, with differences. A series of patches is the boot code of no kernel's
// generation, so that its ways are those of the version on which it is based.
func waysOf(v linux.Version, k *image.Kernel) ways {
	release := releaseOf(k, v)
	w := ways{
		release:        release,
		clearsBSS:      v > linux.V6_6 && release < linux.V6_11,
		minimum:        v > linux.V6_6,
		heedsOptions:   v > linux.V6_6,
		heedsVendor:    v > linux.V6_6,
		noSlotSucceeds: release < linux.V6_3,
		tellsKernel:    v > linux.V6_6,
		forgives:       v <= linux.V6_6,
		asksForSize:    release < linux.V6_5,
		unaccepted:     release >= linux.V6_5,
		recordsInitrd:  release >= linux.V6_1,
		devicesByStub:  release < linux.V7_2,
		noInitrdMax:    release >= linux.V6_7 && release < linux.Of(6, 9),
		mapSlack:       alloc.MapSlack,
		mapHead:        mapHead,
		mapType:        memmap.EFIACPIReclaim,
		seedType:       memmap.EFIACPIReclaim,
		logType:        memmap.EFIACPIReclaim,
		entry:          "efi_stub_entry",
	}
	if release >= linux.V7_2 {
		w.alsoLifts = mirrored
	}
	if release < linux.V6_12 {
		w.mapSlack = alloc.OldMapSlack
	}
	if v <= linux.V6_6 {
		w.logType = memmap.EFILoaderData
	}
	if v < linux.V6_6 {
		w.entry = "efi_main"
	}
	if release < linux.V6_1 {
		w.mapHead, w.mapType, w.guessesMap = 0, memmap.EFILoaderData, true
		w.seedType = memmap.EFIRuntimeServicesData
	}
	return w
}
