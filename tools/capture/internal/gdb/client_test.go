package gdb

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// stub answers requests from a table, as QEMU's stub would.
type stub struct {
	t       *testing.T
	answers map[string]string
	asked   chan string
}

const targetXML = `<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target><architecture>i386:x86-64</architecture><xi:include href="i386-64bit.xml"/></target>`

const registersXML = `<?xml version="1.0"?><feature name="org.gnu.gdb.i386.core"><flags id="f" size="4"/>
<reg name="rax" bitsize="64" type="int64" regnum="0"/><reg name="rbx" bitsize="64" type="int64"/>
<reg name="rip" bitsize="64" type="code_ptr" regnum="16"/><reg name="eflags" bitsize="32" type="f"/></feature>`

// connect returns a client that talks to a stub with these answers.
func connect(t *testing.T, answers map[string]string) (*Client, *stub) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gdb")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &stub{t, map[string]string{
		"qSupported:xmlRegisters=i386":              "PacketSize=1000;qXfer:features:read+;vContSupported+",
		"qXfer:features:read:target.xml:0,400":      "l" + targetXML,
		"qXfer:features:read:i386-64bit.xml:0,400":  "m" + registersXML[:100],
		"qXfer:features:read:i386-64bit.xml:64,400": "l" + registersXML[100:],
	}, make(chan string, 100)}
	for request, answer := range answers {
		s.answers[request] = answer
	}
	go s.serve(listener)
	client, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return client, s
}

// serve answers until the client hangs up; a request without an answer lets it run.
func (s *stub) serve(listener net.Listener) {
	conn, err := listener.Accept()
	listener.Close()
	if err != nil {
		return
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		if c, err := r.Peek(1); err != nil {
			return
		} else if c[0] == 3 { // interrupt
			_, _ = r.ReadByte()
			_, _ = conn.Write(encode("T02thread:01;"))
			continue
		} else if c[0] == '+' {
			_, _ = r.ReadByte()
			continue
		}
		request, err := decode(r)
		if err != nil {
			return
		}
		s.asked <- request
		answer, known := s.answers[request]
		if answer == "HANGUP" {
			return
		}
		if _, _ = conn.Write([]byte("+")); known {
			for _, part := range strings.Split(answer, "|") {
				_, _ = conn.Write(encode(part))
			}
		}
	}
}

func TestRegistersAreNumberedAsDescribed(t *testing.T) {
	client, _ := connect(t, map[string]string{
		"p1":  "efcdab8967452301",
		"p10": "0002100000000000",
		"p11": "46020000",
	})
	for name, want := range map[string]uint64{"rbx": 0x0123456789abcdef, "rip": 0x100200, "eflags": 0x246} {
		if got, err := client.Register(t.Context(), name); got != want || err != nil {
			t.Errorf("%s = %#x, %v: expected %#x", name, got, err, want)
		}
	}
	if _, err := client.Register(t.Context(), "cr9"); err == nil {
		t.Error("expected an error for a register that the machine does not have")
	}
}

func TestMemoryIsReadInPieces(t *testing.T) {
	client, _ := connect(t, map[string]string{
		"m1000,400":          strings.Repeat("11", 0x400),
		"m1400,10":           strings.Repeat("22", 0x10),
		"m2000,4":            "E14",
		"m3000,4":            "aabb",
		"Qqemu.PhyMemMode:1": "OK",
		"Qqemu.PhyMemMode:0": "OK",
		"m9d000,2":           "0f01",
	})
	got, err := client.Read(t.Context(), 0x1000, 0x410)
	want := append(bytes.Repeat([]byte{0x11}, 0x400), bytes.Repeat([]byte{0x22}, 0x10)...)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %x, %v", got, err)
	}
	if _, err := client.Read(t.Context(), 0x2000, 4); err == nil || !strings.Contains(err.Error(), "error 14") {
		t.Errorf("got %v: expected the stub's error", err)
	}
	if _, err := client.Read(t.Context(), 0x3000, 4); err == nil {
		t.Error("expected an error for too little memory")
	}
	if got, err := client.ReadPhysical(t.Context(), 0x9d000, 2); err != nil || !bytes.Equal(got, []byte{0x0f, 0x01}) {
		t.Errorf("got %x, %v", got, err)
	}
}

func TestRunToABreakpoint(t *testing.T) {
	client, s := connect(t, map[string]string{"Z1,100200,1": "OK", "z1,100200,1": "OK", "c": "T05thread:01;", "s": "T05thread:01;", "D": "OK"})
	for len(s.asked) > 0 {
		<-s.asked
	}
	ctx := t.Context()
	err := errors.Join(client.Break(ctx, 0x100200), client.Run(ctx), client.Unbreak(ctx, 0x100200), client.Step(ctx), client.Detach(ctx))
	if err != nil {
		t.Error(err)
	}
	for _, want := range []string{"Z1,100200,1", "c", "z1,100200,1", "s", "D"} {
		if got := <-s.asked; got != want {
			t.Errorf("asked %q: expected %q", got, want)
		}
	}
}

// A machine that nothing stops is interrupted.
func TestRunForAWhile(t *testing.T) {
	client, _ := connect(t, nil)
	if err := client.RunFor(t.Context(), time.Millisecond); err != nil {
		t.Error(err)
	}
}

func TestMachineThatEnds(t *testing.T) {
	for _, answer := range []string{"W00", "X0f", "HANGUP"} {
		client, _ := connect(t, map[string]string{"c": answer})
		if err := client.Run(t.Context()); !errors.Is(err, ErrGone) {
			t.Errorf("%s: got %v: expected %v", answer, err, ErrGone)
		}
	}
}

func TestMachineThatNeverStops(t *testing.T) {
	client, _ := connect(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := client.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// The monitor's output comes in packets of its own: "ab" and "c\n".
func TestMonitor(t *testing.T) {
	client, _ := connect(t, map[string]string{"qRcmd,696e666f": "O6162|O630a|OK"})
	if got, err := client.Monitor(t.Context(), "info"); got != "abc\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestNoStub(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "did not let a debugger connect") {
		t.Errorf("got %v", err)
	}
}
