package gdb

import (
	"bufio"
	"errors"
	"fmt"
)

// Bytes that mean something between the data of packets.
const (
	begin  = '$'
	end    = '#'
	escape = '}' // the next byte is XORed with flip
	repeat = '*' // the next byte, less offset, says how often the last one is repeated
	flip   = 0x20
	offset = 29
)

// errChecksum is a packet that was damaged on its way.
var errChecksum = errors.New("the debugger stub sent a packet with a wrong checksum")

// encode wraps data in a packet: "$data#cs".
func encode(data string) []byte {
	packet := []byte{begin}
	for i := range len(data) {
		switch c := data[i]; c {
		case begin, end, escape, repeat:
			packet = append(packet, escape, c^flip)
		default:
			packet = append(packet, c)
		}
	}
	return fmt.Appendf(packet, "#%02x", checksum(packet[1:]))
}

// checksum is the sum of the bytes between begin and end, modulo 256.
func checksum(data []byte) (sum byte) {
	for _, c := range data {
		sum += c
	}
	return sum
}

// decode reads the data of the next packet, whatever acknowledgements stand before it.
func decode(r *bufio.Reader) (string, error) {
	if _, err := r.ReadBytes(begin); err != nil {
		return "", err
	}
	raw, err := r.ReadBytes(end)
	if err != nil {
		return "", err
	}
	raw = raw[:len(raw)-1]
	var sum byte
	if _, err := fmt.Fscanf(r, "%02x", &sum); err != nil {
		return "", fmt.Errorf("a packet without a checksum: %w", err)
	}
	if sum != checksum(raw) {
		return "", errChecksum
	}
	return expand(raw), nil
}

// expand undoes escapes and repetitions. What is cut off at the end is left out.
func expand(raw []byte) string {
	var data []byte
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == escape && i+1 < len(raw):
			i++
			data = append(data, raw[i]^flip)
		case c == repeat && i+1 < len(raw) && len(data) > 0:
			i++
			for range max(0, int(raw[i])-offset) {
				data = append(data, data[len(data)-1])
			}
		case c != escape && c != repeat:
			data = append(data, c)
		}
	}
	return string(data)
}
