package lvm

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/dmfake"
	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// withVolumes returns a System on a group vg0 with the volumes data, striped and
// other.
func withVolumes(t *testing.T) (*System, *recorder.Disks) {
	t.Helper()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	volumes(t, sys, OneArea)
	return sys, disks
}

// activeVolumes is withVolumes with a kernel that has devices for all of them.
func activeVolumes(t *testing.T) (*System, *machine) {
	t.Helper()
	_, disks := withVolumes(t)
	m := newMachine(disks)
	sys := m.open(t, 2)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
	disks.Record()
	return sys, m
}

// refusedHere checks that an update fails as wanted and leaves the disks alone.
func refusedHere(t *testing.T, sys *System, disks *recorder.Disks, want error, fn func(*Tx) error) {
	t.Helper()
	disks.Record()
	err := sys.Update(context.Background(), "vg0", fn)
	require.ErrorIs(t, err, want)
	var op *OpError
	require.ErrorAs(t, err, &op)
	require.Empty(t, written(disks))
}

func lvOf(t *testing.T, sys *System, name string) *LogicalVolume {
	t.Helper()
	vg, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	lv, err := vg.LV(name)
	require.NoError(t, err)
	return lv
}

func TestSetAttributesOfLV(t *testing.T) {
	t.Parallel()
	type facts struct {
		ReadOnly, Skip, Auto bool
		Ahead                ReadAhead
		Minor                Minor
		Policy               Allocation
	}
	usual := facts{Auto: true}
	with := func(change func(*facts)) facts { f := usual; change(&f); return f }
	for _, c := range []struct {
		name string
		set  func(tx *Tx, lv string) error
		want facts
		undo func(tx *Tx, lv string) error
	}{
		{"read-only", func(tx *Tx, lv string) error { return tx.SetLVReadOnly(lv, true) }, with(func(f *facts) { f.ReadOnly = true }),
			func(tx *Tx, lv string) error { return tx.SetLVReadOnly(lv, false) }},
		{"activation skip", func(tx *Tx, lv string) error { return tx.SetLVActivationSkip(lv, true) }, with(func(f *facts) { f.Skip = true }),
			func(tx *Tx, lv string) error { return tx.SetLVActivationSkip(lv, false) }},
		{"no autoactivation", func(tx *Tx, lv string) error { return tx.SetLVAutoActivation(lv, false) }, with(func(f *facts) { f.Auto = false }),
			func(tx *Tx, lv string) error { return tx.SetLVAutoActivation(lv, true) }},
		{"read-ahead", func(tx *Tx, lv string) error { return tx.SetLVReadAhead(lv, 64) }, with(func(f *facts) { f.Ahead = 64 }),
			func(tx *Tx, lv string) error { return tx.SetLVReadAhead(lv, ReadAheadAuto) }},
		{"read-ahead rounded", func(tx *Tx, lv string) error { return tx.SetLVReadAhead(lv, 15) }, with(func(f *facts) { f.Ahead = 8 }),
			func(tx *Tx, lv string) error { return tx.SetLVReadAhead(lv, ReadAheadAuto) }},
		{"little read-ahead", func(tx *Tx, lv string) error { return tx.SetLVReadAhead(lv, 1) }, with(func(f *facts) { f.Ahead = 8 }),
			func(tx *Tx, lv string) error { return tx.SetLVReadAhead(lv, ReadAheadAuto) }},
		{"no read-ahead", func(tx *Tx, lv string) error { return tx.SetLVReadAhead(lv, ReadAheadNone) },
			with(func(f *facts) { f.Ahead = ReadAheadNone }), func(tx *Tx, lv string) error { return tx.SetLVReadAhead(lv, ReadAheadAuto) }},
		{"minor", func(tx *Tx, lv string) error { return tx.SetLVPersistentMinor(lv, FixedMinor(7)) },
			with(func(f *facts) { f.Minor = FixedMinor(7) }), func(tx *Tx, lv string) error { return tx.SetLVPersistentMinor(lv, Minor{}) }},
		{"minor 0", func(tx *Tx, lv string) error { return tx.SetLVPersistentMinor(lv, FixedMinor(0)) },
			with(func(f *facts) { f.Minor = FixedMinor(0) }), func(tx *Tx, lv string) error { return tx.SetLVPersistentMinor(lv, Minor{}) }},
		{"policy", func(tx *Tx, lv string) error { return tx.SetLVAllocation(lv, AllocContiguous) },
			with(func(f *facts) { f.Policy = AllocContiguous }), func(tx *Tx, lv string) error { return tx.SetLVAllocation(lv, AllocInherit) }},
		{"policy with two names", func(tx *Tx, lv string) error { return tx.SetLVAllocation(lv, metadata.AllocClingByTags) },
			with(func(f *facts) { f.Policy = AllocCling }), func(tx *Tx, lv string) error { return tx.SetLVAllocation(lv, AllocInherit) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sys, disks := withVolumes(t)
			before := recordOf(t, sys, "vg0")
			check := func(want facts) {
				t.Helper()
				lv := lvOf(t, openDisks(t, disks, 3), "data")
				n, fixed := lv.PersistentMinor()
				minor := Minor{}
				if fixed {
					minor = FixedMinor(n)
				}
				assert.Equal(t, want, facts{lv.ReadOnly(), lv.ActivationSkip(), lv.AutoActivation(), lv.ReadAhead(), minor, lv.Allocation()})
			}
			set := func(tx *Tx) error { return c.set(tx, "data") }
			check(usual)
			update(t, sys, "vg0", set)
			check(c.want)
			plan, err := sys.Plan(context.Background(), "vg0", set)
			require.NoError(t, err)
			assert.True(t, plan.Empty(), "the same once more:\n%s", plan)
			update(t, sys, "vg0", func(tx *Tx) error { return c.undo(tx, "data") })
			check(usual)
			after := recordOf(t, sys, "vg0")
			assert.Equal(t, before.Seqno+2, after.Seqno)
			after.Seqno = before.Seqno
			assert.Equal(t, before, after)
		})
	}
}

