package dm

import (
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

// IntegrityStatus is the state of an integrity target.
type IntegrityStatus struct {
	// Mismatches counts the blocks that did not fit their checksum since the target
	// was loaded.
	Mismatches uint64
	// Provided is how many sectors the target can have on these devices.
	Provided units.Sectors
	// Recalculated is up to where the checksums were computed, if the target was
	// ever told to: Recalculating is true then, also when they all are.
	Recalculated  units.Sectors
	Recalculating bool
}

// Percent returns how much has checksums, as lvs shows it: all if the target was not
// told to compute them.
func (s IntegrityStatus) Percent() Percent {
	if !s.Recalculating {
		return PercentOf(1, 1)
	}
	return PercentOf(uint64(s.Recalculated), uint64(s.Provided))
}

// ParseIntegrityStatus reads the status text of an integrity target: "0 32768 32768"
// or "0 32768 -". Words may follow that it does not know. The error matches
// ErrInvalid.
//
// Source: linux Documentation/admin-guide/device-mapper/dm-integrity.rst, since
// Linux 5.1.
func ParseIntegrityStatus(status string) (IntegrityStatus, error) {
	word := strings.Fields(status)
	if len(word) < 3 {
		return IntegrityStatus{}, errors.WithMessagef(ErrInvalid, "integrity status %q: %d words", status, len(word))
	}
	mismatches, err := parseUint(word[0], 1<<64-1)
	if err != nil {
		return IntegrityStatus{}, errors.WithMessagef(err, "mismatches in integrity status %q", status)
	}
	provided, err := parseUint(word[1], maxSectors)
	if err != nil {
		return IntegrityStatus{}, errors.WithMessagef(err, "sectors in integrity status %q", status)
	}
	s := IntegrityStatus{Mismatches: mismatches, Provided: units.Sectors(provided)}
	if word[2] == noDevice {
		return s, nil
	}
	done, err := parseUint(word[2], maxSectors)
	if err != nil {
		return IntegrityStatus{}, errors.WithMessagef(err, "recalculated sectors in integrity status %q", status)
	}
	s.Recalculated, s.Recalculating = units.Sectors(done), true
	return s, nil
}
