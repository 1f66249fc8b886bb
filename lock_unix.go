//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package lvm

import (
	"os"
	"syscall"
)

// haveFlock: locks hold between processes.
const haveFlock = true

// tryFlock locks the open file f if nobody else holds it. A lock that f has
// already is converted.
func tryFlock(f *os.File, exclusive bool) (bool, error) {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	switch err := flock(f, how|syscall.LOCK_NB); err {
	case nil:
		return true, nil
	case syscall.EWOULDBLOCK:
		return false, nil
	default:
		return false, err
	}
}

// unflock releases the lock on the open file f.
func unflock(f *os.File) error { return flock(f, syscall.LOCK_UN) }

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}
