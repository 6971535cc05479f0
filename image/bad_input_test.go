package image

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

// zstdBomb is a zstd frame whose header claims 4 GiB of content in one segment.
var zstdBomb = []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00, 0x00}

func TestBadInputIsAnErrorThatNamesThePlace(t *testing.T) {
	good := newTiny(t, "zst").bytes()
	patch := func(at int, values ...any) []byte {
		data := bytes.Clone(good)
		put(data, at, values...)
		return data
	}
	payload := func(file string, size uint32, change func([]byte) []byte) []byte {
		x := newTiny(t, file)
		x.payload = binary.LittleEndian.AppendUint32(change(x.payload[:len(x.payload)-4]), size)
		x.setup.PayloadLength = uint32(len(x.payload))
		return x.bytes()
	}
	whole := func(b []byte) []byte { return b }
	half := func(b []byte) []byte { return b[:len(b)/2] }
	be32 := func(b []byte, at int, v uint32) []byte { binary.BigEndian.PutUint32(b[at:], v); return b }

	for _, c := range []struct {
		name   string
		data   []byte
		offset uint64
		reason string // a part of it
	}{
		{"empty file", nil, 0, "the file is empty; expected a bzImage"},
		{"garbage", []byte("\x01\x02garbage"), 0, "not a kernel image (it begins with 01 02 67 61 72 62 61 67); expected a bzImage"},
		{"one byte", []byte("M"), 0, "not a kernel image (it begins with 4d)"},
		{"PE file that is no kernel", append([]byte("MZ"), make([]byte, 500)...), 0, "a DOS or PE file without a Linux kernel's header"},
		{"compressed file", []byte("\x1f\x8b\x08\x00"), 0, "a gzip-compressed file; unpack it first"},
		{"setup header cut off", good[:0x230], 0x1f1, "expected 0x7b bytes of the setup header here, but the file ends at 0x230; is it truncated?"},
		{"real-mode part cut off", good[:0x900], 0x1f1, "setup_sects says that the real-mode part takes 0x1000 bytes, but the file ends at 0x900"},
		{"version text outside", patch(0x20e, uint16(0x3000)), 0x20e, "kernel_version points to 0x3200, behind the real-mode part"},
		{"kernel_info outside", patch(0x268, uint32(0xfffffff0)), 0x100000ff0, "expected 0x10 bytes of kernel_info here"},
		{"kernel_info without magic", patch(0x268, uint32(0)+4), 0x1004, `kernel_info begins with "\x00\x00\x00\x00"; expected "LToP"`},
		{"payload outside", patch(0x248, uint32(0x7fffffff)), 0x248, "make the payload [0x80000fff,"},
		{"payload cut off", good[:0x1500], 0x248, "but the file ends at 0x1500; is it truncated?"},
		{"payload too short", patch(0x24c, uint32(3)), 0x24c, "payload_length is 3; expected a compressed kernel"},
		{"payload of unknown kind", patch(0x1400, uint16(0xfeed)), 0x1400, "the payload begins with ed fe; expected the magic of gzip"},
		{"PE header outside", patch(0x3c, uint32(0xffff0000)), 0xffff0000, "expected 0x18 bytes of the PE header here"},
		{"PE header without magic", patch(0x40, uint32(0)), 0x40, `the PE header begins with "\x00\x00\x00\x00"`},
		{"PE optional header of unknown kind", patch(0x58, uint16(0x107)), 0x58, "begins with 0x107; expected 0x10b (PE32) or 0x20b (PE32+)"},
		{"too many sections", patch(0x46, uint16(0xffff)), 0xf8, "expected 0x27ffd8 bytes of the section headers here"},
		{"more than is stated", payload("zst", tinyUnpacked-1, whole), 0x1400, "the zstd payload unpacks to more than the 2578555 bytes that it states"},
		{"states 4 GiB", payload("zst", 0xffffffff, whole), 0x1400, "states that it unpacks to 4294967295 bytes; at most 1073741824 are accepted"},
		{"zstd frame of 4 GiB", payload("zst", 1<<30, func([]byte) []byte { return zstdBomb }), 0x1400, "cannot unpack the zstd payload: decompressed size exceeds configured limit"},
		{"gzip ends early", payload("gz", tinyUnpacked, half), 0x1400, "cannot unpack the gzip payload: unexpected EOF"},
		{"bzip2 ends early", payload("bz2", tinyUnpacked, half), 0x1400, "cannot unpack the bzip2 payload: unexpected EOF"},
		{"lzma ends early", payload("lzma", tinyUnpacked, half), 0x1400, "cannot unpack the lzma payload: unexpected EOF"},
		{"xz ends early", payload("xz", tinyUnpacked, half), 0x1400, "cannot unpack the xz payload: xz: data is truncated or corrupt"},
		{"lzo ends early", payload("lzo", tinyUnpacked, half), 0x1400, "cannot unpack the lzo payload: unexpected EOF"},
		{"lz4 ends early", payload("lz4", tinyUnpacked, half), 0x1400, "cannot unpack the lz4 payload: unexpected EOF"},
		{"zstd ends early", payload("zst", tinyUnpacked, half), 0x1400, "cannot unpack the zstd payload: unexpected EOF"},
		{"lzma dictionary of 2 GiB", payload("lzma", tinyUnpacked, func(b []byte) []byte { b[4] = 0x80; return b }), 0x1400, "cannot unpack the lzma payload"},
		{"lzo without its header", payload("lzo", tinyUnpacked, func(b []byte) []byte { b[5] = 'x'; return b }), 0x1400, "no lzop header"},
		{"lzo block too large", payload("lzo", tinyUnpacked, func(b []byte) []byte { return be32(b, 0x26, 1<<20) }), 0x1400, "cannot unpack the lzo payload: lzo block of 1048576 bytes"},
		{"lz4 block too large", payload("lz4", tinyUnpacked, func(b []byte) []byte { binary.LittleEndian.PutUint32(b[4:], 1<<30); return b }), 0x1400, "lz4 block of 1073741824 compressed bytes; expected at most"},
		{"no ELF inside", payload("gz", 5, func([]byte) []byte { return gzipped("hello") }), 0, "expected 0x10 bytes of the ELF header here, but the file ends at 0x5"},
		{"text inside", payload("gz", 64, func([]byte) []byte { return gzipped(strings.Repeat("hello, w", 8)) }), 0, "the file begins with 68 65 6c 6c; expected an ELF file"},
	} {
		_, err := readBytes(c.data, Options{})
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want an *Error", c.name, err)
			continue
		}
		if e.Offset != c.offset || !strings.Contains(e.Error(), c.reason) || !strings.HasPrefix(e.File, "tiny") {
			t.Errorf("%s: got %q, offset %#x; want %q at %#x", c.name, e, e.Offset, c.reason, c.offset)
		}
	}
}

