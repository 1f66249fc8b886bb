package metadata

import (
	"slices"
	"strings"

	"github.com/lvm-go/lvm/units"
)

// A segmentType is one line of the table of types that have a codec here. The
// other half of the codec is the body that decode returns.
type segmentType struct {
	name   string
	decode func(d *decoder, l list, s *Segment) Body
	flags  []string // the +FLAG suffixes that the type can have
}

// The +FLAG suffixes of types. A volume has them on each of its segments, so
// whatever can be an image of a raid, can have those of images.
//
// Source: LVM2 flags.c, LV flags in segment types; checked against lvm2 2.03.16.
var (
	imageFlags    = []string{"RESHAPE_DELTA_DISKS_PLUS", "RESHAPE_DELTA_DISKS_MINUS", "REMOVE_AFTER_RESHAPE"}
	raidFlags     = append([]string{"RESHAPE", "RESHAPE_DATA_OFFSET"}, imageFlags...)
	poolFlags     = []string{"CROP_METADATA"}
	cachePoolFlag = []string{"METADATA_FORMAT"}
	cacheFlags    = []string{flagCachevol}
)

// flagCachevol is the flag of a cache that has a cachevol.
const flagCachevol = "CACHE_USES_CACHEVOL"

// segmentTypes is the table. Types that are not in it are opaque.
var segmentTypes = []segmentType{
	{"striped", decodeStriped, imageFlags},
	{"linear", decodeStriped, imageFlags},
	{"error", decodeVirtual, imageFlags},
	{"zero", decodeVirtual, nil},
	{"snapshot", decodeSnapshot, nil},
	{"mirror", decodeMirror, nil},
	{"thin", decodeThin, nil},
	{"thin-pool", decodeThinPool, poolFlags},
	{"cache", decodeCache, cacheFlags},
	{"cache-pool", decodeCachePool, cachePoolFlag},
	{"writecache", decodeWriteCache, nil},
	{"integrity", decodeIntegrity, imageFlags},
	{"vdo", decodeVDO, nil},
	{"vdo-pool", decodeVDOPool, nil},
	{"raid0", decodeRAID, raidFlags},
	{"raid0_meta", decodeRAID, raidFlags},
	{"raid1", decodeRAID, raidFlags},
	{"raid4", decodeRAID, raidFlags},
	{"raid5", decodeRAID, raidFlags},
	{"raid5_ls", decodeRAID, raidFlags},
	{"raid5_la", decodeRAID, raidFlags},
	{"raid5_rs", decodeRAID, raidFlags},
	{"raid5_ra", decodeRAID, raidFlags},
	{"raid5_n", decodeRAID, raidFlags},
	{"raid6", decodeRAID, raidFlags},
	{"raid6_zr", decodeRAID, raidFlags},
	{"raid6_nr", decodeRAID, raidFlags},
	{"raid6_nc", decodeRAID, raidFlags},
	{"raid6_ls_6", decodeRAID, raidFlags},
	{"raid6_la_6", decodeRAID, raidFlags},
	{"raid6_rs_6", decodeRAID, raidFlags},
	{"raid6_ra_6", decodeRAID, raidFlags},
	{"raid6_n_6", decodeRAID, raidFlags},
	{"raid10", decodeRAID, raidFlags},
	{"raid10_near", decodeRAID, raidFlags},
}

// findSegmentType returns the line of a type, with its suffixes; nil if there is
// none, or a suffix is not known.
func findSegmentType(typ string) *segmentType {
	base, flags, hasFlags := strings.Cut(typ, "+")
	for i := range segmentTypes {
		if t := &segmentTypes[i]; t.name == base {
			if hasFlags && !t.hasAll(flags) {
				return nil
			}
			return t
		}
	}
	return nil
}

func (t *segmentType) hasAll(flags string) bool {
	for flag := range strings.SplitSeq(flags, "+") {
		if !slices.Contains(t.flags, flag) {
			return false
		}
	}
	return true
}

// BaseType returns the type without its +FLAG suffixes.
func (s *Segment) BaseType() string {
	base, _, _ := strings.Cut(s.Type, "+")
	return base
}

// HasFlag reports whether the type has a +FLAG suffix, such as "RESHAPE".
func (s *Segment) HasFlag(word string) bool {
	_, flags, hasFlags := strings.Cut(s.Type, "+")
	if !hasFlags {
		return false
	}
	for flag := range strings.SplitSeq(flags, "+") {
		if flag == word {
			return true
		}
	}
	return false
}

// fits reports whether the segment's body is one of its type.
func (s *Segment) fits() bool {
	t := findSegmentType(s.Type)
	switch _, opaque := s.Body.(*Opaque); {
	case s.Body == nil:
		return false
	case opaque:
		return t == nil && s.Type != ""
	}
	return t != nil && s.Body.fits(t.name)
}

// IsOpaque reports whether the segment's type has no codec here, so that nobody
// knows which extents it holds.
func (s *Segment) IsOpaque() bool {
	_, opaque := s.Body.(*Opaque)
	return opaque
}

// AreaLength returns how many extents each area of the segment has: a stripe's
// share of it. It is 0 if the segment has no areas, or if they are not known.
func (s *Segment) AreaLength() units.Extents {
	if s.Body == nil {
		return 0
	}
	return s.Body.areaLength(s)
}

// A segmentBody is the codec and the rules of one kind of segment.
type segmentBody interface {
	// fits reports whether a segment of the given type, without suffixes, can have
	// the body.
	fits(typ string) bool

	// areaLength returns how long each area is.
	areaLength(s *Segment) units.Extents

	// print writes the fields of the type.
	print(w *recordPrinter, s *Segment)

	// check reports violations of the rules of the type.
	check(c *checker, s *Segment)
}

// areasOn returns areas that begin with logical volumes.
func areasOn(lvs ...ID) []Area {
	areas := make([]Area, len(lvs))
	for i, id := range lvs {
		areas[i].LV = id
	}
	return areas
}

// someOf returns the ids that are not zero.
func someOf(ids ...ID) []ID { return slices.DeleteFunc(ids, ID.IsZero) }
