package dm

// Op is an operation on the control device. Each is one ioctl; Suspend and
// Resume, and Rename and SetUUID, share one.
type Op uint8

// The operations.
const (
	OpOpen Op = iota
	OpVersion
	OpRemoveAll
	OpList
	OpCreate
	OpRemove
	OpRename
	OpSetUUID
	OpSuspend
	OpResume
	OpStatus
	OpLoad
	OpClear
	OpDeps
	OpTable
	OpTargetStatus
	OpTargets
	OpMessage
	OpSetGeometry
	OpArmPoll
	OpTargetVersion
)

// command is what has to be known about the ioctl of an operation.
type command struct {
	name string
	nr   uint32
	// minor is the lowest minor version of the interface that has the command.
	minor uint32
	// flags that the operation always has.
	flags uint32
	// reply says that the kernel appends a payload to the base struct: the
	// command needs room for one.
	reply bool
	// repeatable says that the command changes nothing, so that it is repeated
	// with a larger buffer when its reply did not fit.
	repeatable bool
}

// command returns the row of op. Source: linux include/uapi/linux/dm-ioctl.h;
// the versions are those with which the kernel got the command.
func (op Op) command() command {
	switch op {
	case OpOpen:
		return command{name: "open control device"}
	case OpVersion:
		return command{name: "get version", nr: 0}
	case OpRemoveAll:
		return command{name: "remove all", nr: 1}
	case OpList:
		return command{name: "list devices", nr: 2, reply: true, repeatable: true}
	case OpCreate:
		return command{name: "create", nr: 3}
	case OpRemove:
		return command{name: "remove", nr: 4}
	case OpRename:
		return command{name: "rename", nr: 5}
	case OpSetUUID:
		return command{name: "set uuid", nr: 5, minor: 19, flags: flagUUID}
	case OpSuspend:
		return command{name: "suspend", nr: 6, flags: flagSuspend}
	case OpResume:
		return command{name: "resume", nr: 6}
	case OpStatus:
		return command{name: "status", nr: 7}
	case OpLoad:
		return command{name: "load", nr: 9}
	case OpClear:
		return command{name: "clear", nr: 10}
	case OpDeps:
		return command{name: "deps", nr: 11, reply: true, repeatable: true}
	case OpTable:
		return command{name: "table", nr: 12, flags: flagStatusTable, reply: true, repeatable: true}
	case OpTargetStatus:
		return command{name: "target status", nr: 12, reply: true, repeatable: true}
	case OpTargets:
		return command{name: "list targets", nr: 13, minor: 1, reply: true, repeatable: true}
	case OpMessage:
		return command{name: "message", nr: 14, minor: 2, reply: true}
	case OpSetGeometry:
		return command{name: "set geometry", nr: 15, minor: 6}
	case OpArmPoll:
		return command{name: "arm poll", nr: 16, minor: 36}
	case OpTargetVersion:
		return command{name: "target version", nr: 17, minor: 41, reply: true, repeatable: true}
	default:
		return command{name: "unknown operation", minor: 1<<32 - 1}
	}
}

// String returns the operation as errors print it.
func (op Op) String() string { return op.command().name }

// request returns the number of the ioctl: read and write, with the size of the
// base struct and the type 0xfd. It is the same on every architecture.
func (c command) request() uintptr { return uintptr(0xc0000000 | baseSize<<16 | 0xfd<<8 | c.nr) }

// Flags of the base struct. Source: linux include/uapi/linux/dm-ioctl.h.
const (
	flagReadOnly        = 1 << 0
	flagSuspend         = 1 << 1
	flagPersistentDev   = 1 << 3
	flagStatusTable     = 1 << 4
	flagActivePresent   = 1 << 5
	flagInactivePresent = 1 << 6
	flagBufferFull      = 1 << 8
	flagSkipLockFS      = 1 << 10
	flagNoFlush         = 1 << 11
	flagQueryInactive   = 1 << 12
	flagUeventGenerated = 1 << 13
	flagUUID            = 1 << 14
	flagSecureData      = 1 << 15
	flagDataOut         = 1 << 16
	flagDeferredRemove  = 1 << 17
	flagInternalSuspend = 1 << 18
)

// Flags of a record in a list of devices.
const (
	listHasUUID = 1 << 0
	listNoUUID  = 1 << 1
)

// baseSize is the size of the base struct, dm_ioctl.
const baseSize = 312

// versionMajor is the only major version of the interface there is.
const versionMajor = 4

// minorListEvents is the version that put event numbers into the list.
const minorListEvents = 38

// controlName is the name of the control device's node.
const controlName = "control"
