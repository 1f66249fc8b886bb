package lvm

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// A hook that is called notes so.
func notingHooks(calls *[]string, name string, err error) FreezeHooks {
	return FreezeHooks{
		Freeze: func(context.Context) error { *calls = append(*calls, "freeze "+name); return err },
		Thaw: func(_ time.Duration, committed bool) {
			if committed {
				name += " committed"
			}
			*calls = append(*calls, "thaw "+name)
		},
	}
}

func TestFreezeHooks(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	broken := errors.New("database is broken")
	for _, c := range []struct {
		name   string
		a, b   error
		change bool
		calls  []string
	}{
		{name: "nested", change: true, calls: []string{"freeze a", "freeze b", "thaw b committed", "thaw a committed"}},
		{name: "first fails", a: broken, change: true, calls: []string{"freeze a", "thaw a"}},
		{name: "second fails", b: broken, change: true, calls: []string{"freeze a", "freeze b", "thaw b", "thaw a"}},
		{name: "nothing to do"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sys := openDisks(t, recorder.New(diskSize, "a", "b", "c"), 1)
			volumes(t, sys, OneArea)
			before := recordOf(t, sys, "vg0")
			var calls []string
			err := sys.Update(ctx, "vg0", func(tx *Tx) error {
				tx.OnFreeze(notingHooks(&calls, "a", c.a))
				tx.OnFreeze(notingHooks(&calls, "b", c.b))
				if !c.change {
					return nil
				}
				return tx.SetTags("changed")
			})
			assert.Equal(t, c.calls, calls)
			if c.a == nil && c.b == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, broken)
			assert.Equal(t, before, recordOf(t, sys, "vg0"))
		})
	}
}

// The volumes are suspended between the two hooks, and at no other time.
func TestFreezeHooksEncloseTheWindow(t *testing.T) {
	t.Parallel()
	m := newMachine(recorder.New(diskSize, "a", "b", "c"))
	volumes(t, openDisks(t, m.disks, 1), OneArea)
	sys := m.open(t, 2)
	var window time.Duration
	suspended := func() (n int) {
		for _, d := range m.kernel.State() {
			if d.Suspended {
				n++
			}
		}
		return n
	}
	err := sys.Update(context.Background(), "vg0", func(tx *Tx) error {
		tx.OnFreeze(FreezeHooks{
			Freeze: func(context.Context) error { assert.Zero(t, suspended()); return nil },
			Thaw:   func(w time.Duration, _ bool) { window = w; assert.Zero(t, suspended()) },
		})
		return tx.ActivateAll()
	})
	require.NoError(t, err)
	assert.Zero(t, window, "all devices are new")
	err = sys.Update(context.Background(), "vg0", func(tx *Tx) error {
		tx.OnFreeze(FreezeHooks{Thaw: func(w time.Duration, _ bool) { window = w; assert.Zero(t, suspended()) }})
		return tx.Refresh("data")
	})
	require.NoError(t, err)
	assert.NotZero(t, window)
}

// A hook that panics takes neither the calls of the others along nor the rest of
// what is to be done, or undone.
func TestFreezeHooksPanic(t *testing.T) {
	t.Parallel()
	broken := errors.New("database is broken")
	for _, c := range []struct {
		name      string
		freeze    func()
		thaw      func()
		fails     error // of a hook that is called later
		committed bool
	}{
		{name: "freeze", freeze: func() { panic("freeze") }},
		{name: "freeze ends the goroutine", freeze: runtime.Goexit},
		{name: "thaw", thaw: func() { panic("thaw") }, committed: true},
		{name: "thaw ends the goroutine", thaw: runtime.Goexit, committed: true},
		{name: "thaw, when that is undone", thaw: func() { panic("thaw") }, fails: broken},
		{name: "both", freeze: func() { panic("freeze") }, thaw: func() { panic("thaw") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(recorder.New(diskSize, "a", "b", "c"))
			volumes(t, openDisks(t, m.disks, 1), OneArea)
			sys := m.open(t, 2)
			update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
			before := recordOf(t, sys, "vg0")
			var calls []string
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				defer func() { _ = recover() }()
				_ = sys.Update(context.Background(), "vg0", func(tx *Tx) error {
					tx.OnFreeze(notingHooks(&calls, "a", nil))
					tx.OnFreeze(FreezeHooks{
						Freeze: func(context.Context) error {
							if c.freeze != nil {
								c.freeze()
							}
							return nil
						},
						Thaw: func(time.Duration, bool) {
							if c.thaw != nil {
								c.thaw()
							}
						},
					})
					tx.OnFreeze(notingHooks(&calls, "c", c.fails))
					return joinErrors(tx.addSnapshot("data", "s", 6), tx.RenameLV("other", "another"))
				})
				calls = append(calls, "returned")
			}()
			<-ended
			assert.NotContains(t, calls, "returned")
			want, after := "thaw a", recordOf(t, sys, "vg0")
			if c.committed {
				want += " committed"
				assert.NotEqual(t, before, after)
			} else {
				assert.Equal(t, before, after)
			}
			assert.Equal(t, want, calls[len(calls)-1])
			assert.Empty(t, m.unlike(t))
			update(t, sys, "vg0", func(tx *Tx) error { return tx.SetTags("more") })
		})
	}
}
