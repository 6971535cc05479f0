// Package record is the form in which a boot is recorded: NAME.json beside NAME.log,
// the console.
//
// Numbers that are addresses or sizes are strings "0x…". Ranges named start and end
// have an inclusive end, as kernels print them; addr and size, image and size have a
// length. What a boot did not show is left out, or null where a reader expects the key.
package record
