package alloc_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/memmap/mapgen"
)

// Whatever the addresses, an operation succeeds, finds no memory or stops the kernel;
// and what an allocation gives out lies in its limits.
func TestHostileOperations(t *testing.T) {
	edge := rapid.Custom(func(t *rapid.T) uint64 {
		near := rapid.SampledFrom([]uint64{0, 0x1000, 1 << 20, 1 << 32, 1 << 63, ^uint64(0)}).Draw(t, "near")
		return near + rapid.Uint64Range(0, 0x4000).Draw(t, "off") - 0x2000
	})
	rapid.Check(t, func(t *rapid.T) {
		m := alloc.NewMemblock(rapid.SampledFrom([]linux.Version{linux.V6_12, linux.V7_2}).Draw(t, "version"))
		m.BottomUp = rapid.Bool().Draw(t, "bottom up")
		m.KernelcoreMirror, m.MovableNode = rapid.Bool().Draw(t, "mirror"), rapid.Bool().Draw(t, "movable")
		m.AllowResize()
		for range rapid.IntRange(1, 40).Draw(t, "operations") {
			a, b := edge.Draw(t, "a"), edge.Draw(t, "b")
			var err error
			switch rapid.IntRange(0, 11).Draw(t, "operation") {
			case 0, 1:
				err = m.Add(a, b)
			case 2:
				err = m.Reserve(a, b)
			case 3:
				err = m.Remove(a, b)
			case 4:
				err = m.Free(a, b)
			case 5:
				err = m.Mark(a, b, alloc.NoMap)
			case 6:
				err = m.MarkMirror(a, b)
			case 7:
				m.TrimMemory(1 << rapid.IntRange(0, 63).Draw(t, "align"))
			case 8:
				err = m.CapRange(a, b)
			case 9:
				err = m.EnforceLimit(a)
			case 10:
				m.Limit = a
			case 11:
				size := rapid.Uint64Range(1, 0x3000).Draw(t, "size")
				var at uint64
				at, err = m.AllocRange(size, 0x10, a, b)
				end := b
				if b <= alloc.NoLeakTrace {
					end = m.Limit
				}
				if err == nil && (at < memmap.PageSize || at < a || at+size-1 > end-1) {
					t.Fatalf("%#x bytes between %#x and %#x: %#x", size, a, end, at)
				}
			}
			var p *linux.Panic
			if errors.As(err, &p) {
				return
			}
			if err != nil && !errors.Is(err, alloc.ErrNoMemory) {
				t.Fatal(err)
			}
		}
	})
}

// The kernel's way from a firmware's nonsense to memblock ends well or in a panic.
func TestHostileMapsToMemblock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom([]linux.Version{linux.V6_12, linux.V7_2}).Draw(t, "version")
		descs := mapgen.HostileEFI().Draw(t, "efi")
		size := rapid.Uint64Range(0, 48*uint64(len(descs))).Draw(t, "map size")
		efi, err := memmap.NewKernelEFIMap(0x1000, descs, 48, size)
		if err != nil {
			t.Fatal(err)
		}
		k := memmap.NewKernelE820(v, nil)
		m := alloc.NewMemblock(v)
		m.KernelcoreMirror = true
		k.Setup(memmap.BootMemory{Table: mapgen.HostileE820().Draw(t, "e820")})
		efi.AddToE820(&k.Table, true)
		efi.Clean()
		efi.RemoveMMIO(&k.Table)
		k.TrimBIOS()
		k.Table.PCIGap(k.Table.EndOfRAM(true))
		var p *linux.Panic
		for _, step := range []func() error{
			func() error { return m.ReserveEFIMap(efi) },
			func() error { return m.AddE820(&k.Table) },
			func() error { return m.FindMirror(efi) },
			func() error {
				tagged, err := m.ReserveBootServices(efi, &k.Table, memmap.Range{Start: 1 << 24, End: 3 << 24})
				for _, i := range tagged {
					if efi.Descriptors()[i].Attr&memmap.EFIRuntime == 0 {
						t.Fatalf("descriptor %d is kept, but not tagged", i)
					}
				}
				return err
			},
			func() error { _, err := m.AllocRealMode(0x7000); return err },
			m.ReserveFirstMiB,
		} {
			if err := step(); errors.As(err, &p) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if !m.IsReserved(0) || !m.IsReserved(0xfffff) {
			t.Fatal("the first MiB is not reserved")
		}
	})
}
