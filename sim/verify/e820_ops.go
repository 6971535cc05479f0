package verify

import (
	"encoding/json"
	"fmt"

	"bootplan/linux"
	"bootplan/memmap"
)

// operation is [name, arguments…].
type operation struct {
	name string
	args []json.RawMessage
}

func (o *operation) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &o.args); err != nil {
		return err
	}
	if len(o.args) == 0 {
		return fmt.Errorf("%s: expected an operation, its name first", text)
	}
	name := o.args[0]
	o.args = o.args[1:]
	return json.Unmarshal(name, &o.name)
}

// into decodes the arguments, one each.
func (o operation) into(values ...any) error {
	if len(o.args) != len(values) {
		return fmt.Errorf("operation %s: expected %d arguments", o.name, len(values))
	}
	for i, v := range values {
		if err := json.Unmarshal(o.args[i], v); err != nil {
			return fmt.Errorf("operation %s: %w", o.name, err)
		}
	}
	return nil
}

// hexes decodes arguments that are all numbers.
func (o operation) hexes(n int) ([]uint64, error) {
	numbers := make([]hex, n)
	into := make([]any, n)
	for i := range numbers {
		into[i] = &numbers[i]
	}
	err := o.into(into...)
	values := make([]uint64, n)
	for i, h := range numbers {
		values[i] = uint64(h)
	}
	return values, err
}

// step is the result of one operation.
type step struct {
	Ret           any         `json:"ret,omitempty"`
	Addr          *hex        `json:"addr,omitempty"`
	Size          *hex        `json:"size,omitempty"`
	Value         *hex        `json:"value,omitempty"`
	Table         []e820Entry `json:"table,omitempty"`
	Warnings      int         `json:"warnings,omitempty"`
	MemoryArray   *hex        `json:"memory_array,omitempty"`
	MemoryMax     int         `json:"memory_max,omitempty"`
	ReservedArray *hex        `json:"reserved_array,omitempty"`
	ReservedMax   int         `json:"reserved_max,omitempty"`
	stop
}

func number(v uint64) *hex {
	h := hex(v)
	return &h
}

// longestTable is up to how many entries a step states its table.
const longestTable = 16

func runE820Ops(in json.RawMessage) (any, error) {
	var c struct {
		kernelConfig
		Ops []operation `json:"ops"`
	}
	if err := json.Unmarshal(in, &c); err != nil {
		return nil, err
	}
	v, err := c.version()
	if err != nil {
		return nil, err
	}
	k := memmap.NewKernelE820(v, nil)
	var out struct {
		Steps []step      `json:"steps"`
		Table []e820Entry `json:"table"`
	}
	for _, op := range c.Ops {
		s, err := e820Step(k, op, c.LA57)
		if err != nil {
			err = s.set(err)
			out.Steps = append(out.Steps, s)
			return out, err
		}
		switch op.name {
		case "update", "remove", "update_table", "memmap":
			if len(k.Table.Entries()) <= longestTable {
				s.Table = tableOf(&k.Table)
			}
		}
		out.Steps = append(out.Steps, s)
	}
	out.Table = tableOf(&k.Table)
	return out, nil
}

// e820Step runs one operation on an e820 table.
func e820Step(k *memmap.KernelE820, op operation, la57 bool) (s step, err error) {
	t := &k.Table
	switch op.name {
	case "add":
		var start, size hex
		var typ memmap.E820Type
		err = op.into(&start, &size, &typ)
		t.Add(uint64(start), uint64(size), typ)
	case "update":
		s.Size, err = e820Update(t, op)
	case "remove":
		s.Size, err = e820Remove(t, op)
	case "update_table":
		if !t.Sanitize() {
			s.Ret = -1
		}
	case "memmap":
		var text string
		if err = op.into(&text); err == nil {
			err = k.ParseMemmap(text)
		}
	case "mapped_any", "mapped_all", "entry_type":
		s.Ret, err = e820Question(t, op)
	case "pci_gap":
		s.Value = number(t.PCIGap(0))
	case "end_of_ram_pfn":
		s.Value = number(t.EndOfRAM(la57))
	case "end_of_low_ram_pfn":
		s.Value = number(t.EndOfLowRAM(la57))
	default:
		err = fmt.Errorf("operation %s: %w", op.name, ErrUnsupported)
	}
	return s, err
}

func e820Update(t *memmap.E820Table, op operation) (*hex, error) {
	var start, size hex
	var from, to memmap.E820Type
	if err := op.into(&start, &size, &from, &to); err != nil {
		return nil, err
	}
	if from == to {
		return nil, &linux.Panic{Text: "old_type == new_type", BUG: true}
	}
	return number(t.Update(uint64(start), uint64(size), from, to)), nil
}

func e820Remove(t *memmap.E820Table, op operation) (*hex, error) {
	var start, size hex
	var typ memmap.E820Type
	var check bool
	if err := op.into(&start, &size, &typ, &check); err != nil {
		return nil, err
	}
	remove := t.RemoveAny
	if check {
		remove = func(start, size uint64) uint64 { return t.Remove(start, size, typ) }
	}
	return number(remove(uint64(start), uint64(size))), nil
}

// e820Question asks the table about a range.
func e820Question(t *memmap.E820Table, op operation) (any, error) {
	var start, end hex
	if op.name == "entry_type" {
		err := op.into(&start, &end)
		e, ok := t.MappedAll(uint64(start), uint64(end), 0)
		switch {
		case !ok:
			return -22, err
		case e.Type == 0:
			return nil, err // steps leave a 0 out
		}
		return int32(e.Type), err
	}
	var typ memmap.E820Type
	err := op.into(&start, &end, &typ)
	if op.name == "mapped_any" {
		return t.MappedAny(uint64(start), uint64(end), typ), err
	}
	_, ok := t.MappedAll(uint64(start), uint64(end), typ)
	return ok, err
}
