package exception

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"sync"

	"github.com/lvm-go/lvm/units"
)

// Device is what a store or an origin is on.
type Device interface {
	io.ReaderAt
	io.WriterAt
	// Sync returns once all that was written will survive a loss of power.
	Sync() error
}

// bufferSize is how much is copied, read ahead or zeroed at once.
const bufferSize = 256 << 10

// Store is an exception store. It may be used by several goroutines at once. It
// belongs to one snapshot, and so to one origin.
//
// It holds all exceptions in memory: some 60 bytes for each that the device has.
type Store struct {
	layout
	cow io.ReaderAt
	dev Device // nil if the store can only be read

	mu      sync.RWMutex // guards all below; locked behind Origin.mu
	list    []Exception  // in the order of the store
	at      map[Chunk]Chunk
	next    Chunk // where the next data goes
	ordered bool  // data chunks are used in the order of the list
	clean   bool  // there are only zeroes behind the list, up to the end of its area
	invalid bool
	failed  error // of a write after which the device says one or the other
}

// Init makes an empty store of the first size bytes of cow, with chunks of the
// given number of sectors, a power of two up to 2^21. What the kernel makes of a
// COW device that begins with zeroes is the same, byte for byte.
//
// What the origin holds from then on is what the snapshot shows, so it must have
// been synced before.
//
// It writes the first two chunks. A crash leaves the store blank, or as it shall
// be, or the former contents as they were. Returns an error matching
// [ErrOutOfRange] if the chunk size is none, or two chunks do not fit.
func Init(cow Device, size units.Bytes, chunk units.Sectors) error {
	if !validChunk(chunk) {
		return fmt.Errorf("chunks of %d sectors: %w", uint64(chunk), ErrOutOfRange)
	}
	if size > math.MaxInt64 {
		return fmt.Errorf("exception store of %d bytes: %w", uint64(size), ErrOutOfRange)
	}
	l := newLayout(int64(size), chunk)
	if l.chunks < 2 {
		return fmt.Errorf("exception store of %d bytes for chunks of %d sectors: %w", uint64(size), uint64(chunk), ErrOutOfRange)
	}
	// What was there must not become an empty list of a store that still counts.
	if err := zero(cow, 0, sectorSize); err != nil {
		return err
	}
	if err := flush(cow); err != nil {
		return err
	}
	if err := zero(cow, sectorSize, l.offset(2)); err != nil {
		return err
	}
	if err := flush(cow); err != nil {
		return err
	}
	if err := write(cow, header{magic, 1, version, uint32(chunk)}.encode(), 0); err != nil {
		return err
	}
	return flush(cow)
}

// Open reads the store in the first size bytes of cow, with all its exceptions.
// If cow is a [Device], the store can be changed.
//
// Returns an error matching [ErrBlank], [ErrInvalid], [ErrVersion], or
// [ErrFormat]: also for a store that the kernel would take, but that cannot be
// right, such as one with two exceptions for one chunk.
func Open(cow io.ReaderAt, size units.Bytes) (*Store, error) {
	l, err := readLayout(cow, size)
	if err != nil {
		return nil, err
	}
	s := &Store{layout: l, cow: cow, at: map[Chunk]Chunk{}}
	s.dev, _ = cow.(Device)
	if err := s.load(); err != nil {
		return nil, err
	}
	return s, nil
}

// load reads the list of exceptions. It takes no more memory than a small
// multiple of what it has read.
func (s *Store) load() error {
	s.next, s.ordered = 2, true
	for area := 0; ; area++ {
		c := s.areaChunk(area)
		if c >= s.chunks {
			return malformed(s.entryOffset(len(s.list)-1), "the list of exceptions has no end")
		}
		buf := make([]byte, min(s.chunk, bufferSize))
		for at := s.offset(c); at < s.offset(c+1); at += int64(len(buf)) {
			if err := read(s.cow, buf, at); err != nil {
				return err
			}
			for i := 0; i < len(buf); i += entrySize {
				e := decodeEntry(buf[i:])
				if e.New == 0 {
					if !s.ordered {
						return s.checkShared()
					}
					return nil
				}
				if err := s.check(e, at+int64(i)); err != nil {
					return err
				}
				s.ordered = s.ordered && e.New >= s.next
				s.append(e)
			}
		}
	}
}

// check refuses an exception that contradicts the store, or the ones before.
func (s *Store) check(e Exception, offset int64) error {
	if e.New >= s.chunks || s.isArea(e.New) {
		return malformed(offset, "exception for chunk %d points to chunk %d, which is none for data", e.Old, e.New)
	}
	if e.Old > math.MaxInt64/Chunk(s.chunk) {
		return malformed(offset, "exception for chunk %d, which no origin has", e.Old)
	}
	if _, ok := s.at[e.Old]; ok {
		return malformed(offset, "second exception for chunk %d", e.Old)
	}
	return nil
}

// checkShared refuses two exceptions that point to the same chunk.
func (s *Store) checkShared() error {
	news := make([]Chunk, len(s.list))
	for i, e := range s.list {
		news[i] = e.New
	}
	slices.Sort(news)
	for i := range len(news) - 1 {
		if news[i] == news[i+1] {
			return malformed(s.offset(news[i]), "two exceptions point to chunk %d", news[i])
		}
	}
	return nil
}

// append adds to what is in memory.
func (s *Store) append(e Exception) {
	s.list = append(s.list, e)
	s.at[e.Old] = e.New
	s.next = max(s.next, s.dataChunk(e.New+1))
}

// ChunkSize returns the length of a chunk.
func (s *Store) ChunkSize() units.Sectors { return units.Bytes(s.chunk).Sectors() }

// Exceptions returns the exceptions as they are now, in the order of the
// origin's chunks: where origin and snapshot may differ.
func (s *Store) Exceptions() iter.Seq[Exception] {
	s.mu.RLock()
	list := slices.Clone(s.list)
	s.mu.RUnlock()
	slices.SortFunc(list, func(a, b Exception) int { return cmp.Compare(a.Old, b.Old) })
	return slices.Values(list)
}

// Usage says how full a store is, in sectors.
type Usage struct {
	Allocated units.Sectors // with header and areas
	Total     units.Sectors // of the device
	Metadata  units.Sectors // header and areas in use
}

// String returns the usage as the kernel's status line has it: "16/24576 16".
func (u Usage) String() string {
	return fmt.Sprintf("%d/%d %d", uint64(u.Allocated), uint64(u.Total), uint64(u.Metadata))
}

// Usage returns what the status line of the snapshot would say right after the
// store's activation.
func (s *Store) Usage() Usage {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.usage(s.next, Chunk(len(s.list)/s.area)+1)
}

// Room returns for how many more chunks the store has room.
func (s *Store) Room() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.room(len(s.list), s.next)
}

// Invalid reports whether the store was given up since it was opened.
func (s *Store) Invalid() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.invalid
}

// Sync makes what was written to the store outlast a crash.
func (s *Store) Sync() error {
	if s.dev == nil {
		return nil
	}
	return flush(s.dev)
}

// writable returns why the store cannot be changed; the caller holds mu.
func (s *Store) writable() error {
	switch {
	case s.invalid:
		return ErrInvalid
	case s.dev == nil:
		return ErrReadOnly
	case s.failed != nil:
		return fmt.Errorf("%w: %w", ErrUncertain, s.failed)
	}
	return nil
}
