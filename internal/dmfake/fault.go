package dmfake

import (
	"slices"
	"syscall"

	"github.com/lvm-go/lvm/dm"
)

// When says when a call fails.
type When int

// The two moments of a failure.
const (
	// Before the call has taken effect.
	Before When = iota
	// After it has taken effect: the kernel has done it, and the caller does
	// not know.
	After
)

// counter counts calls of a kind, one of which may have to fail.
type counter struct {
	calls  int
	failAt int
	errno  syscall.Errno
	when   When
}

// FailAt makes the n-th change from now on fail, 1 being the next. A change is
// every call that Calls writes down. 0 makes none fail.
func (k *Kernel) FailAt(n int, errno syscall.Errno, when When) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changes = counter{failAt: n, errno: errno, when: when}
}

// FailQueryAt makes the n-th query from now on fail, 1 being the next. A query
// is every call that changes nothing. 0 makes none fail.
func (k *Kernel) FailQueryAt(n int, errno syscall.Errno) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.queries = counter{failAt: n, errno: errno}
}

// Changes returns how many changes there were since New or the last FailAt, so
// that a test knows how many of them can fail.
func (k *Kernel) Changes() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changes.calls
}

// Queries returns how many queries there were since New or the last FailQueryAt.
func (k *Kernel) Queries() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.queries.calls
}

// Calls returns the changes so far, one text each: "CREATE vg-lv",
// "LOAD vg-lv 0 8192 linear 7:0 2048", with the lines of a longer table parted
// by "; ", "SUSPEND vg-lv [SKIP_LOCKFS]", "RESUME vg-lv", "RENAME a b",
// "SETUUID a UUID", "MESSAGE a 0 text", "CLEAR a", "REMOVE a [DEFERRED]". A call
// that failed has " (fails)" after it.
func (k *Kernel) Calls() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.calls)
}

// ForgetCalls empties the list of Calls.
func (k *Kernel) ForgetCalls() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls = nil
}

// change carries out a call that changes something.
func (k *Kernel) change(op dm.Op, device, text string, do func() syscall.Errno) error {
	return k.call(&k.changes, op, device, func(errno syscall.Errno) {
		if errno != 0 {
			text += " (fails)"
		}
		k.calls = append(k.calls, text)
	}, do)
}

// query carries out a call that changes nothing.
func (k *Kernel) query(op dm.Op, device string, do func() syscall.Errno) error {
	return k.call(&k.queries, op, device, func(syscall.Errno) {}, do)
}

func (k *Kernel) call(c *counter, op dm.Op, device string, note func(syscall.Errno), do func() syscall.Errno) error {
	if k.closed {
		return closedError(op, device)
	}
	c.calls++
	fails := c.calls == c.failAt
	var errno syscall.Errno
	if !fails || c.when == After {
		errno = do()
	}
	if fails {
		errno = c.errno
	}
	note(errno)
	if errno != 0 {
		return dm.NewError(op, device, errno)
	}
	return nil
}
