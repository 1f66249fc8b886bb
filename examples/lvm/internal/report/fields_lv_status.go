package report

import "github.com/lvm-go/lvm"

// lvStatusFields are those of "Logical Volume Device Status Fields".
func lvStatusFields() []field {
	return []field{
		{name: "data_percent", heading: "Data%", about: "For snapshot, cache and thin pools and volumes, the percentage full if LV is active.", typ: Percent, width: 6, value: func(r *row) value { return percent(r.lv.status().DataPercent) }},
		{name: "snap_percent", heading: "Snap%", about: "For snapshots, the percentage full if LV is active.", typ: Percent, width: 6, value: func(r *row) value { return percent(r.lv.status().SnapPercent) }},
		{name: "metadata_percent", heading: "Meta%", about: "For cache and thin pools, the percentage of metadata full if LV is active.", typ: Percent, width: 6, value: func(r *row) value { return percent(r.lv.status().MetadataPercent) }},
		{name: "copy_percent", heading: "Cpy%Sync", about: "For Cache, RAID, mirrors and pvmove, current percentage in-sync.", typ: Percent, width: 8, value: func(r *row) value { return percent(r.lv.status().CopyPercent) }},
		{name: "sync_percent", heading: "Cpy%Sync", about: "For Cache, RAID, mirrors and pvmove, current percentage in-sync.", typ: Percent, width: 8, value: func(r *row) value { return percent(r.lv.status().SyncPercent) }},
		{name: "cache_total_blocks", heading: "CacheTotalBlocks", about: "Total cache blocks.", typ: Number, width: 16, value: func(r *row) value {
			return cacheNumber(r, func(c *lvm.CacheStatusReport) uint64 { return c.CacheTotalBlocks })
		}},
		{name: "cache_used_blocks", heading: "CacheUsedBlocks", about: "Used cache blocks.", typ: Number, width: 16, value: func(r *row) value {
			return cacheNumber(r, func(c *lvm.CacheStatusReport) uint64 { return c.CacheUsedBlocks })
		}},
		{name: "cache_dirty_blocks", heading: "CacheDirtyBlocks", about: "Dirty cache blocks.", typ: Number, width: 16, value: func(r *row) value {
			return cacheNumber(r, func(c *lvm.CacheStatusReport) uint64 { return c.CacheDirtyBlocks })
		}},
		{name: "cache_read_hits", heading: "CacheReadHits", about: "Cache read hits.", typ: Number, width: 16, value: func(r *row) value {
			return cacheNumber(r, func(c *lvm.CacheStatusReport) uint64 { return c.CacheReadHits })
		}},
		{name: "cache_read_misses", heading: "CacheReadMisses", about: "Cache read misses.", typ: Number, width: 16, value: func(r *row) value {
			return cacheNumber(r, func(c *lvm.CacheStatusReport) uint64 { return c.CacheReadMisses })
		}},
		{name: "cache_write_hits", heading: "CacheWriteHits", about: "Cache write hits.", typ: Number, width: 16, value: func(r *row) value {
			return cacheNumber(r, func(c *lvm.CacheStatusReport) uint64 { return c.CacheWriteHits })
		}},
		{name: "cache_write_misses", heading: "CacheWriteMisses", about: "Cache write misses.", typ: Number, width: 16, value: func(r *row) value {
			return cacheNumber(r, func(c *lvm.CacheStatusReport) uint64 { return c.CacheWriteMisses })
		}},
		{name: "kernel_cache_settings", heading: "KCacheSettings", about: "Cache settings/parameters as set in kernel, including default values (cached segments only).", typ: StringList, width: 18, value: func(r *row) value { return r.names(r.lv.cacheSettings()) }},
		{name: "kernel_cache_policy", heading: "KCachePolicy", about: "Cache policy used in kernel.", typ: String, width: 18, value: func(r *row) value { return text(r.lv.cachePolicy()) }},
		{name: "kernel_metadata_format", heading: "KMFmt", about: "Cache metadata format used in kernel.", typ: Number, width: 5, value: func(r *row) value {
			return cacheNumber(r, func(c *lvm.CacheStatusReport) int { return c.KernelMetadataFormat })
		}},
		{name: "lv_health_status", heading: "Health", about: "LV health status.", typ: String, width: 15, value: func(r *row) value { return text(r.lv.Health) }},
		{name: "kernel_discards", heading: "KDiscards", about: "For thin pools, how discards are handled in kernel.", typ: String, width: 9, value: func(r *row) value { return text(r.lv.status().KernelDiscards) }},
		{name: "lv_check_needed", heading: "CheckNeeded", about: "For thin pools and cache volumes, whether metadata check is needed.", typ: Number, width: 15, value: func(r *row) value { return r.flagOf(r.lv.status().CheckNeeded, "check needed") }},
		{name: "lv_merge_failed", heading: "MergeFailed", about: "Set if snapshot merge failed.", typ: Number, width: 15, value: func(r *row) value { return r.flagOf(r.lv.status().MergeFailed, "merge failed") }},
		{name: "lv_snapshot_invalid", heading: "SnapInvalid", about: "Set if snapshot LV is invalid.", typ: Number, width: 15, value: func(r *row) value { return r.flagOf(r.lv.status().SnapshotInvalid, "snapshot invalid") }},
		{name: "vdo_operating_mode", heading: "VDOOperatingMode", about: "For vdo pools, its current operating mode.", typ: String, width: 16, value: func(r *row) value { return text("") }},
		{name: "vdo_compression_state", heading: "VDOCompressionState", about: "For vdo pools, whether compression is running.", typ: String, width: 19, value: func(r *row) value { return text("") }},
		{name: "vdo_index_state", heading: "VDOIndexState", about: "For vdo pools, state of index for deduplication.", typ: String, width: 13, value: func(r *row) value { return text("") }},
		{name: "vdo_used_size", heading: "VDOUsedSize", about: "For vdo pools, currently used space.", typ: Number, width: 11, value: func(r *row) value { return missing("") }},
		{name: "vdo_saving_percent", heading: "VDOSaving%", about: "For vdo pools, percentage of saved space.", typ: Number, width: 10, value: func(r *row) value { return percent(nil) }},
		{name: "writecache_total_blocks", heading: "WCacheTotalBlocks", about: "Total writecache blocks.", typ: Number, width: 17, value: func(r *row) value {
			return writecacheNumber(r, func(c *lvm.WritecacheStatusReport) uint64 { return c.WritecacheTotalBlocks })
		}},
		{name: "writecache_free_blocks", heading: "WCacheFreeBlocks", about: "Total writecache free blocks.", typ: Number, width: 16, value: func(r *row) value {
			return writecacheNumber(r, func(c *lvm.WritecacheStatusReport) uint64 { return c.WritecacheFreeBlocks })
		}},
		{name: "writecache_writeback_blocks", heading: "WCacheWritebackBlocks", about: "Total writecache writeback blocks.", typ: Number, width: 21, value: func(r *row) value {
			return writecacheNumber(r, func(c *lvm.WritecacheStatusReport) uint64 { return c.WritecacheWritebackBlocks })
		}},
		{name: "writecache_error", heading: "WCacheErrors", about: "Total writecache errors.", typ: Number, width: 12, value: func(r *row) value {
			return writecacheNumber(r, func(c *lvm.WritecacheStatusReport) int { return c.WritecacheError })
		}},
	}
}
