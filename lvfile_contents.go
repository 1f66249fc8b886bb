package lvm

import (
	"errors"
	"io"
	"sync"

	"github.com/lvm-go/lvm/internal/cachemeta"
	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/internal/thinmeta"
	"github.com/lvm-go/lvm/internal/writecachemeta"
	"github.com/lvm-go/lvm/metadata"
)

// lvContents is what a volume holds, apart from what snapshots make of it.
type lvContents interface {
	volumeIO
	Sync() error
	length() Bytes
	devices() *handles
	// ready reads what has to be read before bytes can be.
	ready() error
}

func (f *extentFile) length() Bytes     { return f.size }
func (f *extentFile) devices() *handles { return f.h }
func (*extentFile) ready() error        { return nil }

// contents returns what a volume holds.
func (g *groupLayout) contents(lv *metadata.LogicalVolume, h *handles) lvContents {
	return g.contentsAt(lv, h, 0)
}

// contentsAt returns what a volume holds that lies below depth others.
func (g *groupLayout) contentsAt(lv *metadata.LogicalVolume, h *handles, depth int) lvContents {
	if !isMade(lv) {
		return g.file(lv, h)
	}
	return &madeFile{g: g, lv: lv, h: h, size: extentBytes(g.vg, userExtents(lv)), depth: depth}
}

// isMade says whether the kernel makes a volume of others, so that where its
// extents lie does not tell what it holds.
func isMade(lv *metadata.LogicalVolume) bool {
	if len(lv.Segments) != 1 || isMove(lv) {
		return false
	}
	switch body := lv.Segments[0].Body.(type) {
	case *metadata.Striped, *metadata.Virtual, *metadata.Snapshot, *metadata.Opaque, nil:
		return false
	case *metadata.Mirror:
		for _, leg := range body.Legs {
			if leg.LV.IsZero() {
				return false
			}
		}
	}
	return true
}

// userExtents returns the length of a volume as users see it: without the room
// that a raid has for a reshape.
func userExtents(lv *metadata.LogicalVolume) Extents {
	n := lv.Extents()
	for i := range lv.Segments {
		seg := &lv.Segments[i]
		n -= seg.Count - shownExtents(seg)
	}
	return n
}

// shownExtents returns how many extents of a segment are those of the volume.
func shownExtents(seg *metadata.Segment) Extents {
	body, ok := seg.Body.(*metadata.RAID)
	if !ok {
		return seg.Count
	}
	shares := Extents(body.RoomShares(seg.BaseType()))
	if seg.ReshapeCount == 0 {
		return seg.Count
	}
	if shares == 0 || seg.ReshapeCount > seg.Count/shares {
		return 0
	}
	return seg.Count - seg.ReshapeCount*shares
}

// madeFile is what a volume holds that the kernel makes of others: a raid, a thin
// volume, a cached one. What says how, on the devices, is read when it is first
// needed. It cannot be written to, since that would have to be kept account of.
// Its methods may be called from several goroutines at once.
type madeFile struct {
	g     *groupLayout
	lv    *metadata.LogicalVolume
	h     *handles
	size  Bytes
	depth int

	mu sync.Mutex
	r  io.ReaderAt // nil: not read yet
}

func (f *madeFile) length() Bytes     { return f.size }
func (f *madeFile) devices() *handles { return f.h }

func (f *madeFile) ready() error {
	_, err := f.reader()
	return err
}

// Sync does nothing: nothing was written.
func (*madeFile) Sync() error { return nil }

// WriteAt refuses.
func (f *madeFile) WriteAt([]byte, int64) (int, error) {
	return 0, f.fail("write", fault(ErrReadOnly, "it is of type %s, and can only be read without a kernel", f.lv.Segments[0].Type))
}

// ReadAt reads as [io.ReaderAt] says.
func (f *madeFile) ReadAt(p []byte, off int64) (int, error) {
	if Bytes(off) >= f.size {
		return 0, io.EOF
	}
	var end error
	if rest := f.size - Bytes(off); Bytes(len(p)) > rest {
		p, end = p[:rest], io.EOF
	}
	r, err := f.reader()
	if err != nil {
		return 0, err
	}
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p):
		return n, end
	case err == nil || err == io.EOF:
		err = io.ErrUnexpectedEOF // what it is made of is shorter than it is
	}
	return n, f.fail("read", err)
}

