package dmfake_test

import (
	"bytes"
	"strings"
	"syscall"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/dmfake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withPool makes a pool of eight chunks with a volume.
func withPool(t *testing.T, features string) *dmfake.Kernel {
	t.Helper()
	k := dmfake.New()
	k.AddDisk(disk, diskSize.Sectors())
	loadPool(t, k, features)
	send(t, k, "pool", "create_thin 1")
	numbered(t, k, "thin", "0 4096 thin <pool> 1")
	return k
}

func loadPool(t *testing.T, k *dmfake.Kernel, features string) {
	t.Helper()
	numbered(t, k, "meta", "0 256 linear <disk> 0", "data", "0 1024 linear <disk> 512",
		"pool", "0 1024 thin-pool <meta> <data> 128 0"+features)
}

func send(t *testing.T, k *dmfake.Kernel, name, text string) {
	t.Helper()
	_, _, err := k.Message(dm.ByName(name), 0, text)
	require.NoError(t, err, text)
}

// statusWord returns a word of the status of a device.
func statusWord(t *testing.T, k *dmfake.Kernel, name string, i int) string {
	t.Helper()
	_, lines, err := k.TargetStatus(dm.ByName(name), dm.QueryOptions{})
	require.NoError(t, err)
	return strings.Fields(lines[0].Status)[i]
}

const chunk = 64 << 10

func fill(t *testing.T, k *dmfake.Kernel, name string, letter byte, chunks ...int64) {
	t.Helper()
	for _, c := range chunks {
		require.NoError(t, k.WriteDevice(name, bytes.Repeat([]byte{letter}, chunk), c*chunk))
	}
}

func letterAt(t *testing.T, k *dmfake.Kernel, name string, off int64) byte {
	t.Helper()
	b := make([]byte, 1)
	require.NoError(t, k.ReadDevice(name, b, off))
	return b[0]
}

// A pool without space holds writes back, until it has waited for too long or has
// got some.
func TestThinQueues(t *testing.T) {
	t.Parallel()
	k := withPool(t, "")
	fill(t, k, "thin", 'a', 0, 1, 2, 3, 4, 5, 6, 7)
	require.ErrorIs(t, k.WriteDevice("thin", []byte("b"), 8*chunk), syscall.EAGAIN)
	require.NoError(t, k.WriteDevice("thin", []byte("b"), 7*chunk))
	assert.Equal(t, "out_of_data_space", statusWord(t, k, "pool", 4))
	assert.Equal(t, "queue_if_no_space", statusWord(t, k, "pool", 6))
	k.ExpireNoSpace()
	require.ErrorIs(t, k.WriteDevice("thin", []byte("b"), 8*chunk), syscall.ENOSPC)
	assert.Equal(t, "error_if_no_space", statusWord(t, k, "pool", 6))
	info, err := k.Status(dm.ByName("pool"))
	require.NoError(t, err)
	assert.EqualValues(t, 2, info.EventNr)
	send(t, k, "pool", "create_thin 2")
	send(t, k, "pool", "delete 2")
	assert.Equal(t, "out_of_data_space", statusWord(t, k, "pool", 4), "nothing was freed")
}

// What was committed is there after a loss of power, also in another kernel.
func TestThinSurvives(t *testing.T) {
	t.Parallel()
	k := withPool(t, "")
	contents := &ram{}
	k.SetDisk(disk, contents)
	k.Crash()
	loadPool(t, k, "")
	send(t, k, "pool", "create_thin 1")
	numbered(t, k, "thin", "0 4096 thin <pool> 1")
	fill(t, k, "thin", 'a', 5)
	_, err := k.Suspend(dm.ByName("thin"), dm.SuspendOptions{})
	require.NoError(t, err)
	send(t, k, "pool", "create_snap 2 1")
	send(t, k, "pool", "set_transaction_id 0 1")
	send(t, k, "pool", "reserve_metadata_snap")
	_, err = k.Resume(dm.ByName("thin"), dm.ResumeOptions{})
	require.NoError(t, err)
	fill(t, k, "thin", 'b', 5)
	older := &ram{b: contents.b}
	fill(t, k, "thin", 'c', 5, 6)
	k.Crash()
	require.Empty(t, k.State())
	for _, c := range []struct {
		disk *ram
		want string
	}{{contents, "cac\x00"}, {older, "ba\x00\x00"}} {
		k := dmfake.New()
		k.AddDisk(disk, diskSize.Sectors())
		k.SetDisk(disk, c.disk)
		loadPool(t, k, "")
		numbered(t, k, "thin", "0 4096 thin <pool> 1", "snap", "0 4096 thin <pool> 2")
		assert.Equal(t, "1", statusWord(t, k, "pool", 0))
		assert.NotEqual(t, "-", statusWord(t, k, "pool", 3))
		assert.Equal(t, c.want, string([]byte{letterAt(t, k, "thin", 5*chunk), letterAt(t, k, "snap", 5*chunk),
			letterAt(t, k, "thin", 6*chunk), letterAt(t, k, "snap", 6*chunk)}))
		send(t, k, "pool", "release_metadata_snap")
	}
	// What another volume has written over is lost.
	_, err = contents.WriteAt([]byte("x"), 4)
	require.NoError(t, err)
	k = dmfake.New()
	k.AddDisk(disk, diskSize.Sectors())
	k.SetDisk(disk, contents)
	numbered(t, k, "meta", "0 256 linear <disk> 0", "data", "0 1024 linear <disk> 512")
	_, err = k.Create("pool", "", dm.CreateOptions{})
	require.NoError(t, err)
	load := func() error {
		_, err := k.Load(dm.ByName("pool"), table(t, "0 1024 thin-pool 253:0 253:1 128 0"), dm.LoadOptions{})
		return err
	}
	require.ErrorIs(t, load(), syscall.EILSEQ)
	_, err = contents.WriteAt(make([]byte, 4096), 0)
	require.NoError(t, err)
	require.NoError(t, load())
	_, err = k.Resume(dm.ByName("pool"), dm.ResumeOptions{})
	require.NoError(t, err)
	assert.Equal(t, "0", statusWord(t, k, "pool", 0), "new")
}

// A pool whose metadata are to be checked is read-only, also later.
func TestThinNeedsCheck(t *testing.T) {
	t.Parallel()
	k := withPool(t, "")
	fill(t, k, "thin", 'a', 0)
	require.False(t, k.SetNeedsCheck("thin"))
	require.True(t, k.SetNeedsCheck("pool"))
	for range 2 {
		assert.Equal(t, "ro", statusWord(t, k, "pool", 4))
		assert.Equal(t, "needs_check", statusWord(t, k, "pool", 7))
		require.ErrorIs(t, k.WriteDevice("thin", []byte("b"), chunk), syscall.EIO)
		require.NoError(t, k.WriteDevice("thin", []byte("b"), 0))
		_, _, err := k.Message(dm.ByName("pool"), 0, "create_thin 2")
		require.ErrorIs(t, err, syscall.EOPNOTSUPP)
		k.Crash()
		loadPool(t, k, "")
		numbered(t, k, "thin", "0 4096 thin <pool> 1")
	}
}

// Metadata that are full make the pool read-only until there is room.
func TestThinMetadataFull(t *testing.T) {
	t.Parallel()
	k := withPool(t, "")
	for id := 2; statusWord(t, k, "pool", 4) == "rw"; id++ {
		require.Less(t, id, 32)
		send(t, k, "pool", "create_thin "+string(rune('0'+id/10))+string(rune('0'+id%10)))
	}
	assert.Equal(t, "32/32", statusWord(t, k, "pool", 1))
	_, _, err := k.Message(dm.ByName("pool"), 0, "create_thin 50")
	require.ErrorIs(t, err, syscall.EOPNOTSUPP)
	p := newPlayer(k, disk)
	for _, s := range k.State() {
		p.devs[s.Dev] = s.Name
	}
	p.load("meta", "0 512 linear <disk> 0", dm.LoadOptions{})
	p.resume("meta")
	p.suspend("pool")
	p.resume("pool")
	assert.Equal(t, "rw", statusWord(t, k, "pool", 4))
	send(t, k, "pool", "create_thin 50")
}

// A pool whose metadata cannot be written fails.
func TestThinFails(t *testing.T) {
	t.Parallel()
	k := withPool(t, "")
	p := newPlayer(k, disk)
	p.load("meta", "0 256 error", dm.LoadOptions{})
	p.resume("meta")
	_, _, err := k.Message(dm.ByName("pool"), 0, "create_thin 2")
	require.NoError(t, err)
	assert.Equal(t, "Fail", statusWord(t, k, "pool", 0))
	assert.Equal(t, "Fail", statusWord(t, k, "thin", 0))
	require.ErrorIs(t, k.ReadDevice("thin", make([]byte, 1), 0), syscall.EIO)
	_, _, err = k.Message(dm.ByName("pool"), 0, "create_thin 3")
	require.ErrorIs(t, err, syscall.EOPNOTSUPP)
}

// I/O waits for the pool and what is beneath it. A snapshot of what is written to
// is a hazard.
func TestThinSuspended(t *testing.T) {
	t.Parallel()
	k := withPool(t, "")
	for _, name := range []string{"meta", "data", "pool", "thin"} {
		_, err := k.Suspend(dm.ByName(name), dm.SuspendOptions{})
		require.NoError(t, err)
		require.ErrorIs(t, k.ReadDevice("thin", make([]byte, 1), 0), syscall.EAGAIN, name)
		require.ErrorIs(t, k.WriteDevice("thin", make([]byte, 1), 0), syscall.EAGAIN, name)
		if name == "meta" {
			_, _, err = k.Message(dm.ByName("pool"), 0, "create_thin 2")
			require.ErrorIs(t, err, syscall.EDEADLK)
		}
		_, err = k.Resume(dm.ByName(name), dm.ResumeOptions{})
		require.NoError(t, err)
	}
	require.Empty(t, k.Hazards())
	send(t, k, "pool", "create_snap 2 1")
	require.Equal(t, []string{"snapshot of thin, which is not suspended"}, k.Hazards())
}

// A volume reaches all of its pool, and its external origin.
func TestThinUses(t *testing.T) {
	t.Parallel()
	k := withPool(t, "")
	send(t, k, "pool", "create_thin 2")
	numbered(t, k, "org", "0 8 linear <disk> 3000", "two", "0 128 thin <pool> 2 <org>")
	got := map[string][]string{}
	for _, u := range k.Uses() {
		got[u.Name] = append(got[u.Name], u.Through)
	}
	assert.Equal(t, map[string][]string{
		"meta": {"meta"}, "data": {"data"}, "pool": {"data", "meta"}, "thin": {"data", "meta"}, "org": {"org"}, "two": {"data", "meta", "org"},
	}, got)
}

// New chunks are as they are found if nobody wants them zeroed.
func TestThinZeroing(t *testing.T) {
	t.Parallel()
	for features, want := range map[string]byte{"": 0, " 1 skip_block_zeroing": 'x'} {
		k := withPool(t, features)
		require.NoError(t, k.WriteDevice("data", bytes.Repeat([]byte("x"), chunk), 0))
		require.NoError(t, k.WriteDevice("thin", []byte("y"), 3))
		assert.Equal(t, byte('y'), letterAt(t, k, "thin", 3))
		assert.Equal(t, want, letterAt(t, k, "thin", 4))
	}
}
