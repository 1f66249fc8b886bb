package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// LVSpec says what a new logical volume is like. Only Size is required.
type LVSpec struct {
	// Name is lvol0, lvol1, ... if empty.
	Name string
	// Size is rounded up to whole extents and stripes; a percentage is rounded
	// down, and takes what there is if there is less.
	Size Size
	// Type is linear or striped, by Stripes, if empty. A volume of the types error
	// and zero has no storage: its size is not limited by the group's.
	Type SegmentType
	// Stripes is how many physical volumes the data is dealt out to in turn; 0
	// and 1 make a linear volume.
	Stripes int
	// StripeSize is how much goes to one stripe at a time: a power of two, at
	// least 4 KiB. 64 KiB if zero; never more than an extent.
	StripeSize Bytes
	// PVs are the physical volumes to use, in this order of preference; all if
	// empty.
	PVs []PVSelection
	// Allocation is the policy of the volume; the group's if zero.
	Allocation Allocation
	Tags       []string
	ReadOnly   bool
	// ReadAhead is as in [Tx.SetLVReadAhead], Minor as in
	// [Tx.SetLVPersistentMinor].
	ReadAhead ReadAhead
	Minor     Minor
	// Inactive leaves the volume without a device.
	Inactive bool
	// ActivationSkip marks the volume to stay inactive unless it is activated with
	// IgnoreSkip, this time included; see [ActivateOptions].
	ActivationSkip bool
	// NoAutoActivation marks it not to be activated by [Tx.AutoActivate] or when a
	// host starts.
	NoAutoActivation bool
	// SkipZero leaves the first 4 KiB as they are, KeepSignatures what looks
	// like a file system or the like. Without them both are overwritten, so that
	// nothing old is found on the new volume.
	SkipZero, KeepSignatures bool
	// ID is the UUID, a random one if zero.
	ID ID
}

const (
	defaultStripeSize = 64 * units.KiB
	minStripeSize     = 4 * units.KiB
	maxStripes        = 128
	// zeroedHead is how much of a new volume is zeroed in front.
	zeroedHead = 4 * units.KiB
)

// CreateLV makes a logical volume and, with a kernel, activates it if this host
// may ([VolumeLists]). lvm2: lvcreate.
//
// Returns a *[SpaceError] (matching [ErrNoSpace]) if there is no room, and errors
// matching [ErrExists], [ErrInvalidName], [ErrInvalidSize], [ErrInvalidSpec],
// [ErrInvalidSelection], or [ErrUnsupported] if it is of a type that is only
// kept. Extents that the same transaction freed are not used: their contents
// have to stay until it is committed.
func (tx *Tx) CreateLV(spec LVSpec) (*LogicalVolume, error) {
	lv, err := tx.createLV(spec)
	if err != nil {
		return nil, tx.fail("create lv", spec.Name, err)
	}
	return tx.viewLV(lv), nil
}

// viewLV returns the view of an LV. The view of its group is the transaction's.
func (tx *Tx) viewLV(lv *metadata.LogicalVolume) *LogicalVolume {
	v := &VolumeGroup{sys: tx.sys, rec: tx.vg, members: tx.members, extents: func() *ExtentMap { return tx.emap }, active: tx.activeAfter(), fresh: tx.st == nil, links: tx.snapshotLinks,
		byLV: func(name string) *metadata.LogicalVolume { found, _ := tx.lookup(name); return found }}
	return &LogicalVolume{vg: v, rec: lv}
}

func (tx *Tx) createLV(spec LVSpec) (*metadata.LogicalVolume, error) {
	if err := tx.own(); err != nil {
		return nil, err
	}
	active := !spec.Inactive && !spec.ActivationSkip
	if active && tx.st != nil && tx.st.noActivate != nil {
		return nil, tx.st.noActivate
	}
	lv, shape, err := tx.newLV(spec)
	if err != nil {
		return nil, err
	}
	if err := tx.grow(lv, spec.Size, growth{typ: spec.Type, shape: shape, pvs: spec.PVs}); err != nil {
		return nil, err
	}
	if err := tx.put(-1, lv); err != nil {
		return nil, err
	}
	tx.want(lv.ID, wish{activate: active && tx.mayActivate(lv)})
	if spec.Type.virtual() {
		return lv, nil // there is nothing to overwrite
	}
	tx.created = append(tx.created, newLV{
		id:             lv.ID,
		keepHead:       spec.SkipZero || spec.ReadOnly,
		keepSignatures: spec.KeepSignatures || spec.SkipZero || spec.ReadOnly,
	})
	return lv, nil
}

