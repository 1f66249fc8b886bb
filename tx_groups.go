package lvm

import (
	"slices"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
)

// SplitSpec says what leaves a volume group. PVs or LV is required.
type SplitSpec struct {
	// PVs are the physical volumes to move, by device or UUID.
	PVs []string
	// LV names a logical volume whose physical volumes are to move.
	LV string
	// MaxLV, MaxPV and Allocation are those of a new group; those of the group
	// it comes from if zero. They are refused for a group that exists.
	MaxLV, MaxPV uint32
	Allocation   Allocation
}

// SplitVG moves physical volumes, and the logical volumes on them, to another
// volume group, which is made if it does not exist. lvm2: vgsplit.
//
// Both groups are committed one right after the other. After a crash between the
// two, every reader of this package takes the second for committed as well;
// [System.Recover] writes that, and is to be called before lvm2 changes them.
//
// Returns an error matching [ErrBusy] if a logical volume lies on both sides or
// is active, or one side would be left without physical volume or metadata
// area, [ErrExists] if both groups have a logical volume of one name,
// [ErrUnsupported] if the groups differ in extent size, or (when planned) the
// same update splits off another group, takes physical volumes out of this one,
// or moves on what just came, [ErrNoSpace] if the other group's limits do not
// allow it, or [ErrPVNotFound], [ErrLVNotFound] or [ErrInvalidSpec].
func (tx *Tx) SplitVG(to string, spec SplitSpec) error {
	return tx.fail("split vg", spec.LV, tx.whole(func() error { return tx.splitVG(to, spec) }))
}

func (tx *Tx) splitVG(name string, spec SplitSpec) error {
	if err := tx.own(); err != nil {
		return err
	}
	if name == tx.vg.Name {
		return fault(ErrInvalidSpec, "vg %s cannot be split into itself", name)
	}
	to, err := tx.join(name)
	if err != nil {
		return err
	}
	leaving, err := tx.leaving(spec)
	if err != nil {
		return err
	}
	moved, err := tx.volumesOn(leaving)
	if err != nil {
		return err
	}
	if err := to.makeFrom(tx.vg, spec); err != nil {
		return err
	}
	spared := tx.spare() != nil
	moved = to.oneSpare(tx, moved)
	if err := to.fits(tx.vg, len(leaving), moved); err != nil {
		return err
	}
	if err := to.take(tx, leaving, moved); err != nil {
		return err
	}
	if len(tx.vg.PVs) == 0 {
		return fault(ErrBusy, "all its physical volumes would leave: rename or merge the group instead")
	}
	if spared {
		if err := joinErrors(tx.spareIfRoom(), to.spareIfRoom()); err != nil {
			return err
		}
	}
	for _, side := range []*Tx{tx, to} {
		if !side.hasUsableArea() {
			return fault(ErrBusy, "vg %s would be left without metadata area", side.vg.Name)
		}
	}
	tx.changed, to.changed = true, true
	// lvm2 writes the other group twice, exported until this one is written.
	// Here both are precommitted before either is committed.
	to.seqnoStep = 2
	return nil
}

// leaving returns the physical volumes that a split moves, in the order in which
// they are given, or in which the volume lies on them.
func (tx *Tx) leaving(spec SplitSpec) ([]metadata.ID, error) {
	var out []metadata.ID
	add := func(pv metadata.ID) {
		if !slices.Contains(out, pv) {
			out = append(out, pv)
		}
	}
	if (len(spec.PVs) == 0) == (spec.LV == "") {
		return nil, fault(ErrInvalidSpec, "either physical volumes or a logical volume are to be given")
	}
	for _, ref := range spec.PVs {
		id, ok := findPV(tx.vg, tx.members, ref)
		if !ok {
			return nil, &OpError{Op: "move pv", PV: ref, Err: ErrPVNotFound}
		}
		add(id)
	}
	if spec.LV != "" {
		lv, _, err := tx.lvFor(spec.LV)
		if err != nil {
			return nil, err
		}
		for _, a := range areasOnPVs(lv, tx.find) {
			add(a.PV)
		}
		if len(out) == 0 {
			return nil, fault(ErrInvalidSpec, "lv %s lies on no physical volume", lv.Name)
		}
	}
	return out, nil
}

