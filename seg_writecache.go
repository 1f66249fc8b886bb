package lvm

import (
	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// writeCacheType renders volumes whose writes are cached:
//
//	vol_cvol, lv_wcorig
//	lv   writecache s lv_wcorig vol_cvol
//
// Source: lvm2 as observed.
type writeCacheType struct{}

func (writeCacheType) handles(b metadata.Body) bool { _, ok := b.(*metadata.WriteCache); return ok }

func (writeCacheType) mark(b metadata.Body, set func(metadata.ID, string)) {
	cache := b.(*metadata.WriteCache)
	set(cache.Origin, realLayer)
	set(cache.Cache, cacheVolLayer)
}

func (writeCacheType) target(r *renderer, seg *metadata.Segment) (dm.Target, error) {
	body := seg.Body.(*metadata.WriteCache)
	t := dm.WriteCache{BlockSize: body.BlockSize}
	for _, s := range body.Settings {
		switch {
		case !isWriteCacheWord(s.Key):
			t.Settings = append(t.Settings, dm.Setting{Key: s.Key, Value: s.Value})
		case s.Value != "0":
			t.Settings = append(t.Settings, dm.Setting{Key: s.Key})
		}
	}
	if body.OtherKey != "" {
		t.Settings = append(t.Settings, dm.Setting{Key: body.OtherKey, Value: body.OtherValue})
	}
	err := r.beneath(func() (err error) {
		if t.Origin, err = r.part(body.Origin); err == nil {
			t.Cache, err = r.part(body.Cache)
		}
		return err
	})
	return t, err
}

// isWriteCacheWord says whether a setting is a word for the kernel, which has no
// value.
func isWriteCacheWord(key string) bool {
	return key == "fua" || key == "nofua" || key == settingCleaner || key == "metadata_only"
}
