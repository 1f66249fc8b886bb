package lvm

import (
	"io"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
)

// extentFile reads and writes the extents of a logical volume through the
// devices of its physical volumes: what the volume is as long as nothing is
// made of it. Its methods may be called from several goroutines at once.
type extentFile struct {
	vg, name string
	lv       metadata.ID
	size     Bytes
	emap     *ExtentMap
	members  map[metadata.ID]*member
	h        *handles
}

func newExtentFile(vg *metadata.VolumeGroup, lv *metadata.LogicalVolume, emap *ExtentMap,
	members map[metadata.ID]*member, h *handles) *extentFile {
	return &extentFile{vg: vg.Name, name: lv.Name, lv: lv.ID, size: extentBytes(vg, lv.Extents()), emap: emap, members: members, h: h}
}

// open returns the extents of an LV of the transaction, with its devices.
func (tx *Tx) open(lv *metadata.LogicalVolume) *extentFile {
	return newExtentFile(tx.vg, lv, tx.emap, tx.members, tx.h)
}

// ReadAt reads as [io.ReaderAt] says. Areas on missing physical volumes and
// error segments fail with an error.
func (f *extentFile) ReadAt(p []byte, off int64) (int, error) {
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
func (f *extentFile) WriteAt(p []byte, off int64) (int, error) {
	if Bytes(off) > f.size || Bytes(len(p)) > f.size-Bytes(off) {
		return 0, f.fail("write", fault(ErrOutOfRange, "%d bytes at byte %d of %d", len(p), off, uint64(f.size)))
	}
	return f.each("write", p, off, func(d Device, p []byte, at int64) (int, error) { return d.WriteAt(p, at) })
}

func (f *extentFile) fail(op string, err error) error {
	return &OpError{Op: op, VG: f.vg, LV: f.name, Err: err}
}

// each calls do for every piece of the range, in order.
func (f *extentFile) each(op string, p []byte, off int64, do func(Device, []byte, int64) (int, error)) (int, error) {
	done := 0
	for piece, err := range f.emap.Map(f.lv, Bytes(off), Bytes(len(p))) {
		if err != nil {
			return done, f.fail(op, err)
		}
		part, n := p[done:done+int(piece.Length)], 0
		switch {
		case piece.Error:
			return done, f.fail(op, fault(ErrDamaged, "byte %d is in an error segment", uint64(piece.LVOffset)))
		case piece.Zero:
			if n = len(part); op == "read" {
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

func (f *extentFile) device(pv metadata.ID, write bool) (Device, error) {
	m := f.members[pv]
	if m == nil {
		return nil, fault(ErrMissingPV, "pv %s is missing", pv)
	}
	if write {
		return f.h.writer(m.path)
	}
	return f.h.reader(m.path)
}

// Sync waits until all that was written to the devices is safe.
func (f *extentFile) Sync() error {
	f.h.mu.Lock()
	defer f.h.mu.Unlock()
	for path, d := range f.h.rw {
		if err := d.Sync(); err != nil {
			return f.fail("sync", errors.WithMessagef(err, "%s", path))
		}
	}
	return nil
}
