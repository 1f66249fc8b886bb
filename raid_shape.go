package lvm

import (
	"strings"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// The types of raids, under lvm2's names. The data of raid4, raid5 and raid6 are
// dealt out to the images in turn; one of them has parity beside, in raid6 two.
const (
	// SegmentRAID0 deals the data out and has no copies: all is lost with one image.
	// SegmentRAID0Meta is the same, ready to be made another raid.
	SegmentRAID0     SegmentType = "raid0"
	SegmentRAID0Meta SegmentType = "raid0_meta"
	// SegmentRAID1 has all data on each image.
	SegmentRAID1 SegmentType = "raid1"
	// SegmentRAID10 deals the data out to pairs of images.
	SegmentRAID10 SegmentType = "raid10"
	// SegmentRAID4 has the parity on one image.
	SegmentRAID4 SegmentType = "raid4"
	// SegmentRAID5 has the parity on each image in turn: left symmetric. The others
	// are left and right, asymmetric and symmetric, and N, with the parity on the
	// last image.
	SegmentRAID5   SegmentType = "raid5"
	SegmentRAID5LA SegmentType = "raid5_la"
	SegmentRAID5LS SegmentType = "raid5_ls"
	SegmentRAID5RA SegmentType = "raid5_ra"
	SegmentRAID5RS SegmentType = "raid5_rs"
	SegmentRAID5N  SegmentType = "raid5_n"
	// SegmentRAID6 survives the loss of any two images: zero restart. The others are
	// N restart and N continue, and those of raid5 with more parity on the last image.
	SegmentRAID6    SegmentType = "raid6"
	SegmentRAID6ZR  SegmentType = "raid6_zr"
	SegmentRAID6NR  SegmentType = "raid6_nr"
	SegmentRAID6NC  SegmentType = "raid6_nc"
	SegmentRAID6LA6 SegmentType = "raid6_la_6"
	SegmentRAID6LS6 SegmentType = "raid6_ls_6"
	SegmentRAID6RA6 SegmentType = "raid6_ra_6"
	SegmentRAID6RS6 SegmentType = "raid6_rs_6"
	SegmentRAID6N6  SegmentType = "raid6_n_6"
)

// isRAID says whether a type is one of raids.
func (t SegmentType) isRAID() bool {
	switch t {
	case SegmentRAID0, SegmentRAID0Meta, SegmentRAID1, SegmentRAID10, SegmentRAID4,
		SegmentRAID5, SegmentRAID5LA, SegmentRAID5LS, SegmentRAID5RA, SegmentRAID5RS, SegmentRAID5N,
		SegmentRAID6, SegmentRAID6ZR, SegmentRAID6NR, SegmentRAID6NC,
		SegmentRAID6LA6, SegmentRAID6LS6, SegmentRAID6RA6, SegmentRAID6RS6, SegmentRAID6N6:
		return true
	}
	return false
}

func (t SegmentType) isRAID0() bool { return t == SegmentRAID0 || t == SegmentRAID0Meta }

// raidShape is how the data of a raid are dealt out.
type raidShape struct {
	typ    SegmentType
	images int
	data   int     // images' worth of data
	size   Sectors // of a stripe; 0 for raid1
	region Sectors // 0 for raid0
}

// owned returns that no image has a physical volume yet, but is to have it alone;
// nil for a raid that is lost with one image anyway.
func (s *raidShape) owned() []pvSet {
	if s.typ.isRAID0() {
		return nil
	}
	return make([]pvSet, s.images)
}

// maxRegions is how many regions a raid has at most. Source: LVM2, the kernel's
// dm-raid.
const maxRegions = 1 << 21

// raidShape checks how a new raid is to be, and fills in defaults.
func (tx *Tx) raidShape(spec RAIDSpec) (raidShape, error) {
	s := raidShape{typ: spec.Type}
	fail := func(format string, args ...any) (raidShape, error) {
		return raidShape{}, fault(ErrInvalidSpec, format, args...)
	}
	switch {
	case s.typ == "":
		s.typ = SegmentRAID1
	case !s.typ.isRAID():
		return fail("type %s is none of raids", string(s.typ))
	}
	parity := metadata.RAIDParity(string(s.typ))
	mirrors, stripes := spec.Mirrors, spec.Stripes
	if s.typ == SegmentRAID1 {
		if mirrors == 0 {
			mirrors = 1
		}
		if mirrors < 0 || mirrors >= metadata.MaxRAIDLegs {
			return fail("%d copies beside the first: 1 to %d are possible", mirrors, metadata.MaxRAIDLegs-1)
		}
		if stripes > 1 || stripes < 0 || spec.StripeSize != 0 {
			return fail("a raid1 has no stripes")
		}
		s.images, s.data = mirrors+1, 1
		return s, s.setRegions(spec)
	}
	least := 2
	if parity == 2 {
		least = 3
	}
	if stripes == 0 {
		stripes = least
	}
	if s.images = stripes + parity; s.typ == SegmentRAID10 {
		s.images = 2 * stripes
		if mirrors == 0 {
			mirrors = 1
		}
		if mirrors != 1 {
			return fail("a raid10 has one copy beside the first, not %d", mirrors)
		}
	} else if mirrors != 0 {
		return fail("a %s has no copies beside the first", string(s.typ))
	}
	if stripes < least || s.images > metadata.MaxRAIDLegs {
		return fail("%d stripes of type %s: from %d, and at most %d images with all", stripes, string(s.typ), least, metadata.MaxRAIDLegs)
	}
	shape, err := tx.shape(stripes, spec.StripeSize)
	if err != nil {
		return raidShape{}, err
	}
	s.data, s.size = stripes, shape.size
	return s, s.setRegions(spec)
}

// setRegions sets the size of regions that is asked for, or the usual one.
func (s *raidShape) setRegions(spec RAIDSpec) error {
	if s.typ.isRAID0() {
		if spec.RegionSize != 0 || spec.NoSync || spec.MinRate != 0 || spec.MaxRate != 0 {
			return fault(ErrInvalidSpec, "a %s has nothing to bring in sync: neither regions nor rates", string(s.typ))
		}
		return nil
	}
	if spec.NoSync && metadata.RAIDParity(string(s.typ)) == 2 {
		return fault(ErrInvalidSpec, "the kernel brings each new raid6 in sync")
	}
	if err := checkRates(spec.MinRate, spec.MaxRate); err != nil {
		return err
	}
	size := spec.RegionSize
	if size == 0 {
		size = defaultRegionSize
	}
	if err := checkRegionSize(size); err != nil {
		return err
	}
	s.region = size.Sectors()
	if s.typ != SegmentRAID1 {
		// The size before it is cut to that of an extent. Source: lvm2 as observed.
		stripe := spec.StripeSize
		if stripe == 0 {
			stripe = defaultStripeSize
		}
		s.region = max(s.region, stripe.Sectors())
	}
	return nil
}

// maxRegionSize is what the kernel's bitmap has room for.
const maxRegionSize = 2 * units.GiB

func checkRegionSize(size Bytes) error {
	if size < minRegionSize || size&(size-1) != 0 || size > maxRegionSize {
		return fault(ErrInvalidSpec, "regions of %s: a power of two from %s to %s is needed", size, minRegionSize, maxRegionSize)
	}
	return nil
}

func checkRates(least, most uint32) error {
	if most != 0 && least > most {
		return fault(ErrInvalidSpec, "the least rate of %d KiB/s is more than the highest of %d", least, most)
	}
	return nil
}

// regionsFor returns a size of regions that suits a raid of that size: not larger
// than it, and with not too many of them. Source: lvm2 as observed.
func regionsFor(region, size Sectors) Sectors {
	for region > size && region > minRegionSize.Sectors() {
		region /= 2
	}
	for size/region > maxRegions {
		region *= 2
	}
	return region
}

// metaBytes returns what the kernel needs to keep account of an image: two blocks,
// and a bit for each region. Source: lvm2 as observed.
func metaBytes(image, region Sectors) Bytes {
	regions := Sectors(0)
	if region > 0 {
		regions = image / region
	}
	return 8*units.KiB + Bytes((regions+7)/8)
}

// metaExtents returns how many extents that takes.
func metaExtents(image, region, extent Sectors) Extents {
	return metaBytes(image, region).Sectors().ExtentsUp(extent)
}

// raidGeometry returns how the data of a raid are spread over its images.
func raidGeometry(seg *metadata.Segment) raid.Geometry {
	body := seg.Body.(*metadata.RAID)
	layout := seg.BaseType()
	if name, ok := raidLayouts[layout]; ok {
		layout = name
	}
	g := raid.Geometry{Layout: raid.Layout(layout), Legs: len(body.Legs), Chunk: body.StripeSize}
	if strings.HasPrefix(layout, "raid10") {
		g.Copies = body.DataCopies(seg.BaseType())
	}
	return g
}
