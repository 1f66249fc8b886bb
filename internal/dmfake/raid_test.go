package dmfake_test

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/dmfake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withArray makes an array of legs of 512 sectors.
func withArray(t *testing.T, params string, length, legs int) *dmfake.Kernel {
	t.Helper()
	k := dmfake.New()
	k.AddDisk(disk, diskSize.Sectors())
	k.SetPace(1)
	makeLegs(t, k, legs)
	numbered(t, k, "r", arrayTable(params, length, legs))
	return k
}

func makeLegs(t *testing.T, k *dmfake.Kernel, legs int) {
	t.Helper()
	for i := range legs {
		numbered(t, k, fmt.Sprint("meta", i), fmt.Sprintf("0 64 linear <disk> %d", i*640),
			fmt.Sprint("data", i), fmt.Sprintf("0 512 linear <disk> %d", i*640+64))
	}
}

func arrayTable(params string, length, legs int, absent ...int) string {
	numbers := make([]int, legs)
	for i := range numbers {
		numbers[i] = i
	}
	for _, i := range absent {
		numbers[i] = -1
	}
	return fmt.Sprintf("0 %d raid %s %s", length, params, raidLegs(numbers...))
}

// knowing returns a player who knows the devices of a kernel.
func knowing(k *dmfake.Kernel) *player {
	p := newPlayer(k, disk)
	for _, s := range k.State() {
		p.devs[s.Dev] = s.Name
	}
	return p
}

func raidState(t *testing.T, k *dmfake.Kernel) string {
	t.Helper()
	_, lines, err := k.TargetStatus(dm.ByName("r"), dm.QueryOptions{})
	require.NoError(t, err)
	return lines[0].Status
}

// fails makes a device answer with errors.
func fails(k *dmfake.Kernel, name, table string) {
	p := knowing(k)
	p.load(name, table, dm.LoadOptions{})
	p.resume(name)
}

// Arrays come in sync as far as they are let, and go on from there later.
func TestRAIDPace(t *testing.T) {
	t.Parallel()
	k := withArray(t, "raid5_ls 3 16 region_size 128", 1024, 3)
	assert.Equal(t, "raid5_ls 3 aaa 128/512 resync 0 0 -", raidState(t, k))
	require.NoError(t, k.WriteDevice("r", bytes.Repeat([]byte("x"), 512<<10), 0))
	assert.Equal(t, "raid5_ls 3 aaa 256/512 resync 0 0 -", raidState(t, k))
	_, _, err := k.Message(dm.ByName("r"), 0, "check")
	require.ErrorIs(t, err, syscall.EBUSY)
	send(t, k, "r", "frozen")
	assert.Equal(t, "raid5_ls 3 aaa 0/512 frozen 0 0 -", raidState(t, k))
	send(t, k, "r", "idle")
	k.Crash()
	makeLegs(t, k, 3)
	numbered(t, k, "r", arrayTable("raid5_ls 3 16 region_size 128", 1024, 3))
	assert.Equal(t, "raid5_ls 3 aaa 384/512 resync 0 0 -", raidState(t, k))
	assert.Equal(t, "raid5_ls 3 AAA 512/512 idle 0 0 -", raidState(t, k))
	info, err := k.Status(dm.ByName("r"))
	require.NoError(t, err)
	assert.EqualValues(t, 1, info.EventNr)
	send(t, k, "r", "check")
	assert.Equal(t, "raid5_ls 3 AAA 128/512 check 0 0 -", raidState(t, k))
	k.SetPace(0)
	assert.Equal(t, "raid5_ls 3 AAA 512/512 idle 0 0 -", raidState(t, k))
}

// What a leg lacks that is written anew comes from the others, and so do writes.
func TestRAIDRecovers(t *testing.T) {
	t.Parallel()
	k := withArray(t, "raid6_zr 3 16 region_size 128", 1024, 4)
	k.SetPace(0)
	raidState(t, k)
	k.SetPace(1)
	fill(t, k, "r", 'a', 0, 1, 2, 3, 4, 5, 6, 7)
	for i := range 2 {
		fails(k, fmt.Sprint("data", i), "0 512 error")
		require.NoError(t, k.WriteDevice("r", []byte("b"), int64(i)*chunk))
	}
	assert.Equal(t, "raid6_zr 4 DDAA 512/512 idle 0 0 -", raidState(t, k))
	for i := range 2 {
		fails(k, fmt.Sprint("data", i), fmt.Sprintf("0 512 linear <disk> %d", i*640+64))
		require.NoError(t, k.WriteDevice(fmt.Sprint("data", i), bytes.Repeat([]byte("?"), 512*512), 0))
	}
	p := knowing(k)
	p.suspend("r")
	p.resume("r")
	assert.Equal(t, "raid6_zr 4 aaAA 128/512 recover 0 0 -", raidState(t, k))
	require.NoError(t, k.WriteDevice("r", []byte("c"), 0))
	require.NoError(t, k.WriteDevice("r", []byte("d"), 7*chunk))
	assert.Equal(t, "raid6_zr 4 aaAA 256/512 recover 0 0 -", raidState(t, k))
	fails(k, "data2", "0 512 error")
	require.ErrorIs(t, k.WriteDevice("r", []byte("e"), 6*chunk), syscall.EIO, "of three legs two know nothing there")
	fails(k, "data2", "0 512 linear <disk> 1344")
	k.SetPace(0)
	assert.Equal(t, "raid6_zr 4 AAAA 512/512 idle 0 0 -", raidState(t, k))
	for at, want := range map[int64]byte{0: 'c', 1: 'b', 2: 'a', 7: 'd'} {
		assert.Equal(t, want, letterAt(t, k, "r", at*chunk))
		assert.Equal(t, byte('a'), letterAt(t, k, "r", at*chunk+1))
	}
	send(t, k, "r", "check")
	raidState(t, k)
	assert.Equal(t, "raid6_zr 4 AAAA 512/512 idle 0 0 -", raidState(t, k))
}

