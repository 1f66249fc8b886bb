package lvm

import (
	"errors"
	"io"
	"math"

	"github.com/lvm-go/lvm/internal/cachemeta"
	"github.com/lvm-go/lvm/internal/writecachemeta"
	"github.com/lvm-go/lvm/metadata"
)

// cacheParts are what a cache consists of.
type cacheParts struct {
	meta, data io.ReaderAt
	metaSize   Bytes
	chunk      Sectors
	missing    metadata.ID // a physical volume without which the data cannot be read; zero: none
}

// cache returns a cached volume: what is in the cache is read there.
func (f *madeFile) cache(seg *metadata.Segment, body *metadata.Cache) (io.ReaderAt, error) {
	origin, err := f.below(body.Origin)
	if err != nil {
		return nil, err
	}
	parts, err := f.cacheParts(seg, body)
	if err != nil {
		return nil, err
	}
	c, err := cachemeta.Open(parts.meta, parts.metaSize)
	switch {
	case errors.Is(err, cachemeta.ErrBlank):
		return origin, nil // the kernel never had the cache
	case err != nil:
		return nil, err
	case c.BlockSize() != parts.chunk:
		return nil, fault(ErrDamaged, "the cache has chunks of %d sectors, the group says %d", uint64(c.BlockSize()), uint64(parts.chunk))
	case parts.missing.IsZero():
		return cachemeta.NewVolume(c, f.size, origin, parts.data)
	}
	// The volume may be whole without what is cached.
	v, err := cachemeta.NewVolume(c, f.size, origin, nil)
	if err != nil {
		return nil, joinErrors(fault(ErrMissingPV, "pv %s, which the cache lies on, is missing", parts.missing), err)
	}
	return v, nil
}

func (f *madeFile) cacheParts(seg *metadata.Segment, body *metadata.Cache) (p cacheParts, err error) {
	pool, err := f.find(body.Pool)
	if err != nil {
		return p, err
	}
	if seg.HasFlag(cacheFlag) {
		vol := f.g.contentsAt(pool, f.h, f.depth+1)
		if p.meta, p.metaSize, err = slice(vol, body.MetadataStart, body.MetadataLen); err != nil {
			return p, err
		}
		p.data, _, err = slice(vol, body.DataStart, body.DataLen)
		p.chunk = body.ChunkSize
		return p, err
	}
	if len(pool.Segments) == 1 {
		if in, ok := pool.Segments[0].Body.(*metadata.CachePool); ok {
			meta, err := f.below(in.Metadata)
			if err != nil {
				return p, err
			}
			data, err := f.find(in.Data)
			if err != nil {
				return p, err
			}
			return cacheParts{
				meta: meta, metaSize: meta.length(), data: f.g.contentsAt(data, f.h, f.depth+1),
				chunk: in.ChunkSize, missing: f.missing(data),
			}, nil
		}
	}
	return p, fault(ErrDamaged, "lv %s is no cache pool", pool.Name)
}

// slice returns a part of a volume, and how long that is.
func slice(c lvContents, start, length Sectors) (io.ReaderAt, Bytes, error) {
	from, ok := start.Bytes()
	size, fits := length.Bytes()
	if !ok || !fits || from > c.length() || size > c.length()-from || c.length() > math.MaxInt64 {
		return nil, 0, fault(ErrDamaged, "sectors %d to %d are beyond its end", uint64(start), uint64(start)+uint64(length))
	}
	return io.NewSectionReader(c, int64(from), int64(size)), size, nil
}

// writeCache returns a volume whose writes are cached.
func (f *madeFile) writeCache(body *metadata.WriteCache) (io.ReaderAt, error) {
	origin, err := f.below(body.Origin)
	if err != nil {
		return nil, err
	}
	cache, err := f.below(body.Cache)
	if err != nil {
		return nil, err
	}
	c, err := writecachemeta.Open(cache, cache.length())
	switch {
	case errors.Is(err, writecachemeta.ErrBlank):
		return origin, nil // the kernel never had the cache
	case err != nil:
		return nil, err
	case body.BlockSize > 0 && c.BlockSize() != body.BlockSize:
		return nil, fault(ErrDamaged, "the cache has blocks of %d bytes, the group says %d", uint64(c.BlockSize()), uint64(body.BlockSize))
	}
	return writecachemeta.NewVolume(c, f.size, origin)
}
