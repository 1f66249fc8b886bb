package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// MetadataAreas says how many metadata areas a new physical volume has.
type MetadataAreas int

// Numbers of metadata areas.
const (
	OneArea  MetadataAreas = iota // at the start of the device
	TwoAreas                      // at the start and at the end
	NoArea                        // the group's metadata is on other PVs
)

// PVSpec says what a new physical volume is like. Only Device is required.
type PVSpec struct {
	Device string
	// Areas is how many metadata areas it gets.
	Areas MetadataAreas
	// MetadataSize is how large each is at least; 1 MiB, less what is in front
	// of it, if zero.
	MetadataSize Bytes
	// DataAlignment is what the first extent's position is a multiple of. If
	// zero it is 1 MiB, or what the device says it prefers.
	DataAlignment Bytes
	// ID is the UUID, a random one if zero.
	ID ID
	// WipeSignatures overwrites file systems and the like that are found on the
	// device. Without it such a device is refused.
	WipeSignatures bool
}

// Layout of a physical volume. Source: lvm2 as observed.
const (
	labelSector     = 1
	firstAreaStart  = 4 * units.KiB
	minAreaSize     = 32 * units.KiB
	minDeviceSize   = 2 * units.MiB
	defaultPVAlign  = units.MiB
	defaultLastArea = units.MiB
	// wipedAreaStart is how much of a new metadata area is zeroed in front.
	wipedAreaStart = 8 * units.SectorSize
)

// pvInit is a physical volume that a transaction makes.
type pvInit struct {
	path  string
	id    metadata.ID
	size  Bytes
	label *metadata.Label
	wipe  bool
}

func (p *pvInit) member() *member { return &member{path: p.path, label: p.label, size: p.size} }

// areas returns the metadata areas as they are once the PV is made: empty.
func (p *pvInit) areas() []scannedArea {
	var out []scannedArea
	for _, a := range p.label.MetadataAreas {
		out = append(out, scannedArea{path: p.path, pv: p.id, start: a.Offset,
			header: &metadata.AreaHeader{Start: a.Offset, Size: a.Size}})
	}
	return out
}

// CreatePV makes a physical volume of a device; one that is a physical volume
// of no group is made anew. lvm2: pvcreate.
//
// Returns an error matching [ErrExists] or [ErrBusy] if the device belongs to a
// group, [ErrPVNotFound] if it was not given to [Open], [ErrSignature] (when
// planned) if it holds something else, or [ErrInvalidSpec].
func (tx *Tx) CreatePV(spec PVSpec) error {
	if err := tx.createPV(spec); err != nil {
		return &OpError{Op: "create pv", PV: spec.Device, Err: err}
	}
	return nil
}

func (tx *Tx) createPV(spec PVSpec) error {
	if err := tx.global(); err != nil {
		return err
	}
	if _, _, err := tx.orphan(spec.Device); err != nil {
		return err
	}
	// What is written before the commit must not be what the group still has.
	if tx.leaves(spec.Device) {
		return fault(ErrUnsupported, "the pv leaves its group in this update: make it anew in the next")
	}
	_, err := tx.initPV(spec)
	return err
}

// initPV lays a physical volume out and notes that it is to be made.
func (tx *Tx) initPV(spec PVSpec) (*pvInit, error) {
	d, err := tx.h.reader(spec.Device)
	if err != nil {
		return nil, err
	}
	size, err := d.Size()
	if err != nil {
		return nil, err
	}
	if spec.ID.IsZero() {
		if spec.ID, err = tx.newID(); err != nil {
			return nil, err
		}
	}
	for _, pv := range tx.scan.pvs {
		if pv.label.PVID == spec.ID && pv.path != spec.Device {
			return nil, fault(ErrExists, "uuid %s is in use on %s", spec.ID, pv.path)
		}
	}
	label, err := layoutPV(spec, size, factsOf(d))
	if err != nil {
		return nil, err
	}
	init := &pvInit{path: spec.Device, id: spec.ID, size: size, label: label, wipe: spec.WipeSignatures}
	if tx.newPVs[spec.Device] == nil {
		tx.pvOrder = append(tx.pvOrder, spec.Device)
	}
	tx.newPVs[spec.Device] = init
	return init, nil
}

