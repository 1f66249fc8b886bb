//go:build !linux

package lvm

import (
	"fmt"
	"os"
)

// errNoBlockDevices: block devices are for Linux; elsewhere, files are.
var errNoBlockDevices = fmt.Errorf("block devices on this operating system: %w", ErrUnsupported)

// openDevice opens the regular file at path, and nothing else.
func openDevice(path string, mode openMode) (Device, error) {
	fail := func(err error) (Device, error) { return nil, &DeviceError{"open", path, pathCause(err)} }
	// To open some other file could wait forever, or set something off.
	before, err := os.Stat(path)
	switch {
	case err != nil:
		return fail(err)
	case isBlockMode(before.Mode()):
		return fail(errNoBlockDevices)
	case !isDeviceMode(before.Mode()):
		return fail(errNotDevice)
	}
	flag := os.O_RDONLY
	if mode.write {
		flag = os.O_RDWR
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return fail(err)
	}
	if after, err := f.Stat(); err != nil || !after.Mode().IsRegular() {
		_ = f.Close() // nothing was written
		return fail(errNotDevice)
	}
	return &imageFile{file: f, path: path, write: mode.write}, nil
}

// findBlockUser returns nobody: there are no block devices.
func findBlockUser(deviceNumber) (string, error) { return "", nil }

// deviceBusy returns who uses the block device at path. Regular files are
// nobody's here, and there are no others.
func deviceBusy(string) (string, error) { return "", nil }

// devicePartitions returns the names of the partitions on the block device at
// path. None are known here.
func devicePartitions(string) ([]string, error) { return nil, nil }