// Without enough legs there is no array, and the last ones are not given up.
func TestRAIDLost(t *testing.T) {
	t.Parallel()
	k := withArray(t, "raid1 3 0 region_size 128", 512, 2)
	fails(k, "data0", "0 512 error")
	require.ErrorIs(t, k.WriteDevice("data0", []byte("x"), 0), syscall.EIO)
	fails(k, "data1", "0 512 error")
	require.ErrorIs(t, k.ReadDevice("r", make([]byte, 1), 0), syscall.EIO)
	require.ErrorIs(t, k.WriteDevice("r", make([]byte, 1), 0), syscall.EIO)
	assert.Contains(t, []string{"raid1 2 Da", "raid1 2 aD"}, raidState(t, k)[:10])

	k = withArray(t, "raid0 1 16", 1024, 2)
	fails(k, "data0", "0 512 error")
	require.ErrorIs(t, k.WriteDevice("r", []byte("x"), 0), syscall.EIO)
	require.NoError(t, k.WriteDevice("r", []byte("x"), 8192))
	_, _, err := k.Message(dm.ByName("r"), 0, "check")
	require.ErrorIs(t, err, syscall.EINVAL)

	k = withArray(t, "raid5_ls 3 16 region_size 128", 1024, 3)
	_, err = k.Remove(dm.ByName("r"), dm.RemoveOptions{})
	require.NoError(t, err)
	p := knowing(k)
	p.create("r", "")
	p.load("r", arrayTable("raid5_ls 3 16 region_size 128", 1024, 3, 0, 1), dm.LoadOptions{})
	p.load("r", arrayTable("raid1 3 0 region_size 128", 1024, 3), dm.LoadOptions{})
	p.load("r", arrayTable("raid6_zr 3 16 region_size 128", 512, 3), dm.LoadOptions{})
	assert.Equal(t, 3, bytes.Count([]byte(p.out.String()), []byte("EINVAL")))
}

// A leg that comes back while the array goes on without it is taken for good: the
// superblocks are read when the table is loaded, before it is suspended.
func TestRAIDReturnsUnnoticed(t *testing.T) {
	t.Parallel()
	const params = "raid1 3 0 region_size 128"
	for _, first := range []string{"load", "suspend"} {
		k := withArray(t, params, 512, 2)
		k.SetPace(0)
		raidState(t, k)
		p := knowing(k)
		p.load("r", arrayTable(params, 512, 2, 1), dm.LoadOptions{})
		p.resume("r")
		require.NoError(t, k.WriteDevice("r", []byte("x"), 0))
		if first == "suspend" {
			p.suspend("r")
		}
		p.load("r", arrayTable(params, 512, 2), dm.LoadOptions{})
		p.suspend("r")
		p.resume("r")
		assert.Equal(t, "raid1 2 AA 512/512 idle 0 0 -", raidState(t, k))
		assert.Equal(t, first == "suspend", letterAt(t, k, "data1", 0) == 'x')
	}
}

