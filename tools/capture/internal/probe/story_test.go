package probe

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/image"
	"bootplan/tools/capture/internal/landmark"
	"bootplan/tools/capture/internal/record"
)

// A kernel with round numbers: its code is at 0x1000 of the image, .bss at 0x2000, and it
// needs 2 MiB where it is unpacked.
func madeUpKernel() (*image.Kernel, *landmark.Marks) {
	k := &image.Kernel{
		Setup:   &image.SetupHeader{SetupSects: 1, KernelAlignment: 0x200000, PrefAddress: 0x1000000, PayloadOffset: 0x300},
		Payload: &image.Payload{Uncompressed: 0x180000}, VO: &image.VO{TotalSize: 0x190000},
		ELF: &image.ELF{Entry: 0x1000100},
		PE: &image.PE{EntryRVA: 0x1400, SizeOfImage: 0x5000, Sections: []image.Section{
			{VirtualAddress: 0x1000, RawOffset: 0x400, RawSize: 0x4000},
		}},
		Decompressor: &image.Decompressor{Relocated: 0x1000, Trampoline: 0x1800, BSS: 0x2000, EBSS: 0x2100, End: 0x3000},
	}
	return k, &landmark.Marks{
		Startup64: 0x200, Jump: 0x2ca, Relocated: 0x1000, Physical: 0x1100, Virtual: 0x1140, EFI: 0x1200,
		RandomAlloc: 0x1300, MemLimit: 0x2008, SlotMax: 0x2010, Toggle: 0x4e,
	}
}

func hexes(n uint64) *record.Hex { return hexOf(n) }

func TestDecompressorBehindSeaBIOS(t *testing.T) {
	const zeroPage, line, copied = 0x14790, 0x20000, 0x1070000
	f := newFake(
		func(f *fake) { // the 64-bit entry
			f.registers["rip"], f.registers["rsi"] = 0x100200, zeroPage
			f.put(0x40e, 0xc0, 0x9f)
			f.put(0x413, 0x7f, 0x02)
			f.put(zeroPage+0x1e8, 1)
			f.putLong(zeroPage+0x2d0, 0, 0x9fc00)
			f.put(zeroPage+0x2e0, 1)
			f.put(zeroPage+0x210, 0xb0, 0x81)
			f.put(zeroPage+0x228, 0, 0, 2)
			f.put(line, []byte("console=ttyS0 quiet\x00")...)
		},
		func(f *fake) { // the jump into the copy
			f.registers["rip"], f.registers["rbx"], f.registers["rbp"] = 0x1002ca, copied, 0x1000000
			f.putLong(0x101800, 0x9d000)
			f.putLong(0x101808, 0x12345000)
		},
		func(f *fake) { // a random number for the place, out of 3 slots
			f.registers["rip"], f.registers["rax"] = copied+0x1100, 7
			f.putLong(copied+0x2008, 1<<52, 3)
			f.putLong(copied+0x2020, 0x1200000, 1, 0x1600000, 2)
			f.putLong(copied+0x2040, copied+0x300, 0x7000, 0, 0, line, 20, zeroPage, 4096)
		},
		func(f *fake) { f.registers["rip"], f.registers["rax"] = copied+0x1140, 1000 },
		func(f *fake) { f.registers["rip"], f.registers["rsi"] = 0x1600100, zeroPage },
	)
	b := attach(t, f)
	b.kernel, b.marks = madeUpKernel()
	b.decompressor(loadedAt)
	if b.machine.err != nil {
		t.Fatal(b.machine.err)
	}
	ebda, words, commandLine, slot, virtualSlots := hexes(0x9fc0), uint16(639), "console=ttyS0 quiet", uint64(1), uint64(504)
	want := &record.Boot{
		Decompressor: &record.Decompressor{
			Startup32: 0x100000, BootParams: zeroPage, Relocated: copied, RelocatedEnd: copied + 0x3000,
			OutputInitial: 0x1000000, RelocatedBSS: copied + 0x2000,
		},
		Trampoline: &record.Trampoline{
			Executed: true, Base: 0x9d000, PageTable: 0x9d000, CodePage: 0x9e000, Toggle: 0x9e04e, Size: 0x2000,
			AllocatedBy: "decompressor, find_trampoline_placement()",
		},
		KernelEntry: &record.KernelEntry{Address: 0x1600100, PhysBase: 0x1600000},
		Debugger: &record.Debugger{
			AtEntry: record.AtEntry{
				LoadedAt: hexes(0x100000), BootParams: hexes(zeroPage), EBDASegment: ebda, BaseMemoryKB: &words,
				E820:        []record.E820Params{{Size: 0x9fc00, Type: 1}},
				Header:      &record.EntryHeader{CmdLinePtr: line, TypeOfLoader: 0xb0, LoadFlags: 0x81},
				CommandLine: &commandLine, OutputInitial: hexes(0x1000000), Relocated: hexes(copied),
			},
			Tables: &record.KASLRTables{
				MemLimit: 1 << 52, SlotMax: 3,
				Avoid: []record.Avoided{
					{What: "compressed kernel + run space (ZO)", Span: record.Span{Start: copied + 0x300, Size: 0x7000}},
					{What: "command line", Span: record.Span{Start: line, Size: 20}},
					{What: "boot_params", Span: record.Span{Start: zeroPage, Size: 4096}},
				},
				Areas: []record.SlotAreas{{Addr: 0x1200000, Slots: 1}, {Addr: 0x1600000, Slots: 2}},
			},
			NeededSize:     hexes(0x200000),
			RandomPhysical: hexes(7), SlotChosen: &slot, PhysicalChosen: hexes(0x1600000),
			// 1 + (1 GiB - 16 MiB - 2 MiB) / 2 MiB places; 1000 modulo 504 is 496.
			RandomVirtual: hexes(1000), VirtualSlots: &virtualSlots, VirtualOffset: hexes(496 * 0x200000),
		},
	}
	if diff := cmp.Diff(want, b.facts); diff != "" {
		t.Error(diff)
	}
}

