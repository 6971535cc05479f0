package image

import (
	"bytes"
	"io"
	"strings"
)

// Options choose how much of an image is read.
type Options struct {
	NoPayload  bool   // read the headers only: a few kilobytes
	MaxPayload uint64 // refuse payloads that unpack to more bytes; 0 is 1 GiB
}

// maxPayload is what Options.MaxPayload stands for when it is 0.
const maxPayload = 1 << 30

// Read reads the kernel image of size bytes behind r; name is what errors call it.
// An image that breaks its own format, or is no kernel, gives an *Error. Facts that
// merely cannot be found stay zero or nil, and Notes says so.
func Read(name string, r io.ReaderAt, size int64, opts Options) (*Kernel, error) {
	if opts.MaxPayload == 0 {
		opts.MaxPayload = maxPayload
	}
	s := &source{name, r, uint64(max(size, 0))}
	k, err := s.kernel(opts)
	if err != nil {
		return nil, err
	}
	k.setVersion()
	return k, nil
}

// kernel reads the image whatever its kind.
func (s *source) kernel(opts Options) (*Kernel, error) {
	head, err := s.upTo(0, 0x400, "the beginning of the image")
	if err != nil {
		return nil, err
	}
	k := &Kernel{Name: s.name, FileSize: s.size}
	switch k.Kind = kindOf(head); k.Kind {
	case BzImage:
		err = s.bzImage(k, opts)
	case ZBoot:
		err = s.zboot(k, opts)
	case Vmlinux:
		err = s.vmlinux(k, opts)
	case Arm64, RISCV, LoongArch:
		err = s.plainImage(k, opts)
	default:
		err = s.stranger(head)
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// kindOf tells the kind of an image by the magic numbers at its beginning; it is
// empty for a file that is no kernel image.
func kindOf(head []byte) Kind {
	at := func(offset int, magic string) bool {
		return len(head) >= offset && bytes.HasPrefix(head[offset:], []byte(magic))
	}
	switch {
	case at(0x1fe, "\x55\xaa") && at(0x202, "HdrS"):
		return BzImage
	case at(0, "MZ\x00\x00zimg"):
		return ZBoot
	case at(0, "\x7fELF"):
		return Vmlinux
	case at(0x38, "ARM\x64"):
		return Arm64
	case at(0x38, "RSC\x05"):
		return RISCV
	case at(0, "MZ") && at(0x40, "PE\x00\x00\x64\x62"):
		return LoongArch
	}
	return ""
}

const expectedKinds = "expected a bzImage (vmlinuz), an EFI zboot image, an ELF vmlinux, or an arm64, RISC-V or LoongArch Image"

// stranger is the error for a file that is no kernel image.
func (s *source) stranger(head []byte) error {
	if len(head) == 0 {
		return s.errorf(0, "the file is empty; %s", expectedKinds)
	}
	if f, ok := formatOf(head); ok {
		return s.errorf(0, "a %s-compressed file; unpack it first, then %s", f.name, expectedKinds)
	}
	if strings.HasPrefix(string(head), "MZ") {
		return s.errorf(0, "a DOS or PE file without a Linux kernel's header; %s", expectedKinds)
	}
	return s.errorf(0, "not a kernel image (it begins with % x); %s", head[:min(8, len(head))], expectedKinds)
}