// newLV returns the record of a new volume, still without extents, and in what
// shape these are to be.
func (tx *Tx) newLV(spec LVSpec) (*metadata.LogicalVolume, stripeShape, error) {
	fail := func(err error) (*metadata.LogicalVolume, stripeShape, error) { return nil, stripeShape{}, err }
	name, err := tx.newLVName(spec.Name)
	if err != nil {
		return fail(err)
	}
	tags, err := checkTags(spec.Tags)
	if err != nil {
		return fail(err)
	}
	id := spec.ID
	if id.IsZero() {
		if id, err = tx.newID(); err != nil {
			return fail(err)
		}
	}
	lv := &metadata.LogicalVolume{
		Name: name, ID: id, Tags: tags,
		Status:       metadata.LVRead | metadata.LVVisible,
		CreationTime: tx.time(), CreationHost: tx.sys.cfg.Host,
	}
	if !spec.ReadOnly {
		lv.Status |= tx.writable()
	}
	lv.Status = withFlag(lv.Status, metadata.LVActivationSkip, spec.ActivationSkip)
	lv.Status = withFlag(lv.Status, metadata.LVNoAutoactivate, spec.NoAutoActivation)
	if lv.Allocation, err = lvPolicy(spec.Allocation); err != nil {
		return fail(err)
	}
	if lv.ReadAhead, err = lvReadAhead(spec.ReadAhead); err != nil {
		return fail(err)
	}
	if err := tx.setMinor(lv, spec.Minor); err != nil {
		return fail(err)
	}
	if err := spec.Type.check(spec.Stripes, spec.StripeSize, spec.PVs); err != nil {
		return fail(err)
	}
	shape, err := tx.shape(spec.Stripes, spec.StripeSize)
	return lv, shape, err
}

// nextName returns prefix with a number that no volume has after it, or had.
func (tx *Tx) nextName(prefix string) (string, error) {
	next, ok := nextName(prefix, func(yield func(string) bool) {
		for _, lv := range tx.vg.LVs {
			if lv != nil && !yield(lv.Name) {
				return
			}
		}
		for _, h := range tx.vg.History {
			if !yield(h.Name) {
				return
			}
		}
	})
	if !ok {
		return "", fault(ErrInvalidName, "no automatic name is left")
	}
	return next, nil
}

func (tx *Tx) newLVName(name string) (string, error) {
	if name == "" {
		next, err := tx.nextName("lvol")
		if err != nil {
			return "", err
		}
		name = next
	}
	if err := checkNewLVName(tx.vg.Name, name); err != nil {
		return "", err
	}
	if lv, _ := tx.lookup(name); lv != nil && lv.Name == name {
		return "", ErrExists
	}
	if isHistorical(tx.vg, name) {
		return "", errHistorical(name)
	}
	if max := tx.vg.MaxLV; max != 0 {
		visible := uint32(0)
		for _, lv := range tx.vg.LVs {
			if lv != nil && tx.isVisible(lv) {
				visible++
			}
		}
		if visible >= max {
			return "", fault(ErrNoSpace, "vg %s holds at most %d logical volumes", tx.vg.Name, max)
		}
	}
	return name, nil
}

// growth says where and in what shape new extents are to be.
type growth struct {
	typ    SegmentType
	shape  stripeShape
	pvs    []PVSelection
	policy metadata.Allocation // inherit: the volume's, then the group's
	by     bool                // the size is what is added, not the total
	cow    *cowLimits          // of the COW store of a snapshot
}