func TestAttributesOfNewLV(t *testing.T) {
	t.Parallel()
	sys, _ := withVolumes(t)
	update(t, sys, "vg0", create(LVSpec{
		Name: "new", Size: ExtentCount(2), ReadOnly: true, ReadAhead: 33, Minor: FixedMinor(9), ActivationSkip: true,
		NoAutoActivation: true, Allocation: metadata.AllocClingByTags,
	}))
	lv := lvOf(t, sys, "new")
	minor, fixed := lv.PersistentMinor()
	assert.Equal(t, []any{true, true, false, ReadAhead(32), uint32(9), true, AllocCling},
		[]any{lv.ReadOnly(), lv.ActivationSkip(), lv.AutoActivation(), lv.ReadAhead(), minor, fixed, lv.Allocation()})
	assert.Equal(t, int32(usualMajor), lv.rec.Major, "lvm2 wants a major number")
}

// A group that has a system ID marks what may be written in a way that tools
// that know no system IDs take for read-only.
func TestWritableLVOfGroupWithSystemID(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	sys.cfg.SystemID = "host"
	volumes(t, sys, OneArea)
	before := recordOf(t, sys, "vg0").LVs[0].Status
	require.NotZero(t, before&metadata.LVWriteLocked)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetLVReadOnly("data", true) })
	assert.True(t, lvOf(t, sys, "data").ReadOnly())
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetLVReadOnly("data", false) })
	assert.Equal(t, before, recordOf(t, sys, "vg0").LVs[0].Status)
}

