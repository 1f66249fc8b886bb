package lvm

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// snapshotDisks returns a System in image mode on a group.
func snapshotDisks(t *testing.T, setup func(testing.TB, *System, MetadataAreas)) (*recorder.Disks, *System) {
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	setup(t, sys, OneArea)
	disks.Record()
	return disks, sys
}

func view(t testing.TB, sys *System, vg string) *VolumeGroup {
	t.Helper()
	v, err := sys.VG(context.Background(), vg)
	require.NoError(t, err)
	return v
}

func lvView(t testing.TB, v *VolumeGroup, name string) *LogicalVolume {
	t.Helper()
	lv, err := v.LV(name)
	require.NoError(t, err)
	return lv
}

func TestCreateSnapshot(t *testing.T) {
	t.Parallel()
	_, sys := snapshotDisks(t, volumes)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.addSnapshot("data", "one", 6), tx.addSnapshot("data", "two", 8))
	})
	v := view(t, sys, "vg0")
	data, one, two := lvView(t, v, "data"), lvView(t, v, "one"), lvView(t, v, "two")
	assert.Nil(t, data.Origin())
	assert.False(t, data.IsSnapshot())
	assert.False(t, data.Hidden())
	assert.Zero(t, data.ChunkSize())
	var names []string
	for s := range data.Snapshots() {
		names = append(names, s.Name())
	}
	assert.Equal(t, []string{"one", "two"}, names)
	for _, s := range []*LogicalVolume{one, two} {
		assert.Equal(t, "data", s.Origin().Name())
		assert.True(t, s.IsSnapshot())
		assert.False(t, s.Hidden())
		assert.False(t, s.Merging())
		assert.Equal(t, 4*KiB, s.ChunkSize())
		u, err := s.SnapshotUsage()
		require.NoError(t, err)
		assert.Equal(t, SnapshotUsage{State: SnapshotValid, Total: s.Size()}, u)
		assert.True(t, u.Merged())
		assert.Zero(t, u.Percent())
	}
	rec := v.Metadata()
	var link *metadata.LogicalVolume
	for _, lv := range rec.LVs {
		if lv.Name == "snapshot1" {
			link = lv
		}
	}
	require.NotNil(t, link)
	assert.Equal(t, metadata.LVRead|metadata.LVWrite|metadata.LVVisible, link.Status)
	assert.Equal(t, []metadata.Segment{{Count: 20, Type: "snapshot", Body: &metadata.Snapshot{
		ChunkSize: 8, Origin: data.ID(), COW: two.ID(),
	}}}, link.Segments)
	assert.Equal(t, metadata.LVRead|metadata.LVWrite, two.rec.Status)
	assert.True(t, lvView(t, v, "snapshot0").Hidden())
}

func TestSparseSnapshot(t *testing.T) {
	t.Parallel()
	_, sys := snapshotDisks(t, volumes)
	update(t, sys, "vg0", func(tx *Tx) error {
		_, err := tx.CreateSnapshot("", SnapshotSpec{Name: "sparse", Size: ExtentCount(6), VirtualSize: ExtentCount(9000), ChunkSize: 8 * KiB})
		return err
	})
	v := view(t, sys, "vg0")
	s := lvView(t, v, "sparse")
	origin := s.Origin()
	assert.Equal(t, "sparse_vorigin", origin.Name())
	assert.True(t, origin.Hidden())
	assert.True(t, origin.ReadOnly())
	assert.Equal(t, Extents(9000), origin.Extents())
	assert.False(t, s.Hidden())

	err := sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.addSnapshot("sparse_vorigin", "s2", 5) })
	assert.ErrorIs(t, err, ErrUnsupported)
	assert.ErrorIs(t, sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.RemoveLV("sparse_vorigin") }), ErrUnsupported)
	assert.ErrorIs(t, sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.MergeSnapshot("sparse") }), ErrReadOnly)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.RenameLV("sparse", "thin") })
	assert.Equal(t, "thin_vorigin", lvView(t, view(t, sys, "vg0"), "thin").Origin().Name())
	update(t, sys, "vg0", func(tx *Tx) error { return tx.RemoveLV("thin") })
	assert.Equal(t, []string{"data", "striped", "other"}, lvNames(view(t, sys, "vg0")))
}

