package lvm

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

// VGSpec says what a new volume group is like. Only PVs is required.
type VGSpec struct {
	// PVs are the devices that make up the group, of [Config.Devices]. Those
	// that hold no physical volume become one as PV says.
	PVs []string
	// PV is how devices become physical volumes; its Device is not used.
	PV PVSpec
	// ExtentSize is 4 MiB if zero. It must be a power of two, or a multiple of
	// 128 KiB.
	ExtentSize Bytes
	// MaxLV and MaxPV limit the numbers of volumes; 0 is no limit.
	MaxLV, MaxPV uint32
	// Allocation is the policy of the group, normal if zero.
	Allocation Allocation
	Tags       []string
	// ID is the UUID, a random one if zero.
	ID ID
	// MetadataCopies is how many metadata areas are in use; see
	// [Tx.SetMetadataCopies].
	MetadataCopies uint32
	// SystemID is the host that the group belongs to, [Config.SystemID] if empty.
	SystemID string
	// NoSystemID makes a group that belongs to no host.
	NoSystemID bool
	// NoAutoActivation keeps the logical volumes from coming up by themselves.
	NoAutoActivation bool
}

const defaultExtentSize = 4 * units.MiB

// CreateVG makes the volume group that the transaction was opened for. lvm2:
// vgcreate.
//
// Returns an error matching [ErrExists] if there is a group of that name or a
// device belongs to one, [ErrPVNotFound] if a device was not given to [Open],
// [ErrSignature] (when planned) if a device holds something else, or
// [ErrInvalidSpec].
func (tx *Tx) CreateVG(spec VGSpec) error {
	return tx.fail("create vg", "", tx.whole(func() error { return tx.createVG(spec) }))
}

func (tx *Tx) createVG(spec VGSpec) error {
	if tx.vg != nil {
		return ErrExists
	}
	if tx.broken != nil {
		return tx.broken
	}
	if tx.st != nil {
		return fault(ErrUnsupported, "a group of that name is removed in this update: create the new one in the next")
	}
	if err := checkVGName(tx.ref); err != nil {
		return err
	}
	if err := tx.global(); err != nil {
		return err
	}
	if err := tx.nameIsFree(); err != nil {
		return err
	}
	if spec.ExtentSize == 0 {
		spec.ExtentSize = defaultExtentSize
	}
	if err := checkExtentSize(spec.ExtentSize); err != nil {
		return err
	}
	if len(spec.PVs) == 0 {
		return fault(ErrInvalidSpec, "no physical volumes given")
	}
	tags, err := checkTags(spec.Tags)
	if err != nil {
		return err
	}
	if spec.ID.IsZero() {
		if spec.ID, err = tx.newID(); err != nil {
			return err
		}
	}
	if spec.SystemID == "" && !spec.NoSystemID {
		spec.SystemID = tx.sys.cfg.SystemID
	} else if err := checkSystemID(spec.SystemID); err != nil {
		return err
	} else if spec.SystemID != "" && spec.NoSystemID {
		return fault(ErrInvalidSpec, "a system id and none asked for")
	}
	vg := &metadata.VolumeGroup{
		Name: tx.ref, ID: spec.ID, Format: "lvm2", SystemID: spec.SystemID, MetadataCopies: spec.MetadataCopies,
		Status:     metadata.VGResizeable | metadata.VGRead | metadata.VGWrite,
		ExtentSize: spec.ExtentSize.Sectors(), MaxLV: spec.MaxLV, MaxPV: spec.MaxPV,
		Allocation: spec.Allocation, Tags: tags,
	}
	if vg.SystemID != "" {
		vg.Status = vg.Status&^metadata.VGWrite | metadata.VGWriteLocked
	}
	if spec.NoAutoActivation {
		vg.Status |= metadata.VGNoAutoactivate
	}
	tx.vg, tx.emap, tx.moved = vg, NewExtentMap(vg), true
	tx.kern, err = tx.sys.kernelState(vg.ID)
	if err == nil {
		err = tx.addPVs(spec.PVs, spec.PV)
	}
	if err != nil {
		tx.vg, tx.emap, tx.moved = nil, nil, false
		return err
	}
	tx.changed = true
	return nil
}

