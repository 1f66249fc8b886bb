package lvm

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

// What a method of Tx does to an LV that has to do with snapshots: nil if it
// works, otherwise the error.
type inRoles struct {
	origin, snapshot     error
	mergingOrigin, other error // other: a snapshot of that, which is not merged
	merging, link        error
	call                 func(tx *Tx, lv string) error
	inactive             bool // the origin must not be active for that
	snapshotInactive     bool // nor must its snapshots
}

// errWhileInactive is ErrMerging in image mode, where nobody has merged yet.
var errWhileInactive = fault(ErrMerging, "not merged")

// methodsOnLVs holds every method of Tx that is given the name of an LV.
func methodsOnLVs() map[string]inRoles {
	part, merging := ErrUnsupported, ErrMerging
	works := inRoles{merging: part, link: part}
	with := func(m inRoles, call func(*Tx, string) error) inRoles { m.call = call; return m }
	snapshotOnly := inRoles{origin: ErrInvalidSpec, mergingOrigin: ErrInvalidSpec, merging: part, link: part}
	mergeable := snapshotOnly
	mergeable.other, mergeable.merging = merging, merging
	ofOtherKind := inRoles{origin: ErrInvalidSpec, snapshot: ErrInvalidSpec, mergingOrigin: ErrInvalidSpec, other: ErrInvalidSpec, merging: part, link: part}
	never := inRoles{origin: part, snapshot: part, mergingOrigin: part, other: part, merging: part, link: part}
	needed := inRoles{origin: ErrBusy, snapshot: ErrBusy, mergingOrigin: ErrBusy, other: ErrBusy, merging: part, link: part}
	return map[string]inRoles{
		"ConvertToThinPool": with(needed, func(tx *Tx, lv string) error {
			_, err := tx.ConvertToThinPool(lv, ConvertToThinPoolSpec{})
			return err
		}),
		"ConvertToCachePool": with(needed, func(tx *Tx, lv string) error {
			_, err := tx.ConvertToCachePool(lv, ConvertToCachePoolSpec{})
			return err
		}),
		"ConvertToThin": with(needed, func(tx *Tx, lv string) error {
			_, err := tx.ConvertToThin(lv, ConvertToThinSpec{Pool: "pool"})
			return err
		}),
		"AttachCache": with(inRoles{origin: part, snapshot: part, mergingOrigin: merging, other: part, merging: part, link: part}, func(tx *Tx, lv string) error { return tx.AttachCache(lv, AttachCacheSpec{CacheVol: "striped"}) }),
		"AttachWriteCache": with(inRoles{snapshot: part, mergingOrigin: merging, other: part, merging: part, link: part}, func(tx *Tx, lv string) error {
			if err := tx.addLV("quick", 8, 1); err != nil {
				return err
			}
			return tx.AttachWriteCache(lv, AttachWriteCacheSpec{CacheVol: "quick"})
		}),
		"ChangeCache":      with(ofOtherKind, func(tx *Tx, lv string) error { return tx.ChangeCache(lv, CacheChange{Mode: CacheWriteback}) }),
		"ChangeWriteCache": with(ofOtherKind, func(tx *Tx, lv string) error { return tx.ChangeWriteCache(lv) }),
		"StartFlush":       with(ofOtherKind, (*Tx).StartFlush),
		"DetachCache":      with(ofOtherKind, func(tx *Tx, lv string) error { return tx.DetachCache(lv, DetachSpec{}) }),
		"AddMirrorLegs":    with(never, func(tx *Tx, lv string) error { return tx.AddMirrorLegs(lv, MirrorLegsSpec{}) }),
		"FinishMirrorLegs": with(never, (*Tx).FinishMirrorLegs),
		"DropMirrorLegs":   with(never, func(tx *Tx, lv string) error { return tx.DropMirrorLegs(lv, 1) }),
		"SplitMirrorLeg":   with(never, func(tx *Tx, lv string) error { return tx.SplitMirrorLeg(lv, "new") }),
		"RepairMirror":     with(never, func(tx *Tx, lv string) error { return tx.RepairMirror(lv, MirrorRepairSpec{}) }),
		"SetMirrorLog":     with(never, func(tx *Tx, lv string) error { return tx.SetMirrorLog(lv, MirrorLogCore) }),
		"AddIntegrity":     with(never, func(tx *Tx, lv string) error { return tx.AddIntegrity(lv, IntegritySpec{}) }),
		"RemoveIntegrity":  with(never, (*Tx).RemoveIntegrity),
		"AddRAIDLegs":      with(never, func(tx *Tx, lv string) error { return tx.AddRAIDLegs(lv, RAIDLegsSpec{Add: 1}) }),
		"DropRAIDLegs":     with(never, func(tx *Tx, lv string) error { return tx.DropRAIDLegs(lv, 1) }),
		"SplitRAIDLeg":     with(never, func(tx *Tx, lv string) error { return tx.SplitRAIDLeg(lv, "new") }),
		"ChangeRAID":       with(ofOtherKind, func(tx *Tx, lv string) error { return tx.ChangeRAID(lv, RAIDChange{}) }),
		"TrackRAIDLeg": with(never, func(tx *Tx, lv string) error {
			_, err := tx.TrackRAIDLeg(lv)
			return err
		}),
		"MergeRAIDLeg": with(inRoles{origin: ErrInvalidSpec, snapshot: ErrInvalidSpec, mergingOrigin: ErrInvalidSpec, other: ErrInvalidSpec, merging: ErrInvalidSpec, link: ErrInvalidSpec}, (*Tx).MergeRAIDLeg),
		"RepairRAID":   with(ofOtherKind, func(tx *Tx, lv string) error { return tx.RepairRAID(lv, RepairSpec{}) }),
		"ConvertRAID":  with(ofOtherKind, func(tx *Tx, lv string) error { return tx.ConvertRAID(lv, SegmentRAID6, ConvertSpec{}) }),
		"ReshapeRAID":  with(ofOtherKind, func(tx *Tx, lv string) error { return tx.ReshapeRAID(lv, ReshapeSpec{StripeSize: 4 * KiB}) }),
		"EndReshape":   with(ofOtherKind, (*Tx).EndReshape),
		"ReplaceLegs":  with(ofOtherKind, func(tx *Tx, lv string) error { return tx.ReplaceLegs(lv, ReplaceSpec{}) }),
		"CreateSnapshot": with(inRoles{snapshot: part, mergingOrigin: merging, other: part, merging: part, link: part},
			func(tx *Tx, lv string) error { return tx.addSnapshot(lv, "new", 4) }),
		"JoinSnapshot": with(needed,
			func(tx *Tx, lv string) error { return tx.JoinSnapshot("striped", lv, JoinSnapshotSpec{}) }),
		"SplitSnapshot": with(inRoles{origin: ErrInvalidSpec, mergingOrigin: ErrInvalidSpec, merging: merging, link: part}, (*Tx).SplitSnapshot),
		"MergeSnapshot": with(mergeable, (*Tx).MergeSnapshot),
		"FinishMerge": with(inRoles{origin: ErrInvalidSpec, snapshot: ErrInvalidSpec, mergingOrigin: errWhileInactive, other: ErrInvalidSpec,
			merging: errWhileInactive, link: ErrInvalidSpec}, (*Tx).FinishMerge),
		"RemoveLV": with(inRoles{origin: ErrBusy, mergingOrigin: ErrBusy, merging: merging, link: part}, (*Tx).RemoveLV),
		"RemoveLVWith": with(inRoles{merging: merging, link: part},
			func(tx *Tx, lv string) error { return tx.RemoveLVWith(lv, RemoveSpec{Snapshots: true}) }),
		"RenameLV": with(works, func(tx *Tx, lv string) error { return tx.RenameLV(lv, "renamed") }),
		"ExtendLV": with(inRoles{merging: part, link: part, inactive: true},
			func(tx *Tx, lv string) error { return tx.ExtendLV(lv, ExtendSpec{By: ExtentCount(1)}) }),
		"ReduceLV": with(inRoles{origin: ErrBusy, mergingOrigin: ErrBusy, merging: part, link: part, inactive: true, snapshotInactive: true},
			func(tx *Tx, lv string) error { return tx.ReduceLV(lv, ReduceSpec{By: ExtentCount(1)}) }),
		"GrowFS":    with(inRoles{snapshot: ErrUnsupported, mergingOrigin: merging, other: ErrUnsupported, merging: part, link: part}, (*Tx).GrowFS),
		"SetLVTags": with(works, func(tx *Tx, lv string) error { return tx.SetLVTags(lv, "t") }),
		"SetLVReadOnly": with(inRoles{mergingOrigin: merging, merging: part, link: part},
			func(tx *Tx, lv string) error { return tx.SetLVReadOnly(lv, true) }),
		"SetLVActivationSkip": with(works, func(tx *Tx, lv string) error { return tx.SetLVActivationSkip(lv, true) }),
		"SetLVAutoActivation": with(works, func(tx *Tx, lv string) error { return tx.SetLVAutoActivation(lv, false) }),
		"SetLVAllocation":     with(works, func(tx *Tx, lv string) error { return tx.SetLVAllocation(lv, AllocCling) }),
		"SetLVReadAhead":      with(works, func(tx *Tx, lv string) error { return tx.SetLVReadAhead(lv, 64) }),
		"SetLVPersistentMinor": with(inRoles{merging: part, link: part, inactive: true, snapshotInactive: true},
			func(tx *Tx, lv string) error { return tx.SetLVPersistentMinor(lv, FixedMinor(9)) }),
	}
}