func lvNames(v *VolumeGroup) []string {
	var names []string
	for lv := range v.LVs() {
		names = append(names, lv.Name())
	}
	return names
}

// The numbers are those of lvm2 2.03.16.
func TestCOWSizes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		extent, chunk Bytes
		origin        Extents
		size          Size
		want          Extents // 0: refused
	}{
		{64 * KiB, 4 * KiB, 3, ExtentCount(200), 4},
		{64 * KiB, 64 * KiB, 3, ExtentCount(200), 5},
		{64 * KiB, 512 * KiB, 3, ExtentCount(200), 24},
		{64 * KiB, 64 * KiB, 25, ExtentCount(200), 27},
		{64 * KiB, 512 * KiB, 25, ExtentCount(200), 48},
		{128 * KiB, 64 * KiB, 7, ExtentCount(200), 8},
		{128 * KiB, 512 * KiB, 7, ExtentCount(200), 16},
		{128 * KiB, 512 * KiB, 25, ExtentCount(200), 36},
		{MiB, 512 * KiB, 25, ExtentCount(200), 26},
		{64 * KiB, 4 * KiB, 25, PercentOrigin(1), 2},
		{64 * KiB, 4 * KiB, 25, PercentOrigin(10), 4},
		{64 * KiB, 4 * KiB, 25, PercentOrigin(50), 14},
		{64 * KiB, 4 * KiB, 25, PercentOrigin(100), 26},
		{64 * KiB, 4 * KiB, 25, PercentOrigin(150), 26},
		{64 * KiB, 64 * KiB, 25, PercentOrigin(10), 5},
		{64 * KiB, 512 * KiB, 25, PercentOrigin(1), 24},
		{64 * KiB, 512 * KiB, 25, PercentOrigin(10), 26},
		{64 * KiB, 512 * KiB, 25, PercentOrigin(50), 36},
		{64 * KiB, 512 * KiB, 3, PercentOrigin(50), 0},
		{128 * KiB, 512 * KiB, 7, PercentOrigin(1), 0},
		{128 * KiB, 512 * KiB, 7, PercentOrigin(50), 13},
		{MiB, 0, 7, PercentOrigin(10), 2},
		{MiB, 0, 7, ExactSize(MiB), 1},
		{64 * KiB, 512 * KiB, 25, ExtentCount(23), 0},
		{MiB, 0, 7, PercentLV(10), 0},
		{MiB, 0, 7, ExtentCount(0), 0},
	}
	for _, tt := range tests {
		disks := recorder.New(100*MiB, "a")
		sys := openDisks(t, disks, 1)
		update(t, sys, "vg0", func(tx *Tx) error {
			if err := tx.CreateVG(VGSpec{PVs: []string{"a"}, ExtentSize: tt.extent}); err != nil {
				return err
			}
			return tx.addLV("o", tt.origin, 1)
		})
		err := sys.Update(context.Background(), "vg0", func(tx *Tx) error {
			_, err := tx.CreateSnapshot("o", SnapshotSpec{Name: "s", Size: tt.size, ChunkSize: tt.chunk})
			return err
		})
		if tt.want == 0 {
			assert.ErrorIs(t, err, ErrInvalidSize, "%+v", tt)
			continue
		}
		require.NoError(t, err, "%+v", tt)
		assert.Equal(t, tt.want, lvView(t, view(t, sys, "vg0"), "s").Extents(), "%+v", tt)
	}
}

