package design

import (
	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

const (
	unacceptedName      = "unaccepted memory"
	unacceptedTableName = "table of unaccepted memory"
)

// allowUnaccepted tells the firmware of a confidential guest that the kernel accepts
// memory itself.
func (s *stub) allowUnaccepted(*sim.Boot) error {
	if s.ways.unaccepted {
		s.fw.AllowUnaccepted()
	}
	return nil
}

// listUnaccepted looks for memory that a confidential guest must accept before it touches
// it.
func (s *stub) listUnaccepted(descs []memmap.EFIDescriptor) {
	if s.ways.unaccepted {
		s.unaccepted = alloc.NewUnacceptedTable(descs)
	}
}

// takeBitmap provides for a list of that memory, if there is any: one bit for 2 MiB.
func (s *stub) takeBitmap(b *sim.Boot) error {
	if s.unaccepted == nil {
		return nil
	}
	const source = "drivers/firmware/efi/libstub/unaccepted_memory.c:allocate_unaccepted_bitmap"
	r, err := s.fw.For(unacceptedTableName, "a bit for each 2 MiB from the lowest unaccepted address to the highest", source).
		TakePool(memmap.EFIACPIReclaim, s.unaccepted.Bytes())
	if err != nil {
		return err
	}
	b.Do(sim.Step{Op: sim.Write, Object: unacceptedTableName, Range: r, Keep: true, Why: "all zero until the map is final", Source: source})
	b.Place("unaccepted_table", r, 0)
	s.bitmap = r
	return nil
}

// processUnaccepted enters the unaccepted memory of the final map into the bitmap, and
// accepts what no bit can stand for.
func (s *stub) processUnaccepted(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/unaccepted_memory.c:process_unaccepted_memory"
	for _, r := range s.e820.Unaccepted {
		err := s.unaccepted.Process(r[0], r[1], func(part memmap.Range) {
			if !part.Empty() {
				b.Do(sim.Step{Op: sim.Accept, Object: unacceptedName, Range: part, Why: "no bit stands for it: it is accepted at once", Source: source})
			}
		})
		if err != nil {
			return &sim.Failure{Rule: "clobber", Message: err.Error()}
		}
	}
	return nil
}
