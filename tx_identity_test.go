package lvm

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

func TestIdentityRefusals(t *testing.T) {
	t.Parallel()
	longName := strings.Repeat("x", 100)
	start := func(t *testing.T) *recorder.Disks {
		disks := recorder.New(diskSize, "a", "b", "c", "d")
		sys := openDisks(t, disks, 1)
		known(t, sys, OneArea)
		update(t, sys, "vg0", func(tx *Tx) error { return tx.addLV(strings.Repeat("y", 30), 1, 1) })
		orphans("c")(t, sys, OneArea)
		update(t, sys, "vg1", func(tx *Tx) error {
			return tx.CreateVG(VGSpec{ID: otherID, PVs: []string{"d"}, PV: areaSpec(OneArea), ExtentSize: 4 * KiB})
		})
		return disks
	}
	disks := start(t)
	for name, c := range map[string]struct {
		vg      string
		fn      func(*Tx) error
		want    error
		prepare func(*Tx) error
	}{
		"rename: invalid":            {fn: func(tx *Tx) error { return tx.RenameVG("a/b") }, want: ErrInvalidName},
		"rename: too long":           {fn: func(tx *Tx) error { return tx.RenameVG(strings.Repeat("x", 122)) }, want: ErrInvalidName},
		"rename: too long for an lv": {fn: func(tx *Tx) error { return tx.RenameVG(longName) }, want: ErrInvalidName},
		"rename: exists":             {fn: func(tx *Tx) error { return tx.RenameVG("vg1") }, want: ErrExists},
		"rename: no group":           {vg: "vg2", fn: func(tx *Tx) error { return tx.RenameVG("vg3") }, want: ErrVGNotFound},
		"vg uuid: exists":            {fn: func(tx *Tx) error { return tx.SetVGID(otherID) }, want: ErrExists},
		"vg uuid: no group":          {vg: "vg2", fn: func(tx *Tx) error { return tx.SetVGID(ID{}) }, want: ErrVGNotFound},
		"vg uuid: exported":          {fn: func(tx *Tx) error { return tx.SetVGID(ID{}) }, want: ErrExported, prepare: export},
		"pv uuid: exported":          {fn: func(tx *Tx) error { return tx.SetPVID("a", ID{}) }, want: ErrExported, prepare: export},
		"pv uuid: of another":        {fn: func(tx *Tx) error { return tx.SetPVID("a", pvIDs[1]) }, want: ErrExists},
		"pv uuid: twice": {fn: func(tx *Tx) error {
			return joinErrors(tx.SetPVID("a", pvIDs[2]), tx.SetPVID("b", pvIDs[2]))
		}, want: ErrExists},
		"pv uuid: twice, of an orphan": {fn: func(tx *Tx) error {
			return joinErrors(tx.SetPVID("c", pvIDs[2]), tx.SetPVID("b", pvIDs[2]))
		}, want: ErrExists},
		"pv uuid: of one to be made": {fn: func(tx *Tx) error {
			spec := areaSpec(OneArea)
			spec.Device, spec.ID = "c", pvIDs[2]
			return joinErrors(tx.CreatePV(spec), tx.SetPVID("b", pvIDs[2]))
		}, want: ErrExists},
		"pv uuid: not given":            {fn: func(tx *Tx) error { return tx.SetPVID("e", ID{}) }, want: ErrPVNotFound},
		"pv uuid: in another group":     {fn: func(tx *Tx) error { return tx.SetPVID("d", ID{}) }, want: ErrExists},
		"pv uuid: in a group, from out": {vg: "-", fn: func(tx *Tx) error { return tx.SetPVID("a", ID{}) }, want: ErrExists},
		"pv uuid: joins": {fn: func(tx *Tx) error {
			return joinErrors(tx.ExtendVG(areaSpec(OneArea), "c"), tx.SetPVID("c", ID{}))
		}, want: ErrUnsupported},
		"pv uuid: joins after": {fn: func(tx *Tx) error {
			return joinErrors(tx.SetPVID("c", ID{}), tx.ExtendVG(areaSpec(OneArea), "c"))
		}, want: ErrUnsupported},
		"pv uuid: another joins": {fn: func(tx *Tx) error {
			return joinErrors(tx.SetPVID("b", ID{}), tx.ExtendVG(areaSpec(OneArea), "c"))
		}, want: ErrUnsupported},
		"pv uuid: is removed": {vg: "-", fn: func(tx *Tx) error {
			return joinErrors(tx.SetPVID("c", ID{}), tx.RemovePV("c"))
		}, want: ErrUnsupported},
		"pv uuid: is made anew": {vg: "-", fn: func(tx *Tx) error {
			spec := areaSpec(OneArea)
			spec.Device = "c"
			return joinErrors(tx.CreatePV(spec), tx.SetPVID("c", ID{}))
		}, want: ErrUnsupported},
		"vg uuid, and split": {fn: func(tx *Tx) error {
			return joinErrors(tx.MergeVG("vg1"), tx.SetVGID(ID{}))
		}, want: ErrUnsupported},
		"rename to what is split off": {fn: func(tx *Tx) error {
			return joinErrors(tx.RemoveLV("data"), tx.RemoveLV("striped"), tx.RenameVG("new"), tx.SplitVG("new", SplitSpec{PVs: []string{"b"}}))
		}, want: ErrInvalidSpec},
		"rename to what was split off": {fn: func(tx *Tx) error {
			return joinErrors(tx.RemoveLV("data"), tx.RemoveLV("striped"), tx.SplitVG("new", SplitSpec{PVs: []string{"b"}}), tx.RenameVG("new"))
		}, want: ErrExists},
		"pv uuid of a group that goes": {vg: "vg1", fn: func(tx *Tx) error {
			return joinErrors(tx.SetPVID("d", ID{}), tx.RemoveVG())
		}, want: ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks := disks.Clone()
			if c.prepare != nil {
				update(t, openDisks(t, disks, 5), "vg0", c.prepare)
			}
			disks.Record()
			vg := (&alteration{vg: c.vg}).ref()
			err := openDisks(t, disks, 2).Update(context.Background(), vg, c.fn)
			require.ErrorIs(t, err, c.want)
			var op *OpError
			require.ErrorAs(t, err, &op)
			assert.Empty(t, written(disks))
		})
	}
}

