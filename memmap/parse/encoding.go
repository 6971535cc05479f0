package parse

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
)

// decoded returns r without a byte order mark, and in ASCII if it is UTF-16: the
// UEFI Shell's "memmap > map.txt" and Windows terminals write that.
func decoded(r *bufio.Reader) *bufio.Reader {
	head, _ := r.Peek(3) // what was peeked at can be discarded
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = r.Discard(3)
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		_, _ = r.Discard(2)
		return bufio.NewReaderSize(&wideText{r, binary.LittleEndian}, maxLine)
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		_, _ = r.Discard(2)
		return bufio.NewReaderSize(&wideText{r, binary.BigEndian}, maxLine)
	}
	return r
}

// wideText reads UTF-16 as ASCII; characters beyond it, which no map contains,
// become question marks.
type wideText struct {
	r     *bufio.Reader
	order binary.ByteOrder
}

func (t *wideText) Read(p []byte) (int, error) {
	for n := range p {
		var unit [2]byte
		if _, err := io.ReadFull(t.r, unit[:]); err != nil {
			if err == io.ErrUnexpectedEOF {
				err = io.EOF
			}
			return n, err
		}
		p[n] = '?'
		if c := t.order.Uint16(unit[:]); c < 0x80 {
			p[n] = byte(c)
		}
	}
	return len(p), nil
}
