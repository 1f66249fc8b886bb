package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// MoveOptions says which extents are moved to other physical volumes. Only From
// is required.
type MoveOptions struct {
	// From is the physical volume that extents are moved off, or ranges of it.
	From PVSelection
	// LV keeps the move to the extents of one logical volume, with all that it
	// consists of, or to a part of one by its hidden name; all volumes that have
	// extents there if empty. Of a snapshot it is the COW store that moves, of a
	// thin volume its pool.
	LV string
	// To are the physical volumes to use, in this order of preference; all but
	// From if empty.
	To []PVSelection
	// Allocation is the policy by which the new place is found, the group's if
	// zero. Only AllocAnywhere takes it on From itself, or on a physical volume
	// that holds another stripe of the same segment, or another leg of the raid or
	// mirror that it is in.
	Allocation Allocation
	// Atomic lets nothing count as moved before all is: if it is aborted,
	// everything stays where it was. Otherwise each segment counts as soon as it
	// is copied.
	Atomic bool
	// MaxSegment cuts the move into segments of at most this size, of one extent
	// at least: a segment that was not copied to its end is copied again after a
	// crash. If zero, a segment is what lies together in both places, but with
	// [System.Move] no longer than 1 GiB or a hundredth of the move.
	MaxSegment Bytes

	// Run says how [System.Move] goes about it.
	Run MoveRun

	cut bool // into segments that are of no importance by themselves
}

// moveRegionSize is the region size of a move. Source: lvm2 as observed; its
// mirror_region_size.
const moveRegionSize = 2 * units.MiB

// StartMove notes in the metadata that extents are being moved off a physical
// volume, and makes the kernel copy the first segment of them while their volumes
// are in use. What is copied is noted with [Tx.AdvanceMove], and the end is
// [Tx.FinishMove] or [Tx.AbortMove]; [System.Move] does all that. lvm2: pvmove.
//
// The volumes cannot be changed until then, and those that are being moved
// already are left alone. Volumes that are not active stay so: what copies is the
// device of the move, a hidden volume called pvmove0, pvmove1, ... lvm2 activates
// them; a move with some that are not is ended by [System.AbortMove], since lvm2
// 2.03.16 fails halfway when it does.
//
// Returns errors matching [ErrInvalidSelection], [ErrLVNotFound], [ErrNoSpace],
// [ErrNothingToMove], [ErrMoving] if all that is there is being moved already,
// [ErrMerging] if a snapshot is being merged into one of the volumes,
// [ErrUnsupported] if one belongs to a raid with integrity data, or is the cache
// of a writecache, or [ErrMissingPV].
func (tx *Tx) StartMove(o MoveOptions) (*Move, error) {
	var move *metadata.LogicalVolume
	err := tx.whole(func() (err error) { move, err = tx.startMove(o); return err })
	if err != nil {
		return nil, tx.fail("move extents of", o.LV, err)
	}
	return newMove(tx.vg, move, tx.members), nil
}

func (tx *Tx) startMove(o MoveOptions) (*metadata.LogicalVolume, error) {
	if err := tx.own(); err != nil {
		return nil, err
	}
	if tx.st != nil && tx.sys.kernel != nil && tx.st.noActivate != nil {
		return nil, tx.st.noActivate
	}
	if o.Atomic && o.MaxSegment != 0 {
		return nil, fault(ErrInvalidSpec, "a move that is atomic has one segment: MaxSegment cannot be had")
	}
	if _, err := lvPolicy(o.Allocation); err != nil {
		return nil, err
	}
	plan, err := tx.planMove(o)
	if err != nil {
		return nil, err
	}
	if err := plan.notOpen(tx); err != nil {
		return nil, err
	}
	move, err := tx.newMoveLV()
	if err != nil {
		return nil, err
	}
	legs, err := plan.mapping(move.ID, plan.most(o, sectorBytes(tx.vg.ExtentSize)))
	if err != nil {
		return nil, err
	}
	for _, user := range plan.lvs { // their extents have to be free for the move
		lv := *tx.vg.LVs[user.index]
		lv.Status |= metadata.LVLocked
		lv.Segments = user.segments
		if err := tx.put(user.index, &lv); err != nil {
			return nil, err
		}
	}
	if o.Atomic {
		err = tx.putAtomicMove(move, legs)
	} else {
		err = tx.putMove(move, legs)
	}
	return move, err
}

