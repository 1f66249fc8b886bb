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
// [*Snapshot], [*Mirror], [*ThinPool], [*Thin], [*RAID], [*CachePool], [*Cache],
// [*WriteCache], [*Integrity], [*VDO], [*VDOPool], or [*Opaque]. Bodies are
// never changed once they are part of a group: a change makes a new one.
type Body interface {
	// Areas returns the areas that the segment maps: where its extents lie. It is
	// nil if it has none or if they are not known.
	Areas() []Area

	// Parts returns the logical volumes that belong to the segment beside its
	// areas, and to no other: metadata, a log, a cache.
	Parts() []ID

	// Uses returns the logical volumes that the segment needs and shares with
	// others: a pool, an external origin.
	Uses() []ID

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

// ThinPool is the body of the segment of a thin pool: a store of chunks, and the
// metadata that says which thin volume has which of them. Its area is Data.
//
// Source: LVM2 thin-pool segment; checked against testdata/corpus.
type ThinPool struct {
	Metadata, Data ID // LVs

	// TransactionID is raised with each change to the set of thin volumes. The
	// kernel has it too, in the metadata of the pool.
	TransactionID uint64

	ChunkSize     units.Sectors
	Discards      Discards
	ZeroNewBlocks bool
	Crop          Choice        // whether metadata beyond 15.81 GiB is left unused
	Messages      []ThinMessage // what the kernel has yet to be told
}

// ThinMessage is a change to the set of thin volumes that the kernel has yet to
// be told.
type ThinMessage struct {
	Create ID     // LV; zero: a volume is deleted
	Delete uint32 // device id, if Create is zero
}

// Thin is the body of the segment of a thin volume or thin snapshot. It has no
// areas: which chunks it has, only the metadata of its pool says.
//
// Source: LVM2 thin segment; checked against testdata/corpus.
type Thin struct {
	Pool           ID     // LV
	TransactionID  uint64 // of the pool when the volume was made
	DeviceID       uint32 // of the volume in its pool; 24 bits
	ExternalOrigin ID     // LV, outside of the pool, that has what was never written; zero: none
	Origin         ID     // LV that it is a snapshot of; zero: none. For information: origins may form a ring
	Merge          ID     // LV that it is being merged into; zero: none
}

// RAID is the body of a raid segment of any level. Its areas are the images.
//
// The extents of a segment that is reshaped, [Segment.ReshapeCount] in each
// image, are part of its Count.
//
// Source: LVM2 raid segment; checked against testdata/corpus.
type RAID struct {
	Legs        []RAIDLeg
	Copies      uint32 // data_copies, of raid10: two
	RegionSize  units.Sectors
	StripeSize  units.Sectors
	WriteBehind uint32 // outstanding writes to images that are written mostly; 0: the kernel's default
	MinRate     uint32 // KiB/s of synchronisation for each image; 0: not limited
	MaxRate     uint32

	// DataOffset is where the data begins in each image during a reshape. That it
	// is there and 0 differs from that it is not there.
	DataOffset    units.Sectors
	HasDataOffset bool
}

// RAIDLeg is one image of a raid with its metadata. Both are LVs.
type RAIDLeg struct {
	Meta  ID // zero: none
	Image ID
}

// CachePool is the body of the segment of a cache pool. Its area is Data.
//
// Source: LVM2 cache-pool segment; checked against testdata/corpus.
type CachePool struct {
	Data, Metadata ID // LVs
	CacheSettings
}

// CacheSettings is how a cache works. Those of a cache with a pool are the
// pool's.
type CacheSettings struct {
	MetadataFormat uint32 // 1 or 2; 0: not selected, or a text from before there was 2
	ChunkSize      units.Sectors
	Mode           string    // writethrough, writeback, passthrough; "": not selected
	Policy         string    // smq, mq, cleaner; "": not selected
	Settings       []Setting // of the policy
}

// Setting is a parameter that is handed to the kernel by its name.
type Setting struct {
	Key   string
	Value string // an integer, unless IsText
	// IsText says that the metadata text has the value in quotes.
	IsText bool
}

// Cache is the body of the segment of a cached volume. Its area is Origin.
//
// It has either a cache pool, or a cachevol: a volume that has both data and
// metadata of the cache. The segment's type has the flag CACHE_USES_CACHEVOL
// then. What follows Cleaner is there with a cachevol only.
//
// Source: LVM2 cache segment; checked against testdata/corpus.
type Cache struct {
	Pool    ID // LV: a cache pool, or the cachevol
	Origin  ID // LV
	Cleaner bool

	CacheSettings
	MetadataStart, MetadataLen units.Sectors // in the cachevol
	DataStart, DataLen         units.Sectors
	MetadataID, DataID         ID // of the devices; zero: that of the cachevol
}

// WriteCache is the body of the segment of a volume whose writes are cached. Its
// area is Origin.
//
// Source: LVM2 writecache segment; checked against testdata/corpus.
type WriteCache struct {
	Cache     ID // LV
	Origin    ID // LV
	BlockSize units.Bytes
	Settings  []Setting // high_watermark, low_watermark, ...: as the kernel calls them

	// OtherKey is a parameter that LVM2 has no field for, if there is one, and
	// OtherValue is what it is.
	OtherKey, OtherValue string
}

// Integrity is the body of the segment of a volume with a checksum for each
// block: of an image of a raid. Its area is Origin.
//
// Source: LVM2 integrity segment; checked against testdata/corpus.
type Integrity struct {
	Origin       ID // LV
	Meta         ID // LV with the checksums; zero: they lie among the data
	DataSectors  units.Sectors
	Mode         string // J: journal, B: bitmap, D: direct, R: recovery
	TagSize      uint32 // bytes
	BlockSize    units.Bytes
	InternalHash string
	Recalculate  bool
	Settings     []Setting // journal_sectors, commit_time, ...: as the kernel calls them
}

// VDO is the body of the segment of a volume in a vdo pool.
//
// Source: LVM2 vdo segment.
type VDO struct {
	Pool   ID            // LV
	Offset units.Extents // in the virtual space of the pool
}

// VDOPool is the body of the segment of a vdo pool. Its area is Data.
//
// Source: LVM2 vdo-pool segment.
type VDOPool struct {
	Data           ID            // LV
	HeaderSize     units.Sectors // before and behind the virtual space
	VirtualExtents units.Extents

	Compression, Deduplication, MetadataHints, SparseIndex bool

	MinimumIOSize     units.Bytes
	BlockMapCacheSize uint32 // MiB
	BlockMapEraLength uint32 // blocks of 4 KiB
	IndexMemorySize   uint32 // MiB
	MaxDiscard        uint32 // blocks of 4 KiB
	SlabSize          uint32 // MiB

	AckThreads, BioThreads, BioRotation, CPUThreads  uint32
	HashZoneThreads, LogicalThreads, PhysicalThreads uint32

	WritePolicy string // sync, async, async-unsafe; "": as the storage needs
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
