package lvm

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// partialGroup returns vg0 on a, b and c, which is empty, in a state that change
// makes. data and other are on a, striped is on a and b.
func partialGroup(t *testing.T, changes ...func(testing.TB, *System, MetadataAreas)) *recorder.Disks {
	t.Helper()
	return (&alteration{setup: then(slices.Concat([]func(testing.TB, *System, MetadataAreas){andSpare}, changes)...)}).start(t, OneArea)
}

func openVG(t *testing.T, disks *recorder.Disks) *VolumeGroup {
	t.Helper()
	vg, err := openDisks(t, disks, 7).VG(context.Background(), "vg0")
	require.NoError(t, err)
	return vg
}

func pvFlags(vg *VolumeGroup) map[string]bool {
	out := map[string]bool{}
	for _, pv := range vg.Metadata().PVs {
		out[pv.Device] = pv.Status&metadata.PVMissing != 0
	}
	return out
}

func TestPartialView(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(testing.TB, *System, MetadataAreas)
		missing []string // as the metadata names them
		partial []string
	}{
		"none missing":         {then(), nil, nil},
		"empty one missing":    {losing("c"), []string{"c"}, nil},
		"used one missing":     {losing("b"), []string{"b"}, []string{"striped"}},
		"two missing":          {losing("c", "b"), []string{"b", "c"}, []string{"striped"}},
		"all but one missing":  {losing("a", "b"), []string{"a", "b"}, []string{"data", "other", "striped"}},
		"used one back":        {awhile("b"), []string{"b"}, []string{"striped"}},
		"empty one back":       {awhile("c"), nil, nil},
		"first one back":       {awhile("a"), []string{"a"}, []string{"data", "other", "striped"}},
		"one of each":          {then(awhile("b"), losing("c")), []string{"b", "c"}, []string{"striped"}},
		"back and lost again":  {then(awhile("c"), losing("c")), []string{"c"}, nil},
		"lost, back, lost too": {then(awhile("b"), losing("b")), []string{"b"}, []string{"striped"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vg := openVG(t, partialGroup(t, c.change))
			var missing, partial []string
			for _, pv := range vg.MissingPVs() {
				assert.True(t, pv.Missing())
				missing = append(missing, pv.DeviceHint())
			}
			for lv := range vg.LVs() {
				if lv.Partial() {
					partial = append(partial, lv.Name())
				}
			}
			slices.Sort(partial)
			assert.Equal(t, c.missing, missing)
			assert.Equal(t, c.partial, partial)
			assert.Equal(t, len(c.missing) > 0, vg.Partial())
			if len(c.missing) > 0 {
				assert.ErrorIs(t, vg.Changeable(), ErrMissingPV)
			} else {
				assert.NoError(t, vg.Changeable())
			}
		})
	}
}

func TestFirstChangeMarksMissingPVs(t *testing.T) {
	t.Parallel()
	disks := partialGroup(t)
	head := lose(t, openDisks(t, disks, 3), "b")
	sys := openDisks(t, disks, 4)
	update(t, sys, "vg0", func(tx *Tx) error {
		assert.True(t, tx.VG().Partial())
		return tx.SetTags("t")
	})
	vg := openVG(t, disks)
	assert.Equal(t, map[string]bool{"a": false, "b": true, "c": false}, pvFlags(vg), "the path of the missing one is kept")
	overwriteHead(t, sys, "b", head)
	pv, err := openVG(t, disks).PV("b")
	require.NoError(t, err)
	assert.True(t, pv.Missing(), "what is on it may be old")
	assert.Equal(t, "b", pv.Device())
	update(t, openDisks(t, disks, 5), "vg0", func(tx *Tx) error { return tx.SetTags("u") })
	assert.Equal(t, map[string]bool{"a": false, "b": true, "c": false}, pvFlags(openVG(t, disks)), "being back is not enough")
	// Its copy of the metadata is brought up to date all the same.
	for _, p := range openVG(t, disks).Problems() {
		assert.ErrorIs(t, p.Err, ErrMissingPV)
	}

	update(t, openDisks(t, disks, 5), "vg0", func(tx *Tx) error { return tx.RestoreMissing("b") })
	assert.Equal(t, map[string]bool{"a": false, "b": false, "c": false}, pvFlags(openVG(t, disks)))
	assert.Empty(t, openVG(t, disks).Problems())
}

