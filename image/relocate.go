package image

import (
	"encoding/binary"
	"fmt"

	"bootplan/linux"
)

// highMap is where the kernel's high mapping begins (__START_KERNEL_map).
const highMap = 0xffffffff80000000

// twoRelocLists is the version since which a kernel has no inverse 32-bit relocations.
var twoRelocLists = linux.Of(6, 15)

// Relocation moves a decompressed kernel to the virtual address that was chosen for it.
type Relocation struct {
	Memory    []byte // the physical memory from Output on, to the end of the image and of every site
	Output    uint64 // physical address of the image
	OutputLen uint64 // bytes of the image; the relocation table ends where it ends
	Load      uint64 // the address that the kernel was linked for (pref_address)
	Virt      uint64 // the address chosen, in the same terms
	BSSOffset uint64 // __bss_start - _text: the last byte at which a site may begin
	Version   linux.Version
}

// Apply adds the distance Virt-Load to every site that the table names. The table is
// read backwards from its end: words of 32 bits, each the virtual address of a site,
// sign-extended; first the sites of 32 bits, then, before 6.15, those of 32 bits from
// which the distance is subtracted, then those of 64 bits. Each list ends with 0.
//
// A site outside the kernel is a *Halt; what was changed before it stays changed.
// Source: arch/x86/boot/compressed/misc.c:handle_relocations (v6.12, v7.2).
func (r *Relocation) Apply() error {
	delta := r.Virt - r.Load
	if delta == 0 {
		return nil
	}
	word := r.OutputLen
	lists := []struct {
		name  string
		apply func(site []byte)
	}{
		{"32-bit", func(site []byte) { addWord(site, uint32(delta)) }},
		{"inverse 32-bit", func(site []byte) { addWord(site, -uint32(delta)) }},
		{"64-bit", func(site []byte) {
			binary.LittleEndian.PutUint64(site, binary.LittleEndian.Uint64(site)+delta)
		}},
	}
	for _, list := range lists {
		if list.name == "inverse 32-bit" && r.Version >= twoRelocLists {
			continue
		}
		for {
			word -= 4
			va := r.tableWord(word)
			if va == 0 {
				break
			}
			site, err := r.site(va, list.name)
			if err != nil {
				return err
			}
			list.apply(site)
		}
	}
	return nil
}

// tableWord is the sign-extended word at an offset from Output; 0, the end of a list,
// where the offset has left the image.
func (r *Relocation) tableWord(offset uint64) uint64 {
	if offset >= r.OutputLen || offset+4 > uint64(len(r.Memory)) {
		return 0
	}
	return uint64(int32(binary.LittleEndian.Uint32(r.Memory[offset:])))
}

// site is the memory at a virtual address of the kernel as it was linked, at least 8
// bytes.
func (r *Relocation) site(va uint64, list string) ([]byte, error) {
	at := va + r.Output - r.Load - highMap
	if at < r.Output || at > r.Output+r.BSSOffset {
		return nil, &Halt{list + " relocation outside of kernel!"}
	}
	offset := at - r.Output
	if offset+8 > uint64(len(r.Memory)) {
		return nil, fmt.Errorf("relocation at %#x: expected the memory up to there, have %#x bytes from %#x", at, len(r.Memory), r.Output)
	}
	return r.Memory[offset:], nil
}

func addWord(site []byte, delta uint32) {
	binary.LittleEndian.PutUint32(site, binary.LittleEndian.Uint32(site)+delta)
}
