package design

import (
	"bootplan/alloc"
	"bootplan/linux"
)

// ways are the details in which releases of the stub differ and that nobody discusses:
// no choices, but facts of a version.
type ways struct {
	release        linux.Version // whose ways they are
	noSlotSucceeds bool          // an allocation without any place for it succeeds, and stores no address
	unaccepted     bool          // unaccepted memory is known
	mapSlack       uint32        // for how many more descriptors a buffer for the memory map has room
}

// waysOf are the ways of a design of one version with a kernel of a release that it models.
func waysOf(_, release linux.Version) ways {
	w := ways{
		release:        release,
		noSlotSucceeds: release < linux.V6_3,
		unaccepted:     release >= linux.V6_5,
		mapSlack:       alloc.MapSlack,
	}
	if release < linux.V6_12 {
		w.mapSlack = alloc.OldMapSlack
	}
	return w
}
