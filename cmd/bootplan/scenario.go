package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/memmap/parse"
	"bootplan/sim"
	"bootplan/sim/design"
	"bootplan/sim/report"
)

// scenarioFlags are the flags from which a scenario is made.
type scenarioFlags struct {
	Map, From, Sysroot string
	Kernel, Profile    string
	Designs, Choices   []string
	Policy, Firmware   string
	Services           string
	CPU                string
	Cmdline, Initrd    string
	Seed               uint64
	Random             string

	own       []ownDesign // designs that the scenario file makes of others
	ownPolicy *ownPolicy  // that the scenario file describes; nil: Policy names one
	file      string      // --scenario
	set       *pflag.FlagSet
}

// defaultProfile is the kernel that is booted when none is named.
const defaultProfile = "debian-6.12"

// add declares the flags.
func (f *scenarioFlags) add(flags *pflag.FlagSet) {
	f.set = flags
	flags.StringVar(&f.Map, "map", "", "firmware map: a kernel log, /sys tree, UEFI Shell memmap … (default: QEMU's OVMF with 2 GiB)")
	flags.StringVar(&f.From, "from", "", "form of the map, instead of finding it out from the content")
	flags.StringVar(&f.Sysroot, "sysroot", "", "directory with captured /sys and /proc of a machine")
	flags.StringVar(&f.Kernel, "kernel", "", "kernel image to boot")
	flags.StringVar(&f.Profile, "profile", "", "embedded facts of a real kernel instead: "+strings.Join(image.Profiles(), ", ")+" (default "+defaultProfile+")")
	flags.StringSliceVar(&f.Designs, "design", nil, "boot design, see bootplan explain")
	flags.StringArrayVar(&f.Choices, "set", nil, "override one choice of a design, CHOICE=VALUE, see bootplan explain DESIGN; or loader="+strings.Join(design.Loaders(), "|"))
	flags.StringVar(&f.Policy, "policy", "ovmf", "how EFI firmware protects memory, see bootplan explain: "+strings.Join(sim.Policies(), ", "))
	flags.StringVar(&f.Firmware, "firmware", sim.Firmwares()[0], "how EFI firmware hands out memory: "+strings.Join(sim.Firmwares(), ", ")+"; with \",ia32\" behind it 32-bit firmware, with \",la57\" one that uses 5-level paging, with \",la57-boot\" one that does until boot services end")
	flags.StringVar(&f.Services, "services", "", "what EFI firmware offers besides memory: rng,tpm=SIZE,apple=SIZE,vendor=NAME,uefi=VERSION")
	flags.StringVar(&f.CPU, "cpu", "la57=on,nx=on", "what the CPU can do; phys-bits=40 limits its physical addresses")
	flags.StringVar(&f.Cmdline, "cmdline", "", "kernel command line (default: that of the log, if the map is one)")
	flags.StringVar(&f.Initrd, "initrd", "", "initrd: SIZE[@ADDR] or a file (default: that of the log, if the map is one)")
	flags.Uint64Var(&f.Seed, "seed", 0, "seed of the random numbers")
	flags.StringVar(&f.Random, "random", "", "the random numbers themselves: physical=0x…,virtual=0x…,memory=0x…")
	flags.StringVar(&f.file, "scenario", "", "YAML file with the same keys as these flags")
}

// scenario makes the scenario that the flags describe.
func (a *app) scenario(f *scenarioFlags) (*sim.Scenario, error) {
	if err := a.readScenario(f); err != nil {
		return nil, err
	}
	sc := &sim.Scenario{Cmdline: f.Cmdline}
	doc, err := a.scenarioMap(f, sc)
	if err != nil {
		return nil, err
	}
	if doc != nil {
		a.fromLog(f, sc, doc)
	}
	if sc.Kernel, err = a.scenarioKernel(f, doc); err != nil {
		return nil, err
	}
	if err = f.takeFirmware(sc); err != nil {
		return nil, err
	}
	if sc.CPU, err = parseCPU(f.CPU); err != nil {
		return nil, fmt.Errorf("--cpu: %w", err)
	}
	if doc != nil && doc.Log.FourLevel && !f.given("cpu") && !linux.FindOptionBool(1, sc.Cmdline, "no5lvl") {
		sc.CPU.LA57 = false
		a.note("no 5-level paging, by the log: --cpu la57=off")
	}
	if f.Initrd != "" {
		if sc.Initrd, err = parseInitrd(f.Initrd); err != nil {
			return nil, fmt.Errorf("--initrd: %w", err)
		}
	}
	if sc.Random, err = parseRandom(f.Random, f.Seed); err != nil {
		return nil, fmt.Errorf("--random: %w", err)
	}
	if sc.Loader, err = parseLoader(f.Choices); err != nil {
		return nil, fmt.Errorf("--set: %w", err)
	}
	return sc, nil
}

