package lvm

import (
	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// Types of metadata and dm that appear in this package's API, so that most programs
// need not import that package.
type (
	// ID is the UUID of a volume or group; its zero value is none.
	ID = metadata.ID
	// Allocation is a policy: where new extents may be.
	Allocation = metadata.Allocation
	// ReadAhead is how far the kernel reads ahead on a logical volume: a number of
	// sectors, ReadAheadAuto or ReadAheadNone.
	ReadAhead = metadata.ReadAhead
	// Area is where one stripe of a segment lies.
	Area = metadata.Area
	// Percent is a share in hundredths of a percent, as lvs prints it.
	Percent = dm.Percent
)

// ParseID reads a UUID, with or without dashes.
func ParseID(s string) (ID, error) { return metadata.ParseID(s) }

// Allocation policies.
const (
	AllocInherit    = metadata.AllocInherit
	AllocContiguous = metadata.AllocContiguous
	AllocCling      = metadata.AllocCling
	AllocNormal     = metadata.AllocNormal
	AllocAnywhere   = metadata.AllocAnywhere
)

// Read-ahead that is no number of sectors.
const (
	ReadAheadAuto = metadata.ReadAheadAuto // what suits the stripes and the disks
	ReadAheadNone = metadata.ReadAheadNone
)
