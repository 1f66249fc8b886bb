package lvm

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"

	"github.com/lvm-go/lvm/units"
)

// openDevice opens the regular file or block device at path. Nothing else is
// opened, as that could wait forever, or set something off.
func openDevice(path string, mode openMode) (Device, error) {
	fail := func(err error) (Device, error) { return nil, &DeviceError{"open", path, pathCause(err)} }
	before, err := os.Stat(path)
	if err != nil {
		return fail(err)
	}
	if !isDeviceMode(before.Mode()) {
		return fail(errNotDevice)
	}
	flags := unix.O_RDONLY
	if mode.write {
		flags = unix.O_RDWR
	}
	if !isBlockMode(before.Mode()) {
		f, err := openAs(path, flags, before)
		if err != nil {
			return fail(err)
		}
		return &imageFile{file: f, path: path, write: mode.write}, nil
	}
	if mode.exclusive {
		flags |= unix.O_EXCL
	}
	f, err := openAs(path, flags|unix.O_DIRECT, before)
	direct := err == nil
	if errors.Is(err, unix.EINVAL) {
		f, err = openAs(path, flags, before)
	}
	switch {
	case errors.Is(err, unix.EBUSY):
		return fail(fmt.Errorf("%w: %w", ErrBusy, err))
	case err != nil:
		return fail(err)
	}
	d, err := newBlockDevice(f, path, mode.write, direct)
	if err != nil {
		_ = f.Close() // nothing was written
		return fail(err)
	}
	return d, nil
}

// openAs opens the file at path, if it is still the one that was seen before.
func openAs(path string, flags int, before os.FileInfo) (*os.File, error) {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	for err == unix.EINTR {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	}
	if err != nil {
		return nil, err
	}
	// O_NONBLOCK was against a fifo put in place of the file just now.
	if err := unix.SetNonblock(fd, false); err != nil {
		_ = unix.Close(fd) // nothing was written
		return nil, err
	}
	f := os.NewFile(uintptr(fd), path)
	if after, err := f.Stat(); err != nil || !os.SameFile(before, after) || before.Mode().Type() != after.Mode().Type() {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("replaced while it was opened: %w", ErrBusy)
	}
	return f, nil
}

// blockDevice is a block device, read and written past the page cache where the
// kernel lets us: what others wrote is seen, and what we write does not wait
// for memory that might have to be cleaned through the same device.
type blockDevice struct {
	file   *os.File
	path   string
	known  deviceFacts
	direct *alignedIO // nil: through the page cache
}

func newBlockDevice(f *os.File, path string, write, direct bool) (*blockDevice, error) {
	number, err := blockNumber(f)
	if err != nil {
		return nil, err
	}
	fd := int(f.Fd())
	blockSize, err := unix.IoctlGetUint32(fd, unix.BLKSSZGET)
	if err != nil {
		return nil, errors.Wrap(err, "get logical block size")
	}
	if blockSize < uint32(units.SectorSize) || blockSize > maxBlockSize || blockSize&(blockSize-1) != 0 {
		return nil, fmt.Errorf("logical block size of %d bytes: %w", blockSize, ErrUnsupported)
	}
	readOnly, err := unix.IoctlGetUint32(fd, unix.BLKROGET)
	if err != nil {
		return nil, errors.Wrap(err, "get read-only flag")
	}
	d := &blockDevice{file: f, path: path, known: deviceFacts{
		block:     true,
		number:    number,
		readOnly:  !write || readOnly != 0,
		blockSize: units.Bytes(blockSize),
		topology:  readTopology(sysfsRoot, number),
	}}
	if direct {
		d.direct = &alignedIO{dev: f, blockSize: int64(blockSize)}
	}
	return d, nil
}

// blockNumber returns the number of the block device that f is open on.
func blockNumber(f *os.File) (deviceNumber, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return deviceNumber{}, errors.Wrap(err, "get device number")
	}
	return deviceNumber{unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))}, nil
}