// Levels that have the data at the same place follow each other, and arrays grow.
func TestRAIDTakeover(t *testing.T) {
	t.Parallel()
	k := withArray(t, "raid5_n 3 16 region_size 64", 768, 3)
	k.SetPace(0)
	raidState(t, k)
	fill(t, k, "r", 'a', 0, 1, 2, 3, 4, 5)
	_, err := k.Remove(dm.ByName("r"), dm.RemoveOptions{})
	require.NoError(t, err)
	numbered(t, k, "meta3", "0 64 linear <disk> 1920", "data3", "0 512 linear <disk> 1984")
	numbered(t, k, "r", arrayTable("raid6_n_6 5 16 rebuild 3 region_size 64", 768, 4))
	assert.Equal(t, "raid6_n_6 4 AAAA 384/384 idle 0 0 -", raidState(t, k))
	for _, i := range []int{0, 1} {
		fails(k, fmt.Sprint("data", i), "0 512 error")
	}
	for at := range int64(6) {
		assert.Equal(t, byte('a'), letterAt(t, k, "r", at*chunk+chunk-1))
	}
	p := knowing(k)
	for i := range 2 {
		fails(k, fmt.Sprint("data", i), fmt.Sprintf("0 512 linear <disk> %d", i*640+64))
	}
	p.suspend("r")
	p.resume("r")
	raidState(t, k)
	p.load("r", arrayTable("raid6_n_6 3 16 region_size 64", 1024, 4), dm.LoadOptions{})
	p.resume("r")
	k.SetPace(1)
	assert.Equal(t, "raid6_n_6 4 aaaa 448/512 resync 0 0 -", raidState(t, k))
}

func TestRAIDUses(t *testing.T) {
	t.Parallel()
	k := withArray(t, "raid5_ls 3 16 region_size 128", 1024, 3)
	numbered(t, k, "u", "0 32 linear <r> 32")
	var got []dmfake.Use
	for _, u := range k.Uses() {
		if u.Name == "u" {
			u.Name, u.Disk = "", 0
			got = append(got, u)
		}
	}
	assert.Equal(t, []dmfake.Use{
		{Through: "data0", Copying: true, Start: 80, Length: 16}, {Through: "meta0", Copying: true, Start: 0, Length: 64},
		{Through: "data1", Copying: true, Start: 720, Length: 16}, {Through: "meta1", Copying: true, Start: 640, Length: 64},
		{Through: "data2", Copying: true, Start: 1360, Length: 16}, {Through: "meta2", Copying: true, Start: 1280, Length: 64},
	}, got)
}

// A reshape begins with the table after the one that asks for it, goes on as far
// as it is let, and after a crash.
func TestRAIDReshape(t *testing.T) {
	t.Parallel()
	k := withArray(t, "raid5_ls 3 16 region_size 128", 1024, 3)
	k.SetPace(0)
	raidState(t, k)
	fill(t, k, "r", 'a', 0, 1, 2, 3, 4, 5, 6, 7)
	legs := func() {
		for i := range 4 {
			numbered(t, k, fmt.Sprint("meta", i), fmt.Sprintf("0 64 linear <disk> %d", i*640),
				fmt.Sprint("data", i), fmt.Sprintf("0 64 linear <disk> %d\n64 512 linear <disk> %d", i*640+576, i*640+64))
		}
	}
	k.Crash()
	legs()
	asks := arrayTable("raid5_ls 7 16 region_size 128 delta_disks 1 data_offset 64", 1536, 4)
	p := knowing(k)
	p.create("r", "")
	p.load("r", asks, dm.LoadOptions{})
	require.NotContains(t, p.out.String(), "EINVAL", "the fourth leg is blank")
	p.remove("r", false)
	k.Crash()
	makeLegs(t, k, 4)
	numbered(t, k, "r", arrayTable("raid5_ls 5 16 rebuild 3 region_size 128", 1536, 4))
	assert.Equal(t, "raid5_ls 3 AAAa 512/512 idle 0 0 -", raidState(t, k))
	k.Crash()
	legs()
	numbered(t, k, "r", asks)
	k.SetPace(1)
	for range 2 {
		assert.Equal(t, "raid5_ls 4 aaaa 0/512 reshape 0 64 -", raidState(t, k))
	}
	require.NoError(t, k.WriteDevice("r", []byte("b"), 0))
	require.ErrorIs(t, k.WriteDevice("r", []byte("b"), 1024*512), syscall.EIO, "there is no more yet")
	_, _, err := k.Message(dm.ByName("r"), 0, "check")
	require.ErrorIs(t, err, syscall.EBUSY)
	clean := arrayTable("raid5_ls 3 16 region_size 128", 1536, 4)
	reload(t, k, "r", clean)
	assert.Equal(t, "raid5_ls 4 aaaa 128/512 reshape 0 64 -", raidState(t, k))
	require.NoError(t, k.WriteDevice("r", []byte("c"), 3*chunk))
	k.Crash()
	legs()
	k.SetPace(0)
	numbered(t, k, "r", clean)
	assert.Equal(t, "raid5_ls 4 AAAA 512/512 idle 0 0 -", raidState(t, k))
	require.NoError(t, k.WriteDevice("r", []byte("d"), 1024*512))
	fails(k, "data2", "0 576 error")
	for at, want := range map[int64]byte{0: 'b', 1: 'a', 3: 'c', 7: 'a', 8: 'd'} {
		assert.Equal(t, want, letterAt(t, k, "r", at*chunk))
	}
}
