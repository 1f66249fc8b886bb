package dmfake_test

import (
	"syscall"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/dmfake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A mirror that handles errors holds writes back from the first that fails on,
// until it has another table; reads come from what is left.
func TestMirrorErrors(t *testing.T) {
	t.Parallel()
	k := dmfake.New()
	k.AddDisk(disk, diskSize.Sectors())
	numbered(t, k, "one", "0 512 linear <disk> 0", "two", "0 512 linear <disk> 1024",
		"m", "0 512 mirror core 1 64 2 <one> 0 <two> 0 1 handle_errors")
	assert.Equal(t, "2 253:0 253:1 8/8 1 AA 1 core", status(t, k, "m"))
	fails(k, "one", "0 512 error")
	require.NoError(t, k.ReadDevice("m", make([]byte, 1), 0))
	assert.Equal(t, "2 253:0 253:1 8/8 1 RA 1 core", status(t, k, "m"))
	require.ErrorIs(t, k.WriteDevice("m", []byte("x"), 0), syscall.EAGAIN)
	require.ErrorIs(t, k.WriteDevice("m", []byte("x"), 100<<10), syscall.EAGAIN)
	info, err := k.Status(dm.ByName("m"))
	require.NoError(t, err)
	assert.EqualValues(t, 2, info.EventNr)
	reload(t, k, "m", "0 512 linear <two> 0")
	assert.Equal(t, byte('x'), letterAt(t, k, "m", 0))
	require.NoError(t, k.WriteDevice("m", []byte("y"), 0))
}

// A copy that fails does not end, and what it was for is not in sync.
func TestMirrorCopyFails(t *testing.T) {
	t.Parallel()
	k := dmfake.New()
	k.AddDisk(disk, diskSize.Sectors())
	numbered(t, k, "one", "0 512 linear <disk> 0", "two", "0 256 linear <disk> 1024\n256 256 error",
		"log", "0 8 linear <disk> 2048", "m", "0 512 mirror disk 2 <log> 64 2 <one> 0 <two> 0 1 handle_errors")
	assert.Equal(t, "2 253:0 253:1 4/8 1 AS 3 disk 253:2 A", status(t, k, "m"))
	_, err := k.Suspend(dm.ByName("log"), dm.SuspendOptions{})
	require.NoError(t, err)
	require.ErrorIs(t, k.WriteDevice("m", []byte("x"), 0), syscall.EAGAIN)
}
