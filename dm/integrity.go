package dm

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

const typeIntegrity = "integrity"

// Integrity keeps a checksum of each block, and gives an error instead of a block
// that does not fit its own. Its status is read by ParseIntegrityStatus.
//
// A device of zeroes, of MetaDevice or without one of Device, is formatted. How
// many sectors it provides is in its status then.
//
// Source: linux Documentation/admin-guide/device-mapper/dm-integrity.rst.
type Integrity struct {
	Device string
	// Reserved is how many sectors are left alone at the start of the device with
	// the checksums.
	Reserved units.Sectors
	// TagSize is how many bytes a checksum has; 0 is the size of InternalHash.
	TagSize uint32
	Mode    IntegrityMode
	// FixPadding, BlockSize and some of the settings count when the device is
	// formatted.
	FixPadding bool
	// BlockSize is what a checksum is of: 512 to 4096 bytes. 0 means 512.
	BlockSize units.Bytes
	// InternalHash is the checksum: "crc32c", or "hmac(sha256):KEY".
	InternalHash string
	// MetaDevice has the checksums, and the journal; "" has Device keep them.
	MetaDevice string
	// Recalculate computes the checksums of the whole device in the background, if
	// that was not done before. The kernel goes on reporting it when it is done.
	Recalculate bool
	// Settings are the other arguments, in their order: "commit_time" with a value,
	// or "allow_discards" without.
	Settings []Setting
}

// IntegrityMode says what keeps data and checksums together in a crash. It is the
// letter of the table.
type IntegrityMode byte

const (
	// IntegrityJournal writes all to a journal first.
	IntegrityJournal IntegrityMode = 'J'
	// IntegrityDirect does nothing: after a crash blocks may give errors that are in
	// order.
	IntegrityDirect IntegrityMode = 'D'
	// IntegrityBitmap computes the checksums of regions anew that were written to
	// last.
	IntegrityBitmap IntegrityMode = 'B'
	// IntegrityRecovery does not use the journal and checks nothing, to save what
	// can be read.
	IntegrityRecovery IntegrityMode = 'R'
)

// String returns "journal", "direct", "bitmap" or "recovery".
func (m IntegrityMode) String() string {
	switch m {
	case IntegrityJournal:
		return "journal"
	case IntegrityDirect:
		return "direct"
	case IntegrityBitmap:
		return "bitmap"
	case IntegrityRecovery:
		return "recovery"
	default:
		return "IntegrityMode(" + strconv.Itoa(int(m)) + ")"
	}
}

// Names of arguments.
const (
	argFixPadding   = "fix_padding"
	argBlockSize    = "block_size"
	argInternalHash = "internal_hash"
	argMetaDevice   = "meta_device"
	argRecalculate  = "recalculate"
)

// Names of settings that only some modes have.
const (
	keyJournalWatermark = "journal_watermark"
	keyCommitTime       = "commit_time"
	keySectorsPerBit    = "sectors_per_bit"
	keyFlushInterval    = "bitmap_flush_interval"
)

// defaultIntegrityBlock is the size of a block that the kernel does not report.
const defaultIntegrityBlock units.Bytes = 512

// Type returns "integrity".
func (t Integrity) Type() string { return typeIntegrity }

// Params returns the device, the reserved sectors, the size of a checksum, the
// mode, the number of arguments and the arguments: "254:3 0 4 J 5 fix_padding
// block_size:512 internal_hash:crc32c meta_device:254:2 recalculate".
func (t Integrity) Params() string {
	var args []string
	add := func(key, value string) {
		if value != "" {
			key += ":" + value
		}
		args = append(args, key)
	}
	if t.FixPadding {
		add(argFixPadding, "")
	}
	if t.BlockSize != 0 {
		add(argBlockSize, strconv.FormatUint(uint64(t.BlockSize), 10))
	}
	if t.InternalHash != "" {
		add(argInternalHash, t.InternalHash)
	}
	if t.MetaDevice != "" {
		add(argMetaDevice, t.MetaDevice)
	}
	if t.Recalculate {
		add(argRecalculate, "")
	}
	for _, s := range t.Settings {
		add(s.Key, s.Value)
	}
	tag := noDevice
	if t.TagSize != 0 {
		tag = strconv.FormatUint(uint64(t.TagSize), 10)
	}
	word := append([]string{t.Device, strconv.FormatUint(uint64(t.Reserved), 10), tag, string(rune(t.Mode)), strconv.Itoa(len(args))}, args...)
	return strings.Join(word, " ")
}

// Devices returns the device, and that of the checksums if it is another one.
func (t Integrity) Devices() []string {
	if t.MetaDevice == "" {
		return []string{t.Device}
	}
	return []string{t.Device, t.MetaDevice}
}

