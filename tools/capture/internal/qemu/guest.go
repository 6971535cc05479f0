package qemu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Guest is a machine that runs.
type Guest struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	ended  chan struct{} // closed when QEMU has ended

	mu     sync.Mutex
	serial []byte
}

// Start starts m, which is ended with ctx. With a debugger, the CPU waits for it to
// connect to the socket, whose path must not exist yet.
func Start(ctx context.Context, m *Machine, debugger string) (*Guest, error) {
	args := m.Args()
	if debugger != "" {
		args = append(args, "-S", "-chardev", "socket,id=gdb,server=on,wait=off,path="+debugger, "-gdb", "chardev:gdb")
	}
	g := &Guest{cmd: exec.CommandContext(ctx, Program, args...), ended: make(chan struct{})}
	g.cmd.Stdout = serialPort{g}
	g.cmd.Stderr = &g.stderr
	g.cmd.WaitDelay = time.Second
	if err := g.cmd.Start(); err != nil {
		return nil, explained(err)
	}
	go func() {
		_ = g.cmd.Wait() // how the machine ended is told by what it printed
		close(g.ended)
	}()
	return g, nil
}

// explained says what to do when QEMU is missing.
func explained(err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s was not found: install it (Debian: apt-get install qemu-system-x86)", Program)
	}
	return err
}

// serialPort keeps what the machine prints.
type serialPort struct{ g *Guest }

func (s serialPort) Write(p []byte) (int, error) {
	s.g.mu.Lock()
	defer s.g.mu.Unlock()
	s.g.serial = append(s.g.serial, p...)
	return len(p), nil
}

// Serial is what the machine has printed so far.
func (g *Guest) Serial() []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return bytes.Clone(g.serial)
}

// Ended is closed when the machine is off.
func (g *Guest) Ended() <-chan struct{} { return g.ended }

// Stop ends the machine and waits until it has.
func (g *Guest) Stop() {
	_ = g.cmd.Process.Kill() // fails where it has ended already
	<-g.ended
}

// Stderr is what QEMU complained about; it is complete when the machine is off.
func (g *Guest) Stderr() string { return strings.TrimSpace(g.stderr.String()) }

// Version is the emulator's own, such as "7.2.22".
func Version(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, Program, "--version").Output()
	if err != nil {
		return "", explained(err)
	}
	_, version, _ := strings.Cut(string(out), "version ")
	version, _, _ = strings.Cut(version, " ")
	return strings.TrimSpace(version), nil
}
