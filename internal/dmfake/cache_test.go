package dmfake_test

import (
	"bytes"
	"io"
	"syscall"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/cachemeta"
	"github.com/lvm-go/lvm/internal/dmfake"
	"github.com/lvm-go/lvm/internal/writecachemeta"
	"github.com/lvm-go/lvm/units"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	cacheTable      = "0 1024 cache <meta> <fast> <slow> 64 2 metadata2 "
	writeCacheTable = "0 1024 writecache s <slow> <fast> 4096 0"
)

// withCache makes a cache of eight blocks of 32 KiB, on a disk.
func withCache(t *testing.T, params string) (*dmfake.Kernel, *ram) {
	t.Helper()
	k := dmfake.New()
	contents := &ram{}
	k.AddDisk(disk, diskSize.Sectors())
	k.SetDisk(disk, contents)
	numbered(t, k, "meta", "0 256 linear <disk> 0", "fast", "0 512 linear <disk> 256", "slow", "0 1024 linear <disk> 1024")
	require.NoError(t, k.WriteDevice("slow", bytes.Repeat([]byte("o"), 512<<10), 0))
	numbered(t, k, "c", params)
	return k, contents
}

// reload gives a device another table.
func reload(t *testing.T, k *dmfake.Kernel, name, table string) {
	t.Helper()
	p := knowing(k)
	p.load(name, table, dm.LoadOptions{})
	p.suspend(name)
	p.resume(name)
	require.NotContains(t, p.out.String(), "fails")
}

func dirtyOf(t *testing.T, k *dmfake.Kernel) string { return statusWord(t, k, "c", 10) }

// part is a range of sectors of a disk.
func part(r io.ReaderAt, start, length units.Sectors) *io.SectionReader {
	return io.NewSectionReader(r, int64(start)*512, int64(length)*512)
}

// What is dirty is lost if the cache is taken away, and is not if it was cleaned.
func TestCacheIsDirty(t *testing.T) {
	t.Parallel()
	const piece = 32 << 10
	k, contents := withCache(t, cacheTable+"writeback smq 0")
	k.SetPace(1)
	for at := range int64(3) {
		require.NoError(t, k.WriteDevice("c", []byte("x"), at*piece))
	}
	assert.Equal(t, byte('x'), letterAt(t, k, "c", 0))
	assert.Equal(t, byte('o'), letterAt(t, k, "c", 1))
	assert.Equal(t, byte('o'), letterAt(t, k, "slow", 0))
	assert.Equal(t, "3", dirtyOf(t, k))
	p := knowing(k)
	p.create("d", "")
	p.load("d", "0 1024 cache <meta> <fast> <slow> 64 2 metadata2 passthrough smq 0", dm.LoadOptions{})
	require.Contains(t, p.out.String(), "EINVAL", "dirty")
	p.remove("d", false)

	// Everybody agrees on what is there, also after a crash.
	look := func() {
		m, err := cachemeta.Open(part(contents, 0, 256), 256*512)
		require.NoError(t, err)
		v, err := cachemeta.NewVolume(m, 1024*512, part(contents, 1024, 1024), part(contents, 256, 512))
		require.NoError(t, err)
		seen, want := make([]byte, 512<<10), make([]byte, 512<<10)
		_, err = v.ReadAt(seen, 0)
		require.NoError(t, err)
		require.NoError(t, k.ReadDevice("c", want, 0))
		assert.True(t, bytes.Equal(seen, want))
	}
	look()
	k.Crash()
	numbered(t, k, "meta", "0 256 linear <disk> 0", "fast", "0 512 linear <disk> 256", "slow", "0 1024 linear <disk> 1024",
		"c", cacheTable+"writeback smq 0")
	assert.Equal(t, "8", dirtyOf(t, k), "the cache that was not shut down: all that is in it")
	require.NoError(t, k.WriteDevice("c", []byte("y"), 9*piece))
	p = knowing(k)
	p.suspend("c")
	look2 := *contents
	p.resume("c")
	m, err := cachemeta.Open(part(&look2, 0, 256), 256*512)
	require.NoError(t, err)
	assert.True(t, m.Clean())
	look()

	for at := range int64(3) {
		require.NoError(t, k.WriteDevice("c", []byte("w"), at*piece+1))
	}
	reload(t, k, "c", cacheTable+"writethrough cleaner 0")
	assert.NotEqual(t, "0", dirtyOf(t, k))
	k.SetPace(0)
	assert.Equal(t, "0", dirtyOf(t, k))
	require.NoError(t, k.WriteDevice("c", []byte("z"), 0))
	reload(t, k, "c", "0 1024 linear <slow> 0")
	for at, want := range map[int64]byte{0: 'z', 1: 'x', 2: 'x', 9: 'y', 10: 'o'} {
		assert.Equal(t, want, letterAt(t, k, "c", at*piece))
	}

	k, _ = withCache(t, cacheTable+"writeback smq 0")
	require.NoError(t, k.WriteDevice("c", []byte("x"), 0))
	reload(t, k, "c", "0 1024 linear <slow> 0")
	assert.Equal(t, byte('o'), letterAt(t, k, "c", 0), "lost")
}

