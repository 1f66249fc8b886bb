package dm

import (
	"strings"

	"github.com/pkg/errors"
)

// Target is the mapping of a range of sectors: how I/O to them is carried out,
// and by which underlying devices. Targets are values; no method changes one.
type Target interface {
	// Type returns the name of the target type, of 1 to 15 bytes: "linear".
	Type() string
	// Params returns the parameters as the kernel takes them. It prints those of
	// some types in other words: see Table.Equal.
	Params() string
	// Devices returns the underlying devices in the order of the parameters:
	// major:minor, a path, or whatever reference the caller will replace by
	// MapDevices.
	Devices() []string
	// WithDevices returns a copy with other underlying devices, as many as
	// Devices returns and in the same order. Where their number differs, those
	// that are too many are ignored and those that are missing stay.
	WithDevices(devices []string) Target
}

// ParseTarget reads the parameters of a target. Types that this package has no
// type for become Unknown, with every byte kept, and so do targets with a feature
// or another option whose name it does not know. The error matches ErrInvalid.
func ParseTarget(typ, params string) (Target, error) {
	if err := checkType(typ); err != nil {
		return nil, err
	}
	switch typ {
	case typeLinear:
		return parseLinear(params)
	case typeStriped:
		return parseStriped(params)
	case typeError:
		return parseError(params)
	case typeZero:
		return parseZero(params)
	case typeSnapshotOrigin:
		return parseSnapshotOrigin(params)
	case typeSnapshot, typeSnapshotMerge:
		return parseSnapshot(typ, params)
	case typeMirror:
		return parseMirror(params)
	case typeThinPool:
		return parseThinPool(params)
	case typeThin:
		return parseThin(params)
	case typeRAID:
		return parseRAID(params)
	case typeCache:
		return parseCache(params)
	case typeWriteCache:
		return parseWriteCache(params)
	case typeIntegrity:
		return parseIntegrity(params)
	default:
		return Unknown{Name: typ, Text: params}, nil
	}
}

// Unknown is a target that this package only passes on.
type Unknown struct {
	// Name is the name of the target type.
	Name string
	// Text is the parameters. It is loaded as it stands.
	Text string
}

// Type returns t.Name.
func (t Unknown) Type() string { return t.Name }

// Params returns t.Text.
func (t Unknown) Params() string { return t.Text }

// Devices returns nil: which words of the text are devices is not known.
func (t Unknown) Devices() []string { return nil }

// WithDevices returns t.
func (t Unknown) WithDevices([]string) Target { return t }

// maxType is the number of bytes that the kernel has for a target type's name.
const maxType = 15

func checkType(typ string) error {
	switch {
	case typ == "":
		return errors.WithMessage(ErrInvalid, "target without type")
	case len(typ) > maxType:
		return errors.WithMessagef(ErrInvalid, "target type %q has %d bytes, at most %d are possible", typ, len(typ), maxType)
	case strings.ContainsAny(typ, blanks):
		return errors.WithMessagef(ErrInvalid, "target type %q has a blank in it", typ)
	}
	return nil
}

// blanks are the bytes that end a word for the kernel, and the one that ends a
// string.
const blanks = " \t\n\v\f\r\x00"

// checkTarget checks that the kernel will read the words that were meant.
func checkTarget(t Target) error {
	typ := t.Type()
	if err := checkType(typ); err != nil {
		return err
	}
	for _, d := range t.Devices() {
		if d == "" || strings.ContainsAny(d, blanks) {
			return errors.WithMessagef(ErrInvalid, "%s target on device %q: no name for a table", t.Type(), d)
		}
	}
	if t, ok := t.(spoken); ok {
		for _, w := range t.words() {
			if w == "" || strings.ContainsAny(w, blanks) {
				return errors.WithMessagef(ErrInvalid, "%q in %s target: no word", w, typ)
			}
		}
	}
	if strings.ContainsAny(t.Params(), "\x00\n") {
		return errors.WithMessagef(ErrInvalid, "parameters %q of %s target", t.Params(), t.Type())
	}
	return nil
}

// spoken is a target with words that are as its maker wants.
type spoken interface {
	// words returns them. None may be empty.
	words() []string
}
