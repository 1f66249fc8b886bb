package dm

import (
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

const typeThin = "thin"

// MaxThinID is the largest number of a thin device in its pool.
const MaxThinID = 1<<24 - 1

// Thin is a volume of a pool. Its length is free: what was never written to reads
// as zeroes, or from an external origin. Its status is read by ParseThinStatus.
//
// The kernel lets two tables use the same thin device at once, which does its
// data no good.
//
// Source: linux Documentation/admin-guide/device-mapper/thin-provisioning.rst.
type Thin struct {
	// Pool is the device of a ThinPool, with a live table.
	Pool string
	// ID is the number of the thin device in the pool, at most MaxThinID.
	ID uint32
	// ExternalOrigin is read where the volume has no block of its own; "" is
	// none. The target never writes to it. It may be shorter than the volume.
	ExternalOrigin string
}

// Type returns "thin".
func (t Thin) Type() string { return typeThin }

// Params returns "pool id", and the external origin if there is one.
func (t Thin) Params() string {
	params := t.Pool + " " + strconv.FormatUint(uint64(t.ID), 10)
	if t.ExternalOrigin != "" {
		params += " " + t.ExternalOrigin
	}
	return params
}

// Devices returns the pool, and the external origin if there is one.
func (t Thin) Devices() []string {
	if t.ExternalOrigin == "" {
		return []string{t.Pool}
	}
	return []string{t.Pool, t.ExternalOrigin}
}

// WithDevices returns t with another pool, and another external origin if it has
// one.
func (t Thin) WithDevices(devices []string) Target {
	if t.ExternalOrigin == "" {
		replace(devices, &t.Pool)
	} else {
		replace(devices, &t.Pool, &t.ExternalOrigin)
	}
	return t
}

func parseThin(params string) (Target, error) {
	word := strings.Fields(params)
	if len(word) != 2 && len(word) != 3 {
		return nil, errors.WithMessagef(ErrInvalid, "thin %q: %d words, want a pool, a number, and an external origin or not", params, len(word))
	}
	id, err := parseUint(word[1], MaxThinID)
	if err != nil {
		return nil, errors.WithMessagef(err, "number in thin %q", params)
	}
	t := Thin{Pool: word[0], ID: uint32(id)}
	if len(word) == 3 {
		t.ExternalOrigin = word[2]
	}
	return t, nil
}
