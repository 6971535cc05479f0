// Package parse reads firmware memory maps from every form in which they come:
// kernel logs, the UEFI Shell's memmap, captured sysfs trees, /proc/iomem, binary
// tables and bootplan's own JSON. Each form has a reader and, where it makes sense,
// a writer; [Sniff] tells the form from the content.
//
// A reader reports what its source states, with line numbers, and repairs nothing.
// An entry that it cannot read becomes a problem of the document and does not hide
// the others.
package parse
