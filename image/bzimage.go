package image

import "encoding/binary"

const (
	setupHeaderStart = 0x1f1
	payloadProtocol  = 0x0208 // first boot protocol with payload_offset
	infoProtocol     = 0x020f // first boot protocol with kernel_info
)

// bzImage reads an x86 kernel image.
// Source: Documentation/arch/x86/boot.rst (v6.12).
func (s *source) bzImage(k *Kernel, opts Options) error {
	for _, part := range []func(*Kernel) error{s.setupHeader, s.kernelVersion, s.optionalPE, s.bzImagePayload, s.kernelInfo} {
		if err := part(k); err != nil {
			return err
		}
	}
	if opts.NoPayload {
		return nil
	}
	if k.Payload != nil {
		if err := s.bzImageKernel(k, opts); err != nil {
			return err
		}
	}
	return s.decompressor(k)
}

// setupHeader reads the header as far as it reaches: its end is where the jump
// instruction in it leads. Fields behind that do not exist and stay zero.
func (s *source) setupHeader(k *Kernel) error {
	jump, err := s.bytes(0x201, 1, "the setup header's length")
	if err != nil {
		return err
	}
	end := 0x202 + uint64(jump[0])
	k.Setup = &SetupHeader{}
	header := make([]byte, binary.Size(k.Setup))
	present, err := s.bytes(setupHeaderStart, end-setupHeaderStart, "the setup header")
	if err != nil {
		return err
	}
	copy(header, present)
	if _, err := binary.Decode(header, binary.LittleEndian, k.Setup); err != nil {
		return err
	}
	if setup := k.SetupBytes(); setup > s.size {
		return s.errorf(setupHeaderStart, "setup_sects says that the real-mode part takes %#x bytes, but the file ends at %#x; is it truncated?", setup, s.size)
	}
	return nil
}

// kernelVersion reads the text that the header's kernel_version points to, 0x200 too low.
func (s *source) kernelVersion(k *Kernel) error {
	if k.Setup.KernelVersion == 0 {
		return nil
	}
	at := uint64(k.Setup.KernelVersion) + 0x200
	if at >= k.SetupBytes() {
		return s.errorf(0x20e, "kernel_version points to %#x, behind the real-mode part, which ends at %#x", at, k.SetupBytes())
	}
	line, err := s.upTo(at, min(longestBanner, k.SetupBytes()-at), "the version text")
	if err != nil {
		return err
	}
	k.setBanner(text(line))
	return nil
}

// kernelInfo reads the structure that kernel_info_offset points to.
func (s *source) kernelInfo(k *Kernel) error {
	if k.Setup.Version < infoProtocol || k.Setup.KernelInfoOffset == 0 {
		return nil
	}
	var info struct {
		Magic                         [4]byte
		Size, SizeTotal, SetupTypeMax uint32
	}
	offset := uint64(k.Setup.KernelInfoOffset)
	at := k.SetupBytes() + offset
	if err := s.read(at, "kernel_info", &info); err != nil {
		return err
	}
	if string(info.Magic[:]) != "LToP" {
		return s.errorf(at, `kernel_info begins with %q; expected "LToP"`, info.Magic[:])
	}
	k.KernelInfo = &KernelInfo{offset, info.Size, info.SizeTotal, info.SetupTypeMax}
	return nil
}

// bzImagePayload finds the payload and reads its first and last bytes.
func (s *source) bzImagePayload(k *Kernel) error {
	h := k.Setup
	if h.Version < payloadProtocol || h.PayloadLength == 0 {
		k.note("boot protocol %d.%02d does not tell where the payload is", h.Version>>8, h.Version&0xff)
		return nil
	}
	p := &Payload{Offset: k.SetupBytes() + uint64(h.PayloadOffset), Size: uint64(h.PayloadLength)}
	if !s.has(p.Offset, p.Size) {
		return s.errorf(0x248, "payload_offset and payload_length make the payload [%#x, %#x), but the file ends at %#x; is it truncated?", p.Offset, p.Offset+p.Size, s.size)
	}
	if p.Size < 8 {
		return s.errorf(0x24c, "payload_length is %d; expected a compressed kernel", p.Size)
	}
	k.Payload = p
	return s.payloadEnds(p, p.Offset+p.Size-4)
}

// bzImageKernel unpacks the kernel inside and reads its ELF headers.
func (s *source) bzImageKernel(k *Kernel, opts Options) error {
	unpacked, err := s.unpack(k.Payload, k.Payload.streamSize(), opts.MaxPayload)
	if err != nil {
		return err
	}
	inner := s.unpacked(unpacked)
	f, err := inner.elf()
	if err != nil {
		return err
	}
	k.ELF, k.VO = &f.ELF, f.linkFacts()
	if f.FileEnd > inner.size {
		return inner.errorf(0, "the ELF headers describe a file of %#x bytes, but the payload unpacks to %#x", f.FileEnd, inner.size)
	}
	k.readRelocs(unpacked[f.FileEnd:])
	return nil
}
