package mapgen

import (
	"pgregory.net/rapid"

	"bootplan/memmap"
)

// RealisticE820 generates e820 tables as firmware and loaders make them: SeaBIOS's
// own, and the tables that the EFI stub makes of realistic EFI maps.
func RealisticE820() *rapid.Generator[[]memmap.E820Entry] {
	return rapid.OneOf(
		SeaBIOS(),
		rapid.Map(RealisticEFI(), func(descs []memmap.EFIDescriptor) []memmap.E820Entry {
			return memmap.ToE820(descs, memmap.ConvertOptions{UnacceptedMemory: true, SoftReserve: true})
		}),
	)
}

// RealisticEFI generates EFI maps as OVMF and servers report them.
func RealisticEFI() *rapid.Generator[[]memmap.EFIDescriptor] {
	return rapid.OneOf(OVMF(), Server())
}