// What a cache holds that is not dirty is taken for what the origin holds.
func TestCacheIsStale(t *testing.T) {
	t.Parallel()
	k, _ := withCache(t, cacheTable+"writethrough smq 0")
	require.NoError(t, k.WriteDevice("c", []byte("x"), 0))
	assert.Equal(t, byte('x'), letterAt(t, k, "slow", 0))
	assert.Equal(t, "0", dirtyOf(t, k))
	reload(t, k, "c", "0 1024 linear <slow> 0")
	require.NoError(t, k.WriteDevice("c", []byte("y"), 0))
	reload(t, k, "c", cacheTable+"writethrough smq 0")
	assert.Equal(t, byte('x'), letterAt(t, k, "c", 0))
	reload(t, k, "c", cacheTable+"passthrough smq 0")
	assert.Equal(t, byte('y'), letterAt(t, k, "c", 0))
	require.NoError(t, k.WriteDevice("c", []byte("z"), 0))
	reload(t, k, "c", cacheTable+"writethrough smq 0")
	assert.Equal(t, byte('z'), letterAt(t, k, "c", 0))
}

// A cache that gets smaller must have nothing dirty where it ends.
func TestCacheSize(t *testing.T) {
	t.Parallel()
	const piece = 32 << 10
	k, _ := withCache(t, cacheTable+"writeback smq 0")
	for at := range int64(12) {
		require.NoError(t, k.WriteDevice("c", []byte("x"), at*piece))
	}
	assert.Equal(t, "8", dirtyOf(t, k))
	p := knowing(k)
	p.load("fast", "0 256 linear <disk> 256", dm.LoadOptions{})
	p.resume("fast")
	p.suspend("c")
	_, err := k.Resume(dm.ByName("c"), dm.ResumeOptions{})
	require.ErrorIs(t, err, syscall.EINVAL)
	p.load("fast", "0 512 linear <disk> 256", dm.LoadOptions{})
	p.resume("fast")
	p.resume("c")
	for at := range int64(12) {
		assert.Equal(t, byte('x'), letterAt(t, k, "c", at*piece))
	}
	_, err = k.Suspend(dm.ByName("slow"), dm.SuspendOptions{})
	require.NoError(t, err)
	require.ErrorIs(t, k.ReadDevice("c", make([]byte, 1), 0), syscall.EAGAIN)
}

func TestWriteCacheIsDirty(t *testing.T) {
	t.Parallel()
	k, contents := withCache(t, writeCacheTable)
	k.SetPace(1)
	for _, at := range []int64{0, 1, 40, 1} {
		require.NoError(t, k.WriteDevice("c", []byte("x"), at*4096))
	}
	assert.Equal(t, "60", statusWord(t, k, "c", 2))
	assert.Equal(t, byte('o'), letterAt(t, k, "slow", 0))
	look := func() {
		m, err := writecachemeta.Open(part(contents, 256, 512), 512*512)
		require.NoError(t, err)
		v, err := writecachemeta.NewVolume(m, 1024*512, part(contents, 1024, 1024))
		require.NoError(t, err)
		seen, want := make([]byte, 512<<10), make([]byte, 512<<10)
		_, err = v.ReadAt(seen, 0)
		require.NoError(t, err)
		require.NoError(t, k.ReadDevice("c", want, 0))
		assert.True(t, bytes.Equal(seen, want))
	}
	look()
	k.Crash()
	numbered(t, k, "fast", "0 512 linear <disk> 256", "slow", "0 1024 linear <disk> 1024", "c", writeCacheTable)
	assert.Equal(t, byte('x'), letterAt(t, k, "c", 40*4096))
	for at := range int64(100) {
		require.NoError(t, k.WriteDevice("c", []byte("y"), at*4096))
	}
	look()
	send(t, k, "c", "cleaner")
	assert.Equal(t, "1", statusWord(t, k, "c", 2))
	require.NoError(t, k.WriteDevice("c", []byte("z"), 120*4096))
	assert.Equal(t, byte('z'), letterAt(t, k, "slow", 120*4096))
	k.SetPace(0)
	assert.Equal(t, "63", statusWord(t, k, "c", 2))
	reload(t, k, "c", "0 1024 linear <slow> 0")
	for at := range int64(100) {
		assert.Equal(t, byte('y'), letterAt(t, k, "c", at*4096))
	}

	k, _ = withCache(t, writeCacheTable)
	require.NoError(t, k.WriteDevice("c", []byte("x"), 0))
	reload(t, k, "c", "0 1024 linear <slow> 0")
	assert.Equal(t, byte('o'), letterAt(t, k, "c", 0), "lost")
}

