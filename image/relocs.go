package image

// readRelocs counts the relocations in table, which is all that follows the ELF
// file in the payload.
func (k *Kernel) readRelocs(table []byte) {
	if len(table) == 0 {
		return
	}
	lists, ok := relocLists(table)
	if !ok {
		k.note("%d bytes follow the ELF file in the payload, and they are no relocation table", len(table))
		return
	}
	r := &Relocs{Offset: k.ELF.FileEnd, Bytes: uint64(len(table)), Count32: lists[len(lists)-1]}
	if len(lists) > 1 {
		r.Count64 = lists[0]
	}
	if len(lists) > 2 {
		r.Inverse32 = lists[1]
	}
	k.Relocs = r
}

// relocLists counts the words of each list in the order of the file: a zero word
// stands before each, because the kernel walks them backwards. There are at most
// three: 64-bit (not in 32-bit kernels), inverse 32-bit (until v6.14), 32-bit.
func relocLists(table []byte) (counts []int, ok bool) {
	for ; len(table) >= 4; table = table[4:] {
		switch {
		case le32(table) == 0:
			counts = append(counts, 0)
		case len(counts) == 0:
			return nil, false
		default:
			counts[len(counts)-1]++
		}
	}
	return counts, len(table) == 0 && len(counts) >= 1 && len(counts) <= 3
}
