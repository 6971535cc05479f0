package image

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/anchore/go-lzo"
	"github.com/pierrec/lz4/v4"
)

// blocks is a stream that unpack produces block by block; unpack returns io.EOF
// after the last one.
type blocks struct {
	unpack func() ([]byte, error)
	rest   []byte
}

func (b *blocks) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		var err error
		if b.rest, err = b.unpack(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// full reads all of into; a stream that ends before is cut off, even at its first byte.
func full(r io.Reader, into []byte) error {
	_, err := io.ReadFull(r, into)
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

const (
	lz4Block   = 8 << 20 // uncompressed bytes of every block but the last
	lz4Longest = lz4Block + lz4Block/255 + 16
	lz4Magic   = 0x184c2102
)

// openLZ4 reads the "legacy" frame of lz4 -l: a magic word, then blocks, each
// behind the size of its compressed form. The magic word may come again.
// Source: lib/decompress_unlz4.c (v6.12).
func openLZ4(r io.Reader) (io.Reader, error) {
	block := make([]byte, lz4Block)
	var packed []byte
	return &blocks{unpack: func() ([]byte, error) {
		var word [4]byte
		for le32(word[:]) == 0 || le32(word[:]) == lz4Magic {
			if _, err := io.ReadFull(r, word[:]); err != nil {
				return nil, err
			}
		}
		size := le32(word[:])
		if size > lz4Longest {
			return nil, fmt.Errorf("lz4 block of %d compressed bytes; expected at most %d", size, lz4Longest)
		}
		packed = append(packed[:0], make([]byte, size)...)
		if err := full(r, packed); err != nil {
			return nil, err
		}
		n, err := lz4.UncompressBlock(packed, block)
		return block[:max(n, 0)], err
	}}, nil
}

const (
	lzoMagic     = "\x89LZO\x00\r\n\x1a\n"
	lzoBlock     = 256 << 10
	lzoHasFilter = 0x800
)

// openLZO reads the container that lzop writes, the way the kernel does: the
// checksums are skipped, and each block has exactly one.
// Source: lib/decompress_unlzo.c (v6.12).
func openLZO(r io.Reader) (io.Reader, error) {
	if err := lzoHeader(r); err != nil {
		return nil, err
	}
	block, packed := make([]byte, lzoBlock), make([]byte, lzoBlock)
	return &blocks{unpack: func() ([]byte, error) {
		var head [12]byte // uncompressed size, compressed size, checksum; big endian
		if err := full(r, head[:4]); err != nil {
			return nil, err
		}
		size := binary.BigEndian.Uint32(head[:])
		if size == 0 {
			return nil, io.EOF
		}
		if err := full(r, head[4:]); err != nil {
			return nil, err
		}
		from := binary.BigEndian.Uint32(head[4:])
		if size > lzoBlock || from == 0 || from > size {
			return nil, fmt.Errorf("lzo block of %d bytes in %d; expected at most %d, not grown", size, from, lzoBlock)
		}
		if err := full(r, packed[:from]); err != nil {
			return nil, err
		}
		if from == size {
			return packed[:size], nil // stored as it is
		}
		n, err := lzo.Decompress(packed[:from], block[:size])
		if err == nil && n != int(size) {
			err = fmt.Errorf("lzo block unpacks to %d bytes; its head states %d", n, size)
		}
		return block[:size], err
	}}, nil
}

// lzoHeader skips the file header of lzop.
func lzoHeader(r io.Reader) error {
	var head [16]byte // magic, version, library version, version needed, method
	if err := full(r, head[:]); err != nil {
		return err
	}
	if !bytes.HasPrefix(head[:], []byte(lzoMagic)) {
		return errors.New("no lzop header")
	}
	newer := binary.BigEndian.Uint16(head[9:]) >= 0x0940
	skip := func(n int) ([]byte, error) {
		b := make([]byte, n)
		return b, full(r, b)
	}
	if newer {
		if _, err := skip(1); err != nil { // compression level
			return err
		}
	}
	flags, err := skip(4)
	if err != nil {
		return err
	}
	rest := 8 // mode, modification time
	if binary.BigEndian.Uint32(flags)&lzoHasFilter != 0 {
		rest += 4
	}
	if newer {
		rest += 4 // high half of the modification time
	}
	name, err := skip(rest + 1)
	if err != nil {
		return err
	}
	_, err = skip(int(name[rest]) + 4) // file name, checksum
	return err
}