// newMoveLV returns the record of a move, still without segments.
func (tx *Tx) newMoveLV() (*metadata.LogicalVolume, error) {
	name, err := tx.nextName(movePrefix)
	if err != nil {
		return nil, err
	}
	lv, err := tx.hiddenLV(name)
	if err != nil {
		return nil, err
	}
	lv.Status |= metadata.LVPvmove | metadata.LVLocked
	lv.Allocation = metadata.AllocContiguous
	tx.noteFresh(lv.ID)
	return lv, nil
}

// hiddenLV returns the record of a new volume that users do not see.
func (tx *Tx) hiddenLV(name string) (*metadata.LogicalVolume, error) {
	id, err := tx.newID()
	return &metadata.LogicalVolume{
		Name: name, ID: id, Status: metadata.LVRead | metadata.LVWrite,
		CreationTime: tx.time(), CreationHost: tx.sys.cfg.Host,
	}, err
}

// putMove enters a move that copies one segment after the other.
func (tx *Tx) putMove(move *metadata.LogicalVolume, legs []moveLegs) error {
	regions := tx.moveRegions(legs)
	for _, l := range legs {
		move.Segments = append(move.Segments, metadata.Segment{
			Start: l.start, Count: l.count, Type: "mirror",
			Body: &metadata.Mirror{Legs: []metadata.Area{l.from, l.to}, RegionSize: regions},
		})
	}
	return tx.putActive(move)
}

// putAtomicMove enters a move that copies all at once: a mirror of two volumes,
// one for where the extents come from, and one for where they go. Source: lvm2
// as observed.
func (tx *Tx) putAtomicMove(move *metadata.LogicalVolume, legs []moveLegs) error {
	body := &metadata.Mirror{RegionSize: tx.moveRegions(legs)}
	var images []*metadata.LogicalVolume
	total := Extents(0)
	for i, area := range []func(moveLegs) metadata.Area{
		func(l moveLegs) metadata.Area { return l.from }, func(l moveLegs) metadata.Area { return l.to },
	} {
		image, err := tx.hiddenLV(move.Name + moveImageInfix + string(rune('0'+i)))
		if err != nil {
			return err
		}
		total = 0
		for _, l := range legs {
			image.Segments = append(image.Segments, metadata.Segment{
				Start: l.start, Count: l.count, Type: "striped", Body: &metadata.Striped{Stripes: []metadata.Area{area(l)}},
			})
			total += l.count
		}
		images = append(images, image)
		body.Legs = append(body.Legs, metadata.Area{LV: image.ID})
	}
	move.Segments = []metadata.Segment{{Count: total, Type: "mirror", Body: body}}
	if err := tx.putActive(move); err != nil {
		return err
	}
	for _, image := range images {
		if err := tx.put(-1, image); err != nil {
			return err
		}
	}
	return nil
}

// putActive enters a move and wants its device, which copies.
func (tx *Tx) putActive(move *metadata.LogicalVolume) error {
	if err := tx.put(-1, move); err != nil {
		return err
	}
	tx.want(move.ID, wish{activate: true})
	return nil
}

// moveRegions returns the region size of a move, which is no longer than all of
// it. Source: lvm2 as observed.
func (tx *Tx) moveRegions(legs []moveLegs) Sectors {
	total := Extents(0)
	for _, l := range legs {
		total += l.count
	}
	most := moveRegionSize.Sectors()
	if length, ok := total.Sectors(tx.vg.ExtentSize); ok {
		most = min(most, powerBelow(length))
	}
	return most
}

// AdvanceMove notes that the segment of a move that is being copied is copied:
// its data counts in the new place from now on, and the kernel goes on with the
// next. move is the name or UUID of the hidden volume, see [VolumeGroup.Moves].
// In image mode, the caller vouches that both places hold the same.
//
// Returns errors matching [ErrLVNotFound] if there is no such move, [ErrInvalidSpec]
// if all is copied, or [ErrMissingPV]; with a kernel, when planned, [ErrBusy] if it
// has not copied the segment yet, [ErrNotActive] if it does not, or [ErrDamaged] if
// it failed to.
func (tx *Tx) AdvanceMove(move string) error {
	return tx.fail("advance", move, tx.advanceMove(move))
}

