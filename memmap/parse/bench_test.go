package parse

import (
	"bytes"
	"fmt"
	"os"
	"testing"
)

// A log of 1 MB with a small map in much noise that resembles map lines.
func BenchmarkReadKernelLog(b *testing.B) {
	head, err := os.ReadFile("testdata/bios-q35-4g-612-memmap-add.log")
	if err != nil {
		b.Fatal(err)
	}
	text := bytes.NewBuffer(head)
	for i := 0; text.Len() < 1<<20; i++ {
		fmt.Fprintf(text, "[    %d.000000] pci 0000:00:%02x.0: BAR 0 [mem 0xfd000000-0xfdffffff pref]: assigned\n", i, i%32)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read("log", bytes.NewReader(text.Bytes()), ""); err != nil {
			b.Fatal(err)
		}
	}
}

// What a map line costs.
func BenchmarkReadMapLines(b *testing.B) {
	var text bytes.Buffer
	for i := range 10000 {
		fmt.Fprintf(&text, "[    0.000000] efi: mem%02d: [Boot Data   |   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x%016x-0x%016x] (0MB)\n", i, i<<12, i<<12|0xfff)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read("log", bytes.NewReader(text.Bytes()), ""); err != nil {
			b.Fatal(err)
		}
	}
}
