package alloc

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
)

// Finding is one surprise in one allocation.
type Finding struct {
	Rule     string // one of Rules
	Severity rule.Severity
	Range    memmap.Range // of memory, may be empty
	Message  string       // one sentence
}

// finding is a finding of one of this package's rules.
func finding(id string, r memmap.Range, format string, args ...any) Finding {
	return Finding{id, rule.SeverityOf(Rules(), id), r, fmt.Sprintf(format, args...)}
}

// RandomAllocFindings tells which of Rules show when RandomAlloc, asked for q on a
// map, answers with status.
func RandomAllocFindings(q Request, descs []memmap.EFIDescriptor, status Status) []Finding {
	list := sizeFindings(q.Size)
	s := q.rule()
	total, _ := s.count(descs)
	if total > 1<<32 {
		list = append(list, finding(ruleSlotsOverflow, memmap.Range{},
			"%#x slots are more than a 32-bit seed can choose from: the product loses its high bits", total))
	}
	if status == NoAddress {
		list = append(list, finding(ruleNoAddress, memmap.Range{}, "no place was found, and the caller is told of success"))
	}
	return append(list, oneTry(status, total, 1)...)
}

// LowAllocFindings tells which of Rules show when LowAllocAbove, asked for q on a
// map, answers with status.
func LowAllocFindings(q Request, descs []memmap.EFIDescriptor, status Status) []Finding {
	q.Max, q.AllowZero = ^uint64(0), true
	s := q.rule()
	var total, tried uint64
	for i := s.next(descs, 0); i < len(descs); i = s.next(descs, i+1) {
		if n := s.slots(&descs[i]); n > 0 {
			total += n
			tried++
		}
	}
	return append(sizeFindings(q.Size), oneTry(status, total, tried)...)
}

// oneTry is the finding when the firmware refused all that it was asked for although
// the map shows more places than that.
func oneTry(status Status, places, tried uint64) []Finding {
	if status == Success || status == NoAddress || places <= tried {
		return nil
	}
	return []Finding{finding(ruleOneTry, memmap.Range{},
		"the firmware refused what it was asked for: %d of the %d places that the map shows; the others are not tried", tried, places)}
}

// AllocatePagesFindings tells which of Rules show in AllocatePages with these arguments.
func AllocatePagesFindings(size, last uint64) []Finding {
	list := sizeFindings(size)
	if last == 0 {
		list = append(list, finding(ruleZeroLimit, memmap.Range{}, "the limit 0 allows any address"))
	}
	return list
}

// sizeFindings is the finding about a size that rounding up makes 0.
func sizeFindings(size uint64) []Finding {
	if size == 0 || roundUp(size, memmap.PageSize) != 0 {
		return nil
	}
	return []Finding{finding(ruleSizeWraps, memmap.Range{}, "%#x bytes, rounded up to pages, are none", size)}
}

// Findings tells which of Rules the heap has shown so far.
func (h *Heap) Findings() []Finding {
	if !h.exactFit {
		return nil
	}
	return []Finding{finding(ruleExactFit, memmap.Range{Start: h.base, End: h.end},
		"a block that would have ended with the heap was refused; the cursor went there all the same")}
}
