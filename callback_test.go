package lvm

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// A program that recovers from a panic in a function of its own can go on: no
// lock is left behind that would keep it, and others, out.
func TestPanicInCallbackKeepsNoLock(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	sys := openDisks(t, recorder.New(diskSize, "a", "b", "c"), 1)
	volumes(t, sys, OneArea)
	dir := t.TempDir()
	edit := func(change func(*DevicesFile) error) error {
		return EditDevicesFile(ctx, filepath.Join(dir, "system.devices"), filepath.Join(dir, "lock"), change)
	}
	fails := func(tx *Tx) error {
		require.NoError(t, tx.SetTags("lost"))
		panic("oops")
	}
	before := recordOf(t, sys, "vg0")
	for name, call := range map[string]func(){
		"update": func() { _ = sys.Update(ctx, "vg0", fails) },
		"plan":   func() { _, _ = sys.Plan(ctx, "vg0", fails) },
		"freeze hook": func() {
			_ = sys.Update(ctx, "vg0", func(tx *Tx) error {
				tx.OnFreeze(FreezeHooks{Freeze: func(context.Context) error { panic("oops") }})
				return tx.SetTags("lost")
			})
		},
		"view": func() { _ = sys.View(ctx, "vg0", func(*VolumeGroup) error { panic("oops") }) },
		"with the global lock": func() {
			_ = sys.Update(ctx, "vg0", func(tx *Tx) error {
				if err := tx.RenameVG("other"); err != nil {
					return err
				}
				panic("oops")
			})
		},
		"devices file": func() { _ = edit(func(*DevicesFile) error { panic("oops") }) },
	} {
		require.PanicsWithValue(t, "oops", call, name)
		assert.NoError(t, sys.Update(ctx, "vg0", func(*Tx) error { return nil }), name)
		assert.NoError(t, edit(func(*DevicesFile) error { return nil }), name)
		assert.Equal(t, before, recordOf(t, sys, "vg0"), name)
	}
}

func TestApplyRefusesPlansThatItDidNotMake(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	volumes(t, sys, OneArea)
	plan, err := openDisks(t, disks, 2).Plan(ctx, "vg0", func(tx *Tx) error { return tx.SetTags("x") })
	require.NoError(t, err)
	for name, p := range map[string]*Plan{"none": nil, "empty": {}, "another System's": plan} {
		require.ErrorIs(t, sys.Apply(ctx, p), ErrInvalidSpec, name)
	}
	assert.Empty(t, recordOf(t, sys, "vg0").Tags)
}
