// Package cachemeta reads the metadata device of a cache target: which blocks of
// the origin are in the cache, and which of these the origin has not got yet.
//
//	superblock ──► mappings: array, cache block ─► origin block, flags
//	           ──► dirty blocks: bitset, in version 2
//	           ──► hints of the policy, discarded blocks, space map
//
// A block that is in the cache is read there. If it is dirty, which happens in
// writeback mode, the origin holds something older; if not, both hold the same.
// What is dirty is only written when the cache is shut down. Without that, every
// block that is in the cache has to be taken for dirty.
//
// [Open] reads the last commit, and [NewVolume] gives what the cached device
// holds. The cache must not be active meanwhile.
//
// Source: Linux Documentation/admin-guide/device-mapper/cache.rst, and what the
// cache target 2.3 was seen to write.
package cachemeta
