package iocheck

import (
	"errors"
	"os"
	"syscall"
)

// openDirect opens a device around the kernel's cache, or a file where that
// cannot be.
func openDirect(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, flags|syscall.O_DIRECT, 0)
	if errors.Is(err, syscall.EINVAL) {
		f, err = os.OpenFile(path, flags, 0)
	}
	return f, err
}
