package lvm

import (
	"io"
	"sync"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/metadata"
)

// openVolume is a logical volume with the snapshots that it is the origin of, as
// all files share it that are open on any of them.
type openVolume struct {
	sys  *System
	key  openLV
	refs int // files; guarded by openVolumes.mu

	// mu is held for reading while bytes are read or written, and for writing
	// while anything below changes. Locks of the package exception come behind it.
	mu        sync.RWMutex
	group     *groupLayout
	base      lvContents
	snapshots []*openSnapshot
	fixed     error    // why neither can be written to; nil if they can
	reader    volumeIO // of what is being merged, once that was read
	writer    volumeIO // once all is there that writing needs
	gone      error    // why the files cannot be used any more
}

// volumeIO is the bytes of a volume.
type volumeIO interface {
	io.ReaderAt
	io.WriterAt
}

// openSnapshot is a snapshot of an open volume.
type openSnapshot struct {
	link snapshotLink
	name string
	cow  lvContents
	size Bytes // of the snapshot

	// What its store is, once it was read.
	state storeState
	view  *exception.Snapshot // if it is storeReady
}

func (s *openSnapshot) invalid() bool {
	return s.state == storeInvalid || s.state == storeReady && s.view.Store().Invalid()
}

type storeState int

const (
	storeUnread storeState = iota
	storeBlank             // to be made by the first write
	storeReady
	storeInvalid
)

func (v *openVolume) isGone() bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.gone != nil
}

// set makes v what the group says. Devices that are open stay so: what was
// written to them may have to be synced yet.
func (v *openVolume) set(g *groupLayout, lv *metadata.LogicalVolume) {
	before := v.snapshots
	h := v.sys.newHandles()
	if v.base != nil {
		h = v.base.devices()
	}
	v.group, v.base = g, g.contents(lv, h)
	v.snapshots, v.reader, v.writer = nil, nil, nil
	for _, link := range g.links().of(lv.ID) {
		cow := g.find(link.body.COW)
		if cow == nil {
			v.gone = fault(ErrDamaged, "the cow store %s of %s is not there", link.body.COW, link.lv.Name)
			return
		}
		h := v.sys.newHandles()
		for _, old := range before {
			if old.link.body.COW == cow.ID {
				h = old.cow.devices()
			}
		}
		size := min(extentBytes(g.vg, link.extents()), v.base.length())
		v.snapshots = append(v.snapshots, &openSnapshot{link: link, name: cow.Name, cow: g.contents(cow, h), size: size})
	}
	v.fix(g)
}

// follow makes v what the group says now. The caller holds mu.
func (v *openVolume) follow(now *groupLayout) {
	if v.gone != nil {
		return
	}
	var lv *metadata.LogicalVolume
	if now != nil {
		lv = now.find(v.key.lv)
	}
	switch {
	case lv == nil:
		v.gone = fault(ErrLVNotFound, "it was removed while it was open")
	case !isMade(v.group.find(v.key.lv)) && !v.group.keeps(now, v.key.lv):
		v.gone = fault(ErrPlanStale, "its extents were moved while it was open: open it again")
	case v.same(now, lv):
		v.fix(now)
	default:
		former := v.snapshots
		v.set(now, lv)
		for _, s := range former {
			if v.snapshot(s.link.body.COW) == nil {
				_ = s.cow.devices().close() // nobody wants any more what was written to it
			}
		}
	}
}

// same says whether nothing has changed that files would see. What is made of
// other volumes, or is to be, is made anew with each change of the group.
func (v *openVolume) same(now *groupLayout, lv *metadata.LogicalVolume) bool {
	links := now.links().of(lv.ID)
	if len(links) != len(v.snapshots) || !v.keeps(v.base, now, lv) {
		return false
	}
	for i, s := range v.snapshots {
		cow := now.find(links[i].body.COW)
		if cow == nil || *links[i].body != *s.link.body || !v.keeps(s.cow, now, cow) {
			return false
		}
	}
	return true
}

