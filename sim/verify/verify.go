// Package verify holds the model against recorded truth: recordings of real boots, and
// golden vectors that the real kernel's own code computed.
//
// A recording is a [Capture], in JSON or read from a log, or a case: a run of the real
// decompressor that a debugger stopped. ReadBoots reads them; [Boot.Verify] makes a
// scenario of what was recorded, simulates it, and compares fact by fact. What cannot be
// predicted from a recording is listed with the reason. The reader is in capture*.go; each
// kind of facts has one file boot_*.go.
//
// A vector file is JSON Lines, one case a line, {"name", "in", "want"}; its name
// begins with the name of the function that it drives ("kaslr_changed_7_2.jsonl"
// drives "kaslr"). Each driven function has one file here that says how to run the
// model on "in" and in which shape to state what it computed.
package verify

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// ErrUnsupported is what a runner returns (wrapped) for a case that the model cannot run.
var ErrUnsupported = errors.New("not supported by the model")

// A runner computes what the model says about one case. The result, written as
// JSON, must equal the case's "want"; absent, null and empty values are equal.
type runner struct {
	function string // what is driven, as a person names it
	run      func(in json.RawMessage) (any, error)
}

// runners by the beginning of the file name; the longest that fits counts.
var runners = map[string]runner{
	// one line per driven function, sorted
	"bench_kaslr":                {"choose_random_location", runKASLR},
	"bench_random_alloc":         {"efi_random_alloc", runEFIRandomAlloc},
	"bios_regions":               {"reserve_bios_regions", runBIOSRegions},
	"e820_ops":                   {"e820__range_add, e820__range_update, e820__range_remove, e820__update_table", runE820Ops},
	"e820_setup":                 {"e820__memory_setup, e820__memory_setup_extended", runE820Setup},
	"e820_user":                  {"parse_memopt, parse_memmap_opt, e820__finish_early_params", runE820User},
	"early_memory":               {"the memory sequence of setup_arch", runEarlyMemory},
	"edk2_guard":                 {"EDK2's memory services with heap guard", runEDK2},
	"edk2_pages":                 {"EDK2's page services", runEDK2},
	"edk2_pool":                  {"EDK2's pool services", runEDK2},
	"efi_allocate_pages":         {"efi_allocate_pages", runEFIAllocatePages},
	"efi_allocate_pages_aligned": {"efi_allocate_pages_aligned", runEFIAllocatePagesAligned},
	"efi_decompress_kernel":      {"efi_decompress_kernel", runEFIDecompressKernel},
	"efi_low_alloc_above":        {"efi_low_alloc_above", runEFILowAllocAbove},
	"efi_memmap":                 {"efi_clean_memmap, efi_remove_e820_mmio, efi_reserve_boot_services", runEFIMemmap},
	"efi_options":                {"parse_options of the EFI stub", runEFIOptions},
	"efi_random_alloc":           {"efi_random_alloc", runEFIRandomAlloc},
	"efi_relocate_kernel":        {"efi_relocate_kernel", runEFIRelocateKernel},
	"extract_kernel":             {"extract_kernel", runExtractKernel},
	"handle_relocations":         {"handle_relocations", runHandleRelocations},
	"identmap":                   {"initialize_identity_maps, kernel_add_identity_map", runIdentMap},
	"kaslr":                      {"choose_random_location", runKASLR},
	"kaslr_random":               {"kaslr_get_random_long", runKASLRRandom},
	"malloc":                     {"malloc, free", runMalloc},
	"memblock":                   {"mm/memblock.c", runMemblock},
	"memblock_numa":              {"mm/memblock.c with NUMA", runMemblockNUMA},
	"parse_elf":                  {"parse_elf", runParseELF},
	"randomize_memory":           {"kernel_randomize_memory", runRandomizeMemory},
	"setup_e820":                 {"allocate_e820, setup_e820", runSetupE820},
	"trampoline":                 {"find_trampoline_placement", runTrampoline},
}

// Failure is one case in which the model differs from the truth.
type Failure struct {
	Name string          `json:"name"`
	Got  json.RawMessage `json:"got"`
	Want json.RawMessage `json:"want"`
	Diff []string        `json:"diff"` // "path: got … want …"
}

// File is the outcome of one vector file.
type File struct {
	File        string    `json:"file"`
	Function    string    `json:"function"`
	Cases       int       `json:"cases"`
	Passed      int       `json:"passed"`
	Failed      int       `json:"failed"`
	Unsupported int       `json:"unsupported"`
	Failures    []Failure `json:"failures"`
}

// runnerFor returns the runner for a file name; ok is false if no model is driven by it.
func runnerFor(file string) (r runner, ok bool) {
	base := strings.TrimSuffix(filepath.Base(file), ".jsonl")
	best := ""
	for prefix := range runners {
		fits := base == prefix || strings.HasPrefix(base, prefix+"_")
		if fits && len(prefix) > len(best) {
			best = prefix
		}
	}
	r, ok = runners[best]
	return r, ok
}

// Vectors runs every case of one vector file. A line that is no case is an error
// that names the line, and so is a file without any.
func Vectors(file string, data io.Reader) (File, error) {
	r, known := runnerFor(file)
	out := File{File: file, Function: r.function, Failures: []Failure{}}
	lines := bufio.NewReaderSize(data, 1<<20)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return out, fmt.Errorf("%s:%d: %w", file, n, err)
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			if caseErr := out.add(r, known, text); caseErr != nil {
				return out, fmt.Errorf("%s:%d: %w", file, n, caseErr)
			}
		}
		if err == io.EOF && out.Cases == 0 {
			return out, fmt.Errorf("%s: no vectors in it: expected one JSON object a line", file)
		}
		if err == io.EOF {
			return out, nil
		}
	}
}

// add runs one case and counts its outcome.
func (f *File) add(r runner, known bool, line []byte) error {
	var c struct {
		Name string          `json:"name"`
		In   json.RawMessage `json:"in"`
		Want json.RawMessage `json:"want"`
	}
	if err := json.Unmarshal(line, &c); err != nil {
		return fmt.Errorf("no vector: expected a JSON object: %w", err)
	}
	if c.In == nil || c.Want == nil {
		return fmt.Errorf("no vector: expected an object with \"name\", \"in\" and \"want\"")
	}
	f.Cases++
	if !known {
		f.Unsupported++
		return nil
	}
	got, err := r.run(c.In)
	if errors.Is(err, ErrUnsupported) {
		f.Unsupported++
		return nil
	}
	if err != nil {
		return fmt.Errorf("case %s: %w", c.Name, err)
	}
	gotJSON, err := json.Marshal(got)
	if err != nil {
		return fmt.Errorf("case %s: %w", c.Name, err)
	}
	diff, err := difference(gotJSON, c.Want)
	if err != nil {
		return fmt.Errorf("case %s: %w", c.Name, err)
	}
	if len(diff) == 0 {
		f.Passed++
		return nil
	}
	f.Failed++
	f.Failures = append(f.Failures, Failure{c.Name, gotJSON, c.Want, diff})
	return nil
}
