package dmfake

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"syscall"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/units"
)

// defaultChunk is the size of chunks where the table and the store have none.
const defaultChunk units.Sectors = 32

// snapshot is what a snapshot or snapshot-merge target of a table has in the
// kernel's memory.
//
// Source: Linux, drivers/md/dm-snap.c, and what the target was seen to do.
type snapshot struct {
	origin, cow dm.Dev
	size        units.Sectors
	merges      bool
	store       cowStore
	active      bool // was resumed once
	invalid     bool
	overflown   bool
	mergeFailed bool
}

// cowStore is an exception store in memory. Without a chunk size it is still in
// the hands of the target that it is to be taken over from.
type cowStore struct {
	kind  dm.SnapshotStore
	chunk units.Sectors
	list  *exception.Store // nil of one that is transient, pending or invalid
}

// newSnapshot is the constructor of a target.
func (k *Kernel) newSnapshot(t dm.Snapshot, size units.Sectors, merges bool) (*snapshot, syscall.Errno) {
	origin, _ := dm.ParseDev(t.Origin)
	cow, _ := dm.ParseDev(t.COW)
	switch {
	case origin == cow, t.ChunkSize != 0 && bits.OnesCount64(uint64(t.ChunkSize)) != 1, t.DiscardPassdownOrigin && !t.DiscardZeroesCOW:
		return nil, syscall.EINVAL
	}
	s := &snapshot{origin: origin, cow: cow, size: size, merges: merges, store: cowStore{kind: t.Store}}
	source, destination, merging := k.sharing(s)
	switch {
	case destination != nil:
		return nil, syscall.EINVAL
	case source != nil && merges && (merging != nil || source.store.kind == dm.StoreTransient):
		return nil, syscall.EINVAL
	case source != nil:
		k.snapshots = append(k.snapshots, s)
		return s, 0
	}
	if k.otherOrigin(s) {
		k.hazards = append(k.hazards, fmt.Sprintf("COW store %s has two users with different origins", cow))
	}
	if errno := k.readStore(s, t.ChunkSize); errno != 0 {
		return nil, errno
	}
	k.snapshots = append(k.snapshots, s)
	return s, 0
}

// sharing returns those that have the same origin and COW store as s: the one
// that was resumed, and the one that was not; and any that merges into that
// origin.
func (k *Kernel) sharing(s *snapshot) (source, destination, merging *snapshot) {
	for _, o := range k.snapshots {
		if o.origin != s.origin {
			continue
		}
		if o.merges {
			merging = o
		}
		switch {
		case o.cow != s.cow:
		case o.active:
			source = o
		default:
			destination = o
		}
	}
	return source, destination, merging
}

func (k *Kernel) otherOrigin(s *snapshot) bool {
	return slices.ContainsFunc(k.snapshots, func(o *snapshot) bool { return o.cow == s.cow && o.origin != s.origin })
}

// readStore reads the exceptions from the COW device, or begins a new list if
// that is blank.
func (k *Kernel) readStore(s *snapshot, chunk units.Sectors) syscall.Errno {
	if chunk == 0 {
		chunk = defaultChunk
	}
	s.store.chunk = chunk
	if s.store.kind == dm.StoreTransient {
		return 0
	}
	if !k.awake(s.cow) {
		return syscall.EDEADLK // which the kernel does not say: it waits
	}
	size := inBytes(k.knownSize(s.cow))
	list, err := exception.Open(flow{k, s.cow}, size)
	if errors.Is(err, exception.ErrBlank) {
		if err = exception.Init(flow{k, s.cow}, size, chunk); err == nil {
			list, err = exception.Open(flow{k, s.cow}, size)
		}
	}
	switch {
	case errors.Is(err, exception.ErrInvalid):
		s.invalid = true
		return 0
	case errors.Is(err, exception.ErrFormat):
		return syscall.ENXIO
	case errors.Is(err, exception.ErrVersion):
		return syscall.EINVAL
	case err != nil:
		return syscall.EIO
	}
	s.store.list, s.store.chunk = list, list.ChunkSize()
	return 0
}

