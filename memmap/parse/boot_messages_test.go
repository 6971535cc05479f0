package parse

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBootMessages: a verbose decompressor's lines, in the form that the source's
// macros print; the same words in the kernel's own log belong to nobody.
func TestBootMessages(t *testing.T) {
	const log = "SeaBIOS (version 1.16.2)\r\n" +
		"EFI stub: Loaded initrd from command line option\r\r\n" +
		"early console in extract_kernel\n" +
		"input_data: 0x0000000004b222cc\n" +
		"input_len: 0x0000000000b4a230\n" +
		"output: 0x0000000001000000\n" +
		"output_len: 0x00000000036fa00c\n" +
		"kernel_total_size: 0x0000000002c30000\n" +
		"needed_size: 0x0000000003800000\n" +
		"trampoline_32bit: 0x000000000009d000\n" +
		"output: none\n" +
		"some output: 0x1\n" +
		"\n\nKASLR disabled: 'nokaslr' on cmdline.\n\n" +
		"Decompressing Linux... Parsing ELF... No relocation needed... done.\n" +
		"Booting the kernel (entry_offset: 0x0000000000000b53).\n" +
		"[    0.000000] Linux version 6.12.117+deb12-amd64 (debian-kernel@lists.debian.org)\n" +
		"output: 0x2\n" +
		"EFI stub: again\n"
	doc, err := ReadLog("log", strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	want := BootMessages{
		Stub:         []string{"Loaded initrd from command line option"},
		Decompressor: []string{"KASLR disabled: 'nokaslr' on cmdline."},
		Values: []BootValue{
			{"input_data", 0x4b222cc}, {"input_len", 0xb4a230}, {"output", 0x1000000}, {"output_len", 0x36fa00c},
			{"kernel_total_size", 0x2c30000}, {"needed_size", 0x3800000}, {"trampoline_32bit", 0x9d000}, {"entry_offset", 0xb53},
		},
	}
	if diff := cmp.Diff(want, doc.Log.Boot); diff != "" {
		t.Error(diff)
	}
	if v, ok := doc.Log.Boot.Value("needed_size"); v != 0x3800000 || !ok {
		t.Errorf("needed_size: %#x %v", v, ok)
	}
	if _, ok := doc.Log.Boot.Value("heap"); ok {
		t.Error("heap was not printed")
	}
}