func TestRefusalsOfAttributes(t *testing.T) {
	t.Parallel()
	sys, disks := withVolumes(t)
	for name, c := range map[string]struct {
		want error
		do   func(*Tx) error
	}{
		"no such lv":                {ErrLVNotFound, func(tx *Tx) error { return tx.SetLVReadOnly("nope", true) }},
		"minor too large":           {ErrInvalidSpec, func(tx *Tx) error { return tx.SetLVPersistentMinor("data", FixedMinor(1<<20)) }},
		"minor of new too large":    {ErrInvalidSpec, create(LVSpec{Name: "new", Size: ExtentCount(1), Minor: FixedMinor(1 << 20)})},
		"negative read-ahead":       {ErrInvalidSpec, func(tx *Tx) error { return tx.SetLVReadAhead("data", -2) }},
		"endless read-ahead":        {ErrInvalidSpec, func(tx *Tx) error { return tx.SetLVReadAhead("data", 1<<32) }},
		"negative read-ahead (new)": {ErrInvalidSpec, create(LVSpec{Name: "new", Size: ExtentCount(1), ReadAhead: -2})},
		"policy":                    {ErrInvalidSpec, func(tx *Tx) error { return tx.SetLVAllocation("data", 99) }},
		"policy of new":             {ErrInvalidSpec, create(LVSpec{Name: "new", Size: ExtentCount(1), Allocation: 99})},
		"automatic without kernel":  {ErrUnsupported, (*Tx).AutoActivate},
	} {
		t.Run(name, func(t *testing.T) { refusedHere(t, sys, disks, c.want, c.do) })
	}
}

// What is a part of another volume is listed, and changed with that one alone.
func TestHiddenLV(t *testing.T) {
	t.Parallel()
	sys, disks := withVolumes(t)
	update(t, sys, "vg0", func(tx *Tx) error {
		old, i, err := tx.lvToChange("data")
		if err != nil {
			return err
		}
		hidden := *old
		hidden.Status &^= metadata.LVVisible
		return tx.put(i, &hidden)
	})
	assert.True(t, lvOf(t, sys, "data").Hidden())
	for name, do := range map[string]func(*Tx) error{
		"extend":          func(tx *Tx) error { return tx.ExtendLV("data", ExtendSpec{By: ExtentCount(1)}) },
		"reduce":          func(tx *Tx) error { return tx.ReduceLV("data", ReduceSpec{To: ExtentCount(1)}) },
		"rename":          func(tx *Tx) error { return tx.RenameLV("data", "new") },
		"remove":          func(tx *Tx) error { return tx.RemoveLV("data") },
		"tag":             func(tx *Tx) error { return tx.SetLVTags("data", "t") },
		"read-only":       func(tx *Tx) error { return tx.SetLVReadOnly("data", true) },
		"activation skip": func(tx *Tx) error { return tx.SetLVActivationSkip("data", true) },
		"autoactivation":  func(tx *Tx) error { return tx.SetLVAutoActivation("data", false) },
		"minor":           func(tx *Tx) error { return tx.SetLVPersistentMinor("data", FixedMinor(1)) },
		"read-ahead":      func(tx *Tx) error { return tx.SetLVReadAhead("data", 8) },
		"policy":          func(tx *Tx) error { return tx.SetLVAllocation("data", AllocCling) },
	} {
		t.Run(name, func(t *testing.T) { refusedHere(t, sys, disks, ErrUnsupported, do) })
	}
}

