package linux

import "testing"

func TestBIOSWordsStart(t *testing.T) {
	for words, want := range map[BIOSWords]uint64{
		{BaseKiB: 639, EBDASegment: 0x9fc0}: 0x9f000, // SeaBIOS
		{}:                                  0x9f000, // OVMF
		{BaseKiB: 625, EBDASegment: 0x9fc0}: 0x9c400, // iPXE keeps base memory
		{BaseKiB: 512}:                      0x80000,
		{BaseKiB: 127}:                      0x9f000,
		{BaseKiB: 128}:                      0x20000,
		{BaseKiB: 640, EBDASegment: 0x9c00}: 0x9c000,
		{BaseKiB: 640, EBDASegment: 0x2000}: 0x20000,
		{BaseKiB: 640, EBDASegment: 0x1fff}: 0x9f000,
	} {
		if got := words.Start(); got != want {
			t.Errorf("%+v: %#x, want %#x", words, got, want)
		}
	}
}
