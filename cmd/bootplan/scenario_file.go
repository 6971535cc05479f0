package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

// scenarioFile is a scenario in YAML; its keys are the names of the flags. A path
// is relative to the file. A map of more than one line is the map itself, in any
// form that a map file can have.
type scenarioFile struct {
	Map      *string              `yaml:"map"`
	From     *string              `yaml:"from"`
	Sysroot  *string              `yaml:"sysroot"`
	Kernel   *string              `yaml:"kernel"`
	Profile  *string              `yaml:"profile"`
	Design   oneOrMore[ownDesign] `yaml:"design"`
	Set      oneOrMore[string]    `yaml:"set"`
	Policy   *policyKey           `yaml:"policy"`
	Firmware *string              `yaml:"firmware"`
	Services *string              `yaml:"services"`
	CPU      *string              `yaml:"cpu"`
	Cmdline  *string              `yaml:"cmdline"`
	Initrd   *string              `yaml:"initrd"`
	Seed     *string              `yaml:"seed"`
	Random   *string              `yaml:"random"`
}

// oneOrMore is a list in YAML, which may be written without brackets if it has one item.
type oneOrMore[T any] []T

// UnmarshalYAML reads either form.
func (l *oneOrMore[T]) UnmarshalYAML(text []byte) error {
	if trimmed := bytes.TrimSpace(text); bytes.HasPrefix(trimmed, []byte("[")) || bytes.HasPrefix(trimmed, []byte("-")) {
		return yaml.UnmarshalWithOptions(text, (*[]T)(l), yaml.Strict())
	}
	*l = make([]T, 1)
	return yaml.UnmarshalWithOptions(text, &(*l)[0], yaml.Strict())
}

// readScenario takes from the scenario file what the command line leaves open.
func (a *app) readScenario(f *scenarioFlags) error {
	if f.file == "" {
		return nil
	}
	text, err := a.readFile(f.file)
	if err != nil {
		return err
	}
	if f.file == "-" {
		f.file = standardInput
	}
	var s scenarioFile
	if err := yaml.UnmarshalWithOptions(text, &s, yaml.Strict()); err != nil {
		return fmt.Errorf("%s: %s", f.file, strings.TrimRight(yaml.FormatError(err, false, true), "\n"))
	}
	f.resolve(s.Map, s.Sysroot, s.Kernel)
	// A flag that says the same in another way wins, too.
	if f.given("profile") {
		s.Kernel = nil
	}
	if f.given("kernel") {
		s.Profile = nil
	}
	if f.given("sysroot") {
		s.Map = nil
	}
	if f.given("map") {
		s.Sysroot, s.From = nil, nil
	}
	for _, key := range []struct {
		name  string
		value *string
	}{
		{"map", s.Map}, {"from", s.From}, {"sysroot", s.Sysroot}, {"kernel", s.Kernel}, {"profile", s.Profile},
		{"firmware", s.Firmware}, {"services", s.Services}, {"cpu", s.CPU}, {"cmdline", s.Cmdline}, {"initrd", s.Initrd}, {"seed", s.Seed}, {"random", s.Random},
	} {
		if key.value == nil {
			continue
		}
		if err := f.take(key.name, *key.value); err != nil {
			return err
		}
	}
	if err := f.takePolicy(s.Policy); err != nil {
		return err
	}
	var names []string
	for _, d := range s.Design {
		names = append(names, d.Name)
		if d.From != "" {
			f.own = append(f.own, d)
		}
	}
	if err := f.take("design", names...); err != nil {
		return err
	}
	return f.take("set", s.Set...)
}

// take sets a flag, unless the command line did.
func (f *scenarioFlags) take(name string, values ...string) error {
	if f.given(name) {
		return nil
	}
	for _, value := range values {
		if err := f.set.Set(name, value); err != nil {
			return fmt.Errorf("%s: %w", f.file, wrongValue(err))
		}
	}
	return nil
}

// takePolicy takes the policy that the file names or describes, unless the command line
// names one.
func (f *scenarioFlags) takePolicy(k *policyKey) error {
	switch {
	case k == nil || f.given("policy"):
		return nil
	case k.own != nil:
		f.ownPolicy = k.own
		return nil
	}
	return f.take("policy", k.name)
}

// resolve makes paths relative to the scenario file.
func (f *scenarioFlags) resolve(paths ...*string) {
	for _, p := range paths {
		if p != nil && *p != "" && *p != "-" && !strings.Contains(*p, "\n") && !filepath.IsAbs(*p) {
			*p = filepath.Join(filepath.Dir(f.file), *p)
		}
	}
}
