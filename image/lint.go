package image

import (
	"slices"

	"bootplan/rule"
)

// Finding is one fault of an image.
type Finding struct {
	Rule     string        `json:"rule"`
	Severity rule.Severity `json:"severity"`
	Message  string        `json:"message"` // with the values that show it
}

// check is a rule and the code that finds where an image breaks it: one message
// each. It is asked only if the part of the image that it looks at exists.
type check struct {
	rule.Rule
	messages func(*Kernel) []string
}

// checks in the order in which findings are listed.
var checks = slices.Concat(headerChecks, payloadChecks, sectionChecks, promiseChecks)

// LintRules returns the rules that Lint knows.
func LintRules() []rule.Rule {
	rules := make([]rule.Rule, len(checks))
	for i, c := range checks {
		rules[i] = c.Rule
	}
	return rules
}

// Lint lists what is wrong with an image, in a fixed order. Parts that were not
// read are not judged.
func Lint(k *Kernel) []Finding {
	var findings []Finding
	for _, c := range checks {
		for _, message := range c.messages(k) {
			findings = append(findings, Finding{c.ID, c.Severity, message})
		}
	}
	return findings
}
