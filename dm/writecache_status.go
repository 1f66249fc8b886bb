package dm

import (
	"strings"

	"github.com/pkg/errors"
)

// WriteCacheStatus is the state of a writecache target.
type WriteCacheStatus struct {
	// Failed is true after an I/O error of the cache.
	Failed bool
	// Blocks, Free and WritingBack count blocks of the cache: all, those that
	// hold nothing, and those on their way to the origin.
	Blocks, Free, WritingBack uint64
	WriteCacheStatistics
}

// WriteCacheStatistics count blocks, flushes and discards since the target was
// loaded or told to WriteCacheClearStatistics. They are 0 from a kernel that does not
// tell, which is one before Linux 5.15.
type WriteCacheStatistics struct {
	Reads, ReadHits uint64
	// Writes are all. Those of the next two replace a block in the cache that is
	// not, or is, committed. WritesAround go to the origin, WritesAllocated to a free
	// block.
	Writes, WriteHitsUncommitted, WriteHitsCommitted, WritesAround, WritesAllocated uint64
	// Blocked are writes that had to wait for a free block.
	Blocked           uint64
	Flushes, Discards uint64
}

// Clean says whether the origin has everything.
func (s WriteCacheStatus) Clean() bool {
	return !s.Failed && s.Free == s.Blocks && s.WritingBack == 0
}

// Percent returns how full the cache is, as lvs shows it.
func (s WriteCacheStatus) Percent() Percent {
	p, _ := knownPercent(s.Blocks-min(s.Free, s.Blocks), s.Blocks)
	return p
}

// ParseWriteCacheStatus reads the status text of a writecache target: "0 4080 3056 0
// 0 0 1024 0 0 0 1024 0 0 0". The last ten words may be missing, and words may follow
// that it does not know. The error matches ErrInvalid.
//
// Source: linux Documentation/admin-guide/device-mapper/writecache.rst.
func ParseWriteCacheStatus(status string) (WriteCacheStatus, error) {
	word := strings.Fields(status)
	if len(word) < 4 {
		return WriteCacheStatus{}, errors.WithMessagef(ErrInvalid, "writecache status %q: %d words", status, len(word))
	}
	var s WriteCacheStatus
	if _, err := parseUint(strings.TrimPrefix(word[0], "-"), 1<<63); err != nil {
		return WriteCacheStatus{}, errors.WithMessagef(err, "error in writecache status %q", status)
	}
	s.Failed = strings.Trim(word[0], "-0") != ""
	counter := []*uint64{&s.Blocks, &s.Free, &s.WritingBack}
	if len(word) >= 14 {
		counter = append(counter, &s.Reads, &s.ReadHits, &s.Writes, &s.WriteHitsUncommitted, &s.WriteHitsCommitted,
			&s.WritesAround, &s.WritesAllocated, &s.Blocked, &s.Flushes, &s.Discards)
	}
	if err := parseCounters(word[1:], counter...); err != nil {
		return WriteCacheStatus{}, errors.WithMessagef(err, "writecache status %q", status)
	}
	return s, nil
}
