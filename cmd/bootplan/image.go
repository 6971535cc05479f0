package main

import (
	"errors"

	"github.com/spf13/cobra"

	"bootplan/image"
)

func newImageCmd(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "image",
		Short: "What is in this kernel image, and what do its headers promise?",
		Long: `Reads a bzImage (vmlinuz), an EFI zboot image, an ELF vmlinux, or an arm64, RISC-V or
LoongArch Image. The kind is told from the content.`,
	}, newImageShowCmd(a), newImageLintCmd(a))
}

// imageSource is where the verbs below image get kernels from: files, or profiles.
type imageSource struct {
	profiles []string
	options  image.Options
}

// addFlags registers the flags that choose what is read.
func (s *imageSource) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&s.profiles, "profile", nil, "an embedded profile of a real kernel instead of a file")
	cmd.Flags().BoolVar(&s.options.NoPayload, "no-payload", false, "read the headers only; unpack nothing")
}

// each calls yield with the kernel of every file and every profile. A file that
// cannot be read does not keep the others from being read: the errors come last.
func (s *imageSource) each(a *app, paths []string, yield func(*image.Kernel) error) error {
	if len(paths)+len(s.profiles) == 0 {
		return errors.New("expected a kernel image file, - for standard input, or --profile NAME")
	}
	var failed []error
	read := func(k *image.Kernel, err error) error {
		if err != nil {
			failed = append(failed, err)
			return nil
		}
		return yield(k)
	}
	for _, path := range paths {
		if err := read(a.readKernel(path, s.options)); err != nil {
			return err
		}
	}
	for _, name := range s.profiles {
		if err := read(image.Profile(name)); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}
