package lvm

import (
	"context"
	"time"
)

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
	legs := func(lv, options string, spec MirrorLegsSpec) interopStep {
		return interopStep{lvm2: "lvconvert -i1 -y --type mirror " + options, job: func(sys *System, vg string) error {
			spec.PVs = onDevices(spec.PVs, sys.cfg.Devices)
			return sys.AddMirrorLegs(context.Background(), vg, lv, spec, MirrorRun{Interval: 10 * time.Millisecond})
		}}
	}
	drop := func(lv, options string, n int, pvs ...string) interopStep {
		return interopStep{lvm2: "lvconvert -y " + options, ours: func(tx *Tx, dev []string) error {
			var on []string
			for _, pv := range pvs {
				on = append(on, dev[pv[0]-'0'])
			}
			return tx.DropMirrorLegs(lv, n, on...)
		}}
	}
	log := func(lv string, kind MirrorLog) interopStep {
		return onLV("lvconvert -y --mirrorlog "+kind.String(), lv, func(tx *Tx, lv string) error { return tx.SetMirrorLog(lv, kind) })
	}
	toRAID := func(lv string) interopStep {
		return onLV("lvconvert -y --type raid1", lv, func(tx *Tx, lv string) error { return tx.ConvertRAID(lv, SegmentRAID1, ConvertSpec{}) })
	}
	toMirror := func(lv string) interopStep {
		return onLV("lvconvert -y --type mirror", lv, func(tx *Tx, lv string) error { return tx.ConvertRAID(lv, SegmentMirror, ConvertSpec{}) })
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
		{name: "legs of mirrors", vg: "vg", sizes: []int64{48 * mib, 48 * mib, 48 * mib, 48 * mib}, commits: true, steps: []interopStep{
			{lvm2: "vgcreate $V $0 $1 $2 $3", ours: func(tx *Tx, dev []string) error { return tx.CreateVG(VGSpec{PVs: dev}) }},
			makeLV("-l2 $V $1", LVSpec{Name: "m", Size: ExtentCount(2), PVs: pvs(pv("1"))}),
			legs("m", "-m1 $V/m", MirrorLegsSpec{}),
			legs("m", "-m2 $V/m", MirrorLegsSpec{}),
			drop("m", "-m1 $V/m $0", 1, "0"),
			legs("m", "-m2 $V/m $0", MirrorLegsSpec{PVs: pvs(pv("0"))}),
			drop("m", "-m1 $V/m $1", 1, "1"),
			log("m", MirrorLogCore),
			log("m", MirrorLogDisk),
			{lvm2: "lvconvert -y --splitmirrors 1 -n s $V/m", ours: func(tx *Tx, _ []string) error { return tx.SplitMirrorLeg("m", "s") }},
			legs("m", "-m2 --mirrorlog core -R 8k $V/m", MirrorLegsSpec{Add: 2, Log: MirrorLogCore, RegionSize: 8 * KiB}),
			drop("m", "-m0 $V/m", 2),
			makeLV("-l4 -i2 $V", LVSpec{Name: "t", Size: ExtentCount(4), Stripes: 2}),
			legs("t", "-m1 $V/t", MirrorLegsSpec{}),
			drop("t", "-m0 $V/t", 1),
		}},
		{name: "mirrors that become raids", vg: "vg", sizes: small, commits: true, unordered: true, steps: []interopStep{
			makeVG("", VGSpec{}),
			create("-m1 --nosync -R 512k -l2 $V", MirrorSpec{Name: "m", Size: ExtentCount(2), RegionSize: 512 * KiB, NoSync: true}),
			create("-m2 --nosync --mirrorlog core -l1 $V", MirrorSpec{Name: "c", Size: ExtentCount(1), Legs: 3, Log: MirrorLogCore, NoSync: true}),
			toRAID("m"),
			toRAID("c"),
			deactivate("m"),
			activate("m"),
			removeLV("c"),
			toMirror("m"),
			toRAID("m"),
			deactivate("m"),
			failing(toMirror("m")),
			removeLV("m"),
		}},
	}
}
