package main

import (
	"fmt"
	"os"

	"bootplan/image"
)

// readKernel reads a kernel image file.
func readKernel(path string, o image.Options) (*image.Kernel, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s: is a directory: expected a kernel image file", path)
	}
	return image.Read(path, f, info.Size(), o)
}
