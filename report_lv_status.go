package lvm

import (
	"strings"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// LVStatusReport is the part of a report that the targets of a volume say of
// themselves. That of a thin pool is there while any of its volumes is active, that
// of a cache pool while what it caches is.
type LVStatusReport struct {
	CheckNeeded     *bool `json:"lv_check_needed,omitempty"`     // thin pool, cache
	MergeFailed     *bool `json:"lv_merge_failed,omitempty"`     // snapshot
	SnapshotInvalid *bool `json:"lv_snapshot_invalid,omitempty"` // snapshot

	// SnapPercent is how full the COW store of a snapshot is; of an origin into
	// which one is merged, how much of that is left. A snapshot that is lost is
	// full. Of other types it is what DataPercent is.
	SnapPercent *Percent `json:"snap_percent,omitempty"`
	// DataPercent is how full a pool or cache is, or how much of a thin volume was
	// written to; of a snapshot it is SnapPercent.
	DataPercent *Percent `json:"data_percent,omitempty"`
	// MetadataPercent is how full the metadata of a pool or cache is.
	MetadataPercent *Percent `json:"metadata_percent,omitempty"`
	// CopyPercent is how much of a mirror or raid is in sync, or has checksums, or of a
	// pvmove is done; of a cache, how much of what is in use is dirty.
	CopyPercent *Percent `json:"copy_percent,omitempty"`
	// SyncPercent is the same.
	SyncPercent *Percent `json:"sync_percent,omitempty"`

	RaidMismatchCount   *uint64       `json:"raid_mismatch_count,omitempty"` // sectors
	RaidSyncAction      dm.RAIDAction `json:"raid_sync_action,omitempty"`
	IntegrityMismatches *uint64       `json:"integritymismatches,omitempty"` // blocks; of a raid, of all images
	KernelDiscards      string        `json:"kernel_discards,omitempty"`     // thin pool

	*CacheStatusReport
	*WritecacheStatusReport
}

// CacheStatusReport is the part of a report that a cache says of itself.
type CacheStatusReport struct {
	CacheTotalBlocks     uint64   `json:"cache_total_blocks"` // as the counts below in chunks
	CacheUsedBlocks      uint64   `json:"cache_used_blocks"`
	CacheDirtyBlocks     uint64   `json:"cache_dirty_blocks"`
	CacheReadHits        uint64   `json:"cache_read_hits"`
	CacheReadMisses      uint64   `json:"cache_read_misses"`
	CacheWriteHits       uint64   `json:"cache_write_hits"`
	CacheWriteMisses     uint64   `json:"cache_write_misses"`
	KernelCacheSettings  []string `json:"kernel_cache_settings"`
	KernelCachePolicy    string   `json:"kernel_cache_policy"`
	KernelMetadataFormat int      `json:"kernel_metadata_format"`
}

// WritecacheStatusReport is the part of a report that a writecache says of itself.
type WritecacheStatusReport struct {
	WritecacheTotalBlocks     uint64 `json:"writecache_total_blocks"`
	WritecacheFreeBlocks      uint64 `json:"writecache_free_blocks"`
	WritecacheWritebackBlocks uint64 `json:"writecache_writeback_blocks"`
	WritecacheError           int    `json:"writecache_error"` // 1 after an I/O error, or 0
}

// status returns what the targets say; nil if they say nothing.
func (f *lvFacts) status() *LVStatusReport {
	target := f.target()
	if f.dev == nil && target == nil {
		return nil
	}
	r := &LVStatusReport{}
	if p, ok := target.copied(f.rec, f.vg.rec.ExtentSize); ok {
		r.copied(p)
	}
	if s, ok := target.thinPool(); ok {
		r.thinPool(s)
	}
	if s, ok := target.thin(); ok {
		if p, ok := s.Percent(f.sectors()); ok {
			r.data(p)
		}
	}
	if s, ok := target.cache(); ok {
		r.cache(s, f.first().kind == "cache-pool")
	}
	if s, ok := target.writeCache(); ok {
		r.writecache(s)
	}
	if s, ok := target.raid(); ok {
		f.addRaid(r, s)
	}
	if s, ok := target.integrity(); ok {
		r.IntegrityMismatches = &s.Mismatches
		r.copied(s.Percent())
	}
	if s, ok := f.dev.snapshot(); ok {
		r.MergeFailed, r.SnapshotInvalid = &s.mergeFailed, &s.invalid
		r.SnapPercent, r.DataPercent = s.full, s.full
	}
	return r
}

// sectors returns the length of the volume, which is valid and does not overflow.
func (f *lvFacts) sectors() Sectors {
	s, _ := f.rec.Extents().Sectors(f.vg.rec.ExtentSize)
	return s
}

func (r *LVStatusReport) data(p Percent) { r.DataPercent, r.SnapPercent = &p, &p }

func (r *LVStatusReport) copied(p Percent) { r.CopyPercent, r.SyncPercent = &p, &p }

func (r *LVStatusReport) thinPool(s dm.ThinPoolStatus) {
	r.CheckNeeded = &s.NeedsCheck
	if p, ok := s.DataPercent(); ok {
		r.data(p)
	}
	if p, ok := s.MetadataPercent(); ok {
		r.MetadataPercent = &p
		r.KernelDiscards = discardsOf(s.Discard)
	}
}

// discardsOf returns the word of the metadata for what the kernel does.
func discardsOf(d dm.ThinDiscard) string {
	switch d {
	case dm.ThinDiscardNoPassdown:
		return metadata.DiscardsNoPassdown.String()
	case dm.ThinDiscardIgnore:
		return metadata.DiscardsIgnore.String()
	}
	return metadata.DiscardsPassdown.String()
}

// cache adds the status of a cache. A pool has no device that could need a check.
func (r *LVStatusReport) cache(s dm.CacheStatus, pool bool) {
	if !pool {
		r.CheckNeeded = &s.NeedsCheck
	}
	p, ok := s.DataPercent()
	if !ok {
		return // it has failed
	}
	r.data(p)
	if p, ok := s.MetadataPercent(); ok {
		r.MetadataPercent = &p
	}
	if p, ok := s.DirtyPercent(); ok {
		r.copied(p)
	}
	format := 1
	if s.Metadata2 {
		format = 2
	}
	settings := make([]string, len(s.Settings))
	for i, set := range s.Settings {
		settings[i] = set.Key + "=" + set.Value
	}
	r.CacheStatusReport = &CacheStatusReport{
		CacheTotalBlocks: s.Blocks, CacheUsedBlocks: s.Used, CacheDirtyBlocks: s.Dirty,
		CacheReadHits: s.ReadHits, CacheReadMisses: s.ReadMisses, CacheWriteHits: s.WriteHits, CacheWriteMisses: s.WriteMisses,
		KernelCacheSettings: settings, KernelCachePolicy: s.Policy, KernelMetadataFormat: format,
	}
}

func (r *LVStatusReport) writecache(s dm.WriteCacheStatus) {
	r.data(s.Percent())
	r.WritecacheStatusReport = &WritecacheStatusReport{
		WritecacheTotalBlocks: s.Blocks, WritecacheFreeBlocks: s.Free, WritecacheWritebackBlocks: s.WritingBack,
	}
	if s.Failed {
		r.WritecacheError = 1
	}
}

// addRaid adds the status of a raid. That of the lowest level has nothing to bring
// in sync.
func (f *lvFacts) addRaid(r *LVStatusReport, s dm.RAIDStatus) {
	r.RaidMismatchCount, r.RaidSyncAction = &s.Mismatches, s.Action
	if !strings.HasPrefix(f.first().kind, "raid0") {
		r.copied(s.Percent())
	}
	var mismatches uint64
	for _, a := range f.first().areas {
		image := f.rel.node(a.LV)
		if image == nil || image.first().kind != "integrity" {
			continue
		}
		dev, err := (&LogicalVolume{vg: f.vg, rec: image.rec}).Kernel()
		if err != nil {
			continue // not known
		}
		if s, ok := dev.integrity(); ok {
			mismatches += s.Mismatches
			r.IntegrityMismatches = &mismatches
		}
	}
}
