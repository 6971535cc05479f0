package record

import (
	"bytes"
	"encoding/json"
)

// Boot is one recorded boot.
type Boot struct {
	Name        string   `json:"name"`
	What        string   `json:"what"` // why this boot was made, if that is not obvious
	Run         Run      `json:"capture"`
	QEMU        string   `json:"qemu,omitempty"`
	CommandLine string   `json:"command_line,omitempty"` // of QEMU, file names only
	StartupNsh  string   `json:"startup_nsh,omitempty"`  // script of the UEFI Shell
	Firmware    Firmware `json:"firmware"`
	RAM         string   `json:"ram_option,omitempty"`
	CPU         string   `json:"cpu,omitempty"`
	SMP         int      `json:"smp,omitempty"`
	Kernel      *Kernel  `json:"kernel,omitempty"`
	Append      string   `json:"kernel_append,omitempty"`
	Initrd      *Initrd  `json:"initrd,omitempty"`

	Facts

	Decompressor *Decompressor `json:"decompressor,omitempty"`
	EFIStub      *EFIStub      `json:"efi_stub,omitempty"`
	Trampoline   *Trampoline   `json:"la57_trampoline_32bit,omitempty"`
	KernelEntry  *KernelEntry  `json:"kernel_entry,omitempty"`
	Debugger     *Debugger     `json:"debugger,omitempty"`
	EFIMapAtUse  []EFIMapped   `json:"efi_map_at_kernel_allocation,omitempty"` // what the stub chose from
	Permissions  []Permissions `json:"page_permissions,omitempty"`
}

// Run says how the recording went.
type Run struct {
	TimedOut         bool    `json:"timed_out"`
	ReachedUserspace bool    `json:"reached_userspace"`
	QEMUStderr       string  `json:"qemu_stderr"`
	WallSeconds      float64 `json:"wall_seconds,omitempty"`
}

// Firmware says what started the kernel.
type Firmware struct {
	Kind    string `json:"kind,omitempty"`  // "SeaBIOS", "OVMF"
	Build   string `json:"build,omitempty"` // file name of the UEFI firmware
	Version string `json:"version"`
	Machine string `json:"machine,omitempty"` // of QEMU
	Loader  string `json:"loader,omitempty"`
}

// Initrd is the initial ramdisk as it was given to the loader.
type Initrd struct {
	File    string `json:"file"`
	Size    int64  `json:"size"` // bytes
	SizeHex Hex    `json:"size_hex"`
}

// Write returns the boot as indented JSON that ends with a newline.
func (b *Boot) Write() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(b)
	return out.Bytes(), err
}
