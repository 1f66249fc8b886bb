package exception

import (
	"errors"
	"fmt"

	"github.com/lvm-go/lvm/units"
)

// Sentinels that the errors of this package match with errors.Is.
var (
	// ErrBlank: there is no store, and the kernel would make one: where the
	// header has its magic number are zeroes.
	ErrBlank = errors.New("blank exception store")
	// ErrInvalid: the store was given up, for want of space or because of an I/O
	// error. What the snapshot held is lost.
	ErrInvalid = errors.New("snapshot is invalid")
	// ErrFormat: what is there is no exception store, or contradicts itself. See
	// [FormatError].
	ErrFormat = errors.New("damaged exception store")
	// ErrVersion: a store of another version of the format.
	ErrVersion = errors.New("unknown version of exception store")
	// ErrFull: the store has no room for more exceptions.
	ErrFull = errors.New("exception store is full")
	// ErrReadOnly: the store was opened on what can only be read.
	ErrReadOnly = errors.New("exception store is read-only")
	// ErrUncertain: a write to the store failed, so that it is not known what it
	// says. Open it again.
	ErrUncertain = errors.New("exception store is in an unknown state")
	// ErrOutOfRange: an access beyond the end, or sizes that do not fit.
	ErrOutOfRange = errors.New("out of range")
	// ErrMerging: the origin must not be written before the merge has ended.
	ErrMerging = errors.New("snapshot is being merged")
	// ErrNotItsSnapshot: the snapshot is none of the origin's, or is twice.
	ErrNotItsSnapshot = errors.New("not a snapshot of this origin")
)

// FormatError says what is wrong in a store. It matches [ErrFormat].
type FormatError struct {
	Offset units.Bytes // from the start of the store
	What   string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%v: byte %d: %s", ErrFormat, uint64(e.Offset), e.What)
}

func (e *FormatError) Unwrap() error { return ErrFormat }

func malformed(offset int64, format string, args ...any) error {
	return &FormatError{units.Bytes(offset), fmt.Sprintf(format, args...)}
}
