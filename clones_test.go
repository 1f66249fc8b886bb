package lvm

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// cloned returns vg0 with volumes on the devices a and b, their clones c and d,
// and the blank device e.
func cloned(t testing.TB, areas MetadataAreas, prepare ...func(tx *Tx) error) *recorder.Disks {
	disks := recorder.New(diskSize, "a", "b", "c", "d", "e")
	sys := openDisks(t, disks, 1)
	known(t, sys, areas)
	for _, fn := range prepare {
		update(t, sys, "vg0", fn)
	}
	disks.Copy("a", "c")
	disks.Copy("b", "d")
	disks.Record()
	return disks
}

// export marks vg0 as exported.
func export(tx *Tx) error {
	if err := tx.own(); err != nil {
		return err
	}
	tx.vg.Status |= metadata.VGExported
	for i, pv := range tx.vg.PVs {
		exported := *pv
		exported.Status |= metadata.PVExported
		tx.vg.PVs[i] = &exported
	}
	tx.changed = true
	return nil
}

// checkClone checks that a group is the one that was cloned, but its names.
func checkClone(t testing.TB, sys *System, original *metadata.VolumeGroup, name string) {
	t.Helper()
	got := recordOf(t, sys, name)
	require.NotNil(t, got)
	assert.NotEqual(t, original.ID, got.ID)
	assert.Len(t, got.PVs, len(original.PVs))
	for _, pv := range got.PVs {
		assert.Nil(t, pvRecord(original, pv.ID))
		assert.Zero(t, pv.Status&metadata.PVExported)
	}
	assert.Zero(t, got.Status&metadata.VGExported)
	require.Len(t, got.LVs, len(original.LVs))
	for i, lv := range got.LVs {
		assert.Equal(t, original.LVs[i].ID, lv.ID)
	}
	named := *original
	named.Name = name
	checkPatterns(t, sys, &named)
}

func TestImportClones(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for areas, name := range areaNames {
		for exported, prepare := range map[bool][]func(*Tx) error{false: nil, true: {export}} {
			t.Run(fmt.Sprintf("%s/exported %t", name, exported), func(t *testing.T) {
				t.Parallel()
				disks := cloned(t, areas, prepare...)
				// One that the import must not see.
				sys := openDisks(t, disks, 2)
				_, err := sys.VG(ctx, "vg0")
				require.NoError(t, err)
				original := recordOf(t, openOnly(t, disks, "a", "b"), "vg0")

				vg, err := sys.ImportClones(ctx, []string{"d", "c"}, CloneSpec{Import: exported})
				require.NoError(t, err)
				assert.Equal(t, "vg01", vg.Name())
				for _, w := range disks.Writes() {
					require.Contains(t, []string{"c", "d"}, w.Path)
				}
				assert.Empty(t, problems(t, openDisks(t, disks, 3)))
				checkClone(t, openDisks(t, disks, 3), original, "vg01")
				assert.Equal(t, original, recordOf(t, sys, "vg0"))
				checkPatterns(t, sys, original)
			})
		}
	}
}

func openOnly(t testing.TB, disks *recorder.Disks, devices ...string) *System {
	sys := openDisks(t, disks, 9)
	sys.cfg.Devices = devices
	return sys
}

func TestImportClonesNames(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disks := cloned(t, OneArea)
	for _, c := range []struct{ base, want string }{{"", "vg01"}, {"new", "new"}, {"vg0", "vg01"}} {
		t.Run(c.base, func(t *testing.T) {
			vg, err := openDisks(t, disks.Clone(), 2).ImportClones(ctx, []string{"c", "d"}, CloneSpec{BaseName: c.base})
			require.NoError(t, err)
			assert.Equal(t, c.want, vg.Name())
		})
	}
	// Again and again: the names of those before are taken.
	sys := openDisks(t, disks, 2)
	for _, want := range []string{"x", "x1"} {
		vg, err := sys.ImportClones(ctx, []string{"c", "d"}, CloneSpec{BaseName: "x"})
		require.NoError(t, err)
		assert.Equal(t, want, vg.Name())
	}
}

