package dm_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// arrayLegs makes the devices of an array: metadata, and twice as much data as the
// tables here use.
func arrayLegs(t *testing.T, n int) []dm.RAIDLeg {
	t.Helper()
	legs := make([]dm.RAIDLeg, n)
	for i := range legs {
		legs[i] = dm.RAIDLeg{Metadata: loop(t, units.MiB).String(), Data: loop(t, 8*units.MiB).String()}
	}
	return legs
}

func raidStatus(t *testing.T, c *dm.Control, dev dm.Dev) dm.RAIDStatus {
	t.Helper()
	s, err := dm.ParseRAIDStatus(statusText(t, c, dev))
	require.NoError(t, err)
	return s
}

// inSync waits until an array is idle and in sync. The kernel tells of the end of some
// actions only.
func inSync(t *testing.T, c *dm.Control, dev dm.Dev) {
	t.Helper()
	require.Eventually(t, func() bool {
		s := raidStatus(t, c, dev)
		return s.Synced() && s.Action == dm.RAIDIdle
	}, 20*time.Second, 20*time.Millisecond)
}

func TestKernelRAIDLayouts(t *testing.T) {
	c := kernel(t)
	for i, x := range []struct {
		target     dm.RAID
		legs, data int
		reported   string // "": as the layout
	}{
		{dm.RAID{Layout: "raid0", ChunkSize: 128}, 2, 2, ""},
		{dm.RAID{Layout: "raid1", RegionSize: 1024}, 2, 1, ""},
		{dm.RAID{Layout: "raid1", RegionSize: 1024, Sync: dm.RAIDSyncSkip, MinRate: 100, MaxRate: 1 << 20, DaemonSleep: 2000}, 3, 1, ""},
		{dm.RAID{Layout: "raid1", RegionSize: 1024, WriteMostly: []int{1}, WriteBehind: 256}, 2, 1, ""},
		{dm.RAID{Layout: "raid4", ChunkSize: 128, RegionSize: 1024, StripeCache: 1024}, 3, 2, ""},
		{dm.RAID{Layout: "raid5_ls", ChunkSize: 8, RegionSize: 1024, Sync: dm.RAIDSyncForce}, 3, 2, ""},
		{dm.RAID{Layout: "raid5_n", ChunkSize: 128, RegionSize: 1024}, 3, 2, ""},
		{dm.RAID{Layout: "raid6_zr", ChunkSize: 128, RegionSize: 1024}, 5, 3, ""},
		{dm.RAID{Layout: "raid10", ChunkSize: 128, RegionSize: 1024, Copies: 2}, 4, 2, ""},
		{dm.RAID{Layout: "raid10", ChunkSize: 128, RegionSize: 1024, Copies: 2, Format: "offset"}, 4, 2, "raid10_offset"},
	} {
		x.target.Legs = arrayLegs(t, x.legs)
		table := one(sectors(units.MiB)*units.Sectors(3*x.data), x.target)
		name := "r" + strconv.Itoa(i)
		dev := active(t, c, name, table).Dev
		assertEqual(t, c, dev, table)
		_, below, err := c.Deps(dm.ByDev(dev), dm.QueryOptions{})
		require.NoError(t, err)
		assert.Len(t, below, 2*x.legs)
		if x.target.WriteBehind == 0 {
			assertTable(t, c, dev, table)
		}
		if x.target.Layout != "raid0" {
			inSync(t, c, dev)
		}
		require.NoError(t, put(dev, "data", 2<<20))
		assertHas(t, dev, "data", 2<<20)
		status := raidStatus(t, c, dev)
		if x.reported == "" {
			x.reported = x.target.Layout
		}
		assert.Equal(t, x.reported, status.Layout)
		assert.Len(t, status.Legs, x.legs)
		for _, h := range status.Legs {
			assert.Equal(t, dm.RAIDInSync, h, table)
		}
		assert.True(t, status.Synced(), table)
		assert.Equal(t, dm.Percent(10000), status.Percent())
		assert.Equal(t, dm.RAIDAbsent, status.Journal)
		remove(t, c, name)
	}
}

func TestKernelRAIDWithoutLegs(t *testing.T) {
	c := kernel(t)
	legs := arrayLegs(t, 2)
	table := one(sectors(4*units.MiB), dm.RAID{Layout: "raid0", ChunkSize: 128, Legs: []dm.RAIDLeg{{Data: legs[0].Data}, {Data: legs[1].Data}}})
	dev := active(t, c, "plain", table).Dev
	assertTable(t, c, dev, table)
	remove(t, c, "plain")

	target := dm.RAID{Layout: "raid1", RegionSize: 1024, Sync: dm.RAIDSyncSkip, Legs: legs}
	dev = active(t, c, "r", one(sectors(4*units.MiB), target)).Dev
	require.NoError(t, put(dev, "data", 0))
	remove(t, c, "r")
	target.Sync, target.Legs = dm.RAIDSyncAuto, []dm.RAIDLeg{legs[0], {}}
	table = one(sectors(4*units.MiB), target)
	dev = active(t, c, "r", table).Dev
	assertTable(t, c, dev, table)
	assert.Equal(t, []dm.RAIDHealth{dm.RAIDInSync, dm.RAIDAbsent}, raidStatus(t, c, dev).Legs)
	assertHas(t, dev, "data", 0)
	remove(t, c, "r")
}

