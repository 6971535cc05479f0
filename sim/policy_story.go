package sim

import (
	"fmt"

	"bootplan/memmap"
)

// story says in a clause why memory of type t is mapped as it is.
func (p *Policy) story(t memmap.EFIType) string {
	switch {
	case p.FreeRP && t == memmap.EFIConventional:
		return fmt.Sprintf("policy %s does not map free memory", p.Name)
	case p.NX>>NXBit(t)&1 != 0:
		return fmt.Sprintf("policy %s forbids execution in memory of type %v (bit %d of its NX mask %#x)", p.Name, t, NXBit(t), p.NX)
	}
	return fmt.Sprintf("policy %s forbids nothing in memory of type %v", p.Name, t)
}

// remedy says in a clause what boot code could have done, while boot services were
// alive, to be granted need on memory that a change has denied it.
func (p *Policy) remedy(c Change, need Perm) string {
	if c.By == ByPolicy && c.Perm == 0 {
		return "it would be legal in memory that was allocated"
	}
	attribute := "EFI_MEMORY_RO"
	switch {
	case need.Has(X):
		attribute = "EFI_MEMORY_XP"
	case c.Perm == 0:
		attribute = "EFI_MEMORY_RP"
	}
	switch {
	case p.Attribute:
		return fmt.Sprintf("it would be legal if the boot code had cleared %s there through the memory attribute protocol", attribute)
	case !p.NoDXE && !p.StaleSpace:
		return fmt.Sprintf("it would be legal if the boot code had cleared %s there through the DXE services", attribute)
	case p.Of(memmap.EFILoaderCode).Has(need):
		return "it would be legal in memory allocated as LoaderCode: this firmware has no call that changes permissions"
	}
	return "nothing could have made it legal: this firmware has no call that changes permissions"
}
