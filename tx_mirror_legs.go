package lvm

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// layerInfix is in the name of the volume that a mirror is kept as while it gets
// more legs. Source: lvm2 as observed.
const layerInfix = "_mimagetmp_"

// MirrorLegsSpec says what legs a volume gets. The zero value adds one.
type MirrorLegsSpec struct {
	// Add is how many.
	Add int
	// Log and RegionSize are as in [MirrorSpec], for a volume that becomes a
	// mirror. One that is a mirror keeps what it has.
	Log        MirrorLog
	RegionSize Bytes
	// PVs and Allocation are as in [LVSpec].
	PVs        []PVSelection
	Allocation Allocation
}

// AddMirrorLegs makes a mirror of a linear or striped volume, or gives a mirror
// more legs. The kernel copies what is on the volume while it is in use. A mirror
// goes on as it is beneath another one meanwhile, so that no copy is given up: once
// all is copied, [Tx.FinishMirrorLegs] makes one of the two.
// [System.AddMirrorLegs] does both. lvm2: lvconvert --mirrors +n.
//
// Returns errors as [Tx.CreateLV] does, and ones matching [ErrLVNotFound],
// [ErrConverting] if the mirror gets legs already, or [ErrUnsupported] if the
// volume is of another type, has snapshots or is one.
func (tx *Tx) AddMirrorLegs(lv string, spec MirrorLegsSpec) error {
	return tx.fail("add mirror legs", lv, tx.whole(func() error { return tx.addMirrorLegs(lv, spec) }))
}

func (tx *Tx) addMirrorLegs(ref string, spec MirrorLegsSpec) error {
	old, i, err := tx.lvToChange(ref, ErrMissingPV)
	if err != nil {
		return err
	}
	if err := tx.withoutMissing(old); err != nil {
		return err
	}
	if spec.Add == 0 {
		spec.Add = 1
	}
	policy, err := lvPolicy(spec.Allocation)
	if err != nil {
		return err
	}
	if spec.Log > MirrorLogCore {
		return fault(ErrInvalidSpec, "unknown log %d", uint8(spec.Log))
	}
	pvs, err := tx.selection(spec.PVs)
	if err != nil {
		return err
	}
	n := old.Extents()
	body, legs := &metadata.Mirror{}, []*metadata.LogicalVolume{old}
	mirror := kindOf(old) != nil
	if mirror {
		if body, legs, err = tx.mirrorOf(old); err != nil {
			return err
		}
		if tx.layerOf(body) != nil {
			return fault(ErrConverting, "lv %s gets legs already: FinishMirrorLegs ends that", old.Name)
		}
	} else if err := tx.mayBeLeg(old); err != nil {
		return err
	}
	if spec.Add < 1 || len(legs)+spec.Add > maxMirrorLegs {
		return fault(ErrInvalidSpec, "%d legs and %d more: up to %d are possible", len(legs), spec.Add, maxMirrorLegs)
	}
	request := allocRequest{Name: old.Name, Policy: resolvePolicy(tx.vg, old, policy), Stripes: spec.Add,
		Extents: n * Extents(spec.Add), PVs: pvs, Parts: tx.besideLegs(legs, n, spec.Add)}
	pieces, err := tx.emap.allocate(tx.vg, request)
	if err != nil {
		return err
	}
	if mirror {
		return tx.layer(old, i, body, pieces, spec.Add)
	}
	if body.RegionSize, err = regionSize(spec.RegionSize); err != nil {
		return err
	}
	if length, ok := n.Sectors(tx.vg.ExtentSize); ok {
		body.RegionSize = min(body.RegionSize, powerBelow(length))
	}
	return tx.becomeMirror(old, i, body, pieces, spec, request)
}

// mayBeLeg refuses volumes that cannot become the first leg of a mirror.
func (tx *Tx) mayBeLeg(lv *metadata.LogicalVolume) error {
	for i := range lv.Segments {
		if _, ok := lv.Segments[i].Body.(*metadata.Striped); !ok {
			return fault(ErrUnsupported, "lv %s has a segment of type %s: it cannot be mirrored", lv.Name, lv.Segments[i].Type)
		}
	}
	if _, cow := tx.snapshotBy(lv.ID); cow || len(tx.snapshotsOf(lv.ID)) > 0 {
		return fault(ErrUnsupported, "lv %s has snapshots, or is one: it cannot be mirrored", lv.Name)
	}
	if len(tx.ties().users[lv.ID]) > 0 {
		return fault(ErrUnsupported, "lv %s is shared by others: it cannot be mirrored", lv.Name)
	}
	return nil
}