// WithDevices returns t on another device, with another one for the checksums if it
// has one.
func (t Integrity) WithDevices(devices []string) Target {
	if t.MetaDevice == "" {
		replace(devices, &t.Device)
	} else {
		replace(devices, &t.Device, &t.MetaDevice)
	}
	return t
}

func (t Integrity) words() []string {
	words := append(settingWords(t.Settings), string(rune(t.Mode)))
	if t.InternalHash != "" {
		words = append(words, t.InternalHash)
	}
	return words
}

// parseIntegrity reads the parameters of an integrity target. An unknown mode
// leaves the target Unknown.
func parseIntegrity(params string) (Target, error) {
	word := strings.Fields(params)
	if len(word) < 4 {
		return nil, errors.WithMessagef(ErrInvalid, "integrity %q: %d words, want device, reserved sectors, tag size and mode", params, len(word))
	}
	reserved, err := parseUint(word[1], maxSectors)
	if err != nil {
		return nil, errors.WithMessagef(err, "reserved sectors in integrity %q", params)
	}
	t := Integrity{Device: word[0], Reserved: units.Sectors(reserved)}
	if word[2] != noDevice {
		tag, err := parseUint(word[2], 1<<32-1)
		if err != nil {
			return nil, errors.WithMessagef(err, "tag size in integrity %q", params)
		}
		t.TagSize = uint32(tag)
	}
	args, err := parseFeatures(word[4:])
	if err != nil {
		return nil, errors.WithMessagef(err, "arguments in integrity %q", params)
	}
	for _, a := range args {
		if err := t.parseArg(strings.Cut(a, ":")); err != nil {
			return nil, errors.WithMessagef(err, "%s in integrity %q", a, params)
		}
	}
	if len(word[3]) != 1 || !strings.Contains("JDBR", word[3]) {
		return Unknown{Name: typeIntegrity, Text: params}, nil
	}
	t.Mode = IntegrityMode(word[3][0])
	return t, nil
}

func (t *Integrity) parseArg(key, value string, hasValue bool) error {
	switch key {
	case "":
		return errors.WithMessage(ErrInvalid, "has no name")
	case argFixPadding, argRecalculate:
		if hasValue {
			return errors.WithMessage(ErrInvalid, "has a value")
		}
	case argBlockSize, argInternalHash, argMetaDevice:
		if value == "" {
			return errors.WithMessage(ErrInvalid, "has no value")
		}
	}
	switch key {
	case argFixPadding:
		t.FixPadding = true
	case argRecalculate:
		t.Recalculate = true
	case argBlockSize:
		n, err := parseUint(value, 1<<32-1)
		if err != nil {
			return err
		}
		t.BlockSize = units.Bytes(n)
	case argInternalHash:
		t.InternalHash = value
	case argMetaDevice:
		t.MetaDevice = value
	default:
		t.Settings = append(t.Settings, Setting{Key: key, Value: value})
	}
	return nil
}

// reports says whether a kernel that was given want may report t. The kernel adds
// the settings that it was not given: with their defaults, or as the device was
// formatted. It goes on reporting that checksums are computed when they are, and
// leaves out what makes no difference.
func (t Integrity) reports(want Target) bool {
	o, ok := want.(Integrity)
	if !ok || o.Recalculate && !t.Recalculate {
		return false
	}
	if o.TagSize == 0 {
		t.TagSize = 0
	}
	bits := func(s Setting) bool { return s.Key == keySectorsPerBit }
	if !slices.ContainsFunc(o.Settings, bits) {
		t.Settings = slices.DeleteFunc(slices.Clone(t.Settings), bits)
	}
	return t.plain().Params() == o.plain().Params()
}

// plain returns t with what is said in several ways said in one, and without what
// only counts when a device is formatted, or in another mode.
func (t Integrity) plain() Integrity {
	t.Recalculate, t.FixPadding = false, false
	if t.BlockSize == 0 {
		t.BlockSize = defaultIntegrityBlock
	}
	var list []Setting
	for _, s := range t.Settings {
		switch s.Key {
		case "journal_sectors", "interleave_sectors":
			continue
		case keyJournalWatermark, keyCommitTime:
			if t.Mode != IntegrityJournal {
				continue
			}
		case keySectorsPerBit, keyFlushInterval:
			if t.Mode != IntegrityBitmap {
				continue
			}
		}
		list = append(list, s)
	}
	t.Settings = plainSettings(list, map[string]string{
		"buffer_sectors": "128", keyJournalWatermark: "50", keyCommitTime: "10000", keyFlushInterval: "10000",
	})
	return t
}
