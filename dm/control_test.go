package dm

import (
	"encoding/binary"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func bufferFull(buf []byte) {
	answer{flags: flagBufferFull}.write(buf)
}

func TestQueryGrows(t *testing.T) {
	t.Parallel()
	var sizes []int
	payload := list(listRecord(0xfd01, 0, "b", "u", 1), listRecord(0xfd00, 0, "a", "", 2))
	c := scripted(t, 47, func(_ uintptr, buf []byte) error {
		sizes = append(sizes, len(buf)-312)
		assert.Equal(t, uint32(len(buf)), binary.NativeEndian.Uint32(buf[12:]))
		if len(buf) < 50_000 {
			bufferFull(buf)
			return nil
		}
		answer{payload: payload}.write(buf)
		return nil
	})
	want := []Device{{0xfd00, "a", "", 2}, {0xfd01, "b", "u", 1}}
	got, err := c.Devices(ListOptions{})
	require.NoError(t, err)
	assert.Equal(t, want, got, "sorted by name")
	assert.Equal(t, []int{16384, 32768, 65536}, sizes)
	sizes = nil
	got, err = c.Devices(ListOptions{})
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, []int{65536}, sizes, "the size is remembered")
}

func TestQueryIsBounded(t *testing.T) {
	t.Parallel()
	calls, largest := 0, 0
	c := scripted(t, 47, func(_ uintptr, buf []byte) error {
		calls++
		largest = max(largest, len(buf))
		bufferFull(buf)
		return nil
	})
	_, err := c.Targets()
	assert.ErrorIs(t, err, ErrTooLarge)
	assert.Equal(t, 14, calls)
	assert.LessOrEqual(t, largest, maxBuffer)
	assert.LessOrEqual(t, c.room.Load(), int64(maxBuffer))
}

func TestMessageIsNotRepeated(t *testing.T) {
	t.Parallel()
	var sizes []int
	c := scripted(t, 47, func(_ uintptr, buf []byte) error {
		sizes = append(sizes, len(buf))
		if len(sizes) == 1 {
			bufferFull(buf)
		} else {
			answer{flags: flagDataOut, payload: []byte("fine\x00")}.write(buf)
		}
		return nil
	})
	_, _, err := c.Message(ByName("a"), 0, "@stats_print_clear 0")
	assert.ErrorIs(t, err, ErrTooLarge)
	require.Len(t, sizes, 1)
	text, replied, err := c.Message(ByName("a"), 0, "@stats_print_clear 0")
	require.NoError(t, err)
	assert.True(t, replied)
	assert.Equal(t, "fine", text)
	assert.Greater(t, sizes[1], sizes[0])
}

func TestInterruptedCallsAreRepeated(t *testing.T) {
	t.Parallel()
	calls := 0
	c := scripted(t, 47, func(_ uintptr, buf []byte) error {
		calls++
		if calls < 3 {
			copy(buf[48:], "what an interrupted call leaves")
			return syscall.EINTR
		}
		assert.Equal(t, byte(0), buf[49])
		answer{flags: flagSuspend}.write(buf)
		return nil
	})
	info, err := c.Suspend(ByName("a"), SuspendOptions{})
	require.NoError(t, err)
	assert.True(t, info.Suspended)
	assert.Equal(t, 3, calls)

	calls = 0
	_, _, err = c.Message(ByName("a"), 0, "delete 1")
	assert.ErrorIs(t, err, syscall.EINTR)
	assert.Equal(t, 1, calls, "a message may have been carried out")
}

func TestOldKernels(t *testing.T) {
	t.Parallel()
	c := scripted(t, 18, func(request uintptr, _ []byte) error {
		t.Errorf("request %#x", request)
		return nil
	})
	_, err := c.SetUUID("a", "u")
	assert.ErrorIs(t, err, ErrUnsupported)
	_, err = c.do(&request{op: OpArmPoll}, "")
	assert.ErrorIs(t, err, ErrUnsupported)
}

func TestTargetVersionOfOldKernel(t *testing.T) {
	t.Parallel()
	c := scripted(t, 40, func(request uintptr, buf []byte) error {
		assert.Equal(t, uintptr(0xc138fd0d), request)
		p := make([]byte, 24)
		binary.NativeEndian.PutUint32(p[4:], 1)
		copy(p[16:], "linear")
		answer{payload: p}.write(buf)
		return nil
	})
	v, err := c.TargetVersion("linear")
	require.NoError(t, err)
	assert.Equal(t, Version{Major: 1}, v)
	_, err = c.TargetVersion("raid")
	assert.ErrorIs(t, err, ErrUnsupported)
}

