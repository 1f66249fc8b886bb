package metadata

import "strconv"

// Allocation is a policy for choosing extents.
type Allocation uint8

// The policies. To a group, AllocInherit means AllocNormal.
const (
	AllocInherit     Allocation = iota // that of the group
	AllocContiguous                    // next to the LV's last extents
	AllocCling                         // on the PVs that the LV is on
	AllocClingByTags                   // on those, or on others that have a tag in common with them
	AllocNormal                        // no two parallel stripes or legs on one PV
	AllocAnywhere                      // wherever there is room
)

func allocationNames() [6]string {
	return [...]string{"inherit", "contiguous", "cling", "cling_by_tags", "normal", "anywhere"}
}

// String returns the policy as the text has it.
func (a Allocation) String() string {
	if names := allocationNames(); int(a) < len(names) {
		return names[a]
	}
	return "allocation " + strconv.Itoa(int(a))
}

// ParseAllocation reads a policy as the text has it. The error matches
// ErrInvalid.
func ParseAllocation(s string) (Allocation, error) {
	for i, name := range allocationNames() {
		if name == s {
			return Allocation(i), nil
		}
	}
	return 0, &FormatError{Struct: "allocation policy", Got: s, Err: ErrInvalid}
}

// ReadAhead is a logical volume's read-ahead: a number of sectors, or one of
// the constants.
type ReadAhead int64

// Read-ahead that is no number of sectors.
const (
	ReadAheadAuto ReadAhead = 0  // the kernel's choice
	ReadAheadNone ReadAhead = -1 // no read-ahead
)
