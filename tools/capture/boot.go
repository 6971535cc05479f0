package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bootplan/image"
	"bootplan/linux"
	"bootplan/tools/capture/internal/console"
	"bootplan/tools/capture/internal/esp"
	"bootplan/tools/capture/internal/gdb"
	"bootplan/tools/capture/internal/initrd"
	"bootplan/tools/capture/internal/probe"
	"bootplan/tools/capture/internal/qemu"
	"bootplan/tools/capture/internal/record"
)

// seabios is the firmware that needs no file.
const seabios = "seabios"

// bootOptions are the flags of the verb boot.
type bootOptions struct {
	kernel, busybox string
	firmware        string
	vars            string
	firmwareVersion string
	shell           bool
	machine         qemu.Machine
	append          string
	initrdSize      string
	debug           bool
	permissions     bool
	timeout         time.Duration
	name, what, out string

	image *image.Kernel
	probe *probe.Probe // nil without the debugger
}

func newBootCmd() *cobra.Command {
	o := &bootOptions{}
	cmd := &cobra.Command{
		Use:   "boot --kernel FILE",
		Short: "Boot a kernel under QEMU and record it",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.boot(cmd.Context()) },
	}
	f := cmd.Flags()
	f.StringVar(&o.kernel, "kernel", "", "bzImage to boot")
	f.StringVar(&o.firmware, "firmware", seabios, "seabios, ovmf-2m, ovmf-4m, or a file of UEFI firmware")
	f.StringVar(&o.vars, "vars", "", "template of the UEFI variables, if it cannot be told from the firmware's name")
	f.StringVar(&o.firmwareVersion, "firmware-version", "", "version to record, if the file is not of an installed package")
	f.BoolVar(&o.shell, "shell", false, "start the kernel from the UEFI Shell, after its memory map")
	f.StringVar(&o.machine.Type, "machine", "", "QEMU's -machine; q35 with UEFI firmware, else QEMU's default")
	f.StringVar(&o.machine.CPU, "cpu", "max", "QEMU's -cpu")
	f.StringVar(&o.machine.RAM, "ram", "1G", "QEMU's -m")
	f.IntVar(&o.machine.SMP, "smp", 1, "number of CPUs")
	f.StringArrayVar(&o.machine.Options, "qemu", nil, "further argument of QEMU (may be repeated)")
	f.StringVar(&o.append, "append", "", "further kernel options, such as nokaslr")
	f.StringVar(&o.initrdSize, "initrd-size", "", "pad the initial ramdisk with zeros to this size, such as 200M")
	f.BoolVar(&o.debug, "debug", false, "read the boot's own variables with the debugger")
	f.BoolVar(&o.permissions, "permissions", false, "read the page tables at several stops with the debugger")
	f.StringVar(&o.busybox, "busybox", "/bin/busybox", "statically linked busybox")
	f.DurationVar(&o.timeout, "timeout", 4*time.Minute, "end the machine after this time")
	f.StringVar(&o.name, "name", "", "name of the record; made from the options if missing")
	f.StringVar(&o.what, "what", "", "why this boot is recorded")
	f.StringVarP(&o.out, "output", "o", ".", "directory for the record")
	_ = cmd.MarkFlagRequired("kernel") // it is defined above
	return cmd
}

// boot records one boot.
func (o *bootOptions) boot(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "capture-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	boot, err := o.prepare(ctx, dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	text, err := o.run(ctx, boot, dir)
	if err != nil {
		return err
	}
	if err := addFacts(boot, text); err != nil {
		return err
	}
	if o.probe != nil {
		o.probe.Immovable(boot)
	}
	if err := write(boot, text, o.out); err != nil {
		return err
	}
	fmt.Println(filepath.Join(o.out, boot.Name+".json"))
	return nil
}

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
	if err := o.prepareFirmware(boot, dir); err != nil {
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

// prepareFirmware copies the UEFI variables, which firmware writes, into dir.
func (o *bootOptions) prepareFirmware(boot *record.Boot, dir string) error {
	fw := &boot.Firmware
	fw.Loader, fw.Version = "QEMU -kernel (linuxboot option ROM)", o.firmwareVersion
	if !o.uefi() {
		fw.Kind = "SeaBIOS"
		if fw.Machine = o.machine.Type; fw.Machine == "" {
			fw.Machine = "pc (QEMU default)"
		}
		if o.shell {
			return errors.New("--shell: SeaBIOS has no UEFI Shell: expected --firmware ovmf-2m, ovmf-4m or a file")
		}
		return nil
	}
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
	if fw.Version == "" {
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

// run runs the machine to its end and returns what it printed.
func (o *bootOptions) run(ctx context.Context, boot *record.Boot, dir string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	begin := time.Now()
	socket := ""
	if o.debug || o.permissions {
		socket = filepath.Join(dir, "gdb")
	}
	guest, err := qemu.Start(ctx, &o.machine, socket)
	if err != nil {
		return nil, err
	}
	defer guest.Stop()
	if socket != "" {
		if err := o.follow(ctx, guest, socket, boot); err != nil {
			return nil, err
		}
	}
	<-guest.Ended()
	boot.Run.TimedOut = errors.Is(ctx.Err(), context.DeadlineExceeded)
	boot.Run.QEMUStderr = guest.Stderr()
	boot.Run.WallSeconds = math.Round(time.Since(begin).Seconds()*10) / 10
	text := console.Clean(guest.Serial())
	if len(text) == 0 {
		return nil, fmt.Errorf("the machine printed nothing; QEMU said: %s", boot.Run.QEMUStderr)
	}
	return text, nil
}

// follow watches the boot with the debugger at socket.
func (o *bootOptions) follow(ctx context.Context, guest *qemu.Guest, socket string, boot *record.Boot) error {
	file, err := os.ReadFile(o.kernel)
	if err != nil {
		return err
	}
	client, err := gdb.Dial(ctx, socket)
	if err != nil {
		return fmt.Errorf("%w; QEMU said: %s", err, guest.Serial())
	}
	o.probe, err = probe.Follow(ctx, client, probe.Plan{
		Kernel: o.image, File: file, UEFI: o.uefi(), CommandLine: boot.Append, Permissions: o.permissions,
	}, boot)
	if err == nil && o.permissions {
		err = probe.Userspace(ctx, client, guest.Serial, boot)
	}
	if err != nil && ctx.Err() == nil {
		return err
	}
	_ = client.Detach(ctx) // fails where the machine has gone off
	return nil
}

// readKernel reads a bzImage.
func readKernel(name string) (*image.Kernel, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	k, err := image.Read(name, f, info.Size(), image.Options{})
	if err != nil {
		return nil, err
	}
	if k.Kind != image.BzImage || k.Payload == nil || k.VO == nil {
		return nil, fmt.Errorf("%s: a %s image; expected an x86 bzImage (vmlinuz) with a payload", name, k.Kind)
	}
	return k, nil
}
