// Package trampoline tells where boot code puts the two pieces of code that have to
// lie low, and why there.
//
//   - The paging trampoline ([Find], [Explain]) switches between 4- and 5-level
//     paging. That can only be done with paging off, by code and a page table below
//     4 GiB. The decompressor takes two pages below 640 KiB without asking anyone,
//     saves what was there, and restores it afterwards.
//   - The EFI stub of v6.6 and later does the same in two pages of Loader Data, the
//     last byte below 4 GiB, that it allocates whenever the CPU knows 5-level paging
//     (drivers/firmware/efi/libstub/x86-5lvl.c:efi_setup_5level_paging). That is an
//     allocation like any other, and needs no search of its own.
//   - The real-mode trampoline ([FindRealMode]) starts the other processors; the
//     kernel proper keeps it below 1 MiB for good.
package trampoline