func TestBadELFIsAnErrorThatNamesThePlace(t *testing.T) {
	good := tinyVmlinux(t)
	patch := func(at int, values ...any) []byte {
		data := bytes.Clone(good)
		put(data, at, values...)
		return data
	}
	for _, c := range []struct {
		name   string
		data   []byte
		offset uint64
		reason string
	}{
		{"cut off", good[:0x30], 0, "expected 0x40 bytes of the ELF header here"},
		{"big endian", patch(5, uint8(2)), 5, "ELF data encoding 2; expected 1, little endian"},
		{"unknown class", patch(4, uint8(3)), 4, "ELF class 3; expected 1 (32 bits) or 2 (64 bits)"},
		{"program headers of another size", patch(54, uint16(32)), 0, "sizes of file, program and section headers as 64, 32 and 64; expected 64, 56 and 64"},
		{"program headers outside", patch(32, uint64(1)<<63), 1 << 63, "expected 0xa8 bytes of the ELF program headers here"},
		{"segment that wraps", patch(64+24, ^uint64(0)-1), 64, "ELF program header 0: 0x275300 bytes at 0xfffffffffffffffe wrap around 2^64"},
		{"section headers outside", patch(40, ^uint64(0)), 1<<64 - 1, "expected 0x200 bytes of the ELF section headers here"},
		{"names outside", patch(2578008+7*64+24, uint64(1)<<40), 1 << 40, "expected 0x2e bytes of the ELF section names here"},
	} {
		_, err := readBytes(c.data, Options{})
		var e *Error
		if !errors.As(err, &e) || e.Offset != c.offset || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%s: got %v; want %q at %#x", c.name, err, c.reason, c.offset)
		}
	}
}

func TestBadZBootIsAnErrorThatNamesThePlace(t *testing.T) {
	for _, c := range []struct {
		name   string
		data   []byte
		offset uint64
		reason string
	}{
		{"header cut off", []byte("MZ\x00\x00zimg\x00\x10"), 0, "expected 0x3c bytes of the zboot header here"},
		{"payload outside", tinyZBoot("zstd", zstdBomb, 0, true)[:0x1004], 8, "the zboot header puts the payload at 0x1000 with 0xc bytes, but the file has 0x1004 bytes"},
		{"size word outside", tinyZBoot("zstd", zstdBomb, 0, true)[:0x100c], 0x100c, "expected 0x4 bytes of the payload's size trailer here"},
		{"no kernel inside", tinyZBoot("gzip", gzipped("hello"), 5, false), 0, "not a kernel image (it begins with 68 65 6c 6c 6f)"},
	} {
		_, err := readBytes(c.data, Options{})
		var e *Error
		if !errors.As(err, &e) || e.Offset != c.offset || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%s: got %v; want %q at %#x", c.name, err, c.reason, c.offset)
		}
	}
}

// broken is a disk that cannot be read from some place on.
type broken struct {
	io.ReaderAt
	from int64
}

func (b broken) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > b.from {
		return 0, errors.New("disk on fire")
	}
	return b.ReaderAt.ReadAt(p, at)
}

func TestReadErrorsNameThePlace(t *testing.T) {
	data := newTiny(t, "zst").bytes()
	for from, want := range map[int64]string{ // the first place behind from that is read
		0x10:   "tiny: at 0x0: cannot read the beginning of the image: disk on fire",
		0x400:  "tiny: at 0x800: cannot read the version text: disk on fire",
		0x1600: "tiny: at 0x17bb: cannot read the payload's size trailer: disk on fire",
	} {
		_, err := Read("tiny", broken{bytes.NewReader(data), from}, int64(len(data)), Options{NoPayload: true})
		if err == nil || err.Error() != want {
			t.Errorf("from %#x on: got %v, want %s", from, err, want)
		}
	}
}
