package record

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"

	"bootplan/image"
)

// Kernel are facts of the kernel image, read from its file; of a machine whose log is all
// there is, only the version.
type Kernel struct {
	File            string `json:"file,omitempty"`
	Version         string `json:"version"`
	FileSize        uint64 `json:"file_size,omitempty"`
	SHA256          string `json:"sha256,omitempty"`
	InitSize        Hex    `json:"init_size,omitempty"`
	PrefAddress     Hex    `json:"pref_address,omitempty"`
	KernelAlignment Hex    `json:"kernel_alignment,omitempty"`
	PayloadOffset   Hex    `json:"payload_offset,omitempty"`
	PayloadLength   Hex    `json:"payload_length,omitempty"`
	XLoadFlags      Hex    `json:"xloadflags,omitempty"`
	SetupSects      Hex    `json:"setup_sects,omitempty"`
	SysSize         Hex    `json:"syssize,omitempty"`
	Compression     string `json:"compression,omitempty"`
	OutputLen       Hex    `json:"z_output_len,omitempty"`
	TotalSize       Hex    `json:"kernel_total_size,omitempty"` // _end - _text
	AllocationSize  Hex    `json:"allocation_size,omitempty"`
}

// ReadKernel reads the bzImage called name, which k describes.
func ReadKernel(name string, k *image.Kernel) (*Kernel, error) {
	sum, err := sha256Of(name)
	if err != nil {
		return nil, err
	}
	h := k.Setup
	return &Kernel{
		File: filepath.Base(name), Version: k.Release, FileSize: k.FileSize, SHA256: sum,
		InitSize: Hex(h.InitSize), PrefAddress: Hex(h.PrefAddress), KernelAlignment: Hex(h.KernelAlignment),
		PayloadOffset: Hex(h.PayloadOffset), PayloadLength: Hex(h.PayloadLength),
		XLoadFlags: Hex(h.XLoadFlags), SetupSects: Hex(h.SetupSects), SysSize: Hex(h.SysSize),
		Compression: k.Payload.Compression, OutputLen: Hex(k.Payload.Uncompressed),
		TotalSize: Hex(k.VO.TotalSize), AllocationSize: Hex(k.NeededSize()),
	}, nil
}

func sha256Of(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
