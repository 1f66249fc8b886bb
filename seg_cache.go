package lvm

import (
	"strconv"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// What the uuids of the devices of a cache's parts end with. Source: lvm2 as
// observed.
const (
	cacheDataLayer = "cdata"
	cacheMetaLayer = "cmeta"
	cacheVolLayer  = "cvol"
)

// cacheFlag marks the type of a cache that has data and metadata in one volume.
const cacheFlag = "CACHE_USES_CACHEVOL"

// cachePoolType stands for cache pools. They have no device; their parts do, as
// those of the cache.
type cachePoolType struct{}

func (cachePoolType) handles(b metadata.Body) bool { _, ok := b.(*metadata.CachePool); return ok }

func (cachePoolType) mark(b metadata.Body, set func(metadata.ID, string)) {
	pool := b.(*metadata.CachePool)
	set(pool.Data, cacheDataLayer)
	set(pool.Metadata, cacheMetaLayer)
}

func (cachePoolType) target(r *renderer, _ *metadata.Segment) (dm.Target, error) {
	return nil, fault(ErrUnsupported, "cache pool %s has no device", r.at.lv.Name)
}

func (cachePoolType) volume(_ *renderer, lv *metadata.LogicalVolume) (string, error) {
	return "", fault(ErrUnsupported, "cache pool %s has no device", lv.Name)
}

// cacheType renders cached volumes:
//
//	pool_cdata, pool_cmeta  of a cache pool, or
//	vol_cvol, vol_cvol-cdata and vol_cvol-cmeta in it
//	lv_corig
//	lv   cache ...
//
// Source: lvm2 as observed.
type cacheType struct{}

func (cacheType) handles(b metadata.Body) bool { _, ok := b.(*metadata.Cache); return ok }

func (cacheType) mark(b metadata.Body, set func(metadata.ID, string)) {
	cache := b.(*metadata.Cache)
	set(cache.Origin, realLayer)
	if cache.DataLen > 0 {
		set(cache.Pool, cacheVolLayer)
	}
}

func (cacheType) target(r *renderer, seg *metadata.Segment) (dm.Target, error) {
	body := seg.Body.(*metadata.Cache)
	settings := body.CacheSettings
	var t dm.Cache
	err := r.beneath(func() error {
		pool, err := r.volume(body.Pool)
		if err != nil {
			return err
		}
		if seg.HasFlag(cacheFlag) {
			t.Cache, t.Metadata, err = r.cacheVol(pool, body)
		} else {
			t.Cache, t.Metadata, settings, err = r.cachePool(pool)
		}
		if err != nil {
			return err
		}
		t.Origin, err = r.part(body.Origin)
		return err
	})
	t.BlockSize = settings.ChunkSize
	t.Metadata2 = settings.MetadataFormat == 2
	t.Mode, t.Policy = cacheMode(settings.Mode), settings.Policy
	if t.Policy == "" {
		t.Policy = "mq" // of texts from before there were others
	}
	if body.Cleaner || t.Policy == policyCleaner {
		t.Policy, t.Mode = policyCleaner, dm.CacheWritethrough
		return t, err
	}
	t.Settings = targetSettings(settings)
	return t, err
}

// targetSettings returns the settings of a cache that the kernel takes. smq knows
// none but the threshold, which others may have as well. Source: lvm2 as observed.
func targetSettings(settings metadata.CacheSettings) []dm.Setting {
	var out []dm.Setting
	if n := cacheThreshold(settings); n != defaultThreshold {
		out = append(out, dm.Setting{Key: settingThreshold, Value: strconv.FormatUint(uint64(n), 10)})
	}
	for _, s := range settings.Settings {
		if s.Key != settingThreshold && settings.Policy != policySMQ {
			out = append(out, dm.Setting{Key: s.Key, Value: s.Value})
		}
	}
	return out
}

func cacheMode(word string) dm.CacheMode {
	switch word {
	case "writeback":
		return dm.CacheWriteback
	case "passthrough":
		return dm.CachePassthrough
	}
	return dm.CacheWritethrough
}

// cachePool renders the parts of a cache pool.
func (r *renderer) cachePool(pool *metadata.LogicalVolume) (data, meta string, settings metadata.CacheSettings, err error) {
	if len(pool.Segments) == 1 {
		if body, ok := pool.Segments[0].Body.(*metadata.CachePool); ok {
			if data, err = r.part(body.Data); err == nil {
				meta, err = r.part(body.Metadata)
			}
			return data, meta, body.CacheSettings, err
		}
	}
	return "", "", settings, fault(ErrDamaged, "lv %s is no cache pool", pool.Name)
}

// cacheVol renders a volume that has both data and metadata of a cache, and a
// device for each.
func (r *renderer) cacheVol(vol *metadata.LogicalVolume, body *metadata.Cache) (data, meta string, err error) {
	whole, err := r.add(vol)
	if err != nil {
		return "", "", err
	}
	slice := func(id metadata.ID, layer string, start, length Sectors) (string, error) {
		n, err := r.node(vol, layer)
		if err != nil {
			return "", err
		}
		if !id.IsZero() {
			n.uuid = dmUUID(r.vg.ID, id, layer)
		}
		n.table = dm.Table{{Length: length, Target: dm.Linear{Device: whole, Offset: start}}}
		return r.put(n), nil
	}
	if data, err = slice(body.DataID, cacheDataLayer, body.DataStart, body.DataLen); err != nil {
		return "", "", err
	}
	meta, err = slice(body.MetadataID, cacheMetaLayer, body.MetadataStart, body.MetadataLen)
	return data, meta, err
}
