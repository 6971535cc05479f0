package parse

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxLine is how much of one line is looked at, in bytes.
const maxLine = 64 << 10

// lines walks through a text line by line with one buffer, however long the text
// and its lines are. Line ends may be "\n", "\r\n", what serial captures make of
// them ("\r\r\n"), or "\r" alone if the text begins that way.
type lines struct {
	r      *bufio.Reader // with a buffer of maxLine bytes
	end    byte
	number int    // of the current line, from 1
	text   []byte // the current line, valid until the next one; escape sequences removed
	cut    bool   // the line goes on beyond text
	err    error  // what stopped the walk, nil at the end of the text
}

func newLines(r *bufio.Reader) *lines {
	l := &lines{r: r, end: '\n'}
	head, _ := r.Peek(maxLine)
	if bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(head, '\r') >= 0 {
		l.end = '\r'
	}
	return l
}

// next moves to the next line and reports whether there is one.
func (l *lines) next() bool {
	for l.cut && l.err == nil {
		_, err := l.r.ReadSlice(l.end)
		l.stop(err)
	}
	if l.err != nil {
		return l.finish()
	}
	text, err := l.r.ReadSlice(l.end)
	l.stop(err)
	if len(text) == 0 {
		return l.finish()
	}
	l.number++
	l.text = withoutEscapes(bytes.Trim(text, "\r\n"))
	return true
}

// stop notes how a read ended.
func (l *lines) stop(err error) {
	l.cut = errors.Is(err, bufio.ErrBufferFull)
	if !l.cut {
		l.err = err
	}
}

func (l *lines) finish() bool {
	if errors.Is(l.err, io.EOF) {
		l.err = nil
	}
	return false
}

// withoutEscapes removes terminal control sequences from line, in place: firmware
// consoles and "dmesg --color" put them between the words.
func withoutEscapes(line []byte) []byte {
	const escape = 0x1b
	if bytes.IndexByte(line, escape) < 0 {
		return line
	}
	kept := line[:0]
	for i := 0; i < len(line); i++ {
		if line[i] != escape {
			kept = append(kept, line[i])
			continue
		}
		if i+1 < len(line) && line[i+1] == '[' {
			for i += 2; i < len(line) && (line[i] < '@' || line[i] > '~'); i++ {
			}
		}
	}
	return kept
}
