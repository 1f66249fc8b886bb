package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// PhysicalVolume is a physical volume of a volume group, as it was read.
type PhysicalVolume struct {
	vg  *VolumeGroup
	rec *metadata.PhysicalVolume
}

// ID returns the UUID.
func (p *PhysicalVolume) ID() ID { return p.rec.ID }

// Device returns the path of the device the PV was found on; empty if it was
// not found, or on more than one.
func (p *PhysicalVolume) Device() string {
	if m := p.vg.members[p.rec.ID]; m != nil {
		return m.path
	}
	return ""
}

// DeviceHint returns the path that the device had when the metadata was last
// written.
func (p *PhysicalVolume) DeviceHint() string { return p.rec.Device }

// Missing says whether the PV cannot be used: no device was found, or several,
// or it is back while the metadata still marks it as missing, since what is on
// it may be older than the rest: see [Tx.RestoreMissing].
func (p *PhysicalVolume) Missing() bool {
	return missingPV(p.rec, p.vg.members[p.rec.ID], p.vg.extents)
}

// Allocatable says whether new extents may be taken from the PV.
func (p *PhysicalVolume) Allocatable() bool { return p.rec.Status&metadata.PVAllocatable != 0 }

// Start returns where extent 0 begins on the device.
func (p *PhysicalVolume) Start() Bytes { return sectorBytes(p.rec.PEStart) }

// Extents returns how many extents the PV has.
func (p *PhysicalVolume) Extents() Extents { return p.rec.PECount }

// FreeExtents returns how many of them are free.
func (p *PhysicalVolume) FreeExtents() Extents {
	if p.vg.usage != nil || p.vg.extents().Incomplete() {
		return p.rec.PECount - min(p.usedExtents(), p.rec.PECount)
	}
	return p.vg.extents().Free(p.rec.ID)
}

// Size returns the size of all extents.
func (p *PhysicalVolume) Size() Bytes { return p.vg.bytes(p.rec.PECount) }

// Free returns the size of the free extents.
func (p *PhysicalVolume) Free() Bytes { return p.vg.bytes(p.FreeExtents()) }

// DeviceSize returns the size of the device as the metadata states it.
func (p *PhysicalVolume) DeviceSize() Bytes { return sectorBytes(p.rec.DeviceSize) }

// MetadataAreas returns how many metadata areas the PV has; 0 if it was not
// found.
func (p *PhysicalVolume) MetadataAreas() int {
	if m := p.vg.members[p.rec.ID]; m != nil {
		return len(m.label.MetadataAreas)
	}
	return 0
}

// Tags returns the tags.
func (p *PhysicalVolume) Tags() []string { return slices.Clone(p.rec.Tags) }
