package lvm

import (
	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// raidType renders raids of all levels: each image is a device, and so is what
// the kernel keeps account of it in.
type raidType struct{}

func (raidType) handles(b metadata.Body) bool { _, ok := b.(*metadata.RAID); return ok }

// raidLayouts are the kernel's names where they differ from lvm2's.
var raidLayouts = map[string]string{
	"raid0_meta": "raid0", "raid5": "raid5_ls", "raid6": "raid6_zr", "raid10_near": "raid10",
}

func (raidType) target(r *renderer, seg *metadata.Segment) (dm.Target, error) {
	body := seg.Body.(*metadata.RAID)
	t := dm.RAID{
		Layout: seg.BaseType(), ChunkSize: body.StripeSize, RegionSize: body.RegionSize,
		MinRate: body.MinRate, MaxRate: body.MaxRate, WriteBehind: body.WriteBehind, Legs: make([]dm.RAIDLeg, len(body.Legs)),
	}
	if name, ok := raidLayouts[t.Layout]; ok {
		t.Layout = name
	}
	if body.Copies > 1 {
		t.Copies = int(body.Copies)
	}
	if body.HasDataOffset {
		// Whether there is one is told in the metadata by a 1 as well.
		if t.HasDataOffset = true; body.DataOffset > 1 {
			t.DataOffset = body.DataOffset
		}
	}
	err := r.beneath(func() error {
		for i, leg := range body.Legs {
			if err := r.raidLeg(&t, i, leg); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || r.reshapes == nil || t.DeltaDisks == 0 && !seg.HasFlag("RESHAPE") {
		return t, err
	}
	how, err := r.reshapes(r.at.lv)
	if how != reshapeUntold && t.DeltaDisks != 0 { // told of legs once more, the kernel refuses
		t.DeltaDisks, t.DataOffset, t.HasDataOffset = 0, 0, false
	}
	return t, err
}

// reshaped returns a raid as it is once the kernel is done with a reshape to fewer legs:
// whether it takes the former table then depends on its length.
func (r *renderer) reshaped(lv *metadata.LogicalVolume) (*metadata.LogicalVolume, error) {
	body, ok := bodyOf[*metadata.RAID](lv)
	if !ok || r.reshapes == nil || !lv.Segments[0].HasFlag("RESHAPE") {
		return lv, nil
	}
	images := map[metadata.ID]*metadata.LogicalVolume{}
	for _, leg := range body.Legs {
		image, err := r.volume(leg.Image)
		if err != nil {
			return nil, err
		}
		images[leg.Image] = image
	}
	left := withoutFreed(lv, func(id metadata.ID) *metadata.LogicalVolume { return images[id] })
	if left == lv {
		return lv, nil
	}
	if how, err := r.reshapes(lv); err != nil || how != reshapeDone {
		return lv, err
	}
	body = left.Segments[0].Body.(*metadata.RAID)
	body.DataOffset, body.HasDataOffset = 0, false // it has been told
	return left, nil
}

// raidLeg renders a leg. One that was split off to be merged again stays away.
func (r *renderer) raidLeg(t *dm.RAID, i int, leg metadata.RAIDLeg) error {
	image, err := r.volume(leg.Image)
	if err != nil {
		return err
	}
	if image.Status&metadata.LVVisible != 0 {
		return nil
	}
	if image.Status&metadata.LVWriteMostly != 0 {
		t.WriteMostly = append(t.WriteMostly, i)
	}
	if !leg.Meta.IsZero() {
		meta, err := r.volume(leg.Meta)
		if err != nil {
			return err
		}
		if t.Legs[i].Metadata, err = r.add(meta); err != nil {
			return err
		}
	}
	switch seg := &image.Segments[0]; {
	case seg.HasFlag(flagAdded):
		t.DeltaDisks++
	case seg.HasFlag(flagTaken):
		t.DeltaDisks--
	}
	// That its metadata are marked does not count: lvm2 leaves that mark on a leg that
	// a reshape has added.
	if image.Status&metadata.LVRebuild != 0 {
		t.Rebuild = append(t.Rebuild, i)
	}
	t.Legs[i].Data, err = r.add(image)
	return err
}

// part renders a volume that another lies on, and returns its device's uuid.
func (r *renderer) part(id metadata.ID) (string, error) {
	lv, err := r.volume(id)
	if err != nil {
		return "", err
	}
	return r.add(lv)
}