// A volume on which another one lies stays, and as large as it is.
func TestLVThatAnotherLiesOn(t *testing.T) {
	t.Parallel()
	sys, disks := withVolumes(t)
	update(t, sys, "vg0", func(tx *Tx) error {
		data, _, err := tx.lvToChange("data")
		if err != nil {
			return err
		}
		id, err := tx.newID()
		if err != nil {
			return err
		}
		return tx.put(-1, &metadata.LogicalVolume{
			Name: "top", ID: id, Status: metadata.LVRead | metadata.LVWrite | metadata.LVVisible,
			Segments: []metadata.Segment{{Count: 20, Type: "striped", Body: &metadata.Striped{Stripes: []metadata.Area{{LV: data.ID}}}}},
		})
	})
	refusedHere(t, sys, disks, ErrBusy, func(tx *Tx) error { return tx.RemoveLV("data") })
	refusedHere(t, sys, disks, ErrBusy, func(tx *Tx) error { return tx.ReduceLV("data", ReduceSpec{By: ExtentCount(1)}) })
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.RenameLV("data", "below"), tx.ExtendLV("below", ExtendSpec{By: ExtentCount(1)}),
			tx.ReduceLV("below", ReduceSpec{To: ExtentCount(20)}), tx.SetLVReadAhead("below", 8))
	})
	update(t, sys, "vg0", func(tx *Tx) error { return tx.RemoveLV("top") })
	update(t, sys, "vg0", func(tx *Tx) error { return tx.RemoveLV("below") }) // it did not go with the other
}

func TestReadOnlyOfActiveLV(t *testing.T) {
	t.Parallel()
	sys, m := activeVolumes(t)
	readOnly := func() bool {
		info, _, err := m.kernel.Table(dm.ByName("vg0-data"), dm.QueryOptions{})
		require.NoError(t, err)
		return info.ReadOnly
	}
	require.True(t, m.kernel.OpenDevice("vg0-data"), "also in use")
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetLVReadOnly("data", true) })
	assert.True(t, readOnly())
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetLVReadOnly("data", false) })
	assert.False(t, readOnly())
	assert.Empty(t, m.unlike(t))
}

func TestReadAheadOfActiveLV(t *testing.T) {
	t.Parallel()
	sys, _ := activeVolumes(t)
	var steps []SetReadAhead
	plan, err := sys.Plan(context.Background(), "vg0", func(tx *Tx) error {
		return joinErrors(tx.SetLVReadAhead("data", 640), tx.SetLVReadAhead("striped", 64), tx.SetLVReadAhead("striped", ReadAheadAuto),
			tx.Deactivate("other"), tx.SetLVReadAhead("other", 8))
	})
	require.NoError(t, err)
	for _, s := range plan.Steps {
		switch s := s.(type) {
		case *SetReadAhead:
			steps = append(steps, SetReadAhead{deviceRef: deviceRef{Name: s.Name}, Ahead: s.Ahead, AtLeast: s.AtLeast})
		case *LoadTable, *SuspendDevice:
			t.Errorf("%s: the table stays", s)
		}
	}
	assert.Equal(t, []SetReadAhead{
		{deviceRef: deviceRef{Name: "vg0-data"}, Ahead: 640},
		{deviceRef: deviceRef{Name: "vg0-striped"}, Ahead: 32, AtLeast: true}, // two stripes of 4 KiB, twice
	}, steps)
}

