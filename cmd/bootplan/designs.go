package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"

	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/design"
)

// ownDesign is an entry of a scenario file's list of designs: the name of one, or one
// of the user's own, made of another and of choices.
type ownDesign struct {
	Name string   `yaml:"name"`
	From string   `yaml:"from"`
	Set  []string `yaml:"set"`
}

// UnmarshalYAML reads either form.
func (d *ownDesign) UnmarshalYAML(text []byte) error {
	if err := yaml.Unmarshal(text, &d.Name); err == nil {
		return nil
	}
	type plain ownDesign
	if err := yaml.UnmarshalWithOptions(text, (*plain)(d), yaml.Strict()); err != nil {
		return err
	}
	if d.Name == "" || d.From == "" {
		return errors.New("a design of your own needs a name and the design that it is made from: {name: mine, from: efistub, set: [trampoline=low-memory]}")
	}
	return nil
}

// designs resolves the names that the user gives, or the design of the scenario's own
// kernel, with the choices that --set overrides.
func (f *scenarioFlags) designs(names []string) ([]*design.Design, error) {
	var list []*design.Design
	for _, name := range names {
		d, err := f.design(name)
		if err != nil {
			return nil, fmt.Errorf("--design: %w", err)
		}
		list = append(list, d)
	}
	if err := override(list, f.Choices); err != nil {
		return nil, fmt.Errorf("--set: %w", err)
	}
	return list, nil
}

// design finds one design, the user's own first.
func (f *scenarioFlags) design(name string) (*design.Design, error) {
	for _, own := range f.own {
		if own.Name != name {
			continue
		}
		d, err := design.Named(own.From)
		if err != nil {
			return nil, err
		}
		list := []*design.Design{d}
		if err := override(list, own.Set); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		mine := *list[0]
		mine.Info.Name = name
		return &mine, nil
	}
	return design.Named(name)
}

// override applies CHOICE=VALUE items to all designs that make such a choice; at
// least one has to.
func override(list []*design.Design, items []string) error {
	for _, item := range items {
		name, value, ok := strings.Cut(item, "=")
		if !ok {
			return fmt.Errorf("%q: expected CHOICE=VALUE, such as trampoline=below-4g; bootplan explain DESIGN lists the choices of a design", item)
		}
		if name == loaderChoice {
			continue // a property of the machine, read with the scenario
		}
		made := false
		var refused error
		for i, d := range list {
			other, err := d.With(name, value)
			switch {
			case errors.Is(err, design.ErrNotOffered):
				refused = err
			case err != nil:
				return err
			default:
				list[i], made = other, true
			}
		}
		if !made {
			return refused
		}
	}
	return nil
}

// loaderChoice is the choice that belongs to the machine: who loads a bzImage.
const loaderChoice = "loader"

// chosenDesigns are the names that the user gives, or that of the kernel's own design.
func chosenDesigns(f *scenarioFlags, sc *sim.Scenario) []string {
	if len(f.Designs) > 0 {
		return f.Designs
	}
	return []string{design.Fitting(sc.Kernel, sc.Map.Kind == memmap.EFI)}
}
