package verify

import (
	"encoding/binary"
	gohex "encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"bootplan/image"
	"bootplan/memmap"
)

// loadAddress is CONFIG_PHYSICAL_START of the builds behind the vectors.
const loadAddress = 0x1000000

// halt is how a case tells that the decompressor gave up.
type halt struct {
	Error string `json:"error,omitempty"`
}

// set takes an *image.Halt in; every other error comes back.
func (h *halt) set(err error) error {
	var stopped *image.Halt
	if errors.As(err, &stopped) {
		h.Error, err = stopped.Text, nil
	}
	return err
}

// programHeader is [p_type, p_offset, p_paddr, p_filesz, p_memsz, p_align].
type programHeader image.Segment

func (p *programHeader) UnmarshalJSON(text []byte) error {
	var kind uint32
	var offset, paddr, filesz, memsz, align hex
	if err := tuple(text, &kind, &offset, &paddr, &filesz, &memsz, &align); err != nil {
		return err
	}
	*p = programHeader{Offset: uint64(offset), Paddr: uint64(paddr), Filesz: uint64(filesz), Memsz: uint64(memsz), Align: uint64(align)}
	if kind == 1 {
		p.Type = "PT_LOAD"
	}
	return nil
}

func runParseELF(in json.RawMessage) (any, error) {
	var c struct {
		Output   hex             `json:"output"`
		Magic    string          `json:"magic"`
		PhNum    uint16          `json:"phnum"`
		Entry    hex             `json:"entry"`
		Phdrs    []programHeader `json:"phdrs"`
		HeapSize hex             `json:"heap_size"`
	}
	if err := json.Unmarshal(in, &c); err != nil {
		return nil, err
	}
	magic, err := gohex.DecodeString(c.Magic)
	if err != nil || len(magic) != 4 {
		return nil, fmt.Errorf("magic %q: expected four bytes in hex", c.Magic)
	}
	e := image.ELF{Entry: uint64(c.Entry), Segments: make([]image.Segment, c.PhNum)}
	for i := range min(len(c.Phdrs), len(e.Segments)) {
		e.Segments[i] = image.Segment(c.Phdrs[i])
	}
	type move struct {
		Dst  hex `json:"dst"`
		Src  hex `json:"src"`
		Size hex `json:"size"`
	}
	var out struct {
		Moves []move `json:"moves"`
		Entry *hex   `json:"entry_offset,omitempty"`
		halt
	}
	moves, entry, err := image.MoveSegments(&e, [4]byte(magic), uint64(c.Output), loadAddress, uint64(c.HeapSize))
	for _, m := range moves {
		out.Moves = append(out.Moves, move{hex(m.Dst), hex(m.Src), hex(m.Size)})
	}
	if err == nil {
		out.Entry = number(entry)
	}
	err = out.set(err)
	return out, err
}

func runHandleRelocations(in json.RawMessage) (any, error) {
	var c struct {
		kernelConfig
		Output    hex    `json:"output"`
		OutputLen hex    `json:"output_len"`
		Virt      hex    `json:"virt_addr"`
		BSSOffset hex    `json:"bss_offset"`
		Table     []hex  `json:"table"`
		Words     []span `json:"words"` // offset and value
	}
	if err := json.Unmarshal(in, &c); err != nil {
		return nil, err
	}
	version, err := c.version()
	if err != nil {
		return nil, err
	}
	memory, err := relocationMemory(uint64(c.OutputLen), uint64(c.BSSOffset), c.Table, c.Words)
	if err != nil {
		return nil, err
	}
	var out struct {
		Words []span `json:"words"`
		halt
	}
	r := image.Relocation{
		Memory: memory, Output: uint64(c.Output), OutputLen: uint64(c.OutputLen),
		Load: loadAddress, Virt: uint64(c.Virt), BSSOffset: uint64(c.BSSOffset), Version: version,
	}
	if err := r.Apply(); err != nil {
		err = out.set(err)
		return out, err
	}
	for _, w := range c.Words {
		out.Words = append(out.Words, span{w[0], binary.LittleEndian.Uint64(memory[w[0]:])})
	}
	return out, nil
}

// relocationMemory is the image with words in it, the table at its end, and as much
// behind it as a site may reach.
func relocationMemory(outputLen, bssOffset uint64, table []hex, words []span) ([]byte, error) {
	tableLen := 4 * uint64(len(table))
	if tableLen > outputLen || max(outputLen, bssOffset) > memmap.GiB {
		return nil, fmt.Errorf("image of %#x bytes, __bss_start at %#x: %w", outputLen, bssOffset, ErrUnsupported)
	}
	memory := make([]byte, max(outputLen, bssOffset)+8)
	for _, w := range words {
		if w[0] > uint64(len(memory)-8) {
			return nil, fmt.Errorf("word at %#x of %#x bytes: %w", w[0], len(memory), ErrUnsupported)
		}
		binary.LittleEndian.PutUint64(memory[w[0]:], w[1])
	}
	for i, w := range table {
		binary.LittleEndian.PutUint32(memory[outputLen-tableLen+4*uint64(i):], uint32(w))
	}
	return memory, nil
}

func runExtractKernel(in json.RawMessage) (any, error) {
	var c struct {
		Output    hex `json:"output"`
		OutputLen hex `json:"output_len"`
		TotalSize hex `json:"kernel_total_size"`
		Choice    struct {
			Output hex `json:"output"`
			Virt   hex `json:"virt"`
		} `json:"choice"`
		Unaccepted bool `json:"unaccepted"`
		Entry      hex  `json:"entry"`
	}
	if err := json.Unmarshal(in, &c); err != nil {
		return nil, err
	}
	var out struct {
		NeededSize   hex    `json:"needed_size"`
		VirtInitial  hex    `json:"virt_initial"`
		Decompressed bool   `json:"decompressed"`
		Accept       []span `json:"accept,omitempty"`
		Entry        *hex   `json:"entry,omitempty"`
		halt
	}
	needed := image.NeededSize(uint64(c.OutputLen), uint64(c.TotalSize))
	output := uint64(c.Choice.Output)
	out.NeededSize, out.VirtInitial = hex(needed), loadAddress
	if err := image.CheckDestination(output, uint64(c.Choice.Virt), needed, 0); err != nil {
		err = out.set(err)
		return out, err
	}
	if c.Unaccepted {
		out.Accept = []span{{output, needed}}
	}
	out.Decompressed = true
	e := image.ELF{Entry: uint64(c.Entry)}
	_, entry, err := image.MoveSegments(&e, [4]byte{0x7f, 'E', 'L', 'F'}, output, loadAddress, 0x10000)
	if err == nil {
		out.Entry = number(output + entry)
	}
	err = out.set(err)
	return out, err
}
