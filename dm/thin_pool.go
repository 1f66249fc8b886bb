package dm

import (
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

const typeThinPool = "thin-pool"

// ThinPool holds the blocks of thin volumes: a data device that is dealt out in
// blocks when they are first written to, and a metadata device that says which
// block is whose. It is changed by messages: see ThinCreate. Its status is read by
// ParseThinPoolStatus.
//
// It must be the only target of its table, and no target of another type but
// error can take its place. It becomes larger by a longer target on a larger data
// device, never smaller: Resume refuses a shorter target only when that is live. The
// pool is suspended then, until a table that fits is loaded and resumed.
//
// Source: linux Documentation/admin-guide/device-mapper/thin-provisioning.rst.
type ThinPool struct {
	// Metadata is formatted if its first 4 KiB are zero. The kernel uses the
	// first 15.875 GiB of it.
	Metadata, Data string
	// BlockSize is a multiple of 128 sectors, up to 2097152 (64 KiB to 1 GiB),
	// and always the one that the metadata was formatted with.
	BlockSize units.Sectors
	// LowWater counts blocks: fewer free ones raise an event. 0 is none.
	LowWater uint64
	// SkipZeroing leaves in a new block what was there before, where the first
	// write does not cover it.
	SkipZeroing bool
	// Discard cannot become or cease to be ThinDiscardIgnore while the pool is
	// active.
	Discard ThinDiscard
	// ReadOnly takes no write that needs a new block, and no message.
	ReadOnly bool
	// ErrorIfNoSpace fails writes at once that find no free block. Otherwise
	// they wait for more, a minute unless the kernel's module was told else.
	ErrorIfNoSpace bool
}

// ThinDiscard says what a pool does with discards of its volumes.
type ThinDiscard uint8

const (
	// ThinDiscardPassdown frees blocks, and discards them on the data device.
	ThinDiscardPassdown ThinDiscard = iota
	// ThinDiscardNoPassdown frees blocks.
	ThinDiscardNoPassdown
	// ThinDiscardIgnore does nothing.
	ThinDiscardIgnore
)

// String returns the word of a status: "discard_passdown",
// "no_discard_passdown" or "ignore_discard".
func (d ThinDiscard) String() string {
	switch d {
	case ThinDiscardPassdown:
		return "discard_passdown"
	case ThinDiscardNoPassdown:
		return featureNoDiscardPassdown
	case ThinDiscardIgnore:
		return featureIgnoreDiscard
	default:
		return "ThinDiscard(" + strconv.Itoa(int(d)) + ")"
	}
}

// Names of features.
const (
	featureSkipZeroing       = "skip_block_zeroing"
	featureIgnoreDiscard     = "ignore_discard"
	featureNoDiscardPassdown = "no_discard_passdown"
	featureReadOnly          = "read_only"
	featureErrorIfNoSpace    = "error_if_no_space"
)

// Type returns "thin-pool".
func (t ThinPool) Type() string { return typeThinPool }

// Params returns "metadata data block lowwater", and the number and names of the
// features: "254:0 254:1 128 0 1 error_if_no_space".
func (t ThinPool) Params() string {
	var features []string
	if t.SkipZeroing {
		features = append(features, featureSkipZeroing)
	}
	if t.Discard != ThinDiscardPassdown {
		features = append(features, t.Discard.String())
	}
	if t.ReadOnly {
		features = append(features, featureReadOnly)
	}
	if t.ErrorIfNoSpace {
		features = append(features, featureErrorIfNoSpace)
	}
	word := append([]string{
		t.Metadata, t.Data, strconv.FormatUint(uint64(t.BlockSize), 10), strconv.FormatUint(t.LowWater, 10),
		strconv.Itoa(len(features)),
	}, features...)
	return strings.Join(word, " ")
}

// Devices returns the metadata device and the data device.
func (t ThinPool) Devices() []string { return []string{t.Metadata, t.Data} }

// WithDevices returns t on other devices.
func (t ThinPool) WithDevices(devices []string) Target {
	replace(devices, &t.Metadata, &t.Data)
	return t
}

// replace sets the places to the devices, as far as there are both.
func replace(devices []string, place ...*string) {
	for i := range min(len(devices), len(place)) {
		*place[i] = devices[i]
	}
}

// parseThinPool reads the parameters of a thin-pool target. A feature with an
// unknown name leaves the target Unknown.
func parseThinPool(params string) (Target, error) {
	word := strings.Fields(params)
	if len(word) < 4 {
		return nil, errors.WithMessagef(ErrInvalid, "thin-pool %q: %d words, want metadata, data, block size and low water", params, len(word))
	}
	block, err := parseUint(word[2], 1<<32-1)
	if err != nil {
		return nil, errors.WithMessagef(err, "block size in thin-pool %q", params)
	}
	low, err := parseUint(word[3], 1<<64-1)
	if err != nil {
		return nil, errors.WithMessagef(err, "low water in thin-pool %q", params)
	}
	features, err := parseFeatures(word[4:])
	if err != nil {
		return nil, errors.WithMessagef(err, "features in thin-pool %q", params)
	}
	t := ThinPool{Metadata: word[0], Data: word[1], BlockSize: units.Sectors(block), LowWater: low}
	for _, f := range features {
		switch f {
		case featureSkipZeroing:
			t.SkipZeroing = true
		case featureReadOnly:
			t.ReadOnly = true
		case featureErrorIfNoSpace:
			t.ErrorIfNoSpace = true
		case featureNoDiscardPassdown:
			t.Discard = max(t.Discard, ThinDiscardNoPassdown)
		case featureIgnoreDiscard:
			t.Discard = ThinDiscardIgnore // nothing is passed down then, whatever the other word says
		default:
			return Unknown{Name: typeThinPool, Text: params}, nil
		}
	}
	return t, nil
}
