package lvm

// interopRAID are scenarios with raids. lvm2 makes them by several commits.
func interopRAID() []scenario {
	const mib = 1 << 20
	create := func(options string, spec RAIDSpec) interopStep {
		return interopStep{lvm2: "lvcreate -y -n " + spec.Name + " " + options, ours: func(tx *Tx, dev []string) error {
			spec.PVs = onDevices(spec.PVs, dev)
			_, err := tx.CreateRAID(spec)
			return err
		}}
	}
	activate := func(lv string) interopStep { return onLV("lvchange -y -ay", lv, (*Tx).Activate) }
	deactivate := func(lv string) interopStep { return onLV("lvchange -y -an", lv, (*Tx).Deactivate) }
	wait := inSync("l")
	legs := func(options string, n int, selections ...PVSelection) interopStep {
		return interopStep{lvm2: "lvconvert -y " + options, ours: func(tx *Tx, dev []string) error {
			return tx.AddRAIDLegs("l", RAIDLegsSpec{Add: n, PVs: onDevices(selections, dev)})
		}}
	}
	drop := func(options string, n int, pvs ...int) interopStep {
		return interopStep{lvm2: "lvconvert -y " + options, ours: func(tx *Tx, dev []string) error {
			var on []string
			for _, pv := range pvs {
				on = append(on, dev[pv])
			}
			return tx.DropRAIDLegs("l", n, on...)
		}}
	}
	split := func(name string) interopStep {
		return interopStep{lvm2: "lvconvert -y --splitmirrors 1 -n " + name + " $V/l", ours: func(tx *Tx, _ []string) error {
			return tx.SplitRAIDLeg("l", name)
		}}
	}
	change := func(lvm2 string, c RAIDChange, last ...int) interopStep {
		return interopStep{lvm2: lvm2, ours: func(tx *Tx, dev []string) error {
			for _, pv := range last {
				if c.WriteMostly == nil {
					c.WriteMostly = map[string]bool{}
				}
				c.WriteMostly[dev[max(pv, -1-pv)]] = pv >= 0
			}
			return tx.ChangeRAID("l", c)
		}}
	}
	track := func(options string, on ...int) interopStep {
		return interopStep{lvm2: "lvconvert -y --splitmirrors 1 --trackchanges " + options, ours: func(tx *Tx, dev []string) error {
			var pvs []string
			for _, pv := range on {
				pvs = append(pvs, dev[pv])
			}
			_, err := tx.TrackRAIDLeg("l", pvs...)
			return err
		}}
	}
	merge := func(image string) interopStep {
		return interopStep{lvm2: "lvconvert -y --merge $V/" + image, ours: func(tx *Tx, _ []string) error { return tx.MergeRAIDLeg(image) }}
	}
	small := []int64{48 * mib, 48 * mib, 48 * mib}
	many := []int64{32 * mib, 32 * mib, 32 * mib, 32 * mib, 32 * mib}
	return []scenario{
		{name: "raid1", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("", VGSpec{}),
			create("--type raid1 -l2 $V", RAIDSpec{Name: "r", Size: ExtentCount(2)}),
			extendLV("r", "-l+2 $V/r", ExtendSpec{By: ExtentCount(2)}),
			renameLV("r", "s"),
			reduceLV("s", "-l3 $V/s", ReduceSpec{To: ExtentCount(3)}),
			deactivate("s"),
			extendLV("s", "-l4 $V/s", ExtendSpec{To: ExtentCount(4)}),
			activate("s"),
			create("--type raid1 -m2 -R 512k -l2 -pr --addtag t --minrecoveryrate 100 --maxrecoveryrate 999 $V", RAIDSpec{
				Name: "c", Size: ExtentCount(2), Mirrors: 2, RegionSize: 512 * KiB, ReadOnly: true, Tags: []string{"t"}, MinRate: 100, MaxRate: 999,
			}),
			failing(create("--type raid1 -l9 $V", RAIDSpec{Name: "d", Size: ExtentCount(9)})),
			failing(create("--type raid1 -R 3k -l1 $V", RAIDSpec{Name: "d", Size: ExtentCount(1), RegionSize: 3 * KiB})),
			failing(create("--type raid5 -i1 -l1 $V", RAIDSpec{Name: "d", Type: SegmentRAID5, Size: ExtentCount(1), Stripes: 1})),
			removeLV("c"),
			create("--type raid1 --nosync -l2 $V $2 $0", RAIDSpec{Name: "d", Size: ExtentCount(2), NoSync: true, PVs: pvs(pv("2"), pv("0"))}),
			extendLV("d", "-l+1 $V/d", ExtendSpec{By: ExtentCount(1)}),
			removeLV("s"),
			removeLV("d"),
		}},
		{name: "raid legs", vg: "vg", sizes: many, commits: true, steps: []interopStep{
			{lvm2: "vgcreate -s 1m $V $0 $1 $2 $3 $4", ours: func(tx *Tx, dev []string) error {
				return tx.CreateVG(VGSpec{ExtentSize: MiB, PVs: dev})
			}},
			makeLV("-l4 $V $0", LVSpec{Name: "l", Size: ExtentCount(4), PVs: pvs(pv("0"))}),
			extendLV("l", "-l+2 $V/l $2", ExtendSpec{By: ExtentCount(2), PVs: pvs(pv("2"))}),
			legs("--type raid1 -m1 $V/l", 1), wait,
			legs("-m+2 $V/l", 2), wait,
			failing(legs("-m+1 $V/l", 1)),
			drop("-m-1 $V/l", 1),
			drop("-m-1 $V/l $1", 1, 1),
			renameLV("l", "k"),
			renameLV("k", "l"),
			drop("-m0 $V/l", 1),
			legs("--type raid1 -m2 $V/l $1 $4", 2, pv("1"), pv("4")), wait,
			split("s"),
			removeLV("s"),
			split("t"),
			legs("--type raid1 -m1 $V/l", 1), wait,
			extendLV("l", "-l+2 $V/l", ExtendSpec{By: ExtentCount(2)}),
			removeLV("t"),
			removeLV("l"),
		}},
		{name: "legs that are away for a while", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			create("--type raid1 -m2 -l4 $V", RAIDSpec{Name: "l", Mirrors: 2, Size: ExtentCount(4)}), wait,
			track("$V/l"),
			failing(track("$V/l")),
			failing(renameLV("l", "k")),
			failing(removeLV("l_rimage_2")),
			merge("l_rimage_2"), wait,
			track("$V/l $0", 0),
			failing(merge("l_rimage_1")),
			merge("l_rimage_0"), wait,
			removeLV("l"),
		}},
		{name: "change raids", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			create("--type raid1 -m2 -l4 $V", RAIDSpec{Name: "l", Mirrors: 2, Size: ExtentCount(4)}), wait,
			change("lvchange --minrecoveryrate 100 --maxrecoveryrate 900 $V/l", RAIDChange{MinRate: new(uint32(100)), MaxRate: new(uint32(900))}),
			failing(change("lvchange --minrecoveryrate 901 $V/l", RAIDChange{MinRate: new(uint32(901))})),
			change("lvchange --writemostly $0 --writemostly $2:y $V/l", RAIDChange{}, 0, 2),
			failing(change("lvchange --writemostly $1 $V/l", RAIDChange{}, 1)),
			change("lvchange --writebehind 256 $V/l", RAIDChange{WriteBehind: new(uint32(256))}),
			change("lvchange --writemostly $0:t --writemostly $1 --writemostly $2:n $V/l", RAIDChange{}, -1, 1, -3),
			change("lvconvert -y -R 64k $V/l", RAIDChange{RegionSize: 64 * KiB}),
			failing(change("lvconvert -y -R 8m $V/l", RAIDChange{RegionSize: 8 * MiB})),
			change("lvchange --maxrecoveryrate 0 --minrecoveryrate 5 $V/l", RAIDChange{MaxRate: new(uint32(0)), MinRate: new(uint32(5))}),
			removeLV("l"),
		}},
		{name: "raids with stripes", vg: "vg", sizes: many, commits: true, steps: []interopStep{
			{lvm2: "vgcreate -s 1m $V $0 $1 $2 $3 $4", ours: func(tx *Tx, dev []string) error {
				return tx.CreateVG(VGSpec{ExtentSize: MiB, PVs: dev})
			}},
			create("--type raid5 -l5 $V", RAIDSpec{Name: "r5", Type: SegmentRAID5, Size: ExtentCount(5)}),
			create("--type raid10 -l4 -I 32k $V", RAIDSpec{Name: "r10", Type: SegmentRAID10, Size: ExtentCount(4), StripeSize: 32 * KiB}),
			create("--type raid0 -i3 -l4 $V", RAIDSpec{Name: "r0", Type: SegmentRAID0, Stripes: 3, Size: ExtentCount(4)}),
			create("--type raid0_meta -l4 $V", RAIDSpec{Name: "rm", Type: SegmentRAID0Meta, Size: ExtentCount(4)}),
			create("--type raid4 -l4 -an $V", RAIDSpec{Name: "r4", Type: SegmentRAID4, Size: ExtentCount(4), Inactive: true}),
			extendLV("r5", "-l+2 $V/r5", ExtendSpec{By: ExtentCount(2)}),
			extendLV("r0", "-l+10%FREE $V/r0", ExtendSpec{By: PercentFree(10)}),
			activate("r4"),
			reduceLV("r10", "-l-2 $V/r10", ReduceSpec{By: ExtentCount(2)}),
			extendLV("r10", "-l50%VG $V/r10", ExtendSpec{To: PercentVG(50)}),
			removeLV("r10"),
			renameLV("rm", "rn"),
			removeLV("r0"),
			removeLV("r5"),
			create("--type raid6 -l7 $V", RAIDSpec{Name: "r6", Type: SegmentRAID6, Size: ExtentCount(7)}),
			removeLV("r6"),
		}},
	}
}
