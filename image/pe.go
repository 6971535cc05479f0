package image

// Section is one PE section header. Addresses are relative to the image's base.
type Section struct {
	Name            string
	VirtualAddress  uint32
	VirtualSize     uint32
	RawOffset       uint32 // in the file
	RawSize         uint32
	Characteristics uint32
}

// Perm is the section's permissions as "r-x".
func (s Section) Perm() string {
	p := []byte("---")
	if s.Characteristics&0x40000000 != 0 {
		p[0] = 'r'
	}
	if s.Characteristics&0x80000000 != 0 {
		p[1] = 'w'
	}
	if s.Characteristics&0x20000000 != 0 {
		p[2] = 'x'
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
