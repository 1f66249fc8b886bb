package lvm

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// RenameVG gives the group another name. Volumes that are active stay so, in use
// or not: their devices are renamed. A group that shares its name with others is
// renamed by giving Update its UUID. lvm2: vgrename.
//
// Returns errors matching [ErrInvalidName], also if the name is too long for one
// of the logical volumes, or [ErrExists] if a group has that name already, there
// is something of that name among the device nodes, or (when planned) a device
// has the name that one would get.
func (tx *Tx) RenameVG(name string) error { return tx.fail("rename vg", "", tx.renameVG(name)) }

func (tx *Tx) renameVG(name string) error {
	if err := tx.own(ErrExported); err != nil {
		return err
	}
	if name == tx.vg.Name {
		return nil
	}
	return tx.setName(name, nil)
}

// setName gives the group a name that nothing else has, among all that there is;
// nil: among what the transaction sees.
func (tx *Tx) setName(name string, all *scan) error {
	if err := checkVGRename(name); err != nil {
		return err
	}
	for _, lv := range tx.vg.LVs {
		if lv == nil {
			continue
		}
		if err := checkLVName(name, lv.Name); err != nil {
			return err
		}
	}
	if err := tx.alsoLock(name); err != nil {
		return err
	}
	if all == nil {
		all = tx.scan
	}
	if err := tx.nameIsUnused(name, all); err != nil {
		return err
	}
	tx.vg.Name, tx.changed = name, true
	return nil
}

// nameIsUnused refuses a new name of the group that something else has.
func (tx *Tx) nameIsUnused(name string, all *scan) error {
	for _, c := range all.groups() {
		if c.name == name && (tx.st == nil || c.id != tx.st.doc.VG.ID) {
			return fault(ErrExists, "vg %s (%s) exists already", name, c.id)
		}
	}
	if err := tx.sys.nameIsFree(name, all); err != nil {
		return err
	}
	if tx.sys.kernel == nil {
		return nil
	}
	path := filepath.Join(tx.sys.cfg.DevDir, name)
	if _, err := os.Lstat(path); err == nil {
		return fault(ErrExists, "%s is there already", path)
	}
	return nil
}

// SetVGID gives the group another UUID, a random one if id is zero. lvm2:
// vgchange --uuid.
//
// Returns an error matching [ErrExists] if a group has that UUID, or (when
// planned) [ErrBusy] if a logical volume is active.
func (tx *Tx) SetVGID(id ID) error { return tx.fail("set uuid of vg", "", tx.setVGID(id)) }

func (tx *Tx) setVGID(id ID) error {
	if err := tx.own(); err != nil {
		return err
	}
	if err := tx.global(); err != nil {
		return err
	}
	return tx.giveVGID(id)
}

func (tx *Tx) giveVGID(id metadata.ID) error {
	if id == tx.vg.ID {
		return nil
	}
	if id.IsZero() {
		var err error
		if id, err = tx.newID(); err != nil {
			return err
		}
	}
	for _, c := range tx.scan.groups() {
		if c.id == id && (tx.st == nil || id != tx.st.doc.VG.ID) {
			return fault(ErrExists, "vg %s has the uuid %s", c.name, id)
		}
	}
	// The names of devices in the kernel begin with the UUID: there are none yet.
	kern, err := tx.sys.kernelState(id)
	if err != nil {
		return err
	}
	if len(kern.byUUID) > 0 {
		return fault(ErrExists, "there are devices of a group with the uuid %s", id)
	}
	tx.vg.ID, tx.kern, tx.changed = id, kern, true
	return nil
}

// SetPVID gives a physical volume another UUID, a random one if id is zero. pv
// is a device or UUID, of the group or of no group. Within the transaction a
// physical volume of the group keeps the old one. lvm2: pvchange --uuid.
//
// Returns errors matching [ErrPVNotFound], [ErrExists] if the UUID is in use or
// the physical volume belongs to another group, or (when planned) [ErrBusy] if a
// logical volume of the group is active, and [ErrUnsupported] if the same
// transaction adds, removes or resizes physical volumes.
func (tx *Tx) SetPVID(pv string, id ID) error {
	if err := tx.setPVID(pv, id); err != nil {
		return &OpError{Op: "set uuid of pv", PV: pv, Err: err}
	}
	return nil
}

