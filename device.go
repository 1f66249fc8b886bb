package lvm

import (
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/units"
)

// Device is what a physical volume lives on: a block device, a plain file, or
// anything else that can do this.
//
// Reads and writes may have any offset and length, and may come from several
// goroutines at once. None goes beyond Size: a write there is an error and
// writes nothing.
type Device interface {
	io.ReaderAt
	io.WriterAt
	// Sync returns once all that was written will survive a loss of power.
	Sync() error
	// Size returns the length of the device.
	Size() (units.Bytes, error)
	Close() error
}

// deviceNumber is the number that the kernel knows a block device by.
type deviceNumber struct{ major, minor uint32 }

// String returns the number as "8:1".
func (n deviceNumber) String() string { return fmt.Sprintf("%d:%d", n.major, n.minor) }

// deviceFacts is what there is to know of a device besides its bytes.
type deviceFacts struct {
	block     bool         // a block device
	number    deviceNumber // 0:0 if not a block device
	readOnly  bool         // not opened for writing, or it refuses writes
	blockSize units.Bytes  // logical block size; 512 if not a block device
	topology  topology     // zero if not a block device
}

// topology is where on a block device I/O had best begin, and how long it had
// best be. What is 0 is not known.
type topology struct {
	minimumIO       units.Bytes
	optimalIO       units.Bytes
	alignmentOffset units.Bytes // from the device's start to its first aligned byte
	mdStripeWidth   units.Bytes // of an MD array with stripes: the data chunks of one
}

// openMode says what a device is opened for.
type openMode struct {
	write     bool
	exclusive bool // of block devices: refused while anybody else uses it
}

// DeviceError reports what could not be done with a device. One that is in use
// matches ErrBusy, and what is neither a regular file nor a block device
// matches ErrUnsupported.
type DeviceError struct {
	Op   string // "open", "read", "write", "sync", ...
	Path string
	Err  error
}

// Error names the operation, the device and the reason.
func (e *DeviceError) Error() string { return e.Op + " " + e.Path + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *DeviceError) Unwrap() error { return e.Err }

// errNotDevice: something that can be opened, but no data be kept on.
var errNotDevice = fmt.Errorf("neither a regular file nor a block device: %w", ErrUnsupported)

// openFileDevice opens the regular file or block device at path. Errors are
// of type *DeviceError.
func openFileDevice(path string, write bool) (Device, error) {
	return openDevice(path, openMode{write: write})
}

// openImage is openFileDevice where there is no kernel to ask which volumes are
// active: a block device that something uses, such as their tables, is opened
// for reading only.
func openImage(path string, write bool) (Device, error) {
	d, err := openFileDevice(path, write)
	if err != nil || !write || !factsOf(d).block {
		return d, err
	}
	user, err := findBlockUser(factsOf(d).number)
	if err == nil && user != "" {
		err = fault(ErrBusy, "%s: a System with KernelDM can change it", user)
	}
	if err != nil {
		_ = d.Close() // nothing was written
		return nil, &DeviceError{"open", path, err}
	}
	return d, nil
}

// factsOf returns the facts of d, as far as it tells them.
func factsOf(d Device) deviceFacts {
	if f, ok := d.(interface{ facts() deviceFacts }); ok {
		return f.facts()
	}
	return deviceFacts{blockSize: units.SectorSize}
}

// sameDevice reports whether a and b are one device under two names, as far as
// that can be told.
func sameDevice(a, b Device) bool {
	if fa, fb := factsOf(a), factsOf(b); fa.block || fb.block {
		return fa.block && fb.block && fa.number == fb.number
	}
	fa, aIsFile := a.(*imageFile)
	fb, bIsFile := b.(*imageFile)
	if !aIsFile || !bIsFile {
		return false
	}
	infoA, errA := fa.file.Stat()
	infoB, errB := fb.file.Stat()
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// isDeviceMode reports whether a file of that mode can be a device.
func isDeviceMode(mode fs.FileMode) bool { return mode.IsRegular() || isBlockMode(mode) }

func isBlockMode(mode fs.FileMode) bool {
	return mode&fs.ModeDevice != 0 && mode&fs.ModeCharDevice == 0
}

// imageFile is a device in a regular file.
type imageFile struct {
	file  *os.File
	path  string
	write bool
}

// ReadAt reads from the file; io.EOF at its end.
func (d *imageFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := d.file.ReadAt(p, off)
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, &DeviceError{"read", d.path, pathCause(err)}
}

// WriteAt writes to the file as far as it goes now: an image does not grow.
func (d *imageFile) WriteAt(p []byte, off int64) (int, error) {
	size, err := d.Size()
	if err != nil {
		return 0, err
	}
	if err := checkRange(p, off, size); err != nil {
		return 0, &DeviceError{"write", d.path, err}
	}
	n, err := d.file.WriteAt(p, off)
	if err != nil {
		return n, &DeviceError{"write", d.path, pathCause(err)}
	}
	return n, nil
}

// Sync flushes the file.
func (d *imageFile) Sync() error {
	if err := d.file.Sync(); err != nil {
		return &DeviceError{"sync", d.path, pathCause(err)}
	}
	return nil
}

// Size returns the length of the file.
func (d *imageFile) Size() (units.Bytes, error) {
	info, err := d.file.Stat()
	if err != nil {
		return 0, &DeviceError{"get size of", d.path, pathCause(err)}
	}
	return units.Bytes(info.Size()), nil
}

// Close closes the file.
func (d *imageFile) Close() error {
	if err := d.file.Close(); err != nil {
		return &DeviceError{"close", d.path, pathCause(err)}
	}
	return nil
}

func (d *imageFile) facts() deviceFacts {
	return deviceFacts{readOnly: !d.write, blockSize: units.SectorSize}
}

// checkRange refuses to write p at off if it is not all within size.
func checkRange(p []byte, off int64, size units.Bytes) error {
	if off < 0 || units.Bytes(off) > size || units.Bytes(len(p)) > size-units.Bytes(off) {
		return fmt.Errorf("%d bytes at byte %d: beyond the end at byte %d: %w",
			len(p), off, uint64(size), io.ErrShortWrite)
	}
	return nil
}

// pathCause returns what is wrong without the operation and path that package
// os puts in front: the caller's error names them.
func pathCause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
