package lvm

import (
	"math/bits"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// mirrorType renders mirrors, and the segments of a move. Of those, the first that is not copied yet is
// a mirror of its two legs, which the kernel makes alike; those before it lie
// where they are moved to, and those behind it where they come from. Source:
// lvm2 as observed.
type mirrorType struct{}

func (mirrorType) handles(b metadata.Body) bool { _, ok := b.(*metadata.Mirror); return ok }

func (mirrorType) target(r *renderer, seg *metadata.Segment) (dm.Target, error) {
	lv, body := r.at.lv, seg.Body.(*metadata.Mirror)
	if !isMove(lv) {
		return r.mirror(body)
	}
	if len(body.Legs) != 2 {
		return nil, fault(ErrDamaged, "move %s has %d legs", lv.Name, len(body.Legs))
	}
	if current := unfinished(lv); current == nil || current.Start != seg.Start {
		leg := 0
		if body.Moved == seg.Count {
			leg = 1
		}
		device, offset, err := r.place(seg, leg)
		return dm.Linear{Device: device, Offset: offset}, err
	}
	length, ok := seg.Count.Sectors(r.vg.ExtentSize)
	if !ok {
		return nil, fault(ErrInvalidSize, "lv %s is too large", lv.Name)
	}
	t := dm.Mirror{RegionSize: min(body.RegionSize, powerBelow(length)), Legs: make([]dm.MirrorLeg, 2)}
	for i := range t.Legs {
		device, offset, err := r.place(seg, i)
		if err != nil {
			return nil, err
		}
		t.Legs[i] = dm.MirrorLeg{Device: device, Offset: offset}
	}
	return t, nil
}

// mirror renders a mirror that is no move. A write that fails on a leg waits
// until that leg is taken out.
func (r *renderer) mirror(body *metadata.Mirror) (dm.Target, error) {
	t := dm.Mirror{RegionSize: body.RegionSize, Legs: make([]dm.MirrorLeg, len(body.Legs)), HandleErrors: true}
	err := r.beneath(func() (err error) {
		if !body.Log.IsZero() {
			t.Log = dm.MirrorLogDisk
			if t.LogDevice, err = r.part(body.Log); err != nil {
				return err
			}
		}
		for i, leg := range body.Legs {
			if t.Legs[i].Device, err = r.part(leg.LV); err != nil {
				return err
			}
			offset, ok := leg.Start.Sectors(r.vg.ExtentSize)
			if t.Legs[i].Offset = offset; !ok {
				return fault(ErrDamaged, "leg %d begins beyond any device", i)
			}
		}
		return nil
	})
	return t, err
}

// unfinished returns the segment of a move that is being copied: the first that
// is not done. It is nil if all are, or if the LV is no move.
func unfinished(move *metadata.LogicalVolume) *metadata.Segment {
	var first *metadata.Segment
	for i := range move.Segments {
		seg := &move.Segments[i]
		if body, ok := seg.Body.(*metadata.Mirror); ok && body.Moved < seg.Count && (first == nil || seg.Start < first.Start) {
			first = seg
		}
	}
	return first
}

// powerBelow returns the largest power of two that is not more than n; 0 for 0.
func powerBelow(n Sectors) Sectors {
	if n == 0 {
		return 0
	}
	return 1 << (bits.Len64(uint64(n)) - 1)
}
