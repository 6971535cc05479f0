package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"bootplan/image"
	"bootplan/memmap"
	"bootplan/sim/report"
)

func newImageShowCmd(a *app) *cobra.Command {
	var source imageSource
	cmd := &cobra.Command{
		Use:   "show FILE…|--profile NAME",
		Short: "What is in this kernel image, and what will it need?",
		Long: `Shows what a kernel image consists of and which memory it will need. -v adds every
field of the setup header and the layout of the decompressor. With --json each image
is one object on a line of its own.`,
		Example: `  bootplan image show /boot/vmlinuz
  bootplan image show --no-payload --json vmlinuz
  bootplan image show --profile debian-6.12 -v`,
		RunE: func(_ *cobra.Command, paths []string) error {
			shown := 0
			return source.each(a, paths, func(k *image.Kernel) error {
				if shown++; shown > 1 && !a.json && !a.quiet {
					fmt.Fprintln(a.out)
				}
				return a.showImage(k)
			})
		},
	}
	source.addFlags(cmd)
	return cmd
}

func (a *app) showImage(k *image.Kernel) error {
	if a.json {
		text, err := json.Marshal(k)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.out, "{\"schema\":%q,%s\n", schema, text[1:])
		return err
	}
	fmt.Fprintf(a.out, "%s.\n", imageAnswer(k))
	if a.quiet {
		return nil
	}
	for _, part := range []func(io.Writer, *image.Kernel) error{imageParts, imageSections, imageSegments} {
		if err := part(a.out, k); err != nil {
			return err
		}
	}
	if a.verbose {
		if err := imageFields(a.out, k); err != nil {
			return err
		}
	}
	for _, note := range k.Notes {
		a.note("%s: %s", k.Name, note)
	}
	return nil
}

// imageAnswer says in a sentence what the image is and what it needs.
func imageAnswer(k *image.Kernel) string {
	words := []string{string(k.Kind)}
	if k.Kind == image.BzImage {
		words[0] = "bzImage"
	}
	if k.Payload != nil {
		words = append(words, k.Payload.Compression)
	}
	words = append(words, report.Size(k.FileSize))
	release := k.Release
	if release == "" {
		release = "of unknown version"
	}
	return "Linux " + release + ", " + strings.Join(words, ", ") + imageNeed(k)
}

func imageNeed(k *image.Kernel) string {
	switch {
	case k.Setup != nil && k.Setup.InitSize > 0:
		return fmt.Sprintf("; needs %s at %#x, or at another multiple of %s",
			report.Size(uint64(k.Setup.InitSize)), k.Setup.PrefAddress, report.Size(uint64(k.Setup.KernelAlignment)))
	case k.ImageHeader != nil:
		return fmt.Sprintf("; needs %s", report.Size(k.ImageHeader.ImageSize))
	case k.Inner != nil:
		return imageNeed(k.Inner)
	case k.ELF != nil:
		return fmt.Sprintf("; needs %s", k.ELF.LoadSpan())
	}
	return ""
}

// imageTable prints a table under a title, or nothing if it has no rows.
func imageTable(w io.Writer, title string, columns []report.Column, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintf(w, "\n%s\n", title)
	for i := range rows {
		rows[i][0] = "  " + rows[i][0]
	}
	return report.Table(w, columns, rows)
}

// bytesAt is the cells of n bytes at an offset.
func bytesAt(offset, n uint64) []string { return []string{fmt.Sprintf("%#x", offset), report.Size(n)} }

var placeColumns = []report.Column{{}, {Right: true}, {}}

func imageParts(w io.Writer, k *image.Kernel) error {
	var rows [][]string
	part := func(offset, n uint64, format string, args ...any) {
		rows = append(rows, append(bytesAt(offset, n), fmt.Sprintf(format, args...)))
	}
	if h := k.Setup; h != nil {
		part(0, k.SetupBytes(), "real-mode part, boot protocol %d.%02d", h.Version>>8, h.Version&0xff)
		part(k.SetupBytes(), k.ProtectedModeBytes(), "protected-mode part, loaded at %#x if the loader has no better idea", h.Code32Start)
	}
	if p := k.Payload; p != nil {
		part(p.Offset, p.Size, "%s payload, unpacks to %s", p.Compression, report.Size(p.Uncompressed))
	}
	if d := k.Decompressor; d != nil && k.Setup != nil {
		part(k.SetupBytes()+d.Relocated, d.BSS-d.Relocated, "decompressor, %s more in memory", report.Size(d.End-d.BSS))
	}
	if p := k.PE; p != nil && p.SignatureSize > 0 {
		part(uint64(p.SignatureOffset), uint64(p.SignatureSize), "signature")
	}
	return imageTable(w, "in the file", placeColumns, rows)
}

func imageSections(w io.Writer, k *image.Kernel) error {
	if k.PE == nil {
		return nil
	}
	promise := "does not promise NX_COMPAT"
	if k.PE.NXCompat() {
		promise = "promises NX_COMPAT"
	}
	title := fmt.Sprintf("PE image of %s, aligned to %s, %s", report.Size(uint64(k.PE.SizeOfImage)), report.Size(uint64(k.PE.SectionAlignment)), promise)
	var rows [][]string
	for _, s := range k.PE.Sections {
		row := append([]string{s.Name, s.Perm()}, bytesAt(uint64(s.VirtualAddress), uint64(s.VirtualSize))...)
		rows = append(rows, append(row, bytesAt(uint64(s.RawOffset), uint64(s.RawSize))...))
	}
	return imageTable(w, title, []report.Column{
		{Title: "  section"}, {}, {Title: "in memory"}, {Right: true}, {Title: "in the file"}, {Right: true},
	}, rows)
}

func imageSegments(w io.Writer, k *image.Kernel) error {
	if k.ELF == nil {
		return nil
	}
	title := fmt.Sprintf("kernel, entered at %#x", k.ELF.Entry)
	if k.VO != nil {
		title += ", needs " + report.Size(k.VO.TotalSize)
	}
	var rows [][]string
	for s := range k.ELF.Loads {
		where := memmap.Range{Start: s.Paddr, End: s.Paddr + s.Memsz}
		rows = append(rows, append([]string{s.Perm, where.Short()}, bytesAt(s.Offset, s.Filesz)...))
	}
	return imageTable(w, title, []report.Column{
		{Title: "  segment"}, {Title: "physical"}, {Title: "in the ELF file"}, {Right: true},
	}, rows)
}

// imageFields prints every field of the parts that have many.
func imageFields(w io.Writer, k *image.Kernel) error {
	for _, part := range k.Parts() {
		var rows [][]string
		for _, f := range part.Fields {
			rows = append(rows, []string{f.Name, f.Value})
		}
		if err := imageTable(w, part.Name, []report.Column{{}, {}}, rows); err != nil {
			return err
		}
	}
	return nil
}
