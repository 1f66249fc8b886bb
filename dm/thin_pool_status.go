package dm

import (
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

// ThinPoolBlock is the size of a block of the metadata of a thin pool.
const ThinPoolBlock units.Bytes = 4096

// ThinPoolStatus is the state of a thin pool. All but Mode is zero if that is
// ThinPoolUnknown or ThinPoolFailed.
type ThinPoolStatus struct {
	Mode ThinPoolMode
	// TransactionID is what ThinSetTransactionID has set.
	TransactionID uint64
	// UsedMetadata and Metadata count blocks of ThinPoolBlock.
	UsedMetadata, Metadata uint64
	// UsedData and Data count blocks of the pool's own size.
	UsedData, Data uint64
	// MetadataSnapshot is the block of the metadata with the root of the snapshot
	// that is kept of them; 0 if there is none.
	MetadataSnapshot uint64
	Discard          ThinDiscard
	ErrorIfNoSpace   bool
	// NeedsCheck is true if the metadata must be checked before they are written to
	// again.
	NeedsCheck bool
	// MetadataLowWater counts blocks of ThinPoolBlock: fewer free ones raise an
	// event. It is 0 from a kernel that does not tell.
	MetadataLowWater uint64
}

// ThinPoolMode says what a pool can do.
type ThinPoolMode uint8

const (
	// ThinPoolUnknown is said where the kernel could not find out.
	ThinPoolUnknown ThinPoolMode = iota
	// ThinPoolReadWrite is a pool in order.
	ThinPoolReadWrite
	// ThinPoolOutOfDataSpace has no free block for data: writes that need one wait
	// or fail. It takes messages, and works again when it has more space.
	ThinPoolOutOfDataSpace
	// ThinPoolReadOnly takes no write that needs a block, and no message: it was
	// loaded so, has no space for metadata, or could not write them.
	ThinPoolReadOnly
	// ThinPoolFailed takes no I/O at all.
	ThinPoolFailed
)

// poolModeWord has what the kernel prints for a mode.
func poolModeWord(m ThinPoolMode) string {
	switch m {
	case ThinPoolUnknown:
		return "Error"
	case ThinPoolReadWrite:
		return "rw"
	case ThinPoolOutOfDataSpace:
		return "out_of_data_space"
	case ThinPoolReadOnly:
		return "ro"
	case ThinPoolFailed:
		return "Fail"
	default:
		return ""
	}
}

// String returns the word of the kernel: "rw", "out_of_data_space", "ro", "Fail" or
// "Error".
func (m ThinPoolMode) String() string {
	if word := poolModeWord(m); word != "" {
		return word
	}
	return "ThinPoolMode(" + strconv.Itoa(int(m)) + ")"
}

// DataPercent returns how full the data device is, as lvs shows it. ok is false if
// the status does not say.
func (s ThinPoolStatus) DataPercent() (p Percent, ok bool) { return knownPercent(s.UsedData, s.Data) }

// MetadataPercent returns how full the metadata device is, as lvs shows it. ok is
// false if the status does not say.
func (s ThinPoolStatus) MetadataPercent() (p Percent, ok bool) {
	return knownPercent(s.UsedMetadata, s.Metadata)
}

// knownPercent returns a share of something that is not known while it is 0.
func knownPercent(part, whole uint64) (p Percent, ok bool) {
	if whole == 0 {
		return 0, false
	}
	return PercentOf(part, whole), true
}

// ParseThinPoolStatus reads the status text of a thin-pool target: "1 112/1024
// 0/1024 - rw discard_passdown queue_if_no_space - 256", "Fail" or "Error". The
// last three words may be missing, and words may follow that it does not know. The
// error matches ErrInvalid.
//
// Source: linux Documentation/admin-guide/device-mapper/thin-provisioning.rst, since
// Linux 3.5.
func ParseThinPoolStatus(status string) (ThinPoolStatus, error) {
	s, err := parseThinPoolStatus(strings.Fields(status))
	if err != nil {
		return ThinPoolStatus{}, errors.WithMessagef(err, "thin-pool status %q", status)
	}
	return s, nil
}

func parseThinPoolStatus(word []string) (s ThinPoolStatus, err error) {
	if len(word) == 1 {
		for _, s.Mode = range []ThinPoolMode{ThinPoolFailed, ThinPoolUnknown} {
			if word[0] == poolModeWord(s.Mode) {
				return s, nil
			}
		}
	}
	if len(word) < 6 {
		return s, errors.WithMessagef(ErrInvalid, "%d words", len(word))
	}
	if s.TransactionID, err = parseUint(word[0], 1<<64-1); err != nil {
		return s, errors.WithMessage(err, "transaction id")
	}
	if s.UsedMetadata, s.Metadata, err = parseShare(word[1], 1<<64-1); err != nil {
		return s, errors.WithMessage(err, "metadata")
	}
	if s.UsedData, s.Data, err = parseShare(word[2], 1<<64-1); err != nil {
		return s, errors.WithMessage(err, "data")
	}
	if word[3] != noDevice {
		if s.MetadataSnapshot, err = parseUint(word[3], 1<<64-1); err != nil {
			return s, errors.WithMessage(err, "metadata snapshot")
		}
	}
	switch word[4] {
	case poolModeWord(ThinPoolReadWrite):
		s.Mode = ThinPoolReadWrite
	case poolModeWord(ThinPoolOutOfDataSpace):
		s.Mode = ThinPoolOutOfDataSpace
	case poolModeWord(ThinPoolReadOnly):
		s.Mode = ThinPoolReadOnly
	default:
		return s, errors.WithMessagef(ErrInvalid, "mode %q", word[4])
	}
	switch word[5] {
	case ThinDiscardPassdown.String():
		s.Discard = ThinDiscardPassdown
	case ThinDiscardNoPassdown.String():
		s.Discard = ThinDiscardNoPassdown
	case ThinDiscardIgnore.String():
		s.Discard = ThinDiscardIgnore
	default:
		return s, errors.WithMessagef(ErrInvalid, "discards %q", word[5])
	}
	if len(word) > 6 {
		if s.ErrorIfNoSpace, err = parseFlag(word[6], featureErrorIfNoSpace, "queue_if_no_space"); err != nil {
			return s, err
		}
	}
	if len(word) > 7 {
		if s.NeedsCheck, err = parseFlag(word[7], needsCheck, noDevice); err != nil {
			return s, err
		}
	}
	if len(word) > 8 {
		if s.MetadataLowWater, err = parseUint(word[8], 1<<64-1); err != nil {
			return s, errors.WithMessage(err, "low water of metadata")
		}
	}
	return s, nil
}

// needsCheck is said of metadata of thin pools and caches.
const needsCheck = "needs_check"

// parseFlag reads a word that is one of two.
func parseFlag(word, yes, no string) (bool, error) {
	if word != yes && word != no {
		return false, errors.WithMessagef(ErrInvalid, "%q, want %s or %s", word, yes, no)
	}
	return word == yes, nil
}
