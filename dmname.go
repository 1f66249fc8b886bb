package lvm

import (
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// maxDMNameLen is the longest device-mapper name, in bytes.
// Source: linux dm-ioctl.h DM_NAME_LEN, less its NUL.
const maxDMNameLen = 127

// dmUUIDPrefix begins the UUID of every device-mapper device of an LV.
const dmUUIDPrefix = "LVM-"

// dmIDLen is the length of an identifier in a UUID, which has no dashes.
const dmIDLen = len(metadata.ID{})

// dmName returns the device-mapper name of a layer of an LV; layer is empty
// for the LV itself. A layer that starts with an underscore is appended
// without a dash. An error matches ErrInvalidName.
func dmName(vg, lv, layer string) (string, error) {
	name := escapeDM(vg) + "-" + escapeDM(lv)
	switch {
	case layer == "":
	case layer[0] == '_':
		name += layer
	default:
		name += "-" + layer
	}
	if len(name) > maxDMNameLen {
		return "", &NameError{LVName, lv, "its device-mapper name " + tooLong(maxDMNameLen)}
	}
	return name, nil
}

// parseDMName takes apart what dmName made. ok is false if name is not of that
// form. A layer that was appended without a dash stays part of lv.
func parseDMName(name string) (vg, lv, layer string, ok bool) {
	if len(name) > maxDMNameLen {
		return "", "", "", false
	}
	vg, rest, ok := cutDM(name)
	if !ok {
		return "", "", "", false
	}
	lv, layer, layered := cutDM(rest)
	if vg == "" || lv == "" || layered && layer == "" {
		return "", "", "", false
	}
	return unescapeDM(vg), unescapeDM(lv), layer, true
}

// ParseDMName returns of what logical volume a device-mapper name is: of vg-lv,
// vg-lv-layer, with hyphens within the names doubled. ok is false if no volume has
// such a name.
func ParseDMName(name string) (vg, lv string, ok bool) {
	vg, lv, _, ok = parseDMName(name)
	return vg, lv, ok
}

// dmUUID returns the device-mapper UUID of a layer of an LV; layer is empty for
// devices that are for users.
func dmUUID(vg, lv metadata.ID, layer string) string {
	uuid := dmUUIDPrefix + vg.Compact() + lv.Compact()
	if layer != "" {
		uuid += "-" + layer
	}
	return uuid
}

// parseDMUUID takes apart what dmUUID made. ok is false if uuid is not that of
// a device of lvm2's.
func parseDMUUID(uuid string) (vg, lv metadata.ID, layer string, ok bool) {
	ids, found := strings.CutPrefix(uuid, dmUUIDPrefix)
	if !found || len(ids) < 2*dmIDLen {
		return vg, lv, "", false
	}
	if rest := ids[2*dmIDLen:]; rest != "" {
		layer, found = strings.CutPrefix(rest, "-")
		if !found || layer == "" {
			return vg, lv, "", false
		}
	}
	if strings.Contains(ids[:2*dmIDLen], "-") {
		return vg, lv, "", false
	}
	v, errV := metadata.ParseID(ids[:dmIDLen])
	l, errL := metadata.ParseID(ids[dmIDLen : 2*dmIDLen])
	if errV != nil || errL != nil {
		return vg, lv, "", false
	}
	return v, l, layer, true
}

func escapeDM(name string) string { return strings.ReplaceAll(name, "-", "--") }

func unescapeDM(name string) string { return strings.ReplaceAll(name, "--", "-") }

// cutDM splits s at its first dash that is not doubled.
func cutDM(s string) (before, after string, found bool) {
	for i := 0; i < len(s); i++ {
		if s[i] != '-' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '-' {
			i++
			continue
		}
		return s[:i], s[i+1:], true
	}
	return s, "", false
}