// nameIsFree refuses a name that may be taken by a group that could not be read.
func (tx *Tx) nameIsFree() error { return tx.sys.nameIsFree(tx.ref, tx.scan) }

func (s *System) nameIsFree(name string, sc *scan) error {
	for path, err := range sc.failed {
		return fault(ErrDamaged, "cannot tell whether the name is free: %s: %v", path, err)
	}
	for _, pv := range sc.pvs {
		if err := sc.unreadable(pv); err != nil {
			return fault(ErrDamaged, "cannot tell whether the name is free: %s: %v", pv.path, err)
		}
	}
	if s.kernel == nil {
		return nil
	}
	path := filepath.Join(s.cfg.DevDir, name)
	if st, err := os.Lstat(path); err == nil && !st.IsDir() || !hasLinks(name) {
		return fault(ErrExists, "%s is there already", path)
	}
	return nil
}

// checkExtentSize applies lvm2's rules. Source: lvm2 as observed.
func checkExtentSize(size Bytes) error {
	if size < units.SectorSize || size%units.SectorSize != 0 {
		return fault(ErrInvalidSpec, "extent size of %s is not a number of sectors", size)
	}
	if size&(size-1) != 0 && size%(128*units.KiB) != 0 {
		return fault(ErrInvalidSpec, "extent size of %s is neither a power of two nor a multiple of 128 KiB", size)
	}
	if size.Sectors() > 1<<32-1 {
		return fault(ErrInvalidSpec, "extent size of %s is too large", size)
	}
	return nil
}

// ExtendVG adds devices to the group; those that hold no physical volume become
// one as spec says. lvm2: vgextend. Errors are as with [Tx.CreateVG].
func (tx *Tx) ExtendVG(spec PVSpec, devices ...string) error {
	return tx.fail("extend vg", "", tx.whole(func() error { return tx.extendVG(spec, devices) }))
}

func (tx *Tx) extendVG(spec PVSpec, devices []string) error {
	if err := tx.global(); err != nil {
		return err
	}
	if err := tx.own(); err != nil {
		return err
	}
	if err := tx.resizeable(); err != nil {
		return err
	}
	if err := tx.addPVs(devices, spec); err != nil {
		return err
	}
	tx.changed = true
	return nil
}

func (tx *Tx) addPVs(devices []string, spec PVSpec) error {
	for _, device := range devices {
		if err := tx.addPV(device, spec); err != nil {
			return &OpError{Op: "add pv", PV: device, Err: err}
		}
	}
	return nil
}

func (tx *Tx) addPV(device string, spec PVSpec) error {
	if tx.vg.MaxPV != 0 && uint32(len(tx.vg.PVs)) >= tx.vg.MaxPV {
		return fault(ErrNoSpace, "vg %s holds at most %d physical volumes", tx.vg.Name, tx.vg.MaxPV)
	}
	if err := tx.checkBlockSize(device); err != nil {
		return err
	}
	m, areas, err := tx.orphan(device)
	if err != nil && spec.Force {
		m = nil
		_, _, err = tx.orphanOr(device, true)
	}
	if err != nil {
		return err
	}
	if m == nil {
		spec.Device = device
		init, err := tx.initPV(spec)
		if err != nil {
			return err
		}
		m, areas = init.member(), init.areas()
	}
	rec, err := newPVRecord(m, tx.vg.ExtentSize)
	if err != nil {
		return err
	}
	if err := tx.emap.setPV(rec); err != nil {
		return err
	}
	tx.vg.PVs = append(tx.vg.PVs, rec)
	tx.gonePVs = slices.DeleteFunc(tx.gonePVs, func(g *member) bool { return g.path == m.path })
	tx.members[rec.ID] = m
	tx.areas[rec.ID] = areas
	return nil
}

