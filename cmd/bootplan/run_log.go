package main

import (
	"fmt"

	"bootplan/sim"
)

// noStamp is the time that the first messages of a kernel carry.
const noStamp = "[    0.000000] "

// printLog prints what the kernel would print about memory, as dmesg shows it; with
// -v also what /proc/iomem would show of RAM. A boot that ends earlier prints nothing.
func (a *app) printLog(r *sim.Result) {
	if len(r.KernelLog) == 0 {
		a.note("the kernel prints nothing: %s", r.Failure)
	}
	for _, line := range r.KernelLog {
		fmt.Fprintln(a.out, noStamp+line)
	}
	if a.verbose {
		for _, line := range r.IOMem {
			fmt.Fprintln(a.out, line)
		}
	}
}
