package verify

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRecordedBoots holds every recording of a real boot against its simulation: no
// fact differs, and only those are not predicted for which there is a reason that a
// person accepted.
func TestRecordedBoots(t *testing.T) {
	kernels := profiles(t)
	names, read := recordingsEnding(t, ".json")
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			for _, r := range verifyAll(t, name, read(name), kernels) {
				for _, f := range r.Facts {
					if differs(f) {
						t.Errorf("%s: %s: predicted %v, recorded %v", r.Name, f.Name, f.Predicted, f.Recorded)
					}
				}
				if len(r.Facts) == 0 {
					t.Errorf("%s: no facts", r.Name)
				}
				if diff := cmp.Diff(unpredictable(r), factsWhere(r, notPredicted)); diff != "" {
					t.Errorf("%s: not predicted (-accepted +found):\n%s", r.Name, diff)
				}
			}
		})
	}
}

// TestRecordedCases: all 330 runs of the KASLR code and all 88 of the paging switch that
// a debugger recorded are read.
func TestRecordedCases(t *testing.T) {
	for name, want := range map[string]int{"kaslr_slot_cases.json": 330, "trampoline_cases.json": 88} {
		if got := len(verifyAll(t, name, recording(t, name), profiles(t))); got != want {
			t.Errorf("%s: %d cases, want %d", name, got, want)
		}
	}
}

// unpredictable are the facts of a recording that no model can predict from it, in the
// order of the report.
func unpredictable(r BootReport) []string {
	ended := strings.Contains(r.Name, "ovmf-128m") || strings.Contains(r.Name, "pol") && strings.Contains(r.Name, "510")
	panicked := r.Name == "shell-2g-72-exactmap" // when it had read its options
	return factsWhere(r, func(f Fact) bool {
		switch {
		case strings.Contains(r.Name, "arm64"), strings.Contains(r.Name, "loong64"):
			return true
		case f.Name == "read-only pages of memory given back at userspace":
			return true // what becomes of it depends on every driver
		case strings.HasPrefix(f.Name, "wx_bytes_ram at") && r.Design != "bzimage" && f.Reason == ownImages:
			return true
		case f.Name == "pe_image", f.Name == "pe_entry":
			return !strings.Contains(r.Name, "shell") // only the Shell printed a map before it loaded the kernel
		case f.Name == "kernel_block":
			return r.Name == "ovmf-128m-61-nokaslr" // the stub of 6.1 does not notice that there is none
		case f.Name == "boot_params":
			return ended || panicked // no kernel that could print the map after
		case f.Name == "paging_trampoline", f.Name == "paging_trampoline_code", f.Name == "kernel_entry", f.Name == "memblock_reserved":
			return panicked // and none that could tell where it ran
		case f.Name == "initrd": // iPXE and GRUB keep memory at the end of RAM for themselves
			return r.Name == "ipxe-pc-512m-61-nokaslr" || r.Name == "grub-pc-512m-61-nokaslr"
		}
		return false
	})
}

// TestRecordedLogs: a log alone tells fewer facts, all of which hold.
func TestRecordedLogs(t *testing.T) {
	kernels := profiles(t)
	names, read := recordingsEnding(t, ".log")
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			for _, r := range verifyAll(t, name, read(name), kernels) {
				for _, f := range r.Facts {
					if differs(f) {
						t.Errorf("%s: predicted %v, recorded %v", f.Name, f.Predicted, f.Recorded)
					}
				}
			}
		})
	}
}

