//go:build !linux

package dm

import "syscall"

// errRemoved does not happen: there is no semaphore.
const errRemoved = syscall.ENOSYS

// UdevRunning is false: there is no udev on this system.
func UdevRunning() bool { return false }

func newSemaphore(uint32) (semaphore, error) { return nil, ErrUnsupported }
