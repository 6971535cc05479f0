package sim

// A Design is one way to get from firmware to the kernel's first instruction.
type Design interface {
	Name() string
	// Boot drives b. An error of type *Failure means that the boot cannot complete,
	// any other error that the scenario makes no sense for this design.
	Boot(b *Boot) error
}

// A Check watches steps against the machine's state just before each takes effect.
type Check interface {
	Watches() Ops // the kinds of steps that Step is asked about; always the same
	Begin()       // a boot begins: forget the last one
	Step(m *Machine, s *Step, report func(Finding))
	End(m *Machine, report func(Finding)) // no further step follows: a finding is about the boot as a whole
}
