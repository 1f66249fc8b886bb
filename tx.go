package lvm

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// Tx is a transaction: changes to one volume group that are made together. Its
// methods work in memory only, and each sees what the ones before it did. It
// stays on one goroutine and must not be kept after the function it was given
// to.
type Tx struct {
	sys   *System
	ctx   context.Context // of the call that the transaction belongs to
	h     *handles
	ref   string
	held  locking
	need  locking // what the function turned out to need beyond held
	again bool    // ... so that it is run again

	root   *Tx   // nil, or the transaction that this one is a part of
	others []*Tx // the parts that change other groups; see join
	hooks  []FreezeHooks

	st     *vgState // the group before; nil if it does not exist
	broken error    // the group is there, but its text says nothing that can be
	scan   *scan    // with the global lock: all there is on the devices
	kern   *kernelState
	at     time.Time             // noted in the text
	vg     *metadata.VolumeGroup // the group after; nil if it does not exist
	emap   *ExtentMap
	moved  bool // emap and the overlay below are the transaction's own

	byName  map[string]*metadata.LogicalVolume // names that differ from st's; nil: gone
	index   map[metadata.ID]int                // in vg.LVs, of LVs that were touched
	members map[metadata.ID]*member
	areas   map[metadata.ID][]scannedArea // metadata areas of the members
	ignored map[areaRef]bool              // what is to become of areas of the members; see ignores

	changed bool // the metadata is to be written

	newIDs    map[metadata.ID]metadata.ID // UUIDs that PVs of the group get, by those they have
	orphanIDs map[string]metadata.ID      // UUIDs that PVs of no group get, by device
	clones    bool                        // devices of the group's UUID are of its originals
	pvChanges []*pvChange                 // to labels and areas

	wishes  map[metadata.ID]wish
	order   []metadata.ID // of wishes
	created []newLV
	fs      fsChanges          // file systems that are resized with their volumes
	newPVs  map[string]*pvInit // to be made, by device
	pvOrder []string
	syncs   []string             // devices whose caches are written before the commit
	gonePVs []*member            // no longer in the group
	wipePVs []*member            // to lose their labels
	removed bool                 // the group was removed
	merged  bool                 // ... since another took all it had
	left    map[metadata.ID]bool // LVs that went to another group
	mended  []error              // reasons against changes that are no more
	// seqnoStep is what the commit adds to the sequence number, 1 if zero.
	seqnoStep uint32
	// restored: the group is as a backup says, and has nothing to do with what it was.
	restored bool
	repair   bool  // what is left on PVs that the group no longer has is erased
	spoiled  error // of an operation that failed halfway; see whole

	numbers   func(metadata.ID) (string, error)       // see tableDevice
	untouched map[metadata.ID]*metadata.LogicalVolume // see find
	links     *snapshotLinks                          // see snapshotLinks
	tied      *ties                                   // see ties
	// meanwhile is what stands in the text of LVs until the kernel has done what it
	// is told, which the final text takes for done. In image mode nobody does it:
	// then it stays so.
	meanwhile map[metadata.ID]*metadata.LogicalVolume
	tells     map[metadata.ID]bool                      // pools whose kernel is told of changes; see tell
	fresh     map[metadata.ID]bool                      // new thin volumes and moves, which must not work before the commit
	once      map[metadata.ID]func(dm.Target) dm.Target // see renderer
	claimed   map[string]string                         // see claims
	copied    []metadata.ID                             // moves that came on; see checkCopied
	intact    []metadata.ID                             // raids whose legs have to be
	alike     []alike                                   // mirrors whose legs have to be in sync; see checkAlike
	flushed   []metadata.ID                             // volumes whose caches are taken for clean; see checkFlushed
	repairs   map[metadata.ID]*metadataRepair           // of pools, by their new metadata
	pools     map[metadata.ID]error                     // why the kernel must not have them, as far as looked at
}

