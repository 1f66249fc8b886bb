package lvm

import (
	"os"
	"path/filepath"

	"github.com/lvm-go/lvm/units"
)

// deviceReadAhead returns how far the kernel reads ahead on the block device
// major:minor; 0 if that is not known.
func deviceReadAhead(number string) Sectors {
	dir, err := filepath.EvalSymlinks(filepath.Join(sysfsRoot, "dev/block", number))
	if err != nil {
		return 0
	}
	if _, err := os.Stat(filepath.Join(dir, "partition")); err == nil {
		dir = filepath.Dir(dir) // a partition has its disk's
	}
	return (readBytes(dir, "queue/read_ahead_kb") * units.KiB).Sectors()
}