// TestCOWSizesInStripes: the numbers are those of lvm2 2.03.16.
func TestCOWSizesInStripes(t *testing.T) {
	t.Parallel()
	disks := recorder.New(100*MiB, "a", "b")
	sys := openDisks(t, disks, 1)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.CreateVG(VGSpec{PVs: []string{"a", "b"}, ExtentSize: MiB}), tx.addLV("o", 9, 1))
	})
	extents := func(do func(tx *Tx) error) Extents {
		update(t, sys, "vg0", do)
		return lvView(t, view(t, sys, "vg0"), "s").Extents()
	}
	by := func(n Extents) func(*Tx) error {
		return func(tx *Tx) error { return tx.ExtendLV("s", ExtendSpec{By: ExtentCount(n)}) }
	}
	assert.Equal(t, Extents(2), extents(func(tx *Tx) error {
		_, err := tx.CreateSnapshot("o", SnapshotSpec{Name: "s", Size: ExtentCount(2), Stripes: 2})
		return err
	}))
	assert.Equal(t, Extents(10), extents(by(50)))
	seqno := view(t, sys, "vg0").Seqno()
	assert.Equal(t, Extents(10), extents(by(1)))
	assert.Equal(t, seqno, view(t, sys, "vg0").Seqno(), "nothing to do, nothing written")
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ExtendLV("o", ExtendSpec{By: ExtentCount(3)}) })
	assert.Equal(t, Extents(14), extents(by(50)), "13, in whole stripes")
	assert.Equal(t, Extents(14), extents(func(tx *Tx) error { return tx.ExtendLV("s", ExtendSpec{To: PercentOrigin(200)}) }))
	assert.ErrorIs(t, sys.Update(context.Background(), "vg0", func(tx *Tx) error {
		return tx.ExtendLV("s", ExtendSpec{To: PercentOrigin(50)})
	}), ErrInvalidSize)
}

func TestCOWLimitsDoNotOverflow(t *testing.T) {
	t.Parallel()
	for _, extent := range []Sectors{1, 8, 1 << 31, 1<<32 - 1} {
		for _, chunk := range []Sectors{1, 8, 1024, 1 << 31} {
			l := newCOWLimits(extent, 1<<32-1, chunk)
			assert.GreaterOrEqual(t, l.most, l.origin, "%d %d", extent, chunk)
		}
	}
}

// TestReduceCOW: what is in use is not given up.
func TestReduceCOW(t *testing.T) {
	t.Parallel()
	_, sys := snapshotDisks(t, snapshots)
	data, err := lvView(t, view(t, sys, "vg0"), "data").Open()
	require.NoError(t, err)
	_, err = data.WriteAt(make([]byte, 4*KiB), int64(markLength)) // what is before it has been copied
	require.NoError(t, err)
	reduce := func(to Extents) error {
		return sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.ReduceLV("two", ReduceSpec{To: ExtentCount(to)}) })
	}
	assert.ErrorIs(t, reduce(5), ErrBusy, "files are open")
	require.NoError(t, data.Close())
	u, err := lvView(t, view(t, sys, "vg0"), "two").SnapshotUsage()
	require.NoError(t, err)
	assert.Equal(t, SnapshotUsage{State: SnapshotValid, Allocated: 5 * 4 * KiB, Metadata: 2 * 4 * KiB, Total: 8 * 4 * KiB}, u)
	assert.Equal(t, "62.50", u.Percent().String())
	assert.ErrorIs(t, reduce(4), ErrBusy)
	assert.ErrorIs(t, reduce(2), ErrInvalidSize)
	require.NoError(t, reduce(5))
	u, err = lvView(t, view(t, sys, "vg0"), "two").SnapshotUsage()
	require.NoError(t, err)
	assert.Equal(t, 5*4*KiB, u.Total)
}

// TestReduceCOWLater: what comes into use between the plan and its application is
// not given up either.
func TestReduceCOWLater(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	_, sys := snapshotDisks(t, snapshots)
	plan, err := sys.Plan(ctx, "vg0", func(tx *Tx) error { return tx.ReduceLV("two", ReduceSpec{To: ExtentCount(4)}) })
	require.NoError(t, err)
	data, err := lvView(t, view(t, sys, "vg0"), "data").Open()
	require.NoError(t, err)
	_, err = data.WriteAt(make([]byte, 4*KiB), int64(markLength))
	require.NoError(t, err)
	require.ErrorIs(t, sys.Apply(ctx, plan), ErrBusy, "files are open")
	require.NoError(t, data.Close())
	require.ErrorIs(t, sys.Apply(ctx, plan), ErrBusy)
	two := lvView(t, view(t, sys, "vg0"), "two")
	assert.Equal(t, 8*4*KiB, two.Size())
	u, err := two.SnapshotUsage()
	require.NoError(t, err)
	assert.Equal(t, 5*4*KiB, u.Allocated)
}

