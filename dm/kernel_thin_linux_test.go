package dm_test

import (
	"syscall"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// assertEqual checks that the kernel reports the table as one that is the same.
func assertEqual(t *testing.T, c *dm.Control, dev dm.Dev, want dm.Table) {
	t.Helper()
	_, got, err := c.Table(dm.ByDev(dev), dm.QueryOptions{})
	require.NoError(t, err)
	assert.True(t, got.Equal(want), "reported:\n%sloaded:\n%s", got, want)
}

// reload gives a device another table.
func reload(t *testing.T, c *dm.Control, dev dm.Dev, table dm.Table) {
	t.Helper()
	_, err := c.Load(dm.ByDev(dev), table, dm.LoadOptions{})
	require.NoError(t, err)
	_, err = c.Resume(dm.ByDev(dev), dm.ResumeOptions{})
	require.NoError(t, err)
}

// tell sends a message that has no answer.
func tell(t *testing.T, c *dm.Control, dev dm.Dev, text string) {
	t.Helper()
	_, replied, err := c.Message(dm.ByDev(dev), 0, text)
	require.NoError(t, err, text)
	assert.False(t, replied, text)
}

// assertTold sends messages that fail.
func assertTold(t *testing.T, c *dm.Control, dev dm.Dev, failures map[string]failure) {
	t.Helper()
	for text, f := range failures {
		_, _, err := c.Message(dm.ByDev(dev), 0, text)
		assert.ErrorIs(t, err, f.kind, text)
		assert.ErrorIs(t, err, f.errno, text)
	}
}

type failure struct {
	kind  error
	errno syscall.Errno
}

// pool makes a thin pool with 2 MiB of metadata and 4 MiB of data.
func pool(t *testing.T, c *dm.Control, change func(*dm.ThinPool)) (dev dm.Dev, table dm.Table) {
	t.Helper()
	target := dm.ThinPool{
		Metadata: loop(t, 2*units.MiB).String(), Data: loop(t, 4*units.MiB).String(), BlockSize: 128,
	}
	if change != nil {
		change(&target)
	}
	table = one(sectors(4*units.MiB), target)
	return active(t, c, "pool", table).Dev, table
}

func poolStatus(t *testing.T, c *dm.Control, dev dm.Dev) dm.ThinPoolStatus {
	t.Helper()
	s, err := dm.ParseThinPoolStatus(statusText(t, c, dev))
	require.NoError(t, err)
	return s
}

func thinStatus(t *testing.T, c *dm.Control, dev dm.Dev) dm.ThinStatus {
	t.Helper()
	s, err := dm.ParseThinStatus(statusText(t, c, dev))
	require.NoError(t, err)
	return s
}

func TestKernelThinPool(t *testing.T) {
	c := kernel(t)
	p, table := pool(t, c, nil)
	assertTable(t, c, p, table)
	status := poolStatus(t, c, p)
	assert.Positive(t, status.UsedMetadata)
	assert.Positive(t, status.MetadataLowWater)
	status.UsedMetadata, status.MetadataLowWater = 0, 0
	assert.Equal(t, dm.ThinPoolStatus{Mode: dm.ThinPoolReadWrite, Metadata: 512, Data: 64}, status)

	tell(t, c, p, dm.ThinCreate(1))
	tell(t, c, p, dm.ThinCreate(dm.MaxThinID))
	tell(t, c, p, dm.ThinSetTransactionID(0, 1))
	tell(t, c, p, dm.ThinSetTransactionID(1, 1<<40))
	tell(t, c, p, dm.ThinReserveMetadataSnapshot)
	status = poolStatus(t, c, p)
	assert.Equal(t, uint64(1<<40), status.TransactionID)
	assert.Positive(t, status.MetadataSnapshot)
	assertTold(t, c, p, map[string]failure{
		dm.ThinCreate(1):                  {dm.ErrExists, unix.EEXIST},
		dm.ThinCreate(dm.MaxThinID + 1):   {dm.ErrInvalid, unix.EINVAL},
		dm.ThinSnap(1, dm.MaxThinID):      {dm.ErrExists, unix.EEXIST},
		dm.ThinSnap(2, 9):                 {dm.ErrNotFound, unix.ENODATA},
		dm.ThinDelete(9):                  {dm.ErrNotFound, unix.ENODATA},
		dm.ThinSetTransactionID(1, 2):     {dm.ErrInvalid, unix.EINVAL},
		dm.ThinReserveMetadataSnapshot:    {dm.ErrBusy, unix.EBUSY},
		"sing":                            {dm.ErrInvalid, unix.EINVAL},
		dm.ThinCreate(3) + " and another": {dm.ErrInvalid, unix.EINVAL},
	})
	tell(t, c, p, dm.ThinReleaseMetadataSnapshot)
	assert.Zero(t, poolStatus(t, c, p).MetadataSnapshot)
	assertTold(t, c, p, map[string]failure{dm.ThinReleaseMetadataSnapshot: {dm.ErrInvalid, unix.EINVAL}})
	tell(t, c, p, dm.ThinDelete(dm.MaxThinID))
	assertTold(t, c, p, map[string]failure{dm.ThinDelete(dm.MaxThinID): {dm.ErrNotFound, unix.ENODATA}})

	_, err := c.Create("no", "", dm.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { remove(t, c, "no") })
	_, err = c.Load(dm.ByName("no"), one(8, dm.Thin{Pool: p.String(), ID: 9}), dm.LoadOptions{})
	assert.ErrorIs(t, err, dm.ErrNotFound)
	assert.ErrorIs(t, err, unix.ENODATA)
}

func TestKernelThin(t *testing.T) {
	c := kernel(t)
	p, _ := pool(t, c, nil)
	tell(t, c, p, dm.ThinCreate(1))
	table := one(sectors(units.MiB), dm.Thin{Pool: p.String(), ID: 1})
	v := active(t, c, "v", table).Dev
	assertTable(t, c, v, table)
	assert.Equal(t, dm.ThinStatus{State: dm.ThinValid}, thinStatus(t, c, v))
	assertTold(t, c, p, map[string]failure{dm.ThinDelete(1): {dm.ErrBusy, unix.EBUSY}})
	require.NoError(t, put(v, "old", 256<<10))
	assert.Equal(t, dm.ThinStatus{State: dm.ThinValid, Mapped: 128, Highest: 639}, thinStatus(t, c, v))
	assert.Equal(t, uint64(1), poolStatus(t, c, p).UsedData)

	// A snapshot shares the block until one of the two writes to it.
	_, err := c.Suspend(dm.ByDev(v), dm.SuspendOptions{})
	require.NoError(t, err)
	tell(t, c, p, dm.ThinSnap(2, 1))
	_, err = c.Resume(dm.ByDev(v), dm.ResumeOptions{})
	require.NoError(t, err)
	s := active(t, c, "s", one(sectors(units.MiB), dm.Thin{Pool: p.String(), ID: 2})).Dev
	assert.Equal(t, dm.ThinStatus{State: dm.ThinValid, Mapped: 128, Highest: 639}, thinStatus(t, c, s))
	assert.Equal(t, uint64(1), poolStatus(t, c, p).UsedData)
	require.NoError(t, put(v, "new", 256<<10))
	assert.Equal(t, uint64(2), poolStatus(t, c, p).UsedData)
	assertHas(t, v, "new", 256<<10)
	assertHas(t, s, "old", 256<<10)

	// What a volume does not have it reads from its external origin.
	origin := loop(t, units.MiB)
	base := active(t, c, "base", one(sectors(units.MiB), dm.Linear{Device: origin.String()})).Dev
	require.NoError(t, put(base, "base", 0))
	tell(t, c, p, dm.ThinCreate(3))
	table = one(sectors(2*units.MiB), dm.Thin{Pool: p.String(), ID: 3, ExternalOrigin: base.String()})
	e := active(t, c, "e", table).Dev
	assertTable(t, c, e, table)
	assertHas(t, e, "base", 0)
	assertHas(t, e, "\x00", 1<<20)
	require.NoError(t, put(e, "mine", 512))
	assertHas(t, e, "base", 0)
	assertHas(t, e, "mine", 512)
	assertHas(t, base, "\x00\x00\x00\x00", 512)
	remove(t, c, "e")
	tell(t, c, p, dm.ThinDelete(3))
	assert.Equal(t, uint64(2), poolStatus(t, c, p).UsedData)
}

func TestKernelThinPoolChanges(t *testing.T) {
	c := kernel(t)
	p, table := pool(t, c, func(target *dm.ThinPool) {
		target.LowWater, target.SkipZeroing, target.Discard, target.ErrorIfNoSpace = 5, true, dm.ThinDiscardNoPassdown, true
	})
	assertTable(t, c, p, table)
	status := poolStatus(t, c, p)
	assert.Equal(t, dm.ThinDiscardNoPassdown, status.Discard)
	assert.True(t, status.ErrorIfNoSpace)
	tell(t, c, p, dm.ThinCreate(1))

	target := table[0].Target.(dm.ThinPool)
	target.LowWater, target.SkipZeroing, target.Discard, target.ErrorIfNoSpace = 0, false, dm.ThinDiscardPassdown, false
	changed := one(table.Length(), target)
	reload(t, c, p, changed)
	assertTable(t, c, p, changed)
	assert.Equal(t, dm.ThinDiscardPassdown, poolStatus(t, c, p).Discard)

	target.Discard = dm.ThinDiscardIgnore
	_, err := c.Load(dm.ByDev(p), one(table.Length(), target), dm.LoadOptions{})
	assert.ErrorIs(t, err, dm.ErrInvalid, "discards cannot be switched off")
	_, err = c.Load(dm.ByDev(p), one(table.Length(), dm.Zero{}), dm.LoadOptions{})
	assert.ErrorIs(t, err, dm.ErrInvalid, "a pool stays a pool")
	_, err = c.Load(dm.ByDev(p), one(table.Length()/2, changed[0].Target), dm.LoadOptions{})
	require.NoError(t, err)
	_, err = c.Resume(dm.ByDev(p), dm.ResumeOptions{})
	assert.ErrorIs(t, err, dm.ErrInvalid, "a pool never shrinks")
	info, err := c.Resume(dm.ByDev(p), dm.ResumeOptions{})
	assert.ErrorIs(t, err, dm.ErrInvalid, "the shorter table is live, and does not work")
	assert.Zero(t, info)
	reload(t, c, p, changed)
	assertTable(t, c, p, changed)
	assert.Equal(t, dm.ThinPoolReadWrite, poolStatus(t, c, p).Mode)

	target = changed[0].Target.(dm.ThinPool)
	target.ReadOnly = true
	changed = one(table.Length(), target)
	reload(t, c, p, changed)
	assertTable(t, c, p, changed)
	assert.Equal(t, dm.ThinPoolReadOnly, poolStatus(t, c, p).Mode)
	assertTold(t, c, p, map[string]failure{
		dm.ThinCreate(2): {dm.ErrUnsupported, unix.EOPNOTSUPP},
		dm.ThinDelete(1): {dm.ErrUnsupported, unix.EOPNOTSUPP},
	})

	for _, bad := range []dm.ThinPool{
		{Metadata: target.Metadata, Data: target.Data, BlockSize: 64},
		{Metadata: target.Metadata, Data: target.Data, BlockSize: 192},
		{Metadata: target.Metadata, Data: target.Data, BlockSize: 2097280},
	} {
		_, err = c.Load(dm.ByDev(p), one(table.Length(), bad), dm.LoadOptions{})
		assert.ErrorIs(t, err, dm.ErrInvalid, "%d sectors", bad.BlockSize)
	}
}

func TestKernelThinPoolFills(t *testing.T) {
	c := kernel(t)
	target := dm.Linear{Device: loop(t, 6*units.MiB).String()}
	data := active(t, c, "data", one(sectors(4*units.MiB), target)).Dev
	p, table := pool(t, c, func(target *dm.ThinPool) { target.Data, target.ErrorIfNoSpace = data.String(), true })
	tell(t, c, p, dm.ThinCreate(1))
	v := active(t, c, "v", one(sectors(8*units.MiB), dm.Thin{Pool: p.String(), ID: 1})).Dev
	fill := func() (blocks int) {
		for blocks < 200 && put(v, "x", int64(blocks)<<16) == nil {
			blocks++
		}
		return blocks
	}
	assert.Equal(t, 64, fill())
	status := poolStatus(t, c, p)
	assert.Equal(t, dm.ThinPoolOutOfDataSpace, status.Mode)
	assert.Equal(t, status.Data, status.UsedData)
	percent, ok := status.DataPercent()
	assert.True(t, ok)
	assert.Equal(t, dm.Percent(10000), percent)
	tell(t, c, p, dm.ThinCreate(2))
	tell(t, c, p, dm.ThinDelete(2))

	// More space has it work again, until that is used up. Then less use does.
	reload(t, c, data, one(sectors(6*units.MiB), target))
	table[0].Length = sectors(6 * units.MiB)
	reload(t, c, p, table)
	status = poolStatus(t, c, p)
	assert.Equal(t, dm.ThinPoolReadWrite, status.Mode)
	assert.Equal(t, uint64(96), status.Data)
	assert.Equal(t, 96, fill())
	assert.Equal(t, dm.ThinPoolOutOfDataSpace, poolStatus(t, c, p).Mode)
	remove(t, c, "v")
	tell(t, c, p, dm.ThinDelete(1))
	assert.Equal(t, dm.ThinPoolReadWrite, poolStatus(t, c, p).Mode)
	assert.Zero(t, poolStatus(t, c, p).UsedData)
}
