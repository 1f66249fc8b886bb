package lvm

import (
	"context"
	"errors"
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
