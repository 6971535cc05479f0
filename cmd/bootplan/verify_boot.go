package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"bootplan/image"
	"bootplan/sim/verify"
)

func newVerifyBootCmd(a *app) *cobra.Command {
	var images []string
	cmd := &cobra.Command{
		Use:   "boot PATH…",
		Short: "Does the model predict what a real boot did?",
		Long: `Simulates recorded boots and compares, fact by fact: the memory map, every place that
boot code chose, the kernel's own first steps, page permissions, faults. A recording is a
JSON file as tools/capture writes it, or a serial or kernel log; of a folder, every file
that ends in .json or .log, a log only where no JSON has its name.

What random numbers chose that were not recorded must be among the places there were.
What cannot be predicted from a recording is listed with the reason, never as equal.

Exit status: 1 a fact differs; 2 a recording could not be read.`,
		Example: `  bootplan verify boot dmesg.txt            what your machine did, against the model
  bootplan verify boot boots/               all recordings of a folder; with -v every fact of each
  bootplan verify boot --kernel vmlinuz dmesg.txt`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, paths []string) error { return a.verifyBoot(paths, images) },
	}
	cmd.Flags().StringArrayVar(&images, "kernel", nil, "kernel image that recorded boots ran, where no embedded profile has its facts (repeatable)")
	return cmd
}

// bootResult is the JSON answer of verify boot.
type bootResult struct {
	Schema       string              `json:"schema"`
	Boots        []verify.BootReport `json:"boots"`
	Equal        int                 `json:"equal"`
	Differ       int                 `json:"differ"`
	NotPredicted int                 `json:"not_predicted"`
}

func (a *app) verifyBoot(paths, images []string) error {
	kernels, err := a.knownKernels(images)
	if err != nil {
		return err
	}
	boots, err := a.readBoots(paths)
	if err != nil {
		return err
	}
	result := bootResult{Schema: schema, Boots: []verify.BootReport{}}
	for _, b := range boots {
		report := b.Verify(kernels)
		result.Boots = append(result.Boots, report)
		result.Equal += report.Equal
		result.Differ += report.Differ
		result.NotPredicted += report.NotPredicted
	}
	if err := a.printBoots(result); err != nil {
		return err
	}
	if result.Differ > 0 {
		return status(exitFindings)
	}
	return nil
}

// knownKernels are the embedded profiles and the images that the user names.
func (a *app) knownKernels(images []string) (*verify.Kernels, error) {
	kernels, err := verify.Profiles()
	if err != nil {
		return nil, err
	}
	for _, name := range images {
		file, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("--kernel: %w", err)
		}
		k, err := image.Read(name, bytes.NewReader(file), int64(len(file)), image.Options{})
		if err != nil {
			return nil, fmt.Errorf("--kernel: %w", err)
		}
		sum := sha256.Sum256(file)
		kernels.Add(k, hex.EncodeToString(sum[:]))
	}
	return kernels, nil
}

// readBoots reads the recordings that paths name.
func (a *app) readBoots(paths []string) ([]verify.Boot, error) {
	var boots []verify.Boot
	for _, path := range paths {
		files, isFolder, err := recordings(path)
		if err != nil {
			return nil, err
		}
		found := len(boots)
		for _, file := range files {
			text, err := a.readFile(file)
			if err != nil {
				return nil, err
			}
			more, err := verify.ReadBoots(file, text)
			if isFolder && errors.Is(err, verify.ErrNoCapture) {
				a.note("%s is no recording of a boot: left out", file)
				continue
			}
			if err != nil {
				return nil, err
			}
			boots = append(boots, more...)
		}
		if len(boots) == found {
			return nil, fmt.Errorf("%s: no recordings of boots: expected files that end in .json or .log", path)
		}
	}
	return boots, nil
}

// recordings expands a folder into the recordings below it, sorted. A log is left out
// where a JSON file beside it has its name.
func recordings(path string) (files []string, isFolder bool, err error) {
	if path == "-" {
		return []string{path}, false, nil
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, false, err
	}
	err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(name); err == nil && !d.IsDir() && (ext == ".json" || ext == ".log") {
			files = append(files, name)
		}
		return err
	})
	return slices.DeleteFunc(files, func(name string) bool {
		stem, isLog := strings.CutSuffix(name, ".log")
		return isLog && slices.Contains(files, stem+".json")
	}), true, err
}

func (a *app) printBoots(r bootResult) error {
	if a.json {
		return json.NewEncoder(a.out).Encode(r)
	}
	return a.printBootText(r)
}
