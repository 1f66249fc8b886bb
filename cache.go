package lvm

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// ErrCacheDirty: a cache has what the volume beneath it has not got yet, or it
// cannot be said that it has not. [System.FlushCache] writes it back.
var ErrCacheDirty = fmt.Errorf("%w: cache is not written back", ErrBusy)

// CacheMode says when a write to a cached volume has come to its end.
type CacheMode string

// Modes of caches, under lvm2's names.
const (
	// CacheWritethrough is when both the cache and the volume beneath have it. The
	// default: nothing is lost with the cache.
	CacheWritethrough CacheMode = "writethrough"
	// CacheWriteback is when the cache has it. What is not written back is lost with
	// the cache.
	CacheWriteback CacheMode = "writeback"
	// CachePassthrough is when the volume beneath has it. Reads come from there,
	// too: the cache is only kept valid.
	CachePassthrough CacheMode = "passthrough"
)

// CacheSetting is a parameter that the kernel has a cache by. Its value is a
// number.
type CacheSetting struct {
	Key   string // "migration_threshold", "high_watermark"
	Value string // empty where a setting is changed: as by itself
}

// Policies of caches. Source: Linux dm-cache.
const (
	policySMQ     = "smq"
	policyMQ      = "mq" // which the kernel takes for smq
	policyCleaner = "cleaner"
)

// settingThreshold is how many sectors may be on their way between cache and
// origin at once. It is the only setting that smq has.
const settingThreshold = "migration_threshold"

// settingsOfMQ are what the policy had before the kernel took smq for it, which still
// lets them pass. Source: Linux dm-cache.
var settingsOfMQ = []string{
	"sequential_threshold", "random_threshold", "discard_promote_adjustment", "read_promote_adjustment", "write_promote_adjustment",
}

// defaultThreshold is what the kernel takes for it if it is not told.
const defaultThreshold = 2048

func (m CacheMode) check() error {
	switch m {
	case "", CacheWritethrough, CacheWriteback, CachePassthrough:
		return nil
	}
	return fault(ErrInvalidSpec, "cache mode %s", strconv.Quote(string(m)))
}

// checkCachePolicy refuses policies that there are none of. A cleaner is no way to
// have a cache, but to get rid of it.
func checkCachePolicy(policy string) error {
	switch policy {
	case "", policySMQ, policyMQ:
		return nil
	case policyCleaner:
		return fault(ErrInvalidSpec, "policy cleaner empties a cache: FlushCache and ChangeCache do that")
	}
	return fault(ErrInvalidSpec, "cache policy %s", strconv.Quote(policy))
}

// checkCacheSettings refuses settings that the kernel would not take.
func checkCacheSettings(settings []CacheSetting) error {
	for _, s := range settings {
		if s.Key != settingThreshold && !slices.Contains(settingsOfMQ, s.Key) {
			return fault(ErrInvalidSpec, "cache setting %s: there is only %s", strconv.Quote(s.Key), settingThreshold)
		}
		if _, err := strconv.ParseUint(s.Value, 10, 31); err != nil && s.Value != "" {
			return fault(ErrInvalidSpec, "cache setting %s=%s is no number up to %d", s.Key, s.Value, 1<<31-1)
		}
	}
	return nil
}

// withSettings returns settings with others in the place of those of the same key.
func withSettings(old []metadata.Setting, changes []CacheSetting) []metadata.Setting {
	out := slices.Clone(old)
	for _, c := range changes {
		out = slices.DeleteFunc(out, func(s metadata.Setting) bool { return s.Key == c.Key })
		if c.Value != "" {
			out = append(out, metadata.Setting{Key: c.Key, Value: c.Value})
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// cacheThreshold returns the migration threshold that the kernel is given: it has
// to hold some blocks. Source: lvm2 as observed.
func cacheThreshold(c metadata.CacheSettings) Sectors {
	threshold := Sectors(defaultThreshold)
	for _, s := range c.Settings {
		if n, err := strconv.ParseUint(s.Value, 10, 31); err == nil && s.Key == settingThreshold {
			threshold = Sectors(n)
		}
	}
	return max(threshold, 8*c.ChunkSize)
}

// Limits of caches. Source: lvm2 as observed, and its cache_pool_max_chunks.
const (
	defaultCacheChunk = 64 * units.KiB
	cacheChunkUnit    = 32 * units.KiB
	maxCacheChunk     = units.GiB
	maxCacheChunks    = 1_000_000
	// What the metadata of a cache takes: some, and more for each chunk.
	cacheMetadataBase     = 4 * units.MiB
	cacheMetadataPerChunk = 44
	maxCacheMetadata      = 16 * units.GiB
)

// cacheChunk returns the chunk size of a cache with that much data. If none is
// asked for it is the least power of two that makes not too many.
func cacheChunk(asked, data Bytes) (Sectors, error) {
	chunk := asked
	if chunk == 0 {
		for chunk = defaultCacheChunk; chunk < maxCacheChunk && data/chunk > maxCacheChunks; {
			chunk *= 2
		}
	}
	return chunk.Sectors(), checkCacheChunk(chunk, data)
}

func checkCacheChunk(chunk, data Bytes) error {
	switch {
	case chunk < cacheChunkUnit || chunk > maxCacheChunk || chunk%cacheChunkUnit != 0:
		return fault(ErrInvalidSpec, "chunks of %s: a multiple of %s, up to %s, is possible", chunk, cacheChunkUnit, maxCacheChunk)
	case data < chunk:
		return fault(ErrInvalidSize, "a cache of %s does not hold a chunk of %s", data, chunk)
	case data/chunk > maxCacheChunks:
		return fault(ErrInvalidSpec, "%d chunks of %s: %d are possible", uint64(data/chunk), chunk, maxCacheChunks)
	}
	return nil
}

// cacheMetadata returns how much metadata a cache needs.
func cacheMetadata(chunk Sectors, data Bytes) Bytes {
	return cacheMetadataBase + cacheMetadataPerChunk*(data/sectorBytes(chunk))
}
