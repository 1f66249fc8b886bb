package thinmeta

import (
	"errors"

	"github.com/lvm-go/lvm/internal/pdata"
)

// Sentinels that the errors of this package match with errors.Is.
var (
	// ErrDamaged: what is on the device contradicts itself, or the format.
	ErrDamaged = pdata.ErrDamaged
	// ErrBlank: the device begins with zeroes, so that the kernel would make a
	// new pool of it.
	ErrBlank = errors.New("blank thin pool metadata")
	// ErrVersion: metadata of another version of the format, or with features
	// that are not known.
	ErrVersion = errors.New("unknown version of thin pool metadata")
	// ErrNoDevice: the pool has no thin device with this id.
	ErrNoDevice = errors.New("no such thin device")
	// ErrNotHeld: the pool has no metadata snapshot.
	ErrNotHeld = errors.New("no metadata snapshot")
	// ErrHeld: a metadata snapshot has no space maps.
	ErrHeld = errors.New("metadata snapshot")
	// ErrOtherPool: devices of different pools have nothing in common.
	ErrOtherPool = errors.New("not of the same thin pool")
	// ErrOutOfRange: an access in front of the start, or sizes that do not fit.
	ErrOutOfRange = errors.New("out of range")
)
