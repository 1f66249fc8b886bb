package lvm

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// holdsFirst says whether the first image of the volume m lies on a physical volume.
func (p *failingPVs) holdsFirst(vg *VolumeGroup, i int) bool {
	for lv := range vg.LVs() {
		if lv.Name() == "m_rimage_0" {
			for pv := range vg.PVs() {
				if pv.Device() == p.path(i) {
					return !liesOn(lv.rec, map[ID]bool{pv.ID(): true}, func(ID) *metadata.LogicalVolume { return nil }).IsZero()
				}
			}
		}
	}
	return false
}

// A leg, or the log, of a mirror fails while that is written to. The write that meets
// it waits until the mirror is repaired; none is lost, and the mirror is whole again
// with what is put in the place of the lost. Then it becomes a raid1.
func TestKernelMirrorRepair(t *testing.T) {
	umltest.NeedKernel(t)
	ctx := context.Background()
	run := MirrorRun{Interval: 10 * time.Millisecond}
	for name, c := range map[string]struct {
		log   MirrorLog
		legs  int
		fails int
		spec  MirrorRepairSpec
		left  int // legs
		how   error
	}{
		"the second leg":      {log: MirrorLogDisk, legs: 2, fails: 1, left: 1},
		"the first leg":       {log: MirrorLogCore, legs: 2, fails: 0, left: 1, spec: MirrorRepairSpec{TakeUnsynced: true}, how: ErrNotInSync},
		"the first leg of 3":  {log: MirrorLogDisk, legs: 3, fails: 0, left: 2, spec: MirrorRepairSpec{TakeUnsynced: true}, how: ErrNotInSync},
		"the log of two legs": {log: MirrorLogDisk, legs: 2, fails: 2, left: 2},
	} {
		t.Run(name, func(t *testing.T) {
			p := newFailingPVs(t, 5, 24<<20)
			sys := p.open(0, 1, 2, 3, 4)
			update(t, sys, "vg", func(tx *Tx) error {
				spec := VGSpec{ExtentSize: MiB}
				var on []PVSelection
				for i := range p.names {
					spec.PVs = append(spec.PVs, p.path(i))
					if i <= c.legs {
						on = append(on, PVSelection{PV: p.path(i)})
					}
				}
				if err := tx.CreateVG(spec); err != nil {
					return err
				}
				_, err := tx.CreateMirror(MirrorSpec{Name: "m", Size: ExtentCount(8), Legs: c.legs, Log: c.log, RegionSize: 64 * KiB, PVs: on})
				return err
			})
			t.Cleanup(func() { removeDevices(t) })
			require.NoError(t, sys.FinishMirrorLegs(ctx, "vg", "m", run))
			checker, stop := startChecker(t, "/dev/vg/m")
			checker.Progress(50)
			require.NoError(t, sys.Close())
			p.fail(c.fails)
			var there []int
			for i := range p.names {
				if i != c.fails {
					there = append(there, i)
				}
			}
			sys = p.open(there...)
			status := func() MirrorStatus {
				vg, err := sys.VG(ctx, "vg")
				require.NoError(t, err)
				status, err := lvView(t, vg, "m").MirrorStatus()
				require.NoError(t, err)
				return status
			}
			require.Eventually(t, func() bool { return status().Err() != nil }, time.Minute, time.Millisecond)
			require.ErrorIs(t, status().Err(), ErrDegraded)
			if c.how != nil {
				err := sys.Update(ctx, "vg", func(tx *Tx) error { return tx.RepairMirror("m", MirrorRepairSpec{}) })
				require.ErrorIs(t, err, c.how)
			}
			require.ErrorIs(t, sys.Update(ctx, "vg", func(tx *Tx) error { return tx.AddMirrorLegs("m", MirrorLegsSpec{}) }), ErrMissingPV)

			update(t, sys, "vg", func(tx *Tx) error { return tx.RepairMirror("m", c.spec) })
			checker.Progress(50)
			vg, err := sys.VG(ctx, "vg")
			require.NoError(t, err)
			lv := lvView(t, vg, "m")
			assert.False(t, lv.Partial())
			if c.left > 1 {
				require.Len(t, status().Legs, c.left)
				require.NoError(t, sys.FinishMirrorLegs(ctx, "vg", "m", run))
			}
			if c.left < c.legs {
				require.NoError(t, sys.AddMirrorLegs(ctx, "vg", "m", MirrorLegsSpec{Log: c.log, RegionSize: 64 * KiB}, run))
			} else {
				update(t, sys, "vg", func(tx *Tx) error { return tx.SetMirrorLog("m", MirrorLogDisk) })
			}
			checker.Progress(50)
			require.Len(t, status().Legs, c.legs)
			require.Equal(t, c.log == MirrorLogDisk, status().Log != 0)
			update(t, sys, "vg", func(tx *Tx) error { return tx.RemoveMissing(RemoveMissingSpec{}) })
			require.NoError(t, status().Err())

			if c.legs == 3 || c.fails == 2 {
				stop() // the rest takes long
				return
			}
			// A raid1 is in sync at once, and each of its legs has all that is written.
			update(t, sys, "vg", func(tx *Tx) error { return tx.ConvertRAID("m", SegmentRAID1, ConvertSpec{}) })
			require.Equal(t, strings.Repeat("A", c.legs), health(t, sys, "m"))
			require.NotContains(t, umltest.Run(t, "dmsetup", "table"), "mirror")
			checker.Progress(50)
			for i := range p.names[:4] {
				if vg, err := sys.VG(ctx, "vg"); assert.NoError(t, err) && i != c.fails && p.holdsFirst(vg, i) {
					p.fail(i)
				}
			}
			checker.Progress(100)
			stop()
		})
	}
}
