package lvm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// twoGroups makes vg0 on a, b, c and d, and vg1 on e, f and g, with volumes.
func twoGroups(t testing.TB, sys *System) {
	create := func(vg string, devices ...string) {
		update(t, sys, vg, func(tx *Tx) error {
			err := tx.CreateVG(VGSpec{PVs: devices, PV: areaSpec(OneArea), ExtentSize: 4 * KiB})
			return joinErrors(err, tx.addOn("on"+devices[0], devices[0]), tx.addOn("on"+devices[1], devices[1]))
		})
		writePatterns(t, sys, vg)
	}
	create("vg0", "b", "c", "a", "d")
	create("vg1", "e", "f", "g")
}

func splitOff(to string, pvs ...string) func(*Tx) error {
	return func(tx *Tx) error { return tx.SplitVG(to, SplitSpec{PVs: pvs}) }
}

// TestMovesRefused tests that what could be left half done by a crash between
// the commits of two groups is not begun.
func TestMovesRefused(t *testing.T) {
	t.Parallel()
	merge := func(tx *Tx) error { return tx.MergeVG("vg1") }
	for name, do := range map[string][]func(*Tx) error{
		"two groups take":       {splitOff("n1", "c"), splitOff("n2", "b")},
		"another leaves":        {splitOff("n1", "c"), func(tx *Tx) error { return tx.ReduceVG("d") }},
		"one comes and moves":   {func(tx *Tx) error { return tx.ExtendVG(areaSpec(OneArea), "h") }, splitOff("n1", "c", "h")},
		"merged one moves":      {merge, splitOff("n1", "f")},
		"merged one leaves":     {merge, func(tx *Tx) error { return tx.ReduceVG("g") }},
		"split off, merged":     {splitOff("n1", "c"), func(tx *Tx) error { return tx.MergeVG("n1") }},
		"split off, all merged": {splitOff("vg1", "c"), merge},
		"resized, split off": {func(tx *Tx) error {
			tx.sys.minPV = 64 * KiB
			return tx.ResizePV("d", MiB)
		}, splitOff("n1", "c", "d")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks := recorder.New(diskSize, "a", "b", "c", "d", "e", "f", "g", "h")
			sys := openDisks(t, disks, 1)
			twoGroups(t, sys)
			if name == "resized, split off" { // whose area at the end would move
				update(t, sys, "vg0", func(tx *Tx) error { return tx.ReduceVG("d") })
				update(t, sys, "", func(tx *Tx) error {
					spec := areaSpec(TwoAreas)
					spec.Device = "d"
					return tx.CreatePV(spec)
				})
				update(t, sys, "vg0", func(tx *Tx) error { return tx.ExtendVG(PVSpec{}, "d") })
			}
			disks.Record()
			err := sys.Update(context.Background(), "vg0", func(tx *Tx) error {
				for _, fn := range do {
					if err := fn(tx); err != nil {
						return err
					}
				}
				return nil
			})
			require.ErrorIs(t, err, ErrUnsupported)
			assert.Empty(t, written(disks))
		})
	}
}

// TestMovesTogether tests that one split adds to what another began.
func TestMovesTogether(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c", "d", "e", "f", "g")
	sys := openDisks(t, disks, 1)
	twoGroups(t, sys)
	before := recordOf(t, sys, "vg0")
	plan, err := sys.Plan(context.Background(), "vg0", func(tx *Tx) error {
		return joinErrors(tx.SetPVMetadataIgnored("d", true), splitOff("n1", "b", "d")(tx), splitOff("n1", "c")(tx))
	})
	require.NoError(t, err)
	for _, step := range plan.Steps {
		assert.False(t, step.Destructive(), step)
	}
	require.NoError(t, sys.Apply(context.Background(), plan))
	checkPatterns(t, sys, before)
	assert.Empty(t, problems(t, sys))
	n1, err := sys.VG(context.Background(), "n1")
	require.NoError(t, err)
	for pv := range n1.PVs() {
		for _, a := range n1.areas {
			if a.pv == pv.ID() {
				assert.Equal(t, pv.Device() == "d", !usable(&a), pv.Device())
			}
		}
	}
}
