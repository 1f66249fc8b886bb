package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// RAIDLegsSpec says what legs a volume gets. The zero value adds one.
type RAIDLegsSpec struct {
	// Add is how many.
	Add int
	// RegionSize is as in [RAIDSpec], for a volume that becomes a raid1. One that is a
	// raid1 keeps what it has.
	RegionSize Bytes
	// PVs are where the new legs come to lie, in the order of preference; all physical
	// volumes if empty. None that the volume is on gets a leg, unless the policy is
	// anywhere.
	PVs []PVSelection
	// Allocation is the policy for this; that of the volume if it is AllocInherit.
	Allocation Allocation
}

// AddRAIDLegs makes a raid1 of a linear volume, or gives a raid1 more legs, while
// it is in use. The kernel writes the new legs, which [System.WaitSync] waits for.
// In image mode a linear volume can become a raid1: its new legs are written when
// it is activated. lvm2: lvconvert --type raid1 --mirrors +n.
//
// Returns errors as [Tx.CreateLV] does, and ones matching [ErrLVNotFound],
// [ErrNotActive] if it has to be active, [ErrNotInSync] or [ErrDegraded] if legs of
// the raid1 are not in order, or [ErrUnsupported] if the volume is of another type,
// has snapshots or is one.
func (tx *Tx) AddRAIDLegs(lv string, spec RAIDLegsSpec) error {
	return tx.fail("add legs to lv", lv, tx.whole(func() error { return tx.addRAIDLegs(lv, spec) }))
}

func (tx *Tx) addRAIDLegs(ref string, spec RAIDLegsSpec) error {
	old, i, err := tx.lvToChange(ref)
	if err != nil {
		return err
	}
	if spec.Add == 0 {
		spec.Add = 1
	}
	if tx.sys.kernel != nil && !tx.staysActive(old.ID) {
		return fault(ErrNotActive, "lv %s has to be active: the kernel writes the legs", old.Name)
	}
	lv, body := old, (*metadata.RAID)(nil)
	if kindOf(old) == nil {
		if body, err = tx.newRAID1(old, spec.RegionSize); err != nil {
			return err
		}
	} else if lv, body, err = tx.raid1(old); err != nil {
		return err
	} else if err := tx.checkSources(old, nil); err != nil {
		return err
	}
	have := max(len(body.Legs), 1)
	if spec.Add < 1 || have+spec.Add > metadata.MaxRAIDLegs {
		return fault(ErrInvalidSpec, "%d legs and %d more: up to %d are possible", have, spec.Add, metadata.MaxRAIDLegs)
	}
	policy, pvs, err := tx.place(spec.Allocation, spec.PVs)
	if err != nil {
		return err
	}
	size, ok := old.Extents().Sectors(tx.vg.ExtentSize)
	if !ok {
		return fault(ErrInvalidSize, "lv %s is too large", old.Name)
	}
	front := metaExtents(size, body.RegionSize, tx.vg.ExtentSize)
	for _, leg := range body.Legs {
		front = max(front, tx.find(leg.Meta).Extents())
	}
	count := old.Extents() * Extents(spec.Add)
	pieces, fronts, err := tx.emap.allocateBehind(tx.vg, allocRequest{
		Name: old.Name, Policy: resolvePolicy(tx.vg, old, policy), PVs: pvs, Owned: make([]pvSet, spec.Add),
		Stripes: spec.Add, Front: front, Extents: count, Parts: []allocPart{{Count: count, Apart: tx.pvsOf(old)}},
	})
	if err != nil {
		return err
	}
	if kindOf(old) == nil {
		copied := *old
		lv = &copied
		lv.Segments = []metadata.Segment{{Count: old.Extents(), Type: string(SegmentRAID1), Body: body}}
	}
	legs := make([]metadata.RAIDLeg, spec.Add)
	parts := make([][2]*metadata.LogicalVolume, spec.Add) // metadata and image
	with := tx.emap.clone()                               // the map once the new legs have their extents
	for n := range legs {
		meta, err := tx.raidPart(old, "rmeta", have+n)
		if err != nil {
			return err
		}
		image, err := tx.raidPart(old, "rimage", have+n)
		if err != nil {
			return err
		}
		meta.Segments = []metadata.Segment{linearSegment(fronts[n], 0, front)}
		image.Segments = imageSegments(nil, pieces, n, spec.Add)
		legs[n], parts[n] = metadata.RAIDLeg{Meta: meta.ID, Image: image.ID}, [2]*metadata.LogicalVolume{meta, image}
		if err := joinErrors(with.setLV(meta), with.setLV(image)); err != nil {
			return err
		}
	}
	var meta, image *metadata.LogicalVolume // of the leg that the volume becomes
	if len(body.Legs) == 0 {
		if meta, image, err = tx.firstLeg(old, front, with); err != nil {
			return err
		}
		body.Legs = []metadata.RAIDLeg{{Meta: meta.ID, Image: image.ID}}
	}
	body.Legs = append(body.Legs, legs...)
	if err := tx.put(i, lv); err != nil {
		return err
	}
	if meta != nil { // in this order lvm2 has them in the text
		if err := tx.put(-1, meta); err != nil {
			return err
		}
		tx.clearMeta(meta.ID)
	}
	for _, part := range parts {
		if err := tx.put(-1, part[0]); err != nil {
			return err
		}
		tx.clearMeta(part[0].ID)
		meanwhile := *part[1]
		meanwhile.Status |= metadata.LVRebuild
		if err := tx.putMeanwhile(-1, part[1], &meanwhile); err != nil {
			return err
		}
	}
	if image != nil {
		return tx.put(-1, image)
	}
	return nil
}

