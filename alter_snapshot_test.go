package lvm

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

// snapshots makes vg0 with the origin data, its snapshots one and two, which
// differ from it, and the volumes striped and other.
func snapshots(t testing.TB, sys *System, areas MetadataAreas) {
	volumes(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.addSnapshot("data", "one", 6), tx.addSnapshot("data", "two", 8))
	})
	markSnapshots(t, sys)
}

// spareStore is snapshots, with the store of one as a volume that keeps nothing.
func spareStore(t testing.TB, sys *System, areas MetadataAreas) {
	snapshots(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.SplitSnapshot("one"), tx.RenameLV("one", "meta"))
	})
}

// andMerge is snapshots, with one being merged.
func andMerge(t testing.TB, sys *System, areas MetadataAreas) {
	snapshots(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.MergeSnapshot("one") })
}

// andMerged is andMerge at its end.
func andMerged(t testing.TB, sys *System, areas MetadataAreas) {
	andMerge(t, sys, areas)
	require.NoError(t, sys.mergeFiles(context.Background(), lvView(t, view(t, sys, "vg0"), "data"), nil))
}

func (tx *Tx) addSnapshot(origin, name string, extents Extents) error {
	_, err := tx.CreateSnapshot(origin, SnapshotSpec{Name: name, Size: ExtentCount(extents)})
	return err
}

// markLength is how much of a snapshot is written by markSnapshots.
const markLength = 2 * defaultChunk

// markSnapshots writes to the head of each snapshot what is its own.
func markSnapshots(t testing.TB, sys *System) {
	t.Helper()
	v, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	for lv := range v.LVs() {
		if !lv.IsSnapshot() {
			continue
		}
		f, err := lv.Open()
		require.NoError(t, err)
		_, err = f.WriteAt(pattern(lv.ID(), markLength), 0)
		require.NoError(t, err)
		require.NoError(t, f.Sync())
		require.NoError(t, f.Close())
	}
}

// patternOf returns what a volume of before holds after writePatterns and
// markSnapshots; nil if it holds nothing by itself.
func patternOf(before *metadata.VolumeGroup, now *VolumeGroup, old *metadata.LogicalVolume) []byte {
	if snapshotLinkOf(old) != nil || strings.HasPrefix(old.Name, movePrefix) || ofRAID(old) || keepsNothing(before, old) || isCache(old) {
		return nil
	}
	size := func(lv *metadata.LogicalVolume) Bytes { return extentBytes(before, lv.Extents()) }
	links := newSnapshotLinks(before)
	link, ok := links.by(old.ID)
	if _, is := now.links().by(old.ID); is != ok && lvByID(now.rec, old.ID) != nil {
		return nil // split or joined
	}
	if ok {
		origin := lvByID(before, link.body.Origin)
		if ofRAID(origin) {
			return nil
		}
		p := pattern(origin.ID, size(origin))
		copy(p, pattern(old.ID, markLength))
		return p
	}
	for _, link := range append(links.of(old.ID), now.links().of(old.ID)...) {
		if link.body.Merging {
			return patternOf(before, now, lvByID(before, link.body.COW))
		}
	}
	if newTies(before).isPart(old.ID) {
		return nil
	}
	return pattern(old.ID, size(old))
}

