package sim

// Services are what EFI firmware offers boot code besides memory.
type Services struct {
	RNG             bool   // random numbers: EFI_RNG_PROTOCOL
	EventLog        uint64 // size in bytes of the event log of a TPM; 0: no TPM
	AppleProperties uint64 // size in bytes of the device properties that Apple's firmware keeps; 0: it is not Apple's
	Vendor          string // firmware vendor as the system table states it; empty: EDK II
	Revision        uint32 // of the system table, major number in the high half; 0: that of UEFI 2.70
}

// SystemTableRevision is Revision, or what EDK2 states.
func (s Services) SystemTableRevision() uint32 {
	if s.Revision == 0 {
		return 2<<16 | 70
	}
	return s.Revision
}
