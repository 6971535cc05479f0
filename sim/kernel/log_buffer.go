package kernel

import (
	"errors"

	"bootplan/alloc"
	"bootplan/linux"
)

// allocateLogBuffer gives the log the size that log_buf_len= asks for: the text, and
// for each 32 bytes of it a descriptor and a record of facts.
// Source: kernel/printk/printk.c:setup_log_buf (v6.12).
func (k *Setup) allocateLogBuffer() error {
	text := k.params.logBuffer
	if text == 0 {
		return nil
	}
	const descriptor = 24 // struct prb_desc
	info := uint64(88)    // struct printk_info
	if k.in.Version >= linux.V7_2 {
		info = 112
	}
	count := text / 32
	var done [][2]uint64 // addresses and sizes
	for i, size := range []uint64{text, count * descriptor, count * info} {
		k.Memblock.Caller = "setup_log_buf"
		at, err := k.Memblock.AllocTryNode(size, 8, 0, alloc.Accessible, alloc.AnyNode)
		if errors.Is(err, alloc.ErrNoMemory) {
			k.printf("printk: log_buf_len: %d %s bytes not available", size, [...]string{"text", "desc", "info"}[i])
			return k.freeLogBuffer(done)
		}
		if err != nil {
			return err
		}
		done = append(done, [2]uint64{at, size})
	}
	k.printLogBuffer(text, count*(descriptor+info))
	return nil
}

// freeLogBuffer gives back what was allocated, the last first.
func (k *Setup) freeLogBuffer(blocks [][2]uint64) error {
	for i := len(blocks) - 1; i >= 0; i-- {
		if err := linux.OnlyPanic(k.Memblock.Free(blocks[i][0], blocks[i][1])); err != nil {
			return err
		}
	}
	return nil
}

// printLogBuffer says how large the log is now.
func (k *Setup) printLogBuffer(text, meta uint64) {
	if k.in.Version >= linux.V7_2 {
		k.printf("printk: log buffer data + meta data: %d + %d = %d bytes", text, meta, text+meta)
		return
	}
	k.printf("printk: log_buf_len: %d bytes", text)
}
