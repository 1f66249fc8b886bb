package dm

import (
	"strings"

	"github.com/pkg/errors"
)

// Bytes that the kernel has for a name and a UUID. Source: linux DM_NAME_LEN,
// DM_UUID_LEN, less the byte that ends the string.
const (
	maxName = 127
	maxUUID = 128
)

// CheckName checks that a device can be given that name: 1 to 127 bytes without
// '/' and NUL, and not one that a node in the directory of mapped devices
// cannot have (".", "..", and "control", which is the control node). The error
// matches ErrInvalid.
func CheckName(name string) error {
	if err := checkText("device name", name, maxName); err != nil {
		return err
	}
	if strings.Contains(name, "/") || name == "." || name == ".." || name == controlName {
		return errors.WithMessagef(ErrInvalid, "device name %q", name)
	}
	return nil
}

// CheckUUID checks that a device can be given that UUID: 1 to 128 bytes without
// NUL. The error matches ErrInvalid.
func CheckUUID(uuid string) error { return checkText("device uuid", uuid, maxUUID) }

func checkText(what, s string, max int) error {
	switch {
	case s == "":
		return errors.WithMessagef(ErrInvalid, "empty %s", what)
	case len(s) > max:
		return errors.WithMessagef(ErrInvalid, "%s %q has %d bytes, at most %d are possible", what, s, len(s), max)
	case strings.Contains(s, "\x00"):
		return errors.WithMessagef(ErrInvalid, "%s %q has a NUL in it", what, s)
	}
	return nil
}

// Mangling is how libdevmapper writes names with characters that udev cannot
// have in the name of a symbolic link. The kernel stores what it is given.
type Mangling int

// The modes of mangling.
const (
	// MangleAuto encodes the characters that need it, and leaves a name alone
	// that is encoded already. It is libdevmapper's default.
	MangleAuto Mangling = iota
	// MangleHex always encodes, backslashes too.
	MangleHex
	// MangleNone passes names through.
	MangleNone
)

// MangleName returns the name as it is given to the kernel. The error, in the
// mode auto only, matches ErrInvalid: characters to be encoded beside encoded
// ones, or a name that is encoded twice.
func MangleName(name string, mode Mangling) (string, error) {
	switch mode {
	case MangleNone:
		return name, nil
	case MangleHex:
		return mangle(name), nil
	}
	clean, encoded, double := true, false, false
	for i := 0; i < len(name); i++ {
		if isPlain(name[i]) {
			continue
		}
		if _, ok := hexEscape(name[i:]); ok {
			encoded = true
			double = double || strings.HasPrefix(name[i:], `\x5cx`)
			i += 3
			continue
		}
		clean = false
	}
	switch {
	case double:
		return "", errors.WithMessagef(ErrInvalid, "name %q is mangled twice", name)
	case encoded && !clean:
		return "", errors.WithMessagef(ErrInvalid, "name %q has mangled and unmangled characters", name)
	case clean:
		return name, nil
	}
	return mangle(name), nil
}

// UnmangleName returns the name behind one that the kernel has. The error, not
// in the mode none, matches ErrInvalid: a character that should be encoded, and
// is not.
func UnmangleName(name string, mode Mangling) (string, error) {
	if mode == MangleNone {
		return name, nil
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if isPlain(name[i]) {
			b.WriteByte(name[i])
			continue
		}
		c, ok := hexEscape(name[i:])
		if !ok {
			return "", errors.WithMessagef(ErrInvalid, "name %q has an unmangled character %q", name, name[i])
		}
		b.WriteByte(c)
		i += 3
	}
	return b.String(), nil
}

func mangle(name string) string {
	const digit = "0123456789abcdef"
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; isPlain(c) {
			b.WriteByte(c)
		} else {
			b.WriteString(`\x`)
			b.WriteByte(digit[c>>4])
			b.WriteByte(digit[c&15])
		}
	}
	return b.String()
}

func isPlain(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || strings.IndexByte("#+-.:=@_", c) >= 0
}

// hexEscape reads \xNN at the start of s.
func hexEscape(s string) (byte, bool) {
	if len(s) < 4 || s[0] != '\\' || s[1] != 'x' {
		return 0, false
	}
	hi, lo := hexDigit(s[2]), hexDigit(s[3])
	if hi < 0 || lo < 0 {
		return 0, false
	}
	return byte(hi<<4 | lo), true
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
