package dm

import (
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

const typeLinear = "linear"

// Linear maps its sectors to as many consecutive ones of a device.
//
// Source: linux Documentation/admin-guide/device-mapper/linear.rst.
type Linear struct {
	Device string
	// Offset is the first sector on Device.
	Offset units.Sectors
}

// Type returns "linear".
func (t Linear) Type() string { return typeLinear }

// Params returns "device offset".
func (t Linear) Params() string {
	return t.Device + " " + strconv.FormatUint(uint64(t.Offset), 10)
}

// Devices returns the one device.
func (t Linear) Devices() []string { return []string{t.Device} }

// WithDevices returns t on another device.
func (t Linear) WithDevices(devices []string) Target {
	if len(devices) > 0 {
		t.Device = devices[0]
	}
	return t
}

func parseLinear(params string) (Target, error) {
	word := strings.Fields(params)
	if len(word) != 2 {
		return nil, errors.WithMessagef(ErrInvalid, "linear %q: %d words, want device and offset", params, len(word))
	}
	offset, err := parseUint(word[1], maxSectors)
	if err != nil {
		return nil, errors.WithMessagef(err, "offset in linear %q", params)
	}
	return Linear{Device: word[0], Offset: units.Sectors(offset)}, nil
}
