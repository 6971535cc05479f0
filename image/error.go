package image

import "fmt"

// Error says what is wrong with a kernel image file and where.
type Error struct {
	File   string
	Offset uint64 // in the file, or in the file inside it that File names
	Reason string // what was found, what was expected, what to do
	Err    error  // what caused it; may be nil
}

// Error is "vmlinuz: at 0x248: …".
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: at %#x: %s", e.File, e.Offset, e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }
