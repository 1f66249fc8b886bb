package raid_test

import (
	"fmt"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/units"
)

// redundant are arrays that can do without a leg.
func redundant() []raid.Geometry {
	return []raid.Geometry{
		{Layout: raid.RAID1, Legs: 2},
		{Layout: raid.RAID5LS, Legs: 3, Chunk: 8},
		{Layout: raid.RAID6ZR, Legs: 5, Chunk: 8},
		{Layout: raid.RAID10Near, Legs: 4, Chunk: 8, Copies: 2},
	}
}

// A writer here that dies has left bits where copies differ or parity does not
// fit, and the kernel makes them fit.
func TestKernelMendsWhatWasWrittenLast(t *testing.T) {
	umltest.NeedKernel(t)
	for n, g := range redundant() {
		t.Run(name(g), func(t *testing.T) {
			a := newArray(t, g, 1440)
			stop := a.activate(nil)
			a.settle()
			model := random(uint64(n), units.Bytes(a.sectors())*512)
			a.kernelWrite(model, 0)
			stop()

			r := a.open(nil)
			off := int64(len(model)/3) &^ 4095
			data := random(99, 3*4096)
			copy(model[off:], data)
			_, err := r.WriteAt(data, off)
			require.NoError(t, err)
			// The last leg did not get it. That is parity, a copy, or data: then what
			// was there before counts.
			leg := g.Legs - 1
			wrong := random(55, units.Bytes(a.leg)*512)
			var lost []raid.Run
			for at := off; at < off+int64(len(data)); at += 4096 {
				for i, place := range g.Locate(units.Sectors(at/512), a.leg) {
					if place.Leg == leg && i == 0 {
						copy(model[at:at+4096], wrong[place.Sector*512:])
					}
					lost = append(lost, place)
				}
				if p, q := g.Parity(lost[len(lost)-1].Sector); p == leg || q == leg {
					lost = append(lost, raid.Run{Leg: leg, Sector: lost[len(lost)-1].Sector})
				}
			}
			touched := 0
			for _, place := range lost {
				if place.Leg == leg {
					touched++
					_, err := a.legs[leg].WriteAt(wrong[place.Sector*512:][:4096], int64(place.Sector)*512)
					require.NoError(t, err)
				}
			}
			require.Positive(t, touched)

			_, state := a.judge(nil)
			for i := range state.Legs {
				assert.Equal(t, raid.InSync, state.Legs[i].Condition)
			}
			assert.NotEmpty(t, state.Dirty)
			same(t, model, contents(t, a.open(nil)), "before the kernel")
			if g.ParityLegs() > 0 {
				// Nor does the kernel believe the parity.
				err := exec.Command(umltest.NeedTool(t, "dmsetup"), "create", a.name, "--table", a.table([]int{0, 1}[:g.ParityLegs()])).Run()
				assert.Error(t, err)
			}
			stop = a.activate(nil)
			s := a.scrub()
			assert.Equal(t, "0", s.mismatches)
			same(t, model, a.kernelRead(), "after it")
			stop()
		})
	}
}

// A leg that the kernel has begun to rebuild is read as far as it has come.
func TestKernelRebuildInterrupted(t *testing.T) {
	umltest.NeedKernel(t)
	for n, g := range redundant() {
		t.Run(name(g), func(t *testing.T) {
			a := newArray(t, g, 4096)
			stop := a.activate(nil)
			a.settle()
			model := random(uint64(n), units.Bytes(a.sectors())*512)
			a.kernelWrite(model, 0)
			stop()
			const leg = 1
			_, err := a.legs[leg].WriteAt(random(7, 4096*512), 0)
			require.NoError(t, err)
			stop = a.activate(nil, "rebuild", fmt.Sprint(leg), "min_recovery_rate", "1", "max_recovery_rate", "600")
			time.Sleep(1500 * time.Millisecond)
			require.Equal(t, "recover", a.status().action)
			stop()

			r, state := a.judge(nil)
			assert.Equal(t, []int{leg}, r.Missing())
			assert.Equal(t, raid.Rebuilding, state.Legs[leg].Condition)
			come := state.Legs[leg].InSync
			assert.Positive(t, come)
			assert.Less(t, come, a.leg)
			same(t, model, contents(t, r), "with leg %d in sync up to %d", leg, come)
			// So far it is as good as the others.
			lone, _, err := raid.Open(g, a.leg, a.devices([]int{0}), raid.OpenOptions{ReadOnly: true})
			require.NoError(t, err)
			size, _ := g.ArraySize(come)
			got := make([]byte, size*512)
			_, err = lone.ReadAt(got, 0)
			require.NoError(t, err)
			same(t, model[:len(got)], got, "without leg 0")
			if g.Layout == raid.RAID5LS || g.Layout == raid.RAID1 {
				_, err = lone.ReadAt(make([]byte, len(model)), 0)
				require.ErrorIs(t, err, raid.ErrLost)
			}

			// It is written as far, and the kernel goes on from there.
			scribble(t, r, model, uint64(n), 6)
			require.NoError(t, r.Clean())
			_, state = a.judge(nil)
			assert.Equal(t, raid.LegState{Condition: raid.Rebuilding, InSync: come}, state.Legs[leg])
			stop = a.activate(nil)
			s := a.scrub()
			assert.Equal(t, "0", s.mismatches)
			same(t, model, a.kernelRead(), "after it")
			stop()
		})
	}
}

// Before the kernel has made the parity of a new array, nothing is worked out
// from it.
func TestKernelFirstSyncInterrupted(t *testing.T) {
	umltest.NeedKernel(t)
	for n, g := range redundant() {
		t.Run(name(g), func(t *testing.T) {
			a := newArray(t, g, 4096)
			for i, d := range a.legs {
				_, err := d.WriteAt(random(uint64(n*10+i), 4096*512), 0)
				require.NoError(t, err)
			}
			_, state := a.judge(nil)
			assert.True(t, state.Fresh)
			assert.True(t, state.Doubtful(0, 1))
			fresh := contents(t, a.open(nil))
			stop := a.activate(nil, "min_recovery_rate", "1", "max_recovery_rate", "600")
			time.Sleep(1500 * time.Millisecond)
			require.Equal(t, "resync", a.status().action)
			same(t, fresh, a.kernelRead(), "the kernel reads the same")
			stop()

			r, state := a.judge(nil)
			same(t, fresh, contents(t, r), "with all legs")
			assert.False(t, state.Fresh)
			assert.Positive(t, state.DirtyFrom)
			assert.Less(t, state.DirtyFrom, units.Sectors(8192))
			if g.ParityLegs() == 0 {
				return // any copy is as good
			}
			r = a.open([]int{1})
			size, _ := g.ArraySize(state.DirtyFrom / g.Chunk * g.Chunk)
			got := make([]byte, size*512)
			_, err := r.ReadAt(got, 0)
			require.NoError(t, err)
			same(t, fresh[:len(got)], got, "without leg 1")
			_, err = r.ReadAt(make([]byte, len(fresh)), 0)
			require.ErrorIs(t, err, raid.ErrDirty)
		})
	}
}

// If the kernel dies while it does without a leg, no superblock tells. The bitmap
// does, and the leg is not read when it is back.
func TestKernelDiesDegraded(t *testing.T) {
	umltest.NeedKernel(t)
	for n, g := range redundant() {
		t.Run(name(g), func(t *testing.T) {
			a := newArray(t, g, 2048)
			stop := a.activate(nil)
			a.settle()
			model := random(uint64(n), units.Bytes(a.sectors())*512)
			a.kernelWrite(model, 0)
			stop()
			const leg = 1
			stop = a.activate([]int{leg})
			data := random(8, 64<<10)
			copy(model[8192:], data)
			a.kernelWrite(data, 8192)
			var was [][]byte
			disks := slices.Concat(a.metas, a.legs)
			for _, d := range disks {
				size, err := d.Seek(0, 2)
				require.NoError(t, err)
				b := make([]byte, size)
				_, err = d.ReadAt(b, 0)
				require.NoError(t, err)
				was = append(was, b)
			}
			stop()
			for i, d := range disks {
				_, err := d.WriteAt(was[i], 0)
				require.NoError(t, err)
			}

			_, state := a.judge(nil)
			assert.False(t, state.Degraded)
			for i := range state.Legs {
				assert.Equal(t, i == leg, state.Legs[i].Condition == raid.Missed, "leg %d: %v", i, state.Legs[i].Condition)
			}
			r := a.open(nil)
			same(t, model, contents(t, r), "without what the leg has missed")
			// A writer makes it good first. The kernel would not.
			_, err := r.WriteAt(model[:1], 0)
			require.NoError(t, err)
			require.NoError(t, r.Clean())
			assert.Empty(t, r.Missing())
			_, state = a.judge(nil)
			assert.Equal(t, raid.LegState{InSync: raid.Whole}, state.Legs[leg])
			same(t, model, contents(t, a.open(nil)), "it has all")
			stop = a.activate(nil)
			assert.Equal(t, "0", a.scrub().mismatches)
			same(t, model, a.kernelRead(), "after it")
			stop()
		})
	}
}
