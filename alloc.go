package lvm

import (
	"fmt"

	"github.com/lvm-go/lvm/metadata"
)

// allocRequest asks for extents for a new logical volume or for more of them
// for an old one.
type allocRequest struct {
	LV      *metadata.LogicalVolume // to extend; nil for a new one
	Name    string                  // of the logical volume, for errors
	Policy  metadata.Allocation     // resolved: neither inherit nor cling by tags
	Stripes int                     // areas per segment; 0 is 1
	Extents Extents                 // logical; a multiple of Stripes
	Partial bool                    // take what there is if there is less
	PVs     []allocPV               // in the order of preference; empty: all in the order of the group

	// ClingTags is the list of tags that make PVs near to each other for the
	// policy cling: "@tag", or "@*" for any. Empty: none.
	ClingTags []string

	// Apart are PVs that hold areas parallel to those wanted. None is taken
	// from there unless the policy is anywhere.
	Apart []metadata.ID
}

// allocPV is a physical volume that may be allocated from.
type allocPV struct {
	PV     metadata.ID
	Ranges []PERange // empty: all extents
}

// allocPiece is one step of an allocation: a segment to be.
type allocPiece struct {
	Count Extents // logical extents; each area has Count/len(Areas)
	Areas []metadata.Area
}

// allocate chooses the extents for a request as lvm2 does. The map stays as it
// is: the caller makes segments of the pieces and hands them to setLV. Returns a
// *[SpaceError] if there is not enough.
func (m *ExtentMap) allocate(vg *metadata.VolumeGroup, r allocRequest) ([]allocPiece, error) {
	return nil, nil
}

// appendSegments returns the segments of lv with pieces added at the end, merged
// where lvm2 merges. The old segments are not changed nor is their slice shared.
func appendSegments(lv *metadata.LogicalVolume, pieces []allocPiece, stripeSize Sectors) []metadata.Segment {
	return nil
}

// SpaceError says that there is not enough allocatable space for a request. It
// matches [ErrNoSpace].
type SpaceError struct {
	VG, LV  string
	Policy  metadata.Allocation
	Stripes int
	Need    Extents // logical extents asked for
	Free    Extents // free extents in the physical volumes that may be used
	Largest Extents // length of the largest free run among them
	PVs     []PVSpace
}

// PVSpace is the free space of one physical volume.
type PVSpace struct {
	PV      string // path of its device, or its id
	Free    Extents
	Largest Extents // length of the largest free run
}

func (e *SpaceError) Error() string { return fmt.Sprintf("need %d extents, %d free", e.Need, e.Free) }

// Is matches [ErrNoSpace].
func (e *SpaceError) Is(target error) bool { return target == ErrNoSpace }