// volumesOn returns the logical volumes on physical volumes that leave. None
// may be active, or lie on others as well.
func (tx *Tx) volumesOn(pvs []metadata.ID) ([]*metadata.LogicalVolume, error) {
	leaving := make(map[metadata.ID]bool, len(pvs))
	for _, pv := range pvs {
		leaving[pv] = true
	}
	type side struct{ goes, stays bool }
	sides, unitOf := map[metadata.ID]side{}, tx.units()
	for _, lv := range tx.vg.LVs {
		if lv == nil {
			continue
		}
		on := sides[unitOf(lv.ID)]
		for _, a := range areasOnPVs(lv, tx.find) {
			on.goes = on.goes || leaving[a.PV]
			on.stays = on.stays || !leaving[a.PV]
		}
		sides[unitOf(lv.ID)] = on
	}
	var moved []*metadata.LogicalVolume
	for _, lv := range tx.vg.LVs {
		if lv == nil || !sides[unitOf(lv.ID)].goes {
			continue
		}
		if sides[unitOf(lv.ID)].stays {
			return nil, &OpError{Op: "move lv", VG: tx.vg.Name, LV: lv.Name, Err: fault(ErrBusy, "it lies on both sides, or its origin, snapshot, pool or part does")}
		}
		if err := tx.idle(lv); err != nil {
			return nil, err
		}
		moved = append(moved, lv)
	}
	return moved, nil
}

// units returns what tells which LVs cannot be parted from each other: origins
// and snapshots, volumes and their parts, pools and the volumes in them. It gives
// the same LV for all of a unit.
func (tx *Tx) units() func(metadata.ID) metadata.ID {
	first := map[metadata.ID]metadata.ID{}
	var unitOf func(metadata.ID) metadata.ID
	unitOf = func(id metadata.ID) metadata.ID {
		up, ok := first[id]
		if !ok || up == id {
			return id
		}
		top := unitOf(up)
		first[id] = top
		return top
	}
	join := func(a, b metadata.ID) { first[unitOf(a)] = unitOf(b) }
	for _, lv := range tx.vg.LVs {
		if lv == nil {
			continue
		}
		for _, other := range slices.Concat(lvsBelow(lv), usedBy(lv)) {
			join(lv.ID, other)
		}
		if body := snapshotLinkOf(lv); body != nil {
			join(lv.ID, body.Origin)
			join(body.COW, body.Origin)
		}
	}
	return unitOf
}

// oneSpare returns the volumes that come from another group, without the spare for
// pools' metadata if the one here is as large; if it is smaller, it goes. Source:
// lvm2 as observed.
func (tx *Tx) oneSpare(from *Tx, coming []*metadata.LogicalVolume) []*metadata.LogicalVolume {
	theirs, ours := from.spare(), tx.spare()
	if theirs == nil || ours == nil || !slices.Contains(coming, theirs) {
		return coming
	}
	if theirs.Extents() > ours.Extents() {
		tx.dropAll([]*metadata.LogicalVolume{ours})
		return coming
	}
	from.dropAll([]*metadata.LogicalVolume{theirs})
	return slices.DeleteFunc(slices.Clone(coming), func(lv *metadata.LogicalVolume) bool { return lv == theirs })
}

// spareIfRoom has a spare in a group that a split leaves with pools, as both had
// before. Where there is no room for one, its pools go on without. Source: lvm2 as
// observed.
func (tx *Tx) spareIfRoom() error {
	if !slices.ContainsFunc(tx.vg.LVs, func(lv *metadata.LogicalVolume) bool { return !poolMetadataOf(lv).IsZero() }) {
		return nil
	}
	if err := tx.keepSpare(0, nil); !errors.Is(err, ErrNoSpace) {
		return err
	}
	return nil
}

// idle refuses an LV that has a device or is to get one, or is new: a group
// that it moves to has other device names, and does not know what to wipe.
func (tx *Tx) idle(lv *metadata.LogicalVolume) error {
	var err error
	switch {
	case slices.ContainsFunc(tx.created, func(n newLV) bool { return n.id == lv.ID }):
		err = fault(ErrUnsupported, "it is made in this update: move it in the next")
	case tx.kern != nil && tx.kern.active(lv.ID) || tx.wishes[lv.ID].activate:
		err = fault(ErrBusy, "it is active: deactivate it first")
	default:
		return nil
	}
	return &OpError{Op: "move lv", VG: tx.vg.Name, LV: lv.Name, Err: err}
}

