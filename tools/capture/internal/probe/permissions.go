package probe

// cr4LA57 is the bit of CR4 that turns 5-level paging on.
const cr4LA57 = 1 << 12

func (b *boot) notePermissions(stop string) {}
