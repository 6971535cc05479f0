package initrd

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	_ "embed"
	"errors"
	"fmt"
)

// Report is the script that prints the facts of the boot that is running: command line,
// /proc/iomem, kernel symbols and values, boot_params, firmware maps. It needs root and
// bash, or busybox's shell. What the kernel does not show is left out.
//
//go:embed report.sh
var Report string

//go:embed init.sh
var initScript string

// Build returns the gzip-compressed initial ramdisk. busybox is a statically linked
// busybox. The same busybox gives the same bytes.
func Build(busybox []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	err = writeCPIO(z, []entry{
		{name: "bin", mode: directory},
		{name: "dev", mode: directory},
		{name: "proc", mode: directory},
		{name: "sys", mode: directory},
		{name: "dev/console", mode: terminal, device: 1},
		{name: "bin/busybox", mode: executable, data: busybox},
		{name: "init", mode: executable, data: []byte(initScript)},
		{name: "report.sh", mode: executable, data: []byte(Report)},
	})
	if err != nil {
		return nil, err
	}
	err = z.Close()
	return out.Bytes(), err
}

// CheckStatic refuses a busybox that needs a dynamic linker, which the initial ramdisk
// does not have.
func CheckStatic(busybox []byte) error {
	f, err := elf.NewFile(bytes.NewReader(busybox))
	if err != nil {
		return fmt.Errorf("expected a program in ELF form: %w", err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("linked dynamically; expected a static one (Debian: apt-get install busybox-static)")
		}
	}
	return nil
}
