package lvm

import (
	"iter"

	"github.com/lvm-go/lvm/metadata"
)

// ExtentMap is the map between the logical extents of a volume group's logical
// volumes and the physical extents of its physical volumes, in both directions.
// It is made of runs: memory and time follow their number, never that of the
// extents.
type ExtentMap struct{}

// Run is a number of physical extents in sequence that are free, or that one
// area of one segment occupies.
type Run struct {
	PV      metadata.ID
	Start   Extents // first physical extent
	Count   Extents
	LV      metadata.ID // zero: no logical volume's
	LVName  string
	Segment int     // index in the segments of the logical volume
	Area    int     // index in the areas of the segment
	FirstLE Extents // first logical extent that the run holds a part of
	Held    bool    // freed by the transaction in progress, so not free before its end
}

// Free says whether the run can be allocated.
func (r Run) Free() bool { return r.LV.IsZero() && !r.Held }

// Location is where a logical extent lies.
type Location struct {
	Segment int // index in the segments of the logical volume
	Type    string

	// Areas are the extents that hold the logical extent: one if it is linear;
	// if it is striped, the one of each stripe that holds a share of it; none
	// if its segment has no storage.
	Areas []metadata.Area
}

// Piece is a byte range of a logical volume that lies in one piece.
type Piece struct {
	LVOffset Bytes // from the start of the logical volume
	Length   Bytes
	PV       metadata.ID // zero with Zero and Error
	Offset   Bytes       // from the start of the device that the PV is on
	Zero     bool        // reads as zeroes, writes go nowhere
	Error    bool        // every access fails
}

// NewExtentMap makes the map of a group, which must be valid.
func NewExtentMap(vg *metadata.VolumeGroup) *ExtentMap { return &ExtentMap{} }

// Incomplete says whether there are extents that nobody knows the use of, since
// they belong to a segment whose type has no codec here.
func (m *ExtentMap) Incomplete() bool { return false }

// Locate returns where logical extent le of a logical volume lies; false if
// there is no such extent or its segment's type is not known.
func (m *ExtentMap) Locate(lv metadata.ID, le Extents) (Location, bool) { return Location{}, false }

// Owner returns the run that holds extent pe of a physical volume, which may be
// a free one; false if there is no such extent.
func (m *ExtentMap) Owner(pv metadata.ID, pe Extents) (Run, bool) { return Run{}, false }

// Runs returns the runs of a physical volume in the order of its extents. They
// cover it without gap or overlap.
func (m *ExtentMap) Runs(pv metadata.ID) iter.Seq[Run] { return func(func(Run) bool) {} }

// FreeRuns returns the free runs of a physical volume in the order of its
// extents.
func (m *ExtentMap) FreeRuns(pv metadata.ID) iter.Seq[Run] { return func(func(Run) bool) {} }

// Free returns how many extents of a physical volume are free.
func (m *ExtentMap) Free(pv metadata.ID) Extents { return 0 }

// Used returns how many extents of a physical volume are not free.
func (m *ExtentMap) Used(pv metadata.ID) Extents { return 0 }

// FreeTotal returns how many extents of the group are free.
func (m *ExtentMap) FreeTotal() Extents { return 0 }

// Map returns the pieces that a byte range of a logical volume consists of, in
// the order of the range. An error ends the sequence.
func (m *ExtentMap) Map(lv metadata.ID, offset, length Bytes) iter.Seq2[Piece, error] {
	return func(func(Piece, error) bool) {}
}

// clone returns a copy for a transaction. What the copy sets free and m does not
// have free is held: it cannot be allocated again from the copy.
func (m *ExtentMap) clone() *ExtentMap { return &ExtentMap{} }

// setLV adds a logical volume or takes over the new name and segments of one.
// The slice of segments may be shared: it must not be changed after that.
func (m *ExtentMap) setLV(lv *metadata.LogicalVolume) error { return nil }

// dropLV takes out a logical volume and frees its extents.
func (m *ExtentMap) dropLV(id metadata.ID) {}

// setPV adds a physical volume or takes over its new number of extents.
func (m *ExtentMap) setPV(pv *metadata.PhysicalVolume) error { return nil }

// dropPV takes out a physical volume, which must have no extent in use.
func (m *ExtentMap) dropPV(id metadata.ID) error { return nil }