// TestIdentityUnchanged gives what is there already: nothing is to be done.
func TestIdentityUnchanged(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	known(t, sys, OneArea)
	plan, err := sys.Plan(context.Background(), "vg0", func(tx *Tx) error {
		return joinErrors(tx.RenameVG("vg0"), tx.SetVGID(knownID), tx.SetPVID("a", pvIDs[0]), tx.SetPVID(pvIDs[1].String(), pvIDs[1]))
	})
	require.NoError(t, err)
	assert.True(t, plan.Empty(), "%v", plan)
}

// TestIdentityActive refuses to change what the names of devices are made of.
func TestIdentityActive(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	known(t, openDisks(t, disks, 1), OneArea)
	m := newMachine(disks)
	sys := m.open(t, 2)
	plan, err := sys.Plan(context.Background(), "vg0", func(tx *Tx) error { return tx.SetVGID(otherID) })
	require.NoError(t, err)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.Activate("data") })
	disks.Record()
	for name, fn := range map[string]func(*Tx) error{
		"vg":              func(tx *Tx) error { return tx.SetVGID(otherID) },
		"pv":              func(tx *Tx) error { return tx.SetPVID("b", ID{}) },
		"vg, deactivated": func(tx *Tx) error { return joinErrors(tx.Deactivate("data"), tx.SetVGID(otherID)) },
	} {
		require.ErrorIs(t, sys.Update(context.Background(), "vg0", fn), ErrBusy, name)
	}
	require.ErrorIs(t, sys.Apply(context.Background(), plan), ErrBusy)
	for name, fn := range map[string]func(*Tx) error{
		"removed":     func(tx *Tx) error { return joinErrors(tx.RenameVG("vg1"), tx.RemoveLV("data")) },
		"deactivated": func(tx *Tx) error { return joinErrors(tx.Deactivate("data"), tx.RenameVG("vg1")) },
	} {
		require.ErrorIs(t, sys.Update(context.Background(), "vg0", fn), ErrUnsupported, name)
	}
	require.NoError(t, os.Mkdir(filepath.Join(sys.cfg.DevDir, "vg1"), 0o700))
	require.ErrorIs(t, sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.RenameVG("vg1") }), ErrExists)
	assert.Empty(t, written(disks))
	assert.Empty(t, m.unlike(t))
}

// TestRenameVGPlanned activates a volume between a plan and its execution.
func TestRenameVGPlanned(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disks := recorder.New(diskSize, "a", "b", "c")
	known(t, openDisks(t, disks, 1), OneArea)
	m := newMachine(disks)
	sys := m.open(t, 2)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.Activate("data") })
	rename := func(tx *Tx) error { return tx.RenameVG("vg1") }
	plan, err := sys.Plan(ctx, "vg0", rename)
	require.NoError(t, err)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.Activate("other") })
	require.ErrorIs(t, sys.Apply(ctx, plan), ErrPlanStale)
	update(t, sys, "vg0", rename)
	assert.Empty(t, m.unlike(t))
	assert.Len(t, m.active(), 2)
}

