package dmfake_test

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/dmfake"
	"github.com/lvm-go/lvm/units"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func table(t *testing.T, text string) dm.Table {
	t.Helper()
	lines, err := dm.ParseTable(text)
	require.NoError(t, err)
	return lines
}

// bring makes a device with a live table, and stops at the first error.
func bring(k *dmfake.Kernel, name string, lines dm.Table) error {
	r := dm.ByName(name)
	if _, err := k.Create(name, "", dm.CreateOptions{}); err != nil {
		return err
	}
	if _, err := k.Load(r, lines, dm.LoadOptions{}); err != nil {
		return err
	}
	if _, err := k.Suspend(r, dm.SuspendOptions{SkipLockFS: true}); err != nil {
		return err
	}
	_, err := k.Resume(r, dm.ResumeOptions{})
	return err
}

func TestCalls(t *testing.T) {
	t.Parallel()
	k := dmfake.New()
	require.NoError(t, bring(k, "a", table(t, "0 8 linear 7:0 2048\n8 8 error\n")))
	a := dm.ByName("a")
	_, err := k.Load(a, table(t, "0 8 zero"), dm.LoadOptions{ReadOnly: true})
	require.NoError(t, err)
	_, err = k.Clear(a)
	require.NoError(t, err)
	_, err = k.Suspend(a, dm.SuspendOptions{SkipLockFS: true, NoFlush: true})
	require.NoError(t, err)
	_, err = k.Resume(a, dm.ResumeOptions{})
	require.NoError(t, err)
	_, _, err = k.Message(a, 0, "create_thin 1")
	require.NoError(t, err)
	_, err = k.SetUUID("a", "u")
	require.NoError(t, err)
	_, err = k.Rename("a", "b", dm.RenameOptions{})
	require.NoError(t, err)
	_, err = k.Remove(a, dm.RemoveOptions{})
	require.ErrorIs(t, err, dm.ErrNotFound)
	_, err = k.Remove(dm.ByUUID("u"), dm.RemoveOptions{Deferred: true})
	require.NoError(t, err)
	_, err = k.Devices(dm.ListOptions{})
	require.NoError(t, err)
	require.NoError(t, k.RemoveAll())
	assert.Equal(t, []string{
		"CREATE a", "LOAD a 0 8 linear 7:0 2048; 8 8 error", "SUSPEND a [SKIP_LOCKFS]", "RESUME a",
		"LOAD a 0 8 zero [READONLY]", "CLEAR a", "SUSPEND a [SKIP_LOCKFS NOFLUSH]", "RESUME a",
		"MESSAGE a 0 create_thin 1", "SETUUID a u", "RENAME a b", "REMOVE a (fails)", "REMOVE b [DEFERRED]", "REMOVE_ALL",
	}, k.Calls())
	assert.Equal(t, 14, k.Changes())
	assert.Equal(t, 1, k.Queries())
	k.ForgetCalls()
	assert.Empty(t, k.Calls())
}