// A machine that goes off in the middle leaves the facts of what was before.
func TestMachineGoesOff(t *testing.T) {
	f := newFake(func(f *fake) { f.registers["rip"], f.registers["rsi"] = 0x100200, 0x14790 })
	b := attach(t, f)
	b.kernel, b.marks = madeUpKernel()
	b.decompressor(loadedAt)
	if err := b.machine.finished(); err != nil {
		t.Errorf("got %v: expected none", err)
	}
	if b.facts.Debugger.BootParams == nil || b.facts.Decompressor != nil {
		t.Errorf("got %+v", b.facts)
	}
}

// Firmware's tables in the fake machine.
const (
	systemTableAt, servicesAt = 0x3f00000, 0x3f01000
	startImage, exitServices  = 0x3f02000, 0x3f02100
	imageAt, stackAt, mapAt   = 0x2000000, 0x3e00000, 0x3d00018
)

// firmwareTables puts them there, with another image and the kernel's.
func firmwareTables(f *fake) {
	f.put(0x3800000, []byte("IBI SYST")...)
	f.putLong(0x3800008, systemTableAt)
	f.putLong(systemTableAt+96, servicesAt, 2, 0x3f03000)
	f.putLong(servicesAt+208, startImage)
	f.putLong(servicesAt+232, exitServices)
	f.put(0x3f03018, debugImages...) // the second configuration table
	f.putLong(0x3f03028, 0x3f04000)
	f.putLong(0x3f04000, 3<<32, 0x3f05000)
	f.putLong(0x3f05000, 0, 0x3f06000, 0x3f06100)
	f.putLong(0x3f06000, 1, 0x3f07000, 0x111) // type, protocol, handle
	f.putLong(0x3f06100, 1, 0x3f07100, 0x222)
	f.putLong(0x3f07000+64, 0x2800000, 0x5000)
	f.putLong(0x3f07100+64, imageAt, 0x5000)
}

