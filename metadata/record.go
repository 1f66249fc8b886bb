package metadata

import (
	"time"

	"github.com/lvm-go/lvm/units"
)

// VolumeGroup is the record of a volume group as the metadata text states it.
// Records are plain data: nothing in them is checked until [VolumeGroup.Validate].
type VolumeGroup struct {
	Name           string
	ID             ID
	Seqno          uint32 // raised by one at each commit; the first is 1
	Format         string // "lvm2"
	Status         VGStatus
	Unknown        UnknownFlags
	Tags           []string
	SystemID       string // the host that owns the group; empty: anyone
	LockType       string // sanlock, dlm, idm, clvm: a shared group
	LockArgs       string
	ExtentSize     units.Sectors
	MaxLV          uint32 // 0: no limit
	MaxPV          uint32 // 0: no limit
	Allocation     Allocation
	Profile        string
	MetadataCopies uint32 // 0: unmanaged
	PVs            []*PhysicalVolume
	LVs            []*LogicalVolume
	History        []*HistoricalLV
	Extra          []Extra
}

// PhysicalVolume is the record of a physical volume in the text of its group.
type PhysicalVolume struct {
	ID              ID
	Device          string // path at the last write; a hint only
	DeviceIDType    string
	DeviceID        string
	Status          PVStatus
	Unknown         UnknownFlags
	Tags            []string
	DeviceSize      units.Sectors
	PEStart         units.Sectors // first sector of extent 0, from the device's start
	PECount         units.Extents
	BootloaderStart units.Sectors
	BootloaderSize  units.Sectors
	Extra           []Extra
}

// LogicalVolume is the record of a logical volume.
type LogicalVolume struct {
	Name         string
	ID           ID
	Status       LVStatus
	Unknown      UnknownFlags
	Tags         []string
	CreationTime time.Time // zero: not recorded
	CreationHost string
	LockArgs     string
	Allocation   Allocation // AllocInherit: the group's
	Profile      string
	ReadAhead    ReadAhead
	Major        int32 // fixed device number; meaningful with LVFixedMinor
	Minor        int32
	HasMajor     bool // whether the text holds a major
	HasMinor     bool // whether the text holds a minor
	Segments     []Segment
	Extra        []Extra
}

// Segment maps Count logical extents from Start on. Its areas, or whatever else
// its type needs, are in Body.
type Segment struct {
	Start        units.Extents
	Count        units.Extents
	ReshapeCount units.Extents
	Type         string // as in the text, with its +FLAG suffixes: "striped"
	Tags         []string
	Body         Body
	Extra        []Extra
}

// Body is what is particular to a segment type: [*Striped], [*Virtual],
// [*Snapshot], [*Mirror] or [*Opaque]. Bodies are never changed once they are part of a group: a change
// makes a new one.
type Body interface {
	// Areas returns the areas that the segment maps, nil if it has none or if
	// they are not known.
	Areas() []Area

	segmentBody // a body is a codec of this package too, so the set is closed
}

// Striped is the body of a striped segment, which is linear if it has one area.
// Each area holds 1/len(Stripes) of the segment's extents.
type Striped struct {
	StripeSize units.Sectors // 0 if there is one area
	Stripes    []Area
}

// Virtual is the body of a segment without storage: error and zero.
type Virtual struct{}

// Snapshot is the body of the segment of the logical volume "snapshotN" that
// ties a COW store to its origin. It is a relation and no storage: of the
// segment's extents there is but the number, that of the origin when the
// snapshot was made.
//
// Source: LVM2 snapshot segment; checked against testdata/corpus.
type Snapshot struct {
	ChunkSize units.Sectors
	Origin    ID   // LV
	COW       ID   // LV: the snapshot as users know it; its own segments are the COW store
	Merging   bool // into the origin: merging_store instead of cow_store
}

// Mirror is the body of a mirror segment: of volumes that were made as mirrors,
// not as raid1, and of pvmoveN, by which extents are moved while they are in use.
// Each leg has all extents of the segment.
//
// A move is the mirror of a logical volume with [LVPvmove]. It has two legs: from
// where and to where. They lie on physical volumes or, if all is moved at once
// (pvmove --atomic), in logical volumes that gather it. Once Moved is the length
// of the segment, its data is in the second leg; until then it is in the first.
//
// Source: LVM2 mirror segment; checked against testdata/corpus.
type Mirror struct {
	Legs       []Area        // on PVs or LVs
	Moved      units.Extents // extents_moved, of a move
	Log        ID            // LV; zero: the log is in memory only
	RegionSize units.Sectors
}

// Opaque is the body of a segment whose type has no codec here. Its fields are
// kept in order and printed back as they were.
type Opaque struct {
	Fields []Entry
}

// Area is where one stripe or leg of a segment lies: in a physical volume, or
// in another logical volume of the same group. Exactly one of PV and LV is set.
type Area struct {
	PV    ID
	LV    ID
	Start units.Extents // first extent, of the PV or of the LV
}

// HistoricalLV is the record of a removed logical volume.
type HistoricalLV struct {
	Name         string
	ID           ID
	CreationTime time.Time
	RemovalTime  time.Time
	Origin       string // a leading "-" marks a historical one
	Descendants  []string
	Extra        []Extra
}

// UnknownFlags are words of an object's status and flags lists that are not
// known here. An unknown word in Status forbids changing the group; one in
// Flags may be ignored.
type UnknownFlags struct {
	Status []string
	Flags  []string
}

// Extra is a field or section that is not known here. It is printed back right
// after the field named After (empty: as the first).
type Extra struct {
	After string
	Entry Entry
}

// Header is the block of fields beside the group: who wrote the text, when, why.
type Header struct {
	Generator    string // "LVM2 version 2.03.16(2) (2022-05-18)"
	Description  string
	CreationHost string
	HostDetails  string // the comment after creation_host: uname's fields
	SystemID     string // creation_host_system_id
	CreationTime time.Time
	Extra        []Extra
}

// Document is one whole metadata text: a group and its header.
type Document struct {
	Header Header
	VG     *VolumeGroup
}
