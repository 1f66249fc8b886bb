package dm

import (
	"errors"
	"syscall"
)

// What an error of this package can mean, for errors.Is.
var (
	// ErrNotFound: there is no such device; of Load also: an underlying device
	// does not exist; of Load and Message: the pool has no such thin device.
	ErrNotFound = errors.New("device not found")
	// ErrExists: the name, the UUID or the minor number is taken; of Message: the
	// number of the thin device is.
	ErrExists = errors.New("device exists already")
	// ErrBusy: the device is in use; of Load also: an underlying device is
	// claimed by somebody else.
	ErrBusy = errors.New("device in use")
	// ErrInvalid: the kernel, or this package before it, refuses an argument.
	ErrInvalid = errors.New("invalid argument")
	// ErrPermission: not root, or not in the initial user namespace, or a
	// device that may not be written to.
	ErrPermission = errors.New("permission denied")
	// ErrUnsupported: the kernel or the operating system cannot do that; of
	// Message: a thin pool cannot in the mode that it is in.
	ErrUnsupported = errors.New("not supported")
	// ErrNoControl: there is no device-mapper in the kernel, or no way to its
	// control device.
	ErrNoControl = errors.New("no device-mapper")
	// ErrTooLarge: the kernel's answer does not fit into the largest buffer.
	ErrTooLarge = errors.New("reply too large")
	// ErrMalformed: the kernel's answer makes no sense.
	ErrMalformed = errors.New("malformed reply")
)

// Error is a failed operation. It matches (errors.Is) its Errno and the
// sentinel that this errno stands for in that operation.
type Error struct {
	// Op is the operation: "create", "load", "resume", ...
	Op string
	// Device is what the operation was for; "" if it was not for a device.
	Device string
	// Errno is what the kernel returned; 0 if it was not asked.
	Errno syscall.Errno
	// Kind is what it means: an error that matches one of the sentinels or
	// os.ErrClosed; nil if the errno is one of a target's own.
	Kind error
}

// Error prints "remove vg-lv: device in use (device or resource busy)".
func (e *Error) Error() string {
	s := e.Op
	if e.Device != "" {
		s += " " + e.Device
	}
	switch {
	case e.Kind == nil:
		return s + ": " + e.Errno.Error()
	case e.Errno == 0:
		return s + ": " + e.Kind.Error()
	}
	return s + ": " + e.Kind.Error() + " (" + e.Errno.Error() + ")"
}

// Unwrap returns Kind and Errno, those of them that there are.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.Errno != 0 {
		errs = append(errs, e.Errno)
	}
	return errs
}

// NewError returns the error of operation op on device that failed with errno.
func NewError(op Op, device string, errno syscall.Errno) *Error {
	return &Error{Op: op.String(), Device: device, Errno: errno, Kind: meaning(op, errno)}
}

// meaning says what an errno stands for in an operation.
//
// Source: linux drivers/md/dm-ioctl.c; each line was seen on Linux 6.1.
func meaning(op Op, errno syscall.Errno) error {
	switch errno {
	case syscall.EACCES, syscall.EPERM, syscall.EROFS:
		return ErrPermission
	case syscall.ENOTTY, syscall.ENOSYS:
		return ErrUnsupported
	}
	switch op {
	case OpOpen:
		switch errno {
		case syscall.ENOENT, syscall.ENODEV, syscall.ENXIO:
			return ErrNoControl
		}
		return nil
	case OpCreate:
		switch errno {
		case syscall.EBUSY, syscall.ENXIO: // ENXIO: the minor number is taken
			return ErrExists
		}
	case OpRename, OpSetUUID:
		if errno == syscall.EBUSY {
			return ErrExists
		}
	case OpLoad:
		switch errno {
		case syscall.ENODEV, syscall.ENODATA: // no such path; no such thin device in the pool
			return ErrNotFound
		}
	case OpMessage:
		switch errno {
		case syscall.EEXIST:
			return ErrExists
		case syscall.ENODATA: // no such thin device in the pool
			return ErrNotFound
		case syscall.EOPNOTSUPP:
			return ErrUnsupported
		}
	case OpTargetVersion:
		if errno == syscall.EINVAL { // no such type, and no module for it
			return ErrUnsupported
		}
	}
	switch errno {
	case syscall.ENXIO:
		return ErrNotFound
	case syscall.EBUSY:
		return ErrBusy
	case syscall.EINVAL:
		return ErrInvalid
	}
	return nil
}
