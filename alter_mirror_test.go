package lvm

import "testing"

func (tx *Tx) addMirror(name string, extents Extents, legs int, log MirrorLog) error {
	_, err := tx.CreateMirror(MirrorSpec{Name: name, Size: ExtentCount(extents), Legs: legs, Log: log, RegionSize: 4 * KiB})
	return err
}

// andMirror makes vg0 with the volumes data, a mirror, and striped and other.
func andMirror(log MirrorLog) func(testing.TB, *System, MetadataAreas) {
	return func(t testing.TB, sys *System, areas MetadataAreas) {
		andSpare(t, sys, areas)
		update(t, sys, "vg0", func(tx *Tx) error {
			return tx.AddMirrorLegs("data", MirrorLegsSpec{Log: log, RegionSize: 4 * KiB})
		})
	}
}

// alterMirrorKernel need a kernel: it alone knows that legs are alike.
func alterMirrorKernel() []alteration {
	getsLeg := then(andMirror(MirrorLogDisk), func(t testing.TB, sys *System, _ MetadataAreas) {
		update(t, sys, "vg0", func(tx *Tx) error { return tx.AddMirrorLegs("data", MirrorLegsSpec{Allocation: AllocAnywhere}) })
	})
	return []alteration{
		{name: "split off a leg of a mirror", setup: andMirror(MirrorLogDisk), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.SplitMirrorLeg("data", "split")
		}},
		{name: "end adding a leg to a mirror", setup: getsLeg, do: func(tx *Tx, _ MetadataAreas) error { return tx.FinishMirrorLegs("data") }},
	}
}

func alterMirror() []alteration {
	disk, core := andMirror(MirrorLogDisk), andMirror(MirrorLogCore)
	on := func(setup func(testing.TB, *System, MetadataAreas), name string, do func(tx *Tx) error) alteration {
		return alteration{name: name, setup: setup, do: func(tx *Tx, _ MetadataAreas) error { return do(tx) }}
	}
	lacking := func(setup func(testing.TB, *System, MetadataAreas), device, name string) alteration {
		a := on(then(setup, losing(device)), name, func(tx *Tx) error { return tx.RepairMirror("data", MirrorRepairSpec{TakeUnsynced: true}) })
		a.partial = true
		return a
	}
	return []alteration{
		lacking(disk, "b", "repair a mirror without its second leg"),
		lacking(core, "b", "repair a mirror with its log in memory"),
		lacking(disk, "c", "repair a mirror without its log"),
		on(disk, "make a raid of a mirror", func(tx *Tx) error { return tx.ConvertRAID("data", SegmentRAID1, ConvertSpec{}) }),
		on(andSpare, "create a mirror", func(tx *Tx) error { return tx.addMirror("new", 8, 2, MirrorLogDisk) }),
		on(andSpare, "create a mirror of three legs", func(tx *Tx) error { return tx.addMirror("new", 8, 3, MirrorLogCore) }),
		on(andSpare, "make a mirror of a volume", func(tx *Tx) error { return tx.AddMirrorLegs("data", MirrorLegsSpec{RegionSize: 4 * KiB}) }),
		on(disk, "extend a mirror", func(tx *Tx) error { return tx.ExtendLV("data", ExtendSpec{By: ExtentCount(40)}) }),
		on(disk, "reduce a mirror", func(tx *Tx) error { return tx.ReduceLV("data", ReduceSpec{To: ExtentCount(3)}) }),
		on(disk, "rename a mirror", func(tx *Tx) error { return tx.RenameLV("data", "renamed") }),
		on(disk, "remove a mirror", func(tx *Tx) error { return tx.RemoveLV("data") }),
		on(disk, "add a leg to a mirror", func(tx *Tx) error { return tx.AddMirrorLegs("data", MirrorLegsSpec{}) }),
		on(disk, "make a volume of a mirror", func(tx *Tx) error { return tx.DropMirrorLegs("data", 1) }),
		on(disk, "keep the log of a mirror in memory", func(tx *Tx) error { return tx.SetMirrorLog("data", MirrorLogCore) }),
		on(core, "keep the log of a mirror on a disk", func(tx *Tx) error { return tx.SetMirrorLog("data", MirrorLogDisk) }),
	}
}
