package raid

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lvm-go/lvm/units"
)

// Sentinels that the errors of this package match with errors.Is.
var (
	// ErrGeometry: numbers that no array has.
	ErrGeometry = errors.New("impossible RAID geometry")
	// ErrLost: too many legs are missing, stale or fail. See [LostError].
	ErrLost = errors.New("contents are lost")
	// ErrDirty: the contents of a missing leg depend on parity that may not fit
	// the data, since a writer died. See [LostError].
	ErrDirty = errors.New("parity may be out of date")
	// ErrReadOnly: a leg that can only be read, or no [Log] in a degraded array.
	ErrReadOnly = errors.New("array is read-only")
	// ErrOutOfRange: an access beyond the end of the array.
	ErrOutOfRange = errors.New("out of range")
	// ErrFormat: what is there is no superblock or bitmap, or contradicts itself.
	// See [FormatError].
	ErrFormat = errors.New("damaged RAID metadata")
	// ErrMismatch: the superblocks are those of another array.
	ErrMismatch = errors.New("RAID metadata of another array")
	// ErrReshaping: the array is on its way to another geometry.
	ErrReshaping = errors.New("array is being reshaped")
)

// LostError says what cannot be read, or cannot be kept in a write. It matches
// [ErrLost], [ErrDirty] if Dirty, and the errors of the legs.
type LostError struct {
	Layout Layout
	Sector units.Sectors // of the legs, where the trouble begins
	Legs   []int         // that have no contents there
	Dirty  bool          // enough legs are there, but their parity may be out of date
	Errs   []error       // of legs that failed
}

func (e *LostError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: sector %d of the legs: no contents of leg", e.Layout, uint64(e.Sector))
	for i, leg := range e.Legs {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %d", leg)
	}
	fmt.Fprintf(&b, ": %v", ErrLost)
	if e.Dirty {
		fmt.Fprintf(&b, ": %v", ErrDirty)
	}
	for _, err := range e.Errs {
		fmt.Fprintf(&b, "; %v", err)
	}
	return b.String()
}

// Unwrap returns the sentinels, and the errors of the legs.
func (e *LostError) Unwrap() []error {
	errs := []error{ErrLost}
	if e.Dirty {
		errs = append(errs, ErrDirty)
	}
	return append(errs, e.Errs...)
}

// LegError is the error of one leg. It matches what the leg's device returned.
type LegError struct {
	Leg int
	Op  string // read, write, sync
	Err error
}

func (e *LegError) Error() string { return fmt.Sprintf("leg %d: %s: %v", e.Leg, e.Op, e.Err) }

func (e *LegError) Unwrap() error { return e.Err }

// FormatError says what is wrong in a leg's metadata. It matches [ErrFormat].
type FormatError struct {
	Offset units.Bytes // from the start of the metadata device
	What   string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%v: byte %d: %s", ErrFormat, uint64(e.Offset), e.What)
}

func (e *FormatError) Unwrap() error { return ErrFormat }

func malformed(offset int, format string, args ...any) error {
	return &FormatError{units.Bytes(offset), fmt.Sprintf(format, args...)}
}