// withIntegrity makes two legs with checksums, and an array on them.
func withIntegrity(t *testing.T) *dmfake.Kernel {
	t.Helper()
	k := dmfake.New()
	k.AddDisk(disk, diskSize.Sectors())
	for i := range 2 {
		n := string(rune('0' + i))
		numbered(t, k, "imeta"+n, "0 512 linear <disk> "+[]string{"0", "2048"}[i], "iorig"+n, "0 512 linear <disk> "+[]string{"512", "2560"}[i],
			"data"+n, "0 512 integrity <iorig"+n+"> 0 4 J 3 internal_hash:crc32c meta_device:<imeta"+n+"> recalculate",
			"meta"+n, "0 64 linear <disk> "+[]string{"1024", "3072"}[i])
	}
	k.SetPace(1)
	assert.Equal(t, "0 512 128", status(t, k, "data0"))
	k.SetPace(0)
	assert.Equal(t, "0 512 512", status(t, k, "data0"))
	numbered(t, k, "r", "0 512 raid raid1 3 0 region_size 64 2 <meta0> <data0> <meta1> <data1>")
	assert.Equal(t, "raid1 2 AA 512/512 idle 0 0 -", status(t, k, "r"))
	return k
}

func status(t *testing.T, k *dmfake.Kernel, name string) string {
	t.Helper()
	_, lines, err := k.TargetStatus(dm.ByName(name), dm.QueryOptions{})
	require.NoError(t, err)
	return lines[0].Status
}

// An array takes what does not fit its checksum from another leg, and writes it
// anew.
func TestIntegrityUnderRAID(t *testing.T) {
	t.Parallel()
	k := withIntegrity(t)
	require.NoError(t, k.WriteDevice("r", []byte("x"), 5000))
	require.NoError(t, k.WriteDevice("iorig0", []byte("?"), 5000))
	require.NoError(t, k.WriteDevice("iorig0", []byte("?"), 9000))
	require.ErrorIs(t, k.ReadDevice("data0", make([]byte, 1), 5000), syscall.EILSEQ)
	assert.Equal(t, byte('x'), letterAt(t, k, "r", 5000))
	assert.Equal(t, byte('x'), letterAt(t, k, "data0", 5000))
	assert.Equal(t, "raid1 2 AA 512/512 idle 0 0 -", status(t, k, "r"))
	assert.NotEqual(t, "0", statusWord(t, k, "data0", 0))
	send(t, k, "r", "repair")
	status(t, k, "r")
	assert.Equal(t, byte(0), letterAt(t, k, "data0", 9000))
	p := knowing(k)
	p.removeAll("r", "data0")
	p.create("data0", "")
	p.load("data0", "0 512 integrity <iorig0> 0 4 J 3 internal_hash:crc32c meta_device:<imeta0> recalculate\n512 8 zero", dm.LoadOptions{})
	p.load("data0", "0 1024 integrity <iorig0> 0 4 J 3 internal_hash:crc32c meta_device:<imeta0> recalculate", dm.LoadOptions{})
	p.load("data0", "0 512 integrity <iorig0> 0 4 J 3 internal_hash:crc32c meta_device:<iorig1> recalculate", dm.LoadOptions{})
	assert.Equal(t, 2, bytes.Count([]byte(p.out.String()), []byte("EINVAL")))
}
