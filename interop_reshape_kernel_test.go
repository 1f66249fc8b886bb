package lvm

// interopReshape are scenarios in which the data of raids are moved.
func interopReshape() []scenario {
	const mib = 1 << 20
	create := func(options string, spec RAIDSpec) interopStep {
		return interopStep{lvm2: "lvcreate -y -n " + spec.Name + " " + options, ours: func(tx *Tx, _ []string) error {
			_, err := tx.CreateRAID(spec)
			return err
		}}
	}
	reshape := func(lv, options string, spec ReshapeSpec) interopStep {
		return interopStep{lvm2: "lvconvert -y " + options + " $V/" + lv, ours: func(tx *Tx, _ []string) error { return tx.ReshapeRAID(lv, spec) }}
	}
	end := func(lv, options string) interopStep {
		return interopStep{lvm2: "lvconvert -y " + options + " $V/" + lv, ours: func(tx *Tx, _ []string) error { return tx.EndReshape(lv) }}
	}
	return []scenario{
		{name: "reshape a raid", vg: "vg", sizes: []int64{32 * mib, 32 * mib, 32 * mib}, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			create("--type raid5 -i2 -I64k -l6 $V", RAIDSpec{Name: "r", Type: SegmentRAID5, Size: ExtentCount(6), StripeSize: 64 * KiB}),
			inSync("r"),
			reshape("r", "--type raid5_ra", ReshapeSpec{Type: SegmentRAID5RA}),
			inSync("r"),
			reshape("r", "--stripesize 16k", ReshapeSpec{StripeSize: 16 * KiB}),
			inSync("r"),
			end("r", "--stripesize 16k"),
			reshape("r", "--type raid5_n", ReshapeSpec{Type: SegmentRAID5N}),
			inSync("r"),
			end("r", "--type raid5_n"),
			reshape("r", "--type raid4", ReshapeSpec{Type: SegmentRAID4}),
			inSync("r"),
			removeLV("r"),
		}},
		{name: "fewer stripes", vg: "vg", sizes: []int64{32 * mib, 32 * mib, 32 * mib, 32 * mib}, commits: true, steps: []interopStep{
			{lvm2: "vgcreate -s 1m $V $0 $1 $2 $3", ours: func(tx *Tx, dev []string) error {
				return tx.CreateVG(VGSpec{ExtentSize: MiB, PVs: dev})
			}},
			create("--type raid5 -i3 -I64k -l6 $V", RAIDSpec{Name: "r", Type: SegmentRAID5, Size: ExtentCount(6), StripeSize: 64 * KiB, Stripes: 3}),
			inSync("r"),
			reshape("r", "--force --stripes 2", ReshapeSpec{Stripes: 2, Keep: 4 * MiB}),
			inSync("r"),
			{lvm2: "lvconvert -y --stripes 2 $V/r", setup: true}, // the leg; ours takes the room with it
			end("r", "--stripes 2"),
			removeLV("r"),
		}},
	}
}
