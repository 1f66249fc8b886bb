package lvm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

// threeAndStripes makes vg0 with the raid1 t with three legs on a, b and c, the raid5 s, and
// the raid0_meta z.
func threeAndStripes(t testing.TB, sys *System, areas MetadataAreas) {
	threeLegs(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error {
		_, err := tx.CreateRAID(RAIDSpec{Name: "z", Type: SegmentRAID0Meta, Size: ExtentCount(2), StripeSize: 4 * KiB})
		_, err2 := tx.CreateRAID(RAIDSpec{Name: "s", Type: SegmentRAID5, Size: ExtentCount(8), StripeSize: 4 * KiB})
		return joinErrors(err, err2)
	})
}

func TestChangeRAIDRefusals(t *testing.T) {
	t.Parallel()
	start := (&alteration{setup: threeAndStripes}).start(t, OneArea)
	whole := func(pvs ...string) RAIDChange {
		c := RAIDChange{WriteMostly: map[string]bool{}}
		for _, pv := range pvs {
			c.WriteMostly[pv] = true
		}
		return c
	}
	for _, c := range []struct {
		name, lv string
		inactive bool
		change   RAIDChange
		want     error
	}{
		{name: "no such lv", lv: "nothing", want: ErrLVNotFound},
		{name: "no raid", lv: "data", want: ErrInvalidSpec},
		{name: "a part", lv: "t_rimage_0", want: ErrUnsupported},
		{name: "nothing to bring in sync", lv: "z", change: RAIDChange{MinRate: new(uint32(5))}, want: ErrInvalidSpec},
		{name: "rates", lv: "t", change: RAIDChange{MinRate: new(uint32(5)), MaxRate: new(uint32(4))}, want: ErrInvalidSpec},
		{name: "all legs are read last", lv: "t", change: whole("a", "b", "c"), want: ErrInvalidSpec},
		{name: "no such pv", lv: "t", change: whole("x"), want: ErrPVNotFound},
		{name: "no leg there", lv: "t", change: whole("d"), want: ErrPVNotFound},
		{name: "read last of a raid5", lv: "s", change: whole("a"), want: ErrInvalidSpec},
		{name: "write behind of a raid5", lv: "s", change: RAIDChange{WriteBehind: new(uint32(4))}, want: ErrInvalidSpec},
		{name: "too much write behind", lv: "t", change: RAIDChange{WriteBehind: new(uint32(1 << 15))}, want: ErrInvalidSpec},
		{name: "odd regions", lv: "t", change: RAIDChange{RegionSize: 12 * KiB}, want: ErrInvalidSpec},
		{name: "regions larger than the raid", lv: "t", change: RAIDChange{RegionSize: GiB}, want: ErrInvalidSpec},
		{name: "regions of what is not active", lv: "t", inactive: true, change: RAIDChange{RegionSize: 8 * KiB}, want: ErrNotActive},
		{name: "nothing", lv: "t"},
		{name: "what it has", lv: "t", change: RAIDChange{MinRate: new(uint32(0)), RegionSize: 4 * KiB, WriteMostly: map[string]bool{"a": false}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(start.Clone())
			sys := m.open(t, 2)
			if !c.inactive {
				update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
			}
			m.refuses(t, sys, c.want, func(tx *Tx) error { return tx.ChangeRAID(c.lv, c.change) })
		})
	}
}

// What is given counts, and nothing else changes; inactive raids keep it for later.
func TestChangeRAID(t *testing.T) {
	t.Parallel()
	m := newMachine((&alteration{setup: threeAndStripes}).start(t, OneArea).Clone())
	sys := m.open(t, 2)
	change := func(c RAIDChange) (*metadata.RAID, string) {
		update(t, sys, "vg0", func(tx *Tx) error { return tx.ChangeRAID("t", c) })
		vg, err := sys.VG(t.Context(), "vg0")
		require.NoError(t, err)
		lv, err := vg.LV("t")
		require.NoError(t, err)
		last := ""
		for _, leg := range lv.RAIDLegs() {
			last += map[bool]string{true: "w", false: "-"}[leg.Image.rec.Status&metadata.LVWriteMostly != 0]
		}
		return lv.rec.Segments[0].Body.(*metadata.RAID), last
	}
	body, last := change(RAIDChange{MinRate: new(uint32(10)), MaxRate: new(uint32(20)), WriteBehind: new(uint32(64)), WriteMostly: map[string]bool{"a": true, "c": true}})
	assert.Equal(t, []uint32{10, 20, 64}, []uint32{body.MinRate, body.MaxRate, body.WriteBehind})
	assert.Equal(t, "w-w", last)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
	body, last = change(RAIDChange{MaxRate: new(uint32(0)), WriteMostly: map[string]bool{"a": false, "b": true}, RegionSize: 8 * KiB})
	assert.Equal(t, []uint32{10, 0, 64}, []uint32{body.MinRate, body.MaxRate, body.WriteBehind})
	assert.Equal(t, (8 * KiB).Sectors(), body.RegionSize)
	assert.Equal(t, "-ww", last)
}
