// Package rule is the shape of everything bootplan can find fault with: a stable
// identifier, how bad it is, and the words that explain it to a newcomer.
//
// The packages that find faults (memmap/lint, image, kaslr, trampoline, alloc,
// sim/check) each declare their own rules; the command line collects them for
// "bootplan explain". An identifier never changes its meaning.
package rule

import (
	"fmt"
	"slices"
)

// Severity says how bad a finding is. The order is the order of badness.
type Severity uint8

// The severities, from a remark to what breaks a boot.
const (
	Info Severity = iota
	Warning
	Error
)

// String is the name used on the command line and in JSON.
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// ParseSeverity is the inverse of String.
func ParseSeverity(name string) (Severity, error) {
	for _, s := range []Severity{Info, Warning, Error} {
		if s.String() == name {
			return s, nil
		}
	}
	return 0, fmt.Errorf("severity %q: expected error, warning or info", name)
}

// MarshalText writes the name, so that JSON shows "error" and not a number.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Rule is one thing that can be wrong.
type Rule struct {
	ID       string   // stable, lower case, words joined by hyphens: "wx-used"
	Severity Severity // unless a finding states otherwise
	Title    string   // one line
	Text     string   // one paragraph in words a newcomer understands
	Example  string   // the smallest example that shows it, may be empty
	Sources  []string // "arch/x86/boot/compressed/kaslr.c:store_slot_info (v6.12)", specifications, mails
}

// SeverityOf is how bad the rule with an identifier is, which must be one of rules.
func SeverityOf(rules []Rule, id string) Severity {
	return rules[slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })].Severity
}