func TestEmptyPVIsUsedAgain(t *testing.T) {
	t.Parallel()
	disks := partialGroup(t, awhile("c"))
	sys := openDisks(t, disks, 4)
	assert.True(t, pvFlags(openVG(t, disks))["c"])
	assert.Len(t, openVG(t, disks).Problems(), 2, "its mark, its old copy")
	update(t, sys, "vg0", func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Name: "new", Size: ExtentCount(3), PVs: []PVSelection{{PV: "c"}}})
		return err
	})
	assert.False(t, pvFlags(openVG(t, disks))["c"])
	assert.Empty(t, openVG(t, disks).Problems())
}

func TestRestoreMissing(t *testing.T) {
	t.Parallel()
	restore := func(pvs ...string) func(*Tx) error {
		return func(tx *Tx) error { return tx.RestoreMissing(pvs...) }
	}
	for name, c := range map[string]struct {
		change func(testing.TB, *System, MetadataAreas)
		do     func(*Tx) error
		fails  error
		same   bool
	}{
		"not missing":        {then(), restore("a", "b"), nil, true},
		"back unchanged":     {losing(), restore("b"), nil, true},
		"lost":               {losing("b"), restore("b"), ErrPVNotFound, true},
		"not of the group":   {awhile("b"), restore("d"), ErrPVNotFound, true},
		"empty":              {awhile("c"), restore("c"), nil, false},
		"used":               {awhile("b"), restore("b"), nil, false},
		"one while one lost": {then(awhile("b"), losing("c")), restore("b"), nil, false},
		"and go on": {awhile("b"), func(tx *Tx) error {
			return joinErrors(tx.RestoreMissing("b"), tx.addLV("new", 3, 2), tx.RenameLV("data", "d2"))
		}, nil, false},
		"one, and go on without the other": {then(awhile("b"), losing("c")), func(tx *Tx) error {
			return joinErrors(tx.RestoreMissing("b"), tx.addLV("new", 3, 2))
		}, ErrMissingPV, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks := partialGroup(t, c.change)
			err := openDisks(t, disks, 5).Update(context.Background(), "vg0", c.do)
			if c.fails != nil {
				assert.ErrorIs(t, err, c.fails)
			} else {
				assert.NoError(t, err)
			}
			assert.Equal(t, c.same, len(written(disks)) == 0, "%v", written(disks))
		})
	}
	t.Run("lost, by uuid", func(t *testing.T) {
		t.Parallel()
		disks := partialGroup(t, losing("b"))
		id := openVG(t, disks).MissingPVs()[0].ID().String()
		assert.ErrorIs(t, openDisks(t, disks, 5).Update(context.Background(), "vg0", restore(id)), ErrMissingPV)
		assert.Empty(t, written(disks))
	})
}

