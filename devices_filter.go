package lvm

import (
	"regexp"
	"strings"
)

// DeviceFilter is a list of patterns of lvm.conf's filter or global_filter. It
// says by the names of a device whether it is looked at. A nil one accepts all.
type DeviceFilter struct{ rules []filterRule }

type filterRule struct {
	accept bool
	regex  *regexp.Regexp
}

// ParseDeviceFilter reads patterns as lvm.conf has them: a or r, for accept and
// reject, and a regular expression between two delimiters, which may be any
// character or a pair of brackets: "a|^/dev/sd|", "r(.*)". The regular
// expressions are lvm2's, which knows less than others: . ^ $ [] () | * + ? and
// the backslash. Errors match [ErrInvalidSpec]. Source: lvm.conf(5), and lvm2 as
// observed.
func ParseDeviceFilter(patterns []string) (*DeviceFilter, error) {
	f := new(DeviceFilter)
	for _, p := range patterns {
		rule, err := parseFilterRule(p)
		if err != nil {
			return nil, err
		}
		f.rules = append(f.rules, rule)
	}
	return f, nil
}

func parseFilterRule(pattern string) (filterRule, error) {
	kind, rest := "", pattern
	if rest != "" {
		kind, rest = rest[:1], rest[1:]
	}
	if kind != "a" && kind != "r" {
		return filterRule{}, fault(ErrInvalidSpec, "device filter %q: must begin with a or r", pattern)
	}
	if len(rest) < 2 || rest[len(rest)-1] != closing(rest[0]) {
		return filterRule{}, fault(ErrInvalidSpec, "device filter %q: must have a delimiter at both ends", pattern)
	}
	regex, err := compileDeviceRegex(rest[1 : len(rest)-1])
	return filterRule{kind == "a", regex}, err
}

// closing returns the delimiter that belongs to an opening one.
func closing(open byte) byte {
	if i := strings.IndexByte("([{", open); i >= 0 {
		return ")]}"[i]
	}
	return open
}

// Accepts reports whether a device with these names is looked at. For each name
// the first pattern counts that matches it. A device is accepted if one of its
// names is, or if no pattern matches any of them.
func (f *DeviceFilter) Accepts(names ...string) bool {
	_, ok := f.choose(names)
	return ok
}

// choose returns which of the names is accepted first; -1 if the device is
// accepted because none is rejected.
func (f *DeviceFilter) choose(names []string) (int, bool) {
	if f == nil {
		return -1, true
	}
	rejected := false
	for i, name := range names {
		for _, r := range f.rules {
			if !r.regex.MatchString(name) {
				continue
			}
			if r.accept {
				return i, true
			}
			rejected = true
			break
		}
	}
	return -1, !rejected
}
