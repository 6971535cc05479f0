package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"bootplan/sim/report"
)

// ascii replaces, one for one, every other character that bootplan prints.
var ascii = strings.NewReplacer(
	"←", "<", "→", ">", "…", "~", "–", "-", "●", "!",
	"░", ".", "▒", "x", "▓", "%", "█", "@",
	"▁", "_", "▂", ".", "▃", ":", "▄", "-", "▅", "=", "▆", "+", "▇", "#", "│", "|", "║", "!", "°", "*", "·", " ",
)

// asciiWriter passes text on in ASCII. Every write holds whole characters.
type asciiWriter struct{ io.Writer }

func (w asciiWriter) Write(text []byte) (int, error) {
	if _, err := ascii.WriteString(w.Writer, string(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}

// prepare applies the flags that say how the terminal is.
func (a *app) prepare() error {
	if a.color != "auto" && a.color != "always" && a.color != "never" {
		return fmt.Errorf("--color: %q: expected auto, always or never", a.color)
	}
	if _, err := a.severity(); err != nil {
		return err
	}
	a.colors = a.color == "always" || a.color == "auto" && isTerminal(a.out)
	a.width = terminalWidth(a.out)
	if a.ascii {
		a.out, a.err = asciiWriter{a.out}, asciiWriter{a.err}
	}
	return nil
}

// isTerminal reports whether w is a terminal on which colours are wanted.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// terminalWidth is how many columns w has; 0 if it is no terminal, or does not say.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// style is how the user wants text to look.
func (a *app) style() report.Style {
	return report.Style{Verbose: a.verbose, Quiet: a.quiet, Color: a.colors, Width: a.width}
}
