package sim

import "bootplan/memmap"

// Place notes where something ended up; virt is 0 when it has no address of its own.
func (b *Boot) Place(name string, r memmap.Range, virt uint64) {
	b.result.Placements = append(b.result.Placements, Placement{name, r, virt})
}

// measure notes a figure.
func (b *Boot) measure(name string, value float64, unit string) {
	b.result.Metrics = append(b.result.Metrics, Metric{name, value, unit})
}

// MeasureWX notes how much RAM is mapped writable and executable at a milestone, by the
// name of its measure.
func (b *Boot) MeasureWX(milestone string) {
	if !b.stopped {
		b.measure(milestone, float64(b.Machine.Tables.wx), "bytes")
	}
}

// AskForPermissions notes that boot code calls the firmware for other permissions.
func (b *Boot) AskForPermissions() { b.meter.calls++ }

// Say notes what the boot code prints.
func (b *Boot) Say(message string) {
	b.result.Messages = append(b.result.Messages, message)
}

// KernelSays notes what the kernel prints about memory, and what it shows of it in
// /proc/iomem.
func (b *Boot) KernelSays(log, iomem []string) {
	b.result.KernelLog, b.result.IOMem = log, iomem
}

// Assume notes an assumption that the scenario left to the design.
func (b *Boot) Assume(text string) {
	b.result.Assumptions = append(b.result.Assumptions, text)
}
