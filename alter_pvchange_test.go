package lvm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

// resize is ResizePV that goes below what lvm2 allows, so that it can be done
// with small devices.
func (tx *Tx) resize(pv string, size Bytes) error {
	tx.sys.minPV = 64 * KiB
	return tx.ResizePV(pv, size)
}

// partOf returns the spec of a PV that uses a part of its device only.
func partOf(spec PVSpec, t testing.TB, sys *System) PVSpec {
	sys.minPV = 64 * KiB
	spec.Size = diskSize - 600*KiB
	require.Positive(t, spec.Size)
	return spec
}

// onParts makes vg0 with volumes, where b uses only a part of its device.
func onParts(t testing.TB, sys *System, areas MetadataAreas) {
	spec := partOf(areaSpec(areas), t, sys)
	update(t, sys, "vg0", func(tx *Tx) error {
		if err := tx.CreateVG(VGSpec{PVs: []string{"a"}, PV: firstSpec(areas), ExtentSize: 4 * KiB}); err != nil {
			return err
		}
		return joinErrors(tx.ExtendVG(spec, "b"), tx.addLV("data", 20, 1), tx.addLV("striped", 8, 2), tx.addLV("other", 5, 1))
	})
	writePatterns(t, sys, "vg0")
}

// orphanOnPart makes the physical volume c of no group, that uses only a part of
// its device.
func orphanOnPart(t testing.TB, sys *System, areas MetadataAreas) {
	spec := partOf(areaSpec(areas), t, sys)
	spec.Device = "c"
	update(t, sys, "", func(tx *Tx) error { return tx.CreatePV(spec) })
}

// lost is metadata of a group that had a physical volume, and its UUID.
func lost() (*metadata.Document, metadata.ID) {
	id, _ := metadata.ParseID("loSt00-0000-0000-0000-0000-0000-000001")
	return &metadata.Document{VG: &metadata.VolumeGroup{Name: "lost", ExtentSize: 8, PVs: []*metadata.PhysicalVolume{{
		ID: id, PEStart: 512, PECount: 300, BootloaderStart: 256, BootloaderSize: 64,
	}}}}, id
}

func alterPVChange() []alteration {
	return []alteration{
		{name: "grow pv", setup: onParts, do: func(tx *Tx, _ MetadataAreas) error { return tx.resize("b", 0) }},
		{name: "shrink pv", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error { return tx.resize("b", diskSize-600*KiB) }},
		{name: "grow pv a little", setup: onParts, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.resize("b", diskSize-584*KiB)
		}},
		{name: "shrink pv a little", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.resize("b", diskSize-16*KiB)
		}},
		{name: "grow pv and lv", setup: onParts, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.resize("b", 0),
				tx.ExtendLV("other", ExtendSpec{By: ExtentCount(400), PVs: []PVSelection{{PV: "b"}}}))
		}},
		{name: "change pv", setup: volumes, do: func(tx *Tx, areas MetadataAreas) error {
			if areas != NoArea {
				if err := tx.SetPVMetadataIgnored("b", true); err != nil {
					return err
				}
			}
			return joinErrors(tx.SetPVAllocatable("a", false), tx.SetPVTags("b", "t1", "@t2"))
		}},
		{name: "resize an orphan", vg: "-", setup: then(volumes, orphanOnPart), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.resize("c", 0)
		}},
		{name: "ignore the areas of an orphan", vg: "-", setup: then(volumes, orphans("c")),
			do: func(tx *Tx, areas MetadataAreas) error {
				if areas == NoArea {
					return tx.resize("c", diskSize-600*KiB)
				}
				return tx.SetPVMetadataIgnored("c", true)
			}},
		{name: "create pv with a bootloader area", vg: "-", setup: volumes, do: func(tx *Tx, areas MetadataAreas) error {
			spec := areaSpec(areas)
			spec.Device, spec.BootloaderSize, spec.LabelSector, spec.KeepHead = "c", 100*KiB, new(3), true
			spec.IgnoreAreas, spec.DataAlignmentOffset = true, 512
			return tx.CreatePV(spec)
		}},
		{name: "remove a pv of a group that was not found", vg: "-", setup: then(volumes, orphans("c")), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.RemoveLostPV("c")
		}},
		{name: "restore pv", vg: "-", setup: then(volumes, orphans("c")), do: func(tx *Tx, areas MetadataAreas) error {
			doc, id := lost()
			return tx.CreatePV(PVSpec{Device: "c", Areas: areas, MetadataSize: 32 * KiB, DataAlignment: 4 * KiB, ID: id, RestoreFrom: doc})
		}},
	}
}

func alterPVChangeKernel() []alteration { return nil }
