// Package esp makes FAT volumes from which UEFI firmware starts a kernel through the
// script that its Shell runs by itself. It drives mtools.
package esp

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Names on the volume.
const (
	kernelName = "vmlinuz.efi"
	InitrdName = "initrd.gz"
	scriptName = "startup.nsh"
)

// Lines that the script prints around the memory map.
const (
	mapBegin = "MEMMAP-BEFORE-START"
	mapEnd   = "MEMMAP-BEFORE-END"
)

// Script is what the Shell runs: it prints the memory map and starts the kernel with
// the initial ramdisk and the options in append.
func Script(options string) string {
	return strings.Join([]string{
		"@echo -off",
		"echo " + mapBegin,
		"memmap",
		"echo " + mapEnd,
		"fs0:",
		`\` + kernelName + ` initrd=\` + InitrdName + " " + options,
		"",
	}, "\n")
}

// minSectors is the least size of a volume, 40 MiB in sectors of 512 bytes.
const minSectors = 80 << 10

// Write makes the volume image from the kernel and the initial ramdisk, two files, and
// the options of the kernel.
func Write(image, kernel, initrd, options string) error {
	script := filepath.Join(filepath.Dir(image), scriptName)
	if err := os.WriteFile(script, []byte(Script(options)), 0o644); err != nil {
		return err
	}
	files := [][2]string{{kernel, kernelName}, {initrd, InitrdName}, {script, scriptName}}
	sectors, err := sectorsFor(files)
	if err != nil {
		return err
	}
	if err := mtool("mformat", "-C", "-i", image, "-T", fmt.Sprint(sectors), "::"); err != nil {
		return err
	}
	for _, f := range files {
		if err := mtool("mcopy", "-i", image, f[0], "::/"+f[1]); err != nil {
			return err
		}
	}
	return nil
}

// sectorsFor is the size of a volume with room for the files and the tables.
func sectorsFor(files [][2]string) (int64, error) {
	bytes := int64(0)
	for _, f := range files {
		info, err := os.Stat(f[0])
		if err != nil {
			return 0, err
		}
		bytes += info.Size()
	}
	return max(minSectors, bytes/512*5/4), nil
}

// mtool runs a program of mtools.
func mtool(args ...string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=1")
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s was not found: install mtools (Debian: apt-get install mtools)", args[0])
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