func TestRemoveMissing(t *testing.T) {
	t.Parallel()
	force, empty := RemoveMissingSpec{Force: true}, RemoveMissingSpec{EmptyOnly: true}
	none := func(testing.TB, *System, MetadataAreas) {}
	for name, c := range map[string]struct {
		change func(testing.TB, *System, MetadataAreas)
		spec   RemoveMissingSpec
		fails  error
		same   bool
		pvs    string
		lvs    string
		left   bool // something is still missing
	}{
		"none":             {change: none, same: true},
		"none, by force":   {change: none, spec: force, same: true},
		"empty":            {change: losing("c"), pvs: "a b", lvs: "data other striped"},
		"empty and back":   {change: awhile("c"), same: true},
		"used":             {change: losing("b"), fails: ErrBusy, same: true},
		"used and back":    {change: awhile("b"), fails: ErrBusy, same: true},
		"used, by force":   {change: losing("b"), spec: force, pvs: "a c", lvs: "data other"},
		"back, by force":   {change: awhile("b"), spec: force, pvs: "a c", lvs: "data other"},
		"most, by force":   {change: losing("a", "b"), spec: force, pvs: "c"},
		"empty and used":   {change: losing("b", "c"), fails: ErrBusy, same: true},
		"both, by force":   {change: losing("b", "c"), spec: force, pvs: "a", lvs: "data other"},
		"unread":           {change: unopened(syscall.EIO, "c"), fails: ErrMissingPV, same: true},
		"used, empty ones": {change: losing("b"), spec: empty, same: true},
		"both, empty ones": {change: losing("b", "c"), spec: empty, pvs: "a b", lvs: "data other striped", left: true},
		"both options":     {change: losing("b"), spec: RemoveMissingSpec{Force: true, EmptyOnly: true}, fails: ErrInvalidSpec, same: true},
		"unread by force":  {change: unopened(syscall.EIO, "b"), spec: force, fails: ErrMissingPV, same: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks := partialGroup(t)
			sys := openDisks(t, disks, 5)
			c.change(t, sys, OneArea)
			disks.Record()
			err := sys.Update(context.Background(), "vg0", func(tx *Tx) error {
				return tx.RemoveMissing(c.spec)
			})
			if c.fails != nil {
				require.ErrorIs(t, err, c.fails)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, c.same, len(written(disks)) == 0, "%v", written(disks))
			if c.same {
				return
			}
			vg := openVG(t, disks)
			var pvs, lvs []string
			for pv := range vg.PVs() {
				pvs = append(pvs, pv.DeviceHint())
			}
			for lv := range vg.LVs() {
				lvs = append(lvs, lv.Name())
			}
			slices.Sort(lvs)
			assert.Equal(t, c.pvs, strings.Join(pvs, " "))
			assert.Equal(t, c.lvs, strings.Join(lvs, " "))
			assert.Equal(t, c.left, len(vg.Problems()) > 0, "%v", vg.Problems())
		})
	}
}

// unopened lets a System fail to open a device.
func unopened(err error, device string) func(testing.TB, *System, MetadataAreas) {
	return func(_ testing.TB, sys *System, _ MetadataAreas) {
		open := sys.cfg.OpenDevice
		sys.cfg.OpenDevice = func(path string, write bool) (Device, error) {
			if path == device {
				return nil, err
			}
			return open(path, write)
		}
	}
}

// TestUnreadIsNotMissing: a device that fails may hold the physical volume, and
// marking it as missing would outlast the failure. One that is not there is
// missing.
func TestUnreadIsNotMissing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err     error
		refused bool
	}{{syscall.EIO, true}, {syscall.EACCES, true}, {syscall.ENOENT, false}, {syscall.ENXIO, false}, {syscall.ENODEV, false}} {
		for name, change := range map[string]func(*Tx) error{
			"tag":       func(tx *Tx) error { return tx.SetTags("t") },
			"remove lv": func(tx *Tx) error { return tx.RemoveLV("data") },
			"tag lv":    func(tx *Tx) error { return tx.SetLVTags("data", "t") },
		} {
			disks := partialGroup(t)
			sys := openDisks(t, disks, 5)
			unopened(c.err, "b")(t, sys, OneArea)
			err := sys.Update(context.Background(), "vg0", change)
			if c.refused {
				assert.ErrorIs(t, err, ErrMissingPV, "%s: %v", name, c.err)
				assert.Empty(t, written(disks))
				rec, err := sys.Recover(context.Background())
				assert.NoError(t, err)
				assert.NotEmpty(t, rec.Problems)
				assert.Empty(t, written(disks))
				continue
			}
			require.NoError(t, err, "%s: %v", name, c.err)
			assert.True(t, pvFlags(openVG(t, disks))["b"], "%s: %v", name, c.err)
		}
	}
}