// knownSize is size, or 1 GiB if that is not known.
func (k *Kernel) knownSize(dev dm.Dev) units.Sectors {
	if size := k.size(dev); size > 0 {
		return size
	}
	return units.GiB.Sectors()
}

// awake says whether I/O to a device gets through.
func (k *Kernel) awake(dev dm.Dev) bool {
	d := k.byDev(dev)
	if dev.Major() != Major || d == nil {
		return true
	}
	return !d.suspended && (d.live == nil || !slices.ContainsFunc(d.live.deps, func(dep dm.Dev) bool { return !k.awake(dep) }))
}

// preresume is what is checked before any target of a table is resumed.
func (s *snapshot) preresume(k *Kernel) syscall.Errno {
	source, destination, _ := k.sharing(s)
	if source == nil || destination == nil {
		return 0
	}
	if s == source || !k.holder(source).suspended {
		return syscall.EINVAL
	}
	return 0
}

// holder returns the device that has a target in one of its tables.
func (k *Kernel) holder(s *snapshot) *device {
	for _, d := range k.devices {
		for _, t := range []*table{d.live, d.replaced, d.inactive} {
			if t != nil && slices.Contains(t.state, any(s)) {
				return d
			}
		}
	}
	return &device{suspended: true}
}

// resume takes the exceptions over from the target that has them.
func (s *snapshot) resume(k *Kernel) {
	source, destination, _ := k.sharing(s)
	if source != nil && destination == s {
		kind := s.store.kind
		s.store, source.store = source.store, s.store
		s.store.kind, source.store.kind = kind, s.store.kind
		s.invalid, s.overflown = source.invalid, source.overflown
		source.invalid = true
	}
	s.active = true
}

// destroy ends a target with its table.
func (s *snapshot) destroy(k *Kernel) {
	if source, destination, _ := k.sharing(s); source == s && destination != nil {
		destination.invalid = true // the handover is cancelled
	}
	k.snapshots = slices.DeleteFunc(k.snapshots, func(o *snapshot) bool { return o == s })
}

// status returns the text of the status line.
func (s *snapshot) status(k *Kernel) string {
	switch {
	case s.invalid:
		return "Invalid"
	case s.mergeFailed:
		return "Merge failed"
	case s.overflown:
		return "Overflow"
	case s.store.list == nil:
		return fmt.Sprintf("0/%d 0", uint64(k.knownSize(s.cow)))
	}
	usage := s.list(k).Usage()
	usage.Total = k.knownSize(s.cow)
	return usage.String()
}

// view returns the contents of the snapshot.
func (s *snapshot) view(k *Kernel) (*exception.Snapshot, error) {
	if s.invalid || s.store.list == nil {
		return nil, syscall.EIO
	}
	return exception.NewSnapshot(flow{k, s.origin}, inBytes(s.size), s.list(k))
}

// list returns the exceptions. If the COW device has another size than when they
// were read, they are read again, as there is more room for them now.
func (s *snapshot) list(k *Kernel) *exception.Store {
	size := k.knownSize(s.cow)
	if s.store.list.Usage().Total == size || !k.awake(s.cow) {
		return s.store.list
	}
	if list, err := exception.Open(flow{k, s.cow}, inBytes(size)); err == nil {
		s.store.list = list
	}
	return s.store.list
}

// io does I/O from byte off of the snapshot on.
func (s *snapshot) io(k *Kernel, p []byte, off int64, write bool) error {
	if !k.awake(s.origin) || !k.awake(s.cow) {
		return syscall.EAGAIN
	}
	v, err := s.view(k)
	switch {
	case err != nil || write && s.overflown:
		return syscall.EIO
	case !write:
		_, err = v.ReadAt(p, off)
	case s.merges:
		return s.writeMerging(k, v, p, off)
	default:
		_, err = v.WriteAt(p, off)
		if errors.Is(err, exception.ErrFull) {
			s.full(k)
		}
	}
	if err != nil {
		return syscall.EIO
	}
	return nil
}