// layoutPV decides where a PV's metadata areas and extents lie.
func layoutPV(spec PVSpec, size Bytes, facts deviceFacts) (*metadata.Label, error) {
	if size < minDeviceSize {
		return nil, fault(ErrInvalidSpec, "device of %s is smaller than %s", size, minDeviceSize)
	}
	align, offset := alignment(spec, facts)
	if align%units.SectorSize != 0 || align > size || spec.MetadataSize > size {
		return nil, fault(ErrInvalidSpec, "alignment of %s or metadata size of %s does not suit a device of %s",
			align, spec.MetadataSize, size)
	}
	label := &metadata.Label{Sector: labelSector, PVID: spec.ID, DeviceSize: size, ExtensionVersion: 2}
	data := alignUp(firstAreaStart, align) + offset
	if spec.Areas != NoArea {
		want := spec.MetadataSize
		if want == 0 {
			want = defaultPVAlign - firstAreaStart
		}
		data = alignUp(firstAreaStart+max(want, minAreaSize), align) + offset
		label.MetadataAreas = append(label.MetadataAreas, metadata.DiskArea{Offset: firstAreaStart, Size: data - firstAreaStart})
	}
	end := size
	if spec.Areas == TwoAreas {
		want := spec.MetadataSize
		if want == 0 {
			want = defaultLastArea
		}
		if want = alignUp(max(want, minAreaSize), units.SectorSize); want >= size {
			return nil, fault(ErrInvalidSpec, "metadata area of %s does not fit a device of %s", want, size)
		}
		whole := size - size%units.SectorSize
		end = (whole - want) / align * align
		label.MetadataAreas = append(label.MetadataAreas, metadata.DiskArea{Offset: end, Size: whole - end})
	}
	if data >= end {
		return nil, fault(ErrInvalidSpec, "device of %s has no room for extents behind %s of metadata", size, data)
	}
	label.DataAreas = []metadata.DiskArea{{Offset: data}}
	return label, nil
}

// alignment returns what the data's position is a multiple of, and what is
// added to that: as asked for, or as the device prefers.
func alignment(spec PVSpec, facts deviceFacts) (align, offset Bytes) {
	if spec.DataAlignment != 0 {
		return spec.DataAlignment, facts.topology.alignmentOffset
	}
	align = defaultPVAlign
	for _, hint := range []Bytes{facts.topology.mdStripeWidth, facts.topology.minimumIO, facts.topology.optimalIO} {
		if hint%(4*units.KiB) != 0 {
			hint = 4 * units.KiB
		}
		if hint != 0 && align%hint != 0 {
			align = hint
		}
	}
	return align, facts.topology.alignmentOffset
}

func alignUp(n, to Bytes) Bytes { return (n + to - 1) / to * to }

// newPVRecord returns the record of a PV that joins a group.
func newPVRecord(m *member, extentSize Sectors) (*metadata.PhysicalVolume, error) {
	if len(m.label.DataAreas) == 0 {
		return nil, fault(ErrDamaged, "pv %s has no data area", m.label.PVID)
	}
	data := m.label.DataAreas[0]
	end := m.size - m.size%units.SectorSize
	if data.Size != 0 && data.Offset+data.Size > data.Offset {
		end = min(end, data.Offset+data.Size)
	}
	for _, a := range m.label.MetadataAreas {
		if a.Offset >= data.Offset {
			end = min(end, a.Offset)
		}
	}
	rec := &metadata.PhysicalVolume{
		ID: m.label.PVID, Device: m.path, Status: metadata.PVAllocatable,
		DeviceSize: m.size.Sectors(), PEStart: data.Offset.Sectors(),
	}
	for _, ba := range m.label.BootloaderAreas {
		rec.BootloaderStart, rec.BootloaderSize = ba.Offset.Sectors(), ba.Size.Sectors()
	}
	if end > data.Offset {
		rec.PECount = (end - data.Offset).Sectors().ExtentsDown(extentSize)
	}
	if rec.PECount == 0 || rec.PECount > units.MaxExtents {
		return nil, fault(ErrInvalidSpec, "device of %s has room for %d extents", m.size, rec.PECount)
	}
	return rec, nil
}

// RemovePV makes a device that is a physical volume of no group a blank one.
// lvm2: pvremove. Errors are as with [Tx.CreatePV]; it is [ErrPVNotFound] if
// there is no physical volume on the device.
func (tx *Tx) RemovePV(device string) error {
	if err := tx.removePV(device); err != nil {
		return &OpError{Op: "remove pv", PV: device, Err: err}
	}
	return nil
}

func (tx *Tx) removePV(device string) error {
	if err := tx.global(); err != nil {
		return err
	}
	m, _, err := tx.orphan(device)
	if err != nil {
		return err
	}
	if m == nil {
		return ErrPVNotFound
	}
	if tx.newPVs[device] != nil {
		delete(tx.newPVs, device)
		tx.pvOrder = slices.DeleteFunc(tx.pvOrder, func(d string) bool { return d == device })
		if m, _, err = tx.orphan(device); m == nil || err != nil {
			return err
		}
	}
	tx.wipePVs = append(tx.wipePVs, m)
	return nil
}
