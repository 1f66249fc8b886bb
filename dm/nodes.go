package dm

import "github.com/pkg/errors"

// Nodes keeps the nodes of mapped devices in a directory, where udev does not.
// The zero value does it as lvm2 does.
//
// A node is a block device of its own, of user root and group disk (6), mode
// 0660; where the process may not make one, a symbolic link to DevDir/dm-N, if
// the kernel has made that. A link is the second choice: it leads to another
// device once N is used again, and lvm2 before 2.03.40 leaves it in place then.
//
// What is neither a link nor a block device is never replaced or removed, and no
// name leads out of the directory. Errors are of type *Error.
//
// Never call these methods while a device is suspended.
type Nodes struct {
	// Dir is the directory; "/dev/mapper" if empty.
	Dir string
	// DevDir is where the kernel makes its nodes dm-N; "/dev" if empty.
	DevDir string
}

const (
	nodeMode  = 0o660
	nodeUser  = 0
	nodeGroup = 6 // disk
)

func (n Nodes) dir() string {
	if n.Dir == "" {
		return "/dev/mapper"
	}
	return n.Dir
}

func (n Nodes) devDir() string {
	if n.DevDir == "" {
		return "/dev"
	}
	return n.DevDir
}

// checkNode refuses names that lead elsewhere, or to the control node.
func checkNode(op, name string) error {
	if err := CheckName(name); err != nil {
		return &Error{Op: op, Device: name, Kind: err}
	}
	return nil
}

// occupied is the error for a name that belongs to something else.
func occupied(op, name string) error {
	return &Error{Op: op, Device: name, Kind: errors.WithMessage(ErrExists, "neither a link nor a block device")}
}

// The operations, as errors name them.
const (
	opAddNode    = "add node"
	opRemoveNode = "remove node"
	opRenameNode = "rename node"
	opReadAhead  = "set read-ahead"
)
