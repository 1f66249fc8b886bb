package lvm

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/dmfake"
	"github.com/lvm-go/lvm/metadata"
)

// whenTold returns a group as it is once the kernel of its thin pools was told what
// it is to be told; nil if there is nothing.
func whenTold(vg *metadata.VolumeGroup) *metadata.VolumeGroup {
	if vg == nil || !slices.ContainsFunc(vg.LVs, missesMessages) {
		return nil
	}
	out := *vg
	out.Seqno++
	out.LVs = slices.Clone(vg.LVs)
	for i, lv := range out.LVs {
		if missesMessages(lv) {
			body := *thinPoolBody(lv)
			body.Messages = nil
			out.LVs[i] = withBody(lv, &body)
		}
	}
	return &out
}

// keepsNothing says whether no pattern was written to a volume: it is of a type that
// takes a kernel, or a part of one that is, or is there for repairs.
func keepsNothing(vg *metadata.VolumeGroup, lv *metadata.LogicalVolume) bool {
	return kindOf(lv) != nil || newTies(vg).isPart(lv.ID) || strings.HasSuffix(lv.Name, spareSuffix) || lv.Name == "meta"
}

// inKernel makes changes with a kernel of their own, which nothing is left of.
func inKernel(t testing.TB, sys *System, changes ...func(*Tx) error) {
	t.Helper()
	k := dmfake.New()
	host := &fakeHost{fuse: &fuse{}, nodes: map[string]dm.Dev{}, links: map[string]string{}}
	for _, path := range sys.cfg.Devices {
		number, _ := host.number(path)
		dev, err := dm.ParseDev(number)
		require.NoError(t, err)
		d, err := sys.cfg.OpenDevice(path, true)
		require.NoError(t, err)
		k.AddDisk(dev, diskSize.Sectors())
		k.SetDisk(dev, d)
	}
	was := sys.host
	sys.kernel, sys.host = k, host
	for _, change := range changes {
		update(t, sys, "vg0", change)
	}
	update(t, sys, "vg0", func(tx *Tx) error { return tx.DeactivateAll() })
	sys.kernel, sys.host = nil, was
}

// testPool is the spec of a pool of a few chunks, with little metadata.
func testPool(name string) (ThinPoolSpec, Bytes) {
	return ThinPoolSpec{Name: name, Size: ExtentCount(96), MetadataSize: 256 * KiB, Inactive: true}, 64 * KiB
}

func (tx *Tx) addPool(name string) error {
	spec, least := testPool(name)
	_, err := tx.createThinPool(spec, least)
	return tx.fail("create thin pool", name, err)
}

func (tx *Tx) addThinLV(pool, name string, extents Extents) error {
	_, err := tx.CreateThin(ThinSpec{Name: name, Pool: pool, VirtualSize: ExtentCount(extents)})
	return err
}

func (tx *Tx) addThinSnapshot(origin, name string) error {
	_, err := tx.CreateThinSnapshot(origin, ThinSnapshotSpec{Name: name, Activate: true})
	return err
}

// thinPool makes vg0 with volumes and a pool without any.
func emptyPool(t testing.TB, sys *System, areas MetadataAreas) {
	volumes(t, sys, areas)
	inKernel(t, sys, func(tx *Tx) error { return tx.addPool("pool") })
}

// thinVolumes makes vg0 with volumes, and a pool with the volumes t and u, and the
// snapshot s of t.
func thinVolumes(t testing.TB, sys *System, areas MetadataAreas) {
	emptyPool(t, sys, areas)
	inKernel(t, sys,
		func(tx *Tx) error { return joinErrors(tx.addThinLV("pool", "t", 40), tx.addThinLV("pool", "u", 20)) },
		func(tx *Tx) error { return tx.addThinSnapshot("t", "s") })
}

