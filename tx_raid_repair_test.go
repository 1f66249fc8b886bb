package lvm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Legs are not replaced where that could lose data, or makes no sense; then
// nothing changes.
func TestReplaceLegsRefusals(t *testing.T) {
	t.Parallel()
	start := (&alteration{setup: func(t testing.TB, sys *System, areas MetadataAreas) {
		raids(t, sys, areas)
		update(t, sys, "vg0", func(tx *Tx) error {
			_, err := tx.CreateRAID(RAIDSpec{Name: "z", Type: SegmentRAID0Meta, Size: ExtentCount(2), StripeSize: 4 * KiB})
			return joinErrors(err, tx.addRAID("p", SegmentRAID5, 4))
		})
	}}).start(t, OneArea)
	replace := func(lv string, spec ReplaceSpec) func(*Tx) error {
		return func(tx *Tx) error { return tx.ReplaceLegs(lv, spec) }
	}
	for _, c := range []struct {
		name     string
		inactive bool
		do       func(*Tx) error
		want     error
	}{
		{"no such lv", false, replace("nothing", ReplaceSpec{PVs: []string{"a"}}), ErrLVNotFound},
		{"no raid", false, replace("data", ReplaceSpec{PVs: []string{"a"}}), ErrInvalidSpec},
		{"a part", false, replace("r_rimage_0", ReplaceSpec{PVs: []string{"a"}}), ErrUnsupported},
		{"nothing to lose", false, replace("z", ReplaceSpec{PVs: []string{"a"}}), ErrUnsupported},
		{"no such pv", false, replace("r", ReplaceSpec{PVs: []string{"x"}}), ErrPVNotFound},
		{"no leg there", false, replace("r", ReplaceSpec{PVs: []string{"c"}}), ErrInvalidSpec},
		{"none named", false, replace("r", ReplaceSpec{}), ErrInvalidSpec},
		{"all legs", false, replace("r", ReplaceSpec{PVs: []string{"a", "b"}}), ErrDegraded},
		{"not active", true, replace("r", ReplaceSpec{PVs: []string{"a"}}), ErrNotActive},
		{"bad policy", false, replace("r", ReplaceSpec{PVs: []string{"a"}, Allocation: 99}), ErrInvalidSpec},
		{"repair no raid", false, func(tx *Tx) error { return tx.RepairRAID("data", RepairSpec{}) }, ErrInvalidSpec},
		{"repair what is not active", true, func(tx *Tx) error { return tx.RepairRAID("r", RepairSpec{}) }, ErrNotActive},
		{"repair what is whole", false, func(tx *Tx) error { return tx.RepairRAID("r", RepairSpec{}) }, nil},
		{"convert no raid", false, func(tx *Tx) error { return tx.ConvertRAID("data", SegmentRAID5N, ConvertSpec{}) }, ErrInvalidSpec},
		{"convert what is not active", true, func(tx *Tx) error { return tx.ConvertRAID("z", SegmentRAID5N, ConvertSpec{}) }, ErrNotActive},
		{"convert to what it cannot be", false, func(tx *Tx) error { return tx.ConvertRAID("r", SegmentRAID10, ConvertSpec{}) }, ErrUnsupported},
		{"convert to raid4", false, func(tx *Tx) error { return tx.ConvertRAID("z", SegmentRAID4, ConvertSpec{}) }, ErrUnsupported},
		{"convert a raid1 to stripes", false, func(tx *Tx) error { return tx.ConvertRAID("r", SegmentStriped, ConvertSpec{}) }, ErrUnsupported},
		{"convert to itself", false, func(tx *Tx) error { return tx.ConvertRAID("z", SegmentRAID0Meta, ConvertSpec{}) }, ErrUnsupported},
		{"convert stripes at once to parity", false, func(tx *Tx) error { return tx.ConvertRAID("striped", SegmentRAID5N, ConvertSpec{}) }, ErrUnsupported},
		{"convert to another layout of what has none", false, func(tx *Tx) error { return tx.ReshapeRAID("r", ReshapeSpec{Type: SegmentRAID5}) }, ErrUnsupported},
		{"reshape no raid", false, func(tx *Tx) error { return tx.ReshapeRAID("data", ReshapeSpec{StripeSize: 4 * KiB}) }, ErrInvalidSpec},
		{"reshape to another level", false, func(tx *Tx) error { return tx.ReshapeRAID("p", ReshapeSpec{Type: SegmentRAID6}) }, ErrUnsupported},
		{"reshape to what it is", false, func(tx *Tx) error { return tx.ReshapeRAID("p", ReshapeSpec{Type: SegmentRAID5LS}) }, ErrInvalidSpec},
		{"reshape to odd stripes", false, func(tx *Tx) error { return tx.ReshapeRAID("p", ReshapeSpec{StripeSize: 5 * KiB}) }, ErrInvalidSpec},
		{"reshape to stripes larger than regions", false, func(tx *Tx) error { return tx.ReshapeRAID("p", ReshapeSpec{StripeSize: 64 * KiB}) }, ErrInvalidSpec},
		{"reshape to fewer stripes without saying what is needed", false, func(tx *Tx) error { return tx.ReshapeRAID("p", ReshapeSpec{Stripes: 1}) }, ErrInvalidSpec},
		{"reshape to fewer stripes than hold what is needed", false, func(tx *Tx) error {
			return tx.ReshapeRAID("p", ReshapeSpec{Stripes: 1, Keep: GiB})
		}, ErrInvalidSize},
		{"reshape to negative stripes", false, func(tx *Tx) error { return tx.ReshapeRAID("p", ReshapeSpec{Stripes: -1, Keep: 1}) }, ErrUnsupported},
		{"reshape to fewer stripes what is not active", true, func(tx *Tx) error { return tx.ReshapeRAID("p", ReshapeSpec{Stripes: 1, Keep: 1}) }, ErrNotActive},
		{"keep a part of what does not become smaller", false, func(tx *Tx) error {
			return tx.ReshapeRAID("p", ReshapeSpec{Type: SegmentRAID5RA, Keep: 1})
		}, ErrInvalidSpec},
		{"keep a part of what becomes larger", false, func(tx *Tx) error { return tx.ReshapeRAID("p", ReshapeSpec{Stripes: 3, Keep: 1}) }, ErrInvalidSpec},
		{"reshape to too many stripes", false, func(tx *Tx) error { return tx.ReshapeRAID("p", ReshapeSpec{Stripes: 64}) }, ErrUnsupported},
		{"reshape to more stripes than there are devices", false, func(tx *Tx) error { return tx.ReshapeRAID("p", ReshapeSpec{Stripes: 3}) }, ErrNoSpace},
		{"reshape to more and larger stripes", false, func(tx *Tx) error {
			return tx.ReshapeRAID("p", ReshapeSpec{Stripes: 3, Type: SegmentRAID5RA})
		}, ErrInvalidSpec},
		{"reshape with a bad policy", false, func(tx *Tx) error {
			return tx.ReshapeRAID("p", ReshapeSpec{Type: SegmentRAID5RA, Allocation: 99})
		}, ErrInvalidSpec},
		{"reshape what is not active", true, func(tx *Tx) error { return tx.ReshapeRAID("p", ReshapeSpec{Type: SegmentRAID5RA}) }, ErrNotActive},
		{"take off room that is not there", false, func(tx *Tx) error { return tx.EndReshape("p") }, ErrInvalidSpec},
		{"take off room of no raid", false, func(tx *Tx) error { return tx.EndReshape("data") }, ErrInvalidSpec},
		{"convert stripes at once to copies", false, func(tx *Tx) error { return tx.ConvertRAID("striped", SegmentRAID10, ConvertSpec{}) }, ErrUnsupported},
		{"convert to copies with a bad policy", false, func(tx *Tx) error { return tx.ConvertRAID("z", SegmentRAID10, ConvertSpec{Allocation: 99}) }, ErrInvalidSpec},
		{"convert to copies where there is no room", false, func(tx *Tx) error { return tx.ConvertRAID("z", SegmentRAID10, ConvertSpec{}) }, ErrNoSpace},
		{"convert a raid1 that is not active", true, func(tx *Tx) error { return tx.ConvertRAID("r", SegmentRAID5, ConvertSpec{}) }, ErrNotActive},
		{"convert three legs as though they were two", false, func(tx *Tx) error { return tx.ConvertRAID("p", SegmentRAID1, ConvertSpec{}) }, ErrUnsupported},
		{"reshape a raid1", false, func(tx *Tx) error { return tx.ReshapeRAID("r", ReshapeSpec{Stripes: 3}) }, ErrUnsupported},
		{"convert to too few legs", false, func(tx *Tx) error { return tx.ConvertRAID("z", SegmentRAID6N6, ConvertSpec{}) }, ErrUnsupported},
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
	t.Run("no room", func(t *testing.T) {
		t.Parallel()
		m := newMachine(start.Clone())
		sys := m.open(t, 2)
		update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
		var space *SpaceError
		require.ErrorAs(t, sys.Update(t.Context(), "vg0", replace("r", ReplaceSpec{PVs: []string{"a"}, Onto: pvs(pv("b"))})), &space)
	})
}
