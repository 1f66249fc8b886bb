package lvm

import (
	"context"

	"github.com/lvm-go/lvm/dm"
)

// fsHost is what file systems need of the machine that they are mounted on.
type fsHost interface {
	// use says where the file system is mounted.
	use(fsPlace) (fsUse, error)
	// size returns the size of one that is mounted at place.dir.
	size(fsPlace) (Bytes, error)
	// resize gives one another size through the kernel, mounted or not.
	resize(place fsPlace, to Bytes) error
	// try mounts one where nobody sees it, and unmounts it again.
	try(fsPlace) error
	// tool returns the absolute path of a program, which may be given; false if there
	// is none.
	tool(name string) (string, bool)
	// run runs it on a device and returns what it printed and its exit status.
	// One that is critical is not interrupted when ctx ends.
	run(ctx context.Context, critical bool, tool string, args ...string) (output string, status int, err error)
}

// fsPlace is where a file system lies.
type fsPlace struct {
	kind  string // the kernel's name of its type
	dev   dm.Dev
	path  string // of the device's node
	dir   string // where it is mounted; empty: nowhere that we see
	block Bytes
	devid uint64 // btrfs
}

// fsUse says how a file system is mounted.
type fsUse struct {
	mounted bool // also if only others see it
	mounts  []fsMount
	fixed   string // why it cannot be resized there; empty if it can
}

// fsMount is a place where a file system is mounted.
type fsMount struct {
	dir      string
	readOnly bool // there, or altogether
}

// realFS is the host that this process runs on.
type realFS struct{ toolDirs []string }

func newRealFS() realFS {
	return realFS{toolDirs: []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"}}
}
