package dm

import (
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

// Dev is the number of a device in the encoding of the kernel's interfaces:
// bits 0 to 7 are the low part of the minor number, 8 to 19 the major number,
// 20 to 31 the high part of the minor number.
type Dev uint64

// Limits of the kernel's encoding.
const (
	maxMajor = 1<<12 - 1
	maxMinor = 1<<20 - 1
)

// MakeDev returns the number of the device major:minor. Bits beyond the 12 of
// a major and the 20 of a minor number are dropped.
func MakeDev(major, minor uint32) Dev {
	major, minor = major&maxMajor, minor&maxMinor
	return Dev(minor&0xff) | Dev(major)<<8 | Dev(minor>>8)<<20
}

// Major returns the major number.
func (d Dev) Major() uint32 { return uint32(d>>8) & maxMajor }

// Minor returns the minor number.
func (d Dev) Minor() uint32 { return uint32(d&0xff) | uint32(d>>20)&(maxMinor>>8)<<8 }

// String prints d as major:minor, as tables do: "253:0".
func (d Dev) String() string {
	return strconv.FormatUint(uint64(d.Major()), 10) + ":" + strconv.FormatUint(uint64(d.Minor()), 10)
}

// ParseDev reads major:minor. The error matches ErrInvalid.
func ParseDev(s string) (Dev, error) {
	major, minor, ok := strings.Cut(s, ":")
	if !ok {
		return 0, errors.WithMessagef(ErrInvalid, "device number %q: not major:minor", s)
	}
	a, err := parseUint(major, maxMajor)
	if err != nil {
		return 0, errors.WithMessagef(err, "major of device number %q", s)
	}
	i, err := parseUint(minor, maxMinor)
	if err != nil {
		return 0, errors.WithMessagef(err, "minor of device number %q", s)
	}
	return MakeDev(uint32(a), uint32(i)), nil
}

// parseUint reads a decimal number without sign, of at most max. The error
// matches ErrInvalid.
func parseUint(s string, max uint64) (uint64, error) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, errors.WithMessagef(ErrInvalid, "%q is not a number", s)
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > max {
		return 0, errors.WithMessagef(ErrInvalid, "%s is more than %d", s, max)
	}
	return n, nil
}