// grow gives lv, a record of the transaction's own, more extents. A COW store
// that is as large as is of use stays as it is.
func (tx *Tx) grow(lv *metadata.LogicalVolume, size Size, g growth) error {
	if size.IsZero() {
		return fault(ErrInvalidSize, "no size given")
	}
	pvs, err := resolveSelections(tx.vg, g.pvs, func(ref string) (metadata.ID, bool) { return findPV(tx.vg, tx.members, ref) })
	if err != nil {
		return err
	}
	have := lv.Extents()
	context := tx.emap.sizeContext(tx.vg, pvs)
	context.LV, context.Resize = have, have > 0
	if have == 0 {
		context.Stripes = g.shape.stripes // otherwise what is added is rounded below
	}
	if g.cow != nil {
		context.Origin = g.cow.origin
		if have == 0 {
			context.Overhead = g.cow.overhead()
		}
	}
	want, err := size.resolve(context)
	if err != nil {
		return err
	}
	if g.cow != nil && (g.by || want > have) {
		if have >= g.cow.most {
			return nil
		}
		if want = min(want, g.cow.most); g.by {
			want = min(want, g.cow.most-have)
		}
	}
	if !g.by {
		if want <= have && have > 0 {
			return fault(ErrInvalidSize, "size of %d extents is not more than the present %d", want, have)
		}
		want -= have
	}
	if g.typ.virtual() {
		return tx.growVirtual(lv, want, g)
	}
	// A share of the group is the size to have, not to add, if that can be.
	// Source: lvm2 as observed.
	share := !g.by && (size.kind == sizePercentVG || size.kind == sizePercentPVS)
	if share {
		want = min(want, context.Free)
	}
	n := Extents(g.shape.stripes)
	if rest := want % n; rest != 0 {
		if size.IsPercent() && want+n-rest > context.Free {
			want -= rest
		} else {
			want += n - rest
		}
	}
	if want == 0 || want > units.MaxExtents || want+have > units.MaxExtents {
		return fault(ErrInvalidSize, "%d extents added to %d: from 1 to %d in all are possible", want, have, units.MaxExtents)
	}
	policy := resolvePolicy(tx.vg, lv, g.policy)
	request := allocRequest{Name: lv.Name, Policy: policy, Stripes: g.shape.stripes, Extents: want, Partial: share || size.isWish(have > 0), PVs: pvs}
	if have > 0 {
		request.LV = lv
	}
	pieces, err := tx.emap.allocate(tx.vg, request)
	if err != nil {
		return err
	}
	lv.Segments = appendSegments(lv, pieces, g.shape.size)
	return nil
}

// ExtendSpec says how a logical volume grows. One of To and By is required.
type ExtendSpec struct {
	To Size // the size it shall have
	By Size // what is added
	// Type of the new extents is that of the last ones if empty; SegmentLinear and
	// SegmentStriped are needed to put some with storage behind some without.
	Type SegmentType
	// Stripes and StripeSize are those of the volume's striped segments if zero.
	Stripes    int
	StripeSize Bytes
	// PVs and Allocation are as in LVSpec.
	PVs        []PVSelection
	Allocation Allocation
	// ResizeFS makes the file system on it as large as the volume afterwards:
	// ext2, ext3, ext4, xfs or btrfs, mounted or not, or a swap area that is not
	// in use. If there is none, that is no error. lvm2: --resizefs.
	ResizeFS bool
}

// ExtendLV makes a logical volume larger, if it is active while it is in use.
// What is on it does not grow by itself, but see ResizeFS. lvm2: lvextend.
//
// Of a snapshot, it is the COW store that grows, if that has any use: one that is
// large enough for all of the origin stays as it is, without an error. An origin
// grows only while it is not active ([ErrBusy]).
//
// Returns errors as [Tx.CreateLV] does, and one matching [ErrLVNotFound]. With
// ResizeFS, when planned, also [ErrNotActive], [ErrUnsupported] if the volume
// holds something else or image mode is without what it takes, [ErrReadOnly] if
// it is mounted read-only, or [ErrBusy]. Nothing is changed then. If it is the
// growing of the file system that fails, [ApplyError] says Committed: the volume
// is larger, the file system as it was, and [Tx.GrowFS] tries it again.
func (tx *Tx) ExtendLV(lv string, spec ExtendSpec) error {
	return tx.fail("extend lv", lv, tx.extendLV(lv, spec))
}

