package lvm

import (
	"errors"
	"fmt"
)

// Sentinels of sizes and space.
var (
	// ErrNoSpace is matched by errors that say that a volume group has not the
	// free extents that were asked for. See [SpaceError].
	ErrNoSpace = errors.New("no space")

	// ErrInvalidSize is matched by errors about sizes that cannot be: zero,
	// not parsable, too large.
	ErrInvalidSize = errors.New("invalid size")

	// ErrInvalidSelection is matched by errors about selections of physical
	// volumes and their extents: not parsable, overlapping, past the end.
	ErrInvalidSelection = errors.New("invalid selection of physical extents")

	// ErrOutOfRange is matched by errors about a range that goes beyond the end
	// of a logical volume.
	ErrOutOfRange = errors.New("beyond the end")

	// ErrOpaque is matched by errors about segments whose type has no codec
	// here, so that nobody knows where their data is. It is an [ErrUnsupported].
	ErrOpaque = fmt.Errorf("segment type not known: %w", ErrUnsupported)
)
