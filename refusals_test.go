package lvm

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// txKind says what a method of Tx needs a group to be like.
type txKind int

const (
	changes   txKind = iota // a group that may be changed
	activates               // a group whose volumes may be activated
	releases                // nothing: it works in any state
	onDevice                // it is about devices of no group
	looks                   // nothing: it tells something
)

// txCall is how a method is tried in all states of a group in which it must be
// refused. The group has the volumes data and whole, and striped, which is on
// both its physical volumes, a and b; c is blank.
type txCall struct {
	kind txKind
	call func(*Tx) error
	// despite are the reasons against changes that do not count, since the
	// method is there to mend them or does not depend on what they are about.
	despite []error
}

func change(call func(*Tx) error, despite ...error) txCall {
	return txCall{changes, call, despite}
}

func activation(call func(*Tx) error) txCall { return txCall{kind: activates, call: call} }

// txCalls holds every method of Tx. A new one needs a line here: what it is
// called with, and the reasons against a change (ErrMissingPV, ErrExported, ...)
// that it is to work in spite of, as it gives them to Tx.own.
var txCalls = map[string]txCall{
	"VG":       {kind: looks},
	"Exists":   {kind: looks},
	"OnFreeze": {kind: looks},

	"Activate": activation(func(tx *Tx) error { return tx.Activate("data") }),
	"ActivateWith": activation(func(tx *Tx) error {
		return tx.ActivateWith("striped", ActivateOptions{Mode: ActivatePartial})
	}),
	"ActivateAll":     activation(func(tx *Tx) error { return tx.ActivateAll() }),
	"ActivateAllWith": activation(func(tx *Tx) error { return tx.ActivateAllWith(ActivateOptions{IgnoreSkip: true}) }),
	"AutoActivate":    activation(func(tx *Tx) error { return tx.AutoActivate() }),
	"Refresh":         activation(func(tx *Tx) error { return tx.Refresh("whole") }),
	"RefreshWith":     activation(func(tx *Tx) error { return tx.RefreshWith("whole", ActivateOptions{Mode: ActivatePartial}) }),
	"Deactivate":      {kind: releases, call: func(tx *Tx) error { return tx.Deactivate("whole") }},
	"DeactivateAll":   {kind: releases, call: func(tx *Tx) error { return tx.DeactivateAll() }},

	"CreatePV":     {kind: onDevice},
	"RemovePV":     {kind: onDevice},
	"RemoveLostPV": {kind: onDevice},

	"SetPVAllocatable":     change(func(tx *Tx) error { return tx.SetPVAllocatable("a", false) }),
	"SetPVTags":            change(func(tx *Tx) error { return tx.SetPVTags("a", "t") }),
	"SetPVMetadataIgnored": change(func(tx *Tx) error { return tx.SetPVMetadataIgnored("a", true) }),
	"ResizePV":             change(func(tx *Tx) error { return tx.ResizePV("a", MiB) }),

	"RestoreVG":      {kind: onDevice}, // it may replace a group in any state
	"RepairMetadata": change(func(tx *Tx) error { return tx.RepairMetadata() }, ErrMissingPV),
	"CreateVG":       {kind: onDevice}, // ErrExists in any state
	"ExtendVG":       change(func(tx *Tx) error { return tx.ExtendVG(PVSpec{}, "c") }),
	"ReduceVG":       change(func(tx *Tx) error { return tx.ReduceVG("a") }),
	"RemoveVG":       change(func(tx *Tx) error { return tx.RemoveVG() }),
	"RenameVG":       change(func(tx *Tx) error { return tx.RenameVG("vg1") }, ErrExported),
	"SetVGID":        change(func(tx *Tx) error { return tx.SetVGID(ID{}) }),
	"SetPVID":        change(func(tx *Tx) error { return tx.SetPVID("a", ID{}) }),
	"SplitVG":        change(func(tx *Tx) error { return tx.SplitVG("vg1", SplitSpec{PVs: []string{"a"}}) }),
	"MergeVG":        change(func(tx *Tx) error { return tx.MergeVG("vg1") }),
	"ExportVG":       change(func(tx *Tx) error { return tx.ExportVG() }),
	"ImportVG":       change(func(tx *Tx) error { return tx.ImportVG(ImportSpec{}) }, ErrExported),
	"RestoreMissing": change(func(tx *Tx) error { return tx.RestoreMissing("b") }, ErrMissingPV),
	"RepairMirror": change(func(tx *Tx) error {
		return tx.RepairMirror("data", MirrorRepairSpec{})
	}, ErrMissingPV),
	"RemoveMissing": change(func(tx *Tx) error {
		return tx.RemoveMissing(RemoveMissingSpec{Force: true})
	}, ErrMissingPV),

	"SetTags":             change(func(tx *Tx) error { return tx.SetTags("t") }, ErrMissingPV),
	"SetVGAllocation":     change(func(tx *Tx) error { return tx.SetVGAllocation(metadata.AllocCling) }),
	"SetVGLimits":         change(func(tx *Tx) error { return tx.SetVGLimits(9, 9) }),
	"SetResizeable":       change(func(tx *Tx) error { return tx.SetResizeable(false) }),
	"SetVGAutoActivation": change(func(tx *Tx) error { return tx.SetVGAutoActivation(false) }),
	"SetSystemID":         change(func(tx *Tx) error { return tx.SetSystemID("new") }),
	"SetExtentSize":       change(func(tx *Tx) error { return tx.SetExtentSize(8 * KiB) }),
	"SetMetadataCopies":   change(func(tx *Tx) error { return tx.SetMetadataCopies(1) }),
	"UseAllMetadataAreas": change(func(tx *Tx) error { return tx.UseAllMetadataAreas() }),

	"CreateThinPool": change(func(tx *Tx) error {
		_, err := tx.CreateThinPool(ThinPoolSpec{Name: "pool", Size: ExtentCount(20)})
		return err
	}),
	"CreateThin": change(func(tx *Tx) error {
		_, err := tx.CreateThin(ThinSpec{Name: "thin", Pool: "pool", VirtualSize: ExtentCount(20)})
		return err
	}),
	"CreateThinSnapshot": change(func(tx *Tx) error {
		_, err := tx.CreateThinSnapshot("thin", ThinSnapshotSpec{Name: "new"})
		return err
	}),
	"ExtendPoolMetadata": change(func(tx *Tx) error { return tx.ExtendPoolMetadata("pool", ExtendSpec{By: ExtentCount(1)}) }),
	"ConvertToThinPool": change(func(tx *Tx) error {
		_, err := tx.ConvertToThinPool("data", ConvertToThinPoolSpec{})
		return err
	}),
	"ConvertToCachePool": change(func(tx *Tx) error {
		_, err := tx.ConvertToCachePool("data", ConvertToCachePoolSpec{})
		return err
	}),
	"ConvertToThin": change(func(tx *Tx) error {
		_, err := tx.ConvertToThin("data", ConvertToThinSpec{Pool: "pool"})
		return err
	}),
	"SwapPoolMetadata":    change(func(tx *Tx) error { return tx.SwapPoolMetadata("pool", "data") }),
	"RepairTransactionID": change(func(tx *Tx) error { return tx.RepairTransactionID("pool", TransactionIDSpec{}) }),
	"RepairThinPool": change(func(tx *Tx) error {
		_, err := tx.RepairThinPool("pool", RepairPoolSpec{})
		return err
	}),
	"ChangeThinPool": change(func(tx *Tx) error { return tx.ChangeThinPool("pool", ThinPoolChange{Zeroing: ChoiceNo}) }),

	"CreateCachePool": change(func(tx *Tx) error {
		_, err := tx.CreateCachePool(CachePoolSpec{Name: "new", Size: ExtentCount(2)})
		return err
	}),
	"AttachCache":      change(func(tx *Tx) error { return tx.AttachCache("data", AttachCacheSpec{CacheVol: "striped"}) }),
	"AttachWriteCache": change(func(tx *Tx) error { return tx.AttachWriteCache("data", AttachWriteCacheSpec{CacheVol: "striped"}) }),
	"ChangeCache":      change(func(tx *Tx) error { return tx.ChangeCache("data", CacheChange{Mode: CacheWriteback}) }),
	"ChangeWriteCache": change(func(tx *Tx) error { return tx.ChangeWriteCache("data") }),
	"RepairCachePool": change(func(tx *Tx) error {
		_, err := tx.RepairCachePool("data", RepairPoolSpec{})
		return err
	}),
	"StartFlush":  change(func(tx *Tx) error { return tx.StartFlush("data") }, ErrMissingPV),
	"DetachCache": change(func(tx *Tx) error { return tx.DetachCache("data", DetachSpec{}) }, ErrMissingPV),

	"CreateLV":       change(func(tx *Tx) error { return tx.addLV("new", 2, 1) }),
	"ExtendLV":       change(func(tx *Tx) error { return tx.ExtendLV("data", ExtendSpec{By: ExtentCount(2)}) }),
	"ReduceLV":       change(func(tx *Tx) error { return tx.ReduceLV("data", ReduceSpec{By: ExtentCount(2)}) }),
	"RenameLV":       change(func(tx *Tx) error { return tx.RenameLV("data", "new") }),
	"RemoveLV":       change(func(tx *Tx) error { return tx.RemoveLV("striped") }, ErrMissingPV),
	"RemoveLVWith":   change(func(tx *Tx) error { return tx.RemoveLVWith("striped", RemoveSpec{Snapshots: true}) }, ErrMissingPV),
	"CreateSnapshot": change(func(tx *Tx) error { return tx.addSnapshot("data", "new", 3) }),
	"ReplaceLegs":    change(func(tx *Tx) error { return tx.ReplaceLegs("data", ReplaceSpec{PVs: []string{"a"}}) }, ErrMissingPV),
	"ConvertRAID":    change(func(tx *Tx) error { return tx.ConvertRAID("data", SegmentRAID5N, ConvertSpec{}) }),
	"ReshapeRAID":    change(func(tx *Tx) error { return tx.ReshapeRAID("data", ReshapeSpec{StripeSize: 4 * KiB}) }),
	"EndReshape":     change(func(tx *Tx) error { return tx.EndReshape("data") }),
	"ChangeRAID":     change(func(tx *Tx) error { return tx.ChangeRAID("data", RAIDChange{}) }),
	"RepairRAID":     change(func(tx *Tx) error { return tx.RepairRAID("data", RepairSpec{}) }, ErrMissingPV),
	"AddRAIDLegs":    change(func(tx *Tx) error { return tx.AddRAIDLegs("data", RAIDLegsSpec{}) }),
	"DropRAIDLegs":   change(func(tx *Tx) error { return tx.DropRAIDLegs("data", 1) }, ErrMissingPV),
	"SplitRAIDLeg":   change(func(tx *Tx) error { return tx.SplitRAIDLeg("data", "new") }),
	"TrackRAIDLeg": change(func(tx *Tx) error {
		_, err := tx.TrackRAIDLeg("data")
		return err
	}),
	"MergeRAIDLeg":         change(func(tx *Tx) error { return tx.MergeRAIDLeg("data") }),
	"CreateRAID":           change(func(tx *Tx) error { return tx.addRAID("new", SegmentRAID1, 2) }),
	"AddIntegrity":         change(func(tx *Tx) error { return tx.AddIntegrity("data", IntegritySpec{}) }),
	"RemoveIntegrity":      change(func(tx *Tx) error { return tx.RemoveIntegrity("data") }, ErrMissingPV),
	"CreateMirror":         change(func(tx *Tx) error { return tx.addMirror("new", 2, 2, MirrorLogCore) }),
	"AddMirrorLegs":        change(func(tx *Tx) error { return tx.AddMirrorLegs("data", MirrorLegsSpec{Log: MirrorLogCore}) }, ErrMissingPV),
	"FinishMirrorLegs":     change(func(tx *Tx) error { return tx.FinishMirrorLegs("data") }, ErrMissingPV),
	"DropMirrorLegs":       change(func(tx *Tx) error { return tx.DropMirrorLegs("data", 1) }, ErrMissingPV),
	"SplitMirrorLeg":       change(func(tx *Tx) error { return tx.SplitMirrorLeg("data", "new") }),
	"SetMirrorLog":         change(func(tx *Tx) error { return tx.SetMirrorLog("data", MirrorLogDisk) }, ErrMissingPV),
	"SplitSnapshot":        change(func(tx *Tx) error { return tx.SplitSnapshot("snap") }),
	"JoinSnapshot":         change(func(tx *Tx) error { return tx.JoinSnapshot("data", "other", JoinSnapshotSpec{}) }),
	"MergeSnapshot":        change(func(tx *Tx) error { return tx.MergeSnapshot("snap") }),
	"FinishMerge":          change(func(tx *Tx) error { return tx.FinishMerge("snap") }),
	"RemoveHistory":        change(func(tx *Tx) error { return tx.RemoveHistory("gone") }, ErrMissingPV),
	"GrowFS":               change(func(tx *Tx) error { return tx.GrowFS("data") }),
	"StartMove":            change(func(tx *Tx) error { return tx.move("data", "a") }),
	"AdvanceMove":          change(func(tx *Tx) error { return tx.AdvanceMove("pvmove0") }, ErrMissingPV),
	"FinishMove":           change(func(tx *Tx) error { return tx.FinishMove("pvmove0") }, ErrMissingPV),
	"AbortMove":            change(func(tx *Tx) error { return tx.AbortMove("pvmove0") }, ErrMissingPV),
	"SetLVTags":            change(func(tx *Tx) error { return tx.SetLVTags("striped", "t") }, ErrMissingPV),
	"SetLVReadOnly":        change(func(tx *Tx) error { return tx.SetLVReadOnly("striped", true) }, ErrMissingPV),
	"SetLVActivationSkip":  change(func(tx *Tx) error { return tx.SetLVActivationSkip("striped", true) }, ErrMissingPV),
	"SetLVAutoActivation":  change(func(tx *Tx) error { return tx.SetLVAutoActivation("striped", false) }, ErrMissingPV),
	"SetLVAllocation":      change(func(tx *Tx) error { return tx.SetLVAllocation("data", metadata.AllocCling) }, ErrMissingPV),
	"SetLVReadAhead":       change(func(tx *Tx) error { return tx.SetLVReadAhead("striped", 64) }, ErrMissingPV),
	"SetLVPersistentMinor": change(func(tx *Tx) error { return tx.SetLVPersistentMinor("striped", FixedMinor(77)) }, ErrMissingPV),
}

