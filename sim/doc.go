// Package sim runs one boot at the granularity of ranges: a [Design] drives a
// [Boot], every thing it does to physical memory becomes a [Step], the step takes
// effect on a [Machine], and [Check]s watch each step just before it does.
//
//	Scenario -> Design.Boot -> steps -> Machine + checks -> Result -> a view
//
// Where things are:
//   - scenario.go, services.go, firmware_profile.go, policy*.go: what a boot is given
//   - design.go, step.go: who drives and who watches it; what it does
//   - boot.go: the recorder that a design drives; boot_fault.go: what a page-fault handler
//     does; boot_notes.go, finding.go: what is noted besides steps
//   - machine.go, tables.go, trap.go: memory, the mapping in force, what the processor refuses
//   - measure.go, meter.go: figures of a boot, taken while it runs
//   - runner.go, result.go, randomness.go: one boot after the other, and what is known of each
//
// The package knows no particular design and prints nothing. The same scenario
// gives the same result, byte for byte, on any machine.
package sim
