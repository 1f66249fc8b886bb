package lvm

import "github.com/lvm-go/lvm/metadata"

// Move is a move of extents that is under way, by this package or by lvm2.
type Move struct {
	Name string // of the hidden volume that does it: pvmove0
	ID   ID
	// From is the physical volume that extents are moved off: its device, or its
	// UUID if that is missing.
	From string
	// LVs are the names of the volumes that are moved.
	LVs []string
	// Size is how much is moved in all, Moved what counts as moved.
	Size, Moved Bytes
	// Segments is how many there are; they are moved one after the other.
	Segments int
	// Atomic: nothing counts as moved before all of it does.
	Atomic bool

	from     ID
	finished int // segments
}

// Moves returns the moves that are under way, in the order of the metadata. They
// go on with [System.ResumeMoves], and end with [System.AbortMove].
func (v *VolumeGroup) Moves() []Move {
	var out []Move
	for _, lv := range v.rec.LVs {
		if lv != nil && isMove(lv) {
			out = append(out, *newMove(v.rec, lv, v.members))
		}
	}
	return out
}

func newMove(vg *metadata.VolumeGroup, lv *metadata.LogicalVolume, members map[metadata.ID]*member) *Move {
	m := &Move{Name: lv.Name, ID: lv.ID, Size: extentBytes(vg, lv.Extents()), Segments: len(lv.Segments)}
	moved := Extents(0)
	for i := range lv.Segments {
		switch body := lv.Segments[i].Body.(type) {
		case *metadata.Mirror:
			moved += body.Moved
			if body.Moved == lv.Segments[i].Count {
				m.finished++
			}
			if len(body.Legs) > 0 && !body.Legs[0].LV.IsZero() {
				m.Atomic = true
			}
		case *metadata.Striped: // lvm2 is in the course of ending it
			moved += lv.Segments[i].Count
			m.finished++
		}
	}
	m.Moved = extentBytes(vg, moved)
	for _, user := range vg.LVs {
		if user != nil && usesLV(user, lv.ID) {
			m.LVs = append(m.LVs, user.Name)
		}
	}
	if m.from = moveSource(vg, lv); !m.from.IsZero() {
		if m.From = m.from.String(); members[m.from] != nil {
			m.From = members[m.from].path
		}
	}
	return m
}

// moveSource returns the physical volume that a move takes extents off; zero if
// that cannot be told any more.
func moveSource(vg *metadata.VolumeGroup, lv *metadata.LogicalVolume) metadata.ID {
	find := func(id metadata.ID) *metadata.LogicalVolume { return lvByID(vg, id) }
	for i := range lv.Segments {
		body, ok := lv.Segments[i].Body.(*metadata.Mirror)
		if !ok || len(body.Legs) == 0 {
			continue
		}
		leg := body.Legs[0]
		if leg.LV.IsZero() {
			return leg.PV
		}
		if image := find(leg.LV); image != nil {
			for _, a := range areasOnPVs(image, find) {
				return a.PV
			}
		}
	}
	return metadata.ID{}
}
