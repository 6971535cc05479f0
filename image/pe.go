package image

import (
	"debug/pe"
	"encoding/binary"
)

// Section is one PE section header. Addresses are relative to the image's base.
type Section struct {
	Name            string
	VirtualAddress  uint32
	VirtualSize     uint32
	RawOffset       uint32 // in the file
	RawSize         uint32
	Characteristics uint32
}

// Readable reports IMAGE_SCN_MEM_READ.
func (s Section) Readable() bool { return s.Characteristics&0x40000000 != 0 }

// Writable reports IMAGE_SCN_MEM_WRITE.
func (s Section) Writable() bool { return s.Characteristics&0x80000000 != 0 }

// Executable reports IMAGE_SCN_MEM_EXECUTE.
func (s Section) Executable() bool { return s.Characteristics&0x20000000 != 0 }

// Perm is the section's permissions as "r-x".
func (s Section) Perm() string {
	return permissions(s.Readable(), s.Writable(), s.Executable())
}

func permissions(read, write, execute bool) string {
	p := []byte("---")
	for i, allowed := range []bool{read, write, execute} {
		if allowed {
			p[i] = "rwx"[i]
		}
	}
	return string(p)
}

// CompatEntry is a record of the .compat section: an entry point for another machine type.
type CompatEntry struct {
	Type     uint8  `json:"type"`
	Size     uint8  `json:"size"`
	Machine  uint16 `json:"machine"`
	EntryRVA uint32 `json:"entry"`
}

// PE is the PE/COFF view of an image.
type PE struct {
	HeaderOffset       uint32        `json:"header_offset"`
	Machine            uint16        `json:"machine"`
	Characteristics    uint16        `json:"characteristics"`
	Magic              uint16        `json:"magic"` // 0x10b PE32, 0x20b PE32+
	SizeOfCode         uint32        `json:"size_of_code"`
	SizeOfData         uint32        `json:"size_of_initialized_data"`
	EntryRVA           uint32        `json:"entry"`
	BaseOfCode         uint32        `json:"base_of_code"`
	ImageBase          uint64        `json:"image_base"`
	SectionAlignment   uint32        `json:"section_alignment"`
	FileAlignment      uint32        `json:"file_alignment"`
	MajorImageVersion  uint16        `json:"major_image_version"`
	MinorImageVersion  uint16        `json:"minor_image_version"`
	SizeOfImage        uint32        `json:"size_of_image"`
	SizeOfHeaders      uint32        `json:"size_of_headers"`
	Checksum           uint32        `json:"checksum"`
	Subsystem          uint16        `json:"subsystem"`
	DLLCharacteristics uint16        `json:"dll_characteristics"`
	SignatureOffset    uint32        `json:"signature_offset"` // in the file; 0 if the image is not signed
	SignatureSize      uint32        `json:"signature_size"`
	LinuxMagic         uint32        `json:"linux_magic"` // 0x818223cd at file offset 0x38 in newer images, else 0
	Sections           []Section     `json:"sections"`
	Compat             []CompatEntry `json:"compat"`
}

// NXCompat reports whether the image promises that it needs no memory that is
// writable and executable (IMAGE_DLLCHARACTERISTICS_NX_COMPAT).
func (p *PE) NXCompat() bool { return p.DLLCharacteristics&0x0100 != 0 }

const (
	linuxPEMagic     = "\xcd\x23\x82\x81" // at 0x38 of newer images
	signatureTable   = 4                  // index of the certificate table among the data directories
	compatRecordSize = 8
)

// optionalPE reads the PE view of an image that may have none: one without EFI stub.
func (s *source) optionalPE(k *Kernel) error {
	magic, err := s.bytes(0, 2, "the MZ magic")
	if err != nil || string(magic) != "MZ" {
		return err
	}
	return s.pe(k)
}