func TestPersistentMinorOfActiveLV(t *testing.T) {
	t.Parallel()
	sys, m := activeVolumes(t)
	minorOf := func(name string) uint32 {
		info, _, err := m.kernel.Table(dm.ByName(name), dm.QueryOptions{})
		require.NoError(t, err)
		return info.Dev.Minor()
	}
	set := func(n uint32) func(*Tx) error {
		return func(tx *Tx) error { return tx.SetLVPersistentMinor("data", FixedMinor(n)) }
	}
	refused := func(want error, fn func(*Tx) error) {
		t.Helper()
		before, active, state := m.record(t), m.active(), m.kernel.State()
		require.ErrorIs(t, sys.Update(context.Background(), "vg0", fn), want)
		assert.Equal(t, before, m.record(t))
		assert.Equal(t, active, m.active())
		assert.Len(t, m.kernel.State(), len(state))
		assert.Empty(t, m.unlike(t))
	}
	update(t, sys, "vg0", set(77))
	assert.Equal(t, uint32(77), minorOf("vg0-data"))
	assert.Equal(t, int32(dmfake.Major), m.record(t).LVs[0].Major)
	assert.Empty(t, m.unlike(t))

	refused(ErrExists, set(minorOf("vg0-other")))
	assert.Equal(t, uint32(77), minorOf("vg0-data"), "it has its number again")

	// Any number will do: the device stays. Then its own is fixed: it stays, too.
	for _, minor := range []Minor{{}, FixedMinor(77)} {
		plan, err := sys.Plan(context.Background(), "vg0", func(tx *Tx) error { return tx.SetLVPersistentMinor("data", minor) })
		require.NoError(t, err)
		for _, s := range plan.Steps {
			_, removes := s.(*RemoveDevice)
			assert.False(t, removes, s.String())
		}
		require.NoError(t, sys.Apply(context.Background(), plan))
	}
	assert.Equal(t, uint32(77), minorOf("vg0-data"))

	// A new number, a new name and new extents in one.
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(set(5)(tx), tx.RenameLV("data", "renamed"), tx.ExtendLV("renamed", ExtendSpec{By: ExtentCount(2)}))
	})
	assert.Equal(t, uint32(5), minorOf("vg0-renamed"))
	assert.Empty(t, m.unlike(t))

	// Deactivated in the same update, it takes its number when it is activated.
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.SetLVPersistentMinor("renamed", FixedMinor(6)), tx.Deactivate("renamed"))
	})
	update(t, sys, "vg0", func(tx *Tx) error { return tx.Activate("renamed") })
	assert.Equal(t, uint32(6), minorOf("vg0-renamed"))

	require.True(t, m.kernel.OpenDevice("vg0-renamed"))
	refused(ErrBusy, func(tx *Tx) error { return tx.SetLVPersistentMinor("renamed", FixedMinor(8)) })
}

func TestActivationSkip(t *testing.T) {
	t.Parallel()
	sys, m := activeVolumes(t)
	isActive := func(name string) bool { return lvOf(t, sys, name).Active() }
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetLVActivationSkip("data", true) })
	assert.True(t, isActive("data"), "it stays")
	update(t, sys, "vg0", func(tx *Tx) error { return joinErrors(tx.Activate("data"), tx.Refresh("data")) })
	update(t, sys, "vg0", func(tx *Tx) error { return tx.DeactivateAll() })
	assert.Empty(t, m.active())

	refusedHere(t, sys, m.disks, ErrActivationSkip, func(tx *Tx) error { return tx.Activate("data") })
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
	assert.False(t, isActive("data"))
	assert.True(t, isActive("other"))
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateWith("data", ActivateOptions{IgnoreSkip: true}) })
	assert.True(t, isActive("data"))

	spec := LVSpec{Name: "new", Size: ExtentCount(1), ActivationSkip: true}
	update(t, sys, "vg0", create(spec))
	assert.False(t, isActive("new"))
	spec.Name = "newer"
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(create(spec)(tx), tx.ActivateWith("newer", ActivateOptions{IgnoreSkip: true}))
	})
	assert.True(t, isActive("newer"))
	assert.Empty(t, m.unlike(t))
}

func TestAutoActivate(t *testing.T) {
	t.Parallel()
	sys, m := activeVolumes(t)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.DeactivateAll(), tx.SetLVActivationSkip("data", true), tx.SetLVAutoActivation("striped", false))
	})
	update(t, sys, "vg0", func(tx *Tx) error { return tx.AutoActivate() })
	assert.Equal(t, []string{lvOf(t, sys, "other").DMUUID()}, m.active())
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
	assert.True(t, lvOf(t, sys, "striped").Active())

	update(t, sys, "vg0", func(tx *Tx) error {
		if err := tx.DeactivateAll(); err != nil {
			return err
		}
		tx.vg.Status |= metadata.VGNoAutoactivate
		tx.changed = true
		return nil
	})
	update(t, sys, "vg0", func(tx *Tx) error { return tx.AutoActivate() })
	assert.Empty(t, m.active())
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
	assert.Len(t, m.active(), 2)
}

