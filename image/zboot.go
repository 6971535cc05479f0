package image

// ZBootHeader is the header of an EFI zboot image.
// Source: drivers/firmware/efi/libstub/zboot-header.S (v6.12).
type ZBootHeader struct {
	PayloadOffset uint32 `json:"payload_offset"` // in the file
	PayloadSize   uint32 `json:"payload_size"`   // without the size word behind it, except for gzip
	Compression   string `json:"compression"`    // comp_type: "gzip", "zstd", …
	LinuxMagic    uint32 `json:"linux_magic"`    // 0x818223cd; 0 in v6.1
}

// zboot reads an EFI zboot image and the kernel image inside it.
func (s *source) zboot(k *Kernel, opts Options) error {
	if err := s.zbootHeader(k); err != nil {
		return err
	}
	if err := s.pe(k); err != nil {
		return err
	}
	z := k.ZBootHeader
	k.Payload = &Payload{Offset: uint64(z.PayloadOffset), Size: uint64(z.PayloadSize)}
	sizeWord := k.Payload.Offset + k.Payload.Size
	if z.Compression == "gzip" {
		sizeWord -= 4 // gzip ends with the size itself
	}
	if err := s.payloadEnds(k.Payload, sizeWord); err != nil || opts.NoPayload {
		return err
	}
	unpacked, err := s.unpack(k.Payload, k.Payload.Size, opts.MaxPayload)
	if err != nil {
		return err
	}
	// An image inside is not unpacked further: nobody builds that.
	k.Inner, err = s.unpacked(unpacked).kernel(Options{NoPayload: true})
	if err != nil {
		return err
	}
	k.Inner.Name = "payload"
	if err := s.unpacked(unpacked).findBanner(k.Inner); err != nil {
		return err
	}
	k.Release, k.Banner = k.Inner.Release, k.Inner.Banner
	return nil
}

func (s *source) zbootHeader(k *Kernel) error {
	var raw struct {
		_             [8]byte
		PayloadOffset uint32
		PayloadSize   uint32
		_             [8]byte
		Compression   [32]byte
		LinuxMagic    uint32
	}
	if err := s.read(0, "the zboot header", &raw); err != nil {
		return err
	}
	if raw.PayloadSize < 8 || !s.has(uint64(raw.PayloadOffset), uint64(raw.PayloadSize)) {
		return s.errorf(8, "the zboot header puts the payload at %#x with %#x bytes, but the file has %#x bytes; is it truncated?", raw.PayloadOffset, raw.PayloadSize, s.size)
	}
	k.ZBootHeader = &ZBootHeader{raw.PayloadOffset, raw.PayloadSize, text(raw.Compression[:]), raw.LinuxMagic}
	return nil
}