func TestStub(t *testing.T) {
	k, marks := madeUpKernel()
	file := make([]byte, 0x4400)
	for i := range file {
		file[i] = byte(i * 7)
	}
	const base = imageAt + 0x1000 // startup_32
	f := newFake(
		func(f *fake) { f.registers["rip"] = 0xfffffff0 }, // a poll in which there is nothing yet
		firmwareTables,
		func(f *fake) { // firmware starts another image
			f.registers["rip"], f.registers["rcx"] = startImage, 0x111
		},
		func(f *fake) {
			f.registers["rip"], f.registers["rcx"] = startImage, 0x222
			f.put(base, file[0x400:]...)
		},
		func(f *fake) { f.registers["rip"] = imageAt + 0x1400 }, // PE entry
		func(f *fake) { f.registers["rip"], f.registers["rax"] = base+0x1200, 0x5_0000_0007 },
		func(f *fake) { // the call of efi_random_alloc
			f.registers["rip"], f.registers["rsp"], f.registers["rdx"] = base+0x1300, stackAt, stackAt+64
			f.registers["rdi"], f.registers["rsi"], f.registers["rcx"] = 0x200000, 0x200000, 0xffffffff_00000007
			f.registers["r8"], f.registers["r9"] = 1, 0x1000000
			f.putLong(stackAt, 1<<64-1)
			f.put(base+0x1301+1, 0xe8)                    // the second instruction of the function
			f.putLong(base+0x2040, 0x3c00000)             // the stub's pointer to the trampoline's code
			f.put(0x3c00000, file[0x400+0x1800:][:16]...) // which is a copy
		},
		func(f *fake) { // firmware's map has come
			f.registers["rip"] += 5
			f.putLong(0x200000, mapAt) // the map's variable is at rdi
			f.putLong(mapAt, 96, 48, 1, 5, 8192)
			f.putLong(mapAt+40, 7, 0x1000000, 0, 0x10, 0xf)
			f.putLong(mapAt+88, 1, imageAt, 0, 5, 0xf)
		},
		func(f *fake) {
			f.registers["rip"], f.registers["rax"] = base+0x1305, 0
			f.putLong(stackAt+64, 0x1400000)
		},
		func(f *fake) { f.registers["rip"] = exitServices },
		func(f *fake) { f.registers["rip"] = 0x3c0004e },
		func(f *fake) { f.registers["rip"], f.registers["rsi"] = 0x1400100, 0x3d0a000 },
	)
	b := attach(t, f)
	b.kernel, b.marks, b.file, b.uefi = k, marks, file, true
	b.stub()
	if b.machine.err != nil {
		t.Fatal(b.machine.err)
	}
	want := &record.Boot{
		EFIStub: &record.EFIStub{Entry: imageAt + 0x1400, Image: imageAt, ImageEnd: imageAt + 0x5000, BootParams: 0x3d0a000},
		Trampoline: &record.Trampoline{
			Executed: true, Toggle: 0x3c0004e, CodePage: 0x3c00000, Base: 0x3c00000, PageTable: 0x3c01000, Size: 0x2000,
			AllocatedBy: "EFI stub, AllocatePages(AllocateMaxAddress, EfiLoaderData, 2 pages, <4G)",
		},
		KernelEntry: &record.KernelEntry{Address: 0x1400100, PhysBase: 0x1400000},
		Debugger: &record.Debugger{
			RandomEFI: hexes(0x5_0000_0007),
			RandomAlloc: &record.RandomAlloc{
				Size: 0x200000, Align: 0x200000, Seed: 7, MemoryType: 1, Min: 0x1000000, Max: 1<<64 - 1,
				MapBuffer: mapAt, DescSize: 48, Address: 0x1400000,
			},
		},
		EFIMapAtUse: []record.EFIMapped{
			{Type: "Conventional", Range: record.Range{Start: 0x1000000, End: 0x100ffff}, Attributes: 0xf},
			{Index: 1, Type: "Loader Code", Range: record.Range{Start: imageAt, End: imageAt + 0x4fff}, Attributes: 0xf},
		},
	}
	if diff := cmp.Diff(want, b.facts); diff != "" {
		t.Error(diff)
	}
}

// The numbers of the recorded boot ovmf-4g-612-virtio-rng: the seed is the XOR of what
// the stub and the firmware drew, and its upper half chooses the virtual address.
func TestSeedOfARecording(t *testing.T) {
	const random, rng = 0x2a075351b0db96ec, 0x4a97507790d61770
	f := newFake()
	f.registers["rip"], f.registers["rax"] = 0x5000, random
	f.put(0x5000, 0x48, 0x33, 0x84, 0x24)
	b := attach(t, f)
	b.kernel, b.marks = madeUpKernel()
	b.kernel.VO.TotalSize = 0x2c30000
	f.step = func() { f.registers["rax"] = random ^ rng }
	b.seeds()
	want := &record.Debugger{RandomEFI: hexes(random), RNGSeed: hexes(rng), Seed: hexes(0x60900326200d819c), VirtualWanted: hexes(0x16a00000)}
	if diff := cmp.Diff(want, b.facts.Debugger); diff != "" {
		t.Error(diff)
	}
}
