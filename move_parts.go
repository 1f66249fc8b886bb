package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// upwards returns a volume and all that it is a part of, each once; with all also
// those that use it, and the origin of what it is the COW store of.
func (tx *Tx) upwards(lv *metadata.LogicalVolume, all bool) []*metadata.LogicalVolume {
	out := []*metadata.LogicalVolume{lv}
	for i := 0; i < len(out); i++ {
		ids := slices.Clone(tx.ties().above[out[i].ID])
		if link, ok := tx.snapshotBy(out[i].ID); ok && all {
			ids = append(ids, link.body.Origin)
		}
		if all {
			ids = append(ids, tx.ties().users[out[i].ID]...)
		}
		for _, id := range ids {
			if other := tx.find(id); other != nil && !slices.Contains(out, other) {
				out = append(out, other)
			}
		}
	}
	return out
}

// movable refuses the extents of volumes that are not moved because of what they
// are parts of. Source: lvm2 as observed.
func (tx *Tx) movable(lv *metadata.LogicalVolume) error {
	owners := tx.upwards(lv, false)
	for _, owner := range owners {
		if err := tx.notMerging(owner); err != nil {
			return err
		}
		if len(owner.Segments) != 1 {
			continue
		}
		switch body := owner.Segments[0].Body.(type) {
		case *metadata.WriteCache:
			if cache := tx.find(body.Cache); slices.Contains(owners, cache) {
				return fault(ErrUnsupported, "lv %s is the cache of lv %s, a writecache: detach it before", cache.Name, owner.Name)
			}
		case *metadata.RAID:
			for _, leg := range body.Legs {
				if image := tx.find(leg.Image); image != nil && len(image.Segments) == 1 {
					if _, ok := image.Segments[0].Body.(*metadata.Integrity); ok {
						return fault(ErrUnsupported, "lv %s is a part of lv %s, which has integrity data: remove that before", lv.Name, owner.Name)
					}
				}
			}
		}
	}
	for i := range lv.Segments {
		seg := &lv.Segments[i]
		if _, ok := seg.Body.(*metadata.Striped); !ok && slices.ContainsFunc(areasOf(seg), onPV) {
			return fault(ErrUnsupported, "lv %s has segments of type %s on physical volumes: they cannot be moved", lv.Name, seg.Type)
		}
	}
	return nil
}

func onPV(a metadata.Area) bool { return !a.PV.IsZero() }

// apart returns the physical volumes on which an area of an LV would take away
// what it is redundant with: those of the other legs of the raids and mirrors that
// it is a part of.
func (tx *Tx) apart(lv *metadata.LogicalVolume) []metadata.ID {
	var out []metadata.ID
	owners := tx.upwards(lv, false)
	within := func(id metadata.ID) bool {
		return slices.ContainsFunc(owners, func(o *metadata.LogicalVolume) bool { return o.ID == id })
	}
	for _, owner := range owners {
		if isMove(owner) {
			continue
		}
		for i := range owner.Segments {
			legs := redundantLegs(&owner.Segments[i])
			if !slices.ContainsFunc(legs, func(leg []metadata.ID) bool { return slices.ContainsFunc(leg, within) }) {
				continue
			}
			for _, leg := range legs {
				if slices.ContainsFunc(leg, within) {
					continue
				}
				for _, id := range leg {
					if other := tx.find(id); other != nil {
						for _, a := range areasOnPVs(other, tx.find) {
							out = append(out, a.PV)
						}
					}
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b metadata.ID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(out)
}

// redundantLegs returns the volumes of each leg of a raid or mirror. The log of a
// mirror is no leg.
func redundantLegs(seg *metadata.Segment) [][]metadata.ID {
	var out [][]metadata.ID
	switch body := seg.Body.(type) {
	case *metadata.RAID:
		for _, leg := range body.Legs {
			out = append(out, []metadata.ID{leg.Image, leg.Meta})
		}
	case *metadata.Mirror:
		for _, leg := range body.Legs {
			out = append(out, []metadata.ID{leg.LV})
		}
	}
	return out
}