func TestKernelRAIDActions(t *testing.T) {
	c := kernel(t)
	target := dm.RAID{Layout: "raid1", RegionSize: 1024, Legs: arrayLegs(t, 2)}
	table := one(sectors(4*units.MiB), target)
	dev := active(t, c, "r", table).Dev
	inSync(t, c, dev)
	require.NoError(t, put(dev, "data", 1<<20))

	tell(t, c, dev, string(dm.RAIDFrozen))
	assert.Equal(t, dm.RAIDFrozen, raidStatus(t, c, dev).Action)
	tell(t, c, dev, string(dm.RAIDIdle))
	inSync(t, c, dev)
	for text, f := range map[string]failure{
		string(dm.RAIDReshape): {dm.ErrInvalid, unix.EINVAL},
		"sing":                 {dm.ErrInvalid, unix.EINVAL},
	} {
		_, _, err := c.Message(dm.ByDev(dev), 0, text)
		assert.ErrorIs(t, err, f.kind, text)
		assert.ErrorIs(t, err, f.errno, text)
	}
	remove(t, c, "r")

	// A check finds what somebody has done behind the array's back, a repair mends it.
	leg := active(t, c, "leg", one(sectors(8*units.MiB), dm.Linear{Device: target.Legs[1].Data})).Dev
	require.NoError(t, put(leg, "junk", 1<<20))
	target.Legs[1].Data = leg.String()
	table = one(sectors(4*units.MiB), target)
	dev = active(t, c, "r", table).Dev
	inSync(t, c, dev)
	tell(t, c, dev, string(dm.RAIDCheck))
	inSync(t, c, dev)
	assert.Positive(t, raidStatus(t, c, dev).Mismatches)
	tell(t, c, dev, string(dm.RAIDRepair))
	inSync(t, c, dev)
	remove(t, c, "r") // so that nothing of the leg is in memory
	assertHas(t, leg, "data", 1<<20)

	// A leg fails, and is written anew.
	dev = active(t, c, "r", table).Dev
	reload(t, c, leg, one(sectors(8*units.MiB), dm.ErrorTarget{}))
	require.NoError(t, put(dev, "more", 1<<20))
	status := raidStatus(t, c, dev)
	assert.Equal(t, []dm.RAIDHealth{dm.RAIDInSync, dm.RAIDDead}, status.Legs)
	fresh := arrayLegs(t, 1)[0]
	target.Legs[1], target.Rebuild = fresh, []int{1}
	table = one(sectors(4*units.MiB), target)
	reload(t, c, dev, table)
	assertTable(t, c, dev, table)
	inSync(t, c, dev)
	assert.Equal(t, []dm.RAIDHealth{dm.RAIDInSync, dm.RAIDInSync}, raidStatus(t, c, dev).Legs)
	target.Rebuild = nil
	clean := one(sectors(4*units.MiB), target)
	_, got, err := c.Table(dm.ByDev(dev), dm.QueryOptions{})
	require.NoError(t, err)
	assert.False(t, got.Equal(clean), "the kernel goes on reporting the rebuild")
	reload(t, c, dev, clean)
	assertTable(t, c, dev, clean)
	assertHas(t, dev, "more", 1<<20)
	remove(t, c, "r")
	remove(t, c, "leg")
	view := active(t, c, "leg", one(sectors(4*units.MiB), dm.Linear{Device: fresh.Data})).Dev
	assertHas(t, view, "more", 1<<20)
}

func TestKernelRAIDRefused(t *testing.T) {
	c := kernel(t)
	legs := arrayLegs(t, 2)
	_, err := c.Create("r", "", dm.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { remove(t, c, "r") })
	for _, target := range []dm.RAID{
		{Layout: "raid7", Legs: legs},
		{Layout: "raid0", ChunkSize: 7, Legs: legs},
		{Layout: "raid1", RegionSize: 1000, Legs: legs},
		{Layout: "raid1", WriteMostly: []int{0, 1}, Legs: legs},
		{Layout: "raid1", WriteBehind: 1 << 30, WriteMostly: []int{1}, Legs: legs},
		{Layout: "raid1", WriteMostly: []int{2}, Legs: legs},
		{Layout: "raid1", Legs: []dm.RAIDLeg{{}, {}}},
	} {
		_, err := c.Load(dm.ByName("r"), one(sectors(4*units.MiB), target), dm.LoadOptions{})
		assert.ErrorIs(t, err, dm.ErrInvalid, "%+v", target)
	}
}
