package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// CacheChange is what changes of a cache. What is zero stays as it is.
type CacheChange struct {
	Mode CacheMode
	// Policy is smq, mq, which the kernel takes for it, or cleaner, with which the cache
	// is written back and takes nothing in until it has another one: what is written goes
	// to the origin at once, whatever Mode says. [System.FlushCache] does that, waits,
	// and goes back to the former policy.
	Policy string
	// Settings are set; one without a value is as by itself again. smq has
	// migration_threshold: how many sectors may be on their way at once, 2048 by
	// itself, and never less than 8 chunks. Those that mq once had are kept, and without
	// effect.
	Settings []CacheSetting
}

// ChangeCache changes how a volume is cached, while it is in use, or how an unused
// cache pool is to. With a thin pool it is the cache of its data. A cache that is
// being flushed is no more. lvm2: lvchange --cachemode, --cachepolicy,
// --cachesettings.
//
// Returns errors matching [ErrLVNotFound], [ErrInvalidSpec], or [ErrCacheDirty] if
// a cache is to leave writeback, or get to passthrough, that was not flushed: lvm2
// does that by itself, see [System.FlushCache].
func (tx *Tx) ChangeCache(lv string, change CacheChange) error {
	return tx.fail("change cache of lv", lv, tx.changeCache(lv, change))
}

func (tx *Tx) changeCache(ref string, change CacheChange) error {
	policy := change.Policy
	if policy == policyCleaner {
		policy = ""
	}
	if err := joinErrors(change.Mode.check(), checkCachePolicy(policy), checkCacheSettings(change.Settings)); err != nil {
		return err
	}
	lv, i, err := tx.lvToChange(ref)
	if err != nil {
		return err
	}
	if _, ok := bodyOf[*metadata.CachePool](lv); ok {
		return tx.putSettings(lv, i, change)
	}
	top, body, err := tx.cachedLV(lv)
	if err != nil {
		return err
	}
	settings, pool, err := tx.cacheSettings(top, body)
	if err != nil {
		return err
	}
	if settings.leaves(change.Mode) {
		if err := tx.takeClean(top); err != nil {
			return err
		}
	}
	own := *body
	own.Cleaner = body.Cleaner && change.Mode == "" && change.Policy == ""
	if pool == nil {
		own.CacheSettings = change.apply(own.CacheSettings)
		return tx.put(tx.indexOf(top.ID), withBody(top, &own))
	}
	return tx.whole(func() error {
		if own.Cleaner != body.Cleaner {
			if err := tx.put(tx.indexOf(top.ID), withBody(top, &own)); err != nil {
				return err
			}
		}
		return tx.putSettings(pool, tx.indexOf(pool.ID), change)
	})
}

// putSettings changes the settings of a cache pool.
func (tx *Tx) putSettings(pool *metadata.LogicalVolume, i int, change CacheChange) error {
	body := *pool.Segments[0].Body.(*metadata.CachePool)
	body.CacheSettings = change.apply(body.CacheSettings)
	return tx.put(i, withBody(pool, &body))
}

func (change *CacheChange) apply(s metadata.CacheSettings) metadata.CacheSettings {
	if change.Mode != "" {
		s.Mode = string(change.Mode)
	}
	if change.Policy != "" {
		s.Policy = change.Policy
	}
	s.Settings = withSettings(s.Settings, change.Settings)
	return s
}

// cacheState is how a cache works by the metadata.
type cacheState metadata.CacheSettings

// leaves says whether a cache has to be clean to get a mode.
func (s cacheState) leaves(mode CacheMode) bool {
	return mode != "" && string(mode) != s.Mode && (s.Mode == string(CacheWriteback) || mode == CachePassthrough)
}

// cachedLV returns the volume with the cache, and what is particular to it: lv, or
// if it is a thin pool its data.
func (tx *Tx) cachedLV(lv *metadata.LogicalVolume) (*metadata.LogicalVolume, *metadata.Cache, error) {
	if pool, ok := bodyOf[*metadata.ThinPool](lv); ok {
		if data := tx.find(pool.Data); data != nil {
			lv = data
		}
	}
	body, ok := bodyOf[*metadata.Cache](lv)
	if !ok {
		return nil, nil, fault(ErrInvalidSpec, "lv %s has no cache", lv.Name)
	}
	return lv, body, nil
}

// cacheSettings returns how a volume is cached, and the pool that has that; nil if
// it is the volume itself.
func (tx *Tx) cacheSettings(top *metadata.LogicalVolume, body *metadata.Cache) (cacheState, *metadata.LogicalVolume, error) {
	if top.Segments[0].HasFlag(cacheFlag) {
		return cacheState(body.CacheSettings), nil, nil
	}
	pool := tx.find(body.Pool)
	has, ok := bodyOf[*metadata.CachePool](pool)
	if !ok {
		return cacheState{}, nil, fault(ErrDamaged, "the cache pool of lv %s is none", top.Name)
	}
	return cacheState(has.CacheSettings), pool, nil
}

// StartFlush has all that only the cache of a volume has written back, and what is
// written from now on go to what is beneath as well, which may take long. It holds
// also after a crash, until [Tx.DetachCache] or a change of mode or policy
// ([Tx.ChangeCache]), for which the cache has to be clean. [System.FlushCache]
// begins it and waits for its end. A volume that is not active does not begin
// before it is. With a writecache it is the same. lvm2 does it in the course of
// lvconvert --splitcache, --uncache and lvchange --cachemode.
//
// Returns an error matching [ErrLVNotFound], or [ErrInvalidSpec] if the volume has
// no cache.
func (tx *Tx) StartFlush(lv string) error {
	return tx.fail("flush cache of lv", lv, tx.startFlush(lv))
}

func (tx *Tx) startFlush(ref string) error {
	lv, _, err := tx.lvToChange(ref, ErrMissingPV)
	if err != nil {
		return err
	}
	return tx.flush(lv)
}

func (tx *Tx) flush(lv *metadata.LogicalVolume) error {
	if body, ok := bodyOf[*metadata.WriteCache](lv); ok {
		if isCleaning(body) {
			return nil
		}
		own := *body
		own.Settings = withSettings(own.Settings, []CacheSetting{{settingCleaner, "1"}})
		return tx.put(tx.indexOf(lv.ID), withBody(lv, &own))
	}
	top, body, err := tx.cachedLV(lv)
	if err != nil || body.Cleaner {
		return err
	}
	own := *body
	own.Cleaner = true
	return tx.put(tx.indexOf(top.ID), withBody(top, &own))
}

// settingCleaner has a writecache written back, and then bypassed.
const settingCleaner = "cleaner"

// isCleaning says whether a writecache is being flushed.
func isCleaning(body *metadata.WriteCache) bool {
	return slices.ContainsFunc(body.Settings, func(s metadata.Setting) bool { return s.Key == settingCleaner && s.Value != "0" })
}
