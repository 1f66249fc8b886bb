package lvm

import (
	"io"
	"os"
	"sync/atomic"

	"github.com/lvm-go/lvm/metadata"
)

// LVFile gives the bytes of a logical volume in image mode, as its device would:
//
//   - of a snapshot, the contents that its origin had, and what was written to
//     the snapshot since. Its size is that of the origin. A write goes to the
//     COW store, and one for which there is no room fails with an error matching
//     [ErrNoSpace] and leaves the snapshot as it is. (The kernel would give the
//     snapshot up.)
//   - of an origin with snapshots: what is written over is kept in the store of
//     each snapshot first. A snapshot whose store has no room for it is given up,
//     as by the kernel: [ErrSnapshotInvalid] from then on.
//   - of an origin that a snapshot is being merged into: what that snapshot was,
//     whether merged yet or not.
//   - of a volume that is being moved: what is where it has come to. It can only
//     be read, and so can an origin whose snapshots are moved.
//   - of a raid: what its legs have that are there, in sync, and were not left
//     behind by the others, with the parity where it takes that. Where a leg is
//     missing, and a writer died so that parity may not fit the data, reads fail
//     with [ErrNotInSync].
//   - of a mirror of type mirror: what the first leg has, or, where that is missing,
//     another one that the log says is alike.
//   - of a thin volume: what the metadata of its pool says, and zeroes or its
//     external origin for the rest. One that the kernel has yet to be told of holds
//     what its origin does. If pool and group are not of the same transaction, that
//     is an error matching [ErrTransactionID]. Of a pool it is what it holds for all.
//   - of a cached volume, whether its writes are cached or all it has: what the
//     cache has of it, and its origin for the rest.
//   - of an image of a raid with integrity: the data, and what the journal has of
//     them. The checksums are not checked.
//
// All these, whatever lies on them, and all that they consist of can only be read:
// what the kernel keeps account of when they are written, it would not know. They
// may lie on each other in any order, on missing physical volumes too.
//
// All files that are open in one [System] on an origin and its snapshots see
// what the others write, and follow the changes that the System makes to the
// group: an origin that gets a snapshot while it is open keeps for it, from
// then on, what is written over. But a file whose volume is removed fails with
// [ErrLVNotFound], and one whose extents are moved with [ErrPlanStale]: open it
// again. Other processes are not taken note of, and two of them must not write
// to the same origin, or to its snapshots, at the same time.
//
// A loss of power leaves origin and snapshots with what they held at their last
// Sync, or any part of what was written since; what is written to an origin
// never shows in its snapshots.
//
// Its methods may be called from several goroutines at once.
type LVFile struct {
	volume *openVolume
	cow    metadata.ID // of a snapshot; zero: the volume itself
	vg, lv string
	size   Bytes
	write  bool
	closed atomic.Bool
}

// Open opens the volume for reading and, unless it is read-only, writing. It
// takes no lock. Returns an error matching [ErrUnsupported] if the System has a
// kernel, where the volume is a device: see [LogicalVolume.Path]; or if it is
// not a volume of its own, or of a type that cannot be read here: a cache pool, a
// VDO volume. [ErrSnapshotInvalid] for a snapshot that was given up, [ErrMerging]
// for one that is being merged into its origin, and [ErrDamaged] if what the
// kernel wrote, a COW store or the metadata of a pool, cannot be understood.
func (l *LogicalVolume) Open() (*LVFile, error) {
	f, err := l.open()
	if err != nil {
		return nil, &OpError{Op: "open", VG: l.vg.Name(), LV: l.rec.Name, Err: err}
	}
	return f, nil
}

func (l *LogicalVolume) open() (*LVFile, error) {
	sys := l.vg.sys
	if sys.kernel != nil {
		return nil, fault(ErrUnsupported, "the volume is a device: activate it and use %s", l.Path())
	}
	if err := sys.checkOpen(); err != nil {
		return nil, err
	}
	f := &LVFile{vg: l.vg.Name(), lv: l.rec.Name, write: !l.ReadOnly()}
	var err error
	if f.volume, f.cow, err = sys.openVolume(l.layout(), l.rec.ID); err != nil {
		return nil, err
	}
	if f.size, err = f.volume.ready(f.cow); err != nil {
		_ = f.volume.close() // nothing was written
		return nil, err
	}
	return f, nil
}