func TestOpenLVIsNeitherRemovedNorReduced(t *testing.T) {
	t.Parallel()
	sys, m := activeVolumes(t)
	require.True(t, m.kernel.OpenDevice("vg0-data"))
	reduce := func(open bool) func(*Tx) error {
		return func(tx *Tx) error {
			return tx.ReduceLV("data", ReduceSpec{To: ExtentCount(3), AllowOpen: open})
		}
	}
	refusedHere(t, sys, m.disks, ErrBusy, func(tx *Tx) error { return tx.RemoveLV("data") })
	refusedHere(t, sys, m.disks, ErrBusy, func(tx *Tx) error { return tx.Deactivate("data") })
	refusedHere(t, sys, m.disks, ErrBusy, reduce(false))
	assert.Empty(t, m.unlike(t))
	update(t, sys, "vg0", reduce(true))
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.RenameLV("data", "new"), tx.ExtendLV("new", ExtendSpec{By: ExtentCount(2)}))
	})
	assert.Equal(t, Extents(5), lvOf(t, sys, "new").Extents())
	assert.Empty(t, m.unlike(t))
}

func TestLimitOfLVs(t *testing.T) {
	t.Parallel()
	sys, disks := withVolumes(t)
	update(t, sys, "vg0", func(tx *Tx) error {
		if err := tx.own(); err != nil {
			return err
		}
		tx.vg.MaxLV, tx.changed = 4, true
		return nil
	})
	update(t, sys, "vg0", create(LVSpec{Name: "fourth", Size: ExtentCount(1)}))
	refusedHere(t, sys, disks, ErrNoSpace, create(LVSpec{Name: "fifth", Size: ExtentCount(1)}))
}

func TestRefusedNamesOfLV(t *testing.T) {
	t.Parallel()
	sys, disks := withVolumes(t)
	for name, want := range map[string]error{
		"data": ErrExists, "other": ErrExists, "": ErrInvalidName, "a b": ErrInvalidName, "snapshot3": ErrInvalidName, "x_tmeta": ErrInvalidName,
		"-x": ErrInvalidName, "..": ErrInvalidName,
	} {
		refusedHere(t, sys, disks, want, func(tx *Tx) error { return tx.RenameLV("data", name) })
	}
	refusedHere(t, sys, disks, ErrLVNotFound, func(tx *Tx) error { return tx.RenameLV("nope", "new") })
}

