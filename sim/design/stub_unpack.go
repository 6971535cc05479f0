package design

import "bootplan/sim"

// unpack decompresses the kernel into its block.
func (s *stub) unpack(b *sim.Boot) error {
	u := unpacking{kernel: s.kernel, payload: s.payload(), base: s.block.Start, virtual: s.virtual, self: stubName, image: s.startup()}
	return u.run(b)
}

// enterKernel jumps to the kernel.
func (s *stub) enterKernel(b *sim.Boot) error {
	b.MeasureWX("kernel_entry")
	enterKernel(b, s.kernel, s.block.Start, "drivers/firmware/efi/libstub/x86-stub.c:enter_kernel")
	return nil
}