// notOnLVs are methods that are given names of other things, or of LVs in a
// kernel, or are tested elsewhere.
var notOnLVs = []string{
	"Activate", "ActivateWith", "Deactivate", "Refresh", "RefreshWith", // with the devices
	"ChangeThinPool", "CreateThinSnapshot", "ExtendPoolMetadata", "RepairThinPool", "RepairCachePool", "RepairTransactionID", "SwapPoolMetadata", "CreateLV", "RemoveHistory", "AdvanceMove", "FinishMove", "AbortMove", "StartMove",
	"SplitVG", "MergeVG", "RemoveMissing", // TestSplitAndMergeGroupsWithSnapshots, TestRemoveMissingWithSnapshots
	"RenameVG", "SetSystemID", "SetTags", "CreateVG", "ExtendVG", "ReduceVG", "RestoreVG", "RestoreMissing",
	"SetPVID", "SetPVTags", "SetPVAllocatable", "SetPVMetadataIgnored", "RemovePV", "RemoveLostPV", "ResizePV", "CreatePV",
}

// TestMethodsOnSnapshots tries each method that is given an LV on all that have to
// do with snapshots, in image mode and active. What is refused leaves the devices
// as they are; what works leaves every volume that is still there with its
// contents.
func TestMethodsOnSnapshots(t *testing.T) {
	t.Parallel()
	calls := methodsOnLVs()
	methods := reflect.TypeFor[*Tx]()
	for i := range methods.NumMethod() {
		m := methods.Method(i)
		takesName := slices.ContainsFunc(slices.Collect(ins(m.Type)), func(in reflect.Type) bool { return in.Kind() == reflect.String })
		_, tested := calls[m.Name]
		require.False(t, takesName && !tested && !slices.Contains(notOnLVs, m.Name), "%s is given a name: add it to methodsOnLVs or notOnLVs", m.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		m := calls[name]
		for _, r := range []struct {
			role, lv string
			setup    func(testing.TB, *System, MetadataAreas)
			want     error
		}{
			{"origin", "data", snapshots, m.origin}, {"snapshot", "one", snapshots, m.snapshot}, {"link", "snapshot0", snapshots, m.link},
			{"merging origin", "data", andMerge, m.mergingOrigin}, {"other snapshot", "two", andMerge, m.other},
			{"merging snapshot", "one", andMerge, m.merging},
		} {
			t.Run(name+" of "+r.role, func(t *testing.T) {
				t.Parallel()
				disks := (&alteration{setup: r.setup}).start(t, OneArea)
				for _, active := range []bool{false, true} {
					mach := newMachine(disks.Clone())
					sys := openDisks(t, mach.disks, 2)
					if active {
						sys = mach.open(t, 2)
						update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
					}
					before := recordOf(t, sys, "vg0")
					mach.disks.Record()
					want := r.want
					switch {
					case active && m.inactive && want == nil && (r.lv == "data" || m.snapshotInactive):
						want = ErrBusy
					case active && errors.Is(want, errWhileInactive):
						want = nil // the fake kernel merges all at once
					}
					err := sys.Update(context.Background(), "vg0", func(tx *Tx) error { return m.call(tx, r.lv) })
					if want != nil {
						if want == errWhileInactive {
							want = ErrMerging
						}
						assert.ErrorIs(t, err, want, "active %v", active)
						assert.Empty(t, written(mach.disks), "active %v", active)
						continue
					}
					require.NoError(t, err, "active %v", active)
					if active {
						require.Empty(t, mach.unlike(t))
					}
					checkPatterns(t, openDisks(t, mach.disks, 4), before)
					checkSnapshots(t, recordOf(t, sys, "vg0"))
				}
			})
		}
	}
}

// ins returns the types of a method's arguments.
func ins(m reflect.Type) func(func(reflect.Type) bool) {
	return func(yield func(reflect.Type) bool) {
		for i := 1; i < m.NumIn(); i++ {
			if !yield(m.In(i)) {
				return
			}
		}
	}
}

// checkSnapshots checks that COW stores, origins, and what ties them are all
// there or none is.
func checkSnapshots(t *testing.T, vg *metadata.VolumeGroup) {
	t.Helper()
	require.NoError(t, vg.Validate())
	links, ties := newSnapshotLinks(vg), newTies(vg)
	for _, lv := range vg.LVs {
		_, cow := links.by(lv.ID)
		if lv.Status&metadata.LVVisible == 0 {
			merging := snapshotLinkOf(lv)
			assert.True(t, cow || ties.isPart(lv.ID) || merging != nil && merging.Merging, "%s is nobody's", lv.Name)
		}
	}
}
