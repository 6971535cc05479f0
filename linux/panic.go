package linux

import "errors"

// Panic is how a kernel ends its own boot: it calls panic(), or a BUG_ON fires.
// Models return it as an error; what they computed until then stays visible.
type Panic struct {
	Text string // what panic() was given, without a final newline; for BUG the condition
	BUG  bool
}

func (p *Panic) Error() string {
	if p.BUG {
		return "kernel BUG: " + p.Text
	}
	return "kernel panic: " + p.Text
}

// OnlyPanic returns err if it is a Panic, and nil otherwise: what is left of an
// error whose status code the kernel's own caller ignores.
func OnlyPanic(err error) error {
	if err == nil {
		return nil // the usual case, which must not allocate
	}
	var p *Panic
	if errors.As(err, &p) {
		return err
	}
	return nil
}