// wish is what shall happen to the devices of a logical volume.
type wish struct {
	activate   bool
	deactivate bool
	refresh    bool
	closed     bool // refused while the device is open
	readAhead  bool // the device's is to be set
	renumber   bool // the device is to have another number
	replace    bool // areas on missing PVs, also where the device still has them
	merge      bool // of a snapshot into this origin is to begin if nobody has them open
	optional   bool // what else the plan does goes on if the kernel refuses it
}

// newLV is a logical volume that the transaction makes.
type newLV struct {
	id             metadata.ID
	keepHead       bool // not zeroed
	keepSignatures bool
	head           []byte  // what it begins with instead of zeroes
	meta           newMeta // what it says as metadata of a leg of a raid
}

func (s *System) newTx(ctx context.Context, h *handles, ref string, held locking, st *vgState, sc *scan) (*Tx, error) {
	tx := &Tx{
		sys: s, ctx: ctx, h: h, ref: ref, held: held, need: held, st: st, scan: sc,
		byName: map[string]*metadata.LogicalVolume{}, index: map[metadata.ID]int{},
		members: map[metadata.ID]*member{}, areas: map[metadata.ID][]scannedArea{},
		wishes: map[metadata.ID]wish{}, newPVs: map[string]*pvInit{},
	}
	if st == nil {
		return tx, nil
	}
	rec := *st.doc.VG
	tx.vg = &rec
	tx.emap = st.extents()
	for id, m := range st.members {
		tx.members[id] = m
	}
	for _, a := range st.areas {
		tx.areas[a.pv] = append(tx.areas[a.pv], a)
	}
	var err error
	tx.kern, err = s.kernelState(rec.ID)
	return tx, err
}

// VG returns the group as the transaction would leave it, nil if there is none.
// It stays as it is when the transaction goes on, except for its extent map.
func (tx *Tx) VG() *VolumeGroup {
	if tx.vg == nil {
		return nil
	}
	rec := *tx.vg
	rec.LVs = slices.Clone(rec.LVs)
	rec.PVs = slices.Clone(rec.PVs)
	emap := tx.emap
	v := &VolumeGroup{sys: tx.sys, rec: &rec, members: tx.members, extents: func() *ExtentMap { return emap }, active: tx.activeAfter(), fresh: tx.st == nil}
	if tx.st != nil {
		v.facts = vgFacts{problems: tx.st.problems, noChange: tx.st.noChange}
	}
	if tx.kern != nil {
		v.devices = tx.kern.byLV
	}
	for _, pv := range rec.PVs {
		v.areas = append(v.areas, tx.areas[pv.ID]...)
	}
	v.relations = sync.OnceValue(v.relate)
	v.links = sync.OnceValue(func() *snapshotLinks { return newSnapshotLinks(&rec) })
	var names map[string]*metadata.LogicalVolume
	v.byLV = func(name string) *metadata.LogicalVolume {
		if names == nil {
			names = make(map[string]*metadata.LogicalVolume, len(rec.LVs))
			for _, lv := range rec.LVs {
				if lv != nil {
					names[lv.Name] = lv
				}
			}
		}
		return names[name]
	}
	return v
}

// time returns the time of the transaction, which is the same for all it makes.
func (tx *Tx) time() time.Time {
	if tx.at.IsZero() {
		tx.at = tx.sys.cfg.Clock()
	}
	return tx.at
}

// Exists says whether the group is there, as the transaction has it.
func (tx *Tx) Exists() bool { return tx.vg != nil }

func (tx *Tx) activeAfter() map[metadata.ID]bool {
	if tx.sys.kernel == nil || tx.kern == nil {
		return nil
	}
	active := map[metadata.ID]bool{}
	for lv := range tx.kern.byLV {
		if tx.kern.active(lv) {
			active[lv] = true
		}
	}
	for id, w := range tx.wishes {
		switch {
		case w.activate:
			active[id] = true
		case w.deactivate:
			delete(active, id)
		}
	}
	for origin, links := range tx.snapshotLinks().all() {
		for _, link := range links {
			if delete(active, link.body.COW); active[origin] {
				active[link.body.COW] = true
			}
		}
	}
	return active
}