// peek opens a volume to look at what users see of it, active or not, by what is
// on the devices. The file is no part of what Open shares, and to be used while
// the group is locked.
func (l *LogicalVolume) peek() (*LVFile, error) {
	g := l.layout()
	lv, cow, err := g.shown(l.rec.ID)
	if err != nil {
		return nil, err
	}
	v := &openVolume{sys: l.vg.sys, key: openLV{g.vg.ID, lv.ID}, refs: 1}
	v.set(g, lv)
	if l.vg.sys.kernel != nil && isMade(lv) {
		if err := v.onDevice(lv); err != nil {
			return nil, err
		}
	}
	f := &LVFile{volume: v, cow: cow, vg: g.vg.Name, lv: l.rec.Name}
	if f.size, err = v.ready(cow); err != nil {
		_ = v.close() // nothing was written
		return nil, err
	}
	return f, nil
}

// Size returns the size of the volume, of a snapshot that of its origin, as it
// was when the file was opened.
func (f *LVFile) Size() (Bytes, error) { return f.size, nil }

// Close lets the devices go. A second call does nothing.
func (f *LVFile) Close() error {
	if f.closed.Swap(true) {
		return nil
	}
	return f.volume.close()
}

// ReadAt reads as [io.ReaderAt] says. Areas on missing physical volumes and
// error segments fail with an error.
func (f *LVFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check("read", off); err != nil {
		return 0, err
	}
	if Bytes(off) >= f.size {
		return 0, io.EOF
	}
	var end error
	if rest := f.size - Bytes(off); Bytes(len(p)) > rest {
		p, end = p[:rest], io.EOF
	}
	at, err := f.volume.begin(f.cow, false)
	if err != nil {
		return 0, f.fail("read", err)
	}
	defer f.volume.end()
	n, err := at.ReadAt(p, off)
	switch {
	case n == len(p) && (err == nil || err == io.EOF):
		return n, end
	case err == io.EOF:
		err = fault(ErrOutOfRange, "the volume became smaller while it was open")
	}
	return n, f.fail("read", err)
}

// WriteAt writes as [io.WriterAt] says. A write beyond the end is an error.
//
// Where a COW store could not be written to, it is not known what it says, and
// all that would change it is refused from then on: close all files on the origin
// and its snapshots, and open them again. An origin is not written to unless its
// snapshots have what they need.
func (f *LVFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.check("write", off); err != nil {
		return 0, err
	}
	if !f.write {
		return 0, f.fail("write", fault(ErrReadOnly, "the volume is read-only"))
	}
	if Bytes(off) > f.size || Bytes(len(p)) > f.size-Bytes(off) {
		return 0, f.fail("write", fault(ErrOutOfRange, "%d bytes at byte %d of %d", len(p), off, uint64(f.size)))
	}
	if len(p) == 0 {
		return 0, nil
	}
	at, err := f.volume.begin(f.cow, true)
	if err != nil {
		return 0, f.fail("write", err)
	}
	defer f.volume.end()
	n, err := at.WriteAt(p, off)
	return n, f.fail("write", err)
}

// Sync waits until all that was written is safe.
func (f *LVFile) Sync() error {
	if f.closed.Load() {
		return f.fail("sync", os.ErrClosed)
	}
	return f.fail("sync", f.volume.sync(f.cow))
}

func (f *LVFile) check(op string, off int64) error {
	if f.closed.Load() {
		return f.fail(op, os.ErrClosed)
	}
	if off < 0 {
		return f.fail(op, fault(ErrOutOfRange, "negative offset"))
	}
	return nil
}

// fail names the volume in an error, unless there is none, or it has its name.
func (f *LVFile) fail(op string, err error) error {
	if own, ok := err.(*OpError); err == nil || ok && own.LV == f.lv {
		return err
	}
	return &OpError{Op: op, VG: f.vg, LV: f.lv, Err: fromException(err)}
}