// groupState is a state of a group in which it must not be changed, or not by
// every operation.
type groupState struct {
	name string
	make func(*testing.T, *forger)
	want error
	// inactive: nor may its volumes be activated.
	inactive bool
	// cannot are methods that are not refused as a rule but do not work here.
	cannot []string
}

func groupStates() []groupState {
	swap := func(pairs ...string) func(*testing.T, *forger) {
		return func(_ *testing.T, f *forger) { f.swap(pairs...) }
	}
	return []groupState{
		// With an active volume, as no program exports it.
		{name: "exported", want: ErrExported, inactive: true, cannot: []string{"RenameVG"}, make: swap(`"RESIZEABLE"`, `"RESIZEABLE", "EXPORTED"`)},
		{name: "another host's", want: ErrForeign, inactive: true, make: swap(flagsLine, "flags = []\nsystem_id = \"other\"\nextent_size")},
		{name: "shared", want: ErrShared, inactive: true, make: swap(flagsLine, "flags = []\nlock_type = \"sanlock\"\nextent_size")},
		{name: "clustered", want: ErrShared, inactive: true, make: swap(`"RESIZEABLE"`, `"RESIZEABLE", "CLUSTERED"`)},
		{name: "pv on two devices", want: ErrDuplicatePV, inactive: true, make: func(_ *testing.T, f *forger) { f.disks.Copy("b", "d") }},
		{name: "without write status", want: ErrReadOnly, make: swap(`, "WRITE"]`, `]`)},
		{name: "unknown status", want: ErrReadOnly, make: swap(`"RESIZEABLE"`, `"RESIZEABLE", "FROBNICATED"`)},
		{name: "two texts of one seqno", want: ErrDamaged, make: func(_ *testing.T, f *forger) {
			f.text(func(s string) string { return strings.Replace(s, "max_lv = 0", "max_lv = 9", 1) }, "b")
		}},
		{name: "pv missing", want: ErrMissingPV, cannot: append([]string{"RestoreMissing", "RemoveHistory"}, moveSteps...), make: func(t *testing.T, f *forger) {
			lose(t, openDisks(t, f.disks, 9), "b")
		}},
		{name: "pv marked as missing", want: ErrMissingPV, cannot: append([]string{"RemoveHistory"}, moveSteps...), make: func(t *testing.T, f *forger) {
			awhile("b")(t, openDisks(t, f.disks, 9), OneArea)
		}},
	}
}