func TestFailAt(t *testing.T) {
	t.Parallel()
	lines := table(t, "0 8 zero")
	k := dmfake.New()
	require.NoError(t, bring(k, "a", lines))
	calls := k.Changes()
	require.Equal(t, 4, calls)
	for n := 1; n <= calls; n++ {
		for _, when := range []dmfake.When{dmfake.Before, dmfake.After} {
			k := dmfake.New()
			k.FailAt(n, syscall.ENOMEM, when)
			err := bring(k, "a", lines)
			require.ErrorIs(t, err, syscall.ENOMEM)
			assert.Len(t, k.Calls(), n)
			done := n - 1
			if when == dmfake.After {
				done = n
			}
			states := k.State()
			if done == 0 {
				assert.Empty(t, states)
				continue
			}
			require.Len(t, states, 1)
			assert.Equal(t, done >= 2 && done < 4, states[0].InactiveTable)
			assert.Equal(t, done == 3, states[0].Suspended)
			assert.Equal(t, done == 4, states[0].LiveTable)
			if done == 3 {
				assert.Equal(t, []string{"a"}, k.Suspended())
			} else {
				assert.Empty(t, k.Suspended())
			}
		}
	}
	k.FailAt(1, syscall.EIO, dmfake.Before)
	_, err := k.Status(dm.ByName("a"))
	require.NoError(t, err, "a query is no change")
	_, err = k.Remove(dm.ByName("a"), dm.RemoveOptions{})
	require.ErrorIs(t, err, syscall.EIO)
	_, err = k.Remove(dm.ByName("a"), dm.RemoveOptions{})
	require.NoError(t, err, "only one fails")

	k.FailQueryAt(2, syscall.EIO)
	_, err = k.Devices(dm.ListOptions{})
	require.NoError(t, err)
	_, err = k.Targets()
	require.ErrorIs(t, err, syscall.EIO)
	_, err = k.Version()
	require.NoError(t, err)
}

func TestOpenDevice(t *testing.T) {
	t.Parallel()
	k := dmfake.New()
	assert.False(t, k.OpenDevice("a"))
	assert.False(t, k.CloseDevice("a"))
	require.NoError(t, bring(k, "a", table(t, "0 8 zero")))
	assert.False(t, k.CloseDevice("a"))
	require.True(t, k.OpenDevice("a"))
	info, err := k.Status(dm.ByName("a"))
	require.NoError(t, err)
	assert.Equal(t, int32(1), info.OpenCount)
	_, err = k.Remove(dm.ByName("a"), dm.RemoveOptions{})
	assert.ErrorIs(t, err, dm.ErrBusy)
	require.NoError(t, k.RemoveAll())
	assert.Len(t, k.State(), 1)
	_, err = k.Remove(dm.ByName("a"), dm.RemoveOptions{Deferred: true})
	require.NoError(t, err)
	require.True(t, k.CloseDevice("a"))
	assert.Empty(t, k.State())
}

// Numbers and paths in the parameters of targets that dm does not know hold
// their devices, too.
func TestUnknownTargets(t *testing.T) {
	t.Parallel()
	k := dmfake.New()
	k.AddDisk(dm.MakeDev(7, 0), units.MiB.Sectors())
	require.NoError(t, bring(k, "meta", table(t, "0 1024 linear 7:0 0")))
	require.NoError(t, bring(k, "data", table(t, "0 1024 linear 7:0 1024")))
	require.NoError(t, bring(k, "pool", table(t, "0 1024 thin-pool /dev/mapper/meta 253:1 128 0 0")))
	_, got, err := k.Table(dm.ByName("pool"), dm.QueryOptions{})
	require.NoError(t, err)
	assert.Equal(t, "0 1024 thin-pool 253:0 253:1 128 0 0\n", got.String())
	_, devs, err := k.Deps(dm.ByName("pool"), dm.QueryOptions{})
	require.NoError(t, err)
	assert.Equal(t, []dm.Dev{dm.MakeDev(253, 1), dm.MakeDev(253, 0)}, devs)
	_, err = k.Remove(dm.ByName("meta"), dm.RemoveOptions{})
	assert.ErrorIs(t, err, dm.ErrBusy)
	_, err = k.Load(dm.ByName("pool"), table(t, "0 1024 zero"), dm.LoadOptions{})
	assert.ErrorIs(t, err, dm.ErrInvalid, "a pool stays one")
	_, err = k.Load(dm.ByName("pool"), table(t, "0 1024 error"), dm.LoadOptions{})
	require.NoError(t, err)
	_, err = k.Load(dm.ByName("pool"), table(t, "0 1024 thin-pool 253:0 253:9 128 0 0"), dm.LoadOptions{})
	assert.ErrorIs(t, err, syscall.ENXIO)
	_, err = k.Load(dm.ByName("pool"), table(t, "0 1024 linear 7:9 0"), dm.LoadOptions{})
	assert.ErrorIs(t, err, syscall.ENXIO, "disks are known, and that is none")
}

