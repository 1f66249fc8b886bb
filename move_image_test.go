package lvm

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// shiftedDisks returns the devices of the group that shifted makes, and the
// group.
func shiftedDisks(t *testing.T) (*recorder.Disks, *metadata.VolumeGroup) {
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	shifted(t, sys, OneArea)
	return disks, recordOf(t, sys, "vg0")
}

// emptied checks that nothing is left on a device and that all volumes hold what
// they held.
func emptied(t *testing.T, sys *System, before *metadata.VolumeGroup, device string) {
	t.Helper()
	checkPatterns(t, sys, before)
	v, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	assert.Empty(t, v.Moves())
	for pv := range v.PVs() {
		if pv.Device() == device {
			assert.Zero(t, v.extents().Used(pv.ID()), "on %s", device)
		}
	}
	assert.Len(t, v.rec.LVs, len(before.LVs))
	assert.Empty(t, problems(t, sys))
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetLVTags("data", "changeable") })
}

func TestMoveCopiesInImageMode(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]MoveOptions{
		"whole segments":   {},
		"in small pieces":  {MaxSegment: 8 * KiB},
		"atomic":           {Atomic: true},
		"anywhere":         {Allocation: metadata.AllocAnywhere},
		"at a rate":        {Run: MoveRun{Rate: MiB}},
		"atomic at a rate": {Atomic: true, Run: MoveRun{Rate: MiB}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks, before := shiftedDisks(t)
			sys := openDisks(t, disks, 2)
			var seen []MoveProgress
			o.From = PVSelection{PV: "a"}
			o.Run.Progress = func(p MoveProgress) { seen = append(seen, p) }
			result, err := sys.Move(context.Background(), "vg0", o)
			require.NoError(t, err)
			emptied(t, openDisks(t, disks, 3), before, "a")

			assert.Equal(t, "pvmove0", result.Name)
			assert.Equal(t, []string{"data", "striped", "other"}, result.LVs)
			assert.Equal(t, 35*4*KiB, result.Size)
			assert.Equal(t, result.Size, result.Copied)
			require.NotEmpty(t, seen)
			assert.Zero(t, seen[0].Done)
			assert.Equal(t, 1, seen[0].Segment)
			last := seen[len(seen)-1]
			assert.Equal(t, result.Size, last.Done)
			assert.Equal(t, last.Segments+1, last.Segment)
			for i, p := range seen {
				assert.Equal(t, result.Size, p.Total)
				assert.Equal(t, "pvmove0", p.Move)
				if i > 0 {
					assert.GreaterOrEqual(t, p.Done, seen[i-1].Done)
					assert.GreaterOrEqual(t, p.Segment, seen[i-1].Segment)
				}
			}
		})
	}
}

func TestMoveKeepsToARate(t *testing.T) {
	t.Parallel()
	disks, before := shiftedDisks(t)
	sys := openDisks(t, disks, 2)
	begun := time.Now()
	result, err := sys.Move(context.Background(), "vg0", MoveOptions{
		From: PVSelection{PV: "a"}, MaxSegment: 8 * KiB, Run: MoveRun{Rate: 256 * KiB},
	})
	require.NoError(t, err)
	emptied(t, sys, before, "a")
	least := time.Duration(float64(result.Size-64*KiB) / float64(256*KiB) * float64(time.Second))
	assert.GreaterOrEqual(t, time.Since(begun), least)
}