// besideLegs says what new legs are parallel to.
func (tx *Tx) besideLegs(legs []*metadata.LogicalVolume, n Extents, add int) []allocPart {
	var out []allocPart
	for at := Extents(0); at < n; {
		end, apart := n, []metadata.ID(nil)
		for _, leg := range legs {
			seg := segmentAt(leg, at)
			if seg == nil {
				continue
			}
			end = min(end, seg.Start+seg.Count)
			for _, a := range seg.Body.Areas() {
				apart = append(apart, a.PV)
			}
		}
		out = append(out, allocPart{Count: (end - at) * Extents(add), Apart: apart})
		at = end
	}
	return out
}

// becomeMirror makes a mirror of a volume, whose extents become its first leg.
func (tx *Tx) becomeMirror(old *metadata.LogicalVolume, i int, body *metadata.Mirror, pieces []allocPiece, spec MirrorLegsSpec, request allocRequest) error {
	first, err := tx.partOf(old, legSuffix+"0")
	if err != nil {
		return err
	}
	first.Segments = slices.Clone(old.Segments)
	legs := map[metadata.ID]*metadata.LogicalVolume{first.ID: first}
	order := []*metadata.LogicalVolume{first}
	body.Legs = []metadata.Area{{LV: first.ID}}
	with := tx.emap.clone() // the map once the legs have their extents
	for k := range spec.Add {
		leg, err := tx.partOf(old, legSuffix+strconv.Itoa(k+1))
		if err != nil {
			return err
		}
		leg.Segments = appendSegments(leg, legPieces(pieces, k), 0)
		if err := with.setLV(leg); err != nil {
			return err
		}
		legs[leg.ID], order = leg, append(order, leg)
		body.Legs = append(body.Legs, metadata.Area{LV: leg.ID})
	}
	if spec.Log == MirrorLogDisk {
		request.Parts = nil
		find := func(id metadata.ID) *metadata.LogicalVolume { return legs[id] }
		if body.Log, err = tx.newLog(old, old.Extents(), body, false, request, with, find); err != nil {
			return err
		}
	}
	lv := *old
	lv.Segments = []metadata.Segment{{Count: old.Extents(), Type: "mirror", Body: body}}
	if err := tx.put(i, &lv); err != nil {
		return err
	}
	for _, leg := range order {
		if err := tx.put(-1, leg); err != nil {
			return err
		}
	}
	return nil
}

// layer puts another mirror over one: of that one, by another name, and the new
// legs.
func (tx *Tx) layer(old *metadata.LogicalVolume, i int, body *metadata.Mirror, pieces []allocPiece, add int) error {
	next := tx.nextLeg(old, body)
	below, err := tx.partOf(old, layerInfix+strconv.Itoa(next))
	if err != nil {
		return err
	}
	below.Segments = slices.Clone(old.Segments)
	upper := &metadata.Mirror{RegionSize: body.RegionSize, Legs: []metadata.Area{{LV: below.ID}}}
	if err := tx.put(-1, below); err != nil {
		return err
	}
	for k := range add {
		leg, err := tx.newLeg(old, next+k, legPieces(pieces, k))
		if err != nil {
			return err
		}
		upper.Legs = append(upper.Legs, metadata.Area{LV: leg.ID})
	}
	return tx.put(i, withBody(old, upper))
}

// nextLeg returns the number of the next leg.
func (tx *Tx) nextLeg(lv *metadata.LogicalVolume, body *metadata.Mirror) int {
	next := len(body.Legs)
	for _, area := range body.Legs {
		leg := tx.find(area.LV)
		if leg == nil {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimPrefix(leg.Name, lv.Name+legSuffix)); err == nil && n < maxLegNumber {
			next = max(next, n+1)
		}
	}
	return next
}

// maxLegNumber keeps the numbers in the names of legs small.
const maxLegNumber = 1 << 20

// layerOf returns the mirror beneath one that gets legs, nil if it does not.
func (tx *Tx) layerOf(body *metadata.Mirror) *metadata.LogicalVolume {
	if len(body.Legs) == 0 {
		return nil
	}
	if lv := tx.find(body.Legs[0].LV); lv != nil && strings.Contains(lv.Name, layerInfix) {
		return lv
	}
	return nil
}

// FinishMirrorLegs makes one mirror of the two that there are while a mirror gets
// legs. All must be copied. A mirror that gets none stays as it is. lvm2:
// lvconvert.
//
// Returns errors matching [ErrLVNotFound], [ErrNotActive] if the mirror has no
// device, so that nothing copies, and, now or when it is carried out, [ErrNotInSync]
// if not all is copied or [ErrDegraded] if a leg has failed.
func (tx *Tx) FinishMirrorLegs(lv string) error {
	return tx.fail("finish mirror legs", lv, tx.whole(func() error { return tx.finishMirrorLegs(lv) }))
}

