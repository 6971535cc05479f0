package probe

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bootplan/memmap"
	"bootplan/tools/capture/internal/gdb"
	"bootplan/tools/capture/internal/record"
)

// fake is a machine that a debugger can look into: memory, registers, and what happens
// each time it is told to run.
type fake struct {
	memory    map[uint64]byte
	registers map[string]uint64
	breaks    map[string]bool
	runs      []func(*fake) // what the machine does until it stops; it is off after the last
	step      func()        // what one instruction does besides going on
}

// names are the registers in the order of their numbers.
var names = []string{"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "rip", "cs", "cr0", "cr3", "cr4", "efer"}

func (f *fake) put(addr uint64, data ...byte) {
	for i, b := range data {
		f.memory[addr+uint64(i)] = b
	}
}

func (f *fake) putLong(addr uint64, values ...uint64) {
	for i, v := range values {
		f.put(addr+8*uint64(i), binary.LittleEndian.AppendUint64(nil, v)...)
	}
}

// attach returns a boot that is followed on the fake machine.
func attach(t *testing.T, f *fake) *boot {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gdb")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	go f.serve(listener)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	client, err := gdb.Dial(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	return &boot{
		machine: &machine{ctx: ctx, gdb: client},
		ram:     []memmap.Range{{End: 64 * memmap.MiB}},
		facts:   &record.Boot{Debugger: &record.Debugger{}},
	}
}

func newFake(runs ...func(*fake)) *fake {
	return &fake{
		memory: map[uint64]byte{}, registers: map[string]uint64{}, breaks: map[string]bool{},
		runs: runs, step: func() {},
	}
}

// serve speaks the remote protocol until the debugger hangs up.
func (f *fake) serve(listener net.Listener) {
	conn, err := listener.Accept()
	listener.Close()
	if err != nil {
		return
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		c, err := r.ReadByte()
		if err != nil {
			return
		}
		switch c {
		case 3: // an interrupt
			f.send(conn, "T02thread:01;")
		case '$':
			request, err := r.ReadString('#')
			if err != nil {
				return
			}
			if _, err := r.Discard(2); err != nil {
				return
			}
			if answer := f.answer(strings.TrimSuffix(request, "#")); answer != "" {
				f.send(conn, answer)
			}
		}
	}
}

func (f *fake) send(w io.Writer, data string) {
	sum := byte(0)
	for i := range len(data) {
		sum += data[i]
	}
	_, _ = fmt.Fprintf(w, "+$%s#%02x", data, sum)
}

// answer is what a stub says to a request; nothing where the machine just runs.
func (f *fake) answer(request string) string {
	var addr, size uint64
	var number int
	switch {
	case strings.HasPrefix(request, "qSupported"):
		return "PacketSize=1000"
	case strings.HasPrefix(request, "qXfer"):
		return "l<target>" + registerList() + "</target>"
	case strings.HasPrefix(request, "Z"), strings.HasPrefix(request, "z"):
		f.breaks[request[3:]] = request[0] == 'Z'
		return "OK"
	case strings.HasPrefix(request, "Qqemu"), request == "D":
		return "OK"
	case request == "c":
		return f.run()
	case request == "s":
		f.registers["rip"]++
		f.step()
		return "T05thread:01;"
	}
	if n, _ := fmt.Sscanf(request, "p%x", &number); n == 1 {
		return hex.EncodeToString(binary.LittleEndian.AppendUint64(nil, f.registers[names[number]]))
	}
	if n, _ := fmt.Sscanf(request, "m%x,%x", &addr, &size); n == 2 {
		data := make([]byte, size)
		for i := range data {
			data[i] = f.memory[addr+uint64(i)]
		}
		return hex.EncodeToString(data)
	}
	return "E22"
}

// run does what comes next, and stops if that leads to a breakpoint.
func (f *fake) run() string {
	if len(f.runs) == 0 {
		return "W00"
	}
	next := f.runs[0]
	f.runs = f.runs[1:]
	next(f)
	if f.breaks[fmt.Sprintf("%x,1", f.registers["rip"])] {
		return "T05thread:01;"
	}
	return ""
}

func registerList() string {
	var list strings.Builder
	for _, name := range names {
		fmt.Fprintf(&list, `<reg name="%s" bitsize="64"/>`, name)
	}
	return "<feature>" + list.String() + "</feature>"
}
