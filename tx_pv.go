package lvm

import (
	"slices"

	"github.com/pkg/errors"

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
	// IgnoreAreas marks the metadata areas as not to be used. lvm2:
	// --metadataignore y.
	IgnoreAreas bool
	// DataAlignment is what the first extent's position is a multiple of. If
	// zero it is 1 MiB, or what the device says it prefers.
	DataAlignment Bytes
	// DataAlignmentOffset is added to that position; what the device says if
	// zero.
	DataAlignmentOffset Bytes
	// BootloaderSize is how large an area in front of the extents is, at least,
	// that is left to boot loaders; there is none if zero.
	BootloaderSize Bytes
	// LabelSector is which of the sectors 0 to 3 holds the label; 1 if nil.
	LabelSector *int
	// KeepHead leaves the first 2 KiB of the device as they are, but for
	// labels. lvm2: --zero n.
	KeepHead bool
	// Size is how much of the device is used, all if zero. lvm2:
	// --setphysicalvolumesize.
	Size Bytes
	// ID is the UUID, a random one if zero. One that a group has is refused,
	// unless RestoreFrom is given.
	ID ID
	// RestoreFrom is metadata, of a backup file for instance, that has a
	// physical volume with that ID. The new one gets the places of its extents
	// and of its bootloader area, so that the metadata can be restored on it.
	// Nothing among the extents is looked at or written. lvm2: --restorefile.
	RestoreFrom *metadata.Document
	// WipeSignatures overwrites file systems and the like that are found on the
	// device. Without it such a device is refused. A disk of which the kernel has
	// partitions is refused all the same.
	WipeSignatures bool
	// Force takes also a physical volume that may belong to a group, if the
	// metadata of that group was not found or cannot be read. One of a group
	// that can be read is refused all the same. lvm2: -ff.
	Force bool
}

// pvInit is a physical volume that a transaction makes.
type pvInit struct {
	path     string
	id       metadata.ID
	size     Bytes // of the device
	label    *metadata.Label
	wipe     bool
	keepHead bool
	ignore   bool              // its metadata areas are not to be used
	extents  metadata.DiskArea // that hold data to be kept; of size 0 if none do
}

func (p *pvInit) member() *member { return &member{path: p.path, label: p.label, size: p.size} }

// areas returns the metadata areas as they are once the PV is made: empty.
func (p *pvInit) areas() []scannedArea {
	var out []scannedArea
	for _, a := range p.label.MetadataAreas {
		out = append(out, scannedArea{path: p.path, pv: p.id, start: a.Offset, header: emptyArea(a, p.ignore)})
	}
	return out
}

// keeps says whether some bytes lie among extents that are to be kept.
func (p *pvInit) keeps(at, length Bytes) bool {
	return at >= p.extents.Offset && at-p.extents.Offset < p.extents.Size && length <= p.extents.Size-(at-p.extents.Offset)
}

// clearHead zeroes where labels can be, or only the labels that are there.
func (b *builder) clearHead(init *pvInit, d Device) error {
	if !init.keepHead {
		b.overwrite(init.path, 0, make([]byte, metadata.LabelScanSize), "zeroes where labels can be", true)
		return nil
	}
	head := make([]byte, metadata.LabelScanSize)
	if n, err := d.ReadAt(head, 0); n < len(head) {
		return errors.WithMessagef(err, "read %s", init.path)
	}
	for at := Bytes(0); at < metadata.LabelScanSize; at += units.SectorSize {
		if metadata.IsLabel(head[at:]) {
			b.overwrite(init.path, at, make([]byte, units.SectorSize), "zeroes over a label", true)
		}
	}
	return nil
}

// emptyArea returns the header of a metadata area without text.
func emptyArea(a metadata.DiskArea, ignored bool) *metadata.AreaHeader {
	h := &metadata.AreaHeader{Start: a.Offset, Size: a.Size}
	if ignored {
		h.Slots[metadata.SlotCommitted].Flags = metadata.RawIgnored
	}
	return h
}