// newRAID1 returns the body, still without legs, of the raid1 that a volume is to
// become.
func (tx *Tx) newRAID1(lv *metadata.LogicalVolume, region Bytes) (*metadata.RAID, error) {
	if err := tx.mayBeLeg(lv); err != nil {
		return nil, err
	}
	for i := range lv.Segments {
		if len(areasOf(&lv.Segments[i])) != 1 {
			return nil, fault(ErrUnsupported, "lv %s has stripes: it cannot become a raid1", lv.Name)
		}
	}
	if region == 0 {
		region = defaultRegionSize
	}
	if err := checkRegionSize(region); err != nil {
		return nil, err
	}
	size, ok := lv.Extents().Sectors(tx.vg.ExtentSize)
	if !ok {
		return nil, fault(ErrInvalidSize, "lv %s is too large", lv.Name)
	}
	return &metadata.RAID{RegionSize: regionsFor(region.Sectors(), size)}, nil
}

// firstLeg returns the leg that a volume becomes: its metadata, on a physical volume
// that it is on and where the map has room, and its image.
func (tx *Tx) firstLeg(lv *metadata.LogicalVolume, extents Extents, m *ExtentMap) (meta, image *metadata.LogicalVolume, err error) {
	if meta, err = tx.metaBeside(lv, 0, lv, extents, m); err != nil {
		return nil, nil, err
	}
	if image, err = tx.raidPart(lv, "rimage", 0); err != nil {
		return nil, nil, err
	}
	image.Segments = lv.Segments
	return meta, image, nil
}

// metaBeside returns the metadata of leg n of the raid that lv becomes, on a physical
// volume that the image of the leg is on and where the map has room.
func (tx *Tx) metaBeside(lv *metadata.LogicalVolume, n int, image *metadata.LogicalVolume, extents Extents, m *ExtentMap) (*metadata.LogicalVolume, error) {
	request := allocRequest{Name: lv.Name, Policy: metadata.AllocNormal, Extents: extents}
	for _, pv := range tx.pvsOf(image) {
		request.PVs = append(request.PVs, allocPV{PV: pv})
	}
	pieces, err := m.allocate(tx.vg, request)
	if err != nil {
		return nil, err
	}
	meta, err := tx.raidPart(lv, "rmeta", n)
	if err != nil {
		return nil, err
	}
	meta.Segments = appendSegments(meta, pieces, 0)
	return meta, nil
}

// raid1 returns copies of the record and body of a raid1 that nothing else is being
// done with, and that is active if there is a kernel.
func (tx *Tx) raid1(old *metadata.LogicalVolume) (*metadata.LogicalVolume, *metadata.RAID, error) {
	if _, ok := kindOf(old).(raidType); !ok || old.Segments[0].BaseType() != string(SegmentRAID1) {
		return nil, nil, fault(ErrUnsupported, "lv %s is no raid1", old.Name)
	}
	if err := tx.mendableRAID(old); err != nil {
		return nil, nil, err
	}
	if len(tx.snapshotsOf(old.ID)) > 0 {
		return nil, nil, fault(ErrUnsupported, "lv %s has snapshots: its legs stay as they are", old.Name)
	}
	for _, image := range tx.images(old.Segments[0].Body.(*metadata.RAID)) {
		for i := range image.Segments {
			switch image.Segments[i].Body.(type) {
			case *metadata.Striped, *metadata.Virtual:
			default:
				return nil, nil, fault(ErrUnsupported, "image %s is of type %s: the legs of lv %s stay as they are", image.Name, image.Segments[i].Type, old.Name)
			}
		}
	}
	if !tx.staysActive(old.ID) {
		return nil, nil, fault(ErrNotActive, "lv %s has to be active: only the kernel knows which legs hold its data", old.Name)
	}
	lv, body := raidCopy(old)
	return lv, body, nil
}