func (tx *Tx) advanceMove(ref string) error {
	old, i, err := tx.moveFor(ref)
	if err != nil {
		return err
	}
	current := unfinished(old)
	if current == nil {
		return fault(ErrInvalidSpec, "all of it is copied: FinishMove is next")
	}
	body := *current.Body.(*metadata.Mirror)
	if missing := tx.missing(); missing[body.Legs[1].PV] {
		return fault(ErrMissingPV, "pv %s, where it goes to, is missing", body.Legs[1].PV)
	}
	body.Moved = current.Count
	tx.syncArea(body.Legs[1])
	move := *old
	move.Segments = slices.Clone(old.Segments)
	for n := range move.Segments {
		if move.Segments[n].Start == current.Start {
			move.Segments[n].Body = &body
		}
	}
	if err := tx.put(i, &move); err != nil {
		return err
	}
	if !slices.Contains(tx.copied, move.ID) {
		tx.copied = append(tx.copied, move.ID)
	}
	if unfinished(&move) != nil {
		tx.want(move.ID, wish{activate: true})
	}
	return nil
}

// syncArea has what is in the caches of an area's disks written before the
// commit: what counts from then on must not be lost with the power.
func (tx *Tx) syncArea(area metadata.Area) {
	note := func(pv metadata.ID) {
		if m := tx.members[pv]; m != nil && !slices.Contains(tx.syncs, m.path) {
			tx.syncs = append(tx.syncs, m.path)
		}
	}
	if area.LV.IsZero() {
		note(area.PV)
		return
	}
	if lv := tx.find(area.LV); lv != nil {
		for _, a := range areasOnPVs(lv, tx.find) {
			note(a.PV)
		}
	}
}

// FinishMove ends a move that is copied to the end: the volumes lie where they
// were moved to, and may be changed again. What lvm2 leaves if it dies while it
// finishes one is cleaned up in the same way.
//
// Returns errors matching [ErrLVNotFound] if there is no such move, or
// [ErrInvalidSpec] if some of it is not copied yet.
func (tx *Tx) FinishMove(move string) error {
	return tx.fail("finish", move, tx.whole(func() error { return tx.endMove(move, false) }))
}

// AbortMove ends a move as it is: what is copied stays where it was moved to,
// the rest where it was. Of a move that is atomic, everything stays where it was.
// lvm2: pvmove --abort.
//
// Returns an error matching [ErrLVNotFound] if there is no such move.
func (tx *Tx) AbortMove(move string) error {
	return tx.fail("abort", move, tx.whole(func() error { return tx.endMove(move, true) }))
}

func (tx *Tx) endMove(ref string, abort bool) error {
	if err := tx.own(ErrMissingPV); err != nil {
		return err
	}
	if lv, _ := tx.lookup(ref); lv != nil && tx.moveRemains(lv) {
		return tx.dropRemains(lv)
	}
	move, _, err := tx.moveFor(ref)
	if err != nil {
		return err
	}
	landings, err := tx.landings(move, abort)
	if err != nil {
		return err
	}
	var users []int
	for i, lv := range tx.vg.LVs {
		if lv != nil && usesLV(lv, move.ID) {
			users = append(users, i)
		}
	}
	settled := make([]*metadata.LogicalVolume, len(users))
	for n, i := range users {
		if settled[n], err = settle(tx.vg.LVs[i], move.ID, landings); err != nil {
			return err
		}
	}
	if err := tx.dropRemains(move); err != nil { // so that what it holds can be taken over
		return err
	}
	for n, i := range users {
		if err := tx.put(i, settled[n]); err != nil {
			return err
		}
	}
	return nil
}

// isMoving says whether extents of an LV are being moved, or it moves those of
// others.
func isMoving(lv *metadata.LogicalVolume) bool {
	return lv.Status&(metadata.LVLocked|metadata.LVPvmove) != 0
}

// notMoving refuses an LV that a move has to do with.
func notMoving(lv *metadata.LogicalVolume) error {
	if isMoving(lv) {
		return fault(ErrMoving, "lv %s is being moved", lv.Name)
	}
	return nil
}

// moveFor returns a move, and its index in vg.LVs.
func (tx *Tx) moveFor(ref string) (*metadata.LogicalVolume, int, error) {
	if err := tx.own(ErrMissingPV); err != nil {
		return nil, 0, err
	}
	lv, i, err := tx.lvFor(ref)
	if err == nil && !isMove(lv) {
		err = fault(ErrLVNotFound, "lv %s is no move", lv.Name)
	}
	return lv, i, err
}
