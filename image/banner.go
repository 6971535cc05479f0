package image

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

const longestBanner = 512

// setBanner takes the version text, which begins with the release.
func (k *Kernel) setBanner(line string) {
	k.Banner = line
	k.Release, _, _ = strings.Cut(line, " ")
}

func (k *Kernel) note(format string, args ...any) {
	k.Notes = append(k.Notes, fmt.Sprintf(format, args...))
}

// findBanner looks through the file for the text that a kernel prints first.
func (s *source) findBanner(k *Kernel) error {
	const step = 1 << 20
	window := make([]byte, min(step+longestBanner, s.size))
	for at := uint64(0); at < s.size; at += step {
		window = window[:min(uint64(len(window)), s.size-at)]
		if _, err := s.r.ReadAt(window, int64(at)); err != nil && err != io.EOF {
			return &Error{File: s.name, Offset: at, Reason: "cannot read the image", Err: err}
		}
		if line, ok := bannerIn(window); ok {
			k.setBanner(line)
			return nil
		}
	}
	k.note(`no text "Linux version …" in the image: its release is unknown`)
	return nil
}

// bannerIn returns what follows "Linux version " on its line. What follows must
// begin with a digit: there are format strings that begin alike.
func bannerIn(window []byte) (string, bool) {
	for rest, found := window, true; found; {
		_, rest, found = bytes.Cut(rest, []byte("Linux version "))
		line, _, ended := bytes.Cut(rest[:min(len(rest), longestBanner)], []byte{'\n'})
		if found && ended && len(line) > 0 && line[0] >= '0' && line[0] <= '9' {
			return text(line), true
		}
	}
	return "", false
}
