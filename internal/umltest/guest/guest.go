// Package guest runs one command inside a User-mode Linux kernel that uses the
// host's file system as its root.
//
// The kernel is Debian's user-mode-linux package: Linux with every
// device-mapper target, started as an ordinary process, without image, network
// or KVM. What happens in it reaches neither the host's block devices nor its
// device-mapper. The program that calls Run serves twice more: as the process
// that holds the guest's kernel, and as the guest's first process. So it must
// call Enter before anything else.
package guest

import (
	"errors"
	"io"
	"time"
)

// Reasons why a command did not end by itself. They are matched by the error
// that Run returns.
var (
	ErrUnavailable = errors.New("user-mode linux cannot be used")
	ErrTimeout     = errors.New("guest ran out of time")
	ErrCrashed     = errors.New("guest kernel crashed or did not boot")
	ErrInterrupted = errors.New("guest was interrupted")
)

// Error tells how a guest ended that did not end by itself.
type Error struct {
	Reason error  // ErrTimeout, ErrCrashed or ErrInterrupted
	Log    string // the end of the guest's kernel log
}

func (e *Error) Error() string { return e.Reason.Error() }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Reason }

// Command is what to run in the guest, as root.
//
// It finds the host's files with the caller's rights, and so can change them,
// except /dev, /proc, /run, /sys and /etc/lvm, which are the guest's own. Its
// standard output and error are pipes.
type Command struct {
	Path string   // program, absolute or relative to Dir
	Args []string // with the program's name first
	Dir  string   // working directory, absolute
	Env  []string // beside the guest's own variables: see the constants Env...

	Stdin  []byte // nil: /dev/null
	Stdout io.Writer
	Stderr io.Writer

	Memory  int64         // of the guest, bytes; 0 means 1 GiB
	Timeout time.Duration // 0 means none
}

// Variables that a command in the guest finds in its environment.
const (
	// EnvScratch names a folder in the guest's memory, which is TMPDIR too.
	EnvScratch = "UML_SCRATCH"
	// EnvReport names a file. What the command writes there is in the Result.
	EnvReport = "UML_REPORT"
)

// Result is how a command ended.
type Result struct {
	Status   int      // exit status, or 128 + the signal that killed it
	Report   []byte   // what the command left in the file of EnvReport
	Warnings []string // lines of the kernel log that tell of a defect
	Log      string   // the guest's whole kernel log
}
