package firmware

import (
	"cmp"
	"fmt"
	"slices"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

// Firmware is EFI firmware while boot services are alive. It is an [alloc.Firmware]
// whose every answer becomes a step.
type Firmware struct {
	b       *sim.Boot
	pages   alloc.BootServices
	edk2    *alloc.EFIPages // kept from boot to boot, for its memory
	profile sim.FirmwareProfile
	policy  sim.Policy
	tables  *sim.Tables // the firmware's own
	noExec  bool        // the CPU's execute-disable bit is on

	initial []memmap.EFIDescriptor // the map before this boot, sorted
	taken   memmap.Spans[taken]    // pages that this boot took and did not give back
	pools   []poolPages            // pages among them from which pool blocks are carved
	blocks  []memmap.Range         // the blocks in use
	space   space                  // as the DXE services see memory

	allowUnaccepted, acceptedAll bool

	// What the next call is for.
	object, why, source string
}

// taken is the type of memory that this boot took, if it did.
type taken struct {
	yes bool
	t   memmap.EFIType
}

// Below4G is the highest address that 32-bit code can reach.
const Below4G = 4*memmap.GiB - 1

// Start brings boot services and their page tables to life. The firmware serves this
// boot only. The error says that no firmware could work with the scenario's map.
func Start(b *sim.Boot) (*Firmware, error) {
	f := sim.Scratch[Firmware](b)
	sc := b.Scenario
	*f = Firmware{
		b: b, profile: sc.Firmware, policy: sc.Policy, noExec: sc.CPU.NX && sc.Policy.NXE(),
		edk2: f.edk2, initial: f.initial[:0], taken: f.taken, pools: f.pools[:0], blocks: f.blocks[:0], space: f.space,
	}
	f.taken.Clear()
	f.space.known = false
	if sc.Firmware.Kind == sim.UBoot && sc.Policy.Protects() {
		b.Assume("U-Boot protects no memory: policy " + sc.Policy.Name + " is left aside")
		f.policy = sim.Policy{Name: "none", NoDXE: true}
	}
	if f.edk2 == nil {
		f.edk2 = &alloc.EFIPages{}
	}
	descs := Descriptors(b)
	pages, err := Services(f.edk2, sc.Firmware, descs)
	if err != nil {
		return nil, fmt.Errorf("this map cannot be simulated: %w; bootplan map lint tells more", err)
	}
	f.pages = pages
	f.initial = append(f.initial, descs...)
	sortByAddress(f.initial)
	b.In(sim.Firmware)
	b.Machine.BootServices = true
	b.SwitchTo(f.mapEverything(), sim.Step{Object: "firmware's page tables", Range: memmap.Range{},
		Why:    "an identity map of all memory; its permissions follow the firmware's policy",
		Source: "MdeModulePkg/Core/Dxe/Misc/MemoryProtection.c:InitializeDxeNxMemoryProtectionPolicy (edk2-stable202502)"})
	return f, nil
}

// sortByAddress sorts what most often is in order already.
func sortByAddress(descs []memmap.EFIDescriptor) {
	for i := 1; i < len(descs); i++ {
		if descs[i].Phys < descs[i-1].Phys {
			slices.SortFunc(descs, func(a, b memmap.EFIDescriptor) int { return cmp.Compare(a.Phys, b.Phys) })
			return
		}
	}
}

// For says what the next call is for: the object, one sentence of why, and the source
// of the code that makes it.
func (f *Firmware) For(object, why, source string) *Firmware {
	f.object, f.why, f.source = object, why, source
	return f
}

// IA32 reports whether the firmware is 32-bit code, which a 64-bit kernel calls with
// paging off.
func (f *Firmware) IA32() bool { return f.profile.IA32 }

// edk2Since reports whether the firmware is EDK2, of release k or later.
func (f *Firmware) edk2Since(k sim.FirmwareKind) bool {
	return f.profile.Kind.EDK2() && f.profile.Kind >= k
}

// Map is the present map, valid until the next call.
func (f *Firmware) Map() []memmap.EFIDescriptor {
	if f.acceptedAll {
		return withAccepted(f.pages.Map())
	}
	return f.pages.Map()
}

// MapSize is the size in bytes that GetMemoryMap asks for.
func (f *Firmware) MapSize() uint64 { return f.pages.MapSize() }

// DescriptorSize is the size in bytes of a descriptor of the map.
func (f *Firmware) DescriptorSize() uint64 { return f.pages.DescriptorSize() }

// ExitBootServices ends boot services. The page tables stay in force. Where the map
// changes on the way, as it does when memory is accepted, the caller's second attempt
// succeeds; both are one step here.
func (f *Firmware) ExitBootServices(source string) {
	f.acceptAll()
	f.b.Do(sim.Step{Op: sim.Exit, Object: "boot services", Why: "the firmware's allocator is gone; its page tables stay in force", Source: source})
}

// sized is the range of size bytes from start.
func sized(start, size uint64) memmap.Range { return memmap.Range{Start: start, End: start + size} }
