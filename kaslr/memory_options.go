package kaslr

import "bootplan/linux"

// ReadMemoryOptions sets what mem= and memmap= in a command line keep the decompressor
// out of, and nothing else: Limit, and Avoid. Boot code that ignores them is measured
// by it.
// Source: arch/x86/boot/compressed/kaslr.c:handle_mem_options (v6.12).
func (p *Plan) ReadMemoryOptions(cmdline string, v linux.Version) {
	*p = Plan{Limit: ^uint64(0), Avoid: p.Avoid[:0]}
	o := options{plan: p, version: v}
	o.parse(cmdline[:min(len(cmdline), linux.MaxCommandLine)])
}