// TestRemoveMissingKeepsOpenVolumes: unlike lvm2's, it is all or nothing.
func TestRemoveMissingKeepsOpenVolumes(t *testing.T) {
	t.Parallel()
	m := newMachine(partialGroup(t, losing("b")))
	sys := m.open(t, 3)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAllWith(ActivateOptions{Mode: ActivatePartial}) })
	require.True(t, m.kernel.OpenDevice("vg0-striped"))
	active := m.active()
	remove := func(tx *Tx) error { return tx.RemoveMissing(RemoveMissingSpec{Force: true}) }
	require.ErrorIs(t, sys.Update(context.Background(), "vg0", remove), ErrBusy)
	assert.Empty(t, written(m.disks))
	assert.Equal(t, active, m.active())
	m.kernel.CloseDevice("vg0-striped")
	require.NoError(t, sys.Update(context.Background(), "vg0", remove))
	assert.Empty(t, m.unlike(t))
	assert.Len(t, m.active(), 2)
}

func TestActivationModes(t *testing.T) {
	t.Parallel()
	m := newMachine(partialGroup(t, losing("b")))
	sys := m.open(t, 3)
	ctx := context.Background()
	for _, mode := range []ActivationMode{ActivateDegraded, ActivateComplete} {
		for name, activate := range map[string]func(*Tx) error{
			"one": func(tx *Tx) error { return tx.ActivateWith("striped", ActivateOptions{Mode: mode}) },
			"all": func(tx *Tx) error { return tx.ActivateAllWith(ActivateOptions{Mode: mode}) },
		} {
			assert.ErrorIs(t, sys.Update(ctx, "vg0", activate), ErrMissingPV, "%s %s", mode, name)
			assert.Empty(t, m.active(), "%s %s", mode, name)
		}
	}
	update(t, sys, "vg0", func(tx *Tx) error {
		assert.ErrorIs(t, tx.ActivateAll(), ErrMissingPV)
		return nil
	})
	assert.Len(t, m.active(), 2, "those that are whole, if the function goes on")
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateWith("striped", ActivateOptions{Mode: ActivatePartial}) })
	vg, err := sys.VG(ctx, "vg0")
	require.NoError(t, err)
	lv, err := vg.LV("striped")
	require.NoError(t, err)
	var names []string
	for _, s := range m.kernel.State() {
		names = append(names, s.Name)
		if s.Name == "vg0-striped-missing_0_1" {
			assert.Equal(t, lv.DMUUID()+"-missing_0_1", s.UUID)
			assert.Equal(t, "0 64 error \n", s.Live)
		}
	}
	assert.Equal(t, []string{"vg0-data", "vg0-other", "vg0-striped", "vg0-striped-missing_0_1"}, names)
	_, err = lv.Table()
	assert.ErrorIs(t, err, ErrMissingPV, "what it would be if all were there is not known")
	require.ErrorIs(t, sys.Update(ctx, "vg0", func(tx *Tx) error {
		return tx.ActivateWith("data", ActivateOptions{Mode: 7})
	}), ErrInvalidSpec)
	assert.Equal(t, "degraded complete partial ActivationMode(7)",
		strings.Join([]string{ActivateDegraded.String(), ActivateComplete.String(), ActivatePartial.String(), ActivationMode(7).String()}, " "))
	require.ErrorIs(t, sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.Refresh("striped") }), ErrMissingPV)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.DeactivateAll() })
	assert.Empty(t, m.active())
	assert.Empty(t, m.unlike(t))
}

