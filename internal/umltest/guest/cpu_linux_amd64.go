package guest

import (
	"fmt"
	"os"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// takeCPU chooses the one host CPU on which all of a guest runs. Its kernel and
// its processes are host processes that hand over to each other at each system
// call, and across CPUs that costs ten times as much. The lock on the CPU's
// folder in sysfs keeps guests on different CPUs while there are free ones; it
// leaves nothing behind, and holds until lock is closed.
func takeCPU() (cpu int, lock *os.File, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 0, nil, errors.Wrap(err, "read the usable CPUs")
	}
	var usable []int
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			usable = append(usable, i)
		}
	}
	if len(usable) == 0 {
		return 0, nil, errors.New("no usable CPU")
	}
	for i := len(usable) - 1; i >= 0; i-- {
		f, err := os.Open(fmt.Sprintf("/sys/devices/system/cpu/cpu%d", usable[i]))
		if err != nil {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			return usable[i], f, nil
		}
		_ = f.Close()
	}
	return usable[os.Getpid()%len(usable)], nil, nil
}
