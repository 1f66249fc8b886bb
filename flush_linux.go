package lvm

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvm-go/lvm/dm"
)

// flushDevice has what is cached of a device written back: of the file systems
// that are mounted from it, and of what is written to its node. What cannot be
// opened is left alone.
func flushDevice(node string, dev dm.Dev) {
	each := func(path string, flush func(fd int) error) {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		_ = flush(fd) // what is not written back now is when the device is suspended
		_ = unix.Close(fd)
	}
	mounts, err := os.ReadFile(filepath.Join(procRoot, "self/mountinfo"))
	if err == nil {
		for line := range strings.Lines(string(mounts)) {
			if m, ok := parseMount(line); ok && m.number == dev.String() && !m.readOnly {
				each(m.dir, unix.Syncfs)
				break
			}
		}
	}
	each(node, unix.Fsync)
}
