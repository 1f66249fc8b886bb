package metadata

import (
	"io"

	"github.com/pkg/errors"
)

// ID identifies a physical volume, a volume group or a logical volume: 32
// letters and digits. The zero ID means none.
//
// Source: LVM2 struct id.
type ID [32]byte

// LVM2 makes ids of the first 62 characters, and accepts all 64.
const (
	idAlphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#"
	idNewChars = 62
)

// ParseID reads an ID. Dashes are dropped wherever they are; what remains must
// be 32 valid characters. Otherwise the error matches ErrInvalid.
func ParseID(s string) (ID, error) {
	var id ID
	n := 0
	for i := range len(s) {
		c := s[i]
		if c == '-' {
			continue
		}
		if n == len(id) || !isIDChar(c) {
			return ID{}, invalidID(s)
		}
		id[n] = c
		n++
	}
	if n != len(id) {
		return ID{}, invalidID(s)
	}
	return id, nil
}

func invalidID(s string) error {
	return &FormatError{Struct: "id", Got: s, Want: "32 letters and digits", Err: ErrInvalid}
}

func isIDChar(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '!' || c == '#'
}

// NewID makes an ID from random bytes, each of the 62 letters and digits
// equally likely.
func NewID(random io.Reader) (ID, error) {
	var id ID
	var buf [len(id)]byte
	// The largest multiple of 62 in a byte: what is above would favour the
	// first characters.
	const limit = 256 / idNewChars * idNewChars
	for n := 0; n < len(id); {
		if _, err := io.ReadFull(random, buf[:len(id)-n]); err != nil {
			return ID{}, errors.Wrap(err, "random bytes of an id")
		}
		for _, b := range buf[:len(id)-n] {
			if b < limit {
				id[n] = idAlphabet[b%idNewChars]
				n++
			}
		}
	}
	return id, nil
}

// String returns the ID as people see it, in groups of 6-4-4-4-4-4-6 characters;
// nothing for the zero ID.
func (id ID) String() string {
	if id.IsZero() {
		return ""
	}
	return string(id.append(make([]byte, 0, len(id)+6)))
}

func (id *ID) append(b []byte) []byte {
	b = append(b, id[:6]...)
	for i := 6; i < 26; i += 4 {
		b = append(b, '-')
		b = append(b, id[i:i+4]...)
	}
	b = append(b, '-')
	return append(b, id[26:]...)
}

// Compact returns the 32 characters of the ID, as in labels and in the UUIDs of
// mapped devices; nothing for the zero ID.
func (id ID) Compact() string {
	if id.IsZero() {
		return ""
	}
	return string(id[:])
}

// IsZero reports whether there is no ID.
func (id ID) IsZero() bool { return id == ID{} }

// valid reports whether the ID can be written: it has no other characters than
// an ID may have.
func (id *ID) valid() bool {
	for _, c := range id {
		if !isIDChar(c) {
			return false
		}
	}
	return true
}
