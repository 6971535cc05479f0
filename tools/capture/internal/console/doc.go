// Package console reads what a boot printed: the lines of firmware, stub, decompressor
// and kernel, and the report that the script of package initrd prints at the end.
//
// A log with missing parts gives fewer facts.
package console
