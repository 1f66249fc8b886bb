package dm

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

const typeStriped = "striped"

// Striped deals its sectors out to several areas in turn, a chunk to each. The
// length must be a multiple of the number of stripes, and a stripe one of the
// chunk size.
//
// Source: linux Documentation/admin-guide/device-mapper/striped.rst.
type Striped struct {
	ChunkSize units.Sectors
	Stripes   []StripeArea
}

// StripeArea is the place of one stripe.
type StripeArea struct {
	Device string
	// Offset is the first sector on Device.
	Offset units.Sectors
}

// Type returns "striped".
func (t Striped) Type() string { return typeStriped }

// Params returns "stripes chunk device offset device offset...".
func (t Striped) Params() string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(len(t.Stripes)))
	b.WriteByte(' ')
	b.WriteString(strconv.FormatUint(uint64(t.ChunkSize), 10))
	for _, s := range t.Stripes {
		b.WriteByte(' ')
		b.WriteString(s.Device)
		b.WriteByte(' ')
		b.WriteString(strconv.FormatUint(uint64(s.Offset), 10))
	}
	return b.String()
}

// Devices returns the device of each stripe.
func (t Striped) Devices() []string {
	devices := make([]string, len(t.Stripes))
	for i, s := range t.Stripes {
		devices[i] = s.Device
	}
	return devices
}

// WithDevices returns t with other devices under the stripes.
func (t Striped) WithDevices(devices []string) Target {
	t.Stripes = slices.Clone(t.Stripes)
	for i := range min(len(devices), len(t.Stripes)) {
		t.Stripes[i].Device = devices[i]
	}
	return t
}

func parseStriped(params string) (Target, error) {
	word := strings.Fields(params)
	if len(word) < 4 || len(word)%2 != 0 {
		return nil, errors.WithMessagef(ErrInvalid, "striped %q: %d words, want stripes, chunk size, and two per stripe", params, len(word))
	}
	n, err := parseUint(word[0], uint64(len(word)-2)/2)
	if err != nil {
		return nil, errors.WithMessagef(err, "number of stripes in striped %q", params)
	}
	if n != uint64(len(word)-2)/2 {
		return nil, errors.WithMessagef(ErrInvalid, "striped %q: %d stripes announced, %d there", params, n, (len(word)-2)/2)
	}
	chunk, err := parseUint(word[1], 1<<32-1)
	if err != nil {
		return nil, errors.WithMessagef(err, "chunk size in striped %q", params)
	}
	t := Striped{ChunkSize: units.Sectors(chunk), Stripes: make([]StripeArea, n)}
	for i := range t.Stripes {
		offset, err := parseUint(word[3+2*i], maxSectors)
		if err != nil {
			return nil, errors.WithMessagef(err, "offset of stripe %d in striped %q", i, params)
		}
		t.Stripes[i] = StripeArea{Device: word[2+2*i], Offset: units.Sectors(offset)}
	}
	return t, nil
}

// StripedStatus is the state of a striped target.
type StripedStatus struct {
	Stripes []StripeStatus
}

// StripeStatus is the state of one stripe.
type StripeStatus struct {
	Device string
	// Failed is true once the device has returned an I/O error.
	Failed bool
}

// ParseStripedStatus reads the status text of a striped target:
// "3 7:0 7:1 7:2 1 AAA". The error matches ErrInvalid.
func ParseStripedStatus(status string) (StripedStatus, error) {
	word := strings.Fields(status)
	if len(word) < 4 {
		return StripedStatus{}, errors.WithMessagef(ErrInvalid, "striped status %q: %d words", status, len(word))
	}
	n, err := parseUint(word[0], uint64(len(word)-3))
	if err != nil {
		return StripedStatus{}, errors.WithMessagef(err, "number of stripes in striped status %q", status)
	}
	devices, health := word[1:1+n], word[1+n:]
	if n == 0 || len(health) != 2 || health[0] != "1" || uint64(len(health[1])) != n || strings.Trim(health[1], "AD") != "" {
		return StripedStatus{}, errors.WithMessagef(ErrInvalid, "striped status %q: want A or D for each of %d stripes", status, n)
	}
	s := StripedStatus{Stripes: make([]StripeStatus, n)}
	for i := range s.Stripes {
		s.Stripes[i] = StripeStatus{Device: devices[i], Failed: health[1][i] == 'D'}
	}
	return s, nil
}
