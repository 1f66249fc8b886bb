package dm

import (
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

// CacheStatus is the state of a cache target. All but State is zero if that is
// CacheUnknown or CacheFailed.
type CacheStatus struct {
	State CacheState
	// MetadataBlockSize is what UsedMetadata and Metadata count.
	MetadataBlockSize      units.Sectors
	UsedMetadata, Metadata uint64
	// BlockSize is what Used, Blocks, Demotions, Promotions and Dirty count.
	BlockSize    units.Sectors
	Used, Blocks uint64
	// Hits and misses count I/O since the target was loaded.
	ReadHits, ReadMisses, WriteHits, WriteMisses uint64
	Demotions, Promotions                        uint64
	// Dirty are the blocks that the origin does not have yet.
	Dirty             uint64
	Mode              CacheMode
	Metadata2         bool
	NoDiscardPassdown bool
	// Policy is the name that the kernel's policy has for itself.
	Policy string
	// Settings are those of the cache, and then those of the policy, with their
	// values of now.
	Settings []Setting
	// NeedsCheck is true if the metadata must be checked before they are written to
	// again.
	NeedsCheck bool
}

// CacheState says whether a cache can be used.
type CacheState uint8

const (
	// CacheUnknown is said where the kernel could not find out.
	CacheUnknown CacheState = iota
	// CacheReadWrite is a cache in order.
	CacheReadWrite
	// CacheReadOnly cannot write its metadata: blocks stay where they are.
	CacheReadOnly
	// CacheFailed takes no I/O.
	CacheFailed
)

// cacheStateWord has what the kernel prints for a state.
func cacheStateWord(s CacheState) string {
	switch s {
	case CacheUnknown:
		return "Error"
	case CacheReadWrite:
		return "rw"
	case CacheReadOnly:
		return "ro"
	case CacheFailed:
		return "Fail"
	default:
		return ""
	}
}

// String returns the word of the kernel: "rw", "ro", "Fail" or "Error".
func (s CacheState) String() string {
	if word := cacheStateWord(s); word != "" {
		return word
	}
	return "CacheState(" + strconv.Itoa(int(s)) + ")"
}

// DataPercent returns how much of the cache is in use, as lvs shows it. ok is false
// if the status does not say.
func (s CacheStatus) DataPercent() (p Percent, ok bool) { return knownPercent(s.Used, s.Blocks) }

// MetadataPercent returns how full the metadata device is, as lvs shows it. ok is
// false if the status does not say.
func (s CacheStatus) MetadataPercent() (p Percent, ok bool) {
	return knownPercent(s.UsedMetadata, s.Metadata)
}

// DirtyPercent returns how much of what is in use is dirty, as lvs shows it. ok is
// false if the status does not say.
func (s CacheStatus) DirtyPercent() (p Percent, ok bool) {
	if s.Used == 0 {
		return 0, s.Blocks != 0
	}
	return PercentOf(s.Dirty, s.Used), true
}

// Clean says whether the origin has everything.
func (s CacheStatus) Clean() bool {
	return (s.State == CacheReadWrite || s.State == CacheReadOnly) && s.Dirty == 0
}

// ParseCacheStatus reads the status text of a cache target: "8 9/2048 128 0/256 0 0 0
// 64 0 0 0 2 metadata2 writethrough 2 migration_threshold 2048 smq 0 rw -", "Fail" or
// "Error". The last two words may be missing, and words may follow that it does not
// know. The error matches ErrInvalid.
//
// Source: linux Documentation/admin-guide/device-mapper/cache.rst, since Linux 3.13.
func ParseCacheStatus(status string) (CacheStatus, error) {
	s, err := parseCacheStatus(strings.Fields(status))
	if err != nil {
		return CacheStatus{}, errors.WithMessagef(err, "cache status %q", status)
	}
	return s, nil
}

func parseCacheStatus(word []string) (s CacheStatus, err error) {
	if len(word) == 1 {
		for _, s.State = range []CacheState{CacheFailed, CacheUnknown} {
			if word[0] == cacheStateWord(s.State) {
				return s, nil
			}
		}
	}
	if len(word) < 15 {
		return s, errors.WithMessagef(ErrInvalid, "%d words", len(word))
	}
	block, err := parseUint(word[0], maxSectors)
	if err != nil {
		return s, errors.WithMessage(err, "block size of metadata")
	}
	s.MetadataBlockSize = units.Sectors(block)
	if s.UsedMetadata, s.Metadata, err = parseShare(word[1], 1<<64-1); err != nil {
		return s, errors.WithMessage(err, "metadata")
	}
	if block, err = parseUint(word[2], maxSectors); err != nil {
		return s, errors.WithMessage(err, "block size")
	}
	s.BlockSize = units.Sectors(block)
	if s.Used, s.Blocks, err = parseShare(word[3], 1<<64-1); err != nil {
		return s, errors.WithMessage(err, "blocks")
	}
	if err := parseCounters(word[4:11],
		&s.ReadHits, &s.ReadMisses, &s.WriteHits, &s.WriteMisses, &s.Demotions, &s.Promotions, &s.Dirty); err != nil {
		return s, err
	}
	features, word, err := cutList(word[11:])
	if err != nil {
		return s, errors.WithMessage(err, "features")
	}
	for _, f := range features {
		switch m, ok := parseCacheMode(f); {
		case ok:
			s.Mode = m
		case f == featureMetadata2:
			s.Metadata2 = true
		case f == featureNoDiscardPassdown:
			s.NoDiscardPassdown = true
		}
	}
	core, word, err := cutList(word)
	if err != nil {
		return s, errors.WithMessage(err, "settings")
	}
	if len(word) == 0 {
		return s, errors.WithMessage(ErrInvalid, "no policy")
	}
	s.Policy = word[0]
	policy, word, err := cutList(word[1:])
	if err != nil {
		return s, errors.WithMessage(err, "settings of the policy")
	}
	for _, list := range [][]string{core, policy} {
		settings, err := pairs(list)
		if err != nil {
			return s, err
		}
		s.Settings = append(s.Settings, settings...)
	}
	s.State = CacheReadWrite
	if len(word) > 0 {
		readOnly, err := parseFlag(word[0], cacheStateWord(CacheReadOnly), cacheStateWord(CacheReadWrite))
		if err != nil {
			return s, err
		}
		if readOnly {
			s.State = CacheReadOnly
		}
	}
	if len(word) > 1 {
		if s.NeedsCheck, err = parseFlag(word[1], needsCheck, noDevice); err != nil {
			return s, err
		}
	}
	return s, nil
}

// parseCounters reads as many numbers as there are counters.
func parseCounters(word []string, counter ...*uint64) (err error) {
	for i, c := range counter {
		if *c, err = parseUint(word[i], 1<<64-1); err != nil {
			return errors.WithMessagef(err, "counter %d", i)
		}
	}
	return nil
}

// cutList reads a number of words and as many words, and returns what is behind.
func cutList(word []string) (list, rest []string, err error) {
	if len(word) == 0 {
		return nil, nil, errors.WithMessage(ErrInvalid, "none")
	}
	n, err := parseUint(word[0], uint64(len(word)-1))
	if err != nil {
		return nil, nil, err
	}
	return word[1 : 1+n], word[1+n:], nil
}
