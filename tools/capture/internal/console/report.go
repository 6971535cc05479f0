package console

import (
	"slices"
	"strconv"
	"strings"

	"bootplan/memmap"
	"bootplan/tools/capture/internal/record"
)

// report reads the sections that the initial ramdisk printed.
func (l *log) report() {
	f := &l.facts
	if lines := l.sections["CMDLINE"]; len(lines) > 0 {
		f.CommandLineSeen = &lines[0]
		f.KASLR.Off = slices.Contains(strings.Fields(lines[0]), "nokaslr")
	}
	f.Iomem = keep(l.sections["IOMEM"], func(line string) bool { return line != "" })
	f.KernelPhysical = kernelPhysical(f.Iomem)
	f.Symbols = numbers(l.sections["KFACTS"], "sym")
	f.KernelValues = numbers(l.sections["KFACTS"], "val")
	f.BootParams = bootParams(l.sections["KFACTS"])
	f.FirmwareMemmap = firmwareMemmap(l.sections["MEMMAP"])
	f.MemTotalKB = memTotal(l.sections["MEMINFO"])
	f.SetupDataTypes = l.sections["SETUPDATA"]
	f.Paging = l.paging()
	l.placed()
}

// kernelPhysical finds the kernel's parts in /proc/iomem.
func kernelPhysical(iomem []string) map[string]record.Ends {
	parts := map[string]record.Ends{}
	for _, line := range iomem {
		where, part, found := strings.Cut(strings.TrimSpace(line), " : Kernel ")
		if !found {
			continue
		}
		start, end, _ := strings.Cut(where, "-")
		first, err1 := strconv.ParseUint(start, 16, 64)
		last, err2 := strconv.ParseUint(end, 16, 64)
		if err1 == nil && err2 == nil && last > 0 { // zeros are what /proc/iomem shows to others than root
			parts[part] = record.Ends{record.Hex(first), record.Hex(last)}
		}
	}
	return parts
}

// numbers reads lines such as "val phys_base 0xca00000".
func numbers(lines []string, kind string) map[string]record.Hex {
	found := map[string]record.Hex{}
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) != 3 || words[0] != kind {
			continue
		}
		if n, err := strconv.ParseUint(words[2], 0, 64); err == nil {
			found[words[1]] = record.Hex(n)
		}
	}
	return found
}

// firmwareMemmap reads lines such as "0x0 0x9fbff System RAM".
func firmwareMemmap(lines []string) []record.FirmwareMapped {
	list := []record.FirmwareMapped{}
	for _, line := range lines {
		words := strings.SplitN(line, " ", 3)
		if len(words) != 3 {
			continue
		}
		start, err1 := strconv.ParseUint(words[0], 0, 64)
		end, err2 := strconv.ParseUint(words[1], 0, 64)
		if err1 == nil && err2 == nil {
			r := record.Range{Start: record.Hex(start), End: record.Hex(end)}
			list = append(list, record.FirmwareMapped{Range: r, Type: words[2]})
		}
	}
	return list
}

func memTotal(lines []string) *uint64 {
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "MemTotal:" {
			continue
		}
		if kb, err := strconv.ParseUint(words[1], 10, 64); err == nil {
			return &kb
		}
	}
	return nil
}

const la57Note = "/proc/cpuinfo drops la57 when the kernel runs with 4-level paging through no5lvl"

func (l *log) paging() record.Paging {
	p := record.Paging{Note: la57Note, FiveLevel: l.fiveLevel()}
	for _, line := range l.sections["CPU"] {
		if flag, found := strings.CutPrefix(line, "la57flag:"); found {
			has := strings.TrimSpace(flag) != ""
			p.HasLA57 = &has
		}
		if name, sizes, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "address sizes" {
			sizes = strings.TrimSpace(sizes)
			p.AddressSizes = &sizes
		}
	}
	return p
}

// fiveLevel tells the paging mode by the kernel's variable, or by how many page frames
// it says it could have; nil if it says neither.
func (l *log) fiveLevel() *int {
	if n, found := l.facts.KernelValues["__pgtable_l5_enabled"]; found {
		level := int(n)
		return &level
	}
	for _, line := range l.kernel {
		if _, frames, found := strings.Cut(line, "max_arch_pfn = "); found {
			level := 0
			if frames == fiveLevelFrames {
				level = 1
			}
			return &level
		}
	}
	return nil
}

const fiveLevelFrames = "0x10000000000" // 2^52 bytes in pages

// Where x86-64 kernels are linked: LOAD_PHYSICAL_ADDR, and that in the kernel's mapping.
const (
	linkedPhys = 0x1000000
	mappingLow = 0xffffffff80000000 // __START_KERNEL_map
)

// placed derives where things lie from the values that the kernel's memory held.
func (l *log) placed() {
	f := &l.facts
	if text, found := f.Symbols["_text"]; found {
		if phys, found := l.kernelBase(text); found {
			f.Placement = &record.Placement{
				Phys: phys, PhysEnd: phys + f.Symbols["_end"] - text, Virt: text,
				VirtOffset: text - mappingLow - linkedPhys, PhysOffset: phys - linkedPhys,
			}
		}
	}
	if header, found := f.KernelValues["real_mode_header"]; found {
		blob := uint64(f.Symbols["real_mode_blob_end"] - f.Symbols["real_mode_blob"])
		f.RealMode = &record.RealMode{
			Virt: header, Phys: header - f.KernelValues["page_offset_base"],
			Size: record.Hex(memmap.AlignUp(blob, memmap.PageSize)),
		}
	}
	if f.Ramdisk != nil && f.BootParams != nil {
		f.Ramdisk.Image, f.Ramdisk.Size = f.BootParams.RamdiskImage, f.BootParams.RamdiskSize
		f.Ramdisk.End = f.Ramdisk.Image + f.Ramdisk.Size
	}
}

// kernelBase is the physical address of _text, whose virtual address is text.
func (l *log) kernelBase(text record.Hex) (record.Hex, bool) {
	if base, found := l.facts.KernelValues["phys_base"]; found {
		return text - mappingLow + base, true
	}
	code, found := l.facts.KernelPhysical["code"]
	return code[0], found
}
