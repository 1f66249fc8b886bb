package dm_test

import (
	"context"
	"testing"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const legSize = 4 * units.MiB

// legs makes the devices below a mirror. The first has "data" in it, the others
// have nothing.
func legs(t *testing.T, c *dm.Control) []dm.Dev {
	t.Helper()
	var devs []dm.Dev
	for _, name := range []string{"leg0", "leg1"} {
		devs = append(devs, active(t, c, name, one(sectors(legSize), dm.Linear{Device: loop(t, legSize).String()})).Dev)
	}
	require.NoError(t, put(devs[0], "data", 3<<20))
	return devs
}

// mirror returns a target of 8 regions.
func mirror(legs []dm.Dev) dm.Mirror {
	target := dm.Mirror{RegionSize: 1024}
	for _, d := range legs {
		target.Legs = append(target.Legs, dm.MirrorLeg{Device: d.String()})
	}
	return target
}

func mirrorStatus(t *testing.T, c *dm.Control, dev dm.Dev) dm.MirrorStatus {
	t.Helper()
	s, err := dm.ParseMirrorStatus(statusText(t, c, dev))
	require.NoError(t, err)
	return s
}

// synced waits for the events of a mirror until it is in sync.
func synced(t *testing.T, c *dm.Control, m dm.Dev) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		info, err := c.Status(dm.ByDev(m))
		require.NoError(t, err)
		if mirrorStatus(t, c, m).Synced() {
			return
		}
		_, _, err = c.Wait(ctx, dm.ByDev(m), info.EventNr)
		require.NoError(t, err)
	}
}

func remove(t *testing.T, c *dm.Control, name string) {
	t.Helper()
	_, err := c.Remove(dm.ByName(name), dm.RemoveOptions{})
	require.NoError(t, err)
}

func TestKernelMirrorCoreLog(t *testing.T) {
	c := kernel(t)
	devs := legs(t, c)
	target := mirror(devs)
	target.Sync = dm.MirrorSyncSkip
	table := one(sectors(legSize), target)
	m := active(t, c, "trusting", table).Dev
	assertTable(t, c, m, table)
	assert.Equal(t, dm.MirrorStatus{
		Legs:   []dm.MirrorLegStatus{{Device: devs[0].String(), Health: dm.MirrorAlive}, {Device: devs[1].String(), Health: dm.MirrorAlive}},
		InSync: 8, Regions: 8, Log: "core",
	}, mirrorStatus(t, c, m))
	remove(t, c, "trusting")
	assertHas(t, devs[1], "\x00\x00\x00\x00", 3<<20)

	for _, target.Sync = range []dm.MirrorSync{dm.MirrorSyncLogged, dm.MirrorSyncForce} {
		require.NoError(t, put(devs[1], "junk", 3<<20))
		target.HandleErrors = target.Sync == dm.MirrorSyncForce
		table = one(sectors(legSize), target)
		m = active(t, c, "m", table).Dev
		assertTable(t, c, m, table)
		synced(t, c, m)
		assert.Equal(t, dm.Percent(10000), mirrorStatus(t, c, m).Percent())
		require.NoError(t, put(m, "more", 0))
		remove(t, c, "m")
		for _, d := range devs {
			assertHas(t, d, "data", 3<<20)
			assertHas(t, d, "more", 0)
		}
	}
}

func TestKernelMirrorDiskLog(t *testing.T) {
	c := kernel(t)
	devs := legs(t, c)
	log := loop(t, units.MiB)
	target := mirror(devs)
	target.Log, target.LogDevice, target.HandleErrors = dm.MirrorLogDisk, log.String(), true
	table := one(sectors(legSize), target)
	m := active(t, c, "m", table).Dev
	assertTable(t, c, m, table)
	_, below, err := c.Deps(dm.ByDev(m), dm.QueryOptions{})
	require.NoError(t, err)
	assert.ElementsMatch(t, []dm.Dev{log, devs[0], devs[1]}, below)
	synced(t, c, m)
	status := mirrorStatus(t, c, m)
	assert.Equal(t, "disk", status.Log)
	assert.Equal(t, log.String(), status.LogDevice)
	assert.Equal(t, dm.MirrorAlive, status.LogHealth)
	assertHas(t, devs[1], "data", 3<<20)
	remove(t, c, "m")

	// The log remembers, so nothing is copied again.
	require.NoError(t, put(devs[1], "else", 3<<20))
	m = active(t, c, "m", table).Dev
	assert.True(t, mirrorStatus(t, c, m).Synced())
	remove(t, c, "m")
	assertHas(t, devs[1], "else", 3<<20)

	target.Sync = dm.MirrorSyncForce
	table = one(sectors(legSize), target)
	m = active(t, c, "m", table).Dev
	assertTable(t, c, m, table)
	synced(t, c, m)
	remove(t, c, "m")
	assertHas(t, devs[1], "data", 3<<20)
}

func TestKernelMirrorLegFails(t *testing.T) {
	c := kernel(t)
	devs := legs(t, c)
	target := mirror(devs)
	target.Sync, target.HandleErrors, target.KeepLog = dm.MirrorSyncSkip, true, true
	table := one(sectors(legSize), target)
	m := active(t, c, "m", table).Dev
	assertTable(t, c, m, table)
	_, err := c.Load(dm.ByDev(devs[1]), one(sectors(legSize), dm.ErrorTarget{}), dm.LoadOptions{})
	require.NoError(t, err)
	_, err = c.Resume(dm.ByDev(devs[1]), dm.ResumeOptions{})
	require.NoError(t, err)

	require.NoError(t, put(m, "more", 0))
	status := mirrorStatus(t, c, m)
	assert.Equal(t, dm.MirrorAlive, status.Legs[0].Health)
	assert.Contains(t, []dm.MirrorHealth{dm.MirrorDead, dm.MirrorFlushFailed}, status.Legs[1].Health)
	assert.Less(t, status.InSync, status.Regions)
	assertHas(t, m, "more", 0)
	assertHas(t, devs[0], "more", 0)
}