// ReadAt reads from the device; io.EOF at its end.
func (d *blockDevice) ReadAt(p []byte, off int64) (int, error) {
	n, err := d.readAt(p, off)
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, &DeviceError{"read", d.path, pathCause(err)}
}

func (d *blockDevice) readAt(p []byte, off int64) (int, error) {
	if d.direct == nil {
		return d.file.ReadAt(p, off)
	}
	if off < 0 {
		return 0, fmt.Errorf("byte %d: %w", off, os.ErrInvalid)
	}
	size, err := d.size()
	if err != nil {
		return 0, err
	}
	return d.direct.readAt(p, off, size)
}

// WriteAt writes to the device.
func (d *blockDevice) WriteAt(p []byte, off int64) (int, error) {
	n, err := d.writeAt(p, off)
	if err != nil {
		return n, &DeviceError{"write", d.path, pathCause(err)}
	}
	return n, nil
}

func (d *blockDevice) writeAt(p []byte, off int64) (int, error) {
	size, err := d.size()
	if err != nil {
		return 0, err
	}
	if err := checkRange(p, off, units.Bytes(size)); err != nil {
		return 0, err
	}
	if d.direct == nil {
		return d.file.WriteAt(p, off)
	}
	return d.direct.writeAt(p, off)
}

// Sync flushes the page cache and the device's own.
func (d *blockDevice) Sync() error {
	err := unix.Fdatasync(int(d.file.Fd()))
	for err == unix.EINTR {
		err = unix.Fdatasync(int(d.file.Fd()))
	}
	if err != nil {
		return &DeviceError{"sync", d.path, err}
	}
	return nil
}

// Size returns the length of the device as it is now.
func (d *blockDevice) Size() (units.Bytes, error) {
	size, err := d.size()
	if err != nil {
		return 0, &DeviceError{"get size of", d.path, pathCause(err)}
	}
	return units.Bytes(size), nil
}

// size asks for the end of the device. Nothing else uses the file's position.
func (d *blockDevice) size() (int64, error) { return d.file.Seek(0, io.SeekEnd) }

// Close closes the device. What was not synced may still be lost.
func (d *blockDevice) Close() error {
	if err := d.file.Close(); err != nil {
		return &DeviceError{"close", d.path, pathCause(err)}
	}
	return nil
}

func (d *blockDevice) facts() deviceFacts { return d.known }

// findBlockUser returns who uses the block device of that number, as far as the
// kernel shows it: a mount, a holder, swap; "" if nobody does.
func findBlockUser(number deviceNumber) (string, error) {
	return findUser(sysfsRoot, procRoot, number)
}

// devicePartitions returns the names of the partitions that the kernel has on the
// block device at path.
func devicePartitions(path string) ([]string, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return nil, &DeviceError{"stat", path, err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return nil, nil
	}
	dir, err := blockDir(sysfsRoot, deviceNumber{unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))})
	if err != nil {
		return nil, &DeviceError{"find", path, pathCause(err)}
	}
	found, err := filepath.Glob(filepath.Join(dir, "*/partition"))
	if err != nil {
		return nil, &DeviceError{"list partitions of", path, err}
	}
	for i, file := range found {
		found[i] = filepath.Base(filepath.Dir(file))
	}
	return found, nil
}

// deviceBusy returns who uses the block device at path, in words: a mount, a
// holder, swap, a program. It is "" for one that is free, and for regular files.
func deviceBusy(path string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return "", &DeviceError{"stat", path, err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return "", nil
	}
	number := deviceNumber{unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))}
	user, err := findBlockUser(number)
	if user != "" || err != nil {
		return user, err
	}
	d, err := openDevice(path, openMode{exclusive: true})
	if errors.Is(err, ErrBusy) {
		return "opened exclusively by a program", nil
	}
	if err != nil {
		return "", err
	}
	return "", d.Close()
}
