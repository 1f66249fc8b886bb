package lvm

import (
	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// CacheState says what a cache takes.
type CacheState = dm.CacheState

// States of caches.
const (
	CacheUnknown   = dm.CacheUnknown // the kernel cannot tell
	CacheReadWrite = dm.CacheReadWrite
	CacheReadOnly  = dm.CacheReadOnly // its metadata cannot be changed
	CacheFailed    = dm.CacheFailed   // the kernel has given it up
)

// CacheUsage is how a cache is used, and what state it is in. Nothing but State is
// known if that is CacheFailed or CacheUnknown.
type CacheUsage struct {
	Used, Total             Bytes
	Metadata, MetadataTotal Bytes
	// Dirty is what the origin does not have yet.
	Dirty Bytes

	ReadHits, ReadMisses, WriteHits, WriteMisses uint64
	// Promotions and Demotions count the blocks that came into the cache and that
	// had to leave it.
	Promotions, Demotions uint64

	Mode   string // writethrough, writeback, passthrough
	Policy string // as the kernel calls it

	State CacheState
	// NeedsCheck says that the metadata has to be checked before it is changed.
	NeedsCheck bool
}

// Percent returns the share of the cache that is in use, as lvs shows it.
func (u CacheUsage) Percent() Percent { return share(u.Used, u.Total) }

// MetadataPercent returns the share of the metadata that is in use, as lvs shows
// it.
func (u CacheUsage) MetadataPercent() Percent {
	return share(u.Metadata, u.MetadataTotal)
}

// DirtyPercent returns the share of what is in use that the origin does not have
// yet, which lvs shows as what is copied.
func (u CacheUsage) DirtyPercent() Percent { return share(u.Dirty, u.Used) }

// Err returns what is wrong with the cache, nil if nothing is. The error matches
// those of [ErrPoolFailed], [ErrReadOnly] and [ErrNeedsCheck] that apply.
func (u CacheUsage) Err() error {
	var errs []error
	switch u.State {
	case CacheFailed, CacheUnknown:
		return ErrPoolFailed
	case CacheReadOnly:
		errs = append(errs, fault(ErrReadOnly, "the metadata of the cache cannot be changed"))
	}
	if u.NeedsCheck {
		errs = append(errs, ErrNeedsCheck)
	}
	return joinErrors(errs...)
}

// CacheUsage returns how the cache of a cached volume is used at this moment, as
// the kernel says. A cache that is not in order gives no error: see
// [CacheUsage.Err].
//
// Returns an error matching [ErrInvalidSpec] if the volume has no cache, such as
// one with a writecache, [ErrNotActive] if the kernel has no device of it, as in
// image mode, and [ErrUnsupported] if what the kernel says is not understood.
func (l *LogicalVolume) CacheUsage() (CacheUsage, error) {
	u, err := l.cacheUsage()
	return u, l.lookFailed(err)
}

func (l *LogicalVolume) cacheUsage() (CacheUsage, error) {
	if _, ok := l.body().(*metadata.Cache); !ok {
		return CacheUsage{}, fault(ErrInvalidSpec, "it has no cache")
	}
	s, err := askStatus(l, dm.Cache{}.Type(), dm.ParseCacheStatus)
	if err != nil {
		return CacheUsage{}, err
	}
	block, metaBlock := sectorBytes(s.BlockSize), sectorBytes(s.MetadataBlockSize)
	return CacheUsage{
		Used: inBlocks(s.Used, block), Total: inBlocks(s.Blocks, block), Dirty: inBlocks(s.Dirty, block),
		Metadata: inBlocks(s.UsedMetadata, metaBlock), MetadataTotal: inBlocks(s.Metadata, metaBlock),
		ReadHits: s.ReadHits, ReadMisses: s.ReadMisses, WriteHits: s.WriteHits, WriteMisses: s.WriteMisses,
		Promotions: s.Promotions, Demotions: s.Demotions, Mode: s.Mode.String(), Policy: s.Policy,
		State: s.State, NeedsCheck: s.NeedsCheck,
	}, nil
}

// WriteCacheUsage is how a writecache is used.
type WriteCacheUsage struct {
	// Used is what the cache holds, of Total: what the origin does not have yet, and
	// what was written back and may still be there. WritingBack is what is on its way.
	Used, Total, WritingBack Bytes
	// Failed says that the cache met an I/O error.
	Failed bool
}

// Percent returns the share of the cache that is in use, as lvs shows it.
func (u WriteCacheUsage) Percent() Percent { return share(u.Used, u.Total) }

// Clean says whether the origin has all that was written.
func (u WriteCacheUsage) Clean() bool { return !u.Failed && u.Used == 0 }

// Err returns an error matching [ErrPoolFailed] if the cache met an I/O error,
// nil if not.
func (u WriteCacheUsage) Err() error {
	if u.Failed {
		return ErrPoolFailed
	}
	return nil
}

// WriteCacheUsage returns how the writecache of a volume is used at this moment,
// as the kernel says. The errors are those of [LogicalVolume.CacheUsage].
func (l *LogicalVolume) WriteCacheUsage() (WriteCacheUsage, error) {
	u, err := l.writeCacheUsage()
	return u, l.lookFailed(err)
}

func (l *LogicalVolume) writeCacheUsage() (WriteCacheUsage, error) {
	body, ok := l.body().(*metadata.WriteCache)
	if !ok {
		return WriteCacheUsage{}, fault(ErrInvalidSpec, "it has no writecache")
	}
	s, err := askStatus(l, dm.WriteCache{}.Type(), dm.ParseWriteCacheStatus)
	if err != nil {
		return WriteCacheUsage{}, err
	}
	return WriteCacheUsage{
		Used: inBlocks(s.Blocks-min(s.Free, s.Blocks), body.BlockSize), Total: inBlocks(s.Blocks, body.BlockSize),
		WritingBack: inBlocks(s.WritingBack, body.BlockSize), Failed: s.Failed,
	}, nil
}
