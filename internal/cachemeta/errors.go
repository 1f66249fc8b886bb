package cachemeta

import (
	"errors"

	"github.com/lvm-go/lvm/internal/pdata"
)

// Sentinels that the errors of this package match with errors.Is.
var (
	// ErrDamaged: what is on the device contradicts itself, or the format.
	ErrDamaged = pdata.ErrDamaged
	// ErrBlank: the device begins with zeroes, so that the kernel would make a
	// new cache of it.
	ErrBlank = errors.New("blank cache metadata")
	// ErrVersion: metadata of another version of the format, or with features
	// that are not known.
	ErrVersion = errors.New("unknown version of cache metadata")
	// ErrDirty: the cache holds blocks that the origin has not got.
	ErrDirty = errors.New("cache is dirty")
	// ErrOutOfRange: an access in front of the start, or sizes that do not fit.
	ErrOutOfRange = errors.New("out of range")
)
