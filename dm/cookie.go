package dm

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/pkg/errors"
)

// Cookie lets a program wait until udev has processed the uevents of its
// commands: a System V semaphore that counts those still to come. One cookie
// serves any number of commands.
//
//	cookie, err := dm.NewCookie()
//	value, err := cookie.Begin(flags)
//	info, err := control.Resume(r, dm.ResumeOptions{Cookie: value})
//	err = cookie.Done(info, err)
//	err = cookie.Wait(ctx)
//
// Make it before the first device is suspended, and never wait while one is. A
// nil *Cookie is for systems without udev: Begin returns NoUdevFlags, and
// everything else does nothing. A Cookie may be used by several goroutines.
//
// Source: the protocol of libdevmapper and its rule 95-dm-notify, with which it
// works together.
type Cookie struct {
	mu   sync.Mutex
	base uint16
	set  semaphore
	// released is true once a Wait has begun, closed when the semaphore is
	// removed.
	released, closed bool
}

// semaphore is a System V semaphore.
type semaphore interface {
	// add changes the value; the result may not become negative.
	add(n int16) error
	// waitZero waits until the value is 0, for a time at most: then the error
	// is EAGAIN. It is EIDRM if the semaphore is gone.
	waitZero(max time.Duration) error
	remove() error
}

// keyTries bounds the search for a key that is free among 65535.
const keyTries = 1000

// NewCookie makes a cookie. Returns an error matching ErrUnsupported where
// there are no System V semaphores, and one matching ENOSPC if there are too
// many of them.
func NewCookie() (*Cookie, error) {
	for range keyTries {
		var b [2]byte
		_, _ = rand.Read(b[:]) // it never fails
		base := binary.NativeEndian.Uint16(b[:])
		if base == 0 {
			continue
		}
		set, err := newSemaphore(cookieMagic<<16 | uint32(base))
		switch {
		case errors.Is(err, syscall.EEXIST):
			continue
		case err != nil:
			return nil, cookieError("make udev cookie", err)
		}
		// The 1 keeps the value from reaching 0 before Wait.
		if err := set.add(1); err != nil {
			_ = set.remove()
			return nil, cookieError("make udev cookie", err)
		}
		return &Cookie{base: base, set: set}, nil
	}
	return nil, cookieError("make udev cookie", syscall.EEXIST)
}

func cookieError(op string, err error) error {
	e := &Error{Op: op}
	switch {
	case !errors.As(err, &e.Errno):
		e.Kind = err
	case e.Errno == syscall.ENOSYS:
		e.Kind = ErrUnsupported
	case e.Errno == syscall.EACCES || e.Errno == syscall.EPERM:
		e.Kind = ErrPermission
	}
	return e
}

// Begin returns the value to give to a command that may cause a uevent, with
// flags for udev's rules. Each Begin needs its Done.
func (c *Cookie) Begin(flags uint16) (uint32, error) {
	if c == nil {
		return NoUdevFlags(flags), nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.released {
		return 0, cookieError("begin with udev cookie", os.ErrClosed)
	}
	if err := c.set.add(1); err != nil {
		return 0, cookieError("begin with udev cookie", err)
	}
	return uint32(flags|UdevPrimarySource)<<16 | uint32(c.base), nil
}

// Done takes what the command returned, and returns the command's error. If
// there will be no uevent, since the command failed or had nothing to do, nobody
// else counts down, so Done does.
func (c *Cookie) Done(info Info, err error) error {
	if c == nil || err == nil && info.UeventGenerated {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return err
	}
	if e := c.set.add(-1); e != nil && err == nil && !gone(e) {
		return cookieError("end with udev cookie", e)
	}
	return err
}

// waitSlice is how long a wait goes without a look at the context.
const waitSlice = 50 * time.Millisecond

// Wait waits until udev is done with everything that was begun, and removes the
// semaphore, also when ctx is done first: then it returns ctx's error. Nothing
// can be begun after that. Close ends a Wait: the error matches os.ErrClosed.
func (c *Cookie) Wait(ctx context.Context) error {
	if c == nil {
		return nil
	}
	err := c.release()
	if err == nil {
		err = c.waitZero(ctx)
	}
	if e := c.Close(); err == nil {
		err = e
	}
	return errors.WithMessage(err, "wait for udev")
}

// release takes back the 1 that kept the value from reaching 0.
func (c *Cookie) release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.released {
		return nil
	}
	c.released = true
	if err := c.set.add(-1); err != nil && !gone(err) {
		return cookieError("end with udev cookie", err)
	}
	return nil
}

func (c *Cookie) waitZero(ctx context.Context) error {
	for {
		err := c.set.waitZero(waitSlice)
		switch {
		case err == nil || gone(err) && !c.isClosed():
			return nil
		case gone(err):
			return cookieError("wait with udev cookie", os.ErrClosed)
		case !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR):
			return cookieError("wait with udev cookie", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func (c *Cookie) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// Close removes the semaphore of a cookie that nobody will wait for. It may be
// called again, after Wait, and on nil.
func (c *Cookie) Close() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	if err := c.set.remove(); err != nil && !gone(err) {
		return cookieError("remove udev cookie", err)
	}
	return nil
}

// gone says that the semaphore was removed, for instance by an administrator
// who did not want to wait any longer.
func gone(err error) bool { return errors.Is(err, errRemoved) || errors.Is(err, syscall.EINVAL) }