func alterSnapshot() []alteration {
	return []alteration{
		{name: "create snapshots", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.addSnapshot("data", "one", 6), tx.addSnapshot("striped", "two", 5), tx.addSnapshot("data", "three", 5))
		}},
		{name: "create one more snapshot", setup: snapshots, do: func(tx *Tx, _ MetadataAreas) error { return tx.addSnapshot("data", "three", 6) }},
		{name: "create a snapshot of nothing", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			_, err := tx.CreateSnapshot("", SnapshotSpec{Name: "sparse", Size: ExtentCount(6), VirtualSize: ExtentCount(500)})
			return err
		}},
		{name: "remove a snapshot", setup: snapshots, do: func(tx *Tx, _ MetadataAreas) error { return tx.RemoveLV("one") }},
		{name: "remove all snapshots", setup: snapshots, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.RemoveLV("one"), tx.RemoveLV("two"))
		}},
		{name: "remove an origin", setup: snapshots, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.RemoveLVWith("data", RemoveSpec{Snapshots: true})
		}},
		{name: "replace a snapshot", setup: snapshots, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.RemoveLV("one"), tx.addSnapshot("data", "one", 7))
		}},
		{name: "extend cow stores", setup: snapshots, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.ExtendLV("one", ExtendSpec{By: ExtentCount(5)}), tx.ExtendLV("two", ExtendSpec{To: PercentOrigin(100)}))
		}},
		{name: "reduce a cow store", setup: snapshots, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ReduceLV("two", ReduceSpec{By: ExtentCount(2)})
		}},
		{name: "extend an origin", setup: snapshots, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ExtendLV("data", ExtendSpec{By: ExtentCount(2)})
		}},
		{name: "rename origin and snapshots", setup: snapshots, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.RenameLV("two", "three"), tx.RenameLV("one", "two"), tx.RenameLV("data", "one"))
		}},
		{name: "change origin and snapshots", setup: snapshots, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.SetLVReadOnly("one", true), tx.SetLVReadOnly("data", true), tx.SetLVTags("two", "t"), tx.SetLVReadAhead("two", 64))
		}},
		{name: "split a snapshot", setup: snapshots, do: func(tx *Tx, _ MetadataAreas) error { return tx.SplitSnapshot("one") }},
		{name: "split all snapshots that are not active", setup: snapshots, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.SplitSnapshot("one"), tx.SplitSnapshot("two"), tx.SetLVTags("one", "t"))
		}},
		{name: "join a snapshot", setup: spareStore, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.JoinSnapshot("data", "meta", JoinSnapshotSpec{ChunkSize: 8 * KiB})
		}},
		{name: "join a first snapshot", setup: spareStore, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.JoinSnapshot("striped", "meta", JoinSnapshotSpec{})
		}},
		{name: "join a first snapshot that is not active", setup: spareStore, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.JoinSnapshot("striped", "meta", JoinSnapshotSpec{})
		}},
		{name: "begin a merge", setup: snapshots, do: func(tx *Tx, _ MetadataAreas) error { return tx.MergeSnapshot("one") }},
		{name: "begin the merge of what is inactive", setup: snapshots, inactive: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.MergeSnapshot("two") }},
		{name: "finish a merge", setup: andMerged, do: func(tx *Tx, _ MetadataAreas) error { return tx.FinishMerge("one") }},
		{name: "change what is being merged", setup: andMerge, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.RenameLV("data", "d2"), tx.RemoveLV("two"), tx.SetLVTags("d2", "t"))
		}},
		{name: "remove what is being merged", setup: andMerge, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.RemoveLVWith("data", RemoveSpec{Snapshots: true})
		}},
		{name: "split off a vg with snapshots", setup: snapshotsApart, inactive: true, forward: true, pair: "vg1", do: func(tx *Tx, _ MetadataAreas) error {
			return tx.SplitVG("vg1", SplitSpec{PVs: []string{"b"}})
		}},
	}
}

func alterSnapshotKernel() []alteration {
	return []alteration{
		{name: "activate snapshots", setup: snapshots, inactive: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.ActivateAll() }},
		{name: "deactivate snapshots", setup: snapshots, do: func(tx *Tx, _ MetadataAreas) error { return tx.Deactivate("data") }},
		{name: "begin a merge by activation", setup: andMerge, inactive: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.Activate("data") }},
		{name: "activate what is merged into, and begin that", setup: snapshots, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.MergeSnapshot("one"), tx.Activate("data"))
		}},
		{name: "refresh while a merge goes on", setup: andMerge, do: func(tx *Tx, _ MetadataAreas) error { return tx.Refresh("data") }},
		{name: "snapshot what is activated", setup: volumes, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.Activate("data"), tx.addSnapshot("data", "one", 6))
		}},
		{name: "remove an origin and another's snapshot", setup: snapshots, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.addSnapshot("other", "three", 5), tx.RemoveLVWith("data", RemoveSpec{Snapshots: true}))
		}},
		{name: "finish a merge and remove the other snapshot", setup: andMerged, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.FinishMerge("data"), tx.RemoveLV("two"))
		}},
	}
}

// snapshotsApart makes vg0 with volumes with snapshots, each of one device.
func snapshotsApart(t testing.TB, sys *System, areas MetadataAreas) {
	on := func(device string) []PVSelection { return []PVSelection{{PV: device}} }
	emptyGroup(t, sys, OneArea)
	update(t, sys, "vg0", func(tx *Tx) error {
		for _, device := range []string{"a", "b"} {
			if _, err := tx.CreateLV(LVSpec{Name: "on-" + device, Size: ExtentCount(20), PVs: on(device)}); err != nil {
				return err
			}
		}
		return nil
	})
	writePatterns(t, sys, "vg0")
	update(t, sys, "vg0", func(tx *Tx) error {
		for _, device := range []string{"a", "b"} {
			if _, err := tx.CreateSnapshot("on-"+device, SnapshotSpec{Name: "s-" + device, Size: ExtentCount(6), PVs: on(device)}); err != nil {
				return err
			}
		}
		return nil
	})
	markSnapshots(t, sys)
}