// moveSteps need a move, a cache, a raid or a mirror, which there is not.
var moveSteps = []string{"AdvanceMove", "FinishMove", "AbortMove", "StartFlush", "DetachCache", "ReplaceLegs", "RepairRAID", "DropRAIDLegs", "SplitRAIDLeg",
	"RepairMirror", "AddMirrorLegs", "FinishMirrorLegs", "DropMirrorLegs", "SetMirrorLog", "RemoveIntegrity"}

func hasKey(calls map[string]txCall, name string) bool { _, has := calls[name]; return has }

// TestEveryMethodIsRefused tries each method of Tx in each state of a group that
// stands against it. One that is refused says why, and changes nothing.
func TestEveryMethodIsRefused(t *testing.T) {
	t.Parallel()
	methods := reflect.TypeFor[*Tx]()
	var unknown []string
	for i := range methods.NumMethod() {
		if name := methods.Method(i).Name; !hasKey(txCalls, name) {
			unknown = append(unknown, name)
		}
	}
	require.Empty(t, unknown, "these methods of Tx are not in txCalls: add a line for each, which calls it and says in spite of "+
		"which reasons against a change it works")
	require.Len(t, txCalls, methods.NumMethod(), "txCalls has methods that Tx does not have any more")
	good := (&alteration{setup: func(t testing.TB, sys *System, areas MetadataAreas) {
		emptyGroup(t, sys, areas)
		update(t, sys, "vg0", func(tx *Tx) error {
			return joinErrors(tx.addLV("data", 20, 1), tx.addLV("striped", 8, 2), tx.addLV("whole", 5, 1))
		})
	}}).start(t, OneArea)
	for _, s := range groupStates() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, name := range slices.Sorted(maps.Keys(txCalls)) {
				c := txCalls[name]
				m := newMachine(good.Clone())
				update(t, m.open(t, 2), "vg0", func(tx *Tx) error { return tx.Activate("whole") })
				s.make(t, &forger{t, m.disks})
				m.disks.Record()
				calls, nodes := m.kernel.Changes(), maps.Clone(m.host.nodes)
				refused := c.kind == changes || c.kind == activates && s.inactive
				despite := slices.ContainsFunc(c.despite, func(kind error) bool { return kind == s.want })
				if !refused && c.kind != releases || despite && slices.Contains(s.cannot, name) {
					continue
				}
				err := m.open(t, 3).Update(context.Background(), "vg0", c.call)
				if !refused || despite {
					assert.NoError(t, err, name)
					continue
				}
				var op *OpError
				assert.ErrorIs(t, err, s.want, name)
				assert.ErrorAs(t, err, &op, name)
				assert.Empty(t, written(m.disks), "%s: %v", name, err)
				assert.Equal(t, calls, m.kernel.Changes(), name)
				assert.Equal(t, nodes, m.host.nodes, name)
			}
		})
	}
}

