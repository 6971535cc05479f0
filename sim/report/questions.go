package report

import "bootplan/sim"

// A question is one that a comparison asks of each boot.
type question struct {
	name, text string // a title, and what it asks in one sentence
	stated     bool   // answered by what the design says of itself
	answer     func(Boot) string
}

// A group is questions that belong together.
type group struct {
	name      string
	questions []question
}

// Question is one line of a comparison, in words.
type Question struct {
	Group, Name, Text string
	Stated            bool // the design says so; nothing is computed
}

// Questions lists what a comparison asks, in its order.
func Questions() []Question {
	var list []Question
	for _, g := range groups {
		for _, q := range g.questions {
			list = append(list, Question{g.name, q.name, q.text, q.stated})
		}
	}
	return list
}

// groups are the questions of a comparison, in order.
var groups = []group{
	{"how it ends", []question{
		{"outcome", "whether the kernel is reached: boots; FAULTS, at an access that page tables forbid; or FAILS, where boot code gives up",
			false, outcome},
		{"kernel at", "the physical address of the unpacked kernel",
			false, placed("kernel", startOf)},
		{"virtual address", "where the kernel is mapped, which is chosen apart from where it lies",
			false, placed("kernel", virtualOf)},
		{"findings (errors)", "how many breaches of a rule are found, and how many of them are errors",
			false, findingCount},
	}},
	{"memory", []question{
		{"peak while unpacking", "memory that unpacking takes at its worst moment, without initrd and blocks of the firmware's pool",
			false, measured(sim.PeakUnpackingBytes)},
		{"peak, initrd and all", "memory that the boot takes at its worst moment, all that it holds counted",
			false, measured(sim.PeakBytes)},
		{"kernel copies", "how often the whole unpacked kernel is written",
			false, measured(sim.KernelCopies)},
		{"compressed copies", "how often the compressed kernel is placed in memory as a whole, loading included",
			false, measured(sim.CompressedCopies)},
		{"bytes copied", "what boot code copies, moves or unpacks",
			false, measured(sim.BytesCopied)},
		{"kernel's memory", "the type of the memory that was allocated for the kernel, if anybody allocated it",
			false, kernelMemory},
		{"below 1 MiB", "memory below 1 MiB that boot code grabs without asking, or allocates",
			false, lowMemoryUse},
		{"below 4 GiB", "memory that is asked of the firmware with the condition that it lies below 4 GiB",
			false, below4G},
		{"requests", "how many requests for memory succeed",
			false, measured(sim.AllocationCount)},
	}},
	{"W+X", []question{
		{"at stub entry", "RAM that is writable and executable at once when the firmware starts the EFI stub",
			false, measured(sim.WXAtStubEntry)},
		{"at exit of firmware", "RAM that is writable and executable at once when boot services end",
			false, measured(sim.WXAtExit)},
		{"at kernel entry", "RAM that is writable and executable at once when the kernel is entered",
			false, measured(sim.WXAtKernelEntry)},
		{"peak", "the most RAM that is writable and executable at once after any step of boot code",
			false, measured(sim.WXPeak)},
		{"written, then executed", "memory that boot code writes and executes through one mapping that allows both",
			false, measured(sim.WXUsed)},
		{"runs in data memory", "what is executed in memory that was allocated as data (Loader Data)",
			false, runsInData},
		{"permission calls", "how often boot code asks the firmware for other permissions",
			false, measured(sim.PermissionCalls)},
	}},
	{"the four weaknesses", []question{
		{"low memory (W1)", "whether weakness W1 shows: a paging switch in low memory that nobody allocated",
			false, breaks("low-memory", "nx-stripped")},
		{"PE header (W2)", "whether weakness W2 shows: a header of the EFI image that promises something else than its code does",
			false, breaks("pe-promise")},
		{"moves itself (W3)", "whether weakness W3 shows: code that moves itself and goes on there",
			false, breaks("self-relocated")},
		{"maps on demand (W4)", "whether weakness W4 shows: page faults that map whatever is touched",
			false, breaks("demand-map")},
	}},
	{"KASLR", []question{
		{"physical", "how much chance there is in the kernel's physical address",
			false, measured(sim.PhysicalEntropyBits)},
		{"chosen by", "who chooses the physical address (choice physical)",
			true, chosen("physical")},
		{"virtual", "how much chance there is in the kernel's virtual address",
			false, measured(sim.VirtualEntropyBits)},
		{"virtual chosen by", "who chooses the virtual address (choice virtual)",
			true, chosen("virtual")},
	}},
	{"compatibility", []question{
		{TrialHandover, "whether a boot loader can enter the kernel by the EFI handover protocol: tried",
			false, tried(TrialHandover)},
		{TrialMixedMode, "whether the 64-bit kernel boots from 32-bit EFI firmware: tried",
			false, tried(TrialMixedMode)},
		{TrialLimit, "whether the kernel stays below 1 GiB with mem=1G on the command line: tried",
			false, limited},
		{"without EFI", "whether a boot loader without EFI can start it",
			true, withoutEFI},
	}},
	{"paging and BSS", []question{
		{"5-level switch at", "where the code lies that changes the number of paging levels",
			false, placed("paging_trampoline", startOf)},
		{"moves itself to", "where the decompressor goes on after it has copied itself",
			false, placed("relocated_image", startOf)},
		{"tables at kernel entry", "whose page tables are in force when the kernel is entered",
			false, finalTables},
		{"on a page fault", "what comes of an access that those tables do not map: a handler maps memory with these rights, or the machine is dead",
			false, faultHandler},
		{"BSS cleared by", "who fills the kernel's BSS with zeroes (choice bss)",
			true, chosen("bss")},
		{"heap", "what backs the memory allocator of the decompression (choice malloc)",
			true, chosen("malloc")},
	}},
	{"PE image", []question{
		{"sections aligned to", "the alignment of the sections of the EFI image; with ! it is less than a page, so that page tables cannot keep them apart",
			false, sectionAlignment},
		{"NX_COMPAT", "whether the header promises that the image needs no memory that is writable and executable at once",
			false, nxCompat},
		{"layout", "which sections the EFI image has, and what they promise (choice pe-layout)",
			true, chosen("pe-layout")},
		{"boot_params", "where the zero page comes from that the kernel reads (choice boot-params)",
			true, chosen("boot-params")},
		{"permissions", "what is done so that code may be executed (choice nx)",
			true, chosen("nx")},
	}},
}
