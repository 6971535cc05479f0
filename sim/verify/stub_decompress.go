package verify

import (
	"encoding/json"

	"bootplan/alloc"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
)

// minKernelAlign is what the stub rounds the size of the kernel up to (MIN_KERNEL_ALIGN).
const minKernelAlign = 2 * memmap.MiB

type decompressIn struct {
	firmwareIn
	TotalSize  hex    `json:"kernel_total_size"`
	OutputLen  hex    `json:"output_len"`
	Revision   hex    `json:"fw_revision"`
	Vendor     string `json:"fw_vendor"`
	RNG        span   `json:"rng"`
	RandomLong hex    `json:"kaslr_random_long"`
}

// seeds are the two words from which the stub chooses its addresses.
func (in *decompressIn) seeds() (physical, virtual uint32) {
	physical = uint32(in.RNG[0]) ^ uint32(in.RandomLong)
	virtual = uint32(in.RNG[1]) ^ uint32(in.RandomLong>>32)
	return kaslr.StubSeed(physical, uint32(in.Revision), in.Vendor, linux.StubMemoryOverride(string(in.Cmdline), linux.V6_12)), virtual
}

func runEFIDecompressKernel(text json.RawMessage) (any, error) {
	var in decompressIn
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	align := uint64(in.Config.PhysAlign)
	virt, seed := kaslr.LoadPhysicalAddr, uint32(0)
	random := !linux.ParseStubOptions(string(in.Cmdline)).NoKASLR
	if random {
		var virtSeed uint32
		seed, virtSeed = in.seeds()
		virt = kaslr.StubVirtual(uint64(in.TotalSize), virtSeed, align)
	}
	fw := in.firmware()
	phys, status := alloc.RandomAlloc(fw, alloc.Request{
		Size:  memmap.AlignUp(uint64(max(in.OutputLen, in.TotalSize)), minKernelAlign),
		Align: align, Min: kaslr.LoadPhysicalAddr, Max: ^uint64(0), SoftReserve: in.softReserve(),
	}, uint64(seed), memmap.EFILoaderCode)
	want := struct {
		Status string `json:"status"`
		Phys   *hex   `json:"phys,omitempty"`
		Virt   *hex   `json:"virt,omitempty"`
		KASLR  bool   `json:"kaslr_flag"`
		Calls  []call `json:"calls"`
	}{Status: status.Error(), KASLR: random, Calls: fw.calls}
	if status == alloc.Success {
		want.Phys, want.Virt = (*hex)(&phys), (*hex)(&virt)
	}
	return want, nil
}
