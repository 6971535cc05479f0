package image

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
	"github.com/ulikunitz/xz/lzma"
)

// format is one way to compress a kernel.
type format struct {
	name  string
	magic string // the two bytes by which lib/decompress.c tells formats apart (v6.12)
	open  func(io.Reader) (io.Reader, error)
}

var formats = []format{
	{"gzip", "\x1f\x8b", openGzip},
	{"bzip2", "BZ", openBzip2},
	{"lzma", "\x5d\x00", openLZMA},
	{"xz", "\xfd7", openXZ},
	{"lzo", "\x89L", openLZO},
	{"lz4", "\x02\x21", openLZ4},
	{"zstd", "\x28\xb5", openZstd},
}

// formatOf tells the format of what begins with data.
func formatOf(data []byte) (format, bool) {
	for _, f := range formats {
		if bytes.HasPrefix(data, []byte(f.magic)) {
			return f, true
		}
	}
	return format{}, false
}

// formatNamed is the format called name, which must exist.
func formatNamed(name string) format {
	return formats[slices.IndexFunc(formats, func(f format) bool { return f.name == name })]
}

// payloadEnds reads how the payload begins, which tells its format, and the word
// at sizeWord that states how many bytes it unpacks to.
func (s *source) payloadEnds(p *Payload, sizeWord uint64) error {
	begin, err := s.bytes(p.Offset, 2, "the payload")
	if err != nil {
		return err
	}
	f, ok := formatOf(begin)
	if !ok {
		return s.errorf(p.Offset, "the payload begins with % x; expected the magic of gzip, bzip2, lzma, xz, lzo, lz4 or zstd", begin)
	}
	end, err := s.bytes(sizeWord, 4, "the payload's size trailer")
	if err != nil {
		return err
	}
	p.Compression, p.Stated = f.name, uint64(le32(end))
	p.Uncompressed = p.Stated
	return nil
}

// streamSize is the size of the compressed stream in a bzImage: without the size
// trailer, which only gzip has by itself.
func (p *Payload) streamSize() uint64 {
	if p.Compression == "gzip" {
		return p.Size
	}
	return p.Size - 4
}

// unpack returns the uncompressed payload, whose stream takes n bytes. As in the
// kernel, which has no more room, it may not yield more bytes than it states; and
// not more than limit.
func (s *source) unpack(p *Payload, n, limit uint64) ([]byte, error) {
	if p.Stated > limit {
		return nil, s.errorf(p.Offset, "the payload states that it unpacks to %d bytes; at most %d are accepted", p.Stated, limit)
	}
	fail := func(err error) error {
		return &Error{File: s.name, Offset: p.Offset, Reason: "cannot unpack the " + p.Compression + " payload", Err: err}
	}
	stream, err := formatNamed(p.Compression).open(bufio.NewReaderSize(s.section(p.Offset, n), 1<<16))
	if err != nil {
		return nil, fail(err)
	}
	out := bytes.NewBuffer(make([]byte, 0, p.Stated+bytes.MinRead)) // address space only, until bytes come
	if _, err := out.ReadFrom(io.LimitReader(stream, int64(p.Stated)+1)); err != nil {
		return nil, fail(err)
	}
	if uint64(out.Len()) > p.Stated {
		return nil, s.errorf(p.Offset, "the %s payload unpacks to more than the %d bytes that it states", p.Compression, p.Stated)
	}
	sum := sha256.Sum256(out.Bytes())
	p.Uncompressed, p.SHA256 = uint64(out.Len()), hex.EncodeToString(sum[:])
	return out.Bytes(), nil
}

// maxWindow is the largest history that a decompressor may keep. The build uses at
// most 128 MiB (zstd -22, xz).
const maxWindow = 128 << 20

func openGzip(r io.Reader) (io.Reader, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return z, nil
}

func openBzip2(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }

func openLZMA(r io.Reader) (io.Reader, error) {
	return lzma.ReaderConfig{DictCap: maxWindow}.NewReader(r)
}

func openXZ(r io.Reader) (io.Reader, error) {
	z, err := xz.NewReader(r, maxWindow)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return z, nil
}

func openZstd(r io.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
}
