package gdb

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrGone says that the machine is off or has closed the connection.
var ErrGone = errors.New("the machine is off")

// Client is a connection to a stub whose machine is stopped, except within Run, RunFor
// and Step.
type Client struct {
	conn      net.Conn
	packets   chan string // what the stub sends; closed when it is gone
	chunk     int         // bytes of memory in one packet
	registers map[string]register
}

// Dial connects to the Unix socket at path, which the machine is about to make.
func Dial(ctx context.Context, path string) (*Client, error) {
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err == nil {
			return newClient(ctx, conn)
		}
		if ctx.Err() == nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the machine did not let a debugger connect: %w", err)
		case <-time.After(retry):
		}
	}
}

// retry is how long to wait for the socket.
const retry = 20 * time.Millisecond

// newClient starts the conversation over conn.
func newClient(ctx context.Context, conn net.Conn) (*Client, error) {
	c := &Client{conn: conn, packets: make(chan string, 1)}
	go c.receive()
	features, err := c.call(ctx, "qSupported:xmlRegisters=i386")
	if err != nil {
		return nil, err
	}
	c.chunk = chunkOf(features)
	if c.registers, err = c.readRegisters(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// chunkOf tells from the stub's features how much memory it sends at once: two digits a
// byte, and as much again to be safe.
func chunkOf(features string) int {
	const least = 512
	for feature := range strings.SplitSeq(features, ";") {
		if size, found := strings.CutPrefix(feature, "PacketSize="); found {
			if n, err := strconv.ParseUint(size, 16, 31); err == nil {
				return max(least, int(n)/4)
			}
		}
	}
	return least
}

// receive passes packets on and acknowledges them.
func (c *Client) receive() {
	defer close(c.packets)
	r := bufio.NewReader(c.conn)
	for {
		data, err := decode(r)
		if errors.Is(err, errChecksum) {
			err = c.send("-") // asks for it again
		} else if err == nil {
			err = c.send("+")
			c.packets <- data
		}
		if err != nil {
			return
		}
	}
}

func (c *Client) send(text string) error {
	_, err := c.conn.Write([]byte(text))
	return err
}

// answer is the next packet.
func (c *Client) answer(ctx context.Context) (string, error) {
	select {
	case data, open := <-c.packets:
		if !open || strings.HasPrefix(data, "W") || strings.HasPrefix(data, "X") {
			return "", ErrGone
		}
		return data, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// call sends a request and returns its answer.
func (c *Client) call(ctx context.Context, request string) (string, error) {
	if err := c.send(string(encode(request))); err != nil {
		return "", ErrGone
	}
	data, err := c.answer(ctx)
	if err == nil && len(data) == 3 && data[0] == 'E' {
		err = fmt.Errorf("the debugger stub refused %q: error %s", request, data[1:])
	}
	return data, err
}

// do is call for a request that is answered with OK.
func (c *Client) do(ctx context.Context, request string) error {
	data, err := c.call(ctx, request)
	if err == nil && data != "OK" {
		err = fmt.Errorf("the debugger stub answered %q to %q: expected OK", data, request)
	}
	return err
}

// Run lets the machine run until it reaches a breakpoint.
func (c *Client) Run(ctx context.Context) error {
	_, err := c.call(ctx, "c")
	return err
}

// RunFor lets the machine run for a while, or until a breakpoint.
func (c *Client) RunFor(ctx context.Context, d time.Duration) error {
	if err := c.send(string(encode("c"))); err != nil {
		return ErrGone
	}
	const interrupt = "\x03"
	select {
	case <-time.After(d):
		if err := c.send(interrupt); err != nil {
			return ErrGone
		}
	case data, open := <-c.packets:
		if !open || data[0] == 'W' {
			return ErrGone
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err := c.answer(ctx)
	return err
}

// Step executes one instruction.
func (c *Client) Step(ctx context.Context) error {
	_, err := c.call(ctx, "s")
	return err
}

// Detach lets the machine run without a debugger.
func (c *Client) Detach(ctx context.Context) error {
	err := c.do(ctx, "D")
	return errors.Join(err, c.conn.Close())
}

// hardware is the kind of breakpoint that is kept out of memory, which boot code
// overwrites.
const hardware = 1

// Break sets a breakpoint.
func (c *Client) Break(ctx context.Context, addr uint64) error {
	return c.do(ctx, fmt.Sprintf("Z%d,%x,1", hardware, addr))
}

// Unbreak removes a breakpoint.
func (c *Client) Unbreak(ctx context.Context, addr uint64) error {
	return c.do(ctx, fmt.Sprintf("z%d,%x,1", hardware, addr))
}

// Read returns n bytes of memory at a virtual address.
func (c *Client) Read(ctx context.Context, addr uint64, n int) ([]byte, error) {
	memory := make([]byte, 0, n)
	for len(memory) < n {
		size := min(c.chunk, n-len(memory))
		data, err := c.call(ctx, fmt.Sprintf("m%x,%x", addr+uint64(len(memory)), size))
		if err != nil {
			return nil, err
		}
		part, err := hex.DecodeString(data)
		if err != nil || len(part) != size {
			return nil, fmt.Errorf("the debugger stub sent %d bytes of memory at %#x: expected %d", len(part), addr, size)
		}
		memory = append(memory, part...)
	}
	return memory, nil
}

// ReadPhysical returns n bytes of physical memory. It is QEMU's own extension.
func (c *Client) ReadPhysical(ctx context.Context, addr uint64, n int) ([]byte, error) {
	if err := c.do(ctx, "Qqemu.PhyMemMode:1"); err != nil {
		return nil, err
	}
	memory, err := c.Read(ctx, addr, n)
	return memory, errors.Join(err, c.do(ctx, "Qqemu.PhyMemMode:0"))
}

// Monitor runs a command of QEMU's monitor and returns what it printed.
func (c *Client) Monitor(ctx context.Context, command string) (string, error) {
	data, err := c.call(ctx, "qRcmd,"+hex.EncodeToString([]byte(command)))
	var printed strings.Builder
	for err == nil && data != "OK" {
		text, isOutput := strings.CutPrefix(data, "O")
		part, bad := hex.DecodeString(text)
		if !isOutput || bad != nil {
			return "", fmt.Errorf("the debugger stub answered %q to a monitor command: expected its output", data)
		}
		printed.Write(part)
		data, err = c.answer(ctx)
	}
	return printed.String(), err
}
