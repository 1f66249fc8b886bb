package lvm

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// Volumes that lie on each other in many levels, two on the same two each time,
// are looked at once each: there are as many ways down as a power of two.
func TestStackedVolumesAreLookedAtOnce(t *testing.T) {
	t.Parallel()
	const levels = 30
	disks := recorder.New(diskSize, "a")
	m := newMachine(disks)
	sys := m.open(t, 1)
	ctx := context.Background()
	spec := PVSpec{MetadataSize: 256 * KiB, DataAlignment: 4 * KiB}
	done := make(chan error, 1)
	go func() {
		err := sys.Update(ctx, "vg0", func(tx *Tx) error {
			if err := tx.CreateVG(VGSpec{PVs: []string{"a"}, PV: spec, ExtentSize: 4 * KiB}); err != nil {
				return err
			}
			return stack(tx, levels)
		})
		if err == nil {
			err = sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.Activate(fmt.Sprint("a", levels-1)) })
		}
		if err == nil {
			err = sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.SetLVTags("bottom", "tag") })
		}
		if err == nil {
			_, err = sys.Recover(ctx)
		}
		if err == nil {
			v := view(t, openDisks(t, disks, 2), "vg0")
			lv, m := lvView(t, v, fmt.Sprint("a", levels-1)), v.ExtentMap()
			assert.True(t, keepsExtents(m, m, lv.ID(), map[metadata.ID]bool{}))
			assert.NoError(t, lv.layout().fixed(lv.ID()))
		}
		done <- err
	}()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
	assert.Len(t, m.kernel.State(), 2*levels-2)
	assert.Empty(t, m.unlike(t))
}

// stack makes volumes in levels: of each level two, which lie on those of the
// level below by halves.
func stack(tx *Tx, levels int) error {
	var failed []error
	add := func(name string, segments ...metadata.Segment) metadata.ID {
		id, err := tx.newID()
		lv := &metadata.LogicalVolume{
			Name: name, ID: id, Status: metadata.LVRead | metadata.LVWrite | metadata.LVVisible,
			CreationTime: tx.time(), CreationHost: "host", Segments: segments,
		}
		failed = append(failed, err, tx.put(-1, lv))
		return id
	}
	part := func(start, count Extents, of metadata.ID, at Extents) metadata.Segment {
		return metadata.Segment{Start: start, Count: count, Type: "striped", Body: &metadata.Striped{Stripes: []metadata.Area{{LV: of, Start: at}}}}
	}
	half := Extents(1) << levels
	bottom := add("bottom", metadata.Segment{Count: 2 * half, Type: "zero", Body: &metadata.Virtual{}})
	a, b := add("a1", part(0, half, bottom, 0)), add("b1", part(0, half, bottom, half))
	for i := 2; i < levels; i++ {
		half /= 2
		a, b = add(fmt.Sprint("a", i), part(0, half, a, 0), part(half, half, b, 0)),
			add(fmt.Sprint("b", i), part(0, half, a, half), part(half, half, b, half))
	}
	return joinErrors(failed...)
}
