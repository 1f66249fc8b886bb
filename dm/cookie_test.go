package dm

import (
	"context"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNoUdevFlags(t *testing.T) {
	t.Parallel()
	// What lvm2 gives to the kernel without udev.
	for flags, want := range map[uint16]uint32{
		0: 0x00430000,
		UdevDisableSubsystemRules | UdevDisableDiskRules | UdevDisableOtherRules: 0x004f0000,
		UdevLowPriority:            0x00530000,
		UdevSubsystem0:             0x01430000,
		UdevDisableLibraryFallback: 0x00430000,
	} {
		assert.Equal(t, want, NoUdevFlags(flags), "%#x", flags)
	}
}

// counter is a semaphore without a kernel.
type counter struct {
	mu      sync.Mutex
	value   int
	removed bool
	fail    error
}

func (c *counter) add(n int16) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return c.fail
	}
	c.value += int(n)
	return nil
}

func (c *counter) get() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value
}

func (c *counter) waitZero(time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.removed:
		return errRemoved
	case c.fail != nil:
		return c.fail
	case c.value == 0:
		return nil
	}
	return syscall.EAGAIN
}

func (c *counter) remove() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removed = true
	return nil
}

func TestCookie(t *testing.T) {
	t.Parallel()
	set := &counter{value: 1}
	c := &Cookie{base: 0xabcd, set: set}
	for flags, want := range map[uint16]uint32{0: 0x0040abcd, 0x0e: 0x004eabcd, UdevSubsystem0: 0x0140abcd} {
		before := set.value
		value, err := c.Begin(flags)
		require.NoError(t, err)
		assert.Equal(t, want, value)
		assert.Equal(t, before+1, set.value)
		// No uevent: the caller counts down.
		require.NoError(t, c.Done(Info{}, nil))
		assert.Equal(t, before, set.value)
	}
	_, err := c.Begin(0)
	require.NoError(t, err)
	assert.ErrorIs(t, c.Done(Info{UeventGenerated: true}, ErrBusy), ErrBusy)
	assert.Equal(t, 1, set.value, "a command that failed")
	_, err = c.Begin(0)
	require.NoError(t, err)
	require.NoError(t, c.Done(Info{UeventGenerated: true}, nil))
	assert.Equal(t, 2, set.value, "udev counts down")

	done := make(chan error)
	go func() { done <- c.Wait(context.Background()) }()
	select {
	case err := <-done:
		t.Errorf("did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	require.NoError(t, set.add(-1))
	require.NoError(t, <-done)
	assert.True(t, set.removed)
	require.NoError(t, c.Close())
	_, err = c.Begin(0)
	assert.ErrorIs(t, err, os.ErrClosed)
}

func TestCookieGivesUp(t *testing.T) {
	t.Parallel()
	set := &counter{value: 2}
	c := &Cookie{base: 1, set: set}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, c.Wait(ctx), context.DeadlineExceeded)
	assert.True(t, set.removed)

	// Somebody has removed the semaphore: nobody will count any more.
	set = &counter{value: 2, fail: syscall.EINVAL}
	c = &Cookie{base: 1, set: set}
	require.NoError(t, c.Wait(context.Background()))
	set = &counter{value: 1, fail: syscall.ENOMEM}
	c = &Cookie{base: 1, set: set}
	_, err := c.Begin(0)
	assert.ErrorIs(t, err, syscall.ENOMEM)
	assert.ErrorIs(t, c.Done(Info{}, nil), syscall.ENOMEM)
	assert.ErrorIs(t, c.Done(Info{}, ErrBusy), ErrBusy, "the command's error comes first")
	assert.ErrorIs(t, c.Wait(context.Background()), syscall.ENOMEM)
	assert.True(t, set.removed)
}

func TestCookieClosedWhileWaiting(t *testing.T) {
	t.Parallel()
	set := &counter{value: 2}
	c := &Cookie{base: 1, set: set}
	done := make(chan error)
	go func() { done <- c.Wait(context.Background()) }()
	for set.get() != 1 {
		time.Sleep(time.Millisecond)
	}
	require.NoError(t, c.Close())
	assert.ErrorIs(t, <-done, os.ErrClosed)
}

func TestNoCookie(t *testing.T) {
	t.Parallel()
	var c *Cookie
	value, err := c.Begin(UdevLowPriority)
	require.NoError(t, err)
	assert.Equal(t, NoUdevFlags(UdevLowPriority), value)
	require.NoError(t, c.Done(Info{}, nil))
	assert.ErrorIs(t, c.Done(Info{}, ErrBusy), ErrBusy)
	require.NoError(t, c.Wait(context.Background()))
	require.NoError(t, c.Close())
}
