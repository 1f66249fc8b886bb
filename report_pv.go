package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// PVReport is the facts of a physical volume under the names that lvm2's pvs
// gives them, which are also their names in JSON. Sizes are in bytes.
type PVReport struct {
	Format             string   `json:"pv_fmt"` // always lvm2
	UUID               ID       `json:"pv_uuid"`
	VGName             string   `json:"vg_name"`        // empty: no group has it
	Device             string   `json:"pv_name"`        // empty: it was not found
	DeviceHint         string   `json:"pv_device_hint"` // what it was at the last write; not lvm2's
	DeviceSize         Bytes    `json:"dev_size"`       // 0: it was not found
	Major              int64    `json:"pv_major"`       // -1: not a block device
	Minor              int64    `json:"pv_minor"`
	MetadataFree       Bytes    `json:"pv_mda_free"` // by how much the text can grow
	MetadataSize       Bytes    `json:"pv_mda_size"` // of the smallest area
	ExtensionVersion   uint32   `json:"pv_ext_vsn"`
	Start              Bytes    `json:"pe_start"` // of extent 0
	Size               Bytes    `json:"pv_size"`
	Free               Bytes    `json:"pv_free"`
	Used               Bytes    `json:"pv_used"`
	Attr               string   `json:"pv_attr"`
	Allocatable        bool     `json:"pv_allocatable"`
	Exported           bool     `json:"pv_exported"`
	Missing            bool     `json:"pv_missing"`
	ExtentCount        Extents  `json:"pv_pe_count"`
	AllocatedCount     Extents  `json:"pv_pe_alloc_count"`
	Tags               []string `json:"pv_tags"`
	MetadataAreas      int      `json:"pv_mda_count"`
	MetadataAreasInUse int      `json:"pv_mda_used_count"` // not ignored
	BootloaderStart    Bytes    `json:"pv_ba_start"`
	BootloaderSize     Bytes    `json:"pv_ba_size"`
	InUse              bool     `json:"pv_in_use"` // its label says that a group has it
	DeviceID           string   `json:"pv_device_id"`
	DeviceIDType       string   `json:"pv_device_id_type"`
}

// PVSegment is a number of physical extents in sequence that are free, or that
// one segment of a logical volume occupies.
type PVSegment struct {
	Start  Extents `json:"pvseg_start"`
	Count  Extents `json:"pvseg_size"`
	LVUUID ID      `json:"lv_uuid"` // zero: free
	LVName string  `json:"lv_name"`
	// Segment is the index of the volume's segment.
	Segment int `json:"lv_segment"`
}

// Free says whether no volume has the extents.
func (s PVSegment) Free() bool { return s.LVUUID.IsZero() }

// Report returns the facts of the physical volume. It does not ask the kernel.
func (p *PhysicalVolume) Report() PVReport {
	used := p.usedExtents()
	own := slices.DeleteFunc(slices.Clone(p.vg.areas), func(a scannedArea) bool { return a.pv != p.rec.ID })
	areas := sumAreas(own)
	r := PVReport{
		Format: p.vg.rec.Format, UUID: p.rec.ID, VGName: p.vg.rec.Name, Device: p.Device(), DeviceHint: p.rec.Device,
		MetadataFree: areas.freeOfPV(), MetadataSize: areas.size,
		Start: p.Start(), Size: p.Size(), Free: p.vg.bytes(p.rec.PECount - min(used, p.rec.PECount)), Used: p.vg.bytes(used),
		Attr: p.Attr(), Allocatable: p.Allocatable(), Exported: p.exported(), Missing: p.Missing(),
		ExtentCount: p.rec.PECount, AllocatedCount: used, Tags: list(p.rec.Tags),
		MetadataAreas: areas.count, MetadataAreasInUse: areas.used,
		BootloaderStart: sectorBytes(p.rec.BootloaderStart), BootloaderSize: sectorBytes(p.rec.BootloaderSize), InUse: true,
		DeviceID: p.rec.DeviceID, DeviceIDType: p.rec.DeviceIDType,
	}
	r.Major, r.Minor = p.vg.sys.deviceNumber(r.Device)
	if m := p.vg.members[p.rec.ID]; m != nil {
		r.DeviceSize, r.ExtensionVersion, r.InUse = wholeSectors(m.size), m.label.ExtensionVersion, m.label.InUse()
	}
	return r
}