func alterThin() []alteration {
	return []alteration{
		{name: "create a thin pool", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error { return tx.addPool("pool") }},
		{name: "create a thin pool with a volume and its snapshot", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.addPool("pool"), tx.addThinLV("pool", "t", 40), tx.addThinSnapshot("t", "s"))
		}},
		{name: "create thin volumes", setup: emptyPool, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.addThinLV("pool", "t", 40), tx.addThinLV("pool", "u", 500))
		}},
		{name: "create thin snapshots", setup: thinVolumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.addThinSnapshot("t", "s1"), tx.addThinSnapshot("u", "s2"), tx.addThinSnapshot("s", "s3"), tx.addThinSnapshot("s1", "s4"))
		}},
		{name: "remove a thin volume", setup: thinVolumes, do: func(tx *Tx, _ MetadataAreas) error { return tx.RemoveLV("t") }},
		{name: "replace a thin volume", setup: thinVolumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.RemoveLV("s"), tx.addThinLV("pool", "s", 20), tx.addThinSnapshot("u", "s2"))
		}},
		{name: "resize and rename thin volumes", setup: thinVolumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.ExtendLV("t", ExtendSpec{By: ExtentCount(9)}), tx.ReduceLV("u", ReduceSpec{By: ExtentCount(2)}),
				tx.RenameLV("s", "s2"), tx.RenameLV("pool", "p"), tx.SetLVReadOnly("s2", true))
		}},
		{name: "extend a thin pool", setup: thinVolumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.ExtendLV("pool", ExtendSpec{By: ExtentCount(20)}), tx.ExtendPoolMetadata("pool", ExtendSpec{By: ExtentCount(4)}))
		}},
		{name: "change a thin pool, and what is in it", setup: thinVolumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.addThinSnapshot("t", "s1"), tx.ChangeThinPool("pool", ThinPoolChange{Zeroing: ChoiceNo, Discards: DiscardsNoPassdown}),
				tx.ExtendLV("pool", ExtendSpec{By: ExtentCount(20)}), tx.RenameLV("pool", "p"), tx.RemoveLV("u"))
		}},
		{name: "merge a thin snapshot", setup: thinVolumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.addThinSnapshot("u", "s1"), tx.MergeSnapshot("s"))
		}},
		{name: "repair the transaction id of a thin pool", setup: then(thinVolumes, func(t testing.TB, sys *System, _ MetadataAreas) {
			forgePool(t, sys, func(p *metadata.ThinPool) { p.TransactionID = 7 }, nil, "t")
		}), inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.RepairTransactionID("pool", TransactionIDSpec{AdoptUnknown: true})
		}},
		{name: "swap the metadata of a thin pool", setup: poolParts, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.SwapPoolMetadata("pool", "meta")
		}},
		{name: "convert to a thin volume", setup: poolParts, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			_, err := tx.ConvertToThin("data", ConvertToThinSpec{Pool: "pool", OriginName: "origin"})
			return err
		}},
		{name: "convert to a thin pool", setup: poolParts, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.toPool("d", ConvertToThinPoolSpec{})
		}},
		{name: "convert to a thin pool with metadata that is there", setup: poolParts, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.toPool("d", ConvertToThinPoolSpec{Metadata: "meta", NoSpare: true})
		}},
		{name: "convert to a thin pool with metadata on a raid", setup: then(poolParts, func(t testing.TB, sys *System, _ MetadataAreas) {
			update(t, sys, "vg0", func(tx *Tx) error {
				_, err := tx.CreateRAID(RAIDSpec{Name: "rm", Size: ExtentCount(16), RegionSize: 4 * KiB, Inactive: true})
				return err
			})
		}), inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.toPool("d", ConvertToThinPoolSpec{Metadata: "rm", NoSpare: true})
		}},
		{name: "remove a thin pool", setup: thinVolumes, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.RemoveLVWith("pool", RemoveSpec{Dependents: true})
		}},
	}
}

func alterThinKernel() []alteration {
	return []alteration{
		{name: "activate thin volumes", setup: thinVolumes, inactive: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.ActivateAll() }},
		{name: "deactivate thin volumes", setup: thinVolumes, do: func(tx *Tx, _ MetadataAreas) error { return tx.DeactivateAll() }},
		{name: "snapshot of what is not active", setup: thinVolumes, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			_, err := tx.CreateThinSnapshot("t", ThinSnapshotSpec{Name: "s1"})
			return err
		}},
		{name: "merge thin snapshots that are not active", setup: thinVolumes, inactive: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.MergeSnapshot("s") }},
		{name: "convert an active volume to a thin one", setup: poolParts, do: func(tx *Tx, _ MetadataAreas) error {
			_, err := tx.ConvertToThin("data", ConvertToThinSpec{Pool: "pool", OriginName: "origin"})
			return err
		}},
		{name: "convert an active volume to a thin pool", setup: poolParts, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.toPool("d", ConvertToThinPoolSpec{})
		}},
		{name: "convert a thin volume to one of another pool", setup: poolParts, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			err := tx.toPool("d", ConvertToThinPoolSpec{})
			_, err2 := tx.ConvertToThin("u", ConvertToThinSpec{Pool: "d", OriginName: "origin"})
			return joinErrors(err, err2)
		}},
		{name: "convert a thin volume to one of its own pool", setup: thinVolumes, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			_, err := tx.ConvertToThin("u", ConvertToThinSpec{Pool: "pool", OriginName: "origin"})
			return err
		}},
		{name: "repair a thin pool", setup: thinVolumes, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			_, err := tx.RepairThinPool("pool", RepairPoolSpec{})
			return err
		}},
		{name: "remove what is not active", setup: thinVolumes, inactive: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.RemoveLV("t") }},
	}
}
