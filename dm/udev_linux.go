package dm

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errRemoved is the errno of an operation on a semaphore that is gone.
const errRemoved = syscall.EIDRM

// udevControl is the socket that udev has while it runs.
const udevControl = "/run/udev/control"

// UdevRunning says whether udev runs, and a cookie is of use.
func UdevRunning() bool {
	_, err := os.Stat(udevControl)
	return err == nil
}

// sysvSemaphore is a set of one semaphore, by its identifier.
type sysvSemaphore int

// sembuf is one operation on a set. Source: linux include/uapi/linux/sem.h,
// struct sembuf.
type sembuf struct {
	num   uint16
	op    int16
	flags int16
}

func newSemaphore(key uint32) (semaphore, error) {
	id, err := semget(key, 1, unix.IPC_CREAT|unix.IPC_EXCL|0o600)
	if err != nil {
		return nil, err
	}
	return sysvSemaphore(id), nil
}

// add changes the value and does not wait.
func (s sysvSemaphore) add(n int16) error {
	return semtimedop(int(s), &sembuf{op: n, flags: unix.IPC_NOWAIT}, nil)
}

func (s sysvSemaphore) waitZero(max time.Duration) error {
	t := unix.NsecToTimespec(max.Nanoseconds())
	return semtimedop(int(s), &sembuf{}, &t)
}

func (s sysvSemaphore) remove() error { return semrm(int(s)) }

func toErr(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
