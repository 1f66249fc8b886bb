package lvm

import (
	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// The layers of an origin and of a snapshot. Source: lvm2 as observed.
const (
	realLayer = "real" // what the origin's segments say, beneath it and its snapshots
	cowLayer  = "cow"  // what the snapshot's segments say: its COW store
)

// snapshots renders an origin with all its snapshots:
//
//	origin-real           what its segments say
//	snapshot-cow          what those of each snapshot say
//	snapshot  snapshot    origin-real snapshot-cow, as long as the origin was
//	origin    snapshot-origin origin-real
//
// While a snapshot is merged, the origin has the snapshot-merge target in its
// place, and what was the snapshot gives errors. Source: lvm2 as observed.
func (r *renderer) snapshots(id metadata.ID) error {
	origin, err := r.volume(id)
	if err != nil {
		return err
	}
	if err := unclaimedLV(r.claimed, origin); err != nil {
		return err
	}
	length, ok := origin.Extents().Sectors(r.vg.ExtentSize)
	if !ok {
		return fault(ErrInvalidSize, "lv %s is too large", origin.Name)
	}
	real, err := r.layer(origin, realLayer)
	if err != nil {
		return err
	}
	top, err := r.node(origin, "")
	if err != nil {
		return err
	}
	top.table = dm.Table{{Length: length, Target: dm.SnapshotOrigin{Origin: real}}}
	var merging *node
	for _, link := range r.links.of(id) {
		cow, err := r.volume(link.body.COW)
		if err != nil {
			return err
		}
		store, err := r.layer(cow, cowLayer)
		if err != nil {
			return err
		}
		n, err := r.node(cow, "")
		if err != nil {
			return err
		}
		n.hidden = false // while its merge waits, somebody may have it open
		short, ok := link.extents().Sectors(r.vg.ExtentSize)
		if !ok || short > length {
			return fault(ErrDamaged, "snapshot %s is larger than its origin %s", cow.Name, origin.Name)
		}
		target := dm.Snapshot{Origin: real, COW: store, ChunkSize: link.body.ChunkSize}
		if merge, err := r.merge(link); err != nil {
			return err
		} else if merge {
			n.hidden, n.last = true, true
			n.table = dm.Table{{Length: short, Target: dm.ErrorTarget{}}}
			merging = &n
			top.table[0].Target = dm.SnapshotMerge(target)
			continue
		}
		n.shows = top.uuid
		n.table = dm.Table{{Length: short, Target: target}}
		r.put(n)
	}
	r.put(top)
	if merging != nil {
		r.put(*merging)
	}
	return nil
}

// layer renders what an LV's segments say, for use beneath its own device.
func (r *renderer) layer(lv *metadata.LogicalVolume, layer string) (string, error) {
	n, err := r.node(lv, layer)
	if err != nil {
		return "", err
	}
	n.early = layer == cowLayer
	if n.table, err = r.table(lv, layer); err != nil {
		return "", err
	}
	return r.put(n), nil
}

func (r *renderer) merge(link snapshotLink) (bool, error) {
	if !link.body.Merging || r.merges == nil {
		return link.body.Merging, nil
	}
	return r.merges(link)
}
