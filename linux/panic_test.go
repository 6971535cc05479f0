package linux

import (
	"errors"
	"fmt"
	"testing"
)

func TestOnlyPanic(t *testing.T) {
	bug := fmt.Errorf("setup: %w", &Panic{Text: "x > y", BUG: true})
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "<nil>"},
		{errors.New("no memory"), "<nil>"},
		{&Panic{Text: "no way"}, "kernel panic: no way"},
		{bug, "setup: kernel BUG: x > y"},
	} {
		if got := fmt.Sprint(OnlyPanic(c.err)); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}
