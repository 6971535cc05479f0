package alloc

import "testing"

// poolCall is a call of AllocatePool, and what it answers.
type poolCall struct {
	size, want uint64
	status     Status
}

func checkAllocatePool(t *testing.T, fw BootServices, calls ...poolCall) {
	t.Helper()
	for _, c := range calls {
		if at, status := fw.AllocatePool(data, c.size); at != c.want || status != c.status {
			t.Errorf("%#x bytes: got %#x, %v; want %#x, %v", c.size, at, status, c.want, c.status)
		}
	}
}

// freeCall is a call of FreePages, and what it answers.
type freeCall struct {
	name        string
	addr, pages uint64
	want        Status
}

func checkFreePages(t *testing.T, fw BootServices, calls ...freeCall) {
	t.Helper()
	for _, c := range calls {
		if got := fw.FreePages(c.addr, c.pages); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
