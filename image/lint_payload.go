package image

import (
	"fmt"
	"strings"

	"bootplan/rule"
)

var payloadChecks = []check{
	{rule.Rule{
		ID: "image-payload-range", Severity: rule.Error, Title: "the payload reaches beyond the protected-mode part",
		Text: "payload_offset and payload_length say where the compressed kernel lies inside the protected-mode part, and syssize says how long that part is. " +
			"If the payload reaches further, a loader that loads what syssize says leaves out its end, and decompression fails.",
		Sources: []string{"Documentation/arch/x86/boot.rst (v6.12)"},
	}, payloadRange},
	{rule.Rule{
		ID: "image-payload-size", Severity: rule.Error, Title: "the payload unpacks to another size than it states",
		Text: "The last four bytes of the payload state how many bytes come out of it. " +
			"Every size that a boot computes follows from that word: the buffer, the margin for decompression in place, the candidates for address randomisation. " +
			"If less comes out, the relocation table is not where the kernel looks for it; if more, decompression stops.",
		Sources: []string{"arch/x86/boot/compressed/mkpiggy.c (v6.12)", "drivers/firmware/efi/libstub/zboot.c (v6.12)"},
	}, payloadSize},
	{rule.Rule{
		ID: "image-compression-name", Severity: rule.Error, Title: "the zboot header names another compression than the payload has",
		Text: "Boot loaders that unpack a zboot image themselves go by the name in its header, while the code inside the image knows one format only. " +
			"If the name is wrong the image boots on EFI firmware and fails with such a loader.",
		Sources: []string{"drivers/firmware/efi/libstub/zboot-header.S (v6.12)"},
	}, compressionName},
	{rule.Rule{
		ID: "image-segment-wx", Severity: rule.Info, Title: "a segment of the kernel is writable and executable",
		Text: "The program headers of x86 kernels ask for one segment that is writable and executable: code and data that are thrown away after start-up lie in it together. " +
			"A loader that maps the kernel by its program headers would have to give up W^X there; the decompressor does not look at these flags.",
		Sources: []string{"arch/x86/kernel/vmlinux.lds.S (v6.12)"},
	}, segmentWX},
}

func payloadRange(k *Kernel) []string {
	if k.Setup == nil || k.Payload == nil || k.described() == 0 {
		return nil
	}
	if end := k.Payload.Offset + k.Payload.Size; end > k.described() {
		return []string{fmt.Sprintf("the payload ends at %#x in the file, what the header describes at %#x", end, k.described())}
	}
	return nil
}

func payloadSize(k *Kernel) []string {
	if p := k.Payload; p != nil && p.Stated != p.Uncompressed {
		return []string{fmt.Sprintf("the payload states %d bytes and unpacks to %d", p.Stated, p.Uncompressed)}
	}
	return nil
}

// compressionName admits the names of the build's rules, "zstd22" and "xzkern" too.
func compressionName(k *Kernel) []string {
	if k.ZBootHeader == nil || strings.HasPrefix(k.ZBootHeader.Compression, k.Payload.Compression) {
		return nil
	}
	return []string{fmt.Sprintf("the header says %q, the payload is %s", k.ZBootHeader.Compression, k.Payload.Compression)}
}

func segmentWX(k *Kernel) []string {
	if k.ELF == nil {
		return nil
	}
	var messages []string
	for s := range k.ELF.Loads {
		if s.Perm == "rwx" {
			messages = append(messages, fmt.Sprintf("the segment at %#x, %#x bytes, is rwx", s.Paddr, s.Memsz))
		}
	}
	return messages
}