// takeFirmware takes what the flags say of EFI firmware.
func (f *scenarioFlags) takeFirmware(sc *sim.Scenario) (err error) {
	if sc.Policy, err = f.policy(); err != nil {
		return err
	}
	if sc.Firmware, err = sim.ParseFirmware(f.Firmware); err != nil {
		return fmt.Errorf("--firmware: %w", err)
	}
	if sc.Services, err = parseServices(f.Services); err != nil {
		return fmt.Errorf("--services: %w", err)
	}
	return nil
}

// scenarioMap reads the firmware map; doc is nil for the embedded one.
func (a *app) scenarioMap(f *scenarioFlags, sc *sim.Scenario) (*parse.Document, error) {
	if f.Map != "" && f.Sysroot != "" {
		return nil, errors.New("--map and --sysroot: expected one of them")
	}
	path := f.Map
	if path == "" {
		path = f.Sysroot
	}
	if path == "" {
		sc.Map = gallery.OVMF2G()
		return nil, nil
	}
	doc, err := a.mapDocument(path, f.From)
	if err != nil {
		return nil, err
	}
	for _, p := range doc.Problems {
		a.note("%v", p)
	}
	if len(doc.Problems) > 0 {
		return nil, fmt.Errorf("%s: %s of the map cannot be read: a boot on part of a map would mislead", doc.File, entries(len(doc.Problems)))
	}
	if sc.Map, sc.AfterExit = doc.FirmwareMap(); sc.Map == nil {
		return nil, fmt.Errorf("%s: no memory map in it", doc.File)
	}
	return doc, nil
}

// mapDocument reads a map file, or the map itself where a scenario file holds it.
func (a *app) mapDocument(path, from string) (*parse.Document, error) {
	if strings.Contains(path, "\n") {
		return parse.Read("map of the scenario", strings.NewReader(path), parse.Form(from))
	}
	return a.readDocument(path, from)
}

// fromLog takes from a kernel log what the flags leave open.
func (a *app) fromLog(f *scenarioFlags, sc *sim.Scenario, doc *parse.Document) {
	if doc.Log.CommandLine != "" && !f.given("cmdline") {
		sc.Cmdline = doc.Log.CommandLine
		a.note("command line taken from the log: %s", sc.Cmdline)
	}
	if rd := doc.Log.Ramdisk; !rd.Empty() && !f.given("initrd") {
		sc.Initrd = sim.Initrd{Size: rd.Len()}
		if sc.Map.Kind == memmap.E820 {
			sc.Initrd.Addr = rd.Start
		}
		a.note("initrd taken from the log: %s", rd)
	}
	for _, node := range doc.Log.SetupData {
		// An option ROM is whole units of 512 bytes, behind a head of 64.
		if rom := node.Len() - 64; sc.Map.Kind == memmap.EFI && node.Len() > 64 && rom%512 == 0 {
			sc.ROMs = append(sc.ROMs, rom)
			a.note("PCI option ROM taken from the log: %#x bytes", rom)
		}
	}
	if sc.Immovable = doc.Log.Immovable; len(sc.Immovable) > 0 {
		a.note("%s that cannot be unplugged taken from the log's ACPI SRAT", report.Count(uint64(len(sc.Immovable)), "range"))
	}
}

// given reports whether a flag or the scenario file states name.
func (f *scenarioFlags) given(name string) bool { return f.set.Changed(name) }

// scenarioKernel reads the kernel image, or finds the facts of one.
func (a *app) scenarioKernel(f *scenarioFlags, doc *parse.Document) (*image.Kernel, error) {
	if f.Kernel != "" && f.Profile != "" {
		return nil, errors.New("--kernel and --profile: expected one of them")
	}
	if f.Kernel != "" {
		return a.readKernel(f.Kernel, image.Options{})
	}
	name := f.Profile
	if name == "" {
		name = defaultProfile
		if doc != nil {
			name = a.profileOf(doc.Log.Release)
		}
	}
	k, err := image.Profile(name)
	if err != nil {
		return nil, fmt.Errorf("--profile: %w", err)
	}
	return k, nil
}

