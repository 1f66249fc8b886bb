package umltest

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"

	"github.com/lvm-go/lvm/internal/umltest/guest"
)

// Loop makes a sparse file of size bytes in the guest's memory and a loop device
// on it. Both go at the end of the test, which fails if the device is still in
// use then: it has left a mapped device behind.
func Loop(t testing.TB, size int64) (device, file string) {
	t.Helper()
	if !InGuest() {
		t.Fatal("umltest: loop device: not in the guest")
	}
	f, err := os.CreateTemp(os.Getenv(guest.EnvScratch), "loop-*.img")
	if err != nil {
		t.Fatalf("umltest: loop device: %v", err)
	}
	t.Cleanup(func() { _ = os.Remove(f.Name()) })
	defer func() { _ = f.Close() }()
	if err := f.Truncate(size); err != nil {
		t.Fatalf("umltest: loop device: %v", err)
	}
	device, err = attach(f)
	if err != nil {
		t.Fatalf("umltest: loop device: %v", err)
	}
	t.Cleanup(func() {
		if err := detach(device); err != nil {
			t.Errorf("umltest: detach %s: %v", device, err)
		}
	})
	return device, f.Name()
}

// attach puts a loop device on f.
func attach(f *os.File) (string, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", errors.Wrap(err, "open the control device")
	}
	defer func() { _ = control.Close() }()
	for {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return "", errors.Wrap(err, "find a free one")
		}
		device := "/dev/loop" + strconv.Itoa(n)
		d, err := os.OpenFile(device, os.O_RDWR, 0)
		if err != nil {
			return "", errors.Wrap(err, "open it")
		}
		err = unix.IoctlLoopConfigure(int(d.Fd()), &unix.LoopConfig{Fd: uint32(f.Fd())})
		_ = d.Close()
		if err == unix.EBUSY {
			continue // a parallel test was faster
		}
		if err != nil {
			return "", errors.Wrapf(err, "set up %s", device)
		}
		return device, nil
	}
}

// detach takes the file from a loop device. One that is open elsewhere only
// promises to let go when the last user closes it, so ask until it has: blkid
// and its like may look at it for a moment.
func detach(device string) error {
	for range 20 {
		d, err := os.OpenFile(device, os.O_RDWR, 0)
		if err != nil {
			return errors.Wrap(err, "open it")
		}
		err = unix.IoctlSetInt(int(d.Fd()), unix.LOOP_CLR_FD, 0)
		_, gone := unix.IoctlLoopGetStatus64(int(d.Fd()))
		_ = d.Close()
		switch {
		case gone == unix.ENXIO:
			return nil
		case err != nil:
			return errors.Wrap(err, "clear it")
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.Wrap(unix.EBUSY, "still in use")
}
