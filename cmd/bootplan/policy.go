package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"bootplan/memmap"
	"bootplan/sim"
)

// policyKey is the value of a scenario file's key policy: the name of one, or one of the
// user's own.
type policyKey struct {
	name string
	own  *ownPolicy
}

// ownPolicy is a policy of the user's own: another one, and what is different.
type ownPolicy struct {
	Name         string    `yaml:"name"`
	From         string    `yaml:"from"`
	NX           nxKey     `yaml:"nx"`
	Images       *[]string `yaml:"images"`
	Attribute    *bool     `yaml:"attribute-protocol"`
	DXE          *bool     `yaml:"dxe-services"`
	NXCompat     *string   `yaml:"nx-compat"`
	OpenImages   *bool     `yaml:"open-images"`
	FreeUnmapped *bool     `yaml:"free-memory-unmapped"`
	NullUnmapped *bool     `yaml:"null-page-unmapped"`
	Reapply      *bool     `yaml:"reapply"`
	Quirks       []string  `yaml:"quirks"`
}

// nxKey is the NX mask of a policy: a number, or a list of memory types.
type nxKey struct {
	given bool
	mask  uint64
}

// UnmarshalYAML reads either form.
func (k *policyKey) UnmarshalYAML(text []byte) error {
	if err := yaml.Unmarshal(text, &k.name); err == nil {
		return nil
	}
	k.own = &ownPolicy{}
	return yaml.UnmarshalWithOptions(text, k.own, yaml.Strict())
}

// UnmarshalYAML reads either form.
func (k *nxKey) UnmarshalYAML(text []byte) error {
	k.given = true
	var types []string
	if err := yaml.Unmarshal(text, &types); err == nil {
		for _, name := range types {
			t, err := efiTypeNamed(name)
			if err != nil {
				return err
			}
			k.mask |= 1 << sim.NXBit(t)
		}
		return nil
	}
	mask, err := strconv.ParseUint(strings.TrimSpace(string(text)), 0, 64)
	if err != nil {
		return fmt.Errorf("nx: %q: expected a mask such as 0x7fd5, or a list of memory types such as [Conventional, Loader Data]", text)
	}
	k.mask = mask
	return nil
}

// efiTypeNamed returns the memory type that kernel logs call name.
func efiTypeNamed(name string) (memmap.EFIType, error) {
	var names []string
	for t := range memmap.EFIUnaccepted + 1 {
		if strings.EqualFold(t.String(), name) {
			return t, nil
		}
		names = append(names, t.String())
	}
	return 0, fmt.Errorf("memory type %q: expected one of %s", name, strings.Join(names, ", "))
}

// policy makes the policy that o describes.
func (o *ownPolicy) policy() (sim.Policy, error) {
	var p sim.Policy
	if o.From != "" {
		var err error
		if p, err = sim.PolicyNamed(o.From); err != nil {
			return p, fmt.Errorf("from: %w", err)
		}
	}
	p.Name = o.Name
	if p.Name == "" {
		p.Name = "of the scenario file"
	}
	if o.NX.given {
		p.NX = o.NX.mask
	}
	for _, set := range []struct {
		from *bool
		to   *bool
	}{
		{o.Attribute, &p.Attribute}, {o.OpenImages, &p.OpenImage}, {o.FreeUnmapped, &p.FreeRP},
		{o.NullUnmapped, &p.NullPage}, {o.Reapply, &p.Reapply},
	} {
		if set.from != nil {
			*set.to = *set.from
		}
	}
	if o.DXE != nil {
		p.NoDXE = !*o.DXE
	}
	return p, errors.Join(o.setImages(&p), o.setNXCompat(&p), o.setQuirks(&p))
}

func (o *ownPolicy) setImages(p *sim.Policy) error {
	if o.Images == nil {
		return nil
	}
	p.Images = 0
	for _, name := range *o.Images {
		switch name {
		case "firmware":
			p.Images |= sim.FromFirmware
		case "elsewhere":
			p.Images |= sim.FromElsewhere
		default:
			return fmt.Errorf("images: %q: expected firmware or elsewhere", name)
		}
	}
	return nil
}

func (o *ownPolicy) setNXCompat(p *sim.Policy) error {
	if o.NXCompat == nil {
		return nil
	}
	known := []string{sim.NXCompatIgnored.String(), sim.NXCompatCompatibility.String(), sim.NXCompatRefused.String()}
	i := slices.Index(known, *o.NXCompat)
	if i < 0 {
		return fmt.Errorf("nx-compat: %q: expected one of %s", *o.NXCompat, strings.Join(known, ", "))
	}
	p.NXCompat = sim.NXCompat(i)
	return nil
}

func (o *ownPolicy) setQuirks(p *sim.Policy) error {
	for _, name := range o.Quirks {
		switch name {
		case "ignores-requests":
			p.Ignores = true
		case "only-relaxes":
			p.OnlyRelaxes = true
		case "stale-dxe-services":
			p.StaleSpace = true
		default:
			return fmt.Errorf("quirks: %q: expected ignores-requests, only-relaxes or stale-dxe-services", name)
		}
	}
	return nil
}

// policy is the policy that the flags or the scenario file name or describe.
func (f *scenarioFlags) policy() (sim.Policy, error) {
	if f.ownPolicy == nil {
		if f.Policy == "all" || strings.Contains(f.Policy, ",") {
			return sim.Policy{}, fmt.Errorf("--policy: %s: expected one policy; bootplan compare takes several", f.Policy)
		}
		p, err := sim.PolicyNamed(f.Policy)
		if err != nil {
			return p, fmt.Errorf("--policy: %w", err)
		}
		return p, nil
	}
	p, err := f.ownPolicy.policy()
	if err != nil {
		return p, fmt.Errorf("%s: policy: %w", f.file, err)
	}
	return p, nil
}