// pe reads the PE/COFF headers and the .compat records.
func (s *source) pe(k *Kernel) error {
	var dos struct {
		LinuxMagic, HeaderOffset uint32
	}
	if err := s.read(0x38, "the DOS header", &dos); err != nil {
		return err
	}
	at := uint64(dos.HeaderOffset)
	var head struct {
		Magic [4]byte
		pe.FileHeader
	}
	if err := s.read(at, "the PE header", &head); err != nil {
		return err
	}
	if string(head.Magic[:]) != "PE\x00\x00" {
		return s.errorf(at, `the PE header begins with %q; expected "PE\x00\x00"`, head.Magic[:])
	}
	at += uint64(binary.Size(head))
	optional, err := s.bytes(at, uint64(head.SizeOfOptionalHeader), "the PE optional header")
	if err != nil {
		return err
	}
	p, err := s.optionalHeader(at, optional)
	if err != nil {
		return err
	}
	p.HeaderOffset, p.Machine, p.Characteristics = dos.HeaderOffset, head.Machine, head.Characteristics
	if dos.LinuxMagic == le32([]byte(linuxPEMagic)) {
		p.LinuxMagic = dos.LinuxMagic
	}
	k.PE = p
	if err := s.sections(p, at+uint64(head.SizeOfOptionalHeader), head.NumberOfSections); err != nil {
		return err
	}
	return s.compat(p)
}

// optionalHeader is what PE32 and PE32+ have in common.
type optionalHeader struct {
	Magic                                uint16
	_                                    [2]byte
	SizeOfCode, SizeOfData, _            uint32
	Entry, BaseOfCode                    uint32
	ImageBase                            uint64 // PE32: BaseOfData and ImageBase
	SectionAlignment, FileAlignment      uint32
	_                                    [4]byte
	MajorImageVersion, MinorImageVersion uint16
	_                                    [8]byte
	SizeOfImage, SizeOfHeaders, Checksum uint32
	Subsystem, DLLCharacteristics        uint16
}

// optionalHeader decodes the optional header, which stands at offset at. It may be
// shorter than the format allows: what is missing is zero.
func (s *source) optionalHeader(at uint64, data []byte) (*PE, error) {
	var h optionalHeader
	data = append(data, make([]byte, 256)...)
	if _, err := binary.Decode(data, binary.LittleEndian, &h); err != nil {
		return nil, err
	}
	directories := data[112:]
	switch h.Magic {
	case 0x20b:
	case 0x10b:
		directories = data[96:]
		h.ImageBase >>= 32
	default:
		return nil, s.errorf(at, "the PE optional header begins with %#x; expected 0x10b (PE32) or 0x20b (PE32+)", h.Magic)
	}
	return &PE{
		Magic: h.Magic, SizeOfCode: h.SizeOfCode, SizeOfData: h.SizeOfData,
		EntryRVA: h.Entry, BaseOfCode: h.BaseOfCode, ImageBase: h.ImageBase,
		SectionAlignment: h.SectionAlignment, FileAlignment: h.FileAlignment,
		MajorImageVersion: h.MajorImageVersion, MinorImageVersion: h.MinorImageVersion,
		SizeOfImage: h.SizeOfImage, SizeOfHeaders: h.SizeOfHeaders, Checksum: h.Checksum,
		Subsystem: h.Subsystem, DLLCharacteristics: h.DLLCharacteristics,
		SignatureOffset: le32(directories[signatureTable*8:]), SignatureSize: le32(directories[signatureTable*8+4:]),
	}, nil
}

// sections reads the n section headers at offset at.
func (s *source) sections(p *PE, at uint64, n uint16) error {
	headers := make([]pe.SectionHeader32, n)
	if err := s.read(at, "the section headers", headers); err != nil {
		return err
	}
	for _, h := range headers {
		p.Sections = append(p.Sections, Section{
			Name: text(h.Name[:]), VirtualAddress: h.VirtualAddress, VirtualSize: h.VirtualSize,
			RawOffset: h.PointerToRawData, RawSize: h.SizeOfRawData, Characteristics: h.Characteristics,
		})
	}
	return nil
}

// compat reads the entry points that the .compat section lists.
// Source: arch/x86/boot/header.S (v6.12).
func (s *source) compat(p *PE) error {
	for _, section := range p.Sections {
		if section.Name != ".compat" {
			continue
		}
		at, end := uint64(section.RawOffset), uint64(section.RawOffset)+uint64(section.RawSize)
		for at+compatRecordSize <= end {
			var e CompatEntry
			if err := s.read(at, "a record of .compat", &e); err != nil {
				return err
			}
			if e.Type == 0 || e.Size < compatRecordSize {
				break
			}
			p.Compat = append(p.Compat, e)
			at += uint64(e.Size)
		}
	}
	return nil
}