// TestSnapshotsOfOneInstant: several origins, and one that is as new.
func TestSnapshotsOfOneInstant(t *testing.T) {
	t.Parallel()
	disks, sys := snapshotDisks(t, volumes)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.addLV("new", 5, 1), tx.addSnapshot("data", "s1", 5), tx.addSnapshot("striped", "s2", 5),
			tx.addSnapshot("new", "", 5), tx.addSnapshot("data", "s3", 5))
	})
	v := view(t, openDisks(t, disks, 2), "vg0")
	assert.Equal(t, []string{
		"data", "striped", "other", "new", "s1", "s2", "lvol0", "s3", "snapshot0", "snapshot1", "snapshot2", "snapshot3",
	}, lvNames(v))
	assert.Equal(t, "new", lvView(t, v, "lvol0").Origin().Name())
}

func TestMaxLVCountsSnapshots(t *testing.T) {
	t.Parallel()
	_, sys := snapshotDisks(t, volumes)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetVGLimits(4, 0) })
	update(t, sys, "vg0", func(tx *Tx) error { return tx.addSnapshot("data", "one", 5) })
	assert.ErrorIs(t, sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.addSnapshot("data", "two", 5) }), ErrNoSpace)
}

func TestRemoveSnapshots(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		setup func(testing.TB, *System, MetadataAreas)
		do    func(*Tx) error
		want  []string
		err   error
	}{
		{name: "a snapshot", setup: snapshots, do: func(tx *Tx) error { return tx.RemoveLV("one") },
			want: []string{"data", "striped", "other", "two", "snapshot1"}},
		{name: "an origin", setup: snapshots, do: func(tx *Tx) error { return tx.RemoveLV("data") }, err: ErrBusy},
		{name: "an origin with snapshots", setup: snapshots, do: func(tx *Tx) error { return tx.RemoveLVWith("data", RemoveSpec{Snapshots: true}) },
			want: []string{"striped", "other"}},
		{name: "all in turn", setup: snapshots, do: func(tx *Tx) error {
			return joinErrors(tx.RemoveLV("two"), tx.RemoveLV("one"), tx.RemoveLV("data"))
		}, want: []string{"striped", "other"}},
		{name: "one that is made in the same update", setup: snapshots, do: func(tx *Tx) error {
			return joinErrors(tx.addSnapshot("data", "three", 3), tx.RemoveLV("three"))
		}, want: []string{"data", "striped", "other", "one", "two", "snapshot0", "snapshot1"}},
		{name: "what is merged", setup: andMerge, do: func(tx *Tx) error { return tx.RemoveLV("one") }, err: ErrMerging},
		{name: "what is merged, at any price", setup: andMerge, do: func(tx *Tx) error { return tx.RemoveLVWith("one", RemoveSpec{AbandonMerge: true}) },
			want: []string{"data", "striped", "other", "two", "snapshot1"}},
		{name: "another one", setup: andMerge, do: func(tx *Tx) error { return tx.RemoveLV("two") },
			want: []string{"data", "striped", "other", "one", "snapshot0"}},
		{name: "what it is merged into", setup: andMerge, do: func(tx *Tx) error { return tx.RemoveLVWith("data", RemoveSpec{Snapshots: true}) },
			want: []string{"striped", "other"}},
		{name: "the record that ties them", setup: snapshots, do: func(tx *Tx) error { return tx.RemoveLV("snapshot0") }, err: ErrUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			disks, sys := snapshotDisks(t, tt.setup)
			err := sys.Update(context.Background(), "vg0", tt.do)
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
				require.Empty(t, written(disks))
				return
			}
			require.NoError(t, err)
			assert.ElementsMatch(t, tt.want, lvNames(view(t, openDisks(t, disks, 2), "vg0")))
		})
	}
}