// checkBlockSize refuses devices whose logical blocks do not go with the extents
// or with the other devices: file systems would break when moved between them.
func (tx *Tx) checkBlockSize(device string) error {
	size, err := tx.blockSize(device)
	if err != nil {
		return err
	}
	if extent, _ := tx.vg.ExtentSize.Bytes(); extent < size {
		return fault(ErrInvalidSpec, "extents of %s are smaller than its logical blocks of %s", extent, size)
	}
	for _, rec := range tx.vg.PVs {
		m := tx.members[rec.ID]
		if m == nil {
			continue
		}
		if other, err := tx.blockSize(m.path); err == nil && other != size {
			return fault(ErrUnsupported, "logical blocks of %s, but %s has blocks of %s", size, m.path, other)
		}
	}
	return nil
}

func (tx *Tx) blockSize(device string) (Bytes, error) {
	if !slices.Contains(tx.sys.cfg.Devices, device) {
		return 0, fault(ErrPVNotFound, "%q is none of the given devices", device)
	}
	d, err := tx.h.reader(device)
	if err != nil {
		return 0, err
	}
	return factsOf(d).blockSize, nil
}

// orphan returns the physical volume on a device if it belongs to no group. It
// returns nothing if the device holds none.
func (tx *Tx) orphan(device string) (*member, []scannedArea, error) {
	return tx.orphanOr(device, false)
}

// orphanOr also returns, if force is set, what a group may have whose metadata
// was not found or cannot be read.
func (tx *Tx) orphanOr(device string, force bool) (*member, []scannedArea, error) {
	if !slices.Contains(tx.sys.cfg.Devices, device) {
		return nil, nil, fault(ErrPVNotFound, "%q is none of the given devices", device)
	}
	if err := tx.scan.failed[device]; err != nil {
		return nil, nil, err
	}
	if slices.ContainsFunc(tx.wipePVs, func(m *member) bool { return m.path == device }) {
		return nil, nil, fault(ErrUnsupported, "%s is to become blank in this update: use it in the next", device)
	}
	if init := tx.newPVs[device]; init != nil {
		if tx.members[init.id] != nil {
			return nil, nil, fault(ErrExists, "pv %s is in vg %s already", init.id, tx.vg.Name)
		}
		return init.member(), init.areas(), nil
	}
	if tx.pvChanged(device) {
		return nil, nil, fault(ErrUnsupported, "the pv is changed in this update: use it in the next")
	}
	for _, pv := range tx.scan.pvs {
		if pv.path != device {
			continue
		}
		if err := tx.unclaimed(pv, force); err != nil {
			return nil, nil, err
		}
		m := &member{path: pv.path, label: pv.label, size: pv.size}
		return m, slices.Clone(pv.areas), nil
	}
	return nil, nil, nil
}

// unclaimed refuses a physical volume that a group has or, unless force is set,
// may have.
func (tx *Tx) unclaimed(pv *scannedPV, force bool) error {
	if err := tx.noMember(pv, force); err != nil || force {
		return err
	}
	if pv.label.InUse() && !tx.leaves(pv.path) {
		return fault(ErrBusy, "pv %s is marked as used by a group whose metadata was not found", pv.label.PVID)
	}
	return nil
}

// noMember refuses a physical volume that a group has; unless force is set, also
// if that cannot be told.
func (tx *Tx) noMember(pv *scannedPV, force bool) error {
	id := pv.label.PVID
	if tx.vg != nil && pvRecord(tx.vg, id) != nil {
		return fault(ErrExists, "pv %s is in vg %s already", id, tx.vg.Name)
	}
	if tx.leaves(pv.path) {
		return nil
	}
	for _, other := range tx.scan.pvs {
		if other != pv && other.label.PVID == id {
			return fault(ErrDuplicatePV, "pv %s is on %s too", id, other.path)
		}
	}
	for _, c := range tx.scan.groups() {
		doc, err := c.best.decode()
		if err != nil && force {
			continue
		}
		if err != nil {
			return fault(ErrDamaged, "cannot tell whether vg %s has pv %s: %v", c.name, id, err)
		}
		if pvRecord(doc.VG, id) != nil {
			return fault(ErrExists, "pv %s belongs to vg %s", id, c.name)
		}
	}
	if force {
		return nil
	}
	if err := tx.scan.unreadable(pv); err != nil {
		return errors.WithMessagef(err, "cannot tell whether a group has pv %s", id)
	}
	return nil
}

