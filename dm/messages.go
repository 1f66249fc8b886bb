package dm

import "strconv"

// ThinCreate returns the message to a ThinPool that makes an empty thin device.
// Control.Message returns an error matching ErrExists if id is taken, ErrInvalid if
// it is more than MaxThinID.
//
// All messages to a thin pool are for sector 0, change its metadata for good, and
// match ErrUnsupported if it is read-only or has failed.
func ThinCreate(id uint32) string { return "create_thin " + decimal(id) }

// ThinSnap returns the message that makes a thin device with the content of another
// one. Nobody may write to that meanwhile: if it is active, its mapped device must be
// suspended. Control.Message returns an error matching ErrExists if id is taken,
// ErrNotFound if there is no origin.
func ThinSnap(id, origin uint32) string { return "create_snap " + decimal(id) + " " + decimal(origin) }

// ThinDelete returns the message that deletes a thin device and frees what only it
// had. Control.Message returns an error matching ErrNotFound if there is none,
// ErrBusy if a target uses it.
func ThinDelete(id uint32) string { return "delete " + decimal(id) }

// ThinSetTransactionID returns the message that changes the number with which the
// owner of a pool tells whether the pool has what he believes. Control.Message
// returns an error matching ErrInvalid if it is not old.
func ThinSetTransactionID(old, id uint64) string {
	return "set_transaction_id " + strconv.FormatUint(old, 10) + " " + strconv.FormatUint(id, 10)
}

// Messages to a ThinPool about the one snapshot of its metadata that others can read
// while the pool is in use.
const (
	// ThinReserveMetadataSnapshot makes it: see ThinPoolStatus.MetadataSnapshot. The
	// error matches ErrBusy if there is one.
	ThinReserveMetadataSnapshot = "reserve_metadata_snap"
	// ThinReleaseMetadataSnapshot drops it. The error matches ErrInvalid if there is
	// none.
	ThinReleaseMetadataSnapshot = "release_metadata_snap"
)

// CacheSet returns the message that changes a setting of a Cache or its policy until
// another table is loaded. Control.Message returns an error matching ErrInvalid if
// there is none of that name or it cannot have that value.
func CacheSet(s Setting) string { return s.Key + " " + s.Value }

// CacheInvalidate returns the message that makes a Cache forget the blocks from
// begin up to end, without end. Control.Message returns an error matching
// ErrPermission if its mode is not CachePassthrough.
func CacheInvalidate(begin, end uint64) string {
	return "invalidate_cblocks " + strconv.FormatUint(begin, 10) + "-" + strconv.FormatUint(end, 10)
}

// Messages to a WriteCache.
const (
	// WriteCacheFlush moves all to the origin, and returns when that is done.
	WriteCacheFlush = "flush"
	// WriteCacheFlushOnSuspend does so when the device is next suspended.
	WriteCacheFlushOnSuspend = "flush_on_suspend"
	// WriteCacheCleaner moves all to the origin in the background, and has writes go
	// there too: see WriteCacheStatus.Clean.
	WriteCacheCleaner = "cleaner"
	// WriteCacheClearStatistics sets WriteCacheStatistics to 0.
	WriteCacheClearStatistics = "clear_stats"
)

func decimal(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