func TestImportClonesRefusals(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, c := range map[string]struct {
		devices []string
		spec    CloneSpec
		prepare []func(*Tx) error
		disks   func(*testing.T, *recorder.Disks)
		want    error
	}{
		"no devices":     {want: ErrInvalidSpec},
		"given twice":    {devices: []string{"c", "d", "c"}, want: ErrInvalidSpec},
		"not given":      {devices: []string{"c", "d", "f"}, want: ErrPVNotFound},
		"blank":          {devices: []string{"c", "d", "e"}, want: ErrPVNotFound},
		"only one":       {devices: []string{"c"}, want: ErrMissingPV},
		"original, too":  {devices: []string{"a", "c", "d"}, want: ErrDuplicatePV},
		"exported":       {devices: []string{"c", "d"}, prepare: []func(*Tx) error{export}, want: ErrExported},
		"name":           {devices: []string{"c", "d"}, spec: CloneSpec{BaseName: "-"}, want: ErrInvalidName},
		"name with lvs":  {devices: []string{"c", "d"}, spec: CloneSpec{BaseName: string(bytes.Repeat([]byte("x"), 120))}, want: ErrInvalidName},
		"several groups": {devices: []string{"c", "d", "e"}, want: ErrInvalidSpec, disks: other("e")},
		"orphan":         {devices: []string{"c", "d", "e"}, want: ErrInvalidSpec, disks: orphanOn("e")},
		"no group":       {devices: []string{"e"}, want: ErrInvalidSpec, disks: orphanOn("e")},
		"broken text": {devices: []string{"c", "d"}, want: ErrDamaged, disks: func(_ *testing.T, d *recorder.Disks) {
			for _, path := range []string{"c", "d"} {
				d.Change(path, int64(firstAreaStart)+int64(metadata.AreaHeaderSize)+20, make([]byte, 16*KiB))
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks := cloned(t, OneArea, c.prepare...)
			if c.disks != nil {
				c.disks(t, disks)
				disks.Record()
			}
			_, err := openDisks(t, disks, 2).ImportClones(ctx, c.devices, c.spec)
			require.ErrorIs(t, err, c.want)
			var op *OpError
			require.ErrorAs(t, err, &op)
			assert.Empty(t, written(disks))
		})
	}
}

func other(device string) func(*testing.T, *recorder.Disks) {
	return func(t *testing.T, d *recorder.Disks) {
		update(t, openDisks(t, d, 5), "other", func(tx *Tx) error {
			return tx.CreateVG(VGSpec{PVs: []string{device}, PV: areaSpec(OneArea), ExtentSize: 4 * KiB})
		})
	}
}

func orphanOn(device string) func(*testing.T, *recorder.Disks) {
	return func(t *testing.T, d *recorder.Disks) { orphans(device)(t, openDisks(t, d, 5), OneArea) }
}

// TestImportClonesCrash lets the power fail at every point of an import: the
// originals are never touched, and either Recover finishes or the next import.
func TestImportClonesCrash(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for areas, name := range areaNames {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks := cloned(t, areas)
			before := disks.Clone()
			original := recordOf(t, openOnly(t, disks, "a", "b"), "vg0")
			_, err := openDisks(t, disks, 2).ImportClones(ctx, []string{"c", "d"}, CloneSpec{})
			require.NoError(t, err)

			n, seen := 0, map[string]int{}
			for crash := range disks.Crashes(crashOptions()) {
				n++
				if n%2 == 0 {
					_, err := openDisks(t, crash.Disks, 3).Recover(ctx)
					require.NoError(t, err)
				}
				what := "repeated"
				sys := openDisks(t, crash.Disks, 4)
				if inv, err := sys.Scan(ctx); err == nil && len(inv.VGs) == 2 && len(inv.Problems) == 0 {
					what = "finished"
				} else {
					_, err := sys.ImportClones(ctx, []string{"c", "d"}, CloneSpec{})
					require.NoError(t, err, "after %d events, %s", crash.After, crash.What)
				}
				seen[what]++
				require.True(t, crash.Disks.Equal(before, "a", "b"))
				sys = openDisks(t, crash.Disks, 5)
				require.Empty(t, problems(t, sys), "after %d events, %s", crash.After, crash.What)
				checkClone(t, sys, original, "vg01")
				if t.Failed() {
					t.Fatalf("after %d events, %s", crash.After, crash.What)
				}
			}
			assert.Positive(t, seen["finished"])
			assert.Positive(t, seen["repeated"])
		})
	}
}

// TestImportClonesFaults lets each call to a device fail, with all that follow or
// alone.
func TestImportClonesFaults(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, how := range []recorder.Fault{recorder.Before, recorder.After} {
		for _, rest := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/rest %t", how, rest), func(t *testing.T) {
				t.Parallel()
				start := cloned(t, OneArea)
				original := recordOf(t, openOnly(t, start, "a", "b"), "vg0")
				for n := 1; ; n++ {
					disks := start.Clone()
					disks.Record()
					sys := openDisks(t, disks, 2)
					disks.FailAt(n, how, rest)
					_, err := sys.ImportClones(ctx, []string{"c", "d"}, CloneSpec{})
					calls := disks.Calls()
					disks.Inject(nil)
					for _, w := range disks.Writes() {
						require.Contains(t, []string{"c", "d"}, w.Path)
					}
					if calls < n {
						require.NoError(t, err)
						return
					}
					fresh := openDisks(t, disks, 3)
					if inv, scanErr := fresh.Scan(ctx); scanErr != nil || len(inv.VGs) != 2 || len(inv.Problems) > 0 {
						require.Error(t, err)
						_, err = fresh.ImportClones(ctx, []string{"c", "d"}, CloneSpec{})
						require.NoError(t, err, "call %d", n)
					}
					require.Empty(t, problems(t, fresh), "call %d", n)
					checkClone(t, openDisks(t, disks, 4), original, "vg01")
				}
			})
		}
	}
}