// DropRAIDLegs takes legs out of a raid1, as many as given, 1 if that is 0: those
// that lie on the given physical volumes, or the last ones. With one leg left it is
// a linear volume. lvm2: lvconvert --mirrors -n.
//
// Returns errors matching [ErrLVNotFound], [ErrNotActive], [ErrInvalidSpec] if there
// are not that many legs, [ErrNotInSync] or [ErrDegraded] if those that stay do not
// hold all data, or [ErrUnsupported] if it is no raid1.
func (tx *Tx) DropRAIDLegs(lv string, n int, pvs ...string) error {
	return tx.fail("drop legs of lv", lv, tx.whole(func() error {
		old, i, err := tx.lvToChange(lv, ErrMissingPV)
		if err != nil {
			return err
		}
		next, body, err := tx.raid1(old)
		if err != nil {
			return err
		}
		going, err := tx.legsToDrop(tx.images(body), max(n, 1), pvs)
		if err != nil {
			return err
		}
		if err := tx.checkSources(old, positions(going)); err != nil {
			return err
		}
		return tx.withoutRAIDLegs(next, i, body, going, nil)
	}))
}

func (tx *Tx) images(body *metadata.RAID) []*metadata.LogicalVolume {
	var out []*metadata.LogicalVolume
	for _, leg := range body.Legs {
		out = append(out, tx.find(leg.Image))
	}
	return out
}

// withoutRAIDLegs takes legs out of a raid1, whose record and body are the
// transaction's own. keep is an image among them that stays as a volume.
func (tx *Tx) withoutRAIDLegs(lv *metadata.LogicalVolume, i int, body *metadata.RAID, going []bool, keep *metadata.LogicalVolume) error {
	var gone []*metadata.LogicalVolume
	var left []metadata.RAIDLeg
	for n, leg := range body.Legs {
		if !going[n] {
			left = append(left, leg)
			continue
		}
		if gone = append(gone, tx.find(leg.Meta)); keep == nil || leg.Image != keep.ID {
			gone = append(gone, tx.find(leg.Image))
		}
	}
	if len(left) == 1 {
		meta, image := tx.find(left[0].Meta), tx.find(left[0].Image)
		tx.dropAll(append(gone, meta, image))
		lv.Status &^= metadata.LVNotSynced
		lv.Segments = slices.Clone(image.Segments)
		return tx.put(i, lv)
	}
	tx.dropAll(gone)
	body.Legs = left
	if err := tx.renumberLegs(lv, left); err != nil {
		return err
	}
	return tx.put(i, lv)
}

// renumberLegs names the parts of legs after where these are now.
func (tx *Tx) renumberLegs(lv *metadata.LogicalVolume, legs []metadata.RAIDLeg) error {
	for n, leg := range legs {
		for _, part := range []struct {
			kind string
			id   metadata.ID
		}{{"rmeta", leg.Meta}, {"rimage", leg.Image}} {
			if part.id.IsZero() {
				continue
			}
			rec := *tx.find(part.id)
			if rec.Name = raidPartName(lv, part.kind, n); rec.Name == tx.nameOf(part.id) {
				continue
			}
			if err := tx.put(tx.indexOf(part.id), &rec); err != nil {
				return err
			}
		}
	}
	return nil
}

// SplitRAIDLeg makes a volume of its own of the last leg of a raid1, or of the one
// on the given physical volumes, with what that holds now. lvm2: lvconvert
// --splitmirrors 1 --name.
//
// Returns errors as [Tx.DropRAIDLegs], and matching [ErrInvalidName] or [ErrExists].
func (tx *Tx) SplitRAIDLeg(lv, name string, pvs ...string) error {
	return tx.fail("split leg off lv", lv, tx.whole(func() error { return tx.splitRAIDLeg(lv, name, pvs) }))
}

func (tx *Tx) splitRAIDLeg(ref, name string, pvs []string) error {
	old, i, err := tx.lvToChange(ref)
	if err != nil {
		return err
	}
	if name, err = tx.newLVName(name); err != nil {
		return err
	}
	lv, body, err := tx.raid1(old)
	if err != nil {
		return err
	}
	going, err := tx.legsToDrop(tx.images(body), 1, pvs)
	if err != nil {
		return err
	}
	if err := tx.checkSources(old, nil); err != nil {
		return err
	}
	leg := *tx.find(body.Legs[positions(going)[0]].Image)
	leg.Name, leg.Status = name, leg.Status|metadata.LVVisible
	leg.Status = leg.Status&^(metadata.LVWrite|metadata.LVWriteLocked) | old.Status&(metadata.LVWrite|metadata.LVWriteLocked)
	if err := tx.put(tx.indexOf(leg.ID), &leg); err != nil {
		return err
	}
	tx.showImage(leg.ID)
	return tx.withoutRAIDLegs(lv, i, body, going, &leg)
}

// showImage has an image that leaves its raid activated as a volume. It has to come to
// rest after the raid, which writes to it until then.
func (tx *Tx) showImage(image metadata.ID) {
	tx.want(image, wish{activate: true})
	tx.order = slices.Insert(slices.DeleteFunc(tx.order, func(id metadata.ID) bool { return id == image }), 0, image)
}
