package lvm

import (
	"context"
	"time"
)

// inSync waits until a raid is in sync, whose turn it may be.
func inSync(lv string) interopStep {
	return interopStep{job: func(sys *System, vg string) error { return awaitSync(sys, vg, lv) }}
}

func awaitSync(sys *System, vg, lv string) error {
	for {
		v, err := sys.VG(context.Background(), vg)
		if err != nil {
			return err
		}
		view, err := v.LV(lv)
		if err != nil {
			return err
		}
		if status, err := view.RAIDStatus(); err != nil || status.InSync() {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// interopRAIDRepair are scenarios in which legs of raids are replaced.
func interopRAIDRepair() []scenario {
	const mib = 1 << 20
	create := func(options string, spec RAIDSpec) interopStep {
		return interopStep{lvm2: "lvcreate -y -n " + spec.Name + " " + options, ours: func(tx *Tx, dev []string) error {
			spec.PVs = onDevices(spec.PVs, dev)
			_, err := tx.CreateRAID(spec)
			return err
		}}
	}
	replace := func(lv, options string, onto []PVSelection, which ...int) interopStep {
		return interopStep{lvm2: "lvconvert -y " + options, ours: func(tx *Tx, dev []string) error {
			spec := ReplaceSpec{Onto: onDevices(onto, dev)}
			for _, i := range which {
				spec.PVs = append(spec.PVs, dev[i])
			}
			return tx.ReplaceLegs(lv, spec)
		}}
	}
	convert := func(lv string, to SegmentType) interopStep {
		return interopStep{lvm2: "lvconvert -y --type " + string(to) + " $V/" + lv, ours: func(tx *Tx, _ []string) error { return tx.ConvertRAID(lv, to, ConvertSpec{}) }}
	}
	deactivate := func(lv string) interopStep { return onLV("lvchange -y -an", lv, (*Tx).Deactivate) }
	activate := func(lv string) interopStep { return onLV("lvchange -y -ay", lv, (*Tx).Activate) }
	many := []int64{32 * mib, 32 * mib, 32 * mib, 32 * mib, 32 * mib, 32 * mib}
	return []scenario{
		{name: "replace legs", vg: "vg", sizes: many, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			{lvm2: "vgextend $V $3 $4 $5", ours: func(tx *Tx, dev []string) error { return tx.ExtendVG(PVSpec{}, dev[3:]...) }},
			create("--type raid1 -l4 $V", RAIDSpec{Name: "r", Size: ExtentCount(4)}),
			inSync("r"),
			replace("r", "--replace $0 $V/r", nil, 0),
			inSync("r"),
			replace("r", "--replace $1 $V/r $4 $5", pvs(pv("4"), pv("5")), 1),
			inSync("r"),
			failing(replace("r", "--replace $0 $V/r", nil, 0)),
			failing(replace("r", "--replace $4 --replace $2 $V/r", nil, 4, 2)),
			deactivate("r"),
			failing(replace("r", "--replace $4 $V/r", nil, 4)),
			activate("r"),
			removeLV("r"),
			create("--type raid6 -l6 $V", RAIDSpec{Name: "s", Type: SegmentRAID6, Size: ExtentCount(6)}),
			inSync("s"),
			failing(replace("s", "--replace $0 --replace $3 $V/s", nil, 0, 3)),
			replace("s", "--replace $3 $V/s", nil, 3),
			inSync("s"),
			replace("s", "--replace $0 $V/s", nil, 0),
			removeLV("s"),
			create("--type raid10 -l4 $V", RAIDSpec{Name: "t", Type: SegmentRAID10, Size: ExtentCount(4)}),
			inSync("t"),
			replace("t", "--replace $0 --replace $2 $V/t", nil, 0, 2),
			inSync("t"),
			create("--type raid0 -l4 $V", RAIDSpec{Name: "z", Type: SegmentRAID0, Size: ExtentCount(4)}),
			failing(replace("z", "--replace $0 $V/z", nil, 0)),
			removeLV("z"),
			renameLV("t", "u"),
			removeLV("u"),
		}},
		{name: "legs beneath a pool", vg: "vg", sizes: many, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			{lvm2: "lvcreate -y --type raid1 -m1 -l4 -n pool $V $0 $1", setup: true},
			inSync("pool"),
			{lvm2: "lvconvert -y --type thin-pool --poolmetadatasize 2m --poolmetadataspare n $V/pool", setup: true},
			{lvm2: "lvcreate -y -V2m -n t --thinpool pool $V", setup: true},
			replace("pool_tdata", "--replace $1 $V/pool_tdata", nil, 1),
			inSync("pool_tdata"),
			failing(replace("pool_tmeta", "--replace $1 $V/pool_tmeta", nil, 1)),
			deactivate("t"),
			activate("t"),
		}},
		{name: "convert raids", vg: "vg", sizes: many, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			{lvm2: "vgextend $V $3 $4 $5", ours: func(tx *Tx, dev []string) error { return tx.ExtendVG(PVSpec{}, dev[3:]...) }},
			create("--type raid0_meta -i3 -l6 $V", RAIDSpec{Name: "r", Type: SegmentRAID0Meta, Stripes: 3, Size: ExtentCount(6)}),
			convert("r", SegmentRAID5N),
			inSync("r"),
			convert("r", SegmentRAID6N6),
			inSync("r"),
			convert("r", SegmentRAID5N),
			inSync("r"),
			convert("r", SegmentRAID0Meta),
			removeLV("r"),
			create("--type raid5 -i3 -l6 $V", RAIDSpec{Name: "s", Type: SegmentRAID5, Stripes: 3, Size: ExtentCount(6)}),
			inSync("s"),
			convert("s", SegmentRAID6LS6),
			inSync("s"),
			convert("s", SegmentRAID5),
			inSync("s"),
			removeLV("s"),
		}},
		{name: "convert volumes with stripes", vg: "vg", sizes: many, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			{lvm2: "vgextend $V $3 $4 $5", ours: func(tx *Tx, dev []string) error { return tx.ExtendVG(PVSpec{}, dev[3:]...) }},
			makeLV("-i2 -l4 $V", LVSpec{Name: "l", Size: ExtentCount(4), Stripes: 2}),
			extendLV("l", "-l+4 $V/l $2 $3", ExtendSpec{By: ExtentCount(4), PVs: pvs(pv("2"), pv("3"))}),
			convert("l", SegmentRAID0),
			convert("l", SegmentRAID0Meta),
			convert("l", SegmentStriped),
			convert("l", SegmentRAID0Meta),
			convert("l", SegmentRAID0),
			convert("l", SegmentStriped),
			create("--type raid10 -l4 $V $0 $1 $4 $5", RAIDSpec{Name: "t", Type: SegmentRAID10, Size: ExtentCount(4), PVs: pvs(pv("0"), pv("1"), pv("4"), pv("5"))}),
			inSync("t"),
			convert("t", SegmentRAID0),
			convert("t", SegmentRAID0Meta),
			convert("t", SegmentRAID10),
			inSync("t"),
			convert("t", SegmentRAID0Meta),
		}},
		{name: "convert a raid of two legs", vg: "vg", sizes: many, commits: true, steps: []interopStep{
			makeVG("-s 1m", VGSpec{ExtentSize: MiB}),
			create("--type raid1 -l4 $V", RAIDSpec{Name: "r", Size: ExtentCount(4)}),
			inSync("r"),
			convert("r", SegmentRAID5),
			inSync("r"),
			convert("r", SegmentRAID1),
			inSync("r"),
			convert("r", SegmentRAID5N),
		}},
	}
}
