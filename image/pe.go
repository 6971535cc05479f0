package image

// Section is one PE section header.
type Section struct {
	Name            string
	VirtualAddress  uint32
	VirtualSize     uint32
	RawOffset       uint32
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
	Type     uint8
	Size     uint8
	Machine  uint16
	EntryRVA uint32
}

// PE is the PE/COFF view of an image.
type PE struct {
	HeaderOffset       uint32
	Machine            uint16
	Characteristics    uint16
	Magic              uint16 // 0x10b PE32, 0x20b PE32+
	EntryRVA           uint32
	BaseOfCode         uint32
	ImageBase          uint64
	SectionAlignment   uint32
	FileAlignment      uint32
	MajorImageVersion  uint16
	MinorImageVersion  uint16
	SizeOfImage        uint32
	SizeOfHeaders      uint32
	Subsystem          uint16
	DLLCharacteristics uint16
	LinuxMagic         uint32 // 0x818223cd at file offset 0x38 in newer images, else 0
	Sections           []Section
	Compat             []CompatEntry
}

// NXCompat reports whether the image promises that it needs no memory that is
// writable and executable (IMAGE_DLLCHARACTERISTICS_NX_COMPAT).
func (p *PE) NXCompat() bool { return p.DLLCharacteristics&0x0100 != 0 }

// ZBootHeader is the header of an EFI zboot image.
// Source: drivers/firmware/efi/libstub/zboot-header.S (v6.12).
type ZBootHeader struct {
	PayloadOffset uint32
	PayloadSize   uint32
	Compression   string // comp_type: "gzip", "zstd", …
	LinuxMagic    uint32
}
