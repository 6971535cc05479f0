package image

import (
	"debug/elf"
	"math"
)

// elfFile is an ELF file with the part of its section headers that boots care about.
type elfFile struct {
	ELF
	sections []elfSection
}

type elfSection struct {
	name       string
	addr, size uint64
}

// vmlinux reads an ELF kernel.
func (s *source) vmlinux(k *Kernel, opts Options) error {
	f, err := s.elf()
	if err != nil {
		return err
	}
	k.ELF, k.VO = &f.ELF, f.linkFacts()
	if opts.NoPayload {
		return nil
	}
	return s.findBanner(k)
}

// elf reads the headers of a little-endian ELF file of 32 or 64 bits.
func (s *source) elf() (*elfFile, error) {
	ident, err := s.bytes(0, elf.EI_NIDENT, "the ELF header")
	if err != nil {
		return nil, err
	}
	if string(ident[:4]) != elf.ELFMAG {
		return nil, s.errorf(0, "the file begins with % x; expected an ELF file", ident[:4])
	}
	if elf.Data(ident[elf.EI_DATA]) != elf.ELFDATA2LSB {
		return nil, s.errorf(elf.EI_DATA, "ELF data encoding %d; expected 1, little endian", ident[elf.EI_DATA])
	}
	var h elfHeaders
	switch elf.Class(ident[elf.EI_CLASS]) {
	case elf.ELFCLASS64:
		err = s.elf64(&h)
	case elf.ELFCLASS32:
		err = s.elf32(&h)
	default:
		err = s.errorf(elf.EI_CLASS, "ELF class %d; expected 1 (32 bits) or 2 (64 bits)", ident[elf.EI_CLASS])
	}
	if err != nil {
		return nil, err
	}
	return s.elfFile(&h)
}

// elfHeaders are the headers of an ELF file, widened to 64 bits.
type elfHeaders struct {
	file     elf.Header64
	programs []elf.Prog64
	sections []elf.Section64
}

func (s *source) elf64(h *elfHeaders) error {
	if err := s.read(0, "the ELF header", &h.file); err != nil {
		return err
	}
	if err := s.elfSizes(&h.file, 64, 56, 64); err != nil {
		return err
	}
	h.programs = make([]elf.Prog64, h.file.Phnum)
	if err := s.read(h.file.Phoff, "the ELF program headers", h.programs); err != nil {
		return err
	}
	h.sections = make([]elf.Section64, h.file.Shnum)
	return s.read(h.file.Shoff, "the ELF section headers", h.sections)
}

func (s *source) elf32(h *elfHeaders) error {
	var file elf.Header32
	if err := s.read(0, "the ELF header", &file); err != nil {
		return err
	}
	h.file = elf.Header64{
		Machine: file.Machine, Entry: uint64(file.Entry), Phoff: uint64(file.Phoff), Shoff: uint64(file.Shoff),
		Ehsize: file.Ehsize, Phentsize: file.Phentsize, Phnum: file.Phnum,
		Shentsize: file.Shentsize, Shnum: file.Shnum, Shstrndx: file.Shstrndx,
	}
	if err := s.elfSizes(&h.file, 52, 32, 40); err != nil {
		return err
	}
	programs := make([]elf.Prog32, file.Phnum)
	if err := s.read(uint64(file.Phoff), "the ELF program headers", programs); err != nil {
		return err
	}
	for _, p := range programs {
		h.programs = append(h.programs, elf.Prog64{
			Type: p.Type, Flags: p.Flags, Off: uint64(p.Off), Vaddr: uint64(p.Vaddr), Paddr: uint64(p.Paddr),
			Filesz: uint64(p.Filesz), Memsz: uint64(p.Memsz), Align: uint64(p.Align),
		})
	}
	sections := make([]elf.Section32, file.Shnum)
	if err := s.read(uint64(file.Shoff), "the ELF section headers", sections); err != nil {
		return err
	}
	for _, n := range sections {
		h.sections = append(h.sections, elf.Section64{
			Name: n.Name, Type: n.Type, Addr: uint64(n.Addr), Off: uint64(n.Off), Size: uint64(n.Size),
		})
	}
	return nil
}

// elfSizes refuses headers of other sizes than the file's class has.
func (s *source) elfSizes(h *elf.Header64, file, program, section uint16) error {
	if h.Ehsize != file || (h.Phnum > 0 && h.Phentsize != program) || (h.Shnum > 0 && h.Shentsize != section) {
		return s.errorf(0, "the ELF header gives the sizes of file, program and section headers as %d, %d and %d; expected %d, %d and %d",
			h.Ehsize, h.Phentsize, h.Shentsize, file, program, section)
	}
	return nil
}

// elfFile puts together what the headers say.
func (s *source) elfFile(h *elfHeaders) (*elfFile, error) {
	f := &elfFile{ELF: ELF{Machine: h.file.Machine, Entry: h.file.Entry, PhOff: h.file.Phoff}}
	f.reach(0, uint64(h.file.Ehsize))
	f.reach(h.file.Phoff, uint64(h.file.Phnum)*uint64(h.file.Phentsize))
	f.reach(h.file.Shoff, uint64(h.file.Shnum)*uint64(h.file.Shentsize))
	for i, p := range h.programs {
		if p.Memsz > math.MaxUint64-p.Paddr {
			return nil, s.errorf(h.file.Phoff, "ELF program header %d: %#x bytes at %#x wrap around 2^64", i, p.Memsz, p.Paddr)
		}
		f.Segments = append(f.Segments, Segment{
			Type: elf.ProgType(p.Type).String(), Perm: segmentPerm(p.Flags), Offset: p.Off,
			Vaddr: p.Vaddr, Paddr: p.Paddr, Filesz: p.Filesz, Memsz: p.Memsz, Align: p.Align,
		})
		f.reach(p.Off, p.Filesz)
	}
	return f, s.elfSections(f, h.sections, h.file.Shstrndx)
}

// reach notes that the file has n bytes at offset.
func (f *elfFile) reach(offset, n uint64) {
	switch {
	case n == 0:
	case n > math.MaxUint64-offset:
		f.FileEnd = math.MaxUint64
	default:
		f.FileEnd = max(f.FileEnd, offset+n)
	}
}

func segmentPerm(flags uint32) string {
	f := elf.ProgFlag(flags)
	return permissions(f&elf.PF_R != 0, f&elf.PF_W != 0, f&elf.PF_X != 0)
}

// elfSections keeps the names and addresses of the sections; a file without
// section names keeps none.
func (s *source) elfSections(f *elfFile, headers []elf.Section64, names uint16) error {
	for _, h := range headers {
		if elf.SectionType(h.Type) != elf.SHT_NOBITS && elf.SectionType(h.Type) != elf.SHT_NULL {
			f.reach(h.Off, h.Size)
		}
	}
	if int(names) >= len(headers) || names == 0 {
		return nil
	}
	table, err := s.bytes(headers[names].Off, headers[names].Size, "the ELF section names")
	if err != nil {
		return err
	}
	for _, h := range headers {
		if uint64(h.Name) < uint64(len(table)) {
			f.sections = append(f.sections, elfSection{text(table[h.Name:]), h.Addr, h.Size})
		}
	}
	return nil
}

// section returns the section called name.
func (f *elfFile) section(name string) (elfSection, bool) {
	for _, s := range f.sections {
		if s.name == name {
			return s, true
		}
	}
	return elfSection{}, false
}
