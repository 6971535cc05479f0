// Package sim runs one boot at the granularity of ranges: a [Design] drives a
// [Boot], every thing it does to physical memory becomes a [Step], the step takes
// effect on a [Machine], and [Check]s watch each step just before it does.
//
//	Scenario -> Design.Boot -> steps -> Machine + checks -> Result -> a view
//
// The package knows no particular design and prints nothing. The same scenario
// gives the same result, byte for byte, on any machine.
package sim