func (tx *Tx) extendLV(ref string, spec ExtendSpec) error {
	old, i, size, r, err := tx.lvToResize(ref, spec.To, spec.By, false, spec.ResizeFS)
	if err != nil {
		return err
	}
	if r != nil {
		return tx.whole(func() error { return r.extend(tx, old, i, size, spec) })
	}
	cow := tx.cowLimits(old.ID)
	if cow != nil && spec.Type.virtual() {
		return fault(ErrInvalidSpec, "extents of type %s keep nothing: they are of no use in a cow store", string(spec.Type))
	}
	inherited := spec.Type == ""
	if inherited {
		spec.Type = endType(old)
	}
	if err := spec.Type.check(spec.Stripes, spec.StripeSize, spec.PVs); err != nil {
		return err
	}
	if _, err := lvPolicy(spec.Allocation); err != nil {
		return err
	}
	if spec.Type == SegmentLinear || spec.Type.virtual() && !inherited {
		spec.Stripes = 1
	}
	shape, err := tx.shapeLike(old, spec)
	if err != nil {
		return err
	}
	lv := *old
	if err := tx.grow(&lv, size, growth{typ: spec.Type, shape: shape, pvs: spec.PVs, policy: spec.Allocation, by: spec.To.IsZero(), cow: cow}); err != nil {
		return err
	}
	if lv.Extents() == old.Extents() {
		return nil
	}
	if spec.ResizeFS {
		tx.resizeFS(lv.ID)
	}
	return tx.put(i, &lv)
}

// lvToResize returns the LV, its place, the one size that was given, and what
// resizes volumes of its type, nil for plain ones.
func (tx *Tx) lvToResize(ref string, to, by Size, smaller, withFS bool) (*metadata.LogicalVolume, int, Size, resizer, error) {
	lv, i, err := tx.lvToChange(ref)
	if err != nil {
		return nil, 0, Size{}, nil, err
	}
	size, err := oneOf(to, by)
	if err == nil {
		err = tx.checkResize(lv, smaller, withFS)
	}
	var r resizer
	if err == nil {
		r, err = resizerOf(lv)
	}
	return lv, i, size, r, err
}

func oneOf(to, by Size) (Size, error) {
	if to.IsZero() == by.IsZero() {
		return Size{}, fault(ErrInvalidSpec, "either To or By has to be given")
	}
	if by.IsZero() {
		return to, nil
	}
	return by, nil
}

// ReduceSpec says how a logical volume shrinks. One of To and By is required.
type ReduceSpec struct {
	To Size // the size it shall have
	By Size // what is taken off
	// AllowOpen shrinks a volume that is in use: for those who know that what
	// uses it has already become smaller.
	AllowOpen bool
	// ResizeFS makes the file system on it smaller before: btrfs, mounted or
	// not; ext2, ext3 or ext4 that is not mounted; a swap area that is not in
	// use. A file system that leaves room in the smaller volume grows to fill it.
	// AllowOpen does not matter then. lvm2: --resizefs.
	ResizeFS bool
}

// ReduceLV makes a logical volume smaller. What is on it must have been made
// smaller before, or it is destroyed, but see ResizeFS. A striped volume's size
// is rounded up to whole stripes. lvm2: lvreduce.
//
// Of a snapshot, it is the COW store that shrinks, as far as it is not in use, and
// only while the snapshot is not active ([ErrBusy]). A volume with snapshots
// cannot shrink (ErrBusy).
//
// Returns errors matching [ErrLVNotFound], [ErrInvalidSize], or (when planned)
// [ErrBusy] if the volume is in use. With ResizeFS, when planned, also
// [ErrInvalidSize] if the file system needs more, [ErrUnsupported] if it cannot
// shrink, or nothing that is known is on the volume, and those of
// [Tx.ExtendLV]. If a later step fails, the file system gets its old size back;
// after a crash it may be smaller than its volume, and [Tx.GrowFS] mends that.
func (tx *Tx) ReduceLV(lv string, spec ReduceSpec) error {
	return tx.fail("reduce lv", lv, tx.reduceLV(lv, spec))
}

