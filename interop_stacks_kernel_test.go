package lvm

import (
	"context"
	"time"
)

// interopStacks are scenarios with whole groups of volumes that consist of parts
// or share some. lvm2 makes the volumes: how we make them is in the scenarios of
// each type.
func interopStacks() []scenario {
	const mib = 1 << 20
	lvm2 := func(command string) interopStep { return interopStep{lvm2: command, setup: true} }
	onPVs := func(to, command string, on ...int) interopStep {
		return interopStep{lvm2: "vgsplit $V " + to + " " + command, ours: func(tx *Tx, dev []string) error {
			var spec SplitSpec
			for _, i := range on {
				spec.PVs = append(spec.PVs, dev[i])
			}
			return tx.SplitVG(to, spec)
		}}
	}
	ofLV := func(lv, to string) interopStep {
		return interopStep{lvm2: "vgsplit -n " + lv + " $V " + to, ours: func(tx *Tx, _ []string) error { return tx.SplitVG(to, SplitSpec{LV: lv}) }}
	}
	merge := func(into, from string) interopStep {
		return interopStep{vg: into, lvm2: "vgmerge " + into + " " + from, ours: func(tx *Tx, _ []string) error { return tx.MergeVG(from) }}
	}
	rename := func(from, to string) interopStep {
		return interopStep{vg: from, lvm2: "vgrename " + from + " " + to, ours: func(tx *Tx, _ []string) error { return tx.RenameVG(to) }}
	}
	whole := func(command string, do func(tx *Tx) error) interopStep {
		return interopStep{lvm2: command, ours: func(tx *Tx, _ []string) error { return do(tx) }}
	}
	deactivate, activate := whole("vgchange -an $V", (*Tx).DeactivateAll), whole("vgchange -ay $V", (*Tx).ActivateAll)
	resize := func(command string, size Bytes) interopStep {
		return whole("vgchange -s "+command+" $V", func(tx *Tx) error { return tx.SetExtentSize(size) })
	}
	sizes := []int64{48 * mib, 48 * mib, 48 * mib, 48 * mib, 48 * mib}
	snapshot := func(origin, name string) interopStep {
		return interopStep{lvm2: "lvcreate -y -s -l1 -n " + name + " $V/" + origin, ours: func(tx *Tx, _ []string) error {
			return tx.addSnapshot(origin, name, 1)
		}}
	}
	quick := FlushOptions{Interval: 20 * time.Millisecond}
	return []scenario{
		{name: "snapshots of all types", vg: "vg", sizes: sizes, commits: true, unordered: true, steps: []interopStep{
			lvm2("vgcreate $V $0 $1 $2 $3 $4"),
			lvm2("lvcreate -y --type raid5 -i2 -l2 -n raid $V $0 $1 $2"),
			lvm2("lvcreate -y -T -l1 -V4M -n thin $V/pool $2"),
			lvm2("lvcreate -y --type mirror -m1 --mirrorlog core -l1 -n old $V $3 $4"),
			lvm2("lvcreate -y --type cache-pool -l2 -n fast $V $3"),
			lvm2("lvcreate -y -l2 -n slow $V $4"),
			lvm2("lvcreate -y -an -Zn -Wn -l1 -n quick $V $3"),
			lvm2("lvcreate -y -l1 -n late $V $4"),
			lvm2("lvconvert -y --type writecache --cachesettings block_size=4096 --cachevol quick $V/late"),
			snapshot("raid", "rsnap"),
			snapshot("thin", "tsnap"),
			snapshot("old", "osnap"),
			snapshot("late", "lsnap"),
			snapshot("slow", "ssnap"),
			{lvm2: "lvconvert -y --type cache --cachepool fast $V/slow", ours: func(tx *Tx, _ []string) error {
				return tx.AttachCache("slow", AttachCacheSpec{Pool: "fast"})
			}},
			snapshot("slow", "ssnap2"),
			removeLV("tsnap"),
			deactivate,
			activate,
			{lvm2: "lvconvert -y --splitcache $V/slow", job: func(sys *System, vg string) error {
				return sys.DetachCache(context.Background(), vg, "slow", DetachSpec{}, quick)
			}},
			removeLV("ssnap"),
		}},
		{name: "groups of all types", vg: "vg", sizes: sizes, commits: true, unordered: true, steps: []interopStep{
			lvm2("vgcreate $V $0 $1 $2 $3 $4"),
			lvm2("lvcreate -y --type raid1 -m1 -l2 -n raid $V $0 $1"),
			lvm2("lvcreate -y -s -l1 -n rsnap $V/raid $0"),
			lvm2("lvcreate -y --type cache-pool -l2 -n fast $V $3"), // with a cachevol in the group lvm2 splits nothing
			lvm2("lvcreate -y -T -l2 -V8M -n thin $V/pool $2"),
			lvm2("lvcreate -y -s -kn -n tsnap $V/thin"),
			lvm2("lvcreate -y --type mirror -m1 --mirrorlog core -l1 -n old $V $3 $4"),
			lvm2("lvcreate -y -l2 -n slow $V $3"),
			lvm2("lvconvert -y --type cache --cachepool fast $V/slow"),
			rename("vg", "other"),
			rename("other", "vg"),
			failing(resize("8M", 8*MiB)),
			failing(onPVs("new", "$2", 2)), // active
			failing(whole("vgexport $V", (*Tx).ExportVG)),
			deactivate,
			resize("2M", 2*MiB),
			resize("4M", 4*MiB), // where the marks are looked for
			activate,
			deactivate,
			failing(onPVs("new", "$0", 0)),
			failing(onPVs("new", "$3", 3)),
			onPVs("new", "$2", 2),
			merge("vg", "new"),
			ofLV("raid", "new"),
			ofLV("pool", "new"),
			merge("vg", "new"),
			onPVs("new", "$4 $3", 4, 3),
			merge("new", "vg"),
			rename("new", "vg"),
			whole("vgexport $V", (*Tx).ExportVG),
			whole("vgimport $V", func(tx *Tx) error { return tx.ImportVG(ImportSpec{}) }),
			activate,
		}},
	}
}
