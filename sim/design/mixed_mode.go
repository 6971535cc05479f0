package design

// mixed reports whether the firmware is a 32-bit one.
func (s *stub) mixed() bool { return false }