func (f *madeFile) fail(op string, err error) error {
	return &OpError{Op: op, VG: f.g.vg.Name, LV: f.lv.Name, Err: fromFormat(err)}
}

func (f *madeFile) reader() (io.ReaderAt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.r == nil {
		if f.depth > maxMapDepth {
			return nil, f.fail("open", fault(ErrDamaged, "volumes consist of each other"))
		}
		r, err := f.make()
		if err != nil {
			return nil, f.fail("open", err)
		}
		f.r = r
	}
	return f.r, nil
}

// make returns what reads the volume.
func (f *madeFile) make() (io.ReaderAt, error) {
	seg := &f.lv.Segments[0]
	switch body := seg.Body.(type) {
	case *metadata.Mirror:
		return f.mirror(body)
	case *metadata.RAID:
		return f.raid(seg, body)
	case *metadata.Thin:
		return f.thin(body)
	case *metadata.ThinPool:
		return f.below(body.Data)
	case *metadata.Cache:
		return f.cache(seg, body)
	case *metadata.WriteCache:
		return f.writeCache(body)
	case *metadata.Integrity:
		return f.integrity(body)
	case *metadata.CachePool:
		return nil, fault(ErrUnsupported, "a cache pool has no contents of its own")
	}
	return nil, fault(ErrUnsupported, "type %s cannot be read without a kernel", seg.Type)
}

// find returns a volume that this one needs.
func (f *madeFile) find(id metadata.ID) (*metadata.LogicalVolume, error) {
	lv := f.g.find(id)
	if lv == nil {
		return nil, fault(ErrDamaged, "lv %s, which it needs, is not there", id)
	}
	if _, ok := f.g.links().by(id); ok || snapshotLinkOf(lv) != nil {
		return nil, fault(ErrUnsupported, "it needs lv %s, which is of a snapshot", lv.Name)
	}
	return lv, nil
}

// below returns what a volume holds that this one needs.
func (f *madeFile) below(id metadata.ID) (lvContents, error) {
	lv, err := f.find(id)
	if err != nil {
		return nil, err
	}
	return f.g.contentsAt(lv, f.h, f.depth+1), nil
}

// missing returns a physical volume that a volume lies on and that cannot be
// used; zero if there is none.
func (f *madeFile) missing(lv *metadata.LogicalVolume) metadata.ID {
	return liesOn(lv, missingIDs(f.g.vg, f.g.members, f.g.extents), f.g.find)
}

// padded is what a reader holds, and zeroes behind it.
type padded struct {
	r    io.ReaderAt
	size Bytes // of r
}

func (z padded) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if Bytes(off) < z.size {
		part := p[:min(Bytes(len(p)), z.size-Bytes(off))]
		var err error
		if n, err = z.r.ReadAt(part, off); n < len(part) {
			return n, err
		}
	}
	clear(p[n:])
	return len(p), nil
}

// fromFormat makes an error of a package that reads what the kernel writes match
// the sentinel of this package that says the same.
func fromFormat(err error) error {
	for _, same := range []struct{ format, lvm error }{
		{raid.ErrDirty, ErrNotInSync}, {raid.ErrReshaping, ErrUnsupported}, {raid.ErrMismatch, ErrDamaged},
		{raid.ErrFormat, ErrDamaged}, {raid.ErrGeometry, ErrDamaged}, {raid.ErrOutOfRange, ErrOutOfRange},
		{thinmeta.ErrDamaged, ErrDamaged}, {thinmeta.ErrVersion, ErrUnsupported}, {thinmeta.ErrBlank, ErrDamaged},
		{thinmeta.ErrNoDevice, ErrDamaged}, {thinmeta.ErrOutOfRange, ErrOutOfRange},
		{cachemeta.ErrDamaged, ErrDamaged}, {cachemeta.ErrVersion, ErrUnsupported}, {cachemeta.ErrOutOfRange, ErrOutOfRange},
		{writecachemeta.ErrDamaged, ErrDamaged}, {writecachemeta.ErrVersion, ErrUnsupported}, {writecachemeta.ErrOutOfRange, ErrOutOfRange},
	} {
		if errors.Is(err, same.format) {
			return as(same.lvm, err)
		}
	}
	return err
}