// TestSplitAndMergeGroupsWithSnapshots: they go together, or not at all.
func TestSplitAndMergeGroupsWithSnapshots(t *testing.T) {
	t.Parallel()
	on := func(device string) []PVSelection { return []PVSelection{{PV: device}} }
	disks, sys := snapshotDisks(t, func(t testing.TB, sys *System, areas MetadataAreas) {
		emptyGroup(t, sys, areas)
		update(t, sys, "vg0", func(tx *Tx) error {
			_, err1 := tx.CreateLV(LVSpec{Name: "o", Size: ExtentCount(5), PVs: on("a")})
			_, err2 := tx.CreateSnapshot("o", SnapshotSpec{Name: "s", Size: ExtentCount(5), PVs: on("b")})
			_, err3 := tx.CreateSnapshot("o", SnapshotSpec{Name: "t", Size: ExtentCount(5), PVs: on("a")})
			return joinErrors(tx.ExtendVG(areaSpec(areas), "c"), err1, err2, err3)
		})
	})
	split := func(pvs ...string) error {
		return sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.SplitVG("vg1", SplitSpec{PVs: pvs}) })
	}
	require.ErrorIs(t, split("a"), ErrBusy)
	require.ErrorIs(t, split("b"), ErrBusy)
	require.ErrorIs(t, split("b", "c"), ErrBusy)
	require.Empty(t, written(disks))
	require.NoError(t, split("a", "b"))
	v := view(t, sys, "vg1")
	assert.ElementsMatch(t, []string{"o", "s", "t", "snapshot0", "snapshot1"}, lvNames(v))
	assert.Equal(t, "o", lvView(t, v, "t").Origin().Name())
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.addLV("p", 5, 1), tx.addSnapshot("p", "q", 5), tx.addSnapshot("p", "r", 5))
	})
	update(t, sys, "vg0", func(tx *Tx) error { return tx.MergeVG("vg1") })
	v = view(t, sys, "vg0")
	assert.ElementsMatch(t, []string{
		"p", "q", "r", "snapshot0", "snapshot1", "o", "s", "t", "snapshot2", "snapshot3",
	}, lvNames(v), "the records that tie them have other names where they must")
	for snapshot, origin := range map[string]string{"q": "p", "r": "p", "s": "o", "t": "o"} {
		assert.Equal(t, origin, lvView(t, v, snapshot).Origin().Name(), snapshot)
	}
}

// TestMergeGroupsOfOneCopy: LVs of the same UUIDs, as in a group and its clone,
// get others, and snapshots find their origins.
func TestMergeGroupsOfOneCopy(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b")
	sys := openDisks(t, disks, 1)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.CreateVG(VGSpec{PVs: []string{"a"}, PV: areaSpec(OneArea), ExtentSize: 4 * KiB}),
			tx.addLV("o", 5, 1), tx.addSnapshot("o", "s", 5))
	})
	disks.Copy("a", "b")
	_, err := sys.ImportClones(context.Background(), []string{"b"}, CloneSpec{BaseName: "vg1"})
	require.NoError(t, err)
	update(t, sys, "vg1", func(tx *Tx) error { return joinErrors(tx.RenameLV("o", "p"), tx.RenameLV("s", "q")) })
	update(t, sys, "vg0", func(tx *Tx) error { return tx.MergeVG("vg1") })
	v := view(t, sys, "vg0")
	assert.Equal(t, "o", lvView(t, v, "s").Origin().Name())
	assert.Equal(t, "p", lvView(t, v, "q").Origin().Name())
	assert.NotEqual(t, lvView(t, v, "s").ID(), lvView(t, v, "q").ID())
}

