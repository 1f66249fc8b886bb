package lvm

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"slices"

	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/metadata"
)

// Range is a range of bytes of a logical volume.
type Range struct{ Offset, Length Bytes }

// end returns where the range ends. It lies within a volume, so this does not
// overflow.
func (r Range) end() Bytes { return r.Offset + r.Length }

// Changes returns where the volume may differ from another one, both of them
// snapshots of the same origin, or one of them the origin itself, or both thin
// volumes of one pool: ranges of this volume in order, with room between them. What lies in no range is the same in
// both; what is behind the end of the other one, since the origin has grown, lies
// in one. That is what an incremental backup needs: of a new snapshot, what has
// changed since the one of which there is a backup.
//
// The ranges are those of whole chunks that the COW stores of the snapshots have
// exceptions for, so they say too much rather than too little: a chunk counts
// that was written with what it held before, that was changed and changed back,
// or that was written in the origin after both snapshots were made. Use the
// smaller chunks where that matters. Of thin volumes, they are those of the blocks
// that not both have in the same place; what they share is not looked at, so that
// it takes no longer than there are differences. See [LogicalVolume.Mapped] for
// what a volume has in all.
//
// All writes count that have ended before Changes is used, active volumes'
// included: an exception is in the store, on the device, before the origin is
// written, and before a write to the snapshot ends. With a kernel, the store is
// read past all caches while the group is locked against changes, so Changes is
// not to be used by the function that [System.Update] calls; of a thin pool that
// is active, the kernel makes a snapshot of its metadata for that time. Writes that happen
// meanwhile may count or not: in that case compare snapshots that nobody writes.
//
// An error ends the sequence. It matches [ErrInvalidSpec] if the volumes are not
// related, [ErrSnapshotInvalid] if one is lost, [ErrMerging] if one is being
// merged into the origin, [ErrBusy] if somebody else holds a snapshot of the
// metadata of the pool, [ErrTransactionID], [ErrDamaged], or those of [System.View].
func (l *LogicalVolume) Changes(ctx context.Context, since *LogicalVolume) iter.Seq2[Range, error] {
	return func(yield func(Range, error) bool) {
		ranges, err := l.changes(ctx, since)
		if err != nil {
			yield(Range{}, &OpError{Op: "compare", VG: l.vg.rec.Name, LV: l.rec.Name, Err: err})
			return
		}
		for _, r := range ranges {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (l *LogicalVolume) changes(ctx context.Context, since *LogicalVolume) ([]Range, error) {
	sys := l.vg.sys
	switch err := sys.checkOpen(); {
	case err != nil:
		return nil, err
	case sys != since.vg.sys || l.vg.rec.ID != since.vg.rec.ID:
		return nil, fault(ErrInvalidSpec, "lv %s is in another group, or of another System", since.rec.Name)
	case sys.kernel != nil:
		return sys.activeChanges(ctx, l.vg.rec.ID, l.rec.ID, since.rec.ID)
	}
	v, _, err := sys.openVolume(l.layout(), l.rec.ID)
	if err != nil {
		return nil, err
	}
	ranges, err := v.changes(ctx, l.rec.ID, since.rec.ID)
	if closed := v.close(); err == nil {
		err = closed
	}
	return ranges, err
}

// changes is Changes in image mode.
func (v *openVolume) changes(ctx context.Context, a, b metadata.ID) ([]Range, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gone != nil {
		return nil, v.gone
	}
	if thin, err := v.group.compareThin(a, b); err != nil {
		return nil, err
	} else if thin != nil {
		return v.sys.thinChanges(ctx, v.group, &kernelState{}, v.base.devices(), thin)
	}
	c, err := v.group.compare(a, b)
	if err != nil {
		return nil, err
	}
	for _, link := range c.links {
		if err := checkpoint(ctx); err != nil {
			return nil, err
		}
		s := v.snapshot(link.body.COW)
		if err := s.load(v.base, false); err != nil {
			return nil, err
		}
		switch {
		case s.invalid():
			return nil, errGivenUp
		case s.state == storeReady:
			c.add(s.view.Store())
		}
	}
	return joinRanges(c.ranges), nil
}

// changeSearch is how it is found out where two volumes differ.
type changeSearch struct {
	links  []snapshotLink // whose stores tell where they may differ
	size   Bytes          // of the first one
	ranges []Range        // of it, as far as they are known
}

// compare says how a is compared with b. A snapshot that is being merged comes
// first: what leaves its store meanwhile comes to the others.
func (g *groupLayout) compare(a, b metadata.ID) (*changeSearch, error) {
	one, err := g.compared(a)
	if err != nil {
		return nil, err
	}
	other, err := g.compared(b)
	if err != nil {
		return nil, err
	}
	c := &changeSearch{size: one.size}
	switch {
	case one.origin != other.origin:
		return nil, fault(ErrInvalidSpec, "lv %s and lv %s are not snapshots of one origin", one.name, other.name)
	case a == b:
		return c, nil
	case !one.snapshot || !other.snapshot:
		for _, link := range g.links().of(one.origin) {
			if link.body.Merging {
				c.links = append(c.links, link)
			}
		}
	}
	for _, v := range []comparedVolume{one, other} {
		if v.snapshot {
			c.links = append(c.links, v.link)
		}
	}
	if one.size > other.size {
		c.ranges = []Range{{other.size, one.size - other.size}}
	}
	return c, nil
}

// comparedVolume is an origin or a snapshot.
type comparedVolume struct {
	name     string
	origin   metadata.ID // of a snapshot; of an origin itself
	snapshot bool
	link     snapshotLink // of a snapshot
	size     Bytes
}

func (g *groupLayout) compared(id metadata.ID) (v comparedVolume, err error) {
	lv := g.find(id)
	if lv == nil {
		return v, fault(ErrLVNotFound, "lv %s is not there any more", id)
	}
	v.name, v.origin = lv.Name, id
	v.link, v.snapshot = g.links().by(id)
	extents := lv.Extents()
	switch {
	case v.snapshot && v.link.body.Merging:
		return v, fault(ErrMerging, "lv %s is being merged into its origin, which shows it", lv.Name)
	case v.snapshot:
		v.origin, extents = v.link.body.Origin, v.link.extents()
	case snapshotLinkOf(lv) != nil:
		return v, fault(ErrUnsupported, "lv %s ties a snapshot to its origin and holds nothing", lv.Name)
	}
	v.size = extentBytes(g.vg, extents)
	return v, nil
}

// activeChanges is Changes with a kernel.
func (s *System) activeChanges(ctx context.Context, vg, a, b metadata.ID) ([]Range, error) {
	held, st, err := s.lockAndLoad(ctx, vg.String(), lockShared)
	if err != nil {
		return nil, err
	}
	defer held.release()
	kern, err := s.kernelState(vg)
	if err != nil {
		return nil, err
	}
	g := st.layout()
	if thin, err := g.compareThin(a, b); err != nil {
		return nil, err
	} else if thin != nil {
		return s.thinChanges(ctx, g, kern, held.handles, thin)
	}
	c, err := g.compare(a, b)
	if err != nil {
		return nil, err
	}
	for _, link := range c.links {
		if err := checkpoint(ctx); err != nil {
			return nil, err
		}
		store, err := s.readStore(g, kern, link, held.handles)
		if err != nil {
			return nil, err
		}
		if store != nil {
			c.add(store)
		}
	}
	return joinRanges(c.ranges), nil
}

// readStore reads the store of a snapshot, active or not; nil if there is none
// yet. A snapshot that the kernel gave up since is no good, even if that could
// not be written to the store.
func (s *System) readStore(g *groupLayout, kern *kernelState, link snapshotLink, h *handles) (*exception.Store, error) {
	lv := g.find(link.body.COW)
	if lv == nil {
		return nil, fault(ErrDamaged, "the cow store %s of %s is not there", link.body.COW, link.lv.Name)
	}
	file := g.file(lv, h)
	var cow io.ReaderAt = file
	if i := slices.IndexFunc(kern.byLV[lv.ID], func(m *mapped) bool { return m.layer == cowLayer }); i >= 0 {
		m := kern.byLV[lv.ID][i]
		d, err := s.openMapped(m)
		if err != nil {
			return nil, err
		}
		defer d.Close()
		cow = struct{ io.ReaderAt }{d}
	}
	store, err := exception.Open(cow, file.size)
	if errors.Is(err, exception.ErrBlank) {
		return nil, nil
	}
	if err != nil {
		return nil, fromException(err)
	}
	u, _, err := s.kernelUsage(link.body, kern.top)
	if err == nil {
		err = u.err()
	}
	return store, err
}

// add adds the chunks that a store has exceptions for.
func (c *changeSearch) add(store *exception.Store) {
	chunk := sectorBytes(store.ChunkSize())
	for e := range store.Exceptions() {
		start := Bytes(e.Old) * chunk
		if start >= c.size {
			break
		}
		c.ranges = append(c.ranges, Range{start, min(chunk, c.size-start)})
	}
}

// joinRanges sorts ranges, and makes one of those that meet.
func joinRanges(ranges []Range) []Range {
	slices.SortFunc(ranges, func(a, b Range) int { return cmp.Compare(a.Offset, b.Offset) })
	var joined []Range
	for _, r := range ranges {
		if n := len(joined); n > 0 && r.Offset <= joined[n-1].end() {
			joined[n-1].Length = max(joined[n-1].end(), r.end()) - joined[n-1].Offset
		} else {
			joined = append(joined, r)
		}
	}
	return joined
}
