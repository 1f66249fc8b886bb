package exception

import (
	"fmt"
	"io"
	"math"

	"github.com/lvm-go/lvm/units"
)

// Snapshot is what the kernel's snapshot device is: an origin with the
// exceptions of a store. It may be used by several goroutines at once.
type Snapshot struct {
	origin io.ReaderAt
	size   int64
	store  *Store
}

// NewSnapshot returns the snapshot of the first size bytes of origin that keeps
// its exceptions in store. While there is a snapshot, its origin must be
// written through an [Origin] only.
//
// Returns an error matching [ErrFormat] if the store has exceptions for chunks
// behind the end.
func NewSnapshot(origin io.ReaderAt, size units.Bytes, store *Store) (*Snapshot, error) {
	if size > math.MaxInt64 {
		return nil, fmt.Errorf("snapshot of %d bytes: %w", uint64(size), ErrOutOfRange)
	}
	s := &Snapshot{origin, int64(size), store}
	store.mu.RLock()
	defer store.mu.RUnlock()
	for i, e := range store.list {
		if store.offset(e.Old) >= s.size {
			return nil, malformed(store.entryOffset(i), "exception for chunk %d of a snapshot of %d bytes", e.Old, s.size)
		}
	}
	return s, nil
}

// Size returns the length of the snapshot.
func (s *Snapshot) Size() units.Bytes { return units.Bytes(s.size) }

// Store returns where the snapshot has its exceptions.
func (s *Snapshot) Store() *Store { return s.store }

// ReadAt reads as [io.ReaderAt] says. Returns an error matching [ErrInvalid] if
// the store was given up.
func (s *Snapshot) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read at byte %d: %w", off, ErrOutOfRange)
	}
	p, end := clip(p, off, s.size)
	st := s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	if st.invalid {
		return 0, ErrInvalid
	}
	for n < len(p) {
		from, at, length := s.find(off+int64(n), int64(len(p)-n))
		if err := read(from, p[n:n+int(length)], at); err != nil {
			return n, err
		}
		n += int(length)
	}
	return n, end
}

// find returns where byte off is, and how many more follow it there, of most.
func (s *Snapshot) find(off, most int64) (from io.ReaderAt, at, length int64) {
	st := s.store
	first, within := Chunk(off/st.chunk), off%st.chunk
	place, inStore := st.at[first]
	length = st.chunk - within
	for c := Chunk(1); length < most; c++ {
		next, ok := st.at[first+c]
		if ok != inStore || ok && next != place+c {
			break
		}
		length += st.chunk
	}
	if inStore {
		return st.cow, st.offset(place) + within, min(length, most)
	}
	return s.origin, off, min(length, most)
}

// WriteAt writes all of p into the store, or fails. A chunk that is written for
// the first time is there for good once WriteAt returns; what is written over
// data in the store is so after the next [Snapshot.Sync].
//
// Returns an error matching [ErrFull] if there is no room; nothing is written
// then, and the snapshot stays as it is. (The kernel gives it up.) Other errors
// match [ErrInvalid], [ErrReadOnly], [ErrUncertain], or [ErrOutOfRange] for a
// write beyond the end.
func (s *Snapshot) WriteAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off > s.size || int64(len(p)) > s.size-off {
		return 0, fmt.Errorf("write %d bytes at byte %d of a snapshot of %d bytes: %w", len(p), off, s.size, ErrOutOfRange)
	}
	st := s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	if err := st.writable(); err != nil {
		return 0, err
	}
	end := off + int64(len(p))
	missing := s.missing(off, end)
	if room := st.room(len(st.list), st.next); len(missing) > room {
		return 0, fmt.Errorf("%d chunks needed, %d left: %w", len(missing), room, ErrFull)
	}
	fill := func(old Chunk, to int64) error {
		start := st.offset(old)
		from, until := max(start, off), min(s.chunkEnd(old), end)
		if err := transfer(st.dev, to, s.origin, start, from-start); err != nil {
			return err
		}
		if err := write(st.dev, p[from-off:until-off], to+from-start); err != nil {
			return err
		}
		return transfer(st.dev, to+until-start, s.origin, until, s.chunkEnd(old)-until)
	}
	for at := off; at < end; {
		c := Chunk(at / st.chunk)
		if place, ok := st.at[c]; ok {
			until := min(s.chunkEnd(c), end)
			if err := write(st.dev, p[at-off:until-off], st.offset(place)+at-st.offset(c)); err != nil {
				return int(at - off), err
			}
			at = until
			continue
		}
		run := 1
		for run < len(missing) && missing[run] == c+Chunk(run) {
			run++
		}
		done, err := st.add(missing[:run], fill)
		missing = missing[done:]
		if done > 0 {
			at = min(s.chunkEnd(c+Chunk(done-1)), end)
		}
		if err != nil {
			return int(at - off), err
		}
	}
	return len(p), nil
}

// chunkEnd returns where a chunk ends, the last one with the snapshot.
func (s *Snapshot) chunkEnd(c Chunk) int64 {
	if start := s.store.offset(c); s.size-start > s.store.chunk {
		return start + s.store.chunk
	}
	return s.size
}

// missing returns the chunks of a range without exception.
func (s *Snapshot) missing(off, end int64) []Chunk {
	var missing []Chunk
	if off >= end {
		return nil
	}
	for c := Chunk(off / s.store.chunk); c <= Chunk((end-1)/s.store.chunk); c++ {
		if _, ok := s.store.at[c]; !ok {
			missing = append(missing, c)
		}
	}
	return missing
}

// Sync makes what was written to the snapshot outlast a crash.
func (s *Snapshot) Sync() error { return s.store.Sync() }

// preserve keeps what the origin holds from off to end, before that is written
// over. If it does not fit into the store, full is true and nothing is done.
func (s *Snapshot) preserve(off, end int64) (full bool, err error) {
	st := s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	end = min(end, s.size)
	if st.invalid || off >= end {
		return false, nil
	}
	missing := s.missing(off, end)
	if len(missing) == 0 && st.failed == nil {
		return false, nil
	}
	if err := st.writable(); err != nil {
		return false, err
	}
	if len(missing) > st.room(len(st.list), st.next) {
		return true, nil
	}
	_, err = st.add(missing, func(old Chunk, to int64) error {
		return transfer(st.dev, to, s.origin, st.offset(old), s.chunkEnd(old)-st.offset(old))
	})
	return false, err
}
