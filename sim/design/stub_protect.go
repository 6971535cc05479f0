package design

import "bootplan/sim"

// protect asks the firmware for the permissions with which the kernel shall run.
func (s *stub) protect(*sim.Boot) error {
	switch s.choices.NX {
	case nxText:
		s.protectText()
	}
	return nil
}

// protectText has the kernel's text, and since 6.17 its init text, made read-only and
// executable; all else stays as the firmware maps the memory type.
func (s *stub) protectText() {
	vo := s.kernel.VO
	s.fw.AllowExecution(kernelName, sized(s.block.Start, vo.TextSize))
	if vo.InitTextSize != 0 {
		s.fw.AllowExecution(kernelName, sized(s.block.Start+vo.InitTextOffset, vo.InitTextSize))
	}
}

// protectSwitch asks for the permissions of the code that switches paging levels.
func (s *stub) protectSwitch(*sim.Boot) error {
	switch s.choices.NX {
	case nxText:
		s.fw.AllowExecution(switchName, s.paging.code)
	}
	return nil
}
