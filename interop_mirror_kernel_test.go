package lvm

// interopMirror are scenarios with mirrors of the old kind. lvm2 makes and changes
// them by several commits.
func interopMirror() []scenario {
	const mib = 1 << 20
	create := func(options string, spec MirrorSpec) interopStep {
		return interopStep{lvm2: "lvcreate -y --type mirror -n " + spec.Name + " " + options, ours: func(tx *Tx, dev []string) error {
			spec.PVs = onDevices(spec.PVs, dev)
			_, err := tx.CreateMirror(spec)
			return err
		}}
	}
	activate := func(lv string) interopStep { return onLV("lvchange -y -ay", lv, (*Tx).Activate) }
	deactivate := func(lv string) interopStep { return onLV("lvchange -y -an", lv, (*Tx).Deactivate) }
	small := []int64{48 * mib, 48 * mib, 48 * mib}
	return []scenario{
		{name: "mirrors", vg: "vg", sizes: small, commits: true, steps: []interopStep{
			makeVG("", VGSpec{}),
			create("-m1 -l2 $V", MirrorSpec{Name: "m", Size: ExtentCount(2)}),
			extendLV("m", "-l+2 $V/m", ExtendSpec{By: ExtentCount(2)}),
			renameLV("m", "n"),
			reduceLV("n", "-l3 $V/n", ReduceSpec{To: ExtentCount(3)}),
			deactivate("n"),
			extendLV("n", "-l4 $V/n", ExtendSpec{To: ExtentCount(4)}),
			activate("n"),
			create("-m2 --mirrorlog core -R 512k -l2 -pr --addtag t $V", MirrorSpec{
				Name: "c", Size: ExtentCount(2), Legs: 3, Log: MirrorLogCore, RegionSize: 512 * KiB, ReadOnly: true, Tags: []string{"t"},
			}),
			failing(create("-m1 -l9 $V", MirrorSpec{Name: "d", Size: ExtentCount(9)})),
			failing(create("-m8 -l1 $V", MirrorSpec{Name: "d", Size: ExtentCount(1), Legs: 9})),
			failing(create("-m1 -R 3k -l1 $V", MirrorSpec{Name: "d", Size: ExtentCount(1), RegionSize: 3 * KiB})),
			removeLV("n"),
			create("-m1 --nosync -l2 $V $2 $0", MirrorSpec{Name: "d", Size: ExtentCount(2), NoSync: true, PVs: pvs(pv("2"), pv("0"))}),
			extendLV("d", "-l+1 $V/d", ExtendSpec{By: ExtentCount(1)}),
			removeLV("c"),
			removeLV("d"),
		}},
	}
}
