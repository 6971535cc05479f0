package console

import "regexp"

// controls are what terminals do not show: escape sequences that UEFI firmware sends to
// place its text, carriage returns, NULs.
var controls = regexp.MustCompile(`\x1b\[[0-9;?=]*[A-Za-z]|\x1b[=>c]|[\r\x00]`)

// Clean removes terminal control sequences from a serial console.
func Clean(serial []byte) []byte { return controls.ReplaceAll(serial, nil) }
