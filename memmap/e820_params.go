package memmap

import (
	"strings"

	"bootplan/linux"
)

// ParseMem applies the text behind mem=: RAM from that address on is removed. ok is
// false where the kernel finds the option malformed: a size of 0, or "nopentium".
// Source: arch/x86/kernel/e820.c:parse_memopt (v6.12).
func (k *KernelE820) ParseMem(text string) (ok bool) {
	if text == "nopentium" {
		if k.Table.Log != nil {
			k.Table.Log("mem=nopentium ignored! (only supported on x86_32)")
		}
		return false
	}
	k.userDefined = true
	size, _ := linux.Memparse(text, k.Table.Version)
	if size == 0 {
		return false
	}
	k.Table.Remove(size, ^uint64(0)-size, E820RAM)
	k.MaxMemSize = size
	return true
}

// ParseMemmap applies the text behind memmap=, a list with commas. Everything that
// begins with "exactmap" empties the table. The kernel accepts any text: an element
// that it does not understand is skipped, although part of it may have taken effect.
// The error is a *linux.Panic for an element that turns a type into itself.
// Source: arch/x86/kernel/e820.c:parse_memmap_opt (v6.12).
func (k *KernelE820) ParseMemmap(text string) error {
	for element := range strings.SplitSeq(text, ",") {
		if err := k.parseMemmapOne(element); err != nil {
			return err
		}
	}
	return nil
}

// memmapTypes is what size@start, size#start, size$start and size!start add.
var memmapTypes = map[byte]E820Type{'@': E820RAM, '#': E820ACPI, '$': E820Reserved, '!': E820PRAM}

// parseMemmapOne applies one element.
// Source: arch/x86/kernel/e820.c:parse_memmap_one (v6.12).
func (k *KernelE820) parseMemmapOne(element string) error {
	if strings.HasPrefix(element, "exactmap") {
		k.Table.Clear()
		k.userDefined = true
		return nil
	}
	size, rest := linux.Memparse(element, k.Table.Version)
	if len(rest) == len(element) {
		return nil
	}
	k.userDefined = true
	if rest == "" {
		k.Table.Remove(size, ^uint64(0)-size, E820RAM)
		return nil
	}
	start, types := linux.Memparse(rest[1:], k.Table.Version)
	if rest[0] == '%' {
		return k.retype(start, size, types)
	}
	if t, ok := memmapTypes[rest[0]]; ok {
		k.Table.Add(start, size, t)
	} else {
		k.Table.Remove(size, ^uint64(0)-size, E820RAM)
	}
	return nil
}

// retype applies size%start followed by -old, by +new, by both or by neither: memory
// is turned from one type into another, removed, added, or removed whatever its type.
// Type 0 counts as not given.
func (k *KernelE820) retype(start, size uint64, types string) error {
	var from, to uint64
	if strings.HasPrefix(types, "-") {
		from, types = linux.Strtoull(types[1:])
	}
	if strings.HasPrefix(types, "+") {
		to, types = linux.Strtoull(types[1:])
	}
	if types != "" {
		return nil
	}
	switch from, to := E820Type(from), E820Type(to); {
	case from == 0 && to == 0:
		k.Table.RemoveAny(start, size)
	case to == 0:
		k.Table.Remove(start, size, from)
	case from == 0:
		k.Table.Add(start, size, to)
	case from == to:
		return &linux.Panic{Text: "old_type == new_type", BUG: true}
	default:
		k.Table.Update(start, size, from, to)
	}
	return nil
}
