package lvm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

// overwriteHead writes where the label of a device is, and returns what was
// there.
func overwriteHead(t testing.TB, sys *System, device string, head []byte) []byte {
	t.Helper()
	d, err := sys.cfg.OpenDevice(device, true)
	require.NoError(t, err)
	old := make([]byte, metadata.LabelScanSize)
	_, err = d.ReadAt(old, 0)
	require.NoError(t, err)
	_, err = d.WriteAt(head, 0)
	require.NoError(t, err)
	return old
}

// lose makes a physical volume missing. What is behind its label stays.
func lose(t testing.TB, sys *System, device string) []byte {
	t.Helper()
	return overwriteHead(t, sys, device, make([]byte, metadata.LabelScanSize))
}

// losing makes devices missing.
func losing(devices ...string) func(testing.TB, *System, MetadataAreas) {
	return func(t testing.TB, sys *System, _ MetadataAreas) {
		for _, d := range devices {
			lose(t, sys, d)
		}
	}
}

// awhile makes a device missing, changes the group, and brings the device back.
func awhile(device string) func(testing.TB, *System, MetadataAreas) {
	return func(t testing.TB, sys *System, _ MetadataAreas) {
		head := lose(t, sys, device)
		update(t, sys, "vg0", func(tx *Tx) error { return tx.SetTags("meanwhile") })
		overwriteHead(t, sys, device, head)
	}
}

func removeMissing(force bool) func(*Tx, MetadataAreas) error {
	return func(tx *Tx, _ MetadataAreas) error { return tx.RemoveMissing(RemoveMissingSpec{Force: force}) }
}

func alterPartial() []alteration {
	tag := func(tx *Tx, _ MetadataAreas) error { return tx.SetTags("t") }
	return []alteration{
		{name: "tag vg with a pv missing", partial: true, setup: then(volumes, losing("b")), do: tag},
		{name: "tag vg with a pv marked as missing", partial: true, setup: then(volumes, awhile("b")), do: tag},
		{name: "tag vg with an empty pv marked as missing", partial: true, setup: then(andSpare, awhile("c")), do: tag},
		{name: "remove a partial lv", partial: true, setup: then(volumes, losing("b")), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.RemoveLV("striped")
		}},
		{name: "restore a missing pv", partial: true, setup: then(volumes, awhile("b")), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.RestoreMissing("b")
		}},
		{name: "remove an empty missing pv", partial: true, setup: then(andSpare, losing("c")), do: removeMissing(false)},
		{name: "remove a missing pv and what is on it", partial: true, setup: then(volumes, losing("b")), do: removeMissing(true)},
		{name: "remove a pv that is back and what is on it", partial: true, setup: then(volumes, awhile("b")), do: removeMissing(true)},
		{name: "remove a missing pv from a raid", partial: true, setup: then(raids, losing("b")), do: removeMissing(true)},
		{name: "remove a missing pv and go on", partial: true, setup: then(volumes, losing("b")), do: func(tx *Tx, areas MetadataAreas) error {
			return joinErrors(tx.RemoveMissing(RemoveMissingSpec{Force: true}), tx.ExtendVG(areaSpec(areas), "c"), tx.addLV("new", 5, 2))
		}},
	}
}

// raidOnTwo makes vg0 with the raid1 two on a and b, and the empty physical volume c.
func raidOnTwo(t testing.TB, sys *System, areas MetadataAreas) {
	andSpare(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error {
		_, err := tx.CreateRAID(RAIDSpec{Name: "two", Size: ExtentCount(8), RegionSize: 4 * KiB, PVs: []PVSelection{{PV: "a"}, {PV: "b"}}})
		return err
	})
}

func alterPartialKernel() []alteration {
	lost := then(volumes, losing("b"))
	partial := ActivateOptions{Mode: ActivatePartial}
	return []alteration{
		{name: "repair a raid without a leg", partial: true, setup: then(raidOnTwo, losing("b")), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.RepairRAID("two", RepairSpec{})
		}},
		{name: "activate a partial lv", partial: true, setup: lost, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ActivateWith("striped", partial)
		}},
		{name: "activate all of a partial vg", partial: true, setup: lost, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ActivateAllWith(partial)
		}},
		{name: "deactivate all of a partial vg", partial: true, setup: lost, do: func(tx *Tx, _ MetadataAreas) error { return tx.DeactivateAll() }},
		{name: "refresh a partial lv", partial: true, setup: lost, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.RefreshWith("striped", partial)
		}},
	}
}