// makeFrom makes the group that a split is to lead to if it does not exist.
func (tx *Tx) makeFrom(from *metadata.VolumeGroup, spec SplitSpec) error {
	if tx.vg != nil {
		if spec.MaxLV != 0 || spec.MaxPV != 0 || spec.Allocation != metadata.AllocInherit {
			return fault(ErrInvalidSpec, "vg %s exists: its properties are changed by operations of their own", tx.vg.Name)
		}
		return tx.own()
	}
	if tx.st != nil {
		return fault(ErrUnsupported, "vg %s is merged into another in this update", tx.ref)
	}
	if err := checkVGName(tx.ref); err != nil {
		return err
	}
	if err := tx.nameIsFree(); err != nil {
		return err
	}
	id, err := tx.newID()
	if err != nil {
		return err
	}
	vg := &metadata.VolumeGroup{
		Name: tx.ref, ID: id, Format: from.Format, SystemID: from.SystemID,
		Status:     from.Status & (metadata.VGResizeable | metadata.VGRead | metadata.VGWrite | metadata.VGWriteLocked),
		ExtentSize: from.ExtentSize, MaxLV: from.MaxLV, MaxPV: from.MaxPV, Allocation: from.Allocation,
	}
	if spec.MaxLV != 0 {
		vg.MaxLV = spec.MaxLV
	}
	if spec.MaxPV != 0 {
		vg.MaxPV = spec.MaxPV
	}
	if spec.Allocation != metadata.AllocInherit {
		vg.Allocation = spec.Allocation
	}
	tx.vg, tx.emap, tx.moved = vg, NewExtentMap(vg), true
	tx.kern, err = tx.sys.kernelState(id)
	return err
}

// fits refuses physical and logical volumes that the group cannot take in.
func (tx *Tx) fits(from *metadata.VolumeGroup, pvs int, lvs []*metadata.LogicalVolume) error {
	for _, vg := range []*metadata.VolumeGroup{from, tx.vg} {
		if vg.Status&metadata.VGResizeable == 0 {
			return fault(ErrReadOnly, "vg %s is not resizeable", vg.Name)
		}
	}
	if from.ExtentSize != tx.vg.ExtentSize {
		return fault(ErrUnsupported, "vg %s has extents of %d sectors, vg %s of %d", from.Name, from.ExtentSize, tx.vg.Name, tx.vg.ExtentSize)
	}
	if tx.vg.MaxPV != 0 && uint64(len(tx.vg.PVs)+pvs) > uint64(tx.vg.MaxPV) {
		return fault(ErrNoSpace, "vg %s holds at most %d physical volumes", tx.vg.Name, tx.vg.MaxPV)
	}
	visible := 0
	links := newSnapshotLinks(&metadata.VolumeGroup{LVs: slices.Concat(tx.vg.LVs, lvs)})
	for _, lv := range slices.Concat(tx.vg.LVs, lvs) {
		if lv != nil && links.visible(lv) {
			visible++
		}
	}
	if tx.vg.MaxLV != 0 && uint64(visible) > uint64(tx.vg.MaxLV) {
		return fault(ErrNoSpace, "vg %s holds at most %d logical volumes", tx.vg.Name, tx.vg.MaxLV)
	}
	for _, lv := range lvs {
		if snapshotLinkOf(lv) != nil {
			continue // it gets another name if need be
		}
		taken, _ := tx.lookup(lv.Name)
		if taken != nil && taken.Name == lv.Name || slices.ContainsFunc(tx.vg.History, func(h *metadata.HistoricalLV) bool { return h.Name == lv.Name }) {
			return fault(ErrExists, "both groups have an lv %s", lv.Name)
		}
	}
	return nil
}

// take moves physical and logical volumes here from another group.
func (tx *Tx) take(from *Tx, pvs []metadata.ID, lvs []*metadata.LogicalVolume) error {
	if from.left == nil {
		from.left = make(map[metadata.ID]bool, len(lvs))
	}
	for _, lv := range slices.Backward(lvs) { // the map is quicker to forget its end
		_, i := from.lookup(lv.Name)
		from.drop(i)
		from.left[lv.ID] = true
	}
	for _, pv := range pvs {
		rec := pvRecord(from.vg, pv)
		if err := from.readable(pv); err != nil {
			return err
		}
		if err := from.emap.dropPV(pv); err != nil {
			return err
		}
		if err := tx.emap.setPV(rec); err != nil {
			return err
		}
		tx.vg.PVs = append(tx.vg.PVs, rec)
		from.vg.PVs = slices.DeleteFunc(from.vg.PVs, func(rec *metadata.PhysicalVolume) bool { return rec.ID == pv })
		tx.members[pv], tx.areas[pv] = from.members[pv], from.areas[pv]
		for i := range tx.areas[pv] {
			if yes, said := from.ignored[areaRef{pv, tx.areas[pv][i].start}]; said {
				tx.ignore(&tx.areas[pv][i], yes)
			}
		}
		delete(from.members, pv)
	}
	here, err := tx.adopt(lvs)
	if err != nil {
		return err
	}
	for _, lv := range here {
		if lv.Name, err = tx.linkName(lv); err != nil {
			return err
		}
		if err := tx.put(-1, lv); err != nil {
			return err
		}
	}
	return nil
}