// Before Linux 5.13 the list has no UUIDs and filters nothing.
func TestDevicesOfOldKernel(t *testing.T) {
	t.Parallel()
	old := func(dev uint64, name string) []byte {
		r := listRecord(dev, 0, name, "", 5)
		clear(r[len(r)-4:])
		return r
	}
	c := scripted(t, 43, func(request uintptr, buf []byte) error {
		ne := binary.NativeEndian
		if request == 0xc138fd02 {
			answer{payload: list(old(0xfd02, "vg-c"), old(0xfd00, "vg-a"), old(0xfd01, "other"), old(0xfd03, "vg-gone"), old(0xfd04, "vg-d"))}.write(buf)
			return nil
		}
		assert.Equal(t, uintptr(0xc138fd07), request)
		uuid, name := "LVM-1", "vg-c"
		switch ne.Uint64(buf[40:]) {
		case 0xfd00:
			uuid, name = "LVM-2", "vg-a"
		case 0xfd01:
			t.Error("a name that was not asked for")
		case 0xfd03:
			return syscall.ENXIO
		case 0xfd04:
			uuid, name = "CRYPT-1", "vg-d"
		}
		copy(buf[48:], name)
		copy(buf[176:], uuid)
		answer{event: 7}.write(buf)
		return nil
	})
	got, err := c.Devices(ListOptions{NamePrefix: "vg-", UUIDPrefix: "LVM-"})
	require.NoError(t, err)
	assert.Equal(t, []Device{{0xfd00, "vg-a", "LVM-2", 7}, {0xfd02, "vg-c", "LVM-1", 7}}, got)
}

func TestOtherInterfaceVersion(t *testing.T) {
	t.Parallel()
	for _, errno := range []error{nil, syscall.EINVAL} {
		_, err := newControl(&script{ioctlFunc: func(_ uintptr, buf []byte) error {
			binary.NativeEndian.PutUint32(buf, 5)
			return errno
		}})
		assert.ErrorIs(t, err, ErrUnsupported)
	}
}

func TestMalformedReplies(t *testing.T) {
	t.Parallel()
	c := scripted(t, 47, func(_ uintptr, buf []byte) error {
		answer{targets: 7, flags: flagDataOut, payload: []byte{1, 2, 3}}.write(buf)
		return nil
	})
	for name, call := range map[string]func() error{
		"table":          func() error { _, _, err := c.Table(ByName("a"), QueryOptions{}); return err },
		"target status":  func() error { _, _, err := c.TargetStatus(ByName("a"), QueryOptions{}); return err },
		"deps":           func() error { _, _, err := c.Deps(ByName("a"), QueryOptions{}); return err },
		"targets":        func() error { _, err := c.Targets(); return err },
		"target version": func() error { _, err := c.TargetVersion("zero"); return err },
		"message":        func() error { _, _, err := c.Message(ByName("a"), 0, "x"); return err },
	} {
		err := call()
		assert.ErrorIs(t, err, ErrMalformed, name)
		var e *Error
		assert.ErrorAs(t, err, &e, name)
	}
	c = scripted(t, 47, func(_ uintptr, buf []byte) error {
		answer{}.write(buf)
		binary.NativeEndian.PutUint32(buf[12:], 1<<31)
		return nil
	})
	_, err := c.Status(ByName("a"))
	assert.ErrorIs(t, err, ErrMalformed)
}

func TestRemoveHidesCookie(t *testing.T) {
	t.Parallel()
	c := scripted(t, 47, func(_ uintptr, buf []byte) error {
		answer{event: binary.NativeEndian.Uint32(buf[32:]), flags: flagUeventGenerated}.write(buf)
		return nil
	})
	info, err := c.Remove(ByName("a"), RemoveOptions{Cookie: 4711})
	require.NoError(t, err)
	assert.Equal(t, Info{Name: "a", UeventGenerated: true}, info)
}

func TestClosed(t *testing.T) {
	t.Parallel()
	c := scripted(t, 47, func(uintptr, []byte) error { return nil })
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	_, err := c.Status(ByName("a"))
	assert.ErrorIs(t, err, os.ErrClosed)
	_, err = c.Events()
	assert.ErrorIs(t, err, os.ErrClosed)

	var none *Control
	require.NoError(t, none.Close())
	_, err = none.Version()
	assert.ErrorIs(t, err, os.ErrClosed)
	var noEvents *Events
	assert.NoError(t, noEvents.Close())
}