func (tx *Tx) finishMirrorLegs(ref string) error {
	old, i, err := tx.lvToChange(ref, ErrMissingPV)
	if err != nil {
		return err
	}
	if err := tx.withoutMissing(old); err != nil {
		return err
	}
	upper, _, err := tx.mirrorOf(old)
	if err != nil {
		return err
	}
	below := tx.layerOf(upper)
	if below == nil {
		return nil
	}
	body, _, err := tx.mirrorOf(below)
	if err != nil {
		return err
	}
	if tx.sys.kernel != nil && !tx.staysActive(old.ID) {
		return fault(ErrNotActive, "lv %s has no device: nothing is copied", old.Name)
	}
	if err := tx.needSync(old, upper); err != nil {
		return err
	}
	if alike, err := tx.mirrorInSync(below, body); err != nil {
		return err
	} else if alike && body.Log.IsZero() {
		tx.skipSync(old.ID)
	}
	body.Legs = append(body.Legs, upper.Legs[1:]...)
	tx.drop(tx.indexOf(below.ID))
	return tx.put(i, withBody(old, body))
}

// DropMirrorLegs takes legs out of a mirror, as many as given, 1 if that is 0: those
// on the given physical volumes, or the last ones. With one leg left it is no mirror
// any more. If it is just getting legs, these are what goes, whatever is given.
// lvm2: lvconvert --mirrors -n.
//
// Returns errors matching [ErrLVNotFound], [ErrInvalidSpec] if there are not that
// many legs, or [ErrUnsupported] if it is no mirror; where the first leg goes, that
// the others are copied from, also [ErrNotInSync] or [ErrDegraded].
func (tx *Tx) DropMirrorLegs(lv string, n int, pvs ...string) error {
	return tx.fail("drop mirror legs", lv, tx.whole(func() error { return tx.dropMirrorLegs(lv, n, pvs) }))
}

func (tx *Tx) dropMirrorLegs(ref string, n int, pvs []string) error {
	old, i, err := tx.lvToChange(ref, ErrMissingPV)
	if err != nil {
		return err
	}
	body, legs, err := tx.mirrorOf(old)
	if err != nil {
		return err
	}
	if below := tx.layerOf(body); below != nil {
		return tx.endLayer(old, i, below, legs[1:])
	}
	going, err := tx.legsToDrop(legs, max(n, 1), pvs)
	if err != nil {
		return err
	}
	if going[0] {
		if err := tx.needSync(old, body, positions(going)...); err != nil {
			return err
		}
	}
	return tx.withoutLegs(old, i, body, legs, going)
}

// endLayer gives a mirror back what it was before it got legs.
func (tx *Tx) endLayer(old *metadata.LogicalVolume, i int, below *metadata.LogicalVolume, legs []*metadata.LogicalVolume) error {
	body, _, err := tx.mirrorOf(below)
	if err != nil {
		return err
	}
	if alike, err := tx.mirrorInSync(below, body); err != nil {
		return err
	} else if alike && body.Log.IsZero() {
		tx.skipSync(old.ID)
	}
	tx.drop(tx.indexOf(below.ID))
	if err := tx.put(i, withBody(old, body)); err != nil {
		return err
	}
	tx.dropAll(legs)
	return nil
}

// legsToDrop chooses n legs, but never all.
func (tx *Tx) legsToDrop(legs []*metadata.LogicalVolume, n int, pvs []string) ([]bool, error) {
	if n >= len(legs) {
		return nil, fault(ErrInvalidSpec, "%d of %d legs are to go: one has to stay", n, len(legs))
	}
	on := map[metadata.ID]bool{}
	for _, ref := range pvs {
		id, ok := findPV(tx.vg, tx.members, ref)
		if !ok {
			return nil, &OpError{Op: "find pv", PV: ref, Err: ErrPVNotFound}
		}
		on[id] = true
	}
	going := make([]bool, len(legs))
	for k, leg := range slices.Backward(legs) {
		may := len(pvs) == 0
		if !may {
			may = true
			for _, a := range areasOnPVs(leg, tx.find) {
				may = may && on[a.PV]
			}
		}
		if may && n > 0 {
			going[k] = true
			n--
		}
	}
	if n > 0 {
		return nil, fault(ErrInvalidSpec, "%d legs more are to go than lie on these physical volumes", n)
	}
	return going, nil
}

