package initrd

import (
	"fmt"
	"io"
)

// Modes of an entry, as in stat.h.
const (
	directory  = 0o040755
	executable = 0o100755
	terminal   = 0o020600 // a character device
)

// entry is a file of an archive. Device is the minor number beside major 5, that of
// terminals.
type entry struct {
	name   string // without a leading slash
	mode   uint32
	device uint32
	data   []byte
}

// writeCPIO writes entries in the "newc" form, in which the kernel reads its initramfs:
// a header of fixed-length hexadecimal fields, the name, the data, both padded to 4 bytes.
// Source: Documentation/driver-api/early-userspace/buffer-format.rst (v6.12).
func writeCPIO(w io.Writer, entries []entry) error {
	for i, e := range append(entries, entry{name: "TRAILER!!!"}) {
		if err := e.write(w, i+1); err != nil {
			return err
		}
	}
	return nil
}

// write writes e, which has the inode number inode.
func (e entry) write(w io.Writer, inode int) error {
	const links, majorOfTerminals = 1, 5
	major := uint32(0)
	if e.mode == terminal {
		major = majorOfTerminals
	}
	head := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		inode, e.mode, 0, 0, links, 0, len(e.data), 0, 0, major, e.device, len(e.name)+1, 0, e.name)
	for _, part := range [][]byte{[]byte(head), padding(len(head)), e.data, padding(len(e.data))} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// padding fills n bytes up to a multiple of 4.
func padding(n int) []byte { return make([]byte, -n&3) }