func (tx *Tx) reduceLV(ref string, spec ReduceSpec) error {
	old, i, size, r, err := tx.lvToResize(ref, spec.To, spec.By, true, spec.ResizeFS)
	if err != nil {
		return err
	}
	if r != nil {
		return tx.whole(func() error { return r.reduce(tx, old, i, size, spec) })
	}
	have := old.Extents()
	cow := tx.cowLimits(old.ID)
	// The amount taken off by a percentage is rounded down, a total up.
	context := tx.emap.sizeContext(tx.vg, nil)
	context.LV, context.Resize = have, spec.By.IsZero()
	if cow != nil {
		context.Origin = cow.origin
	}
	n, err := size.resolve(context)
	if err != nil {
		return err
	}
	if !spec.By.IsZero() {
		if n >= have {
			return fault(ErrInvalidSize, "%d extents are to be taken off %d: one has to stay", n, have)
		}
		n = have - n
	}
	segments, err := cutSegments(old, n)
	if err != nil {
		return err
	}
	lv := *old
	lv.Segments = segments
	if now := lv.Extents(); now >= have {
		return fault(ErrInvalidSize, "size of %d extents, rounded to whole stripes, is not less than the present %d", n, have)
	}
	if user := tx.userBeyond(lv.ID, lv.Extents()); user != nil {
		return fault(ErrBusy, "lv %s lies on what would go", user.Name)
	}
	if cow != nil {
		return tx.reduceCOW(i, &lv, cow)
	}
	if err := tx.put(i, &lv); err != nil {
		return err
	}
	w := tx.wishes[lv.ID]
	w.closed = !spec.AllowOpen && !spec.ResizeFS
	tx.want(lv.ID, w)
	tx.noteCut(lv.ID, lv.Extents())
	if spec.ResizeFS {
		tx.resizeFS(lv.ID)
	}
	return nil
}

// cutSegments returns the segments of the first n extents, rounded up to whole
// stripes.
func cutSegments(lv *metadata.LogicalVolume, n Extents) ([]metadata.Segment, error) {
	if n == 0 {
		return nil, fault(ErrInvalidSize, "one extent has to stay")
	}
	var out []metadata.Segment
	for _, seg := range lv.Segments {
		if seg.Start >= n {
			continue
		}
		if keep := n - seg.Start; keep < seg.Count {
			switch body := seg.Body.(type) {
			case *metadata.Striped:
				seg.Count = keep
				if rest := keep % Extents(len(body.Stripes)); rest != 0 {
					seg.Count += Extents(len(body.Stripes)) - rest
				}
			case *metadata.Virtual:
				seg.Count = keep
			default:
				return nil, fault(ErrUnsupported, "segment of type %s cannot be reduced here", seg.Type)
			}
		}
		out = append(out, seg)
	}
	return out, nil
}

// RenameLV gives a logical volume another name, if it is active while it is in
// use. lvm2: lvrename. Returns errors matching [ErrLVNotFound], [ErrExists] or
// [ErrInvalidName].
func (tx *Tx) RenameLV(lv, name string) error {
	return tx.fail("rename lv", lv, tx.renameLV(lv, name))
}

func (tx *Tx) renameLV(ref, name string) error {
	old, i, err := tx.lvToChange(ref)
	if err != nil {
		return err
	}
	if err := checkNewLVName(tx.vg.Name, name); err != nil {
		return err
	}
	if other, _ := tx.lookup(name); other != nil && other.Name == name {
		return fault(ErrExists, "lv %s exists already", name)
	}
	if isHistorical(tx.vg, name) {
		return errHistorical(name)
	}
	virtual, err := tx.renamedVirtualOrigin(old, name)
	if err != nil {
		return err
	}
	return tx.whole(func() error {
		if err := tx.renameParts(old, name); err != nil {
			return err
		}
		lv := *old
		lv.Name = name
		if err := tx.put(i, &lv); err != nil || virtual == nil {
			return err
		}
		return tx.put(tx.indexOf(virtual.ID), virtual)
	})
}