// profileOf names the profile of the kernel that wrote a log, or the default one.
func (a *app) profileOf(release string) string {
	for _, name := range image.Profiles() {
		if k, err := image.Profile(name); err == nil && k.Release == release && k.Kind == image.BzImage {
			a.note("kernel taken from the log: %s, profile %s", release, name)
			return name
		}
	}
	if release != "" {
		a.note("the log is of %s, which no profile describes: %s boots in its place, unless --kernel or --profile names another", release, defaultProfile)
	}
	return defaultProfile
}

// parseCPU reads "la57=on,nx=off,phys-bits=40"; a feature that is not named is on, and
// addresses are as wide as page tables have room for.
func parseCPU(text string) (sim.CPU, error) {
	cpu := sim.CPU{LA57: true, NX: true}
	for _, item := range strings.Split(text, ",") {
		name, value, _ := strings.Cut(item, "=")
		if name == "phys-bits" {
			bits, err := strconv.ParseUint(value, 10, 8)
			if err != nil || bits < 32 || bits > 52 {
				return cpu, fmt.Errorf("%q: expected a number of bits from 32 to 52, such as phys-bits=40", item)
			}
			cpu.PhysBits = uint8(bits)
			continue
		}
		if value != "on" && value != "off" {
			return cpu, fmt.Errorf("%q: expected a feature and on or off, such as la57=off", item)
		}
		switch name {
		case "la57":
			cpu.LA57 = value == "on"
		case "nx":
			cpu.NX = value == "on"
		default:
			return cpu, fmt.Errorf("%q: expected la57, nx or phys-bits", name)
		}
	}
	return cpu, nil
}

// parseInitrd reads SIZE[@ADDR] or takes the size of a file.
func parseInitrd(text string) (sim.Initrd, error) {
	size, addr, placed := strings.Cut(text, "@")
	n, err := parseSize(size)
	if err != nil {
		info, statErr := os.Stat(text)
		if statErr != nil || info.IsDir() {
			return sim.Initrd{}, fmt.Errorf("%q: expected a size such as 20M, 20M@0x37000000, or a file", text)
		}
		return sim.Initrd{Size: uint64(info.Size())}, nil
	}
	rd := sim.Initrd{Size: n}
	if placed {
		if rd.Addr, err = parseSize(addr); err != nil {
			return rd, err
		}
		if _, err = memmap.Sized(rd.Addr, rd.Size); err != nil {
			return rd, err
		}
	}
	return rd, nil
}

// parseSize reads a number of bytes with an optional suffix K, M or G.
func parseSize(text string) (uint64, error) {
	digits, unit := text, uint64(1)
	for suffix, bytes := range map[string]uint64{"K": memmap.KiB, "M": memmap.MiB, "G": memmap.GiB} {
		if d, ok := strings.CutSuffix(strings.ToUpper(text), suffix); ok {
			digits, unit = strings.ToLower(d), bytes
		}
	}
	n, err := strconv.ParseUint(digits, 0, 64)
	if err != nil || n > ^uint64(0)/unit {
		return 0, fmt.Errorf("%q: expected a number of bytes such as 0x1000, 64K or 2G", text)
	}
	return n * unit, nil
}

// parseRandom reads physical=…,virtual=…; without it a seed decides.
func parseRandom(text string, seed uint64) (sim.Random, error) {
	if text == "" {
		return sim.Seeded(seed), nil
	}
	var fixed sim.Fixed
	for _, item := range strings.Split(text, ",") {
		name, value, _ := strings.Cut(item, "=")
		n, err := strconv.ParseUint(value, 0, 64)
		if err != nil {
			return nil, fmt.Errorf("%q: expected physical=NUMBER, virtual=NUMBER or memory=NUMBER", item)
		}
		switch name {
		case "physical":
			fixed.PhysicalValue, fixed.Seed[0] = n, uint32(n)
		case "virtual":
			fixed.VirtualValue, fixed.Seed[1] = n, uint32(n)
		case "memory":
			fixed.MemoryValue = n
		default:
			return nil, fmt.Errorf("%q: expected physical, virtual or memory", name)
		}
	}
	return fixed, nil
}

// parseLoader takes the loader from the CHOICE=VALUE items; all others are choices of
// a design.
func parseLoader(items []string) (loader string, err error) {
	for _, item := range items {
		value, ok := strings.CutPrefix(item, loaderChoice+"=")
		if !ok {
			continue
		}
		if known := design.Loaders(); !slices.Contains(known, value) {
			return "", fmt.Errorf("%q: expected loader= and one of %s", item, strings.Join(known, ", "))
		}
		loader = value
	}
	return loader, nil
}
