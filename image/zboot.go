package image

// ZBootHeader is the header of an EFI zboot image.
// Source: drivers/firmware/efi/libstub/zboot-header.S (v6.12).
type ZBootHeader struct {
	PayloadOffset uint32 `json:"payload_offset"` // in the file
	PayloadSize   uint32 `json:"payload_size"`   // without the size word behind it, except for gzip
	Compression   string `json:"compression"`    // comp_type: "gzip", "zstd", …
	LinuxMagic    uint32 `json:"linux_magic"`    // 0x818223cd; 0 in v6.1
}