// adopt returns copies of another group's LVs as they are to be here: with other
// UUIDs where these are taken.
func (tx *Tx) adopt(lvs []*metadata.LogicalVolume) ([]*metadata.LogicalVolume, error) {
	ids := map[metadata.ID]metadata.ID{}
	out := make([]*metadata.LogicalVolume, len(lvs))
	for i, lv := range lvs {
		here := *lv
		here.Status = writeStatus(here.Status, tx.vg)
		if tx.find(here.ID) != nil {
			id, err := tx.newID()
			if err != nil {
				return nil, err
			}
			ids[here.ID], here.ID = id, id
		}
		out[i] = &here
	}
	if len(ids) == 0 {
		return out, nil
	}
	other := func(id metadata.ID) metadata.ID {
		if now, ok := ids[id]; ok {
			return now
		}
		return id
	}
	for _, lv := range out {
		if old := snapshotLinkOf(lv); old != nil {
			body := *old
			body.Origin, body.COW = other(old.Origin), other(old.COW)
			seg := lv.Segments[0]
			seg.Body = &body
			lv.Segments = []metadata.Segment{seg}
			continue
		}
		for _, below := range slices.Concat(lvsBelow(lv), usedBy(lv), originsOf(lv)) {
			if other(below) != below {
				return nil, fault(ErrExists, "both groups have an lv with the uuid %s, on which lv %s lies", below, lv.Name)
			}
		}
	}
	return out, nil
}

// linkName returns the name that an LV is to have here: if it is one that ties a
// snapshot to its origin, one that is free.
func (tx *Tx) linkName(lv *metadata.LogicalVolume) (string, error) {
	if snapshotLinkOf(lv) == nil {
		return lv.Name, nil
	}
	taken, _ := tx.lookup(lv.Name)
	if taken == nil && !isHistorical(tx.vg, lv.Name) {
		return lv.Name, nil
	}
	return tx.nextName("snapshot")
}

// readable refuses a member with a metadata area that cannot be read, and may
// go on to hold the text of the group that it leaves.
func (tx *Tx) readable(pv metadata.ID) error {
	for _, on := range tx.scan.labelled(pv) {
		if err := tx.scan.unreadable(on); err != nil {
			return &OpError{Op: "move pv", VG: tx.vg.Name, PV: on.path, Err: as(ErrDamaged, err)}
		}
	}
	return nil
}

// writeStatus returns a volume's status as a group has it: that it may be
// written is said elsewhere in groups with a system ID.
func writeStatus(status metadata.LVStatus, vg *metadata.VolumeGroup) metadata.LVStatus {
	const either = metadata.LVWrite | metadata.LVWriteLocked
	switch {
	case status&either == 0:
		return status
	case vg.Status&metadata.VGWriteLocked != 0:
		return status&^either | metadata.LVWriteLocked
	}
	return status&^either | metadata.LVWrite
}

// MergeVG takes in another volume group, by name, which is gone then. Its
// logical volumes must not be active. lvm2: vgmerge.
//
// Errors are as with [Tx.SplitVG]; [ErrVGNotFound] is matched if the other
// group does not exist.
func (tx *Tx) MergeVG(from string) error {
	return tx.fail("merge vg", "", tx.whole(func() error { return tx.mergeVG(from) }))
}

func (tx *Tx) mergeVG(name string) error {
	if err := tx.own(); err != nil {
		return err
	}
	if name == tx.vg.Name {
		return fault(ErrInvalidSpec, "vg %s cannot be merged with itself", name)
	}
	from, err := tx.join(name)
	if err != nil {
		return err
	}
	if err := from.own(); err != nil {
		return errors.WithMessagef(err, "vg %s", name)
	}
	if from.changed {
		return fault(ErrUnsupported, "vg %s is changed in this update: merge it in the next", name)
	}
	var pvs []metadata.ID
	for _, rec := range from.vg.PVs {
		pvs = append(pvs, rec.ID)
	}
	var lvs []*metadata.LogicalVolume
	for _, lv := range from.vg.LVs {
		if lv == nil {
			continue
		}
		if err := from.idle(lv); err != nil {
			return err
		}
		lvs = append(lvs, lv)
	}
	lvs = tx.oneSpare(from, lvs)
	if err := tx.fits(from.vg, len(pvs), lvs); err != nil {
		return err
	}
	for _, h := range from.vg.History {
		if slices.ContainsFunc(tx.vg.History, func(o *metadata.HistoricalLV) bool { return o.Name == h.Name || o.ID == h.ID }) {
			return fault(ErrExists, "both groups have a historical lv %s", h.Name)
		}
		if taken, _ := tx.lookup(h.Name); taken != nil {
			return fault(ErrExists, "lv %s is a historical one of vg %s", h.Name, name)
		}
	}
	tx.vg.History = slices.Concat(tx.vg.History, from.vg.History)
	if err := tx.take(from, pvs, lvs); err != nil {
		return err
	}
	from.vg, from.merged, from.changed = nil, true, true
	tx.changed = true
	return nil
}