// full is what becomes of a snapshot that is written to without room.
func (s *snapshot) full(k *Kernel) {
	if s.store.kind == dm.StorePersistentOverflow {
		s.overflown = true
		return
	}
	s.giveUp(k)
	_ = k.io(s.cow, make([]byte, 4), 4, true) // no longer valid, says the header
}

// writeMerging writes to what is not merged yet in the store, to the rest in
// the origin.
func (s *snapshot) writeMerging(k *Kernel, v *exception.Snapshot, p []byte, off int64) error {
	chunk := int64(inBytes(s.store.chunk))
	left := map[exception.Chunk]bool{}
	for e := range s.store.list.Exceptions() {
		left[e.Old] = true
	}
	for len(p) > 0 {
		n := min(int64(len(p)), chunk-off%chunk)
		if left[exception.Chunk(off/chunk)] {
			if _, err := v.WriteAt(p[:n], off); err != nil {
				return syscall.EIO
			}
		} else if err := k.originIO(s.origin.String(), p[:n], off, true); err != nil {
			return err
		}
		p, off = p[n:], off+n
	}
	return nil
}

// originIO does I/O to an origin. What is written over goes to its snapshots
// first.
func (k *Kernel) originIO(origin string, p []byte, off int64, write bool) error {
	dev, err := dm.ParseDev(origin)
	if err != nil {
		return syscall.EIO
	}
	if !write {
		return k.io(dev, p, off, false)
	}
	others, list, err := k.views(dev)
	if err != nil {
		return err
	}
	if !k.awake(dev) {
		return syscall.EAGAIN
	}
	o, err := exception.NewOrigin(flow{k, dev}, inBytes(k.knownSize(dev)), list...)
	if err == nil {
		_, err = o.WriteAt(p, off)
	}
	k.noteInvalid(others)
	if err != nil {
		return syscall.EIO
	}
	return nil
}

// views returns the snapshots of an origin that what is written over has to be
// copied to.
func (k *Kernel) views(origin dm.Dev) (targets []*snapshot, list []*exception.Snapshot, err error) {
	for _, s := range k.snapshots {
		if s.origin != origin || s.merges || !s.active || s.invalid || s.store.list == nil {
			continue
		}
		if !k.awake(s.cow) {
			return nil, nil, syscall.EAGAIN
		}
		v, err := s.view(k)
		if err != nil {
			return nil, nil, syscall.EIO
		}
		targets, list = append(targets, s), append(list, v)
	}
	return targets, list, nil
}

// giveUp makes a snapshot invalid, and tells of it.
func (s *snapshot) giveUp(k *Kernel) {
	s.invalid = true
	k.event(k.holder(s))
}

// noteInvalid gives those up whose store was given up.
func (k *Kernel) noteInvalid(targets []*snapshot) {
	for _, s := range targets {
		if s.store.list.Invalid() {
			s.giveUp(k)
		}
	}
}

// merge merges n sectors of exceptions, all if n is 0.
func (s *snapshot) merge(k *Kernel, n int) {
	if !s.merges || !s.active || s.invalid || s.mergeFailed || !k.awake(s.origin) || !k.awake(s.cow) {
		return
	}
	others, list, err := k.views(s.origin)
	if err != nil {
		return
	}
	v, err := s.view(k)
	if err != nil {
		return
	}
	o, err := exception.NewOrigin(flow{k, s.origin}, inBytes(k.knownSize(s.origin)), append(list, v)...)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	steps := 0
	if err == nil {
		err = o.Merge(ctx, v, func(units.Bytes, units.Bytes) {
			if steps++; steps == n {
				cancel()
			}
		})
	}
	k.noteInvalid(others)
	s.mergeFailed = err != nil && !errors.Is(err, context.Canceled)
}