// unreadable returns what kept the metadata on a physical volume from being
// read. A header that is broken is none: there is nothing behind it any more.
func (sc *scan) unreadable(pv *scannedPV) error {
	for i := range pv.areas {
		a := &pv.areas[i]
		var format *metadata.FormatError
		if a.err != nil && !errors.As(a.err, &format) && !errors.Is(a.err, ErrDamaged) {
			return a.err
		}
		for _, t := range sc.texts {
			if t.err != nil && slices.Contains(t.areas, a) {
				return t.err
			}
		}
	}
	return nil
}

// ReduceVG takes physical volumes out of the group, by device or UUID. They
// stay physical volumes. lvm2: vgreduce.
//
// Returns an error matching [ErrBusy] if one holds extents of a logical volume,
// or is the last one, or has the last metadata area.
func (tx *Tx) ReduceVG(pvs ...string) error {
	return tx.fail("reduce vg", "", tx.whole(func() error { return tx.reduceVG(pvs) }))
}

func (tx *Tx) reduceVG(pvs []string) error {
	if err := tx.global(); err != nil {
		return err
	}
	if err := tx.own(); err != nil {
		return err
	}
	if err := tx.resizeable(); err != nil {
		return err
	}
	for _, ref := range pvs {
		id, ok := findPV(tx.vg, tx.members, ref)
		if !ok {
			return &OpError{Op: "remove pv", PV: ref, Err: ErrPVNotFound}
		}
		if err := tx.takeOut(id); err != nil {
			return &OpError{Op: "remove pv", PV: ref, Err: err}
		}
	}
	if !tx.hasUsableArea() {
		return fault(ErrBusy, "no metadata area would be left")
	}
	tx.changed = true
	return nil
}

func (tx *Tx) takeOut(id metadata.ID) error {
	if used := tx.emap.Used(id); used > 0 {
		return fault(ErrBusy, "%d of its extents are in use", used)
	}
	return tx.takeOutFreed(id)
}

// takeOutFreed takes a physical volume out that may hold extents which the
// transaction freed.
func (tx *Tx) takeOutFreed(id metadata.ID) error {
	if len(tx.vg.PVs) == 1 {
		return fault(ErrBusy, "it is the last one: remove the group instead")
	}
	if err := tx.emap.dropPV(id); err != nil {
		return err
	}
	tx.vg.PVs = slices.DeleteFunc(slices.Clone(tx.vg.PVs), func(pv *metadata.PhysicalVolume) bool { return pv.ID == id })
	tx.release(id)
	return nil
}

// leaves says whether the physical volume on a device leaves the group.
func (tx *Tx) leaves(device string) bool {
	return slices.ContainsFunc(tx.gonePVs, func(m *member) bool { return m.path == device })
}

// release makes a member an orphan.
func (tx *Tx) release(id metadata.ID) {
	m := tx.members[id]
	delete(tx.members, id)
	if m != nil && tx.newPVs[m.path] == nil {
		tx.gonePVs = append(tx.gonePVs, m)
	}
}

// hasUsableArea says whether there is an area that is in use or can be.
func (tx *Tx) hasUsableArea() bool {
	for range tx.usableAreas() {
		return true
	}
	return false
}

// usable says whether an area takes part in reading and writing.
func usable(a *scannedArea) bool {
	return a.header != nil && !a.header.Slots[metadata.SlotCommitted].Ignored()
}

// RemoveVG removes the group, which must have no logical volumes. Its physical
// volumes stay. lvm2: vgremove. Returns an error matching [ErrBusy] if there are
// logical volumes.
func (tx *Tx) RemoveVG() error { return tx.fail("remove vg", "", tx.removeVG()) }

func (tx *Tx) removeVG() error {
	if err := tx.global(); err != nil {
		return err
	}
	if err := tx.own(); err != nil {
		return err
	}
	for _, lv := range tx.vg.LVs {
		if lv != nil {
			return fault(ErrBusy, "it has logical volumes: %s", lv.Name)
		}
	}
	for _, pv := range tx.vg.PVs {
		tx.release(pv.ID)
	}
	tx.vg, tx.removed, tx.changed = nil, tx.st != nil, tx.st != nil
	return nil
}
