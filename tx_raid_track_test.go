package lvm

import "testing"

// A leg is taken away, and comes back, only where that is safe; while it is away,
// nothing else is done with it or its raid. What is refused changes nothing.
func TestTrackRAIDLegRefusals(t *testing.T) {
	t.Parallel()
	start := (&alteration{setup: func(t testing.TB, sys *System, areas MetadataAreas) {
		threeLegs(t, sys, areas)
		update(t, sys, "vg0", func(tx *Tx) error { return tx.addRAID("r", SegmentRAID1, 8) })
	}, worked: track}).start(t, OneArea)
	away := func(lv string, pvs ...string) func(*Tx) error {
		return func(tx *Tx) error {
			_, err := tx.TrackRAIDLeg(lv, pvs...)
			return err
		}
	}
	merge := func(image string) func(*Tx) error {
		return func(tx *Tx) error { return tx.MergeRAIDLeg(image) }
	}
	for _, c := range []struct {
		name     string
		inactive bool
		do       func(*Tx) error
		want     error
	}{
		{"track no such lv", false, away("nothing"), ErrLVNotFound},
		{"track no raid", false, away("data"), ErrUnsupported},
		{"track where there is no leg", false, away("r", "c"), ErrInvalidSpec},
		{"track what is not active", true, away("r"), ErrNotActive},
		{"track a second leg", false, away("t"), ErrBusy},
		{"merge no such lv", false, merge("nothing"), ErrLVNotFound},
		{"merge no leg", false, merge("data"), ErrInvalidSpec},
		{"merge a leg that is there", false, merge("t_rimage_0"), ErrInvalidSpec},
		{"merge the raid", false, merge("t"), ErrInvalidSpec},
		{"merge what is not active", true, merge("t_rimage_1"), ErrNotActive},
		{"extend", false, func(tx *Tx) error { return tx.ExtendLV("t", ExtendSpec{By: ExtentCount(1)}) }, ErrBusy},
		{"reduce", false, func(tx *Tx) error { return tx.ReduceLV("t", ReduceSpec{To: ExtentCount(1)}) }, ErrBusy},
		{"rename", false, func(tx *Tx) error { return tx.RenameLV("t", "renamed") }, ErrBusy},
		{"remove", false, func(tx *Tx) error { return tx.RemoveLV("t") }, ErrBusy},
		{"add a leg", false, func(tx *Tx) error { return tx.AddRAIDLegs("t", RAIDLegsSpec{}) }, ErrBusy},
		{"drop a leg", false, func(tx *Tx) error { return tx.DropRAIDLegs("t", 1) }, ErrBusy},
		{"split off a leg", false, func(tx *Tx) error { return tx.SplitRAIDLeg("t", "new") }, ErrBusy},
		{"replace a leg", false, func(tx *Tx) error { return tx.ReplaceLegs("t", ReplaceSpec{PVs: []string{"a"}}) }, ErrBusy},
		{"repair", false, func(tx *Tx) error { return tx.RepairRAID("t", RepairSpec{}) }, ErrBusy},
		{"change", false, func(tx *Tx) error { return tx.ChangeRAID("t", RAIDChange{MinRate: new(uint32(9))}) }, ErrBusy},
		{"write to the image", false, func(tx *Tx) error { return tx.SetLVReadOnly("t_rimage_1", false) }, ErrBusy},
		{"rename the image", false, func(tx *Tx) error { return tx.RenameLV("t_rimage_1", "new") }, ErrBusy},
		{"remove the image", false, func(tx *Tx) error { return tx.RemoveLV("t_rimage_1") }, ErrBusy},
		{"extend the image", false, func(tx *Tx) error { return tx.ExtendLV("t_rimage_1", ExtendSpec{By: ExtentCount(1)}) }, ErrBusy},
		{"a snapshot of the image", false, func(tx *Tx) error { return tx.addSnapshot("t_rimage_1", "new", 3) }, ErrBusy},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(start.Clone())
			sys := m.open(t, 2)
			if !c.inactive {
				update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
			}
			m.refuses(t, sys, c.want, c.do)
		})
	}
}