func TestStripesOfExtension(t *testing.T) {
	t.Parallel()
	type shape struct {
		Extents Extents
		Stripes int
		Size    Bytes
	}
	base := LVSpec{Name: "new", Size: ExtentCount(2), Stripes: 2, StripeSize: 4 * KiB}
	linear := LVSpec{Name: "new", Size: ExtentCount(2)}
	for name, c := range map[string]struct {
		spec LVSpec
		by   []ExtendSpec
		last shape // zero: the last extension is refused
	}{
		"as before":                       {base, []ExtendSpec{{By: ExtentCount(1)}}, shape{4, 2, 4 * KiB}},
		"another size":                    {base, []ExtendSpec{{By: ExtentCount(1), StripeSize: 8 * KiB}}, shape{2, 2, 8 * KiB}},
		"linear":                          {base, []ExtendSpec{{By: ExtentCount(1), Stripes: 1}}, shape{1, 1, 0}},
		"of type linear":                  {base, []ExtendSpec{{By: ExtentCount(1), Type: SegmentLinear}}, shape{1, 1, 0}},
		"more":                            {base, []ExtendSpec{{By: ExtentCount(1), Stripes: 3}}, shape{3, 3, 4 * KiB}},
		"of a linear one":                 {linear, []ExtendSpec{{By: ExtentCount(1), Stripes: 2}}, shape{2, 2, 64 * KiB}},
		"sizes differ":                    {base, []ExtendSpec{{By: ExtentCount(1), StripeSize: 8 * KiB}, {By: ExtentCount(1)}}, shape{}},
		"sizes differ, stripes given":     {base, []ExtendSpec{{By: ExtentCount(1), StripeSize: 8 * KiB}, {By: ExtentCount(1), Stripes: 3}}, shape{}},
		"sizes differ, size given":        {base, []ExtendSpec{{By: ExtentCount(1), StripeSize: 8 * KiB}, {By: ExtentCount(1), StripeSize: 16 * KiB}}, shape{2, 2, 16 * KiB}},
		"sizes differ, linear":            {base, []ExtendSpec{{By: ExtentCount(1), StripeSize: 8 * KiB}, {By: ExtentCount(1), Stripes: 1}}, shape{1, 1, 0}},
		"numbers differ":                  {base, []ExtendSpec{{By: ExtentCount(1), Stripes: 1}, {By: ExtentCount(1)}}, shape{}},
		"numbers differ, size given":      {base, []ExtendSpec{{By: ExtentCount(1), Stripes: 1}, {By: ExtentCount(1), StripeSize: 4 * KiB}}, shape{}},
		"numbers differ, stripes given":   {base, []ExtendSpec{{By: ExtentCount(1), Stripes: 1}, {By: ExtentCount(1), Stripes: 3}}, shape{3, 3, 64 * KiB}},
		"a linear one in between forgets": {base, []ExtendSpec{{By: ExtentCount(1), Stripes: 1}, {By: ExtentCount(1), Stripes: 3}, {By: ExtentCount(1), Stripes: 2}}, shape{2, 2, 64 * KiB}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			devices := []string{"a", "b", "c"}
			disks := recorder.New(diskSize, devices...)
			sys := openDisks(t, disks, 1)
			update(t, sys, "vg0", func(tx *Tx) error {
				return joinErrors(tx.CreateVG(VGSpec{PVs: devices, PV: areaSpec(OneArea), ExtentSize: 64 * KiB}), create(c.spec)(tx))
			})
			extend := func(i int) func(*Tx) error {
				return func(tx *Tx) error { return tx.ExtendLV("new", c.by[i]) }
			}
			last := len(c.by) - 1
			for i := range last {
				update(t, sys, "vg0", extend(i))
			}
			if c.last == (shape{}) {
				refusedHere(t, sys, disks, ErrInvalidSpec, extend(last))
				return
			}
			update(t, sys, "vg0", extend(last))
			segs := slices.Collect(lvOf(t, sys, "new").Segments())
			seg := segs[len(segs)-1]
			assert.Equal(t, c.last, shape{seg.Extents(), len(seg.Areas()), seg.StripeSize()})
		})
	}
}

// Where extents are smaller than any stripe size that may be asked for, a stripe is
// an extent, as lvm2 makes it.
func TestStripesOfSmallExtents(t *testing.T) {
	t.Parallel()
	devices := []string{"a", "b"}
	disks := recorder.New(diskSize, devices...)
	sys := openDisks(t, disks, 1)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.CreateVG(VGSpec{PVs: devices, PV: areaSpec(OneArea), ExtentSize: KiB}),
			create(LVSpec{Name: "new", Size: ExtentCount(8), Stripes: 2})(tx))
	})
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ExtendLV("new", ExtendSpec{By: ExtentCount(2)}) })
	lv := lvOf(t, sys, "new")
	seg := slices.Collect(lv.Segments())
	require.Len(t, seg, 1)
	assert.Equal(t, KiB, seg[0].StripeSize())
	table, err := lv.Table()
	require.NoError(t, err)
	assert.Contains(t, table.String(), "0 20 striped 2 2 ")
	refusedHere(t, sys, disks, ErrInvalidSpec, create(LVSpec{Name: "no", Size: ExtentCount(8), Stripes: 2, StripeSize: KiB}))
}
