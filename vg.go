package lvm

import (
	"iter"
	"slices"
	"sync"

	"github.com/lvm-go/lvm/metadata"
)

// VolumeGroup is a volume group as it was read, or, inside a transaction, as it
// would be. It does not change, and is safe for concurrent use.
type VolumeGroup struct {
	sys     *System
	rec     *metadata.VolumeGroup
	members map[metadata.ID]*member
	extents func() *ExtentMap
	byLV    func(name string) *metadata.LogicalVolume
	areas   []scannedArea             // metadata areas of the members
	devices map[metadata.ID][]*mapped // of each LV, one for each layer; nil in image mode
	active  map[metadata.ID]bool      // of a transaction: LVs that will have a device
	fresh   bool                      // of a transaction that creates the group
	facts   vgFacts

	links     func() *snapshotLinks
	relations func() *relations     // made when first asked for; nil if the record may change
	usage     func() map[ID]Extents // likewise
}

// vgFacts is what reading a group found besides its text.
type vgFacts struct {
	problems []Problem
	noChange error
}

// newView returns the view of a state. With a kernel it asks, in one ioctl,
// which of the group's devices there are.
func (s *System) newView(st *vgState) (*VolumeGroup, error) {
	kern, err := s.kernelState(st.doc.VG.ID)
	if err != nil {
		return nil, err
	}
	v := &VolumeGroup{
		sys: s, rec: st.doc.VG, members: st.members, extents: st.extents, areas: st.areas, devices: kern.byLV, links: st.links,
		facts: vgFacts{problems: st.problems, noChange: st.noChange},
		byLV: func(name string) *metadata.LogicalVolume {
			if i, ok := st.lvIndex().Find(name); ok {
				return st.doc.VG.LVs[i]
			}
			return nil
		},
	}
	v.relations = sync.OnceValue(v.relate)
	v.usage = sync.OnceValue(v.countUsed)
	return v, nil
}

// Name returns the name.
func (v *VolumeGroup) Name() string { return v.rec.Name }

// ID returns the UUID.
func (v *VolumeGroup) ID() ID { return v.rec.ID }

// Seqno returns the sequence number of the metadata, which every change raises
// by one.
func (v *VolumeGroup) Seqno() uint32 { return v.rec.Seqno }

// ExtentSize returns the length of an extent.
func (v *VolumeGroup) ExtentSize() Bytes { return sectorBytes(v.rec.ExtentSize) }

// Tags returns the tags.
func (v *VolumeGroup) Tags() []string { return slices.Clone(v.rec.Tags) }

// HasTag says whether the group has that tag.
func (v *VolumeGroup) HasTag(tag string) bool { return slices.Contains(v.rec.Tags, tag) }

// SystemID returns the host that the group belongs to; empty: anyone.
func (v *VolumeGroup) SystemID() string { return v.rec.SystemID }

// Exported says whether the group is exported: not to be used until imported.
func (v *VolumeGroup) Exported() bool { return v.rec.Status&metadata.VGExported != 0 }

// Extents returns how many extents the physical volumes have.
func (v *VolumeGroup) Extents() Extents {
	var n Extents
	for _, pv := range v.rec.PVs {
		n += pv.PECount
	}
	return n
}

// FreeExtents returns how many extents are free, allocatable or not.
func (v *VolumeGroup) FreeExtents() Extents {
	if v.usage == nil && !v.extents().Incomplete() {
		return v.extents().FreeTotal()
	}
	var n Extents
	for pv := range v.PVs() {
		n += pv.FreeExtents()
	}
	return n
}

// Size returns the size of all extents.
func (v *VolumeGroup) Size() Bytes { return v.bytes(v.Extents()) }

// Free returns the size of all free extents.
func (v *VolumeGroup) Free() Bytes { return v.bytes(v.FreeExtents()) }

// sectorBytes converts sectors of a valid record, which do not overflow.
func sectorBytes(s Sectors) Bytes { b, _ := s.Bytes(); return b }

// bytes converts extents of a valid group, whose sums do not overflow.
func (v *VolumeGroup) bytes(n Extents) Bytes { return extentBytes(v.rec, n) }

// extentBytes returns the length of extents of a group. What does not fit was
// refused on reading.
func extentBytes(vg *metadata.VolumeGroup, n Extents) Bytes {
	sectors, _ := n.Sectors(vg.ExtentSize)
	return sectorBytes(sectors)
}

// ExtentMap returns the map between logical and physical extents.
func (v *VolumeGroup) ExtentMap() *ExtentMap { return v.extents() }

// Problems returns the oddities found while reading the group.
func (v *VolumeGroup) Problems() []Problem { return slices.Clone(v.facts.problems) }

// Changeable returns nil if the group may be changed, or else why not. The
// error matches [ErrReadOnly], [ErrMissingPV], [ErrDuplicatePV] or [ErrDamaged].
func (v *VolumeGroup) Changeable() error { return v.facts.noChange }

// PVs returns the physical volumes in the order of the metadata.
func (v *VolumeGroup) PVs() iter.Seq[*PhysicalVolume] {
	return func(yield func(*PhysicalVolume) bool) {
		for _, rec := range v.rec.PVs {
			if !yield(&PhysicalVolume{vg: v, rec: rec}) {
				return
			}
		}
	}
}

// PV returns the physical volume with that UUID, or on that device. Returns
// an error matching [ErrPVNotFound].
func (v *VolumeGroup) PV(ref string) (*PhysicalVolume, error) {
	id, ok := findPV(v.rec, v.members, ref)
	if !ok {
		return nil, &OpError{Op: "find pv", VG: v.rec.Name, PV: ref, Err: ErrPVNotFound}
	}
	return &PhysicalVolume{vg: v, rec: pvRecord(v.rec, id)}, nil
}

// findPV finds a PV of a group by device path or UUID.
func findPV(vg *metadata.VolumeGroup, members map[metadata.ID]*member, ref string) (metadata.ID, bool) {
	for _, rec := range vg.PVs {
		if m := members[rec.ID]; m != nil && m.path == ref {
			return rec.ID, true
		}
	}
	if id, err := metadata.ParseID(ref); err == nil && pvRecord(vg, id) != nil {
		return id, true
	}
	return metadata.ID{}, false
}

// LVs returns the logical volumes in the order of the metadata, the hidden ones
// included.
func (v *VolumeGroup) LVs() iter.Seq[*LogicalVolume] {
	return func(yield func(*LogicalVolume) bool) {
		for _, rec := range v.rec.LVs {
			if rec != nil && !yield(&LogicalVolume{vg: v, rec: rec}) {
				return
			}
		}
	}
}

// LV returns the logical volume with that name or UUID. Returns an error
// matching [ErrLVNotFound].
func (v *VolumeGroup) LV(ref string) (*LogicalVolume, error) {
	if rec := v.byLV(ref); rec != nil {
		return &LogicalVolume{vg: v, rec: rec}, nil
	}
	if id, err := metadata.ParseID(ref); err == nil {
		if lv := v.lvByID(id); lv != nil {
			return lv, nil
		}
	}
	return nil, &OpError{Op: "find lv", VG: v.rec.Name, LV: ref, Err: ErrLVNotFound}
}

// Metadata returns a copy of the group's record: everything the text holds.
func (v *VolumeGroup) Metadata() *metadata.VolumeGroup {
	rec := *v.rec
	rec.LVs = slices.DeleteFunc(slices.Clone(rec.LVs), func(lv *metadata.LogicalVolume) bool { return lv == nil })
	return rec.Clone()
}
