package design

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"bootplan/linux"
	"bootplan/sim"
)

// Info is what a design is, for people.
type Info struct {
	Name       string
	Identifier string // in the matrix of designs: "D2"; empty: none
	Title      string
	Text       string // one paragraph
	Sources    []string
	Lacks      []string // what it does not support, one clause each
	Proposal   bool     // never implemented: modelled as what it would do
}

// A Design is a story of a boot, told with the choices of one kernel version or series.
type Design struct {
	Info    Info
	Version linux.Version // whose code it is
	Choices Choices

	story *story
}

// A story is one way to tell a boot. Designs that tell the same story differ in
// version and choices.
type story struct {
	tell   func(d *Design, b *sim.Boot) error
	offers []offer
}

// An offer is a choice that a story can make, and the values that it knows.
type offer struct {
	choice string
	values []string
}

// Name is the design's name, whatever choices were overridden.
func (d *Design) Name() string { return d.Info.Name }

// Boot tells the story.
func (d *Design) Boot(b *sim.Boot) error {
	if d.Info.Proposal {
		b.Assume("this design is a proposal that nobody has implemented: it does what was described")
	}
	return d.story.tell(d, b)
}

// Offers lists the choices that can be overridden, each with the values that this
// design knows.
func (d *Design) Offers() []Choice {
	var list []Choice
	for _, o := range d.story.offers {
		c, err := choiceNamed(o.choice)
		if err != nil {
			continue
		}
		offered := *c
		offered.Values = slices.DeleteFunc(slices.Clone(c.Values), func(v Value) bool { return !slices.Contains(o.values, v.Name) })
		list = append(list, offered)
	}
	return list
}

// ErrNotOffered says that a design has no such choice to make.
var ErrNotOffered = errors.New("is not a choice of this design")

// With returns the design with one choice overridden. An error wraps [ErrNotOffered] if
// the choice exists and this design does not make it.
func (d *Design) With(choice, value string) (*Design, error) {
	c, err := choiceNamed(choice)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(d.story.offers, func(o offer) bool { return o.choice == choice })
	if i < 0 {
		return nil, fmt.Errorf("%s %w: %s makes %s", choice, ErrNotOffered, d.Info.Name, strings.Join(d.offered(), ", "))
	}
	if values := d.story.offers[i].values; !slices.Contains(values, value) {
		return nil, fmt.Errorf("%s=%s: %s knows %s", choice, value, d.Info.Name, strings.Join(values, ", "))
	}
	other := *d
	*c.of(&other.Choices) = value
	return &other, nil
}

// offered are the names of the design's choices.
func (d *Design) offered() []string {
	names := []string{}
	for _, o := range d.story.offers {
		names = append(names, o.choice)
	}
	return names
}

// Get returns the value of a choice of this design.
func (d *Design) Get(choice string) string {
	c, err := choiceNamed(choice)
	if err != nil {
		return ""
	}
	return *c.of(&d.Choices)
}
