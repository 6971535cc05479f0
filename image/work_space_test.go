package image

import "testing"

// TestWorkSpaceFits: what the decoder of each kernel with a profile takes fits into the
// heap that its build gave it, and what that of zstd takes would not fit into the heap of
// the others: builds with zstd have a larger one.
func TestWorkSpaceFits(t *testing.T) {
	for _, name := range Profiles() {
		k, err := Profile(name)
		if err != nil {
			t.Fatal(err)
		}
		if k.Decompressor == nil || k.Payload == nil || k.Decompressor.HeapSize == 0 {
			continue
		}
		if need := WorkSpace(k.Payload.Compression); need >= k.Decompressor.HeapSize {
			t.Errorf("%s: %s takes %#x bytes of a heap of %#x", name, k.Payload.Compression, need, k.Decompressor.HeapSize)
		}
	}
	const usual = 0x10000
	for compression, fits := range map[string]bool{"gzip": true, "xz": true, "lzma": true, "lz4": true, "lzo": true, "zstd": false} {
		if got := WorkSpace(compression) < usual; got != fits {
			t.Errorf("%s: fits into the usual heap: %v, expected %v", compression, got, fits)
		}
	}
}
