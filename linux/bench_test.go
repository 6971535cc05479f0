package linux

import "testing"

// A command line of an installed system.
const installed = "BOOT_IMAGE=/boot/vmlinuz-6.12.0-amd64 root=UUID=2f9d0a1c-7a3a-4bfe-9d2e-0c1f7b6a5d11 ro quiet splash " +
	"console=tty0 console=ttyS0,115200n8 crashkernel=512M"

func BenchmarkNextArg(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(installed)))
	for b.Loop() {
		for rest := installed; rest != ""; {
			_, rest = NextArg(rest)
		}
	}
}

func BenchmarkFindOptionBool(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(installed)))
	for b.Loop() {
		if FindOptionBool(0x20000, installed+" xnokaslr", "nokaslr") {
			b.Fatal("found")
		}
	}
}