func (tx *Tx) setPVID(ref string, id ID) error {
	if err := tx.global(); err != nil {
		return err
	}
	if tx.vg != nil {
		if old, ok := findPV(tx.vg, tx.members, ref); ok {
			if err := tx.own(); err != nil {
				return err
			}
			return tx.giveMemberID(old, id)
		}
	}
	path := ref
	if old, err := metadata.ParseID(ref); err == nil {
		for _, pv := range tx.scan.labelled(old) {
			path = pv.path
		}
	}
	m, _, err := tx.orphan(path)
	switch {
	case err != nil:
		return err
	case m == nil:
		return ErrPVNotFound
	case tx.newPVs[path] != nil:
		return fault(ErrUnsupported, "it is made in this update: give its spec the uuid")
	case id == m.label.PVID:
		return nil
	}
	if id, err = tx.unusedPVID(id); err != nil {
		return err
	}
	if tx.orphanIDs == nil {
		tx.orphanIDs = map[string]metadata.ID{}
	}
	tx.orphanIDs[path] = id
	return nil
}

func (tx *Tx) giveMemberID(old, id metadata.ID) error {
	if tx.before() == nil || pvRecord(tx.before(), old) == nil {
		return fault(ErrUnsupported, "it joins the group in this update: give it its uuid in another")
	}
	if id == old {
		delete(tx.newIDs, old)
		return nil
	}
	id, err := tx.unusedPVID(id)
	if err != nil {
		return err
	}
	if tx.newIDs == nil {
		tx.newIDs = map[metadata.ID]metadata.ID{}
	}
	tx.newIDs[old], tx.changed = id, true
	return nil
}

// unusedPVID returns the UUID, or a random one if it is zero, unless a physical
// volume has it, be it one that is missing.
func (tx *Tx) unusedPVID(id metadata.ID) (metadata.ID, error) {
	if id.IsZero() {
		return tx.newID()
	}
	taken := func(where string) (metadata.ID, error) {
		return id, fault(ErrExists, "uuid %s is in use: %s", id, where)
	}
	for _, pv := range tx.scan.labelled(id) {
		return taken(pv.path)
	}
	for path, init := range tx.newPVs {
		if init.id == id {
			return taken(path)
		}
	}
	for path, other := range tx.orphanIDs {
		if other == id {
			return taken(path)
		}
	}
	for old, other := range tx.newIDs {
		if other == id {
			return taken("pv " + old.String())
		}
	}
	for _, c := range tx.scan.groups() {
		doc, err := c.best.decode()
		if err != nil {
			return id, fault(ErrDamaged, "cannot tell whether vg %s has pv %s: %v", c.name, id, err)
		}
		if pvRecord(doc.VG, id) != nil {
			return taken("vg " + c.name)
		}
	}
	return id, nil
}

// withNewIDs returns the records of physical and logical volumes with the UUIDs
// that the former get.
func (tx *Tx) withNewIDs(pvs []*metadata.PhysicalVolume, lvs []*metadata.LogicalVolume) ([]*metadata.PhysicalVolume, []*metadata.LogicalVolume, error) {
	if len(tx.newIDs) == 0 {
		return pvs, lvs, nil
	}
	pvs, lvs = slices.Clone(pvs), slices.Clone(lvs)
	for i, pv := range pvs {
		if id, ok := tx.newIDs[pv.ID]; ok {
			renamed := *pv
			renamed.ID = id
			pvs[i] = &renamed
		}
	}
	for i, lv := range lvs {
		if !slices.ContainsFunc(lv.Segments, tx.liesOnRenamed) {
			continue
		}
		moved := *lv
		moved.Segments = slices.Clone(lv.Segments)
		for k := range moved.Segments {
			seg := &moved.Segments[k]
			if !tx.liesOnRenamed(*seg) {
				continue
			}
			switch body := seg.Body.(type) {
			case *metadata.Striped:
				own := *body
				own.Stripes = tx.areasRenamed(body.Stripes)
				seg.Body = &own
			case *metadata.Mirror: // of a move
				own := *body
				own.Legs = tx.areasRenamed(body.Legs)
				seg.Body = &own
			default:
				return nil, nil, fault(ErrUnsupported, "lv %s has segments of type %s on it", lv.Name, seg.Type)
			}
		}
		lvs[i] = &moved
	}
	return pvs, lvs, nil
}

func (tx *Tx) areasRenamed(areas []metadata.Area) []metadata.Area {
	out := slices.Clone(areas)
	for n, a := range out {
		if id, ok := tx.newIDs[a.PV]; ok {
			out[n].PV = id
		}
	}
	return out
}

func (tx *Tx) liesOnRenamed(seg metadata.Segment) bool {
	return slices.ContainsFunc(areasOf(&seg), func(a metadata.Area) bool {
		_, ok := tx.newIDs[a.PV]
		return ok
	})
}
