package lvm

import (
	"slices"
	"strconv"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// writeCacheOriginSuffix ends the name of what is beneath a writecache. Source:
// lvm2 as observed.
const writeCacheOriginSuffix = "_wcorig"

// AttachWriteCacheSpec says how the writes of a volume are cached. CacheVol is
// required.
type AttachWriteCacheSpec struct {
	// CacheVol is the volume that becomes the cache. What is on it is lost.
	CacheVol string
	// BlockSize is 512 or 4 KiB, and from then on the least that the volume can be
	// read and written by. If zero it is 4 KiB for a volume that is all zeroes at its
	// beginning or has a file system with such blocks, and 512 otherwise.
	BlockSize Bytes
	// Settings are as in [Tx.ChangeWriteCache].
	Settings []CacheSetting
}

// AttachWriteCache has what is written to a volume cached on a faster one, while
// it is in use. The volume keeps its name and its UUID; what it was becomes a
// hidden part of it. What the cache held before is lost, also if a later step
// fails, and what it was is closed. lvm2: lvconvert --type writecache.
//
// What is not written back is lost with the cache. [System.FlushCache] writes it
// back, [System.DetachCache] takes the cache off again.
//
// Returns errors matching [ErrLVNotFound], [ErrUnsupported] if the volume is of a
// type that cannot be cached, [ErrInvalidSpec] also if a file system on it needs
// smaller blocks, or, when planned, [ErrBusy] if the volume that is to become the
// cache is open.
func (tx *Tx) AttachWriteCache(lv string, spec AttachWriteCacheSpec) error {
	return tx.fail("attach writecache to lv", lv, tx.whole(func() error { return tx.attachWriteCache(lv, spec) }))
}

func (tx *Tx) attachWriteCache(ref string, spec AttachWriteCacheSpec) error {
	if err := checkWriteCacheSettings(spec.Settings); err != nil {
		return err
	}
	lv, err := tx.lvToCache(ref)
	if err != nil {
		return err
	}
	if !tx.isVisible(lv) {
		return fault(ErrUnsupported, "lv %s is a thin pool, which has no writecache", ref)
	}
	block, err := tx.writeCacheBlock(lv, spec.BlockSize)
	if err != nil {
		return err
	}
	vol, err := tx.useVol(spec.CacheVol, lv)
	if err != nil {
		return err
	}
	body := &metadata.WriteCache{Cache: vol.ID, BlockSize: block, Settings: withSettings(nil, spec.Settings)}
	return tx.putOnTop(lv, writeCacheOriginSuffix, func(origin metadata.ID) metadata.Segment {
		body.Origin = origin
		return metadata.Segment{Type: "writecache", Body: body}
	})
}

const (
	smallBlock = 512
	pageBlock  = 4 * units.KiB
	// blankHead is how much of a volume is looked at to see whether anything is on it.
	blankHead = units.MiB
)

// writeCacheBlock returns the size of the blocks of a writecache. It is the least
// that the volume can be read and written by from then on, so that it must not be
// more than what is on it uses.
func (tx *Tx) writeCacheBlock(lv *metadata.LogicalVolume, asked Bytes) (Bytes, error) {
	if asked != 0 && asked != smallBlock && asked != pageBlock {
		return 0, fault(ErrInvalidSpec, "writecache blocks of %s: %d bytes and %s are possible", asked, smallBlock, pageBlock)
	}
	if kindOf(lv) != nil { // a raid, which cannot be read here
		return max(asked, smallBlock), nil
	}
	f := tx.open(lv)
	sb, err := readSuperblock(f, f.size)
	switch {
	case err != nil && asked != 0:
		return asked, nil
	case err != nil:
		return 0, err
	case asked != 0 && (sb == nil || sb.BlockSize == 0):
		return asked, nil // nobody but the caller knows
	case sb == nil:
		head := make([]byte, min(blankHead, f.size))
		if _, err := f.ReadAt(head, 0); err != nil {
			return 0, err
		}
		if slices.ContainsFunc(head, func(b byte) bool { return b != 0 }) {
			return smallBlock, nil
		}
		return pageBlock, nil
	}
	block := sb.BlockSize
	if sb.Type == "xfs" {
		sector, err := readAll(f, 102, 2) // sb_sectsize
		if err != nil {
			return 0, err
		}
		block = Bytes(sector[0])<<8 | Bytes(sector[1])
	}
	switch {
	case asked > max(block, smallBlock):
		return 0, fault(ErrInvalidSpec, "writecache blocks of %s: the %s on lv %s uses less", asked, sb.Type, lv.Name)
	case asked != 0:
		return asked, nil
	case block >= pageBlock:
		return pageBlock, nil
	}
	return smallBlock, nil
}

// ChangeWriteCache changes settings of a writecache, while it is in use: those that
// are given are set, and one without a value is as by itself again. There are
// high_watermark and low_watermark (percent), writeback_jobs, autocommit_blocks,
// autocommit_time, max_age and pause_writeback (milliseconds). lvm2: lvchange
// --cachesettings.
//
// Returns errors matching [ErrLVNotFound] or [ErrInvalidSpec].
func (tx *Tx) ChangeWriteCache(lv string, settings ...CacheSetting) error {
	return tx.fail("change writecache of lv", lv, tx.changeWriteCache(lv, settings))
}

func (tx *Tx) changeWriteCache(ref string, settings []CacheSetting) error {
	if err := checkWriteCacheSettings(settings); err != nil {
		return err
	}
	lv, i, err := tx.lvToChange(ref)
	if err != nil {
		return err
	}
	old, ok := bodyOf[*metadata.WriteCache](lv)
	if !ok {
		return fault(ErrInvalidSpec, "lv %s has no writecache", lv.Name)
	}
	body := *old
	body.Settings = withSettings(old.Settings, settings)
	return tx.put(i, withBody(lv, &body))
}

// writeCacheLimits are the largest values of the settings of a writecache. Source:
// Linux dm-writecache.
var writeCacheLimits = []struct {
	key  string
	most uint64
}{
	{"high_watermark", 100}, {"low_watermark", 100}, {"writeback_jobs", 1<<31 - 1}, {"autocommit_blocks", 1<<31 - 1},
	{"autocommit_time", 3_600_000}, {"max_age", 86_400_000}, {"pause_writeback", 60_000},
}

func checkWriteCacheSettings(settings []CacheSetting) error {
	for _, s := range settings {
		at := slices.IndexFunc(writeCacheLimits, func(l struct {
			key  string
			most uint64
		}) bool {
			return l.key == s.Key
		})
		if at < 0 {
			return fault(ErrInvalidSpec, "writecache setting %s", strconv.Quote(s.Key))
		}
		if n, err := strconv.ParseUint(s.Value, 10, 32); s.Value != "" && (err != nil || n > writeCacheLimits[at].most) {
			return fault(ErrInvalidSpec, "writecache setting %s=%s: a number up to %d is possible", s.Key, s.Value, writeCacheLimits[at].most)
		}
	}
	return nil
}