// withoutLegs takes legs out.
func (tx *Tx) withoutLegs(old *metadata.LogicalVolume, i int, body *metadata.Mirror, legs []*metadata.LogicalVolume, going []bool) error {
	var gone, left []*metadata.LogicalVolume
	own := *body
	own.Legs = nil
	for k, leg := range legs {
		if going[k] {
			gone = append(gone, leg)
			continue
		}
		left = append(left, leg)
		own.Legs = append(own.Legs, body.Legs[k])
	}
	if len(left) > 1 {
		if body.Log.IsZero() {
			if alike, err := tx.mirrorInSync(old, body, positions(going)...); err != nil {
				return err
			} else if alike {
				tx.skipSync(old.ID)
			}
		}
		if err := tx.put(i, withBody(old, &own)); err != nil {
			return err
		}
		tx.dropAll(gone)
		return nil
	}
	gone = append(gone, left[0])
	if log := tx.find(body.Log); log != nil {
		gone = append(gone, log)
	}
	lv := *old
	lv.Status &^= metadata.LVNotSynced
	lv.Segments = slices.Clone(left[0].Segments)
	tx.dropAll(gone)
	return tx.put(i, &lv)
}

func positions(set []bool) []int {
	var out []int
	for k, in := range set {
		if in {
			out = append(out, k)
		}
	}
	return out
}

// SplitMirrorLeg makes a volume of its own of the last leg of a mirror, with what
// that holds now. lvm2: lvconvert --splitmirrors 1.
//
// Returns errors as [Tx.DropMirrorLegs], and matching [ErrInvalidName],
// [ErrExists], [ErrNotInSync] or [ErrDegraded].
func (tx *Tx) SplitMirrorLeg(lv, name string) error {
	return tx.fail("split mirror leg", lv, tx.whole(func() error { return tx.splitMirrorLeg(lv, name) }))
}

func (tx *Tx) splitMirrorLeg(ref, name string) error {
	old, i, err := tx.lvToChange(ref)
	if err != nil {
		return err
	}
	if name, err = tx.newLVName(name); err != nil {
		return err
	}
	body, legs, err := tx.mirrorOf(old)
	if err != nil {
		return err
	}
	if tx.layerOf(body) != nil {
		return fault(ErrConverting, "lv %s gets legs", old.Name)
	}
	if err := tx.needSync(old, body); err != nil {
		return err
	}
	leg := *legs[len(legs)-1]
	leg.Name, leg.Status = name, leg.Status|metadata.LVVisible
	leg.Status = leg.Status&^(metadata.LVWrite|metadata.LVWriteLocked) | old.Status&(metadata.LVWrite|metadata.LVWriteLocked)
	going := make([]bool, len(legs))
	going[len(legs)-1] = true
	if err := tx.withoutLegs(old, i, body, legs, going); err != nil {
		return err
	}
	if err := tx.put(-1, &leg); err != nil {
		return err
	}
	tx.want(leg.ID, wish{activate: tx.staysActive(old.ID)})
	return nil
}

// SetMirrorLog gives a mirror a log of another kind. lvm2: lvconvert --mirrorlog.
//
// Returns a *[SpaceError] if there is no room for it, and errors as
// [Tx.DropMirrorLegs].
func (tx *Tx) SetMirrorLog(lv string, log MirrorLog) error {
	return tx.fail("set mirror log", lv, tx.whole(func() error { return tx.setMirrorLog(lv, log) }))
}

func (tx *Tx) setMirrorLog(ref string, kind MirrorLog) error {
	old, i, err := tx.lvToChange(ref, ErrMissingPV)
	if err != nil {
		return err
	}
	if err := tx.withoutMissing(old); err != nil {
		return err
	}
	body, _, err := tx.mirrorOf(old)
	if err != nil {
		return err
	}
	switch {
	case kind > MirrorLogCore:
		return fault(ErrInvalidSpec, "unknown log %d", uint8(kind))
	case tx.layerOf(body) != nil:
		return fault(ErrConverting, "lv %s gets legs", old.Name)
	case body.Log.IsZero() == (kind == MirrorLogCore):
		return nil
	}
	inSync, err := tx.mirrorInSync(old, body)
	if err != nil {
		return err
	}
	if inSync && tx.staysActive(old.ID) {
		if err := tx.needSync(old, body); err != nil {
			return err
		}
		tx.skipSync(old.ID)
	}
	own := *body
	if kind == MirrorLogCore {
		log := tx.find(body.Log)
		own.Log = metadata.ID{}
		if err := tx.put(i, withBody(old, &own)); err != nil {
			return err
		}
		tx.dropAll([]*metadata.LogicalVolume{log})
		return nil
	}
	request := allocRequest{Name: old.Name, Policy: resolvePolicy(tx.vg, old, metadata.AllocInherit)}
	if own.Log, err = tx.newLog(old, old.Extents(), &own, inSync, request, tx.emap, tx.find); err != nil {
		return err
	}
	return tx.put(i, withBody(old, &own))
}
