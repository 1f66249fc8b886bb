package lvm

import (
	"io"

	"github.com/lvm-go/lvm/units"
)

// Device is what a physical volume lives on: a block device, a plain file, or
// anything else that can do this.
//
// Reads and writes may have any offset and length, and may come from several
// goroutines at once. None goes beyond Size: a write there is an error, never
// growth.
type Device interface {
	io.ReaderAt
	io.WriterAt
	// Sync returns once all that was written will survive a loss of power.
	Sync() error
	// Size returns the length of the device.
	Size() (units.Bytes, error)
	Close() error
}

// deviceNumber is the number the kernel knows a block device by.
type deviceNumber struct{ major, minor uint32 }

// deviceFacts is what there is to know of a device besides its bytes.
type deviceFacts struct {
	block     bool         // a block device; everything below number holds for any
	number    deviceNumber // 0:0 if not a block device
	readOnly  bool         // refuses writes
	blockSize units.Bytes  // logical block size; 512 if not a block device

	// Where I/O had best begin and how long it had best be; 0: not known.
	minimumIO       units.Bytes
	optimalIO       units.Bytes
	alignmentOffset units.Bytes // from the device's start to its first aligned byte
	mdStripeWidth   units.Bytes // of an MD array with stripes: all data chunks of one
}

// openMode says what a device is opened for.
type openMode struct {
	write     bool
	exclusive bool // block devices: refused while anybody uses it
}

// DeviceError reports a device that cannot be used, and why.
type DeviceError struct {
	Op   string // "open", "read", "write", ...
	Path string
	Err  error
}

// Error names the operation, the device and the reason.
func (e *DeviceError) Error() string { return e.Op + " " + e.Path + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *DeviceError) Unwrap() error { return e.Err }

// openFileDevice opens a regular file or a block device.
func openFileDevice(path string, write bool) (Device, error) {
	return openDevice(path, openMode{write: write})
}

// factsOf returns the facts of d, as far as it tells them.
func factsOf(d Device) deviceFacts {
	if f, ok := d.(interface{ facts() deviceFacts }); ok {
		return f.facts()
	}
	return deviceFacts{blockSize: units.SectorSize}
}

// openDevice opens a regular file or a block device; nothing else is touched.
func openDevice(path string, mode openMode) (Device, error) {
	return nil, &DeviceError{"open", path, ErrUnsupported}
}

// deviceBusy returns who uses the block device at path, in words, or "".
func deviceBusy(path string) (string, error) { return "", nil }
