package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"bootplan/linux"
	"bootplan/tools/capture/internal/esp"
	"bootplan/tools/capture/internal/initrd"
	"bootplan/tools/capture/internal/qemu"
	"bootplan/tools/capture/internal/record"
)

// prepare makes the files that the machine needs in dir and states the boot's setup.
func (o *bootOptions) prepare(ctx context.Context, dir string) (*record.Boot, error) {
	version, err := qemu.Version(ctx)
	if err != nil {
		return nil, err
	}
	boot := &record.Boot{What: o.what, QEMU: "QEMU " + version + " (TCG)", RAM: o.machine.RAM, CPU: o.machine.CPU, SMP: o.machine.SMP}
	if o.image, err = readKernel(o.kernel); err != nil {
		return nil, err
	}
	if boot.Kernel, err = record.ReadKernel(o.kernel, o.image); err != nil {
		return nil, err
	}
	if o.uefi() {
		err = o.prepareUEFI(&boot.Firmware, dir)
	} else {
		err = o.prepareSeaBIOS(&boot.Firmware)
	}
	if err != nil {
		return nil, err
	}
	boot.Append = o.options()
	o.machine.Kernel, o.machine.Append = o.kernel, boot.Append
	if boot.Initrd, err = o.prepareInitrd(dir); err != nil {
		return nil, err
	}
	if o.shell {
		boot.StartupNsh = esp.Script(boot.Append)
		o.machine.Disk = filepath.Join(dir, "esp.img")
		if err := esp.Write(o.machine.Disk, o.kernel, o.machine.Initrd, boot.Append); err != nil {
			return nil, err
		}
	}
	boot.CommandLine = o.machine.CommandLine()
	if boot.Name = o.name; boot.Name == "" {
		boot.Name = o.defaultName(boot)
	}
	return boot, nil
}

func (o *bootOptions) uefi() bool { return o.firmware != seabios }

// options are those of the kernel: everything on the serial port, then what was asked for.
func (o *bootOptions) options() string {
	words := []string{"console=ttyS0", "ignore_loglevel", "earlyprintk=serial,ttyS0,115200", "log_buf_len=1M"}
	if o.uefi() {
		words = append(words, "efi=debug")
	}
	words = append(words, strings.Fields(o.append)...)
	return strings.Join(append(words, "memblock=debug"), " ")
}

// prepareSeaBIOS states the firmware that QEMU has itself; it says its version when it runs.
func (o *bootOptions) prepareSeaBIOS(fw *record.Firmware) error {
	if o.shell {
		return errors.New("--shell: SeaBIOS has no UEFI Shell: expected --firmware ovmf-2m, ovmf-4m or a file")
	}
	fw.Kind, fw.Loader = "SeaBIOS", "QEMU -kernel (linuxboot option ROM)"
	if fw.Machine = o.machine.Type; fw.Machine == "" {
		fw.Machine = "pc (QEMU default)"
	}
	return nil
}

// prepareUEFI states the firmware and copies its variables, which it writes, into dir.
func (o *bootOptions) prepareUEFI(fw *record.Firmware, dir string) error {
	code, vars, err := qemu.FindFirmware(o.firmware, o.vars)
	if err != nil {
		return err
	}
	if o.machine.Type == "" {
		o.machine.Type = "q35"
	}
	template, err := os.ReadFile(vars)
	if err != nil {
		return err
	}
	o.machine.Code, o.machine.Vars = code, filepath.Join(dir, filepath.Base(vars))
	fw.Kind, fw.Build, fw.Machine = "OVMF", filepath.Base(code), o.machine.Type
	if fw.Version = o.firmwareVersion; fw.Version == "" {
		fw.Version = qemu.FirmwareVersion(code)
	}
	fw.Loader = "QEMU -kernel (fw_cfg, loaded by OVMF as a PE image)"
	if o.shell {
		fw.Loader = "UEFI Shell startup.nsh from a FAT volume"
	}
	return os.WriteFile(o.machine.Vars, template, 0o600)
}

func (o *bootOptions) prepareInitrd(dir string) (*record.Initrd, error) {
	busybox, err := os.ReadFile(o.busybox)
	if err != nil {
		return nil, fmt.Errorf("%w: install busybox-static (Debian: apt-get install busybox-static), or name one with --busybox", err)
	}
	if err := initrd.CheckStatic(busybox); err != nil {
		return nil, fmt.Errorf("%s: %w", o.busybox, err)
	}
	data, err := initrd.Build(busybox)
	if err != nil {
		return nil, err
	}
	if data, err = o.padded(data); err != nil {
		return nil, err
	}
	o.machine.Initrd = filepath.Join(dir, esp.InitrdName)
	size := int64(len(data))
	return &record.Initrd{File: esp.InitrdName, Size: size, SizeHex: record.Hex(size)}, os.WriteFile(o.machine.Initrd, data, 0o600)
}

// padded appends zeros, which the kernel skips, up to --initrd-size.
func (o *bootOptions) padded(data []byte) ([]byte, error) {
	size, rest := linux.Memparse(o.initrdSize, linux.V6_12)
	if rest != "" || o.initrdSize != "" && size < uint64(len(data)) {
		return nil, fmt.Errorf("--initrd-size %s: expected a number such as 200M, of at least %d bytes", o.initrdSize, len(data))
	}
	return append(data, make([]byte, max(size, uint64(len(data)))-uint64(len(data)))...), nil
}

// defaultName says firmware, RAM, kernel and options: "bios-1g-6.12.117-nokaslr".
func (o *bootOptions) defaultName(boot *record.Boot) string {
	firmware := "bios"
	switch {
	case o.shell:
		firmware = "shell"
	case o.uefi():
		firmware = "ovmf"
	}
	release, _, _ := strings.Cut(boot.Kernel.Version, "+")
	release = strings.TrimSuffix(release, "-amd64")
	words := []string{firmware, strings.ToLower(o.machine.RAM), release}
	if o.machine.CPU != "max" {
		words = append(words, strings.NewReplacer(",", "", "=", "", "max", "").Replace(o.machine.CPU))
	}
	return strings.ReplaceAll(strings.Join(append(words, strings.Fields(o.append)...), "-"), "/", "")
}
