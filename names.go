package lvm

import (
	"strconv"
	"strings"
)

// Limits of names, in bytes. Source: lvm2 as observed; the two names, the dash
// between them and the longest layer have to fit into a device-mapper name.
const (
	maxNameLen   = 127
	maxVGLVLen   = 124 // of a VG's and an LV's name together
	maxRenameLen = 121 // of the new name in a rename of a VG
)

// reservedPrefixes begin the names that lvm2 gives to its own LVs.
var reservedPrefixes = [...]string{"pvmove", "snapshot"}

// reservedParts mark, anywhere in a name, the sub-LVs that lvm2 hides.
var reservedParts = [...]string{
	"_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_wcorig", "_mimage",
	"_mlog", "_rimage", "_rmeta", "_tdata", "_tmeta", "_vdata", "_imeta",
	"_iorig", "_pmspare", "_vorigin",
}

// NameKind says what a name is the name of.
type NameKind uint8

// The kinds of names that have rules.
const (
	VGName NameKind = iota + 1
	LVName
	TagName
	lockName
)

// String returns the kind as error texts show it: "vg name", "tag".
func (k NameKind) String() string {
	switch k {
	case VGName:
		return "vg name"
	case LVName:
		return "lv name"
	case TagName:
		return "tag"
	case lockName:
		return "lock name"
	}
	return "name"
}

// NameError reports a name that LVM2 would refuse. It matches ErrInvalidName.
type NameError struct {
	Kind   NameKind
	Name   string
	Reason string // what is wrong with it: "starts with a hyphen"
}

// Error names the kind, the name and the reason.
func (e *NameError) Error() string {
	return e.Kind.String() + " " + strconv.Quote(e.Name) + ": " + e.Reason
}

// Is reports whether target is ErrInvalidName.
func (e *NameError) Is(target error) bool { return target == ErrInvalidName }

// checkVGName checks the name of a volume group that is there or shall be.
func checkVGName(name string) error { return checkName(VGName, name) }

// checkVGRename checks the new name that a volume group shall get, which is
// held shorter than that of one being created.
func checkVGRename(name string) error {
	if err := checkVGName(name); err != nil {
		return err
	}
	if len(name) > maxRenameLen {
		return &NameError{VGName, name, tooLong(maxRenameLen)}
	}
	return nil
}

// checkLVName checks the name of a logical volume of the group vg, hidden ones
// included: what a name in metadata has to comply with.
func checkLVName(vg, name string) error {
	if err := checkName(LVName, name); err != nil {
		return err
	}
	if len(vg)+len(name) > maxVGLVLen {
		return &NameError{LVName, name, "together with the vg name " + tooLong(maxVGLVLen)}
	}
	return nil
}

// checkNewLVName checks a name that a user gives to a logical volume of the
// group vg: on top of checkLVName, the names of lvm2's own LVs are refused.
func checkNewLVName(vg, name string) error {
	if err := checkLVName(vg, name); err != nil {
		return err
	}
	for _, p := range reservedPrefixes {
		if strings.HasPrefix(name, p) {
			return &NameError{LVName, name, "names starting with " + strconv.Quote(p) + " are reserved"}
		}
	}
	if p := reservedPart(name); p != "" {
		return &NameError{LVName, name, "names including " + strconv.Quote(p) + " are reserved"}
	}
	return nil
}

// reservedPart returns the part of name that only sub-LVs may have, or "".
func reservedPart(name string) string {
	for _, p := range reservedParts {
		if strings.Contains(name, p) {
			return p
		}
	}
	return ""
}

// checkTag returns tag without the @ that command lines mark tags with, or why
// it cannot be given. Tags that are in metadata already are not held to this.
func checkTag(tag string) (string, error) {
	bare := strings.TrimPrefix(tag, "@")
	if bare == "" {
		return "", &NameError{TagName, tag, "is empty"}
	}
	for i := range len(bare) {
		if !isNameByte(bare[i]) && strings.IndexByte("/=!:&#", bare[i]) < 0 {
			return "", &NameError{TagName, tag, "has a character outside [A-Za-z0-9._+/=!:&#-]"}
		}
	}
	return bare, nil
}

// nextName returns prefix followed by one more than the highest number that
// follows prefix in any of names: "lvol0" if there is none. Only the digits
// right after the prefix count, so that lvol0_pmspare takes lvol0. ok is false
// if the numbers are used up.
func nextName(prefix string, names func(yield func(string) bool)) (name string, ok bool) {
	next := uint64(0)
	for n := range names {
		digits, found := strings.CutPrefix(n, prefix)
		if !found {
			continue
		}
		end := 0
		for end < len(digits) && digits[end] >= '0' && digits[end] <= '9' {
			end++
		}
		// What is not a number, or no number that lvm2 would read, takes none.
		if v, err := strconv.ParseUint(digits[:end], 10, 31); err == nil && v >= next {
			next = v + 1
		}
	}
	return prefix + strconv.FormatUint(next, 10), next < 1<<31
}

func checkName(kind NameKind, name string) error {
	refuse := func(reason string) error { return &NameError{kind, name, reason} }
	switch {
	case name == "":
		return refuse("is empty")
	case name[0] == '-':
		return refuse("starts with a hyphen")
	case name == "." || name == "..":
		return refuse("is a directory's name")
	case len(name) > maxNameLen:
		return refuse(tooLong(maxNameLen))
	}
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return refuse("has a character outside [A-Za-z0-9._+-]")
		}
	}
	return nil
}

func tooLong(limit int) string { return "is longer than " + strconv.Itoa(limit) + " bytes" }

func isNameByte(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' ||
		c == '.' || c == '_' || c == '+' || c == '-'
}
