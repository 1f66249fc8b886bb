package dm

import "strconv"

// Version is the version of the device-mapper's interface, or of a target.
type Version struct{ Major, Minor, Patch uint32 }

// String prints v as "4.47.0".
func (v Version) String() string {
	return strconv.FormatUint(uint64(v.Major), 10) + "." +
		strconv.FormatUint(uint64(v.Minor), 10) + "." +
		strconv.FormatUint(uint64(v.Patch), 10)
}

// AtLeast says whether v is major.minor or later.
func (v Version) AtLeast(major, minor uint32) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// TargetVersion is a target type that the kernel has loaded.
type TargetVersion struct {
	Name    string
	Version Version
}