func TestTargetsStatusAndMessages(t *testing.T) {
	t.Parallel()
	k := dmfake.New()
	v, err := k.TargetVersion("raid")
	require.NoError(t, err)
	assert.Equal(t, dm.Version{Major: 1, Minor: 15, Patch: 1}, v)
	k.SetTarget("raid", dm.Version{})
	_, err = k.TargetVersion("raid")
	assert.ErrorIs(t, err, dm.ErrUnsupported)
	k.SetTarget("vdo", dm.Version{Major: 9})
	require.NoError(t, bring(k, "a", table(t, "0 8 vdo V4 7:0")))
	assert.False(t, k.SetStatus("none"))
	require.True(t, k.SetStatus("a", "busy"))
	_, lines, err := k.TargetStatus(dm.ByName("a"), dm.QueryOptions{})
	require.NoError(t, err)
	assert.Equal(t, []dm.StatusLine{{Length: 8, Type: "vdo", Status: "busy"}}, lines)

	k.HandleMessages(func(name string, sector units.Sectors, text string) (string, bool, syscall.Errno) {
		assert.Equal(t, "a", name)
		if text == "bad" {
			return "", false, syscall.ENOSPC
		}
		return text, true, 0
	})
	reply, replied, err := k.Message(dm.ByName("a"), 7, "echo")
	require.NoError(t, err)
	assert.True(t, replied)
	assert.Equal(t, "echo", reply)
	_, _, err = k.Message(dm.ByName("a"), 0, "bad")
	assert.ErrorIs(t, err, syscall.ENOSPC)
	_, _, err = k.Message(dm.ByName("a"), 8, "echo")
	assert.ErrorIs(t, err, dm.ErrInvalid)
}

func TestWait(t *testing.T) {
	t.Parallel()
	k := dmfake.New()
	require.NoError(t, bring(k, "a", table(t, "0 8 zero")))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, _, err := k.Wait(ctx, dm.ByName("a"), 0)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	done := make(chan error, 1)
	go func() {
		info, lines, err := k.Wait(context.Background(), dm.ByName("a"), 0)
		assert.Equal(t, uint32(1), info.EventNr)
		assert.Len(t, lines, 1)
		done <- err
	}()
	time.Sleep(5 * time.Millisecond)
	assert.False(t, k.Raise("none"))
	require.True(t, k.Raise("a"))
	require.NoError(t, <-done)
	go func() {
		_, _, err := k.Wait(context.Background(), dm.ByName("a"), 1)
		done <- err
	}()
	time.Sleep(5 * time.Millisecond)
	_, err = k.Remove(dm.ByName("a"), dm.RemoveOptions{})
	require.NoError(t, err)
	assert.ErrorIs(t, <-done, dm.ErrNotFound)
}

func TestClose(t *testing.T) {
	t.Parallel()
	k := dmfake.New()
	require.NoError(t, k.Close())
	_, err := k.Create("a", "", dm.CreateOptions{})
	assert.ErrorIs(t, err, os.ErrClosed)
	_, err = k.Devices(dm.ListOptions{})
	assert.ErrorIs(t, err, os.ErrClosed)
	assert.Empty(t, k.Calls())
	var none *dmfake.Kernel
	assert.NoError(t, none.Close())
}

func TestPersistentNumber(t *testing.T) {
	t.Parallel()
	k := dmfake.New()
	info, err := k.Create("a", "", dm.CreateOptions{Dev: dm.MakeDev(0, 7)})
	require.NoError(t, err)
	assert.Equal(t, dm.MakeDev(dmfake.Major, 7), info.Dev)
	_, err = k.Create("b", "", dm.CreateOptions{Dev: info.Dev})
	assert.ErrorIs(t, err, dm.ErrExists)
	assert.ErrorIs(t, err, syscall.ENXIO)
}
