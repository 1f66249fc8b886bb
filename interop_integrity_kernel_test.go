package lvm

import "context"

// interopIntegrity are scenarios with checksums on the images of raids.
func interopIntegrity() []scenario {
	const mib = 1 << 20
	raid := func(options string, spec RAIDSpec) interopStep {
		return interopStep{lvm2: "lvcreate -y -n " + spec.Name + " " + options, ours: func(tx *Tx, _ []string) error {
			_, err := tx.CreateRAID(spec)
			return err
		}}
	}
	add := func(lv, options string, spec IntegritySpec) interopStep {
		return onLV("lvconvert -y --raidintegrity y "+options, lv, func(tx *Tx, lv string) error { return tx.AddIntegrity(lv, spec) })
	}
	remove := func(lv string) interopStep { return onLV("lvconvert -y --raidintegrity n", lv, (*Tx).RemoveIntegrity) }
	snapshot := interopStep{lvm2: "lvcreate -y -s -l1 -n s $V/r", ours: func(tx *Tx, _ []string) error {
		_, err := tx.CreateSnapshot("r", SnapshotSpec{Name: "s", Size: ExtentCount(1)})
		return err
	}}
	return []scenario{
		{name: "integrity", vg: "vg", sizes: []int64{64 * mib, 64 * mib, 64 * mib}, commits: true, steps: []interopStep{
			makeVG("", VGSpec{}),
			raid("--type raid1 -l2 $V", RAIDSpec{Name: "r", Size: ExtentCount(2)}),
			raid("--type raid5 -l3 -i2 $V", RAIDSpec{Name: "f", Type: SegmentRAID5, Size: ExtentCount(3), Stripes: 2}),
			add("r", "", IntegritySpec{}),
			add("f", "--raidintegritymode bitmap --raidintegrityblocksize 512", IntegritySpec{Mode: IntegrityBitmap, BlockSize: 512}),
			failing(reduceLV("r", "-y -l1 $V/r", ReduceSpec{To: ExtentCount(1)})),
			failing(snapshot),
			renameLV("r", "q"),
			onLV("lvchange -y -an", "q", (*Tx).Deactivate),
			onLV("lvchange -y -ay", "q", (*Tx).Activate),
			remove("q"),
			failing(remove("q")),
			remove("f"),
			onLV("lvchange -y -an", "q", (*Tx).Deactivate),
			{lvm2: "lvconvert -y --raidintegrity y $V/q", job: func(sys *System, vg string) error { // which activates it
				err := sys.Update(context.Background(), vg, func(tx *Tx) error { return tx.AddIntegrity("q", IntegritySpec{}) })
				return joinErrors(err, sys.Update(context.Background(), vg, func(tx *Tx) error { return tx.Activate("q") }))
			}},
			onLV("lvchange -y -an", "q", (*Tx).Deactivate),
			onLV("lvchange -y -ay", "q", (*Tx).Activate), // and nothing is computed again
			removeLV("q"),
			removeLV("f"),
			{lvm2: "lvcreate -y -n n --type raid1 -l2 --raidintegrity y --raidintegrityblocksize 4096 $V", ours: func(tx *Tx, _ []string) error {
				_, err := tx.CreateRAID(RAIDSpec{Name: "n", Size: ExtentCount(2)})
				return joinErrors(err, tx.AddIntegrity("n", IntegritySpec{BlockSize: 4096}))
			}},
			removeLV("n"),
		}},
	}
}
