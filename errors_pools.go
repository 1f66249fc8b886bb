package lvm

import (
	"errors"
	"fmt"
)

// Sentinels of the state that pools and raids are in.
var (
	// ErrPoolFull: a thin pool has no space left for data. Writes to its volumes
	// wait or fail, as [LVReport] says under lv_when_full, until it is extended or
	// something is removed.
	ErrPoolFull = errors.New("thin pool is full")
	// ErrPoolReadOnly: the kernel has stopped changing a thin pool, since its
	// metadata could not be written or is full. Its volumes can be read.
	ErrPoolReadOnly = fmt.Errorf("thin pool: %w", ErrReadOnly)
	// ErrPoolFailed: the kernel has given up a thin pool or a cache, which cannot
	// even be read until it is activated anew, or repaired.
	ErrPoolFailed = errors.New("pool has failed")
	// ErrNeedsCheck: the metadata of a thin pool or a cache has to be checked before
	// it is changed again.
	ErrNeedsCheck = errors.New("metadata needs a check")
	// ErrTransactionID: a thin pool has another transaction ID in the kernel than
	// in the metadata of the group: the two do not have the same volumes. See
	// [Tx.RepairTransactionID].
	ErrTransactionID = errors.New("transaction id mismatch")
	// ErrDegraded: a raid or mirror goes on without one of its legs.
	ErrDegraded = errors.New("degraded")
	// ErrNotInSync: the legs of a raid or mirror are not alike yet.
	ErrNotInSync = errors.New("not in sync")
)
