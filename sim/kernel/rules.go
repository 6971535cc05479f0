package kernel

import "bootplan/rule"

// Rules are what a kernel stops at while it takes memory over.
func Rules() []rule.Rule {
	return []rule.Rule{{
		ID: "kernel-panic", Severity: rule.Error,
		Title: "the kernel stops itself while it takes over memory",
		Text: "Boot code has done its work, but the kernel proper cannot live with what it was left: no memory below 1 MiB for the trampoline on which " +
			"further processors start, no room to move the initrd to, no mapped memory for page tables, or a map from which mem= and memmap= took everything.",
		Example: "memmap=64K$0x10000,512K$0x20000 on a PC: no room for the trampoline, \"Real mode trampoline was not allocated\"",
		Sources: []string{
			"arch/x86/kernel/setup.c:setup_arch, relocate_initrd (v6.12)", "arch/x86/realmode/init.c:init_real_mode (v6.12)",
			"arch/x86/mm/init.c:alloc_low_pages (v6.12)", "arch/x86/kernel/e820.c:e820__finish_early_params (v6.12)",
		},
	}}
}
