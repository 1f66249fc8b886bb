package exception

import (
	"fmt"
	"math"
	"sync"

	"github.com/lvm-go/lvm/units"
)

// Origin is what the kernel's snapshot-origin device is: a device that keeps
// what is written over in the stores of its snapshots. It may be used by several
// goroutines at once.
type Origin struct {
	dev       Device
	size      int64
	snapshots []*Snapshot

	mu      sync.RWMutex // held while the origin changes
	merging *Snapshot    // has begun to be merged, and is not done
}

// NewOrigin returns the origin on the first size bytes of dev. It must know all
// snapshots of the origin, which must read from the same device and may be
// shorter.
//
// Returns an error matching [ErrOutOfRange] for a snapshot that is longer, and
// [ErrNotItsSnapshot] if two have the same store.
func NewOrigin(dev Device, size units.Bytes, snapshots ...*Snapshot) (*Origin, error) {
	if size > math.MaxInt64 {
		return nil, fmt.Errorf("origin of %d bytes: %w", uint64(size), ErrOutOfRange)
	}
	stores := map[*Store]bool{}
	for _, s := range snapshots {
		if s.size > int64(size) {
			return nil, fmt.Errorf("snapshot of %d bytes of an origin of %d: %w", s.size, uint64(size), ErrOutOfRange)
		}
		if stores[s.store] {
			return nil, fmt.Errorf("two snapshots with one exception store: %w", ErrNotItsSnapshot)
		}
		stores[s.store] = true
	}
	return &Origin{dev: dev, size: int64(size), snapshots: append([]*Snapshot(nil), snapshots...)}, nil
}

// Size returns the length of the origin.
func (o *Origin) Size() units.Bytes { return units.Bytes(o.size) }

// ReadAt reads as [io.ReaderAt] says, from the device as it is:
// while a snapshot is merged, a mixture.
func (o *Origin) ReadAt(p []byte, off int64) (int, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if off < 0 {
		return 0, fmt.Errorf("read at byte %d: %w", off, ErrOutOfRange)
	}
	p, end := clip(p, off, o.size)
	if err := read(o.dev, p, off); err != nil {
		return 0, err
	}
	return len(p), end
}

// WriteAt writes all of p, or fails. Before, each snapshot gets what will be
// written over, as far as it does not have it yet, for good. A snapshot whose
// store has no room for that is given up, as the kernel does: it is [Store.Invalid]
// from then on, and the write goes on.
//
// If a store cannot be written for another reason, such as an I/O error, WriteAt
// fails, and the origin stays as it is. (The kernel would give up the snapshot.)
// Returns an error matching [ErrOutOfRange] for a write beyond the end, and
// [ErrMerging] from the start of a merge until it is done.
func (o *Origin) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > o.size || int64(len(p)) > o.size-off {
		return 0, fmt.Errorf("write %d bytes at byte %d of an origin of %d bytes: %w", len(p), off, o.size, ErrOutOfRange)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.merging != nil {
		return 0, ErrMerging
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := o.preserve(off, off+int64(len(p)), nil); err != nil {
		return 0, err
	}
	if err := write(o.dev, p, off); err != nil {
		return 0, err
	}
	return len(p), nil
}

// preserve lets all snapshots but one keep what will be written over. Those that
// have no room are given up, once it is sure that all others have what they need.
func (o *Origin) preserve(off, end int64, but *Snapshot) error {
	var full []int
	for i, s := range o.snapshots {
		if s == but {
			continue
		}
		isFull, err := s.preserve(off, end)
		if err != nil {
			return fmt.Errorf("snapshot %d of the origin: %w", i, err)
		}
		if isFull {
			full = append(full, i)
		}
	}
	for _, i := range full {
		if err := o.snapshots[i].store.giveUp(); err != nil {
			return fmt.Errorf("snapshot %d of the origin: %w", i, err)
		}
	}
	return nil
}

// Sync makes what was written to the origin outlast a crash.
func (o *Origin) Sync() error { return flush(o.dev) }
