package lvm

import (
	"errors"
	"io"
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/cachemeta"
	"github.com/lvm-go/lvm/internal/writecachemeta"
	"github.com/lvm-go/lvm/metadata"
)

// cacheLeft is what a cache has that the volume beneath it has not got yet.
type cacheLeft struct{ blocks, total uint64 }

func (l cacheLeft) err() error {
	if l.blocks > 0 {
		return fault(ErrCacheDirty, "%d of %d blocks are not written back", l.blocks, l.total)
	}
	return nil
}

// cacheDevice returns the device of a volume that has the table of its cache; nil
// if there is none.
func (tx *Tx) cacheDevice(lv metadata.ID) (*mapped, error) {
	if tx.kern == nil {
		return nil, nil
	}
	for _, m := range tx.kern.byLV[lv] {
		if err := tx.kern.look(m); err != nil {
			return nil, err
		}
		if !m.info.LiveTable || len(m.table) != 1 {
			continue
		}
		switch m.table[0].Target.(type) {
		case dm.Cache, dm.WriteCache:
			return m, nil
		}
	}
	return nil, nil
}

// checkFlushed refuses a device whose cache is not written back.
func (s *System) checkFlushed(uuid string) error {
	left, err := s.cacheLeft(uuid)
	if err == nil {
		err = left.err()
	}
	return err
}

// cacheLeft asks the kernel what the cache of a device has that is not written
// back. One that cannot be written back any more is an error.
func (s *System) cacheLeft(uuid string) (cacheLeft, error) {
	_, lines, err := s.kernel.TargetStatus(dm.ByUUID(uuid), dm.QueryOptions{NoFlush: true})
	if err != nil {
		return cacheLeft{}, fromKernel(err)
	}
	if len(lines) != 1 {
		return cacheLeft{}, fault(ErrDamaged, "the device has no cache")
	}
	switch lines[0].Type {
	case dm.Cache{}.Type():
		status, err := dm.ParseCacheStatus(lines[0].Status)
		switch {
		case err != nil:
			return cacheLeft{}, err
		case status.State == dm.CacheFailed || status.State == dm.CacheUnknown:
			return cacheLeft{}, fault(ErrPoolFailed, "the kernel cannot read the metadata of the cache")
		case status.Dirty > 0 && status.State == dm.CacheReadOnly:
			return cacheLeft{}, fault(ErrReadOnly, "%d blocks are to be written back, but the metadata of the cache cannot be changed", status.Dirty)
		}
		return cacheLeft{status.Dirty, status.Blocks}, nil
	case dm.WriteCache{}.Type():
		status, err := dm.ParseWriteCacheStatus(lines[0].Status)
		switch {
		case err != nil:
			return cacheLeft{}, err
		case status.Failed:
			return cacheLeft{}, fault(ErrPoolFailed, "the cache met an i/o error")
		}
		return cacheLeft{max(status.Blocks-min(status.Free, status.Blocks), status.WritingBack), status.Blocks}, nil
	}
	return cacheLeft{}, fault(ErrDamaged, "the device has no cache, but a target of type %s", lines[0].Type)
}

// restsClean refuses a cache that is not active, unless its metadata say that
// nothing is to be written back.
func (tx *Tx) restsClean(top *metadata.LogicalVolume) error {
	left, err := tx.leftAtRest(top)
	if err == nil {
		err = left.err()
	}
	return err
}

// leftAtRest reads what the cache of a volume that is not active has that is not
// written back.
func (tx *Tx) leftAtRest(top *metadata.LogicalVolume) (cacheLeft, error) {
	if body, ok := bodyOf[*metadata.WriteCache](top); ok {
		r, size, err := tx.partAtRest(body.Cache)
		if err != nil {
			return cacheLeft{}, err
		}
		c, err := writecachemeta.Open(r, size)
		if errors.Is(err, writecachemeta.ErrBlank) {
			return cacheLeft{}, nil // it was never active
		}
		if err != nil {
			return cacheLeft{}, unread(err)
		}
		return cacheLeft{c.Used(), c.Blocks()}, nil
	}
	body, ok := bodyOf[*metadata.Cache](top)
	if !ok {
		return cacheLeft{}, fault(ErrInvalidSpec, "lv %s has no cache", top.Name)
	}
	part, start, length := body.Pool, body.MetadataStart, body.MetadataLen
	if pool, ok := bodyOf[*metadata.CachePool](tx.find(body.Pool)); ok {
		part, start, length = pool.Metadata, 0, 0
	}
	r, size, err := tx.partAtRest(part)
	if err != nil {
		return cacheLeft{}, err
	}
	if length > 0 {
		size = sectorBytes(length)
		r = io.NewSectionReader(r, int64(sectorBytes(start)), int64(size))
	}
	c, err := cachemeta.Open(r, size)
	if errors.Is(err, cachemeta.ErrBlank) {
		return cacheLeft{}, nil
	}
	if err != nil {
		return cacheLeft{}, unread(err)
	}
	left := cacheLeft{total: c.Blocks()}
	for m, err := range c.Mappings() {
		if err != nil {
			return cacheLeft{}, unread(err)
		}
		if m.Dirty {
			left.blocks++
		}
	}
	return left, nil
}

// partAtRest returns the contents of a part of a volume that is not active.
func (tx *Tx) partAtRest(id metadata.ID) (io.ReaderAt, Bytes, error) {
	lv := tx.find(id)
	if lv == nil {
		return nil, 0, fault(ErrDamaged, "there is no lv %s", id)
	}
	if slices.ContainsFunc(lv.Segments, func(seg metadata.Segment) bool { return !isStriped(&seg) }) {
		return nil, 0, fault(ErrCacheDirty, "whether lv %s is clean can be said only while it is active", lv.Name)
	}
	return tx.open(lv), extentBytes(tx.vg, lv.Extents()), nil
}

// unread says that metadata do not tell whether a cache is clean.
func unread(err error) error {
	return fault(ErrCacheDirty, "whether anything is to be written back cannot be said: %v", err)
}
