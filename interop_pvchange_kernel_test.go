package lvm

func interopPVChange() []scenario {
	const mib = 1 << 20
	create := func(options string, device int, spec PVSpec) interopStep {
		return interopStep{lvm2: "pvcreate -y " + options + " $" + string(rune('0'+device)), ours: func(tx *Tx, dev []string) error {
			spec.Device = dev[device]
			return tx.CreatePV(spec)
		}}
	}
	change := func(lvm2 string, device int, do func(tx *Tx, pv string) error) interopStep {
		return interopStep{lvm2: lvm2 + " $" + string(rune('0'+device)), ours: func(tx *Tx, dev []string) error {
			return do(tx, dev[device])
		}}
	}
	resize := func(options string, device int, size Bytes) interopStep {
		return change("pvresize -y "+options, device, func(tx *Tx, pv string) error { return tx.ResizePV(pv, size) })
	}
	allocatable := func(yes string, device int) interopStep {
		return change("pvchange -x "+yes, device, func(tx *Tx, pv string) error { return tx.SetPVAllocatable(pv, yes == "y") })
	}
	ignored := func(yes string, device int) interopStep {
		return change("pvchange --metadataignore "+yes, device, func(tx *Tx, pv string) error {
			return tx.SetPVMetadataIgnored(pv, yes == "y")
		})
	}
	return []scenario{
		{name: "pvs of a group change", vg: "vg", sizes: []int64{48 * mib, 48*mib + 77*512, 40 * mib}, steps: []interopStep{
			create("--setphysicalvolumesize 24M", 0, PVSpec{Size: 24 * MiB}),
			create("--bootloaderareasize 1M --dataalignment 256K", 1, PVSpec{BootloaderSize: MiB, DataAlignment: 256 * KiB}),
			makeVG("", VGSpec{}),
			makeLV("-l3 $V $1", LVSpec{Name: "a", Size: ExtentCount(3), PVs: pvs(pv("1"))}),
			resize("", 0, 0),
			resize("--setphysicalvolumesize 30M", 1, 30*MiB),
			failing(resize("--setphysicalvolumesize 8M", 1, 8*MiB)),
			failing(resize("--setphysicalvolumesize 1M", 2, MiB)),
			allocatable("n", 1),
			failing(makeLV("-l2 $V $1", LVSpec{Name: "b", Size: ExtentCount(2), PVs: pvs(pv("1"))})),
			change("pvchange --addtag t1 --addtag @t2", 0, func(tx *Tx, pv string) error { return tx.SetPVTags(pv, "t1", "@t2") }),
			ignored("y", 0),
			makeLV("-l12 $V", LVSpec{Name: "c", Size: ExtentCount(12)}),
			ignored("n", 0),
			allocatable("y", 1),
			removeLV("c"),
			{lvm2: "vgreduce $V $0", ours: func(tx *Tx, dev []string) error { return tx.ReduceVG(dev[0]) }},
		}},
		{name: "pvs of no group change", vg: "vg", sizes: []int64{48 * mib, 48*mib + 77*512, 40 * mib, 32 * mib}, steps: []interopStep{
			create("--setphysicalvolumesize 24M", 0, PVSpec{Size: 24 * MiB}),
			create("--metadatacopies 2 --metadatasize 3M --setphysicalvolumesize 20M", 1, PVSpec{Areas: TwoAreas, MetadataSize: 3 * MiB, Size: 20 * MiB}),
			create("--metadataignore y", 2, PVSpec{IgnoreAreas: true}),
			resize("", 0, 0),
			resize("", 1, 0),
			resize("--setphysicalvolumesize 33333K", 1, 33333*KiB),
			failing(resize("--setphysicalvolumesize 1M", 1, MiB)),
			failing(allocatable("n", 1)),
			ignored("n", 2),
			ignored("y", 1),
			resize("--setphysicalvolumesize 12M", 2, 12*MiB),
			makeVG("", VGSpec{}),
		}},
	}
}
