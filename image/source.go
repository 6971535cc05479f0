package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// source is a file, or a file unpacked from another, with bounds.
type source struct {
	name string
	r    io.ReaderAt
	size uint64
}

// unpacked is the source of bytes that came out of s.
func (s *source) unpacked(data []byte) *source {
	return &source{s.name + " (payload)", bytes.NewReader(data), uint64(len(data))}
}

func (s *source) errorf(offset uint64, format string, args ...any) *Error {
	return &Error{File: s.name, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// has reports whether [offset, offset+n) lies in the file.
func (s *source) has(offset, n uint64) bool {
	return offset <= s.size && n <= s.size-offset
}

// bytes returns the n bytes at offset, which are what.
func (s *source) bytes(offset, n uint64, what string) ([]byte, error) {
	if !s.has(offset, n) {
		return nil, s.errorf(offset, "expected %#x bytes of %s here, but the file ends at %#x; is it truncated?", n, what, s.size)
	}
	data := make([]byte, n)
	if got, err := s.r.ReadAt(data, int64(offset)); uint64(got) < n {
		return nil, &Error{File: s.name, Offset: offset, Reason: "cannot read " + what, Err: err}
	}
	return data, nil
}

// upTo returns the n bytes at offset, or as many of them as the file has.
func (s *source) upTo(offset, n uint64, what string) ([]byte, error) {
	if offset > s.size {
		offset = s.size
	}
	return s.bytes(offset, min(n, s.size-offset), what)
}

// read fills the structure into, little endian, from the bytes at offset.
func (s *source) read(offset uint64, what string, into any) error {
	data, err := s.bytes(offset, uint64(binary.Size(into)), what)
	if err != nil {
		return err
	}
	_, err = binary.Decode(data, binary.LittleEndian, into)
	return err
}

// section is the n bytes at offset as a stream.
func (s *source) section(offset, n uint64) *io.SectionReader {
	return io.NewSectionReader(s.r, int64(offset), int64(n))
}

// text is the bytes of b up to the first zero; what a terminal could not show as
// a character becomes a question mark.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, string(b))
}

func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
