package parse

import "bootplan/memmap"

// FirmwareMap returns the map of doc that tells most of what the firmware gave the
// boot: the UEFI Shell's, which was printed before a kernel was loaded; else the
// EFI map that a kernel logged after boot services had ended (afterExit), in which
// loader memory is what that very boot took; else the BIOS's e820 map; else any
// other. It is nil if doc has no map with entries.
func (d *Document) FirmwareMap() (m *memmap.Map, afterExit bool) {
	rank := 0
	for i := range d.Maps {
		r := 2
		switch d.Maps[i].Label {
		case labelShell:
			r = 5
		case labelEFI:
			r = 4
		case "BIOS-e820":
			r = 3
		case labelRuntime, labelInvalid:
			r = 1
		}
		if r > rank && d.Maps[i].Len() > 0 {
			m, rank = &d.Maps[i], r
		}
	}
	return m, m != nil && m.Label == labelEFI
}