func TestMoveGoesOnAfterCancel(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]MoveOptions{"by segment": {MaxSegment: 16 * KiB}, "atomic": {Atomic: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks, before := shiftedDisks(t)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			o.From = PVSelection{PV: "a"}
			o.Run.Rate = 256 * KiB
			o.Run.Progress = func(p MoveProgress) {
				if p.Done > 30*KiB {
					cancel()
				}
			}
			_, err := openDisks(t, disks, 2).Move(ctx, "vg0", o)
			require.ErrorIs(t, err, context.Canceled)

			sys := openDisks(t, disks, 3)
			checkPatterns(t, sys, before)
			v, err := sys.VG(context.Background(), "vg0")
			require.NoError(t, err)
			require.Len(t, v.Moves(), 1)
			move := v.Moves()[0]
			assert.Equal(t, "a", move.From)
			assert.Equal(t, o.Atomic, move.Atomic)
			assert.Equal(t, o.Atomic, move.Moved == 0)

			done, err := sys.ResumeMoves(context.Background(), "vg0", MoveRun{})
			require.NoError(t, err)
			require.Len(t, done, 1)
			assert.Equal(t, move.Size-move.Moved, done[0].Copied)
			emptied(t, sys, before, "a")
		})
	}
}

func TestMoveIsAborted(t *testing.T) {
	t.Parallel()
	disks, before := shiftedDisks(t)
	sys, other := openDisks(t, disks, 2), openDisks(t, disks, 3)
	aborted := false
	_, err := sys.Move(context.Background(), "vg0", MoveOptions{
		From: PVSelection{PV: "a"}, MaxSegment: 16 * KiB,
		Run: MoveRun{Progress: func(p MoveProgress) {
			if p.Segment > 3 && !aborted {
				aborted = true
				assert.ErrorIs(t, other.AbortMove(context.Background(), "vg0", "nobody"), ErrPVNotFound)
				assert.NoError(t, other.AbortMove(context.Background(), "vg0", "b"), "no move off b")
				assert.NoError(t, other.AbortMove(context.Background(), "vg0", "a"))
			}
		}},
	})
	require.ErrorIs(t, err, ErrLVNotFound)
	checkPatterns(t, sys, before)
	v, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	assert.Empty(t, v.Moves())
	pv, err := v.PV("a")
	require.NoError(t, err)
	used := v.extents().Used(pv.ID())
	assert.Positive(t, used)
	assert.Less(t, used, Extents(35))
	require.NoError(t, sys.AbortMove(context.Background(), "vg0", ""), "there is none any more")
}

func TestMoveIsPaused(t *testing.T) {
	t.Parallel()
	disks, before := shiftedDisks(t)
	sys := openDisks(t, disks, 2)
	var control MoveControl
	paused := make(chan struct{})
	go func() {
		<-paused
		time.Sleep(20 * time.Millisecond)
		control.Resume()
		control.Resume() // is nothing
	}()
	var at Bytes
	result, err := sys.Move(context.Background(), "vg0", MoveOptions{
		From: PVSelection{PV: "a"}, MaxSegment: 16 * KiB,
		Run: MoveRun{Control: &control, Progress: func(p MoveProgress) {
			switch {
			case p.Paused:
				at = p.Done
				close(paused)
			case p.Segment == 3:
				control.Pause()
			}
		}},
	})
	require.NoError(t, err)
	assert.Positive(t, at)
	assert.Less(t, at, result.Size)
	emptied(t, sys, before, "a")
}

func TestMoveAndOpenFiles(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disks, before := shiftedDisks(t)
	sys := openDisks(t, disks, 2)
	open := func() *LVFile {
		v, err := sys.VG(ctx, "vg0")
		require.NoError(t, err)
		lv, err := v.LV("data")
		require.NoError(t, err)
		f, err := lv.Open()
		require.NoError(t, err)
		return f
	}
	f := open()
	_, err := sys.Move(ctx, "vg0", MoveOptions{From: PVSelection{PV: "a"}})
	require.ErrorIs(t, err, ErrBusy)
	require.False(t, errors.Is(err, ErrMoving))
	require.NoError(t, f.Close())

	update(t, sys, "vg0", func(tx *Tx) error { return tx.move("", "a") })
	f = open()
	_, err = f.WriteAt([]byte("lost"), 0)
	require.ErrorIs(t, err, ErrMoving)
	_, err = f.ReadAt(make([]byte, 8), 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	_, err = sys.ResumeMoves(ctx, "vg0", MoveRun{})
	require.NoError(t, err)
	emptied(t, sys, before, "a")
}