// fail wraps an error of an operation on the group.
func (tx *Tx) fail(op, lv string, err error) error {
	if err == nil {
		return nil
	}
	name := tx.ref
	if tx.vg != nil {
		name = tx.vg.Name
	}
	return &OpError{Op: op, VG: name, LV: lv, Err: err}
}

// absent returns why there is no group to work on.
func (tx *Tx) absent() error {
	if tx.broken != nil {
		return tx.broken
	}
	return ErrVGNotFound
}

// own checks that the group is there and may be changed, and gives the
// transaction copies of its own. Reasons against it that match one of except,
// since the operation is there to mend them, do not count.
func (tx *Tx) own(except ...error) error {
	if tx.vg == nil {
		return tx.absent()
	}
	if tx.st != nil {
		if err := tx.st.refuses(slices.Concat(except, tx.mended)); err != nil {
			return err
		}
	}
	if !tx.moved {
		tx.moved = true
		tx.vg.LVs = slices.Clone(tx.vg.LVs)
		tx.vg.PVs = slices.Clone(tx.vg.PVs)
		tx.emap = tx.emap.clone()
		tx.useReturned()
		tx.avoidMissing()
	}
	return nil
}

// lookup returns an LV by name or UUID as the transaction has it, nil if there
// is none, and its index in vg.LVs.
func (tx *Tx) lookup(ref string) (*metadata.LogicalVolume, int) {
	lv, overlaid := tx.byName[ref]
	if overlaid && lv != nil {
		return lv, tx.index[lv.ID]
	}
	if !overlaid && tx.st != nil {
		if i, ok := tx.st.lvIndex().Find(ref); ok {
			return tx.vg.LVs[i], i
		}
	}
	if id, err := metadata.ParseID(ref); err == nil {
		if i := tx.indexOf(id); i >= 0 {
			return tx.vg.LVs[i], i
		}
	}
	return nil, -1
}

// lvFor returns an LV and its index in vg.LVs.
func (tx *Tx) lvFor(ref string) (*metadata.LogicalVolume, int, error) {
	if tx.vg == nil {
		return nil, 0, tx.absent()
	}
	lv, i := tx.lookup(ref)
	if lv == nil {
		return nil, 0, ErrLVNotFound
	}
	return lv, i, nil
}

// lvToChange returns an LV that may be changed. Parts of other LVs are refused.
// except is as with own.
func (tx *Tx) lvToChange(ref string, except ...error) (*metadata.LogicalVolume, int, error) {
	if err := tx.own(except...); err != nil {
		return nil, 0, err
	}
	lv, i, err := tx.lvFor(ref)
	switch {
	case err != nil:
		return nil, 0, err
	case !tx.isVisible(lv):
		return nil, 0, fault(ErrUnsupported, "lv %s is a part of another lv", lv.Name)
	}
	if err := tx.notClaimed(lv); err != nil {
		return nil, 0, err
	}
	if top := tx.tracks(lv); top != nil {
		return nil, 0, errTracked(lv, top)
	}
	for _, part := range tx.withOwned(lv) {
		if part != lv && isThinPool(lv) {
			break // it goes on taking volumes in
		}
		if err := notMoving(part); err != nil {
			return nil, 0, err
		}
	}
	return lv, i, nil
}

// put replaces the record at index i, or appends it with i < 0.
func (tx *Tx) put(i int, lv *metadata.LogicalVolume) error {
	if err := tx.emap.setLV(lv); err != nil {
		return err
	}
	var old *metadata.LogicalVolume
	if i < 0 {
		i = len(tx.vg.LVs)
		tx.vg.LVs = append(tx.vg.LVs, lv)
	} else {
		old = tx.vg.LVs[i]
		if old.Name != lv.Name {
			tx.byName[old.Name] = nil
		}
		tx.vg.LVs[i] = lv
	}
	tx.byName[lv.Name] = lv
	tx.index[lv.ID] = i
	tx.want(lv.ID, wish{})
	tx.relink(old, lv)
	tx.untie(old, lv)
	tx.keepQueue(lv)
	tx.changed = true
	return nil
}

