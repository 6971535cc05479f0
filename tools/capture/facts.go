package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"bootplan/tools/capture/internal/console"
	"bootplan/tools/capture/internal/record"
)

func newFactsCmd() *cobra.Command {
	var kernel, out string
	cmd := &cobra.Command{
		Use:   "facts LOG",
		Short: "Write the record of a boot whose log and report are in LOG",
		Long: `Reads a serial log, or the output of dmesg followed by that of the script, and
writes NAME.json and NAME.log. Without the report there are fewer facts.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return writeFacts(args[0], kernel, out) },
	}
	cmd.Flags().StringVar(&kernel, "kernel", "", "the kernel image that booted; its facts become part of the record")
	cmd.Flags().StringVarP(&out, "output", "o", ".", "directory for the record")
	return cmd
}

func writeFacts(log, kernel, dir string) error {
	serial, err := os.ReadFile(log)
	if err != nil {
		return err
	}
	text := console.Clean(serial)
	boot := &record.Boot{
		Name:   strings.TrimSuffix(filepath.Base(log), filepath.Ext(log)),
		Kernel: &record.Kernel{Version: console.Release(text)},
	}
	if kernel != "" {
		k, err := readKernel(kernel)
		if err != nil {
			return err
		}
		if boot.Kernel, err = record.ReadKernel(kernel, k); err != nil {
			return err
		}
	}
	if boot.Kernel.Version == "" {
		return fmt.Errorf(`%s: no line with "Linux version": expected the output of dmesg, or a serial log, of a whole boot`, log)
	}
	if err := addFacts(boot, text); err != nil {
		return err
	}
	return write(boot, text, dir)
}

// addFacts adds what the console says to boot.
func addFacts(boot *record.Boot, text []byte) error {
	facts, err := console.Facts(boot.Name+".log", text)
	if err != nil {
		return err
	}
	boot.Facts = *facts
	boot.KASLR.Off = facts.KASLR.Off || slices.Contains(strings.Fields(boot.Append), "nokaslr")
	boot.Run.ReachedUserspace = console.UserspaceReached(text)
	if version := console.FirmwareVersion(text); boot.Firmware.Version == "" {
		boot.Firmware.Version = version
	}
	return nil
}

// write writes the record and the log into dir.
func write(boot *record.Boot, text []byte, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	statement, err := boot.Write()
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, boot.Name+".log"), text); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, boot.Name+".json"), statement)
}

// writeFile writes the whole file or none.
func writeFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".capture-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Chmod(f.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
