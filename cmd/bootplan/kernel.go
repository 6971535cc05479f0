package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"bootplan/image"
	"bootplan/memmap"
)

// readKernel reads the kernel image at path, "-" for standard input.
func (a *app) readKernel(path string, o image.Options) (*image.Kernel, error) {
	if path == "-" {
		in, err := a.stdin()
		if err != nil {
			return nil, err
		}
		return readKernelStream(standardInput, in, o)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s: is a directory: expected a kernel image file", path)
	case !info.Mode().IsRegular():
		return readKernelStream(path, f, o)
	}
	return image.Read(path, f, info.Size(), o)
}

// maxKernelStream is how much of a stream is kept, which has no size and no way back.
const maxKernelStream = 1 * memmap.GiB

// readKernelStream reads a kernel image from something that is not a file.
func readKernelStream(name string, r io.Reader, o image.Options) (*image.Kernel, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(maxKernelStream)+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if uint64(len(data)) > maxKernelStream {
		return nil, fmt.Errorf("%s: more than 1 GiB: expected a kernel image", name)
	}
	return image.Read(name, bytes.NewReader(data), int64(len(data)), o)
}
