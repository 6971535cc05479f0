package design

import "bootplan/sim"

// Levels of what the stub prints: a text shows if its level is below the console's.
// Source: include/linux/kern_levels.h, drivers/firmware/efi/libstub/printk.c (v6.12).
const (
	levelError   = 3
	levelWarning = 4
	levelInfo    = 6
)

// say prints a text of the stub.
func (s *stub) say(b *sim.Boot, level int, text string) {
	if level < s.options.LogLevel {
		b.Say(text)
	}
}

// givesUp says what the stub prints before it returns to the firmware: what failed, and
// that it leaves. It returns err.
func (s *stub) givesUp(b *sim.Boot, text string, err error) error {
	if err != nil {
		s.say(b, levelError, "EFI stub: ERROR: "+text)
		if s.ways.entry != "" {
			s.say(b, levelError, "EFI stub: ERROR: "+s.ways.entry+"() failed!")
		}
	}
	return err
}