// TestRemoveMissingWithSnapshots: with an origin go its snapshots, but not the
// other way round.
func TestRemoveMissingWithSnapshots(t *testing.T) {
	t.Parallel()
	on := func(device string) []PVSelection { return []PVSelection{{PV: device}} }
	setup := func(merge bool) func(testing.TB, *System, MetadataAreas) {
		return func(t testing.TB, sys *System, areas MetadataAreas) {
			emptyGroup(t, sys, areas)
			update(t, sys, "vg0", func(tx *Tx) error {
				_, err1 := tx.CreateLV(LVSpec{Name: "o", Size: ExtentCount(5), PVs: on("a")})
				_, err2 := tx.CreateSnapshot("o", SnapshotSpec{Name: "s", Size: ExtentCount(5), PVs: on("b")})
				_, err3 := tx.CreateSnapshot("o", SnapshotSpec{Name: "t", Size: ExtentCount(5), PVs: on("a")})
				_, err4 := tx.CreateSnapshot("", SnapshotSpec{Name: "v", Size: ExtentCount(5), VirtualSize: ExtentCount(5), PVs: on("b")})
				return joinErrors(tx.ExtendVG(areaSpec(areas), "c"), err1, err2, err3, err4)
			})
			if merge {
				update(t, sys, "vg0", func(tx *Tx) error { return tx.MergeSnapshot("s") })
			}
		}
	}
	for _, tt := range []struct {
		name  string
		merge bool
		lose  string
		want  []string
		err   error
	}{
		{name: "the origin", lose: "a", want: []string{"v", "v_vorigin", "snapshot2"}},
		{name: "cow stores", lose: "b", want: []string{"o", "t", "snapshot1"}},
		{name: "the cow store that is merged", merge: true, lose: "b", err: ErrMerging},
		{name: "the origin that is merged into", merge: true, lose: "a", want: []string{"v", "v_vorigin", "snapshot2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, sys := snapshotDisks(t, setup(tt.merge))
			lose(t, sys, tt.lose)
			err := sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.RemoveMissing(RemoveMissingSpec{Force: true}) })
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			assert.ElementsMatch(t, tt.want, lvNames(view(t, sys, "vg0")))
		})
	}
}

// TestSnapshotAttributes: what belongs to a group as a whole reaches the records
// of its snapshots.
func TestSnapshotAttributes(t *testing.T) {
	t.Parallel()
	_, sys := snapshotDisks(t, snapshots)
	sys.cfg.ExtraSystemIDs = []string{"other"}
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.SetSystemID("other"), tx.MergeSnapshot("one"), tx.addLV("o", 5, 1), tx.addSnapshot("o", "s", 5))
	})
	for _, lv := range view(t, sys, "vg0").Metadata().LVs {
		assert.NotZero(t, lv.Status&metadata.LVWriteLocked, lv.Name)
		assert.Zero(t, lv.Status&metadata.LVWrite, lv.Name)
		assert.Equal(t, !slices.Contains([]string{"snapshot0", "one", "two", "s"}, lv.Name), lv.Status&metadata.LVVisible != 0, lv.Name)
	}
	update(t, sys, "vg0", func(tx *Tx) error { return joinErrors(tx.RemoveLV("striped"), tx.RemoveLV("s")) })
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetExtentSize(2 * KiB) })
	v := view(t, sys, "vg0")
	assert.Equal(t, Extents(40), lvView(t, v, "snapshot0").Extents())
	assert.Equal(t, Extents(12), lvView(t, v, "one").Extents())
}

func TestSnapshotSpecsAreRefused(t *testing.T) {
	t.Parallel()
	disks, sys := snapshotDisks(t, snapshots)
	size := ExtentCount(5)
	for _, tt := range []struct {
		name, origin string
		spec         SnapshotSpec
		want         error
	}{
		{"no size", "data", SnapshotSpec{}, ErrInvalidSize},
		{"no origin", "", SnapshotSpec{Size: size}, ErrInvalidSpec},
		{"an origin and none", "data", SnapshotSpec{Size: size, VirtualSize: size}, ErrInvalidSpec},
		{"unknown origin", "nobody", SnapshotSpec{Size: size}, ErrLVNotFound},
		{"a name that is taken", "data", SnapshotSpec{Name: "one", Size: size}, ErrExists},
		{"a name of lvm2's", "data", SnapshotSpec{Name: "snapshot7", Size: size}, ErrInvalidName},
		{"chunks that are too small", "data", SnapshotSpec{Size: size, ChunkSize: 2 * KiB}, ErrInvalidSpec},
		{"chunks that are no power of two", "data", SnapshotSpec{Size: size, ChunkSize: 12 * KiB}, ErrInvalidSpec},
		{"chunks that are too large", "data", SnapshotSpec{Size: size, ChunkSize: MiB}, ErrInvalidSpec},
		{"a bad tag", "data", SnapshotSpec{Size: size, Tags: []string{"a b"}}, ErrInvalidName},
		{"too many stripes", "data", SnapshotSpec{Size: size, Stripes: 3}, ErrNoSpace},
		{"no such pv", "data", SnapshotSpec{Size: size, PVs: []PVSelection{{PV: "z"}}}, ErrInvalidSelection},
		{"less than three chunks", "data", SnapshotSpec{Size: ExtentCount(2)}, ErrInvalidSize},
		{"no space", "data", SnapshotSpec{Size: PercentOrigin(100), PVs: []PVSelection{{PV: "a", Ranges: []PERange{{Start: 0, Count: 3}}}}}, ErrNoSpace},
		{"no virtual size", "", SnapshotSpec{Size: size, VirtualSize: PercentFree(0)}, ErrInvalidSize},
	} {
		err := sys.Update(context.Background(), "vg0", func(tx *Tx) error { _, err := tx.CreateSnapshot(tt.origin, tt.spec); return err })
		assert.ErrorIs(t, err, tt.want, tt.name)
		var op *OpError
		assert.ErrorAs(t, err, &op, tt.name)
		assert.Empty(t, written(disks), tt.name)
	}
}

