// Package landmark finds the places in a kernel image's boot code at which a debugger
// learns something: where the decompressor jumps into its copy, where a random number has
// been drawn, which variables hold the limits of KASLR. Images have no symbols; the
// places are found by the machine code around them.
package landmark