// RemoveLV removes a logical volume with all that is on it. lvm2: lvremove.
// Returns errors matching [ErrLVNotFound], or [ErrBusy] if another volume uses
// it, a snapshot of it included, or, when planned, it is open; [ErrMerging] if it
// is a snapshot that is being merged.
func (tx *Tx) RemoveLV(lv string) error { return tx.RemoveLVWith(lv, RemoveSpec{}) }

// RemoveLVWith is RemoveLV with options.
func (tx *Tx) RemoveLVWith(lv string, spec RemoveSpec) error {
	return tx.fail("remove lv", lv, tx.whole(func() error { return tx.removeLV(lv, spec) }))
}

func (tx *Tx) removeLV(ref string, spec RemoveSpec) error {
	lv, err := tx.lvToRemove(ref, spec)
	if err != nil {
		return err
	}
	parts := tx.withOwned(tx.withSnapshotParts(lv)...)
	if spec.Dependents {
		if parts, err = tx.withDependents(parts, spec); err != nil {
			return err
		}
	}
	going := make(map[metadata.ID]bool, len(parts))
	for _, part := range parts {
		if err := notMoving(part); err != nil {
			return err
		}
		going[part.ID] = true
	}
	for _, other := range tx.vg.LVs {
		if other == nil || going[other.ID] {
			continue
		}
		for _, below := range slices.Concat(lvsBelow(other), usedBy(other)) {
			if going[below] {
				return fault(ErrBusy, "lv %s lies on it", other.Name)
			}
		}
	}
	return tx.whole(func() error { return tx.removeAll(parts) })
}

// removeAll takes LVs out, with what is to be done before.
func (tx *Tx) removeAll(lvs []*metadata.LogicalVolume) error {
	going := make(map[metadata.ID]bool, len(lvs))
	for _, lv := range lvs {
		going[lv.ID] = true
	}
	for _, lv := range lvs {
		if r, ok := kindOf(lv).(remover); ok {
			if err := r.remove(tx, lv, going); err != nil {
				return err
			}
		}
	}
	tx.dropAll(lvs)
	return nil
}

// dropAll takes LVs out, and forgets about those that were made in the same
// transaction.
func (tx *Tx) dropAll(lvs []*metadata.LogicalVolume) {
	going := make(map[metadata.ID]bool, len(lvs))
	for _, lv := range lvs {
		going[lv.ID] = true
	}
	for i, lv := range slices.Backward(tx.vg.LVs) { // the map is quicker to forget its end
		if lv != nil && going[lv.ID] {
			tx.drop(i)
		}
	}
	tx.created = slices.DeleteFunc(tx.created, func(n newLV) bool { return going[n.id] })
}

// indexOf returns the index of an LV in vg.LVs, -1 if there is none.
func (tx *Tx) indexOf(id metadata.ID) int {
	return lvIndexByID(tx.vg, id)
}

// userBeyond returns an LV that lies on extents of another from a number on.
func (tx *Tx) userBeyond(id metadata.ID, from Extents) *metadata.LogicalVolume {
	for _, lv := range tx.vg.LVs {
		if lv == nil {
			continue
		}
		for seg, a := range areasIn(lv, id) {
			if satAdd(a.Start, seg.AreaLength()) > from {
				return lv
			}
		}
	}
	return nil
}

// SetLVTags replaces the tags of a logical volume. lvm2: lvchange --addtag,
// --deltag. Returns errors matching [ErrLVNotFound] or [ErrInvalidName].
func (tx *Tx) SetLVTags(lv string, tags ...string) error {
	return tx.fail("tag lv", lv, tx.setLVTags(lv, tags))
}

func (tx *Tx) setLVTags(ref string, tags []string) error {
	checked, err := checkTags(tags)
	if err != nil {
		return err
	}
	old, i, err := tx.lvToChange(ref, ErrMissingPV)
	if err != nil || slices.Equal(old.Tags, checked) {
		return err
	}
	lv := *old
	lv.Tags = checked
	return tx.put(i, &lv)
}
