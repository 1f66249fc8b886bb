package lvm

// interopThin are scenarios with thin pools. lvm2 makes and changes them by several
// commits.
func interopThin() []scenario {
	const mib = 1 << 20
	small := []int64{48 * mib, 48 * mib, 48 * mib}
	pool := func(options string, spec ThinPoolSpec) interopStep {
		return interopStep{lvm2: "lvcreate -y -T $V/" + spec.Name + " " + options, ours: func(tx *Tx, dev []string) error {
			spec.PVs = onDevices(spec.PVs, dev)
			_, err := tx.CreateThinPool(spec)
			return err
		}}
	}
	thin := func(options string, spec ThinSpec) interopStep {
		return interopStep{lvm2: "lvcreate -y -n " + spec.Name + " --thinpool " + spec.Pool + " " + options + " $V", ours: func(tx *Tx, _ []string) error {
			_, err := tx.CreateThin(spec)
			return err
		}}
	}
	snapshot := func(origin, options string, spec ThinSnapshotSpec) interopStep {
		return interopStep{lvm2: "lvcreate -y -s -n " + spec.Name + " " + options + " $V/" + origin, ours: func(tx *Tx, _ []string) error {
			_, err := tx.CreateThinSnapshot(origin, spec)
			return err
		}}
	}
	extendMetadata := func(lv, options string, spec ExtendSpec) interopStep {
		return interopStep{lvm2: "lvextend --poolmetadatasize " + options + " $V/" + lv, ours: func(tx *Tx, _ []string) error {
			return tx.ExtendPoolMetadata(lv, spec)
		}}
	}
	changePool := func(lv, options string, change ThinPoolChange) interopStep {
		return interopStep{lvm2: "lvchange -y " + options + " $V/" + lv, ours: func(tx *Tx, _ []string) error { return tx.ChangeThinPool(lv, change) }}
	}
	removeAll := func(lv string) interopStep {
		return interopStep{lvm2: "lvremove -y $V/" + lv, ours: func(tx *Tx, _ []string) error { return tx.RemoveLVWith(lv, RemoveSpec{Dependents: true}) }}
	}
	activate := func(lv string) interopStep {
		return onLV("lvchange -y -ay -K", lv, func(tx *Tx, lv string) error {
			return tx.ActivateWith(lv, ActivateOptions{IgnoreSkip: true})
		})
	}
	deactivate := func(lv string) interopStep { return onLV("lvchange -y -an", lv, (*Tx).Deactivate) }
	merge := func(lv string) interopStep { return onLV("lvconvert --merge", lv, (*Tx).MergeSnapshot) }
	repair := func(lv string) interopStep {
		return onLV("lvconvert -y --repair", lv, func(tx *Tx, lv string) error {
			_, err := tx.RepairThinPool(lv, RepairPoolSpec{})
			return err
		})
	}
	toPool := func(lv, options string, spec ConvertToThinPoolSpec) interopStep {
		return interopStep{lvm2: "lvconvert -y --type thin-pool " + options + " $V/" + lv, ours: func(tx *Tx, _ []string) error {
			_, err := tx.ConvertToThinPool(lv, spec)
			return err
		}}
	}
	toThin := func(lv, options string, spec ConvertToThinSpec) interopStep {
		return interopStep{lvm2: "lvconvert -y --type thin " + options + " $V/" + lv, ours: func(tx *Tx, _ []string) error {
			_, err := tx.ConvertToThin(lv, spec)
			return err
		}}
	}
	swap := func(pool, lv string) interopStep {
		return interopStep{lvm2: "lvconvert -y --thinpool $V/" + pool + " --poolmetadata " + lv, ours: func(tx *Tx, _ []string) error {
			return tx.SwapPoolMetadata(pool, lv)
		}}
	}
	all := interopStep{lvm2: "vgchange -an $V", ours: func(tx *Tx, _ []string) error { return tx.DeactivateAll() }}
	return []scenario{
		{name: "thin pools", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			pool("-l20", ThinPoolSpec{Name: "p", Size: ExtentCount(20)}),
			failing(pool("-l20 -c 96k", ThinPoolSpec{Name: "no", Size: ExtentCount(20), ChunkSize: 96 * KiB})),
			pool("-l10 -i2 -c 128k -Zn --discards ignore --errorwhenfull y --poolmetadatasize 4m --addtag t --alloc anywhere", ThinPoolSpec{
				Name: "q", Size: ExtentCount(10), Stripes: 2, ChunkSize: 128 * KiB, NoZeroing: true, Discards: DiscardsIgnore,
				ErrorWhenFull: true, MetadataSize: 4 * MiB, Tags: []string{"t"}, Allocation: AllocAnywhere,
			}),
			extendLV("p", "-l+3 $V/p", ExtendSpec{By: ExtentCount(3)}),
			extendLV("q", "-l+2 -i1 $V/q $2", ExtendSpec{By: ExtentCount(2), Stripes: 1, PVs: pvs(pv("2"))}),
			extendMetadata("p", "+1m", ExtendSpec{By: ExactSize(MiB)}),
			extendMetadata("p", "6m", ExtendSpec{To: ExactSize(6 * MiB)}),
			failing(reduceLV("p", "-l-1 $V/p", ReduceSpec{By: ExtentCount(1)})),
			changePool("p", "-Zn", ThinPoolChange{Zeroing: ChoiceNo}),
			changePool("p", "--discards nopassdown", ThinPoolChange{Discards: DiscardsNoPassdown}),
			failing(changePool("p", "--discards ignore", ThinPoolChange{Discards: DiscardsIgnore})),
			changePool("p", "--errorwhenfull y", ThinPoolChange{ErrorWhenFull: ChoiceYes}),
			renameLV("p", "p1"),
			deactivate("p1"),
			changePool("p1", "--discards ignore", ThinPoolChange{Discards: DiscardsIgnore}),
			removeLV("q"),
			pool("-l30%FREE --poolmetadataspare n", ThinPoolSpec{Name: "r", Size: PercentFree(30), NoSpare: true}),
			removeLV("p1"),
			removeLV("r"),
			pool("-l100%FREE $0 $1", ThinPoolSpec{Name: "s", Size: PercentFree(100), PVs: pvs(pv("0"), pv("1"))}),
		}},
		{name: "thin volumes", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			pool("-l20", ThinPoolSpec{Name: "p", Size: ExtentCount(20)}),
			thin("-V 10m", ThinSpec{Name: "a", Pool: "p", VirtualSize: ExactSize(10 * MiB)}),
			thin("-V 200m -an -kn --addtag t", ThinSpec{Name: "b", Pool: "p", VirtualSize: ExactSize(200 * MiB), Inactive: true, Tags: []string{"t"}}),
			extendLV("a", "-l+3 $V/a", ExtendSpec{By: ExtentCount(3)}),
			reduceLV("b", "-l50%LV $V/b", ReduceSpec{To: PercentLV(50)}),
			renameLV("a", "c"),
			renameLV("p", "pool"),
			extendLV("pool", "-l+5 $V/pool", ExtendSpec{By: ExtentCount(5)}),
			extendMetadata("pool", "+1m", ExtendSpec{By: ExactSize(MiB)}),
			onLV("lvchange -pr", "c", func(tx *Tx, lv string) error { return tx.SetLVReadOnly(lv, true) }),
			onLV("lvchange -prw", "c", func(tx *Tx, lv string) error { return tx.SetLVReadOnly(lv, false) }),
			removeLV("b"),
			deactivate("pool"),
			deactivate("c"),
			thin("-V 3m -an -kn", ThinSpec{Name: "d", Pool: "pool", VirtualSize: ExactSize(3 * MiB), Inactive: true}),
			removeLV("d"),
			activate("c"),
			removeAll("pool"),
		}},
		{name: "thin snapshots", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			pool("-l30", ThinPoolSpec{Name: "p", Size: ExtentCount(30)}),
			thin("-V 10m", ThinSpec{Name: "a", Pool: "p", VirtualSize: ExactSize(10 * MiB)}),
			snapshot("a", "", ThinSnapshotSpec{Name: "s1"}),
			snapshot("a", "-kn -ay", ThinSnapshotSpec{Name: "s2", Activate: true}),
			snapshot("s2", "-pr", ThinSnapshotSpec{Name: "s3", ReadOnly: true}),
			activate("s1"),
			extendLV("s1", "-l+3 $V/s1", ExtendSpec{By: ExtentCount(3)}),
			removeLV("a"),
			deactivate("s1"),
			snapshot("s1", "", ThinSnapshotSpec{Name: "s4"}),
			all,
			snapshot("s4", "", ThinSnapshotSpec{Name: "s5"}),
			removeLV("s4"),
			activate("s2"),
			removeAll("p"),
		}},
		{name: "thin merges", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			pool("-l30", ThinPoolSpec{Name: "p", Size: ExtentCount(30)}),
			thin("-V 10m --addtag o", ThinSpec{Name: "t", Pool: "p", VirtualSize: ExactSize(10 * MiB), Tags: []string{"o"}}),
			snapshot("t", "--addtag s", ThinSnapshotSpec{Name: "s1", Tags: []string{"s"}}),
			snapshot("t", "-kn -ay", ThinSnapshotSpec{Name: "s2", Activate: true}),
			snapshot("s1", "", ThinSnapshotSpec{Name: "s3"}),
			merge("s1"),
			failing(merge("t")),
			failing(merge("s2")), // whose origin is no more
			merge("s3"),
			snapshot("t", "", ThinSnapshotSpec{Name: "s4"}),
			extendLV("s4", "-l+2 $V/s4", ExtendSpec{By: ExtentCount(2)}),
			all,
			merge("s4"),
			activate("t"),
			removeLV("s2"),
		}},
		{name: "thin repairs", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			pool("-l20", ThinPoolSpec{Name: "p", Size: ExtentCount(20)}),
			thin("-V 10m", ThinSpec{Name: "a", Pool: "p", VirtualSize: ExactSize(10 * MiB)}),
			snapshot("a", "", ThinSnapshotSpec{Name: "s"}),
			failing(repair("p")),
			all,
			repair("p"),
			repair("p"),
			activate("s"),
			removeLV("p_meta0"),
			all,
			repair("p"),
		}},
		{name: "thin conversions of what is active", vg: "vg", sizes: small, commits: true, unordered: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			makeLV("-l20 $V", LVSpec{Name: "d", Size: ExtentCount(20)}),
			toPool("d", "", ConvertToThinPoolSpec{}),
			makeLV("-l6 -i2 --addtag x $V", LVSpec{Name: "o", Size: ExtentCount(6), Stripes: 2, Tags: []string{"x"}}),
			toThin("o", "--thinpool d --originname oo", ConvertToThinSpec{Pool: "d", OriginName: "oo"}),
			makeLV("-l10 -an -Zn -Wn $V", LVSpec{Name: "q", Size: ExtentCount(10), Inactive: true, SkipZero: true, KeepSignatures: true}),
			toPool("q", "", ConvertToThinPoolSpec{Inactive: true}),
			thin("-V 5m", ThinSpec{Name: "t", Pool: "d", VirtualSize: ExactSize(5 * MiB)}),
			deactivate("t"),
			toThin("t", "--thinpool q --originname tt", ConvertToThinSpec{Pool: "q", OriginName: "tt", Inactive: true}),
			activate("t"),
		}},
		{name: "thin conversions", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			makeLV("-l20 -an -Zn -Wn --addtag x $V", LVSpec{Name: "d", Size: ExtentCount(20), Tags: []string{"x"}, Inactive: true, SkipZero: true, KeepSignatures: true}),
			toPool("d", "", ConvertToThinPoolSpec{Inactive: true}),
			makeLV("-l10 -an -Zn -Wn -i2 $V", LVSpec{Name: "e", Size: ExtentCount(10), Stripes: 2, Inactive: true, SkipZero: true, KeepSignatures: true}),
			makeLV("-l4 -an -Zn -Wn --addtag y $V", LVSpec{Name: "m", Size: ExtentCount(4), Tags: []string{"y"}, Inactive: true, SkipZero: true, KeepSignatures: true}),
			toPool("e", "--poolmetadata m -c 128k --zero n --discards nopassdown", ConvertToThinPoolSpec{
				Metadata: "m", ChunkSize: 128 * KiB, NoZeroing: true, Discards: DiscardsNoPassdown, Inactive: true,
			}),
			thin("-V 5m", ThinSpec{Name: "t", Pool: "e", VirtualSize: ExactSize(5 * MiB)}),
			failing(toPool("t", "", ConvertToThinPoolSpec{})),
			makeLV("-l6 -an -Zn -Wn $V", LVSpec{Name: "n", Size: ExtentCount(6), Inactive: true, SkipZero: true, KeepSignatures: true}),
			failing(swap("e", "n")),
			swap("d", "n"),
			activate("d"),
			{lvm2: "lvcreate -y --type raid1 -m1 -l4 -n rm $V", ours: func(tx *Tx, _ []string) error {
				_, err := tx.CreateRAID(RAIDSpec{Name: "rm", Size: ExtentCount(4)})
				return err
			}},
			deactivate("rm"),
			makeLV("-l10 -an -Zn -Wn $V", LVSpec{Name: "f", Size: ExtentCount(10), Inactive: true, SkipZero: true, KeepSignatures: true}),
			toPool("f", "--poolmetadata rm --poolmetadataspare n", ConvertToThinPoolSpec{Metadata: "rm", NoSpare: true, Inactive: true}),
			thin("-V 5m", ThinSpec{Name: "u", Pool: "f", VirtualSize: ExactSize(5 * MiB)}),
		}},
		{name: "conversions to thin volumes", vg: "vg", sizes: small, commits: true, unordered: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			pool("-l20", ThinPoolSpec{Name: "p", Size: ExtentCount(20)}),
			makeLV("-l4 --addtag x $V", LVSpec{Name: "o", Size: ExtentCount(4), Tags: []string{"x"}}),
			deactivate("o"),
			toThin("o", "--thinpool p --originname oo", ConvertToThinSpec{Pool: "p", OriginName: "oo", Inactive: true}),
			failing(toThin("p", "--thinpool p", ConvertToThinSpec{Pool: "p"})),
			activate("o"),
			snapshot("o", "-kn -ay", ThinSnapshotSpec{Name: "s", Activate: true}),
			makeLV("-l6 -i2 $V", LVSpec{Name: "e", Size: ExtentCount(6), Stripes: 2}),
			all,
			onLV("lvchange -pr", "e", func(tx *Tx, lv string) error { return tx.SetLVReadOnly(lv, true) }),
			toThin("e", "--thinpool p", ConvertToThinSpec{Pool: "p", Inactive: true}),
			activate("e"),
			thin("-V 4m", ThinSpec{Name: "t", Pool: "p", VirtualSize: ExactSize(4 * MiB)}),
			deactivate("t"),
			toThin("t", "--thinpool p --originname tt", ConvertToThinSpec{Pool: "p", OriginName: "tt", Inactive: true}),
			activate("t"),
			removeLV("o"),
		}},
		{name: "external origins", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			makeLV("-l4 $V", LVSpec{Name: "o", Size: ExtentCount(4)}),
			pool("-l30", ThinPoolSpec{Name: "p", Size: ExtentCount(30)}),
			failing(thin("-s $V/o", ThinSpec{Name: "t", Pool: "p", ExternalOrigin: "o"})),
			onLV("lvchange -pr", "o", func(tx *Tx, lv string) error { return tx.SetLVReadOnly(lv, true) }),
			deactivate("o"),
			interopStep{lvm2: "lvcreate -y -s -n t -kn -ay --thinpool p $V/o", ours: func(tx *Tx, _ []string) error {
				_, err := tx.CreateThin(ThinSpec{Name: "t", Pool: "p", ExternalOrigin: "o"})
				return err
			}},
			snapshot("t", "-kn -ay", ThinSnapshotSpec{Name: "s", Activate: true}),
			failing(onLV("lvremove -f", "p_tdata", (*Tx).RemoveLV)),
			activate("o"),
			removeLV("t"),
			removeLV("s"),
			deactivate("o"),
			activate("o"),
		}},
	}
}
