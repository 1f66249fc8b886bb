package exception

import (
	"fmt"
	"io"
	"slices"

	"github.com/lvm-go/lvm/units"
)

// Merging is what the kernel's snapshot-merge device is: an origin from the
// start of a merge until it is done. It shows what the snapshot showed: chunks
// that are not merged yet are read and written in the store, all others in the
// origin. So a write never needs room in the store that is merged. It may be
// used by several goroutines at once.
type Merging struct {
	o *Origin
	s *Snapshot
}

// NewMerging returns the origin with snapshot s being merged into it. Returns an
// error matching [ErrNotItsSnapshot], or [ErrMerging] if another one is.
func NewMerging(o *Origin, s *Snapshot) (*Merging, error) {
	if !slices.Contains(o.snapshots, s) {
		return nil, ErrNotItsSnapshot
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.merging != nil && o.merging != s {
		return nil, fmt.Errorf("another %w", ErrMerging)
	}
	o.merging = s
	return &Merging{o, s}, nil
}

// Size returns the length of the origin.
func (m *Merging) Size() units.Bytes { return m.o.Size() }

// ReadAt reads as [io.ReaderAt] says. What is behind the end of a snapshot that
// is shorter is the origin's; so is all, if the store was given up.
func (m *Merging) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read at byte %d: %w", off, ErrOutOfRange)
	}
	p, end := clip(p, off, m.o.size)
	st := m.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	for n < len(p) {
		from, at, length, _ := m.find(off+int64(n), int64(len(p)-n))
		if err := read(from, p[n:n+int(length)], at); err != nil {
			return n, err
		}
		n += int(length)
	}
	return n, end
}

// find returns where byte off is, and how many more follow it there, of most.
func (m *Merging) find(off, most int64) (from io.ReaderAt, at, length int64, inStore bool) {
	s := m.s
	if s.store.invalid || off >= s.size {
		return m.o.dev, off, most, false
	}
	_, inStore = s.store.at[Chunk(off/s.store.chunk)]
	from, at, length = s.find(off, min(most, s.size-off))
	return from, at, length, inStore
}

// WriteAt writes all of p, or fails. What goes to the origin is kept by the other
// snapshots first, as [Origin.WriteAt] says, which tells of the errors, too.
func (m *Merging) WriteAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off > m.o.size || int64(len(p)) > m.o.size-off {
		return 0, fmt.Errorf("write %d bytes at byte %d of an origin of %d bytes: %w", len(p), off, m.o.size, ErrOutOfRange)
	}
	m.o.mu.Lock()
	defer m.o.mu.Unlock()
	st := m.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	if err := st.writable(); err != nil && !st.invalid {
		return 0, err
	}
	for n < len(p) {
		start := off + int64(n)
		_, at, length, inStore := m.find(start, int64(len(p)-n))
		part := p[n : n+int(length)]
		if inStore {
			err = write(st.dev, part, at)
		} else if err = m.o.preserve(start, start+length, m.s); err == nil {
			err = write(m.o.dev, part, at)
		}
		if err != nil {
			return n, err
		}
		n += int(length)
	}
	return n, nil
}

// Sync makes what was written outlast a crash.
func (m *Merging) Sync() error {
	if err := m.o.Sync(); err != nil {
		return err
	}
	return m.s.Sync()
}

// Step merges some of the exceptions, no more than one sector has of them. It
// returns how many bytes of exceptions there were, and are left. Errors are those
// of [Origin.Merge].
func (m *Merging) Step() (before, left units.Bytes, err error) {
	merged, n, err := m.o.mergeSome(m.s)
	return m.s.store.bytes(merged + n), m.s.store.bytes(n), err
}
