package image

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"bootplan/linux"
)

// tinyZBoot is a zboot image around a compressed kernel; word tells whether the
// size follows, as it does except for gzip.
func tinyZBoot(compression string, payload []byte, unpacked int, word bool) []byte {
	data := make([]byte, 0x1000+len(payload)+4)
	copy(data, "MZ\x00\x00zimg")
	put(data, 8, uint32(0x1000), uint32(len(payload)))
	copy(data[0x18:], compression)
	put(data, 0x38, uint32(0x818223cd), uint32(0x40))
	copy(data[0x40:], "PE\x00\x00")
	put(data, 0x44, uint16(0xaa64), uint16(1), [3]uint32{}, uint16(160), uint16(0x206))
	put(data, 0x58, optionalHeader{Magic: 0x20b, Entry: 0x1000, SectionAlignment: 0x1000, SizeOfImage: 0x200000, SizeOfHeaders: 0x1000, Subsystem: 10, DLLCharacteristics: 0x100})
	copy(data[0xf8:], ".text")
	put(data, 0xf8+8, uint32(len(data)-0x1000), uint32(0x1000), uint32(len(data)-0x1000), uint32(0x1000))
	put(data, 0xf8+36, uint32(0x60000020))
	copy(data[0x1000:], payload)
	if word {
		binary.LittleEndian.PutUint32(data[0x1000+len(payload):], uint32(unpacked))
	}
	return data
}

func TestReadZBoot(t *testing.T) {
	inner := plainImage("ARM\x64")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(inner)
	z.Close()
	encoder, _ := zstd.NewWriter(nil)
	for name, data := range map[string][]byte{
		"gzip": tinyZBoot("gzip", packed.Bytes(), len(inner), false),
		"zstd": tinyZBoot("zstd22", encoder.EncodeAll(inner, nil), len(inner), true),
	} {
		k := mustRead(t, data, Options{})
		if k.Kind != ZBoot || k.Payload.Compression != name || k.Payload.Uncompressed != uint64(len(inner)) || k.Version != linux.V6_12 {
			t.Errorf("%s: %+v, payload %+v", name, k, k.Payload)
		}
		want := mustRead(t, inner, Options{})
		want.Name = "payload"
		if diff := cmp.Diff(want, k.Inner); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if findings := Lint(k); len(findings) > 0 {
			t.Errorf("%s: %v", name, findings)
		}
	}
}

func TestZBootThatNamesAnotherCompression(t *testing.T) {
	encoder, _ := zstd.NewWriter(nil)
	inner := plainImage("ARM\x64")
	k := mustRead(t, tinyZBoot("gzip2", encoder.EncodeAll(inner, nil), len(inner), true), Options{})
	want := []Finding{{"image-compression-name", 2, `the header says "gzip2", the payload is zstd`}}
	if diff := cmp.Diff(want, Lint(k)); diff != "" {
		t.Fatal(diff)
	}
}

// gzipped is text as gzip packs it, without the size at its end, which is appended
// by those who use it.
func gzipped(text string) []byte {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(text))
	z.Close()
	return packed.Bytes()
}