// keeps says whether contents are those of a volume still.
func (v *openVolume) keeps(c lvContents, now *groupLayout, lv *metadata.LogicalVolume) bool {
	if _, made := c.(*madeFile); made || isMade(lv) {
		return now.vg.Seqno == v.group.vg.Seqno
	}
	return v.group.keeps(now, lv.ID) && c.length() == extentBytes(now.vg, lv.Extents())
}

// fix finds out why what is open cannot be written to.
func (v *openVolume) fix(g *groupLayout) {
	v.fixed = g.fixed(v.key.lv)
	for _, s := range v.snapshots {
		if v.fixed == nil {
			v.fixed = g.fixed(s.link.body.COW)
		}
	}
}

// snapshot returns the one with that COW store, nil if there is none.
func (v *openVolume) snapshot(cow metadata.ID) *openSnapshot {
	for _, s := range v.snapshots {
		if s.link.body.COW == cow {
			return s
		}
	}
	return nil
}

// merging returns the snapshot that is being merged, nil if there is none.
func (v *openVolume) merging() *openSnapshot {
	for _, s := range v.snapshots {
		if s.link.body.Merging {
			return s
		}
	}
	return nil
}

// close takes one file off the volume.
func (v *openVolume) close() error {
	o := &v.sys.opened
	o.mu.Lock()
	defer o.mu.Unlock()
	if v.refs--; v.refs > 0 {
		return nil
	}
	if o.byLV[v.key] == v {
		delete(o.byLV, v.key)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	errs := []error{v.base.devices().close()}
	for _, s := range v.snapshots {
		errs = append(errs, s.cow.devices().close())
	}
	return joinErrors(errs...)
}

// ready returns the size of the volume, or of its snapshot cow. It reads what
// has to be read before bytes can be.
func (v *openVolume) ready(cow metadata.ID) (Bytes, error) {
	if _, err := v.begin(cow, false); err != nil {
		return 0, err
	}
	defer v.end()
	if err := v.base.ready(); err != nil {
		return 0, err
	}
	if s := v.snapshot(cow); s != nil {
		return s.size, nil
	}
	return v.base.length(), nil
}

// begin returns what to read, or to write to, for the volume or its snapshot
// cow. Until the caller calls end, that stays so.
func (v *openVolume) begin(cow metadata.ID, write bool) (volumeIO, error) {
	for {
		v.mu.RLock()
		at, err := v.at(cow, write)
		if at != nil {
			return at, nil
		}
		v.mu.RUnlock()
		if err == nil {
			err = v.prepare(cow, write)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (v *openVolume) end() { v.mu.RUnlock() }

// at is begin with mu held. It returns nil if prepare has to be called before.
func (v *openVolume) at(cow metadata.ID, write bool) (volumeIO, error) {
	switch {
	case v.gone != nil:
		return nil, v.gone
	case write && v.fixed != nil:
		return nil, v.fixed
	case !cow.IsZero():
		return v.atSnapshot(cow, write)
	case len(v.snapshots) == 0:
		return v.base, nil
	case write:
		return v.writer, nil
	}
	// A snapshot that is merged has the volume's contents, even if its store was
	// given up: what is merged by then is all there is.
	if s := v.merging(); s == nil || s.state == storeBlank || s.invalid() {
		return v.base, nil
	}
	return v.reader, nil
}

func (v *openVolume) atSnapshot(cow metadata.ID, write bool) (volumeIO, error) {
	s := v.snapshot(cow)
	switch {
	case s == nil:
		return nil, fault(ErrLVNotFound, "it was removed, or merged, while it was open")
	case s.link.body.Merging:
		return nil, fault(ErrMerging, "it is being merged into its origin, which shows it")
	case s.invalid():
		return nil, errGivenUp
	case s.state == storeReady:
		return s.view, nil
	case s.state == storeBlank && !write:
		return v.base, nil
	}
	return nil, nil
}

// errGivenUp is what a snapshot says whose store is invalid.
var errGivenUp = fault(ErrSnapshotInvalid, "it was given up, since its cow store was full or could not be written")

// prepare reads, or makes, the stores that are needed.
func (v *openVolume) prepare(cow metadata.ID, write bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gone != nil {
		return v.gone
	}
	for _, s := range v.snapshots {
		if s.link.body.COW != cow && !(cow.IsZero() && (write || s.link.body.Merging)) {
			continue
		}
		if err := s.load(v.base, write && !s.link.body.Merging); err != nil {
			return errors.WithMessagef(err, "snapshot %s", s.name)
		}
	}
	if !cow.IsZero() {
		return nil
	}
	var err error
	merging := v.merging()
	if merging != nil && v.reader == nil {
		// To read, no other snapshot has to be in order.
		if v.reader, err = v.origin(merging, merging); err != nil {
			return err
		}
	}
	if write && v.writer == nil {
		v.writer, err = v.origin(merging, v.snapshots...)
	}
	return err
}

// origin returns the volume as the origin of snapshots, of which one is being
// merged, or none. Those whose store is not in order do not count.
func (v *openVolume) origin(merging *openSnapshot, snapshots ...*openSnapshot) (volumeIO, error) {
	var views []*exception.Snapshot
	for _, s := range snapshots {
		if s.view != nil {
			views = append(views, s.view)
		}
	}
	o, err := exception.NewOrigin(v.base, v.base.length(), views...)
	if err != nil {
		return nil, err
	}
	if merging == nil || merging.view == nil {
		return o, nil
	}
	m, err := exception.NewMerging(o, merging.view)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// load reads the store, unless that was done. If there is none, it makes one if
// it shall.
func (s *openSnapshot) load(base lvContents, create bool) error {
	if s.state == storeBlank && create {
		// What the origin holds from now on is what the snapshot shows.
		if err := base.Sync(); err != nil {
			return err
		}
		if err := exception.Init(s.cow, s.cow.length(), s.link.body.ChunkSize); err != nil {
			return err
		}
		s.state = storeUnread
	}
	if s.state != storeUnread {
		return nil
	}
	store, err := exception.Open(s.cow, s.cow.length())
	switch {
	case errors.Is(err, exception.ErrBlank):
		s.state = storeBlank
		if create {
			return s.load(base, true)
		}
		return nil
	case errors.Is(err, exception.ErrInvalid):
		s.state = storeInvalid
		return nil
	case err != nil:
		return fromException(err)
	}
	if s.view, err = exception.NewSnapshot(base, s.size, store); err != nil {
		return fromException(err)
	}
	s.state = storeReady
	return nil
}

// sync makes what was written to the volume, or to its snapshot cow, outlast a
// crash.
func (v *openVolume) sync(cow metadata.ID) error {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if !cow.IsZero() {
		s := v.snapshot(cow)
		switch {
		case s == nil:
			return fault(ErrLVNotFound, "it was removed, or merged, while it was open")
		case s.state == storeBlank:
			return v.base.Sync() // where all is that it shows
		}
		return s.cow.Sync()
	}
	if s := v.merging(); s != nil {
		if err := s.cow.Sync(); err != nil {
			return err
		}
	}
	return v.base.Sync()
}

// fromException makes an error of an exception store match the sentinel of this
// package that says the same.
func fromException(err error) error {
	for _, same := range []struct{ exception, lvm error }{
		{exception.ErrInvalid, ErrSnapshotInvalid}, {exception.ErrFull, ErrNoSpace}, {exception.ErrMerging, ErrMerging},
		{exception.ErrFormat, ErrDamaged}, {exception.ErrVersion, ErrUnsupported}, {exception.ErrOutOfRange, ErrOutOfRange},
	} {
		if errors.Is(err, same.exception) {
			return as(same.lvm, err)
		}
	}
	return err
}
