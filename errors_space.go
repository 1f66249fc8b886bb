package lvm

import "errors"

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

	// ErrOpaque is matched by errors about segments whose type has no codec
	// here, so that nobody knows where their data is.
	ErrOpaque = errors.New("segment type not known")
)
