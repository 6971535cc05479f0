package image

// ImageHeader is what the 64-byte headers of arm64, RISC-V and LoongArch kernels
// have in common. Source: arch/{arm64,riscv,loongarch}/kernel/head.S (v6.12).
type ImageHeader struct {
	TextOffset uint64 `json:"text_offset"` // LoongArch: the kernel's entry point
	ImageSize  uint64 `json:"image_size"`  // memory footprint with BSS
	Flags      uint64 `json:"flags"`       // LoongArch: the load offset
}

// plainImage reads an uncompressed kernel.
func (s *source) plainImage(k *Kernel, opts Options) error {
	k.ImageHeader = &ImageHeader{}
	if err := s.read(8, "the image header", k.ImageHeader); err != nil {
		return err
	}
	if err := s.optionalPE(k); err != nil || opts.NoPayload {
		return err
	}
	return s.findBanner(k)
}
