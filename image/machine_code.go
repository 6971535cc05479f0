package image

import "encoding/hex"

// machineCode is a piece of the protected-mode part of a bzImage. All places are
// offsets from startup_32.
type machineCode struct {
	start uint64
	bytes []byte
}

// window is the part of c in [from, from+n).
func (c machineCode) window(from, n uint64) machineCode {
	if from < c.start || from-c.start > uint64(len(c.bytes)) {
		return machineCode{start: from}
	}
	rest := c.bytes[from-c.start:]
	return machineCode{from, rest[:min(n, uint64(len(rest)))]}
}

// find returns where pattern fits first, and the 32-bit operands there. A pattern
// is instructions in hex; "...." stands for an operand.
func (c machineCode) find(pattern string) (at uint64, operands []uint32, ok bool) {
	want, wild := compile(pattern)
	for i := 0; i+len(want) <= len(c.bytes); i++ {
		if operands, ok := match(c.bytes[i:], want, wild); ok {
			return c.start + uint64(i), operands, true
		}
	}
	return 0, nil, false
}

// match compares code with want, in which operands begin where wild is set.
func match(code, want []byte, wild []bool) (operands []uint32, ok bool) {
	for i := 0; i < len(want); i++ {
		if wild[i] {
			operands = append(operands, le32(code[i:]))
			i += 3
		} else if code[i] != want[i] {
			return nil, false
		}
	}
	return operands, true
}

// compile turns a pattern into bytes and the places where operands begin.
func compile(pattern string) (want []byte, wild []bool) {
	for i := 0; i < len(pattern); {
		if pattern[i] == '.' {
			want, wild = append(want, 0, 0, 0, 0), append(wild, true, false, false, false)
			i += 4
			continue
		}
		b, err := hex.DecodeString(pattern[i : i+2])
		if err != nil {
			panic(err) // patterns are constants
		}
		want, wild = append(want, b[0]), append(wild, false)
		i += 2
	}
	return want, wild
}

// addresses calls yield for each "lea address(%rip), %reg" of c with the address,
// until yield returns false.
func (c machineCode) addresses(yield func(target uint64) bool) {
	for i := 0; i+7 <= len(c.bytes); i++ {
		rex, opcode, modrm := c.bytes[i], c.bytes[i+1], c.bytes[i+2]
		if rex&0xfb == 0x48 && opcode == 0x8d && modrm&0xc7 == 0x05 {
			if !yield(relative(c.start+uint64(i)+7, le32(c.bytes[i+3:]))) {
				return
			}
		}
	}
}

// relative is the address that an instruction which ends at next refers to.
func relative(next uint64, displacement uint32) uint64 {
	return next + uint64(int64(int32(displacement)))
}
