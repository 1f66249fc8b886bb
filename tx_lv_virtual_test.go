package lvm

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/units"
)

// shapeOf returns the segments of a volume: "0+4 striped/2, 4+1 zero".
func shapeOf(lv *LogicalVolume) string {
	var parts []string
	for seg := range lv.Segments() {
		text := fmt.Sprintf("%d+%d %s", seg.Start(), seg.Extents(), seg.Type())
		if n := len(seg.Areas()); n > 0 {
			text += fmt.Sprintf("/%d", n)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func TestVolumesWithoutStorage(t *testing.T) {
	t.Parallel()
	extend := func(spec ExtendSpec) func(*Tx) error {
		return func(tx *Tx) error { return tx.ExtendLV("new", spec) }
	}
	reduce := func(n Extents) func(*Tx) error {
		return func(tx *Tx) error { return tx.ReduceLV("new", ReduceSpec{To: ExtentCount(n)}) }
	}
	for name, c := range map[string]struct {
		spec  LVSpec
		then  []func(*Tx) error
		shape string
	}{
		"error":                       {LVSpec{Size: ExtentCount(4), Type: SegmentError}, nil, "0+4 error"},
		"zero, larger than the group": {LVSpec{Size: ExactSize(TiB), Type: SegmentZero}, nil, "0+268435456 zero"},
		"as large as can be":          {LVSpec{Size: ExtentCount(units.MaxExtents), Type: SegmentZero}, nil, fmt.Sprintf("0+%d zero", units.MaxExtents)},
		"extended":                    {LVSpec{Size: ExtentCount(4), Type: SegmentZero}, []func(*Tx) error{extend(ExtendSpec{To: ExtentCount(9)})}, "0+9 zero"},
		"mixed": {LVSpec{Size: ExtentCount(4), Type: SegmentZero},
			[]func(*Tx) error{extend(ExtendSpec{By: ExtentCount(2), Type: SegmentError}), extend(ExtendSpec{By: ExtentCount(2)})}, "0+4 zero, 4+4 error"},
		"behind one with storage": {LVSpec{Size: ExtentCount(4)}, []func(*Tx) error{extend(ExtendSpec{By: ExtentCount(3), Type: SegmentError})},
			"0+4 striped/1, 4+3 error"},
		"before storage": {LVSpec{Size: ExtentCount(4), Type: SegmentError},
			[]func(*Tx) error{extend(ExtendSpec{By: ExtentCount(3), Type: SegmentStriped, Stripes: 2})}, "0+4 error, 4+4 striped/2"},
		"in the middle": {LVSpec{Size: ExtentCount(4)}, []func(*Tx) error{
			extend(ExtendSpec{By: ExtentCount(1), Type: SegmentZero}), extend(ExtendSpec{By: ExtentCount(2), Type: SegmentStriped}),
		}, "0+4 striped/1, 4+1 zero, 5+2 striped/1"},
		"whole stripes, by itself": {LVSpec{Size: ExtentCount(4), Stripes: 2, StripeSize: 4 * KiB}, []func(*Tx) error{
			extend(ExtendSpec{By: ExtentCount(1), Type: SegmentZero}), extend(ExtendSpec{By: ExtentCount(1)}),
		}, "0+4 striped/2, 4+3 zero"},
		"any number where stripes differ": {LVSpec{Size: ExtentCount(4), Stripes: 2, StripeSize: 4 * KiB}, []func(*Tx) error{
			extend(ExtendSpec{By: ExtentCount(1), Stripes: 1}), extend(ExtendSpec{By: ExtentCount(1), Type: SegmentZero}), extend(ExtendSpec{By: ExtentCount(1)}),
		}, "0+4 striped/2, 4+1 striped/1, 5+2 zero"},
		"reduced":          {LVSpec{Size: ExtentCount(4), Type: SegmentError}, []func(*Tx) error{reduce(1)}, "0+1 error"},
		"reduced past end": {LVSpec{Size: ExtentCount(4)}, []func(*Tx) error{extend(ExtendSpec{By: ExtentCount(3), Type: SegmentZero}), reduce(3)}, "0+3 striped/1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sys, disks := withVolumes(t)
			c.spec.Name = "new"
			before := recordOf(t, sys, "vg0")
			update(t, sys, "vg0", create(c.spec))
			for _, fn := range c.then {
				update(t, sys, "vg0", fn)
			}
			sys = openDisks(t, disks, 3)
			lv := lvOf(t, sys, "new")
			assert.Equal(t, c.shape, shapeOf(lv))
			var used Extents
			for seg := range lv.Segments() {
				if !SegmentType(seg.Type()).virtual() {
					used += seg.Extents()
				}
			}
			assert.Equal(t, lv.vg.Extents()-lv.vg.FreeExtents(), 20+8+5+used, "storage is only used by segments that have some")
			checkPatterns(t, sys, before)
			update(t, sys, "vg0", func(tx *Tx) error { return tx.RemoveLV("new") })
			checkPatterns(t, sys, before)
		})
	}
}

func TestPercentOfVolumeWithoutStorage(t *testing.T) {
	t.Parallel()
	sys, _ := withVolumes(t)
	vg := lvOf(t, sys, "data").vg
	free, all := vg.FreeExtents(), vg.Extents()
	for name, c := range map[string]struct {
		size Size
		want Extents
	}{
		"free": {PercentFree(100), free}, "vg": {PercentVG(100), free}, "vg twice": {PercentVG(200), free}, "pvs": {PercentPVS(100), all},
	} {
		update(t, sys, "vg0", create(LVSpec{Name: "new", Size: c.size, Type: SegmentZero}))
		assert.Equal(t, c.want, lvOf(t, sys, "new").Extents(), name)
		update(t, sys, "vg0", func(tx *Tx) error { return tx.ExtendLV("new", ExtendSpec{By: PercentVG(100)}) })
		assert.Equal(t, c.want+all, lvOf(t, sys, "new").Extents(), name)
		update(t, sys, "vg0", func(tx *Tx) error { return tx.RemoveLV("new") })
	}
}

func TestRefusalsWithoutStorage(t *testing.T) {
	t.Parallel()
	sys, disks := withVolumes(t)
	update(t, sys, "vg0", create(LVSpec{Name: "big", Size: ExtentCount(units.MaxExtents - 2), Type: SegmentZero}))
	size := ExtentCount(1)
	for name, c := range map[string]struct {
		want error
		do   func(*Tx) error
	}{
		"stripes":         {ErrInvalidSpec, create(LVSpec{Name: "new", Size: size, Type: SegmentZero, Stripes: 2})},
		"stripe size":     {ErrInvalidSpec, create(LVSpec{Name: "new", Size: size, Type: SegmentZero, StripeSize: 4 * KiB})},
		"pvs":             {ErrInvalidSpec, create(LVSpec{Name: "new", Size: size, Type: SegmentError, PVs: pvs(pv("a"))})},
		"stripes, linear": {ErrInvalidSpec, create(LVSpec{Name: "new", Size: size, Type: SegmentLinear, Stripes: 2})},
		"negative":        {ErrInvalidSpec, create(LVSpec{Name: "new", Size: size, Type: SegmentLinear, Stripes: -1})},
		"extend by a negative": {ErrInvalidSpec, func(tx *Tx) error {
			return tx.ExtendLV("data", ExtendSpec{By: size, Type: SegmentZero, Stripes: -1})
		}},
		"extend by unknown policy": {ErrInvalidSpec, func(tx *Tx) error {
			return tx.ExtendLV("data", ExtendSpec{By: size, Allocation: 99})
		}},
		"unknown type": {ErrUnsupported, create(LVSpec{Name: "new", Size: size, Type: "vdo"})},
		"no size":      {ErrInvalidSize, create(LVSpec{Name: "new", Type: SegmentError})},
		"extend on pvs": {ErrInvalidSpec, func(tx *Tx) error {
			return tx.ExtendLV("data", ExtendSpec{By: size, Type: SegmentZero, PVs: pvs(pv("a"))})
		}},
		"extend by the unknown": {ErrUnsupported, func(tx *Tx) error { return tx.ExtendLV("data", ExtendSpec{By: size, Type: "vdo"}) }},
		"extend too far":        {ErrInvalidSize, func(tx *Tx) error { return tx.ExtendLV("big", ExtendSpec{By: ExtentCount(3)}) }},
		"extend to less":        {ErrInvalidSize, func(tx *Tx) error { return tx.ExtendLV("big", ExtendSpec{To: ExtentCount(3)}) }},
		"reduce to nothing":     {ErrInvalidSize, func(tx *Tx) error { return tx.ReduceLV("big", ReduceSpec{By: ExtentCount(units.MaxExtents - 2)}) }},
	} {
		t.Run(name, func(t *testing.T) { refusedHere(t, sys, disks, c.want, c.do) })
	}
}

func TestContentsWithoutStorage(t *testing.T) {
	t.Parallel()
	sys, _ := withVolumes(t)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(create(LVSpec{Name: "new", Size: ExtentCount(1), Type: SegmentZero})(tx),
			tx.ExtendLV("new", ExtendSpec{By: ExtentCount(1), Type: SegmentError}))
	})
	f, err := lvOf(t, sys, "new").Open()
	require.NoError(t, err)
	defer f.Close()
	got := bytes.Repeat([]byte{0xff}, 4096)
	_, err = f.WriteAt(slices.Repeat([]byte{1}, 4096), 0)
	require.NoError(t, err)
	_, err = f.ReadAt(got, 0)
	require.NoError(t, err)
	assert.Equal(t, make([]byte, 4096), got)
	_, err = f.ReadAt(got, 4096)
	require.Error(t, err)
}