// TestMissingPVStaysInLiveTables: what a device still has of a physical volume
// that cannot be seen any more may work. It is only given up on request.
func TestMissingPVStaysInLiveTables(t *testing.T) {
	t.Parallel()
	m := newMachine(partialGroup(t))
	whole := m.open(t, 3)
	update(t, whole, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
	live := func() string {
		for _, s := range m.kernel.State() {
			if s.Name == "vg0-striped" {
				return s.Live
			}
		}
		return ""
	}
	before := live()
	head := lose(t, whole, "b")
	part := m.open(t, 4)
	partial := ActivateOptions{Mode: ActivatePartial}
	update(t, part, "vg0", func(tx *Tx) error {
		return joinErrors(tx.SetLVTags("striped", "t"), tx.ActivateWith("striped", partial), tx.SetLVReadOnly("striped", true))
	})
	assert.Equal(t, before, live())
	_, err := part.Recover(context.Background())
	require.NoError(t, err)
	assert.Equal(t, before, live())
	update(t, part, "vg0", func(tx *Tx) error { return tx.RefreshWith("striped", partial) })
	assert.NotEqual(t, before, live())
	assert.Empty(t, m.unlike(t))

	overwriteHead(t, whole, "b", head)
	update(t, m.open(t, 5), "vg0", func(tx *Tx) error { return joinErrors(tx.RestoreMissing("b"), tx.Refresh("striped")) })
	assert.Equal(t, before, live())
	assert.Empty(t, m.unlike(t), "the stand-in is gone")
}

// TestShrunkDevice: volumes that reach beyond its end are not activated, the
// others are.
func TestShrunkDevice(t *testing.T) {
	t.Parallel()
	disks := partialGroup(t)
	update(t, openDisks(t, disks, 2), "vg0", func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Name: "far", Size: ExtentCount(3), PVs: []PVSelection{{PV: "b", Ranges: []PERange{{400, 3}}}}})
		return err
	})
	disks.Truncate("b", MiB)
	m := newMachine(disks)
	sys := m.open(t, 3)
	ctx := context.Background()
	assert.ErrorIs(t, sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.Activate("far") }), ErrDamaged)
	assert.Empty(t, m.active())
	update(t, sys, "vg0", func(tx *Tx) error {
		assert.ErrorIs(t, tx.ActivateAll(), ErrDamaged)
		return nil
	})
	assert.Len(t, m.active(), 3)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.RemoveLV("far") })
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
}

// TestDuplicatePV: neither of the devices is picked, whatever their order.
func TestDuplicatePV(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disks := partialGroup(t)
	disks.Copy("b", "d")
	disks.Record()
	var first string
	for _, order := range permutations([]string{"a", "b", "c", "d"}) {
		sys := openDisks(t, disks, 4)
		sys.cfg.Devices = order
		vg, err := sys.VG(ctx, "vg0")
		require.NoError(t, err)
		var text []string
		for _, p := range vg.Problems() {
			text = append(text, p.String())
		}
		for pv := range vg.PVs() {
			text = append(text, pv.DeviceHint()+" is "+pv.Device())
		}
		now := strings.Join(text, "\n")
		if first == "" {
			first = now
		}
		assert.Equal(t, first, now, "%v", order)
		assert.ErrorIs(t, sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.SetTags("t") }), ErrDuplicatePV)
		assert.Empty(t, written(disks))
	}
	assert.Contains(t, first, "is on b and d: give only the one to use")
	for _, chosen := range []string{"b", "d"} { // giving one is the way out
		sys := openDisks(t, disks.Clone(), 4)
		sys.cfg.Devices = []string{"a", "c", chosen}
		vg, err := sys.VG(ctx, "vg0")
		require.NoError(t, err)
		assert.Empty(t, vg.Problems())
		update(t, sys, "vg0", func(tx *Tx) error { return tx.SetTags("t") })
	}
}

func permutations(of []string) [][]string {
	if len(of) < 2 {
		return [][]string{slices.Clone(of)}
	}
	var out [][]string
	for i, first := range of {
		for _, rest := range permutations(slices.Concat(of[:i], of[i+1:])) {
			out = append(out, append([]string{first}, rest...))
		}
	}
	return out
}