// CreatePV makes a physical volume of a device; one that is a physical volume
// of no group is made anew. lvm2: pvcreate.
//
// Returns an error matching [ErrExists] or [ErrBusy] if the device belongs to a
// group or the UUID is in use, [ErrPVNotFound] if it was not given to [Open] or
// is not in what it is to be restored from, [ErrDuplicatePV] if it was given to
// [Open] under two names, [ErrSignature] (when planned) if it holds something
// else, [ErrBusy] (when planned) if it is in use or has partitions, or
// [ErrInvalidSpec].
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
	if _, _, err := tx.orphanOr(spec.Device, spec.Force); err != nil {
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
	if err := tx.sys.checkOneName(tx.h, tx.scan, spec.Device); err != nil {
		return nil, err
	}
	size, err := d.Size()
	if err != nil {
		return nil, err
	}
	if spec.ID.IsZero() && spec.RestoreFrom == nil {
		if spec.ID, err = tx.newID(); err != nil {
			return nil, err
		}
	}
	label, extents, err := layoutPV(spec, size, tx.sys.minPV, factsOf(d))
	if err != nil {
		return nil, err
	}
	if err := tx.checkNewID(spec, label); err != nil {
		return nil, err
	}
	init := &pvInit{path: spec.Device, id: spec.ID, size: size, label: label, extents: extents,
		wipe: spec.WipeSignatures, keepHead: spec.KeepHead, ignore: spec.IgnoreAreas}
	if tx.newPVs[spec.Device] == nil {
		tx.pvOrder = append(tx.pvOrder, spec.Device)
	}
	tx.newPVs[spec.Device] = init
	return init, nil
}

// checkOneName refuses a device that was given under another name as well: it
// would become two physical volumes, of which the second overwrites the first, or
// be taken for the clone of itself.
func (s *System) checkOneName(h *handles, sc *scan, device string) error {
	d, err := h.reader(device)
	if err != nil {
		return err
	}
	for _, path := range s.cfg.Devices {
		if path == device || !s.looksAt(path) || sc.failed[path] != nil {
			continue
		}
		other, err := h.reader(path)
		if err != nil {
			return err
		}
		if sameDevice(d, other) {
			return fault(ErrDuplicatePV, "%s and %s are one device: give only one of them", device, path)
		}
	}
	return nil
}

// checkNewID refuses a UUID that is taken. That of a physical volume which a
// group misses may be given to one that is restored, if what is made of it does
// not lie among the extents that the group has there.
func (tx *Tx) checkNewID(spec PVSpec, label *metadata.Label) error {
	for _, pv := range tx.scan.pvs {
		if pv.label.PVID == spec.ID && pv.path != spec.Device {
			return fault(ErrExists, "uuid %s is in use on %s", spec.ID, pv.path)
		}
	}
	for path, init := range tx.newPVs {
		if init.id == spec.ID && path != spec.Device {
			return fault(ErrExists, "uuid %s is given to %s as well", spec.ID, path)
		}
	}
	for _, c := range tx.scan.groups() {
		doc, err := c.best.decode()
		if err != nil {
			continue // nobody can use the PV as that group's
		}
		rec := pvRecord(doc.VG, spec.ID)
		if rec == nil {
			continue
		}
		if spec.RestoreFrom == nil {
			return fault(ErrExists, "uuid %s is that of a pv of vg %s: it has to be restored from metadata", spec.ID, c.name)
		}
		end, err := pvEnd(rec, doc.VG.ExtentSize)
		if err != nil {
			return err
		}
		start := sectorBytes(rec.PEStart)
		for _, a := range slices.Concat(label.MetadataAreas, label.BootloaderAreas) {
			if a.Offset < end && start < a.Offset+a.Size {
				return fault(ErrInvalidSpec, "vg %s has extents from byte %d to %d of it, where an area at byte %d would be",
					c.name, uint64(start), uint64(end), uint64(a.Offset))
			}
		}
	}
	return nil
}

// RemovePV makes a device that is a physical volume of no group a blank one.
// lvm2: pvremove. Errors are as with [Tx.CreatePV]; it is [ErrPVNotFound] if
// there is no physical volume on the device.
func (tx *Tx) RemovePV(device string) error {
	if err := tx.removePV(device, false); err != nil {
		return &OpError{Op: "remove pv", PV: device, Err: err}
	}
	return nil
}

// RemoveLostPV is [Tx.RemovePV] for a device that may also be a physical volume
// of a group whose metadata was not found or cannot be read. What such a group
// has on it is given up. lvm2: pvremove -ff.
func (tx *Tx) RemoveLostPV(device string) error {
	if err := tx.removePV(device, true); err != nil {
		return &OpError{Op: "remove lost pv", PV: device, Err: err}
	}
	return nil
}

func (tx *Tx) removePV(device string, lost bool) error {
	if err := tx.global(); err != nil {
		return err
	}
	m, _, err := tx.orphanOr(device, lost)
	if err != nil {
		return err
	}
	if m == nil {
		return ErrPVNotFound
	}
	if tx.newPVs[device] != nil {
		delete(tx.newPVs, device)
		tx.pvOrder = slices.DeleteFunc(tx.pvOrder, func(d string) bool { return d == device })
		if m, _, err = tx.orphanOr(device, lost); m == nil || err != nil {
			return err
		}
	}
	tx.wipePVs = append(tx.wipePVs, m)
	return nil
}
