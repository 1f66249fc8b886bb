package pdata

import (
	"errors"
	"fmt"
)

// ErrDamaged: what is on the device contradicts itself, or the format. See
// [DamagedError].
var ErrDamaged = errors.New("damaged metadata")

// DamagedError says which block of a metadata device is wrong, and how. It
// matches [ErrDamaged].
type DamagedError struct {
	Block Block
	What  string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%v: block %d: %s", ErrDamaged, uint64(e.Block), e.What)
}

// Unwrap makes the error match [ErrDamaged].
func (e *DamagedError) Unwrap() error { return ErrDamaged }

// Damaged returns a [DamagedError].
func Damaged(b Block, format string, args ...any) error {
	return &DamagedError{b, fmt.Sprintf(format, args...)}
}
