package dm

import (
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

// SnapshotStatus is the state of a snapshot or snapshot-merge target. The
// numbers are 0 unless State is SnapshotValid.
type SnapshotStatus struct {
	State SnapshotState
	// Allocated is how much of the COW store is in use, Metadata included. It
	// may be a chunk more than Total when the store is full.
	Allocated units.Sectors
	// Total is the size of the COW store.
	Total units.Sectors
	// Metadata is how much of Allocated does not hold data: a header of one
	// chunk, and lists of which chunk is where, of a chunk each. It is 0 for
	// a transient store.
	Metadata units.Sectors
}

// SnapshotState says whether a snapshot holds what it should.
type SnapshotState uint8

const (
	// SnapshotUnknown is said by the kernel where the store cannot tell.
	SnapshotUnknown SnapshotState = iota
	// SnapshotValid is a snapshot in order.
	SnapshotValid
	// SnapshotInvalid is a snapshot that is lost: its COW store was full when
	// a chunk had to be copied, or failed.
	SnapshotInvalid
	// SnapshotOverflow is said of a StorePersistentOverflow that was full when
	// the snapshot was written to. The snapshot can be read, but takes no more
	// writes. The next chunk of the origin that must be copied makes it
	// SnapshotInvalid.
	SnapshotOverflow
	// SnapshotMergeFailed is a merge that has met an I/O error and stopped.
	// The origin needs the COW store for what is not merged.
	SnapshotMergeFailed
)

// stateWord has what the kernel prints for a state, where it is not numbers.
func stateWord(s SnapshotState) string {
	switch s {
	case SnapshotUnknown:
		return "Unknown"
	case SnapshotInvalid:
		return "Invalid"
	case SnapshotOverflow:
		return "Overflow"
	case SnapshotMergeFailed:
		return "Merge failed"
	default:
		return ""
	}
}

// String returns the word of the kernel, and "valid" for SnapshotValid.
func (s SnapshotState) String() string {
	if word := stateWord(s); word != "" {
		return word
	}
	if s == SnapshotValid {
		return "valid"
	}
	return "SnapshotState(" + strconv.Itoa(int(s)) + ")"
}

// Merged says whether a snapshot-merge target has moved everything back: there
// is nothing but metadata left. Of a persistent snapshot it says that nothing was
// copied into it yet.
func (s SnapshotStatus) Merged() bool {
	return s.State == SnapshotValid && s.Allocated == s.Metadata
}

// Percent returns how full the COW store is, as lvs shows it: nothing as long
// as there is nothing but metadata. ok is false unless State is SnapshotValid.
func (s SnapshotStatus) Percent() (p Percent, ok bool) {
	switch {
	case s.State != SnapshotValid:
		return 0, false
	case s.Allocated == s.Metadata:
		return 0, true
	default:
		return PercentOf(uint64(s.Allocated), uint64(s.Total)), true
	}
}

// ParseSnapshotStatus reads the status text of a snapshot or snapshot-merge
// target: "528/16384 16", "Invalid", "Overflow", "Merge failed" or "Unknown".
// The error matches ErrInvalid.
//
// Source: linux Documentation/admin-guide/device-mapper/snapshot.rst, since
// Linux 2.6.33.
func ParseSnapshotStatus(status string) (SnapshotStatus, error) {
	text := strings.Trim(status, blanks)
	for _, state := range []SnapshotState{SnapshotUnknown, SnapshotInvalid, SnapshotOverflow, SnapshotMergeFailed} {
		if text == stateWord(state) {
			return SnapshotStatus{State: state}, nil
		}
	}
	word := strings.Fields(text)
	if len(word) != 2 {
		return SnapshotStatus{}, errors.WithMessagef(ErrInvalid, "snapshot status %q: %d words", status, len(word))
	}
	allocated, total, err := parseShare(word[0], maxSectors)
	if err != nil {
		return SnapshotStatus{}, errors.WithMessagef(err, "allocation in snapshot status %q", status)
	}
	metadata, err := parseUint(word[1], maxSectors)
	if err != nil {
		return SnapshotStatus{}, errors.WithMessagef(err, "metadata in snapshot status %q", status)
	}
	return SnapshotStatus{
		State:     SnapshotValid,
		Allocated: units.Sectors(allocated),
		Total:     units.Sectors(total),
		Metadata:  units.Sectors(metadata),
	}, nil
}

// parseShare reads "part/whole".
func parseShare(s string, limit uint64) (part, whole uint64, err error) {
	a, b, ok := strings.Cut(s, "/")
	if !ok {
		return 0, 0, errors.WithMessagef(ErrInvalid, "%q is no part of a whole", s)
	}
	if part, err = parseUint(a, limit); err != nil {
		return 0, 0, err
	}
	if whole, err = parseUint(b, limit); err != nil {
		return 0, 0, err
	}
	return part, whole, nil
}
