package parse

import (
	"encoding/binary"
	"fmt"
	"io"

	"bootplan/memmap"
)

// Sizes in bytes of the elements of binary maps.
const (
	e820Stride = 20 // struct boot_e820_entry, packed
	efiMinimum = 40 // EFI_MEMORY_DESCRIPTOR as UEFI 2.11 defines it; firmware may use more
	efiUsual   = 48 // what EDK2 uses
	efiMaximum = 1024
)

// sureShare is the share of plausible elements above which data of unknown form is
// taken for a map.
const sureShare = 0.5

// binaryGuess says how well data reads as an array of one kind.
type binaryGuess struct {
	form   Form
	stride int     // bytes from one element to the next
	share  float64 // of the elements that are plausible, 0 to 1
}

// guessBinary finds the form and the stride at which most elements of data are
// plausible.
func guessBinary(data []byte) binaryGuess {
	e820 := guess(data, E820Binary, e820Stride, plausibleE820)
	if efi := guessEFI(data, false); efi.share > e820.share {
		return efi
	}
	return e820
}

// guessEFI finds the stride at which most descriptors are plausible, the smallest
// of equals, if need be among those that divide data evenly.
func guessEFI(data []byte, evenly bool) binaryGuess {
	best := binaryGuess{form: EFIBinary}
	for stride := efiMinimum; stride <= min(efiMaximum, len(data)); stride += 8 {
		if evenly && len(data)%stride != 0 {
			continue
		}
		if g := guess(data, EFIBinary, stride, plausibleEFI); g.share > best.share {
			best = g
		}
	}
	return best
}

func guess(data []byte, form Form, stride int, plausible func([]byte) bool) binaryGuess {
	n, good := len(data)/stride, 0
	for i := range n {
		if plausible(data[i*stride:]) {
			good++
		}
	}
	return binaryGuess{form, stride, float64(good) / float64(max(n, 1))}
}

// widestAddress is the size of the physical address space of any x86 processor.
const widestAddress = 1 << 52

func plausibleE820(b []byte) bool {
	e := decodeE820(b)
	r, err := e.Range()
	known := e.Type >= memmap.E820RAM && e.Type <= memmap.E820PMEM || e.Type == memmap.E820PRAM ||
		e.Type == memmap.E820GRUBRuntime || e.Type == memmap.E820ReservedKern || e.Type == memmap.E820SoftReserved
	return known && err == nil && !r.Empty() && r.End <= widestAddress
}

func plausibleEFI(b []byte) bool {
	const firstOEMType = 0x70000000
	d := decodeEFI(b)
	r, err := d.Range()
	known := d.Type <= memmap.EFIUnaccepted || d.Type >= firstOEMType
	return known && err == nil && !r.Empty() && r.End <= widestAddress && r.Start%memmap.PageSize == 0 && d.Attr&^memmap.NamedEFIAttrs == 0
}

func decodeE820(b []byte) memmap.E820Entry {
	return memmap.E820Entry{
		Addr: binary.LittleEndian.Uint64(b),
		Size: binary.LittleEndian.Uint64(b[8:]),
		Type: memmap.E820Type(binary.LittleEndian.Uint32(b[16:])),
	}
}

func decodeEFI(b []byte) memmap.EFIDescriptor {
	return memmap.EFIDescriptor{
		Type:  memmap.EFIType(binary.LittleEndian.Uint32(b)),
		Phys:  binary.LittleEndian.Uint64(b[8:]),
		Virt:  binary.LittleEndian.Uint64(b[16:]),
		Pages: binary.LittleEndian.Uint64(b[24:]),
		Attr:  memmap.EFIAttr(binary.LittleEndian.Uint64(b[32:])),
	}
}

// readBinary reads an array of e820 entries or EFI descriptors.
func readBinary(doc *Document, r io.Reader) error {
	const most = 64 << 20
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return err
	}
	if len(data) > most {
		return &Error{Reason: fmt.Sprintf("expected at most %d bytes of binary map", most)}
	}
	stride := e820Stride
	if doc.Form == EFIBinary {
		if stride, err = efiStride(data); err != nil {
			return err
		}
	}
	if len(data)%stride != 0 {
		return &Error{Reason: fmt.Sprintf("expected a multiple of %d bytes, found %d", stride, len(data))}
	}
	if len(data)/stride > maxEntries {
		return &Error{Reason: fmt.Sprintf("expected at most %d entries", maxEntries)}
	}
	if len(data) > 0 {
		doc.Maps = append(doc.Maps, decodeMap(data, stride, doc.Form))
	}
	return nil
}

func decodeMap(data []byte, stride int, form Form) memmap.Map {
	m := memmap.Map{Kind: memmap.E820, Label: string(form)}
	if form == EFIBinary {
		m.Kind = memmap.EFI
	}
	for ; len(data) > 0; data = data[stride:] {
		if form == EFIBinary {
			m.Descriptors = append(m.Descriptors, decodeEFI(data))
		} else {
			m.Entries = append(m.Entries, decodeE820(data))
		}
	}
	return m
}

// efiStride finds the descriptor size from the content. Where no descriptor is
// plausible at any size, it is the usual one.
func efiStride(data []byte) (int, error) {
	if g := guessEFI(data, true); g.share > 0 {
		return g.stride, nil
	}
	if len(data)%efiUsual != 0 {
		return 0, &Error{Reason: fmt.Sprintf("cannot tell the size of an EFI memory descriptor: expected %d bytes or more for each, found %d bytes in all", efiMinimum, len(data))}
	}
	return efiUsual, nil
}