// TestEveryMethodNeedsAGroup tries each method where there is none.
func TestEveryMethodNeedsAGroup(t *testing.T) {
	t.Parallel()
	for name, c := range txCalls {
		if c.kind == onDevice || c.kind == looks {
			continue
		}
		m := newMachine((&alteration{}).start(t, OneArea))
		err := m.open(t, 3).Update(context.Background(), "vg0", c.call)
		assert.ErrorIs(t, err, ErrNotFound, name)
		assert.Empty(t, written(m.disks), name)
	}
}

// readOnlyDevice is a block device that the kernel opens for writing, though it
// refuses writes.
type readOnlyDevice struct{ Device }

func (readOnlyDevice) facts() deviceFacts { return deviceFacts{readOnly: true, blockSize: 512} }

// TestReadOnlyDevice: nothing is written to any device if one cannot be written.
func TestReadOnlyDevice(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	volumes(t, sys, OneArea)
	open := sys.cfg.OpenDevice
	sys.cfg.OpenDevice = func(path string, write bool) (Device, error) {
		d, err := open(path, write)
		if err == nil && path != "a" {
			d = readOnlyDevice{d}
		}
		return d, err
	}
	disks.Record()
	for what, do := range map[string]func(*Tx) error{
		"tag":    func(tx *Tx) error { return tx.SetTags("t") },
		"create": func(tx *Tx) error { return tx.CreatePV(areaSpecOf("c")) },
		"extend": func(tx *Tx) error { return tx.ExtendVG(areaSpecOf("c")) },
	} {
		err := sys.Update(context.Background(), "vg0", do)
		require.ErrorIs(t, err, ErrReadOnly, what)
		var failed *ApplyError
		require.ErrorAs(t, err, &failed, what)
		require.Empty(t, failed.Undo, what)
	}
	require.Empty(t, disks.Writes())
}
