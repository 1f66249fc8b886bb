package dm

import (
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

// MirrorStatus is the state of a mirror target.
type MirrorStatus struct {
	Legs []MirrorLegStatus
	// InSync and Regions count regions: those that are alike in all legs, and
	// all that there are.
	InSync, Regions uint64
	// Log is the type of the log: "core", "disk" or that of a cluster.
	Log string
	// LogDevice and LogHealth are empty for a log without a device.
	LogDevice string
	LogHealth MirrorHealth
}

// MirrorLegStatus is the state of one leg.
type MirrorLegStatus struct {
	Device string
	Health MirrorHealth
}

// MirrorHealth says what happened to a leg or a log. It is the letter that the
// kernel prints; 0 is none.
type MirrorHealth byte

const (
	// MirrorAlive has had no error.
	MirrorAlive MirrorHealth = 'A'
	// MirrorDead has failed a write.
	MirrorDead MirrorHealth = 'D'
	// MirrorFlushFailed has failed a flush.
	MirrorFlushFailed MirrorHealth = 'F'
	// MirrorSyncFailed has failed when it was brought in sync.
	MirrorSyncFailed MirrorHealth = 'S'
	// MirrorReadFailed has failed a read.
	MirrorReadFailed MirrorHealth = 'R'
	// MirrorUnknown has failed in a way that the kernel does not name.
	MirrorUnknown MirrorHealth = 'U'
)

// String returns "alive", "dead", "flush failed", "sync failed", "read failed",
// "unknown", or "" for 0.
func (h MirrorHealth) String() string {
	switch h {
	case 0:
		return ""
	case MirrorAlive:
		return "alive"
	case MirrorDead:
		return "dead"
	case MirrorFlushFailed:
		return "flush failed"
	case MirrorSyncFailed:
		return "sync failed"
	case MirrorReadFailed:
		return "read failed"
	case MirrorUnknown:
		return "unknown"
	default:
		return "MirrorHealth(" + strconv.Itoa(int(h)) + ")"
	}
}

// mirrorHealth has every letter of a MirrorHealth.
const mirrorHealth = "ADFSRU"

// Synced says whether all regions are in sync. That says nothing about legs
// that have failed: see MirrorLegStatus.
func (s MirrorStatus) Synced() bool { return s.Regions > 0 && s.InSync == s.Regions }

// Percent returns how much is in sync, as lvs shows it.
func (s MirrorStatus) Percent() Percent {
	if s.Regions == 0 {
		return 0
	}
	return PercentOf(s.InSync, s.Regions)
}

// ParseMirrorStatus reads the status text of a mirror target:
// "2 7:0 7:1 14/48 1 AA 1 core", "2 7:1 7:2 32/32 1 AD 3 disk 7:0 A". The error
// matches ErrInvalid.
//
// Source: linux drivers/md/dm-raid1.c, drivers/md/dm-log.c.
func ParseMirrorStatus(status string) (MirrorStatus, error) {
	word := strings.Fields(status)
	// The number of legs, and what is behind the legs: at least five words.
	if len(word) < 6 {
		return MirrorStatus{}, errors.WithMessagef(ErrInvalid, "mirror status %q: %d words", status, len(word))
	}
	n, err := parseUint(word[0], uint64(len(word)-6))
	if err != nil {
		return MirrorStatus{}, errors.WithMessagef(err, "number of legs in mirror status %q", status)
	}
	devices, word := word[1:1+n], word[1+n:]
	s := MirrorStatus{Legs: make([]MirrorLegStatus, n)}
	if s.InSync, s.Regions, err = parseShare(word[0], maxSectors); err != nil {
		return MirrorStatus{}, errors.WithMessagef(err, "regions in mirror status %q", status)
	}
	if s.Regions == 0 || s.InSync > s.Regions {
		return MirrorStatus{}, errors.WithMessagef(ErrInvalid, "mirror status %q: %d of %d regions", status, s.InSync, s.Regions)
	}
	health := word[2]
	if n == 0 || word[1] != "1" || uint64(len(health)) != n || strings.Trim(health, mirrorHealth) != "" {
		return MirrorStatus{}, errors.WithMessagef(ErrInvalid, "mirror status %q: want a letter of %s for each of %d legs", status, mirrorHealth, n)
	}
	for i := range s.Legs {
		s.Legs[i] = MirrorLegStatus{Device: devices[i], Health: MirrorHealth(health[i])}
	}
	if err := s.parseLog(word[3:]); err != nil {
		return MirrorStatus{}, errors.WithMessagef(err, "log in mirror status %q", status)
	}
	return s, nil
}

// parseLog reads "1 type" or "3 type device health".
func (s *MirrorStatus) parseLog(word []string) error {
	n, err := parseUint(word[0], uint64(len(word)-1))
	if err != nil {
		return err
	}
	if n != uint64(len(word)-1) || n != 1 && n != 3 {
		return errors.WithMessagef(ErrInvalid, "%d words announced, %d there", n, len(word)-1)
	}
	s.Log = word[1]
	if n == 1 {
		return nil
	}
	if len(word[3]) != 1 || !strings.Contains(mirrorHealth, word[3]) {
		return errors.WithMessagef(ErrInvalid, "health %q", word[3])
	}
	s.LogDevice, s.LogHealth = word[2], MirrorHealth(word[3][0])
	return nil
}
