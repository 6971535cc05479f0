package gdb

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"strings"
)

// register is where the stub keeps a register.
type register struct {
	number int
	bytes  int
}

// target is a description of a machine, which may lie in further files.
type target struct {
	Includes []struct {
		File string `xml:"href,attr"`
	} `xml:"include"`
	Features  []target `xml:"feature"`
	Registers []struct {
		Name   string `xml:"name,attr"`
		Bits   int    `xml:"bitsize,attr"`
		Number *int   `xml:"regnum,attr"`
	} `xml:"reg"`
}

// readRegisters reads which registers the machine has.
func (c *Client) readRegisters(ctx context.Context) (map[string]register, error) {
	registers, next := map[string]register{}, 0
	var read func(file string) error
	read = func(file string) error {
		text, err := c.description(ctx, file)
		if err != nil {
			return err
		}
		var t target
		if err := xml.Unmarshal([]byte(text), &t); err != nil {
			return fmt.Errorf("the debugger stub's %s: %w", file, err)
		}
		for _, part := range append(t.Features, t) {
			next = part.number(registers, next)
		}
		for _, include := range t.Includes {
			if err := read(include.File); err != nil {
				return err
			}
		}
		return nil
	}
	return registers, read("target.xml")
}

// number adds the registers of t, which are numbered from next on unless they say
// otherwise, and returns the number behind them.
func (t *target) number(registers map[string]register, next int) int {
	for _, r := range t.Registers {
		if r.Number != nil {
			next = *r.Number
		}
		registers[r.Name] = register{next, r.Bits / 8}
		next++
	}
	return next
}

// description reads one file of the description, which comes in pieces.
func (c *Client) description(ctx context.Context, file string) (string, error) {
	var text strings.Builder
	for {
		data, err := c.call(ctx, fmt.Sprintf("qXfer:features:read:%s:%x,%x", file, text.Len(), c.chunk))
		if err != nil {
			return "", err
		}
		if data == "" || data[0] != 'm' && data[0] != 'l' {
			return "", fmt.Errorf("the debugger stub has no %s: expected QEMU's stub for x86-64", file)
		}
		text.WriteString(data[1:])
		if data[0] == 'l' {
			return text.String(), nil
		}
	}
}

// Register returns the value of a register such as "rip" or "cr3".
func (c *Client) Register(ctx context.Context, name string) (uint64, error) {
	r, known := c.registers[name]
	if !known {
		return 0, fmt.Errorf("the debugger stub has no register %s", name)
	}
	data, err := c.call(ctx, fmt.Sprintf("p%x", r.number))
	if err != nil {
		return 0, err
	}
	value, err := hex.DecodeString(data)
	if err != nil || len(value) > 8 {
		return 0, fmt.Errorf("the debugger stub sent %q for register %s: expected %d bytes in hexadecimal", data, name, r.bytes)
	}
	return binary.LittleEndian.Uint64(append(value, make([]byte, 8-len(value))...)), nil
}