func TestErrors(t *testing.T) {
	t.Parallel()
	sentinels := []error{ErrNotFound, ErrExists, ErrBusy, ErrInvalid, ErrPermission, ErrUnsupported, ErrNoControl, ErrTooLarge, ErrMalformed}
	for _, c := range []struct {
		op    Op
		errno syscall.Errno
		want  error
	}{
		{OpStatus, syscall.ENXIO, ErrNotFound},
		{OpRemove, syscall.ENXIO, ErrNotFound},
		{OpRemove, syscall.EBUSY, ErrBusy},
		{OpCreate, syscall.EBUSY, ErrExists},
		{OpCreate, syscall.ENXIO, ErrExists},
		{OpCreate, syscall.EINVAL, ErrInvalid},
		{OpCreate, syscall.ENOMEM, nil},
		{OpRename, syscall.EBUSY, ErrExists},
		{OpRename, syscall.ENXIO, ErrNotFound},
		{OpSetUUID, syscall.EBUSY, ErrExists},
		{OpSetUUID, syscall.EINVAL, ErrInvalid},
		{OpLoad, syscall.EINVAL, ErrInvalid},
		{OpLoad, syscall.ENODEV, ErrNotFound},
		{OpLoad, syscall.ENODATA, ErrNotFound},
		{OpLoad, syscall.EOPNOTSUPP, nil},
		{OpLoad, syscall.ENXIO, ErrNotFound},
		{OpLoad, syscall.EBUSY, ErrBusy},
		{OpLoad, syscall.EROFS, ErrPermission},
		{OpLoad, syscall.ENOSPC, nil},
		{OpResume, syscall.EINVAL, ErrInvalid},
		{OpSuspend, syscall.EIO, nil},
		{OpMessage, syscall.EEXIST, ErrExists},
		{OpMessage, syscall.EBUSY, ErrBusy},
		{OpMessage, syscall.ENOSPC, nil},
		{OpMessage, syscall.EOPNOTSUPP, ErrUnsupported},
		{OpMessage, syscall.ENODATA, ErrNotFound},
		{OpMessage, syscall.EINVAL, ErrInvalid},
		{OpMessage, syscall.EPERM, ErrPermission},
		{OpTargetVersion, syscall.EINVAL, ErrUnsupported},
		{OpArmPoll, syscall.ENOTTY, ErrUnsupported},
		{OpList, syscall.EACCES, ErrPermission},
		{OpOpen, syscall.ENOENT, ErrNoControl},
		{OpOpen, syscall.ENODEV, ErrNoControl},
		{OpOpen, syscall.ENXIO, ErrNoControl},
		{OpOpen, syscall.EPERM, ErrPermission},
		{OpOpen, syscall.EMFILE, nil},
	} {
		control := scripted(t, 47, func(uintptr, []byte) error { return c.errno })
		_, err := control.do(&request{op: c.op}, "vg-lv")
		require.ErrorIs(t, err, c.errno, "%s: %s", c.op, c.errno)
		for _, s := range sentinels {
			if s == c.want { //nolint:errorlint // the table has the sentinels themselves
				assert.ErrorIs(t, err, s, "%s: %s", c.op, c.errno)
			} else {
				assert.NotErrorIs(t, err, s, "%s: %s", c.op, c.errno)
			}
		}
		var e *Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, "vg-lv", e.Device)
		assert.Equal(t, c.op.String(), e.Op)
		assert.Equal(t, c.errno, e.Errno)
	}
	assert.ErrorIs(t, NewError(OpList, "", syscall.EACCES), fs.ErrPermission, "as os has it")
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	busy := NewError(OpRemove, "vg-lv", syscall.EBUSY)
	assert.Equal(t, "remove vg-lv: device in use ("+syscall.EBUSY.Error()+")", busy.Error())
	assert.Equal(t, "list devices: reply too large", (&Error{Op: OpList.String(), Kind: ErrTooLarge}).Error())
	assert.Equal(t, "load a: "+syscall.EIO.Error(), NewError(OpLoad, "a", syscall.EIO).Error())
}

func TestOps(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for op := OpOpen; op <= OpTargetVersion; op++ {
		assert.False(t, seen[op.String()], op)
		seen[op.String()] = true
		cmd := op.command()
		assert.False(t, cmd.repeatable && !cmd.reply, op)
	}
	assert.True(t, seen[OpOpen.String()])
	c := scripted(t, 1000, func(uintptr, []byte) error { return nil })
	_, err := c.do(&request{op: OpTargetVersion + 1}, "")
	assert.ErrorIs(t, err, ErrUnsupported)
}