// TestMergeIntoNothing: what has no storage cannot take what is merged.
func TestMergeIntoNothing(t *testing.T) {
	t.Parallel()
	_, sys := snapshotDisks(t, volumes)
	update(t, sys, "vg0", func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Name: "zero", Size: ExtentCount(9), Type: SegmentZero})
		return joinErrors(err, tx.addSnapshot("zero", "s", 5), tx.addSnapshot("data", "d", 5), tx.SetLVReadOnly("data", true))
	})
	for lv, want := range map[string]error{"s": ErrUnsupported, "d": ErrReadOnly, "other": ErrInvalidSpec, "nobody": ErrLVNotFound} {
		assert.ErrorIs(t, sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.MergeSnapshot(lv) }), want, lv)
	}
}

// A name that leaves no room for those of the devices beneath is refused at once,
// not when the volume is to be activated.
func TestSnapshotNamesFitTheirLayers(t *testing.T) {
	t.Parallel()
	sys := openDisks(t, recorder.New(diskSize, "a", "b", "c"), 1)
	snapshots(t, sys, OneArea)
	before := recordOf(t, sys, "vg0")
	long := strings.Repeat("n", maxDMNameLen-len("vg0-")-len("-cow"))
	for name, change := range map[string]func(tx *Tx) error{
		"origin":   func(tx *Tx) error { return tx.RenameLV("data", long) },
		"snapshot": func(tx *Tx) error { return tx.RenameLV("one", long+"n") },
		"new":      func(tx *Tx) error { return tx.addSnapshot("data", long+"n", 6) },
		"of other": func(tx *Tx) error { return joinErrors(tx.RenameLV("other", long), tx.addSnapshot(long, "s", 6)) },
		"group":    func(tx *Tx) error { return tx.RenameVG("vg0" + long) },
	} {
		require.ErrorIs(t, sys.Update(context.Background(), "vg0", change), ErrInvalidName, name)
		require.Equal(t, before, recordOf(t, sys, "vg0"), name)
	}
	update(t, sys, "vg0", func(tx *Tx) error { return tx.RenameLV("one", long) })
}

// A group goes together with its active volumes, some of which have snapshots.
func TestRemoveGroupWithSnapshots(t *testing.T) {
	t.Parallel()
	m := newMachine((&alteration{setup: snapshots}).start(t, OneArea).Clone())
	sys := m.open(t, 2)
	update(t, sys, "vg0", (*Tx).ActivateAll)
	require.NotEmpty(t, m.active())
	update(t, sys, "vg0", func(tx *Tx) error {
		for lv := range tx.VG().LVs() {
			if _, err := tx.VG().LV(lv.Name()); err != nil || lv.Hidden() {
				continue // it went with another
			}
			if err := tx.RemoveLVWith(lv.Name(), RemoveSpec{Snapshots: true}); err != nil {
				return err
			}
		}
		return tx.RemoveVG()
	})
	require.Empty(t, m.active())
	require.Empty(t, m.unlike(t))
	_, err := sys.VG(t.Context(), "vg0")
	require.ErrorIs(t, err, ErrVGNotFound)
}
