package lvm

import (
	"io"
	"os"
	"sync/atomic"

	"github.com/lvm-go/lvm/metadata"
	"github.com/pkg/errors"
)

// LVFile gives the bytes of a logical volume in image mode. Its methods may be
// called from several goroutines at once.
//
// It keeps to the extents that the volume had when it was opened: a volume that
// is removed, or whose extents are moved, must be closed before.
type LVFile struct {
	vg, name string
	lv       metadata.ID
	size     Bytes
	write    bool
	emap     *ExtentMap
	members  map[metadata.ID]*member
	h        *handles
	owned    bool // h belongs to the file
	closed   atomic.Bool
}

// Open opens the volume for reading and, unless it is read-only, writing. It
// takes no lock. Returns an error matching [ErrUnsupported] if the System has a
// kernel, where the volume is a device: see [LogicalVolume.Path].
func (l *LogicalVolume) Open() (*LVFile, error) {
	sys := l.vg.sys
	if sys.kernel != nil {
		return nil, &OpError{Op: "open", VG: l.vg.Name(), LV: l.rec.Name,
			Err: fault(ErrUnsupported, "the volume is a device: activate it and use %s", l.Path())}
	}
	if err := sys.checkOpen(); err != nil {
		return nil, &OpError{Op: "open", VG: l.vg.Name(), LV: l.rec.Name, Err: err}
	}
	f := newLVFile(l.vg.rec, l.rec, l.vg.extents(), l.vg.members, sys.newHandles())
	f.owned = true
	return f, nil
}

// open returns the bytes of an LV of the transaction, with its devices.
func (tx *Tx) open(lv *metadata.LogicalVolume) *LVFile {
	return newLVFile(tx.vg, lv, tx.emap, tx.members, tx.h)
}

func newLVFile(vg *metadata.VolumeGroup, lv *metadata.LogicalVolume, emap *ExtentMap,
	members map[metadata.ID]*member, h *handles) *LVFile {
	sectors, _ := lv.Extents().Sectors(vg.ExtentSize)
	size, _ := sectors.Bytes()
	return &LVFile{
		vg: vg.Name, name: lv.Name, lv: lv.ID, size: size, emap: emap, members: members, h: h,
		write: lv.Status&(metadata.LVWrite|metadata.LVWriteLocked) != 0,
	}
}

// Size returns the size of the volume.
func (f *LVFile) Size() (Bytes, error) { return f.size, nil }

// Close lets the devices go. A second call does nothing.
func (f *LVFile) Close() error {
	if f.closed.Swap(true) || !f.owned {
		return nil
	}
	return f.h.close()
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
	n, err := f.each("read", p, off, func(d Device, p []byte, at int64) (int, error) { return d.ReadAt(p, at) })
	if err == nil {
		err = end
	}
	return n, err
}

// WriteAt writes as [io.WriterAt] says. A write beyond the end is an error.
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
	return f.each("write", p, off, func(d Device, p []byte, at int64) (int, error) { return d.WriteAt(p, at) })
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

func (f *LVFile) fail(op string, err error) error {
	return &OpError{Op: op, VG: f.vg, LV: f.name, Err: err}
}

// each calls do for every piece of the range, in order.
func (f *LVFile) each(op string, p []byte, off int64, do func(Device, []byte, int64) (int, error)) (int, error) {
	done := 0
	for piece, err := range f.emap.Map(f.lv, Bytes(off), Bytes(len(p))) {
		if err != nil {
			return done, f.fail(op, err)
		}
		part := p[done : done+int(piece.Length)]
		n := len(part)
		switch {
		case piece.Error:
			return done, f.fail(op, fault(ErrDamaged, "byte %d is in an error segment", uint64(piece.LVOffset)))
		case piece.Zero:
			if op == "read" {
				clear(part)
			}
		default:
			var d Device
			if d, err = f.device(piece.PV, op == "write"); err == nil {
				n, err = do(d, part, int64(piece.Offset))
			}
			if err == io.EOF && n == len(part) {
				err = nil
			} else if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
		}
		done += n
		if err != nil {
			return done, f.fail(op, err)
		}
	}
	return done, nil
}

func (f *LVFile) device(pv metadata.ID, write bool) (Device, error) {
	m := f.members[pv]
	if m == nil {
		return nil, fault(ErrMissingPV, "pv %s is missing", pv)
	}
	if write {
		return f.h.writer(m.path)
	}
	return f.h.reader(m.path)
}

// Sync waits until all that was written is safe.
func (f *LVFile) Sync() error {
	if f.closed.Load() {
		return f.fail("sync", os.ErrClosed)
	}
	f.h.mu.Lock()
	defer f.h.mu.Unlock()
	for path, d := range f.h.rw {
		if err := d.Sync(); err != nil {
			return f.fail("sync", errors.WithMessagef(err, "%s", path))
		}
	}
	return nil
}