// Segments returns what the extents of the physical volume are used for, in
// their order, without gap. Extents that segments of unknown types hold, and
// nobody knows of, appear as free.
func (p *PhysicalVolume) Segments() []PVSegment {
	r := p.vg.related()
	var out []PVSegment
	var end Extents
	free := func(to Extents) {
		if end < to {
			out = append(out, PVSegment{Start: end, Count: to - end})
		}
	}
	for _, part := range r.used[p.rec.ID] {
		free(part.start)
		lv := r.nodes[part.lv].rec
		out = append(out, PVSegment{Start: part.start, Count: part.count, LVUUID: lv.ID, LVName: lv.Name, Segment: part.segment})
		end = max(end, part.start+part.count)
	}
	free(p.rec.PECount)
	return out
}

func (p *PhysicalVolume) usedExtents() Extents {
	if p.vg.usage == nil {
		return p.vg.countUsed()[p.rec.ID]
	}
	return p.vg.usage()[p.rec.ID]
}

// countUsed returns how many extents of each physical volume are in use, as far as is
// known: what a map of all of them would say, in a fraction of its memory.
func (v *VolumeGroup) countUsed() map[ID]Extents {
	used := make(map[ID]Extents, len(v.rec.PVs))
	for lv := range v.LVs() {
		for i := range lv.rec.Segments {
			s := &lv.rec.Segments[i]
			if s.Body == nil {
				continue
			}
			length := s.AreaLength()
			for _, a := range s.Body.Areas() {
				if !a.PV.IsZero() {
					used[a.PV] += length
				}
			}
		}
	}
	return used
}

func (p *PhysicalVolume) exported() bool {
	return p.rec.Status&metadata.PVExported != 0 || p.vg.Exported()
}

// wholeSectors leaves out what is behind the last sector.
func wholeSectors(b Bytes) Bytes { return sectorBytes(b.Sectors()) }

// Report returns the facts of the physical volume.
func (o OrphanPV) Report() PVReport {
	r := PVReport{Format: "lvm2", UUID: o.ID, Device: o.Device, DeviceSize: wholeSectors(o.Size), Size: wholeSectors(o.Size), Free: wholeSectors(o.Size), Attr: "---", Tags: list(nil), InUse: o.InUse}
	r.Major, r.Minor = -1, -1
	if o.pv == nil {
		return r // not of a scan
	}
	if o.InUse {
		r.Attr = "u--"
	}
	label := o.pv.label
	areas := sumAreas(o.pv.areas)
	r.MetadataFree, r.MetadataSize, r.MetadataAreas, r.MetadataAreasInUse = areas.freeOfPV(), areas.size, areas.count, areas.used
	r.ExtensionVersion = label.ExtensionVersion
	if len(label.DataAreas) > 0 {
		r.Start = label.DataAreas[0].Offset
	}
	if len(label.BootloaderAreas) > 0 {
		r.BootloaderStart, r.BootloaderSize = label.BootloaderAreas[0].Offset, label.BootloaderAreas[0].Size
	}
	r.Major, r.Minor = o.sys.deviceNumber(o.Device)
	return r
}

// deviceNumber returns the number of the block device at path; -1, -1 if there
// is none.
func (s *System) deviceNumber(path string) (major, minor int64) {
	if path == "" || s.custom {
		return -1, -1
	}
	text, ok := s.host.number(path)
	dev, err := dm.ParseDev(text)
	if !ok || err != nil {
		return -1, -1
	}
	return int64(dev.Major()), int64(dev.Minor())
}