// TestWrongValues: each recorded value that is changed makes the facts differ that state
// it, and no other.
func TestWrongValues(t *testing.T) {
	kernels := profiles(t)
	for _, c := range []struct {
		boot, path string // of the value in the recording
		value      any
		want       []string
	}{
		{"bios-pc-1g-612-nokaslr", "capture/reached_userspace", false, []string{"outcome"}},
		{"bios-pc-1g-612-nokaslr", "boot_messages/0", "KASLR disabled: no reason", []string{"messages"}},
		{"bios-pc-1g-612-nokaslr", "decompressor/boot_params", "0x14790", []string{"boot_params"}},
		{"bios-pc-1g-612-nokaslr", "decompressor/relocated_end", "0x47ef000", []string{"relocated_image"}},
		{"bios-pc-1g-612-nokaslr", "decompressor/relocated_bss", "0x4789008", []string{"relocated_bss"}},
		{"bios-pc-1g-612-nokaslr", "decompressor/output_initial", "0x1200000", []string{"output_without_randomness"}},
		{"bios-pc-1g-612-nokaslr", "la57_trampoline_32bit/executed", false, []string{"paging_switch"}},
		{"bios-pc-1g-612-nokaslr", "la57_trampoline_32bit/base", "0x9c000", []string{"paging_trampoline"}},
		{"bios-pc-1g-612-nokaslr", "e820/1/type", "ACPI data", []string{"e820"}},
		{"bios-pc-1g-612-nokaslr", "e820_changes/0", "e820: update [mem 0x00000000-0x00001fff] usable ==> reserved", []string{"e820_changes"}},
		{"bios-pc-1g-612-nokaslr", "paging/pgtable_l5_enabled", 0, []string{
			// The kernel's own steps are predicted from the paging mode that it was entered in.
			"paging_levels", "page_offset_base", "vmalloc_base", "vmemmap_base",
		}},
		{"bios-pc-1g-612-nokaslr", "la57_trampoline_32bit/code_page", "0x9d000", []string{"paging_trampoline_code"}},
		{"bios-pc-1g-612-nokaslr", "debugger/needed_size", "0x3801000", []string{"needed_size"}},
		{"bios-pc-1g-612-nokaslr", "kernel_physical/code/1", "0x1fffffe", []string{"kernel_code"}},
		{"bios-pc-1g-612-nokaslr", "kernel_physical/rodata/1", "0x2b71fff", []string{"kernel_rodata"}},
		{"bios-pc-1g-612-nokaslr", "kernel_physical/data/0", "0x2c01000", []string{"kernel_data"}},
		{"bios-pc-1g-612-nokaslr", "kernel_physical/bss/1", "0x3bffffe", []string{"kernel_bss"}},
		{"bios-pc-1g-612-nokaslr", "iomem/1", "00001000-0009fbfe : System RAM", []string{"system_ram"}},
		{"bios-pc-1g-612-nokaslr", "kernel_values/vmalloc_base", "0xffa0000000001000", []string{"vmalloc_base"}},
		{"bios-pc-1g-612-nokaslr", "kernel_values/max_pfn", "0x3ffe1", []string{"max_pfn"}},
		{"bios-pc-1g-612-nokaslr", "memblock_reserve/2/start", "0x3c01000", []string{"memblock_reserved"}},
		{"bios-pc-1g-612-nokaslr", "memblock_configuration/0", "memory[0x0] nothing", []string{"memblock"}},
		{"bios-pc-1g-612-nokaslr", "real_mode_trampoline/phys", "0x97000", []string{"realmode_trampoline"}},
		{"bios-pc-1g-612-nokaslr", "placement/kernel_phys_end", "0x3c31000", []string{"kernel_end"}},
		{"bios-pc-1g-612-nokaslr", "kernel_entry/address", "0x1000000", []string{"kernel_entry"}},
		{"bios-pc-2g-61c-kaslr", "debugger/kaslr_tables/slot_max", 1, []string{"slots"}},
		{"bios-pc-2g-61c-kaslr", "debugger/kaslr_tables/slot_areas/0/slots", 1, []string{"slot_areas"}},
		{"bios-pc-2g-61c-kaslr", "debugger/kaslr_tables/mem_avoid/1/size", "0x1", []string{"kaslr_avoided"}},
		{"bios-pc-2g-61c-kaslr", "debugger/kaslr_tables/mem_limit", "0x1", []string{"kaslr_limit"}},
		{"bios-pc-2g-61c-kaslr", "debugger/virtual_slots", 1, []string{"virtual_slots"}},
		{"bios-pc-2g-61c-kaslr", "placement/kernel_virt_base", "0xffffffff81000000", []string{"kernel_virtual"}},
		{"bios-q35-2g-612-mem1g", "e820_user/0/end", "0x9fbfe", []string{"e820_user"}},
		{"bios-q35-2g-612-mem1g", "ramdisk/moved_to/0", "0x3fa27000", []string{"initrd_moved_to"}},
		{"bios-q35-2g-612-hotplug-slots", "debugger/kaslr_tables/immovable_mem/0/size", "0x1000", []string{"kaslr_immovable"}},
		{"ovmf-1g-612-kaslr", "e820_with_setup_data/0/end", "0x1", []string{"e820_with_setup_data"}},
		{"ovmf-1g-612-kaslr", "debugger/efi_random_alloc/address", "0x27c00000", []string{"kernel_block"}},
		{"ovmf-1g-612-kaslr", "debugger/efi_random_alloc/size", "0x3600000", []string{"kernel_block_size"}},
		{"ovmf-1g-612-kaslr", "debugger/efi_random_alloc/align", "0x400000", []string{"kernel_block_align"}},
		{"ovmf-1g-612-kaslr", "debugger/efi_random_alloc/alloc_min", "0x1200000", []string{"kernel_block_lowest"}},
		{"ovmf-1g-612-kaslr", "debugger/efi_random_alloc/alloc_max", "0xffffffff", []string{"kernel_block_highest"}},
		{"ovmf-1g-612-kaslr", "debugger/efi_random_alloc/status", "0x8000000000000009", []string{"kernel_block_status"}},
		{"ovmf-1g-612-kaslr", "debugger/efi_random_alloc/random_seed", "0xb39f69f5", []string{"kernel_block_seed"}},
		{"ovmf32-4g-510-kaslr", "mixed_mode/loaded_at", "0x1801000", []string{"compressed_kernel"}},
		{"ovmf32-4g-510-kaslr", "mixed_mode/bzimage_addr", "0x5401000", []string{"moved_image"}},
		{"ovmf-1g-612-kaslr", "boot_params/setup_data", "0x3d6f2018", []string{
			// The kernel keeps what boot code left where the recording says that it lay.
			"setup_data", "e820_with_setup_data", "e820_changes", "memblock_reserved", "memblock", "system_ram",
		}},
		{"ovmf-1g-612-kaslr", "ramdisk/image", "0x3c4d1000", []string{"initrd", "memblock_reserved", "memblock"}}, // likewise
		{"shell-1g-612-nokaslr", "efi_stub/pe_entry", "0x3d0fa0ce", []string{"pe_entry"}},
		{"shell-1g-612-nokaslr", "efi_stub/image_end", "0x3d16e000", []string{"pe_image"}},
		{"shell-1g-612-nokaslr", "boot_params/cmd_line_ptr", "0x3de41018", []string{"command_line"}},
		{"nx25-2g-61-kaslr", "placement/kernel_virt_base", "0xffffffffaa400008", []string{"kernel_virtual"}}, // none of the places
		{"nxpol-2g-510-nokaslr", "fault/cpu_exceptions/0/error_code", "0x10", []string{"fault_error_code"}},
		{"nxpol-2g-510-nokaslr", "fault/cpu_exceptions/0/cr2", "0x9e001", []string{"fault_address"}},
		{"nxpol-2g-510-nokaslr", "fault/cpu_exceptions/0/rip", "0x9d000", []string{"fault_instruction"}},
		{"nxpol-2g-510-nokaslr", "fault/cpu_exceptions/0/vector", "0x0d", []string{"fault_vector"}},
		{"nxpol-2g-510-nokaslr", "fault/stopped_in", "the kernel", []string{"fault_step"}},
		{"perm-bios-pc-1g-612-nokaslr", "page_permissions/0/ranges/0/perm", "r-x", []string{"permissions at relocated_decompressor"}},
		{"perm-bios-pc-1g-612-nokaslr", "page_permissions/0/wx_bytes", "0xfffff000", []string{"wx_bytes at relocated_decompressor"}},
		{"perm-bios-pc-1g-612-nokaslr", "page_permissions/0/wx_bytes_ram", "0x3fff0000", []string{"wx_bytes_ram at relocated_decompressor"}},
		{"perm-bios-pc-1g-612-nokaslr", "page_permissions/1/ranges/0/perm", "rw-", []string{"permissions at kernel_entry"}},
		{"perm-bios-pc-1g-612-nokaslr", "page_permissions/1/wx_bytes", "0xfffff000", []string{"wx_bytes at kernel_entry"}},
		{"perm-bios-pc-1g-612-nokaslr", "page_permissions/1/wx_bytes_ram", "0x3fff0000", []string{"wx_bytes_ram at kernel_entry"}},
		{"perm-ovmf22-2g-612-kaslr", "page_permissions/0/ranges/0/perm", "rw-", []string{"permissions of pe_image at pe_entry"}},
		{"perm-ovmf22-2g-612-kaslr", "page_permissions/1/wx_bytes_ram", "0x1000", []string{"wx_bytes_change by the stub"}},
		{"perm-ovmf22-2g-612-kaslr", "page_permissions/1/rx_bytes_ram", "0x1000", []string{"rx_bytes_change by the stub"}},
		{"perm-ovmf22-2g-612-kaslr", "page_permissions/1/ranges/0/perm", "rw-", []string{ // all that the stub has lies in it
			"permissions of pe_image at exit_boot_services", "permissions of boot_params at exit_boot_services",
			"permissions of paging_trampoline at exit_boot_services", "permissions of kernel_block at exit_boot_services",
			"permissions of initrd at exit_boot_services",
		}},
		{"perm-bios-pc-1g-612-nokaslr", "page_permissions/2/kernel_image_mapping/0/perm", "rwx", []string{"executable in kernel_image at userspace"}},
		{"perm-bios-pc-1g-612-nokaslr", "page_permissions/2/kernel_image_mapping/1/perm", "rw-", []string{"permissions of kernel_rodata at userspace"}},
		{"perm-bios-pc-1g-612-nokaslr", "page_permissions/2/kernel_image_mapping/3/perm", "rw-", []string{"read-only bytes of kernel_data and kernel_bss at userspace"}},
		{"perm-bios-pc-1g-612-nokaslr", "page_permissions/2/kernel_image_mapping/4/virt_end", "0xffffffff83dfefff", []string{"kernel_image at userspace"}},
		{"perm-bios-pc-1g-612-nokaslr", "page_permissions/2/kernel_wx_mappings", []any{map[string]any{"perm": "rwx"}}, []string{"writable and executable at userspace"}},
		{"perm-bios-pc-1g-612-nokaslr", "page_permissions/2/direct_map/2/phys_end", "0x99fff", []string{"direct_map at userspace", "executable in direct_map at userspace"}},
		{"perm-bios-pc-1g-612-nokaslr", "page_permissions/2/direct_map/4/perm", "rw-", []string{"kernel in direct_map at userspace"}},
	} {
		t.Run(c.boot+"/"+c.path, func(t *testing.T) {
			before := verifyAll(t, c.boot, recording(t, c.boot+".json"), kernels)[0]
			after := verifyAll(t, c.boot, changed(t, recording(t, c.boot+".json"), c.path, c.value), kernels)[0]
			known := factsWhere(before, differs)
			found := slices.DeleteFunc(factsWhere(after, differs), func(name string) bool { return slices.Contains(known, name) })
			if diff := cmp.Diff(c.want, found); diff != "" {
				t.Errorf("facts that differ (-want +found):\n%s", diff)
			}
		})
	}
}

// changed is a JSON text with the value at path, whose parts are keys and indexes,
// replaced.
func changed(t *testing.T, text []byte, path string, value any) []byte {
	t.Helper()
	var root any
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(path, "/")
	at := root
	for i, part := range parts {
		last := i == len(parts)-1
		switch node := at.(type) {
		case map[string]any:
			if node[part] == nil {
				t.Fatalf("no %s in the recording", path)
			}
			if last {
				node[part] = value
			}
			at = node[part]
		case []any:
			n, err := strconv.Atoi(part)
			if err != nil || n >= len(node) {
				t.Fatalf("no %s in the recording", path)
			}
			if last {
				node[n] = value
			}
			at = node[n]
		}
	}
	out, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
