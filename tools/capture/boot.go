package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"bootplan/image"
	"bootplan/tools/capture/internal/console"
	"bootplan/tools/capture/internal/gdb"
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
		RunE: func(cmd *cobra.Command, _ []string) error {
			name, err := o.boot(cmd.Context())
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), name)
			}
			return err
		},
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

// boot records one boot and returns the name of the record's file.
func (o *bootOptions) boot(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "capture-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	boot, err := o.prepare(ctx, dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil { // now, not after a boot that takes a minute
		return "", err
	}
	text, err := o.run(ctx, boot, dir)
	if err != nil {
		return "", err
	}
	if err := addFacts(boot, text); err != nil {
		return "", err
	}
	if o.probe != nil {
		o.probe.Immovable(boot)
	}
	return filepath.Join(o.out, boot.Name+".json"), write(boot, text, o.out)
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
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, errors.New("interrupted; nothing was recorded")
	}
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
	client, err := dial(ctx, guest, socket)
	if err != nil {
		return err
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

// dial connects to the debugger stub at socket, which a guest that ends before never makes.
func dial(ctx context.Context, guest *qemu.Guest, socket string) (*gdb.Client, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-guest.Ended():
			stop()
		case <-ctx.Done():
		}
	}()
	client, err := gdb.Dial(ctx, socket)
	if err != nil {
		guest.Stop()
		return nil, fmt.Errorf("%w; QEMU said: %s", err, guest.Stderr())
	}
	return client, nil
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
