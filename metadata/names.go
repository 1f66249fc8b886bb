package metadata

import (
	"strconv"
)

const (
	maxNameLen     = 127
	maxVGLVNameLen = 124 // of a group's and its LV's name together
)

// CheckName reports whether name can be that of a volume group or a logical
// volume: 1 to 127 characters of A-Z a-z 0-9 . _ + -, not starting with "-" and
// neither "." nor "..". The error is an *InvalidError. Names that LVM2 keeps for
// itself are not refused.
//
// Source: LVM2 validate_name.
func CheckName(name string) error {
	if detail := nameFault(name); detail != "" {
		return &InvalidError{Object: "name " + show(name), Rule: RuleName, Detail: detail}
	}
	return nil
}

// CheckVGLVNames reports whether a group named vg can have a logical volume
// named lv: each must be a name, and together they must not exceed 124
// characters. The error is an *InvalidError.
func CheckVGLVNames(vg, lv string) error {
	if err := CheckName(vg); err != nil {
		return err
	}
	if err := CheckName(lv); err != nil {
		return err
	}
	if detail := nameLengthFault(vg, lv); detail != "" {
		return &InvalidError{Object: "lv " + vg + "/" + lv, Rule: RuleName, Detail: detail}
	}
	return nil
}

func nameFault(name string) string {
	switch {
	case name == "":
		return "empty"
	case name == "." || name == "..":
		return "is a path"
	case name[0] == '-':
		return "starts with a hyphen"
	case len(name) > maxNameLen:
		return "longer than 127 characters"
	}
	for i := range len(name) {
		if c := name[i]; !isAlphanumeric(c) && c != '.' && c != '_' && c != '+' && c != '-' {
			return "character " + strconv.QuoteRune(rune(c)) + " is not one of A-Z a-z 0-9 . _ + -"
		}
	}
	return ""
}

func nameLengthFault(vg, lv string) string {
	if len(vg)+len(lv) > maxVGLVNameLen {
		return "longer than 124 characters together with the group's"
	}
	return ""
}

// CheckTag reports whether tag can be given to an object: one or more of A-Z a-z
// 0-9 . _ - + / = ! : & #. The error is an *InvalidError. LVM2 accepts any tag
// that is already in a text, and so does [VolumeGroup.Validate].
//
// Source: LVM2 validate_tag.
func CheckTag(tag string) error {
	if tag == "" {
		return &InvalidError{Object: "tag", Rule: RuleTag, Detail: "empty"}
	}
	for i := range len(tag) {
		if c := tag[i]; !isAlphanumeric(c) && !isTagSign(c) {
			return &InvalidError{Object: "tag " + show(tag), Rule: RuleTag,
				Detail: "character " + strconv.QuoteRune(rune(c)) + " is not one of A-Z a-z 0-9 . _ - + / = ! : & #"}
		}
	}
	return nil
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isTagSign(c byte) bool {
	switch c {
	case '.', '_', '-', '+', '/', '=', '!', ':', '&', '#':
		return true
	}
	return false
}
