package metadata

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lvm-go/lvm/units"
)

// What can be wrong with bytes from a device. The typed errors of this package
// match one of these.
var (
	ErrNoLabel   = errors.New("no physical volume label")
	ErrChecksum  = errors.New("checksum mismatch")
	ErrMagic     = errors.New("wrong magic")
	ErrVersion   = errors.New("unsupported version")
	ErrTruncated = errors.New("truncated")
	ErrSyntax    = errors.New("syntax error")
	ErrInvalid   = errors.New("invalid")
	ErrAreaFull  = errors.New("metadata area full")
)

// FormatError says which field of which structure is wrong. It matches Err.
type FormatError struct {
	Struct string      // "label", "mda_header", "lv data", ...
	Field  string      // as LVM2 names it; empty: the whole structure
	Offset units.Bytes // of the structure, from the start of the device; 0 in a text
	Got    any         // what is there; nil if nothing can be shown
	Want   any         // what was expected; nil if it cannot be said shortly
	Err    error       // one of the sentinels above
}

func (e *FormatError) Error() string {
	var b strings.Builder
	b.WriteString(e.Struct)
	if e.Offset != 0 {
		fmt.Fprintf(&b, " at byte %d", uint64(e.Offset))
	}
	if e.Field != "" {
		b.WriteString(": " + e.Field)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	if e.Got != nil {
		fmt.Fprintf(&b, ": got %s", show(e.Got))
	}
	if e.Want != nil {
		fmt.Fprintf(&b, ", want %s", show(e.Want))
	}
	return b.String()
}

func (e *FormatError) Unwrap() error { return e.Err }

// show prints what comes from a device: quoted and not long.
func show(v any) string {
	const most = 80
	switch v := v.(type) {
	case string:
		if len(v) > most {
			return fmt.Sprintf("%q...", v[:most])
		}
		return fmt.Sprintf("%q", v)
	case []byte:
		return show(string(v))
	}
	return fmt.Sprint(v)
}

// SyntaxError says where a metadata text cannot be read. It matches ErrSyntax.
type SyntaxError struct {
	Line, Col int // from 1; Col counts bytes
	Msg       string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("metadata text line %d column %d: %s", e.Line, e.Col, e.Msg)
}

func (e *SyntaxError) Unwrap() error { return ErrSyntax }

// AreaFullError says that a text is too long for a metadata area. It matches
// ErrAreaFull.
type AreaFullError struct {
	Start units.Bytes // of the area, from the start of the device
	Need  units.Bytes // length of the text with its NUL
	Max   units.Bytes // what the area can take
}

func (e *AreaFullError) Error() string {
	return fmt.Sprintf("metadata area at byte %d: text of %d bytes, room for %d",
		uint64(e.Start), uint64(e.Need), uint64(e.Max))
}

func (e *AreaFullError) Unwrap() error { return ErrAreaFull }

// Rule names what a group must obey. [VolumeGroup.Validate] reports by rule.
type Rule string

// InvalidError is one violation of a rule. It matches ErrInvalid.
type InvalidError struct {
	Object string // "vg vg0", "pv <id>", "lv vg0/data", "lv vg0/data segment 2"
	Rule   Rule
	Detail string
}

func (e *InvalidError) Error() string {
	return e.Object + ": " + string(e.Rule) + ": " + e.Detail
}

func (e *InvalidError) Unwrap() error { return ErrInvalid }

// ValidationError holds all violations found in a group. It matches ErrInvalid,
// and errors.As finds the first *InvalidError.
type ValidationError struct {
	VG         string
	Violations []*InvalidError
}

// Error names the first violations and says how many more there are.
func (e *ValidationError) Error() string {
	const most = 10
	var s []string
	for _, v := range e.Violations[:min(most, len(e.Violations))] {
		s = append(s, v.Error())
	}
	if more := len(e.Violations) - most; more > 0 {
		s = append(s, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(s, "; ")
}

func (e *ValidationError) Unwrap() []error {
	errs := make([]error, len(e.Violations))
	for i, v := range e.Violations {
		errs[i] = v
	}
	return errs
}

// Has reports whether a violation of rule is among them.
func (e *ValidationError) Has(rule Rule) bool {
	for _, v := range e.Violations {
		if v.Rule == rule {
			return true
		}
	}
	return false
}