// drop takes the LV at index i out.
func (tx *Tx) drop(i int) {
	lv := tx.vg.LVs[i]
	tx.emap.dropLV(lv.ID)
	tx.vg.LVs[i] = nil
	tx.byName[lv.Name] = nil
	delete(tx.index, lv.ID)
	delete(tx.untouched, lv.ID)
	tx.want(lv.ID, wish{deactivate: true})
	tx.relink(lv, nil)
	tx.untie(lv, nil)
	delete(tx.meanwhile, lv.ID)
	delete(tx.tells, lv.ID)
	tx.changed = true
}

// want notes what shall happen to an LV's devices; the last wish holds.
func (tx *Tx) want(id metadata.ID, w wish) {
	old, seen := tx.wishes[id]
	if !seen {
		tx.order = append(tx.order, id)
	}
	if w == (wish{}) {
		w = old
	}
	tx.wishes[id] = w
}

// global says whether the transaction has the global lock. If not, it is run
// again with it, and the caller returns errAgain.
func (tx *Tx) global() error {
	if tx.held.mode == lockGlobal {
		return nil
	}
	tx.need.mode, tx.again = lockGlobal, true
	return errAgain
}

// alsoLock says whether the transaction has the lock of another group's name,
// with the global lock, as [Tx.global] does.
func (tx *Tx) alsoLock(name string) error {
	if tx.root != nil {
		return tx.root.alsoLock(name)
	}
	if err := checkVGName(name); err != nil {
		return err
	}
	if tx.held.mode == lockGlobal && slices.Contains(tx.held.others, name) {
		return nil
	}
	tx.need.others = append(slices.Clone(tx.held.others), name)
	tx.need.mode, tx.again = lockGlobal, true
	return errAgain
}

// join returns the part of the transaction that changes another group, which
// need not exist.
func (tx *Tx) join(name string) (*Tx, error) {
	if tx.root != nil {
		return tx.root.join(name)
	}
	if err := tx.alsoLock(name); err != nil {
		return nil, err
	}
	for _, other := range tx.others {
		if other.ref == name {
			return other, nil
		}
	}
	st, err := tx.sys.loadFrom(tx.scan, name)
	if err != nil && !errors.Is(err, ErrVGNotFound) {
		return nil, err
	}
	other, err := tx.sys.newTx(tx.ctx, tx.h, name, tx.held, st, tx.scan)
	if err != nil {
		return nil, err
	}
	other.root, other.at = tx, tx.time()
	tx.others = append(tx.others, other)
	return other, nil
}

// parts returns the transaction and those that are part of it.
func (tx *Tx) parts() []*Tx { return append([]*Tx{tx}, tx.others...) }

// before returns the group as it was; nil if it did not exist.
func (tx *Tx) before() *metadata.VolumeGroup {
	if tx.st == nil {
		return nil
	}
	return tx.st.doc.VG
}

// errAgain ends an operation of a transaction that is about to be run again
// with more locks. Users only see it inside their function.
var errAgain = fault(ErrLocked, "transaction is run again with the global lock")

// newID returns an identifier that nothing in the group has.
func (tx *Tx) newID() (metadata.ID, error) { return metadata.NewID(tx.sys.random) }

// SetTags replaces the tags of the group. lvm2: vgchange --addtag, --deltag.
func (tx *Tx) SetTags(tags ...string) error {
	const op = "tag vg"
	checked, err := checkTags(tags)
	if err != nil {
		return tx.fail(op, "", err)
	}
	if err := tx.own(ErrMissingPV); err != nil {
		return tx.fail(op, "", err)
	}
	if !slices.Equal(tx.vg.Tags, checked) {
		tx.vg.Tags, tx.changed = checked, true
	}
	return nil
}

// checkTags returns tags as they are stored: each once, without a leading @.
func checkTags(tags []string) ([]string, error) {
	var out []string
	for _, t := range tags {
		bare, err := checkTag(t)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, bare) {
			out = append(out, bare)
		}
	}
	return out, nil
}
