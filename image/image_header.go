package image

// ImageHeader is the 64-byte header that arm64, RISC-V and LoongArch kernels share.
// Source: arch/{arm64,riscv,loongarch}/kernel/head.S (v6.12).
type ImageHeader struct {
	TextOffset uint64 `json:"text_offset"` // LoongArch: the kernel's entry point
	ImageSize  uint64 `json:"image_size"`  // memory footprint with BSS
	Flags      uint64 `json:"flags"`       // LoongArch: the load offset
}
