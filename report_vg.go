package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// VGReport is the facts of a volume group under the names that lvm2's vgs gives
// them, which are also their names in JSON. Sizes are in bytes.
type VGReport struct {
	Format             string     `json:"vg_fmt"` // always lvm2
	UUID               ID         `json:"vg_uuid"`
	Name               string     `json:"vg_name"`
	Attr               string     `json:"vg_attr"`
	Permissions        string     `json:"vg_permissions"` // writeable or read-only
	Extendable         bool       `json:"vg_extendable"`
	Exported           bool       `json:"vg_exported"`
	Autoactivation     bool       `json:"vg_autoactivation"`
	Partial            bool       `json:"vg_partial"` // a PV is missing
	AllocationPolicy   Allocation `json:"vg_allocation_policy"`
	Clustered          bool       `json:"vg_clustered"`
	Shared             bool       `json:"vg_shared"` // lvmlockd guards it
	Size               Bytes      `json:"vg_size"`
	Free               Bytes      `json:"vg_free"`
	SystemID           string     `json:"vg_systemid"`
	LockType           string     `json:"vg_lock_type"`
	LockArgs           string     `json:"vg_lock_args"`
	ExtentSize         Bytes      `json:"vg_extent_size"`
	ExtentCount        Extents    `json:"vg_extent_count"`
	FreeCount          Extents    `json:"vg_free_count"`
	MaxLV              uint32     `json:"max_lv"` // 0: no limit
	MaxPV              uint32     `json:"max_pv"` // 0: no limit
	PVCount            int        `json:"pv_count"`
	MissingPVCount     int        `json:"vg_missing_pv_count"`
	LVCount            int        `json:"lv_count"`   // those that people see
	SnapshotCount      int        `json:"snap_count"` // thin ones do not count
	Seqno              uint32     `json:"vg_seqno"`
	Tags               []string   `json:"vg_tags"`
	Profile            string     `json:"vg_profile"`
	MetadataAreas      int        `json:"vg_mda_count"`
	MetadataAreasInUse int        `json:"vg_mda_used_count"` // not ignored
	MetadataFree       Bytes      `json:"vg_mda_free"`       // by how much the text can grow
	MetadataSize       Bytes      `json:"vg_mda_size"`       // of the smallest area
	MetadataCopies     uint32     `json:"vg_mda_copies"`     // wanted; 0: unmanaged
}

// Report returns the facts of the group. It does not ask the kernel.
func (v *VolumeGroup) Report() VGReport {
	extents, free := v.Extents(), v.FreeExtents()
	areas := sumAreas(v.areas)
	r := VGReport{
		Format: v.rec.Format, UUID: v.rec.ID, Name: v.rec.Name, Attr: v.Attr(), Permissions: "read-only",
		Extendable: v.rec.Status&metadata.VGResizeable != 0, Exported: v.Exported(),
		Autoactivation: v.rec.Status&metadata.VGNoAutoactivate == 0, Partial: v.missingPVs() > 0,
		AllocationPolicy: v.Allocation(), Clustered: v.clustered(), Shared: v.shared(),
		Size: v.bytes(extents), Free: v.bytes(free), SystemID: v.rec.SystemID, LockType: v.rec.LockType, LockArgs: v.rec.LockArgs,
		ExtentSize: v.ExtentSize(), ExtentCount: extents, FreeCount: free, MaxLV: v.rec.MaxLV, MaxPV: v.rec.MaxPV,
		PVCount: len(v.rec.PVs), MissingPVCount: v.missingPVs(), Seqno: v.rec.Seqno, Tags: list(v.rec.Tags), Profile: v.rec.Profile,
		MetadataAreas: areas.count, MetadataAreasInUse: areas.used, MetadataFree: areas.free, MetadataSize: areas.size,
		MetadataCopies: v.rec.MetadataCopies,
	}
	if v.rec.Status&(metadata.VGWrite|metadata.VGWriteLocked) != 0 {
		r.Permissions = "writeable"
	}
	r.LVCount, r.SnapshotCount = v.countLVs()
	return r
}

// countLVs returns how many volumes people see, and how many have the chunks of
// snapshots. If there are none of these, relations between volumes need not be known.
func (v *VolumeGroup) countLVs() (visible, snapshots int) {
	tied := false
	for lv := range v.LVs() {
		if lv.rec.Status&metadata.LVVisible != 0 {
			visible++
		}
		for i := range lv.rec.Segments {
			_, isSnapshot := lv.rec.Segments[i].Body.(*metadata.Snapshot)
			tied = tied || isSnapshot
		}
	}
	if !tied {
		return visible, 0
	}
	visible = 0
	nodes := v.related().nodes
	for i := range nodes {
		if nodes[i].visible() {
			visible++
		}
		if nodes[i].cow != nil {
			snapshots++
		}
	}
	return visible, snapshots
}

// list returns a copy that is not nil, so that it is [] in JSON.
func list(s []string) []string { return append(make([]string, 0, len(s)), s...) }

// Allocation returns the policy of the group, which cannot be inherited.
func (v *VolumeGroup) Allocation() Allocation {
	if v.rec.Allocation == metadata.AllocInherit {
		return metadata.AllocNormal
	}
	return v.rec.Allocation
}

func (v *VolumeGroup) clustered() bool {
	return v.rec.Status&metadata.VGClustered != 0 || v.rec.LockType == "clvm"
}

func (v *VolumeGroup) shared() bool {
	return slices.Contains([]string{"sanlock", "dlm", "idm"}, v.rec.LockType)
}

func (v *VolumeGroup) missingPVs() int {
	n := 0
	for pv := range v.PVs() {
		if pv.Missing() {
			n++
		}
	}
	return n
}

// metadataFacts is what reports say of metadata areas.
type metadataFacts struct {
	count, used int
	free, size  Bytes
}

// freeOfPV returns by how much the text can grow in each of a physical volume's
// areas: not at all in one that is ignored.
func (f *metadataFacts) freeOfPV() Bytes {
	if f.used < f.count {
		return 0
	}
	return f.free
}

// sumAreas counts metadata areas: how many there are and are used, the least
// size, and by how much the text can grow in those that are used.
//
// Source: pvs and vgs of lvm2 as recorded in testdata/corpus.
func sumAreas(areas []scannedArea) (f metadataFacts) {
	for i := range areas {
		a := &areas[i]
		f.count++
		if a.header == nil {
			continue
		}
		slot := a.header.Slots[metadata.SlotCommitted]
		if !slot.Ignored() {
			most := a.header.MaxTextSize()
			free := (most - min(slot.Size, most)).Sectors()
			if f.used == 0 || sectorBytes(free) < f.free {
				f.free = sectorBytes(free)
			}
			f.used++
		}
		if f.size == 0 || a.header.Size < f.size {
			f.size = a.header.Size
		}
	}
	return f
}
