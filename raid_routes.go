package lvm

import (
	"slices"
	"strings"
)

// takeovers are the types that have the data of others where these have them, with
// so many legs with parity behind.
//
// Source: linux drivers/md/dm-raid.c.
var takeovers = []struct {
	less, more SegmentType
	legs       int
}{
	{SegmentRAID0Meta, SegmentRAID5N, 1},
	{SegmentRAID0Meta, SegmentRAID6N6, 2},
	{SegmentRAID5N, SegmentRAID6N6, 1},
	{SegmentRAID5, SegmentRAID6LS6, 1},
	{SegmentRAID5LS, SegmentRAID6LS6, 1},
	{SegmentRAID5LA, SegmentRAID6LA6, 1},
	{SegmentRAID5RA, SegmentRAID6RA6, 1},
	{SegmentRAID5RS, SegmentRAID6RS6, 1},
}

// copyOfEach in the place of a number of legs says that each leg gets one of its own.
const copyOfEach = -1

// takeover returns how many legs a raid of one type gets to be one of another, or loses;
// 0 if that cannot be done.
func takeover(from, to SegmentType) (legs int, more bool) {
	for _, t := range takeovers {
		if t.less == from && t.more == to || t.more == from && t.less == to {
			return t.legs, t.less == from
		}
	}
	if from == SegmentRAID0Meta && to == SegmentRAID10 || from == SegmentRAID10 && to == SegmentRAID0Meta {
		return copyOfEach, to == SegmentRAID10
	}
	return 0, false
}

// twoLegs says whether raids of these types are the same if they have two legs: then the
// parity of a block is the block.
func twoLegs(from, to SegmentType) bool {
	parity := func(t SegmentType) bool { return raidLevel(t) == "raid4" || raidLevel(t) == "raid5" }
	return from == SegmentRAID1 && parity(to) || parity(from) && to == SegmentRAID1
}

// reshapedTo says whether the kernel moves the data of a raid of one type to where one
// of another has them.
func reshapedTo(from, to SegmentType) bool {
	if from == SegmentRAID4 && to == SegmentRAID5N || from == SegmentRAID5N && to == SegmentRAID4 {
		return true
	}
	level := raidLevel(from)
	return level != "" && level == raidLevel(to)
}

// raidLevel returns the level of a raid that can be reshaped; "" if it is another one.
func raidLevel(typ SegmentType) string {
	for _, level := range []string{"raid4", "raid5", "raid6"} {
		if typ.isRAID() && strings.HasPrefix(string(typ), level) {
			return level
		}
	}
	return ""
}

// stripesOf are the types whose data are, or are among, those of a volume with stripes.
var stripesOf = []SegmentType{SegmentStriped, SegmentRAID0, SegmentRAID0Meta, SegmentRAID5N, SegmentRAID6N6, SegmentRAID10}

// convertible says whether ConvertRAID makes volumes of one type those of another.
func convertible(from, to SegmentType) bool {
	legs, _ := takeover(from, to)
	recast := slices.Contains(stripesOf, from) && (to == SegmentStriped || to == SegmentRAID0) ||
		to == SegmentRAID0Meta && (from == SegmentStriped || from == SegmentRAID0)
	return from != to && (legs != 0 || recast || twoLegs(from, to) || reshapedTo(from, to))
}

// routeTypes are those that ConvertRAID knows, where there is a choice the one first that
// is the shorter way from most.
var routeTypes = []SegmentType{
	SegmentRAID0Meta, SegmentRAID5N, SegmentRAID1, SegmentRAID5, SegmentRAID6N6, SegmentRAID10, SegmentRAID4, SegmentRAID0, SegmentStriped,
	SegmentRAID5LS, SegmentRAID5LA, SegmentRAID5RA, SegmentRAID5RS, SegmentRAID6, SegmentRAID6ZR, SegmentRAID6NR, SegmentRAID6NC,
	SegmentRAID6LS6, SegmentRAID6LA6, SegmentRAID6RA6, SegmentRAID6RS6,
}

// nextType returns which type a volume is to be made first on the shortest way to
// another; "" if there is none.
func nextType(from, to SegmentType) SegmentType {
	seen := map[SegmentType]bool{to: true}
	for ends := []SegmentType{to}; len(ends) > 0; {
		var further []SegmentType
		for _, end := range ends {
			if end != from && convertible(from, end) {
				return end
			}
			for _, typ := range routeTypes {
				if !seen[typ] && convertible(typ, end) {
					seen[typ] = true
					further = append(further, typ)
				}
			}
		}
		ends = further
	}
	return ""
}

// errTakeover refuses what is not done in one step.
func errTakeover(from, to SegmentType) error {
	next := nextType(from, to)
	switch {
	case from == to:
		return fault(ErrUnsupported, "it is a %s already", from)
	case next == "":
		return fault(ErrUnsupported, "a %s volume is not made a %s", from, to)
	case next == to:
		return fault(ErrUnsupported, "a %s volume is made a %s by ConvertRAID", from, to)
	}
	return fault(ErrUnsupported, "a %s volume is not made a %s at once: convert it to %s first", from, to, next)
}
