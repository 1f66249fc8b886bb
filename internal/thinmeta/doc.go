// Package thinmeta reads the metadata device of a thin pool: which blocks of the
// pool's data device a thin device consists of.
//
//	superblock ──► devices: id ─► mapping: virtual block ─► data block, time
//	           ──► details: id ─► mapped blocks, transaction, times
//	           ──► space maps of the data and of the metadata device
//
// A virtual block is a block of a thin device. One that is mapped nowhere reads
// as zeroes, or as what the device's external origin has there. Snapshots share
// the mapping with their origin, as far as neither was written since; the data
// blocks that both point to are shared until then.
//
// [Open] reads the last commit. [Pool.Device] gives a thin device, [NewVolume]
// its contents, [Compare] the blocks in which two devices differ, and
// [Pool.Check] says whether the metadata is whole.
//
// A pool that is active changes its metadata meanwhile. What was reserved as a
// metadata snapshot does not change: see [Pool.Held].
//
// Source: Linux Documentation/admin-guide/device-mapper/thin-provisioning.rst,
// and what the thin-pool target 1.22 was seen to write.
package thinmeta