// TestRenameVGExported renames an exported group, as lvm2 does.
func TestRenameVGExported(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	known(t, sys, OneArea)
	update(t, sys, "vg0", export)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.RenameVG("vg1") })
	vg := recordOf(t, sys, "vg1")
	assert.Equal(t, knownID, vg.ID)
	assert.NotZero(t, vg.Status&metadata.VGExported)
}

// TestRenameDuplicateVG tells two groups of one name apart.
func TestRenameDuplicateVG(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	known(t, sys, OneArea)
	alone := openDisks(t, disks, 2)
	alone.cfg.Devices = []string{"c"}
	update(t, alone, "vg0", func(tx *Tx) error {
		return tx.CreateVG(VGSpec{ID: otherID, PVs: []string{"c"}, PV: areaSpec(OneArea), ExtentSize: 4 * KiB})
	})
	disks.Record()
	require.ErrorIs(t, sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.RenameVG("vg1") }), ErrAmbiguous)
	require.ErrorIs(t, sys.Update(ctx, otherID.String(), func(tx *Tx) error { return tx.RenameVG("vg0") }), nil)
	require.Empty(t, written(disks))
	update(t, sys, otherID.String(), func(tx *Tx) error { return tx.RenameVG("vg1") })
	for _, w := range disks.Writes() {
		require.Equal(t, "c", w.Path)
	}
	assert.Equal(t, knownID, recordOf(t, sys, "vg0").ID)
	assert.Equal(t, otherID, recordOf(t, sys, "vg1").ID)
	checkPatterns(t, sys, recordOf(t, sys, "vg0"))
}

// TestIdentityFiles looks at the backups and archives of a group that gets
// another name.
func TestIdentityFiles(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	sys.cfg.BackupDir, sys.cfg.ArchiveDir = t.TempDir(), t.TempDir()
	known(t, sys, OneArea)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.RenameVG("vg1") })
	names := func(dir string) (out []string) {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			name, _, _ := strings.Cut(e.Name(), "-")
			out = append(out, name)
		}
		return out
	}
	assert.Equal(t, []string{"vg1"}, names(sys.cfg.BackupDir))
	assert.Equal(t, []string{"vg0_00000"}, names(sys.cfg.ArchiveDir))

	// Another group has the old name: its backup stays.
	other := openDisks(t, disks, 2)
	other.cfg.Devices, other.cfg.BackupDir = []string{"c"}, sys.cfg.BackupDir
	update(t, other, "vg1", func(tx *Tx) error {
		return tx.CreateVG(VGSpec{ID: otherID, PVs: []string{"c"}, PV: areaSpec(OneArea), ExtentSize: 4 * KiB})
	})
	update(t, sys, knownID.String(), func(tx *Tx) error { return tx.RenameVG("vg2") })
	assert.Equal(t, []string{"vg1", "vg2"}, names(sys.cfg.BackupDir))
}

// TestSetPVIDGoesOn changes a group whose UUIDs were changed by the same System.
func TestSetPVIDGoesOn(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	known(t, sys, OneArea)
	before := recordOf(t, sys, "vg0")
	var within metadata.ID
	update(t, sys, "vg0", func(tx *Tx) error {
		err := joinErrors(tx.SetPVID(pvIDs[1].String(), pvIDs[3]), tx.SetVGID(otherID), tx.ExtendLV("data", ExtendSpec{By: ExtentCount(400)}))
		if err == nil {
			within = tx.VG().ID()
		}
		return err
	})
	assert.Equal(t, otherID, within)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.addLV("more", 9, 2) })
	update(t, sys, otherID.String(), func(tx *Tx) error { return tx.SetPVID("b", ID{}) })
	_, err := sys.VG(context.Background(), knownID.String())
	require.ErrorIs(t, err, ErrVGNotFound)
	for _, s := range []*System{sys, openDisks(t, disks, 3)} {
		vg := recordOf(t, s, "vg0")
		assert.Equal(t, otherID, vg.ID)
		assert.Equal(t, pvIDs[0], vg.PVs[0].ID)
		assert.NotContains(t, pvIDs, vg.PVs[1].ID)
		checkPatterns(t, s, before)
		assert.Empty(t, problems(t, s))
	}
}
