package lvm

func interopGroups() []scenario {
	const mib = 1 << 20
	split := func(options, to string, spec SplitSpec) interopStep {
		return interopStep{lvm2: "vgsplit " + options + " $V " + to, ours: func(tx *Tx, dev []string) error {
			for i, ref := range spec.PVs {
				spec.PVs[i] = onDevices(pvs(pv(ref)), dev)[0].PV
			}
			return tx.SplitVG(to, spec)
		}}
	}
	// In lvsplit's syntax the devices come behind the names.
	splitPVs := func(options, to string, spec SplitSpec, devices string) interopStep {
		s := split(options, to, spec)
		s.lvm2 += " " + devices
		return s
	}
	merge := func(into, from string) interopStep {
		return interopStep{vg: into, lvm2: "vgmerge " + into + " " + from, ours: func(tx *Tx, _ []string) error { return tx.MergeVG(from) }}
	}
	in := func(vg string, s interopStep) interopStep {
		s.vg = vg
		return s
	}
	return []scenario{
		{name: "split and merge", vg: "vg", sizes: []int64{48 * mib, 48 * mib, 48 * mib, 48 * mib}, steps: []interopStep{
			{lvm2: "vgcreate --addtag t --alloc cling -l 20 -p 30 $V $3 $0 $1 $2", ours: func(tx *Tx, dev []string) error {
				return tx.CreateVG(VGSpec{PVs: []string{dev[3], dev[0], dev[1], dev[2]}, Tags: []string{"t"}, Allocation: AllocCling, MaxLV: 20, MaxPV: 30})
			}},
			makeLV("-l3 $V $0", LVSpec{Name: "a", Size: ExtentCount(3), PVs: pvs(pv("0"))}),
			makeLV("-l4 -i2 $V $1 $2", LVSpec{Name: "b", Size: ExtentCount(4), Stripes: 2, PVs: pvs(pv("1"), pv("2"))}),
			failing(splitPVs("", "new", SplitSpec{PVs: []string{"1", "2"}}, "$1 $2")), // b is active
			onLV("lvchange -an", "b", (*Tx).Deactivate),
			failing(splitPVs("", "new", SplitSpec{PVs: []string{"1"}}, "$1")), // b is on both sides
			splitPVs("", "new", SplitSpec{PVs: []string{"2", "1"}}, "$2 $1"),
			in("new", interopStep{lvm2: "lvchange -ay new/b", ours: func(tx *Tx, _ []string) error { return tx.Activate("b") }}),
			onLV("lvchange -an", "a", (*Tx).Deactivate), // lvm2 wants that for a group that exists
			splitPVs("", "new", SplitSpec{PVs: []string{"3"}}, "$3"),
			failing(merge("vg", "new")), // b is active
			merge("new", "vg"),
		}},
	}
}
