package dm

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

const mapperDir = "/dev/mapper"

// The number of the control device: misc, and the minor that it has had since
// Linux 2.6.36.
const (
	controlMajor = 10
	controlMinor = 236
)

// controlFile is the control device.
type controlFile struct {
	file   *os.File
	conn   syscall.RawConn
	closed atomic.Bool
}

func openControl() (controlDevice, error) { return openFile(0) }

func openEvents() (eventFile, error) { return openFile(unix.O_NONBLOCK) }

func openFile(flags int) (*controlFile, error) {
	path := filepath.Join(mapperDir, controlName)
	made, err := makeControlNode(path)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		if made {
			// There is no driver behind the number: leave no node behind.
			_ = os.Remove(path)
		}
		return nil, openError(path, err)
	}
	file := os.NewFile(uintptr(fd), path)
	conn, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil, openError(path, err)
	}
	return &controlFile{file: file, conn: conn}, nil
}

func openError(path string, err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return NewError(OpOpen, path, errno)
	}
	return &Error{Op: OpOpen.String(), Device: path, Kind: err}
}

// makeControlNode makes the node of the control device if there is none, or
// one of another device. It says whether it did.
func makeControlNode(path string) (made bool, err error) {
	dev := unix.Mkdev(controlMajor, miscMinor())
	var st unix.Stat_t
	switch err := unix.Stat(path, &st); {
	case err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && uint64(st.Rdev) == dev:
		return false, nil
	case err == nil && st.Mode&unix.S_IFMT != unix.S_IFCHR:
		return false, &Error{Op: OpOpen.String(), Device: path, Kind: errors.WithMessage(ErrNoControl, "not a character device")}
	case err == nil:
		if err := unix.Unlink(path); err != nil {
			return false, nodeError(path, err)
		}
	case !errors.Is(err, unix.ENOENT):
		return false, openError(path, err)
	}
	if err := makeNodeDir(mapperDir); err != nil {
		return false, nodeError(path, err)
	}
	switch err := unix.Mknod(path, unix.S_IFCHR|0o600, int(dev)); {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EEXIST): // udev was faster
		return false, nil
	default:
		return false, nodeError(path, err)
	}
}

// nodeError is the error of a control node that is not there and cannot be
// made: it matches ErrNoControl, whatever the reason.
func nodeError(path string, err error) error {
	e := &Error{Op: OpOpen.String(), Device: path, Kind: errors.WithMessage(ErrNoControl, "no node, and none can be made")}
	if !errors.As(err, &e.Errno) {
		e.Kind = err
	}
	return e
}

// miscMinor returns the minor number of the control device, which a kernel
// with a loaded device-mapper says in /proc/misc.
func miscMinor() uint32 {
	f, err := os.Open("/proc/misc")
	if err != nil {
		return controlMinor
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, 64<<10))
	for lines.Scan() {
		if word := strings.Fields(lines.Text()); len(word) == 2 && word[1] == "device-mapper" {
			if n, err := parseUint(word[0], maxMinor); err == nil {
				return uint32(n)
			}
		}
	}
	return controlMinor
}

// ioctl is the only place where the kernel gets an address of ours.
func (f *controlFile) ioctl(request uintptr, buf []byte) error {
	var errno syscall.Errno
	if err := f.conn.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(unsafe.SliceData(buf))))
	}); err != nil {
		return os.ErrClosed
	}
	if errno != 0 {
		return errno
	}
	return nil
}

// Close closes the file; again does nothing.
func (f *controlFile) Close() error {
	if f.closed.Swap(true) {
		return nil
	}
	return errors.Wrapf(f.file.Close(), "close %s", f.file.Name())
}

func (f *controlFile) wait(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		again, err := f.waitOnce(ctx)
		switch {
		case f.closed.Load():
			return os.ErrClosed
		case ctx.Err() != nil && (again || err != nil):
			return ctx.Err()
		case !again:
			return errors.Wrap(err, "wait for device-mapper events")
		}
	}
}

// waitOnce waits in Go's poller, which the end of ctx wakes by a deadline in the
// past. It wants to be called again after such a deadline: it may be that of an
// earlier wait.
func (f *controlFile) waitOnce(ctx context.Context) (again bool, err error) {
	if err := f.file.SetReadDeadline(time.Time{}); err != nil {
		return false, err
	}
	stop := context.AfterFunc(ctx, func() { _ = f.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var pollErr error
	err = f.conn.Read(func(fd uintptr) bool {
		var ready bool
		ready, pollErr = readable(int(fd))
		return ready || pollErr != nil
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, pollErr
}

// readable says whether an event has come since the file was armed.
func readable(fd int) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return false, err
		}
		return n > 0, nil
	}
}
