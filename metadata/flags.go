package metadata

// VGStatus is the status of a volume group.
type VGStatus uint32

// The words of a group's status and flags lists.
const (
	VGExported       VGStatus = 1 << iota // exported: not to be used until imported
	VGResizeable                          // PVs may be added and removed
	VGPvmove                              // legacy
	VGRead                                // may be read
	VGWrite                               // may be changed
	VGWriteLocked                         // as VGWrite, hidden from tools that know no system id
	VGNoAutoactivate                      // LVs do not come up by themselves
	VGClustered                           // of the former clustered LVM
	VGShared                              // legacy
	VGPartial                             // incomplete, only ever read
)

// PVStatus is the status of a physical volume in its group.
type PVStatus uint32

// The words of a physical volume's status and flags lists.
const (
	PVAllocatable PVStatus = 1 << iota // extents may be taken from it
	PVExported                         // its group is exported
	PVMissing                          // it was absent when the group was last changed
)

// LVStatus is the status of a logical volume.
type LVStatus uint32

// The words of a logical volume's status and flags lists.
const (
	LVRead           LVStatus = 1 << iota // may be read
	LVWrite                               // may be written
	LVWriteLocked                         // as LVWrite, hidden from tools that know no system id
	LVFixedMinor                          // has a fixed device number
	LVVisible                             // not internal to another LV
	LVPvmove                              // moves extents between PVs
	LVLocked                              // some of its extents are being moved
	LVNotSynced                           // mirror or raid whose first synchronisation was skipped
	LVRebuild                             // raid image to be rebuilt
	LVWriteMostly                         // raid1 image to be read last
	LVActivationSkip                      // not activated unless forced
	LVNoAutoactivate                      // does not come up by itself
	LVErrorWhenFull                       // thin pool that fails writes when it is full
	LVCacheVol                            // used as a cache
)

// Allocation is a policy for choosing extents.
type Allocation uint8

// The policies. For a group, AllocInherit means AllocNormal.
const (
	AllocInherit Allocation = iota
	AllocContiguous
	AllocCling
	AllocClingByTags
	AllocNormal
	AllocAnywhere
)

func (a Allocation) String() string                { return "" }
func ParseAllocation(s string) (Allocation, error) { return 0, ErrInvalid }

// ReadAhead is a logical volume's read-ahead: a number of sectors, or one of
// the constants.
type ReadAhead int64

// Read-ahead that is not a number of sectors.
const (
	ReadAheadAuto ReadAhead = 0
	ReadAheadNone ReadAhead = -1
)
