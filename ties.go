package lvm

import "github.com/lvm-go/lvm/metadata"

// ties are what the logical volumes of a group are to each other.
type ties struct {
	// above are the volumes that an LV is a part of, users those that need it
	// beside others: the thin volumes of a pool, or of an external origin.
	above, users map[metadata.ID][]metadata.ID
	// layers are what the uuids of the devices of parts end with, for parts of
	// types that mark them so.
	layers map[metadata.ID]string
	// merging are the thin snapshots that are to be merged, by their origins.
	merging map[metadata.ID]metadata.ID
}

// marker is a segment type whose parts have devices with uuids of their own kind.
type marker interface {
	// mark tells what they end with.
	mark(body metadata.Body, set func(part metadata.ID, layer string))
}

func newTies(vg *metadata.VolumeGroup) *ties {
	t := &ties{above: map[metadata.ID][]metadata.ID{}, users: map[metadata.ID][]metadata.ID{}, layers: map[metadata.ID]string{}, merging: map[metadata.ID]metadata.ID{}}
	if vg == nil {
		return t
	}
	for _, lv := range vg.LVs {
		for _, below := range lvsBelow(lv) {
			t.above[below] = append(t.above[below], lv.ID)
		}
		for _, used := range usedBy(lv) {
			t.users[used] = append(t.users[used], lv.ID)
		}
		if lv == nil {
			continue
		}
		if body := thinBody(lv); body != nil && !body.Merge.IsZero() {
			t.merging[body.Merge] = lv.ID
		}
		for i := range lv.Segments {
			if m, ok := typeOf(lv.Segments[i].Body).(marker); ok {
				m.mark(lv.Segments[i].Body, func(part metadata.ID, layer string) { t.layers[part] = layer })
			}
		}
	}
	return t
}

// isPart says whether an LV belongs to another one.
func (t *ties) isPart(id metadata.ID) bool { return len(t.above[id]) > 0 }

// ties returns those of the group as the transaction has it.
func (tx *Tx) ties() *ties {
	if tx.tied == nil {
		tx.tied = newTies(tx.vg)
	}
	return tx.tied
}

// untie takes note that a record takes the place of another; either may be nil.
func (tx *Tx) untie(old, lv *metadata.LogicalVolume) {
	if len(lvsBelow(old))+len(usedBy(old))+len(lvsBelow(lv))+len(usedBy(lv)) > 0 {
		tx.tied = nil
	}
}
