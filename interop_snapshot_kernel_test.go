package lvm

import (
	"context"
	"time"
)

// interopSnapshot are scenarios with snapshots. lvm2 makes and removes them by
// several commits.
func interopSnapshot() []scenario {
	const mib = 1 << 20
	small := []int64{48 * mib, 48 * mib, 48 * mib}
	snapshot := func(origin, options string, spec SnapshotSpec) interopStep {
		return interopStep{lvm2: "lvcreate -y -s -n " + spec.Name + " " + options, ours: func(tx *Tx, dev []string) error {
			spec.PVs = onDevices(spec.PVs, dev)
			_, err := tx.CreateSnapshot(origin, spec)
			return err
		}}
	}
	sparse := func(options string, spec SnapshotSpec) interopStep {
		return interopStep{lvm2: "lvcreate -y --type snapshot -n " + spec.Name + " " + options, ours: func(tx *Tx, _ []string) error {
			_, err := tx.CreateSnapshot("", spec)
			return err
		}}
	}
	merge := func(lv string) interopStep {
		return interopStep{lvm2: "lvconvert -i1 --merge $V/" + lv, job: func(sys *System, vg string) error {
			_, err := sys.Merge(context.Background(), vg, lv, MergeOptions{Interval: 20 * time.Millisecond})
			return err
		}}
	}
	removeAll := func(lv string) interopStep {
		return interopStep{lvm2: "lvremove -y $V/" + lv, ours: func(tx *Tx, _ []string) error { return tx.RemoveLVWith(lv, RemoveSpec{Snapshots: true}) }}
	}
	readOnly := func(on bool) func(*Tx, string) error {
		return func(tx *Tx, lv string) error { return tx.SetLVReadOnly(lv, on) }
	}
	activate := func(lv string) interopStep { return onLV("lvchange -y -ay", lv, (*Tx).Activate) }
	deactivate := func(lv string) interopStep { return onLV("lvchange -y -an", lv, (*Tx).Deactivate) }
	split := func(lv string) interopStep { return onLV("lvconvert -y --splitsnapshot", lv, (*Tx).SplitSnapshot) }
	join := func(origin, lv, options string, spec JoinSnapshotSpec) interopStep {
		return interopStep{lvm2: "lvconvert -y -s " + options + "$V/" + origin + " $V/" + lv, ours: func(tx *Tx, _ []string) error {
			return tx.JoinSnapshot(origin, lv, spec)
		}}
	}
	return []scenario{
		{name: "split and joined snapshots", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l4 $V", LVSpec{Name: "o", Size: ExtentCount(4)}),
			snapshot("o", "-l2 -c 16k $V/o", SnapshotSpec{Name: "a", Size: ExtentCount(2), ChunkSize: 16 * KiB}),
			snapshot("o", "-l2 $V/o", SnapshotSpec{Name: "b", Size: ExtentCount(2)}),
			makeLV("-l3 -i3 -an -Zn $V", LVSpec{Name: "s", Size: ExtentCount(3), Stripes: 3, Inactive: true, SkipZero: true}),
			failing(split("o")),
			failing(join("a", "s", "", JoinSnapshotSpec{})),
			join("o", "s", "-c 32k ", JoinSnapshotSpec{ChunkSize: 32 * KiB}),
			deactivate("o"),
			split("a"),
			split("s"),
			failing(split("a")),
			join("o", "a", "-Zn -c 16k ", JoinSnapshotSpec{KeepStore: true}),
			join("o", "s", "", JoinSnapshotSpec{}),
			activate("o"),
			removeLV("b"),
			removeLV("s"),
			removeLV("a"),
		}},
		{name: "snapshots", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l4 $V", LVSpec{Name: "o", Size: ExtentCount(4)}),
			snapshot("o", "-l2 $V/o", SnapshotSpec{Name: "a", Size: ExtentCount(2)}),
			snapshot("o", "-l50%ORIGIN -c 64k -pr --addtag t $V/o $1", SnapshotSpec{
				Name: "b", Size: PercentOrigin(50), ChunkSize: 64 * KiB, ReadOnly: true, Tags: []string{"t"}, PVs: pvs(pv("1")),
			}),
			failing(snapshot("a", "-l2 $V/a", SnapshotSpec{Name: "c", Size: ExtentCount(2)})),
			failing(snapshot("o", "-l2 -c 1m $V/o", SnapshotSpec{Name: "c", Size: ExtentCount(2), ChunkSize: MiB})),
			extendLV("a", "-l+1 $V/a", ExtendSpec{By: ExtentCount(1)}),
			extendLV("b", "-l100%ORIGIN $V/b", ExtendSpec{To: PercentOrigin(100)}),
			failing(extendLV("o", "-l+1 $V/o", ExtendSpec{By: ExtentCount(1)})),
			failing(reduceLV("o", "-l-1 $V/o", ReduceSpec{By: ExtentCount(1)})),
			renameLV("a", "a2"),
			renameLV("o", "o-1"),
			onLV("lvchange -pr", "a2", readOnly(true)),
			onLV("lvchange -prw", "b", readOnly(false)),
			onLV("lvchange -pr", "o-1", readOnly(true)),
			onLV("lvchange -prw", "o-1", readOnly(false)),
			deactivate("o-1"),
			extendLV("o-1", "-l+1 $V/o-1", ExtendSpec{By: ExtentCount(1)}),
			activate("o-1"),
			removeLV("b"),
			removeLV("a2"),
			snapshot("o-1", "-l2 -i2 -I8k $V/o-1", SnapshotSpec{Name: "c", Size: ExtentCount(2), Stripes: 2, StripeSize: 8 * KiB}),
			removeAll("o-1"),
		}},
		{name: "snapshots of stripes and of nothing", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			makeLV("-l12 -i3 $V", LVSpec{Name: "o", Size: ExtentCount(12), Stripes: 3}),
			snapshot("o", "-l40 -i2 $V/o", SnapshotSpec{Name: "a", Size: ExtentCount(40), Stripes: 2}),
			sparse("-l3 -V 20m $V", SnapshotSpec{Name: "s", Size: ExtentCount(3), VirtualSize: ExactSize(20 * MiB)}),
			extendLV("s", "-l+1 $V/s", ExtendSpec{By: ExtentCount(1)}),
			renameLV("s", "t"),
			failing(onLV("lvconvert --merge", "t", (*Tx).MergeSnapshot)),
			removeLV("t"),
			removeLV("a"),
			deactivate("o"),
			snapshot("o", "-l5 $V/o", SnapshotSpec{Name: "b", Size: ExtentCount(5)}),
			snapshot("o", "-l5 $V/o", SnapshotSpec{Name: "c", Size: ExtentCount(5)}),
			reduceLV("b", "-l4 $V/b", ReduceSpec{To: ExtentCount(4)}),
			removeLV("c"),
			activate("o"),
		}},
		{name: "merges", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l4 $V", LVSpec{Name: "o", Size: ExtentCount(4)}),
			snapshot("o", "-l2 $V/o", SnapshotSpec{Name: "a", Size: ExtentCount(2)}),
			snapshot("o", "-l2 $V/o", SnapshotSpec{Name: "b", Size: ExtentCount(2)}),
			merge("a"),
			merge("b"),
			snapshot("o", "-l2 $V/o", SnapshotSpec{Name: "c", Size: ExtentCount(2)}),
			snapshot("o", "-l2 $V/o", SnapshotSpec{Name: "d", Size: ExtentCount(2)}),
			deactivate("o"),
			onLV("lvconvert --merge", "c", (*Tx).MergeSnapshot),
			failing(onLV("lvconvert --merge", "d", (*Tx).MergeSnapshot)),
			failing(snapshot("o", "-l2 $V/o", SnapshotSpec{Name: "e", Size: ExtentCount(2)})),
			renameLV("o", "p"),
			extendLV("d", "-l+1 $V/d", ExtendSpec{By: ExtentCount(1)}),
			removeLV("d"),
			removeAll("p"),
		}},
	}
}
