package lvm

import (
	"slices"
	"strings"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// ReplaceSpec says which legs of a raid get other extents.
type ReplaceSpec struct {
	// PVs are physical volumes, by device or UUID; the UUID is needed for one that is
	// missing. The legs that lie on them, or have their metadata there, are replaced.
	PVs []string
	// Onto is where the new legs come to lie, in the order of preference; all
	// physical volumes if empty. None that has a leg of the raid, be it one that is
	// replaced, gets a new one, unless the policy is anywhere.
	Onto []PVSelection
	// Allocation is the policy for this; that of the volume if it is AllocInherit.
	Allocation Allocation
}

// ReplaceLegs gives a raid new legs in the place of those that lie on some
// physical volumes, and has the kernel write them anew from the others, which
// [System.WaitSync] waits for. Until then the raid can be used, but is without these
// legs. lvm2: lvconvert --replace.
//
// Also a raid that others lie on can be named: pool_tdata, the data of a pool.
//
// Returns an error matching [ErrNotActive] if the raid is not active, since only the
// kernel knows which legs hold the data; [ErrNotInSync] if legs that stay are not in
// sync; [ErrDegraded] if the data cannot be had without those that are replaced;
// [ErrInvalidSpec] if no leg lies there, and a *[SpaceError] if there is no room.
func (tx *Tx) ReplaceLegs(ref string, spec ReplaceSpec) error {
	return tx.fail("replace legs of lv", ref, tx.whole(func() error {
		lv, i, err := tx.raidToMend(ref)
		if err != nil {
			return err
		}
		pvs := map[metadata.ID]bool{}
		for _, ref := range spec.PVs {
			id, ok := findPV(tx.vg, tx.members, ref)
			if !ok {
				return &OpError{Op: "replace pv", PV: ref, Err: ErrPVNotFound}
			}
			pvs[id] = true
		}
		on := tx.missingLegs(&lv.Segments[0], pvs)
		legs := slices.DeleteFunc(legsOf(lv), func(leg int) bool { return !on(leg) })
		if len(legs) == 0 {
			return fault(ErrInvalidSpec, "no leg lies on %s", strings.Join(spec.PVs, ", "))
		}
		return tx.replaceLegs(lv, i, legs, spec.Onto, spec.Allocation)
	}))
}

// RepairSpec says how a raid is repaired.
type RepairSpec struct {
	// Onto and Allocation are as in [ReplaceSpec].
	Onto       []PVSelection
	Allocation Allocation
}

// RepairRAID replaces the legs of a raid that are on missing physical volumes, and
// those that have failed in the kernel, as [Tx.ReplaceLegs] does and with the same
// errors. If there are none, nothing is changed. A leg that failed only for a while
// gets what it missed by [Tx.Refresh] instead. lvm2: lvconvert --repair.
func (tx *Tx) RepairRAID(ref string, spec RepairSpec) error {
	return tx.fail("repair lv", ref, tx.whole(func() error {
		lv, i, err := tx.raidToMend(ref)
		if err != nil {
			return err
		}
		status, err := tx.raidStatus(lv)
		if err != nil {
			return err
		}
		gone := tx.lostLegs(&lv.Segments[0], tx.missing())
		legs := slices.DeleteFunc(legsOf(lv), func(leg int) bool { return !gone(leg) && !doesWithout(status, leg) })
		if len(legs) == 0 {
			return nil
		}
		return tx.replaceLegs(lv, i, legs, spec.Onto, spec.Allocation)
	}))
}

// raidStatus returns what the kernel says of a raid.
func (tx *Tx) raidStatus(lv *metadata.LogicalVolume) (RAIDStatus, error) {
	for v := range tx.VG().LVs() {
		if v.ID() == lv.ID {
			return v.raidStatus()
		}
	}
	return RAIDStatus{}, ErrLVNotFound
}

// doesWithout says whether the kernel does without a leg.
func doesWithout(s RAIDStatus, leg int) bool {
	return leg < len(s.Legs) && (s.Legs[leg].Health == dm.RAIDDead || s.Legs[leg].Health == dm.RAIDAbsent)
}

// legsOf returns the numbers of the legs of a raid.
func legsOf(lv *metadata.LogicalVolume) []int {
	out := make([]int, len(lv.Segments[0].Body.(*metadata.RAID).Legs))
	for i := range out {
		out[i] = i
	}
	return out
}

// raidToMend returns a raid that is active and nothing else is being done with.
func (tx *Tx) raidToMend(ref string) (*metadata.LogicalVolume, int, error) {
	lv, i, err := tx.raidToChange(ref)
	if err != nil {
		return nil, 0, err
	}
	if err := tx.mendableRAID(lv); err != nil {
		return nil, 0, err
	}
	if !tx.raidStaysUp(lv) {
		return nil, 0, fault(ErrNotActive, "lv %s has to be active: only the kernel knows which legs hold its data", lv.Name)
	}
	return lv, i, nil
}

// raidToChange is as lvToChange, and returns also a raid that others lie on, as the
// data of a pool do.
func (tx *Tx) raidToChange(ref string) (*metadata.LogicalVolume, int, error) {
	if err := tx.own(ErrMissingPV); err != nil {
		return nil, 0, err
	}
	lv, i, err := tx.lvFor(ref)
	if err != nil {
		return nil, 0, err
	}
	if _, ok := kindOf(lv).(raidType); !ok || tx.isVisible(lv) {
		return tx.lvToChange(ref, ErrMissingPV)
	}
	for _, part := range tx.withOwned(lv) {
		if err := notMoving(part); err != nil {
			return nil, 0, err
		}
	}
	return lv, i, tx.notClaimed(lv)
}

// raidStaysUp says whether the kernel has a raid, and keeps it.
func (tx *Tx) raidStaysUp(lv *metadata.LogicalVolume) bool {
	if tx.isVisible(lv) {
		return tx.staysActive(lv.ID)
	}
	return tx.kern != nil && len(tx.kern.byLV[lv.ID]) > 0 && !slices.ContainsFunc(tx.ties().above[lv.ID], func(id metadata.ID) bool { return tx.wishes[id].deactivate })
}

// mendableRAID refuses all but raids that can do without a leg and that
// nothing else is being done with.
func (tx *Tx) mendableRAID(lv *metadata.LogicalVolume) error {
	if _, ok := kindOf(lv).(raidType); !ok {
		return fault(ErrInvalidSpec, "lv %s is no raid", lv.Name)
	}
	seg := &lv.Segments[0]
	if SegmentType(seg.BaseType()).isRAID0() {
		return fault(ErrUnsupported, "a %s cannot do without any of its legs", seg.BaseType())
	}
	if err := tx.plainRAID(lv); err != nil {
		return err
	}
	for _, leg := range seg.Body.(*metadata.RAID).Legs {
		if leg.Meta.IsZero() || tx.find(leg.Meta) == nil {
			return fault(ErrUnsupported, "lv %s has a leg without metadata", lv.Name)
		}
	}
	return nil
}

// checkSources refuses to do without some legs of a raid for good if the others do
// not hold all that there is.
func (tx *Tx) checkSources(lv *metadata.LogicalVolume, without []int) error {
	s, err := tx.raidStatus(lv)
	if err != nil {
		return err
	}
	seg := &lv.Segments[0]
	if len(s.Legs) != len(seg.Body.Areas()) {
		return fault(ErrUnsupported, "the kernel has %d legs of lv %s, and not %d", len(s.Legs), lv.Name, len(seg.Body.Areas()))
	}
	waits := s.Action == dm.RAIDResync || s.Action == dm.RAIDReshape || s.Action == dm.RAIDRepair || s.Action != dm.RAIDRecover && s.Action != dm.RAIDCheck && s.Synced < s.Total
	for i, leg := range s.Legs {
		waits = waits || leg.Health == dm.RAIDOutOfSync && !slices.Contains(without, i)
	}
	if waits {
		return fault(ErrNotInSync, "lv %s: the legs that stay are not in sync: wait for that", lv.Name)
	}
	if gone := func(leg int) bool { return slices.Contains(without, leg) || doesWithout(s, leg) }; !survives(seg, gone) {
		return fault(ErrDegraded, "the data of lv %s cannot be had without %d of its legs", lv.Name, len(without))
	}
	return tx.clearStaleMarks(lv, s)
}

// clearStaleMarks takes the mark of a leg that is to be written anew off those that
// are in sync. lvm2 leaves it where it adds parity: they would be written anew
// whenever the raid is activated.
func (tx *Tx) clearStaleMarks(lv *metadata.LogicalVolume, s RAIDStatus) error {
	for n, leg := range lv.Segments[0].Body.(*metadata.RAID).Legs {
		for _, id := range []metadata.ID{leg.Meta, leg.Image} {
			old := tx.find(id)
			if !isRebuilt(old) || s.Legs[n].Health != dm.RAIDInSync {
				continue
			}
			part := *old
			part.Status &^= metadata.LVRebuild
			if err := tx.put(tx.indexOf(id), &part); err != nil {
				return err
			}
		}
	}
	return nil
}

// replaceLegs puts new legs in the place of others. The kernel is told to write
// them anew by the text, until it has noted that itself.
func (tx *Tx) replaceLegs(old *metadata.LogicalVolume, i int, legs []int, onto []PVSelection, allocation Allocation) error {
	if err := tx.checkSources(old, legs); err != nil {
		return err
	}
	lv, body := raidCopy(old)
	places, fronts, meta, err := tx.placeLegs(old, len(legs), onto, allocation)
	if err != nil {
		return err
	}
	for n, leg := range legs {
		for _, part := range []metadata.ID{body.Legs[leg].Meta, body.Legs[leg].Image} {
			tx.drop(tx.indexOf(part))
		}
		if body.Legs[leg], err = tx.newRAIDLeg(lv, leg, linearSegment(fronts[n], 0, meta), imageSegments(nil, places, n, len(legs))); err != nil {
			return err
		}
	}
	return tx.put(i, lv)
}

// placeLegs chooses extents for some more legs of a raid, and how many of them are
// for the metadata of each. They are apart from all that the raid lies on.
func (tx *Tx) placeLegs(old *metadata.LogicalVolume, n int, onto []PVSelection, allocation Allocation) ([]allocPiece, []metadata.Area, Extents, error) {
	policy, pvs, err := tx.place(allocation, onto)
	if err != nil {
		return nil, nil, 0, err
	}
	image, meta, err := tx.legSizes(old.Segments[0].Body.(*metadata.RAID))
	if err != nil {
		return nil, nil, 0, err
	}
	count := image * Extents(n)
	places, fronts, err := tx.emap.allocateBehind(tx.vg, allocRequest{
		Name: old.Name, Policy: resolvePolicy(tx.vg, old, policy), PVs: pvs, Owned: make([]pvSet, n),
		Stripes: n, Data: n, Front: meta, Extents: count,
		Parts: []allocPart{{Count: count, Apart: tx.pvsOf(old)}},
	})
	return places, fronts, meta, err
}

// newRAIDLeg adds a leg that the kernel is to write anew from the others.
func (tx *Tx) newRAIDLeg(lv *metadata.LogicalVolume, n int, front metadata.Segment, segments []metadata.Segment) (metadata.RAIDLeg, error) {
	leg, image, err := tx.legParts(lv, n, front, segments)
	if err != nil {
		return leg, err
	}
	meanwhile := *image
	meanwhile.Status |= metadata.LVRebuild
	return leg, tx.putMeanwhile(-1, image, &meanwhile)
}

// legParts makes the parts of a new leg, with blank metadata. The image is not added yet.
func (tx *Tx) legParts(lv *metadata.LogicalVolume, n int, front metadata.Segment, segments []metadata.Segment) (leg metadata.RAIDLeg, image *metadata.LogicalVolume, err error) {
	meta, err := tx.raidPart(lv, "rmeta", n)
	if err != nil {
		return leg, nil, err
	}
	meta.Segments = []metadata.Segment{front}
	if err := tx.put(-1, meta); err != nil {
		return leg, nil, err
	}
	tx.clearMeta(meta.ID)
	if image, err = tx.raidPart(lv, "rimage", n); err != nil {
		return leg, nil, err
	}
	image.Segments = segments
	return metadata.RAIDLeg{Meta: meta.ID, Image: image.ID}, image, nil
}

// legSizes returns how many extents the image and the metadata of a leg have.
func (tx *Tx) legSizes(body *metadata.RAID) (image, meta Extents, err error) {
	for _, leg := range body.Legs {
		for _, seg := range tx.find(leg.Image).Segments {
			switch seg.Body.(type) {
			case *metadata.Striped, *metadata.Virtual:
			default:
				return 0, 0, fault(ErrUnsupported, "image %s is of type %s: it cannot be replaced", tx.nameOf(leg.Image), seg.Type)
			}
		}
		image, meta = tx.find(leg.Image).Extents(), max(meta, tx.find(leg.Meta).Extents())
	}
	return image, meta, nil
}

// pvsOf returns the physical volumes that a volume lies on.
func (tx *Tx) pvsOf(lv *metadata.LogicalVolume) []metadata.ID {
	var out []metadata.ID
	for _, part := range tx.withOwned(lv) {
		for _, area := range areasOnPVs(part, tx.find) {
			if !slices.Contains(out, area.PV) {
				out = append(out, area.PV)
			}
		}
	}
	return out
}
