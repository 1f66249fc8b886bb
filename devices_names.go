package lvm

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

// sortNames sorts the names of a device, the one first that it is called by: the
// first that a pattern of preferred matches, or else the one that says most.
// isLink tells whether a path is a symbolic link. Source: lvm.conf(5),
// preferred_names; lvm2 as observed.
func sortNames(devDir string, names []string, preferred []*regexp.Regexp, isLink func(string) bool) {
	rank := func(name string) int {
		i := slices.IndexFunc(preferred, func(p *regexp.Regexp) bool { return p.MatchString(name) })
		if i < 0 {
			return len(preferred)
		}
		return i
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(nameRank(devDir, b), nameRank(devDir, a)),
			cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")),
			compareLinks(a, b, isLink),
			cmp.Compare(a, b),
		)
	})
}

// nameRank is higher the more a name says: numbers less than what somebody gave.
func nameRank(devDir, name string) int {
	for rank, prefix := range []string{"/block/", "/dm-", "/disk/", "/mapper/"} {
		if strings.HasPrefix(name, path.Clean(devDir)+prefix) {
			return rank
		}
	}
	return 4
}

// compareLinks puts the name first that is the first to go over a symbolic link.
func compareLinks(a, b string, isLink func(string) bool) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	for i := range min(len(as), len(bs)) {
		if as[i] == bs[i] {
			continue
		}
		aLink := isLink(strings.Join(as[:i+1], "/"))
		bLink := isLink(strings.Join(bs[:i+1], "/"))
		switch {
		case aLink && !bLink:
			return -1
		case bLink && !aLink:
			return 1
		}
	}
	return 0
}
