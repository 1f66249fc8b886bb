package dm

import (
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

// ThinStatus is the state of a thin volume. The numbers are 0 unless State is
// ThinValid.
type ThinStatus struct {
	State ThinState
	// Mapped is how much of the volume has blocks of its own, or shared with
	// snapshots: whole blocks, so it may be more than the length.
	Mapped units.Sectors
	// Highest is the last sector that is mapped; 0 if none is.
	Highest units.Sectors
}

// ThinState says whether a thin volume can be used.
type ThinState uint8

const (
	// ThinUnknown is said where the kernel could not find out.
	ThinUnknown ThinState = iota
	// ThinValid is a volume in order.
	ThinValid
	// ThinFailed is one whose pool has failed.
	ThinFailed
)

// String returns "unknown", "valid" or "failed".
func (s ThinState) String() string {
	switch s {
	case ThinUnknown:
		return "unknown"
	case ThinValid:
		return "valid"
	case ThinFailed:
		return "failed"
	default:
		return "ThinState(" + strconv.Itoa(int(s)) + ")"
	}
}

// Percent returns how much of a volume of that length is mapped, as lvs shows it.
// ok is false unless State is ThinValid.
func (s ThinStatus) Percent(length units.Sectors) (p Percent, ok bool) {
	if s.State != ThinValid {
		return 0, false
	}
	return PercentOf(uint64(s.Mapped), uint64(length)), true
}

// ParseThinStatus reads the status text of a thin target: "12800 12799", "0 -", "-",
// "Fail" or "Error". The error matches ErrInvalid.
//
// Source: linux Documentation/admin-guide/device-mapper/thin-provisioning.rst.
func ParseThinStatus(status string) (ThinStatus, error) {
	word := strings.Fields(status)
	if len(word) == 1 {
		switch word[0] {
		case noDevice, "Error":
			return ThinStatus{}, nil
		case "Fail":
			return ThinStatus{State: ThinFailed}, nil
		}
	}
	if len(word) != 2 {
		return ThinStatus{}, errors.WithMessagef(ErrInvalid, "thin status %q: %d words", status, len(word))
	}
	mapped, err := parseUint(word[0], maxSectors)
	if err != nil {
		return ThinStatus{}, errors.WithMessagef(err, "mapped sectors in thin status %q", status)
	}
	s := ThinStatus{State: ThinValid, Mapped: units.Sectors(mapped)}
	if word[1] == noDevice {
		return s, nil
	}
	highest, err := parseUint(word[1], maxSectors)
	if err != nil {
		return ThinStatus{}, errors.WithMessagef(err, "highest sector in thin status %q", status)
	}
	s.Highest = units.Sectors(highest)
	return s, nil
}