// TestTwinsHaveOneName: of two groups of one name only one can have its volume's
// device. The other is told so, and nothing of the first is touched.
func TestTwinsHaveOneName(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disks, ids := twins(t)
	for _, id := range ids {
		update(t, openDisks(t, disks, 8), id, func(tx *Tx) error {
			_, err := tx.CreateLV(LVSpec{Name: "same", Size: ExtentCount(2)})
			return err
		})
	}
	for _, order := range [][]string{{"a", "b", "c", "d"}, {"d", "b", "c", "a"}} {
		for i, id := range ids {
			m := newMachine(disks.Clone())
			sys := m.open(t, 5)
			sys.cfg.Devices = order
			require.ErrorIs(t, sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.Activate("same") }), ErrAmbiguous)
			update(t, sys, id, func(tx *Tx) error { return tx.Activate("same") })
			state, nodes := m.kernel.State(), len(m.host.nodes)
			m.disks.Record()
			other := ids[1-i]
			require.ErrorIs(t, sys.Update(ctx, other, func(tx *Tx) error { return tx.Activate("same") }), ErrExists)
			assert.Equal(t, state, m.kernel.State())
			assert.Len(t, m.host.nodes, nodes)
			require.ErrorIs(t, sys.Update(ctx, other, func(tx *Tx) error {
				_, err := tx.CreateLV(LVSpec{Name: "same", Size: ExtentCount(2)})
				return err
			}), ErrExists)
			assert.Empty(t, written(m.disks))
			update(t, sys, other, func(tx *Tx) error { return tx.DeactivateAll() })
			assert.Equal(t, state, m.kernel.State(), "its device is the other's")
		}
	}
}

// TestFewMetadataAreas: the group is what the areas say that are left; without
// any there is none, and its physical volumes are not taken for free ones.
func TestFewMetadataAreas(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disks := (&alteration{setup: andSpare}).start(t, NoArea) // but for a
	lose(t, openDisks(t, disks, 2), "b")
	assert.Len(t, openVG(t, disks).MissingPVs(), 1)
	update(t, openDisks(t, disks, 3), "vg0", func(tx *Tx) error { return tx.RemoveMissing(RemoveMissingSpec{Force: true}) })

	lose(t, openDisks(t, disks, 4), "a")
	disks.Record()
	sys := openDisks(t, disks, 5)
	_, err := sys.VG(ctx, "vg0")
	require.ErrorIs(t, err, ErrVGNotFound)
	for name, change := range map[string]func(*Tx) error{
		"create pv": func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: "c"}) },
		"remove pv": func(tx *Tx) error { return tx.RemovePV("c") },
		"create vg": func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: []string{"c"}}) },
	} {
		ref := ""
		if name == "create vg" {
			ref = "vg1"
		}
		assert.ErrorIs(t, sys.Update(ctx, ref, change), ErrBusy, name)
	}
	assert.Empty(t, written(disks))
}

// TestRemovedPVComesBack: what a physical volume still says that was removed
// while it was missing stays as it is until somebody asks for the repair.
func TestRemovedPVComesBack(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disks := partialGroup(t)
	sys := openDisks(t, disks, 3)
	head := lose(t, sys, "b")
	update(t, sys, "vg0", func(tx *Tx) error { return tx.RemoveMissing(RemoveMissingSpec{Force: true}) })
	overwriteHead(t, sys, "b", head)
	disks.Record()

	extend := func(tx *Tx) error { return tx.ExtendVG(PVSpec{}, "b") }
	assert.NotEmpty(t, openVG(t, disks).Problems())
	assert.ErrorIs(t, sys.Update(ctx, "vg0", extend), ErrBusy)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetTags("t") })
	_, err := sys.Recover(ctx)
	require.NoError(t, err)
	for _, w := range disks.Writes() {
		assert.NotEqual(t, "b", w.Path)
	}
	update(t, sys, "vg0", (*Tx).RepairMetadata)
	assert.Empty(t, openVG(t, disks).Problems())
	update(t, sys, "vg0", extend)
}
