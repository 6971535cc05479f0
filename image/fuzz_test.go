package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// small keeps hostile payloads cheap.
var small = Options{MaxPayload: 4 << 20}

// checkRead reads data as an image: whatever it is, the outcome is a kernel that can
// be judged and shown, or an *Error that names the file.
func checkRead(t *testing.T, data []byte) {
	k, err := readBytes(data, small)
	var e *Error
	if err != nil {
		if !errors.As(err, &e) || e.File == "" || e.Reason == "" {
			t.Fatalf("%#v is no *Error", err)
		}
		return
	}
	Lint(k)
	k.Parts()
	if _, err := json.Marshal(k); err != nil {
		t.Fatal(err)
	}
}

func FuzzRead(f *testing.F) {
	for _, file := range []string{"gz", "bz2", "lzma", "xz", "lzo", "lz4", "zst"} {
		f.Add(newTiny(f, file).bytes())
	}
	f.Add(plainImage("ARM\x64")[:0x1000])
	f.Fuzz(checkRead)
}

// FuzzPE puts hostile headers into the real-mode part of a good image.
func FuzzPE(f *testing.F) {
	good := newTiny(f, "zst").bytes()
	f.Add(good[:setupHeaderStart])
	f.Fuzz(func(t *testing.T, headers []byte) {
		data := bytes.Clone(good)
		copy(data[2:setupHeaderStart], headers)
		s := &source{"tiny", bytes.NewReader(data), uint64(len(data))}
		k := &Kernel{FileSize: s.size}
		if s.pe(k) == nil {
			Lint(k)
		}
	})
}

// FuzzELF puts hostile headers before and behind the segments of an ELF file.
func FuzzELF(f *testing.F) {
	vmlinux := tinyVmlinux(f)
	f.Add(append(bytes.Clone(vmlinux[:0x100]), vmlinux[2578008:]...))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &source{"elf", bytes.NewReader(data), uint64(len(data))}
		file, err := s.elf()
		if err != nil {
			return
		}
		vo := file.linkFacts()
		vo.agree(machineCode{3, data})
		if file.FileEnd < 52 {
			t.Fatalf("the file ends at %d, before its header does", file.FileEnd)
		}
	})
}

func FuzzZBoot(f *testing.F) {
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	inner := plainImage("ARM\x64")
	f.Add(tinyZBoot("zstd22", encoder.EncodeAll(inner, nil), len(inner), true))
	f.Add(tinyZBoot("gzip", gzipped("MZ"), 2, false))
	f.Fuzz(checkRead)
}

// unpackAll reads at most 1 MiB of what open makes of data.
func unpackAll(open func(io.Reader) (io.Reader, error), data []byte) ([]byte, error) {
	r, err := open(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, 1<<20))
}

func FuzzLZO(f *testing.F) {
	seed, err := os.ReadFile("testdata/payload.lzo")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add(seed[:0x40])
	f.Fuzz(func(t *testing.T, data []byte) { unpackAll(openLZO, data) })
}

func FuzzLZ4(f *testing.F) {
	seed, err := os.ReadFile("testdata/payload.lz4")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte("\x02\x21\x4c\x18\x02\x21\x4c\x18\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		unpackAll(openLZ4, data)
		if again, err := unpackAll(openLZ4, packLZ4(data)); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x came back as %x, %v", data, again, err)
		}
	})
}

// packLZ4 writes data in legacy frames of one block each.
func packLZ4(data []byte) []byte {
	var packed []byte
	for len(data) > 0 {
		n := min(len(data), 1000)
		block := make([]byte, lz4.CompressBlockBound(n))
		var c lz4.Compressor
		size, err := c.CompressBlock(data[:n], block)
		if err != nil {
			panic(err)
		}
		head := make([]byte, 8)
		put(head, 0, uint32(lz4Magic), uint32(size))
		packed = append(append(packed, head...), block[:size]...)
		data = data[n:]
	}
	return packed
}
