package lvm

import (
	"testing"

	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// TestKernelInterop runs each scenario by lvm2, by us, and by both in turn.
// They are several tests so that two guests share them.
func TestKernelInterop(t *testing.T) {
	runScenarios(t, interopBasics, interopGroups, interopIdentity, interopVGChange, interopPVChange, interopLVChange, interopSnapshot, interopPartial)
}

func TestKernelInteropPools(t *testing.T) { runScenarios(t, interopThin, interopCache) }

func TestKernelInteropRAID(t *testing.T) {
	runScenarios(t, interopMirror, interopRAID, interopIntegrity, interopRAIDRepair, interopReshape, interopStacks)
}

func runScenarios(t *testing.T, lists ...func() []scenario) {
	umltest.NeedKernel(t)
	for _, list := range lists {
		for _, s := range list() {
			t.Run(s.name, func(t *testing.T) { runScenario(t, s) })
		}
	}
}

// Steps that are used often.

func makeVG(options string, spec VGSpec) interopStep {
	return interopStep{lvm2: "vgcreate " + options + " $V $0 $1 $2", ours: func(tx *Tx, dev []string) error {
		spec.PVs = dev[:3]
		return tx.CreateVG(spec)
	}}
}

func makeLV(options string, spec LVSpec) interopStep {
	return interopStep{lvm2: "lvcreate -y -n " + spec.Name + " " + options, ours: func(tx *Tx, dev []string) error {
		spec.PVs = onDevices(spec.PVs, dev)
		_, err := tx.CreateLV(spec)
		return err
	}}
}

func extendLV(lv, options string, spec ExtendSpec) interopStep {
	return interopStep{lvm2: "lvextend " + options, ours: func(tx *Tx, dev []string) error {
		spec.PVs = onDevices(spec.PVs, dev)
		return tx.ExtendLV(lv, spec)
	}}
}

func reduceLV(lv, options string, spec ReduceSpec) interopStep {
	return interopStep{lvm2: "lvreduce -f " + options, ours: func(tx *Tx, _ []string) error { return tx.ReduceLV(lv, spec) }}
}

func removeLV(lv string) interopStep {
	return interopStep{lvm2: "lvremove -y $V/" + lv, ours: func(tx *Tx, _ []string) error { return tx.RemoveLV(lv) }}
}

func renameLV(from, to string) interopStep {
	return interopStep{lvm2: "lvrename $V " + from + " " + to, ours: func(tx *Tx, _ []string) error { return tx.RenameLV(from, to) }}
}

func onLV(lvm2, lv string, do func(*Tx, string) error) interopStep {
	return interopStep{lvm2: lvm2 + " $V/" + lv, ours: func(tx *Tx, _ []string) error { return do(tx, lv) }}
}

func failing(s interopStep) interopStep { s.fails = true; return s }

// pvs names the devices with these indices, or ranges on them.
func pvs(selections ...PVSelection) []PVSelection { return selections }

func pv(index string, ranges ...PERange) PVSelection { return PVSelection{PV: index, Ranges: ranges} }

// onDevices replaces indices by paths.
func onDevices(selections []PVSelection, dev []string) []PVSelection {
	var out []PVSelection
	for _, s := range selections {
		for i := range dev {
			if s.PV == string(rune('0'+i)) {
				s.PV = dev[i]
				break
			}
		}
		out = append(out, s)
	}
	return out
}

func interopBasics() []scenario {
	const mib = 1 << 20
	small := []int64{48 * mib, 48 * mib, 48 * mib}
	return []scenario{
		{name: "life", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-L20M $V", LVSpec{Name: "a", Size: ExactSize(20 * MiB)}),
			makeLV("-l5 $V", LVSpec{Name: "b", Size: ExtentCount(5)}),
			extendLV("a", "-L+31M $V/a", ExtendSpec{By: ExactSize(31 * MiB)}),
			extendLV("b", "-l6 $V/b", ExtendSpec{To: ExtentCount(6)}),
			failing(extendLV("b", "-L10G $V/b", ExtendSpec{To: ExactSize(10 * GiB)})),
			renameLV("a", "c"),
			reduceLV("c", "-L9M $V/c", ReduceSpec{To: ExactSize(9 * MiB)}),
			onLV("lvchange -an", "c", (*Tx).Deactivate),
			extendLV("c", "-l+3 $V/c", ExtendSpec{By: ExtentCount(3)}),
			renameLV("c", "d"),
			onLV("lvchange -ay", "d", (*Tx).Activate),
			onLV("lvchange --refresh", "d", (*Tx).Refresh),
			removeLV("b"),
			failing(interopStep{lvm2: "vgremove -qq $V", ours: func(tx *Tx, _ []string) error { return tx.RemoveVG() }}),
			removeLV("d"),
			{lvm2: "vgremove $V", ours: func(tx *Tx, _ []string) error { return tx.RemoveVG() }},
			{lvm2: "pvremove $0 $2", ours: func(tx *Tx, dev []string) error {
				return joinErrors(tx.RemovePV(dev[0]), tx.RemovePV(dev[2]))
			}},
		}},
		{name: "stripes", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l3 -i2 -I4K $V", LVSpec{Name: "a", Size: ExtentCount(3), Stripes: 2, StripeSize: 4 * KiB}),
			makeLV("-l6 -i3 $V", LVSpec{Name: "b", Size: ExtentCount(6), Stripes: 3}),
			makeLV("-l2 -i2 -I256K $V", LVSpec{Name: "c", Size: ExtentCount(2), Stripes: 2, StripeSize: 256 * KiB}),
			extendLV("a", "-l+3 $V/a", ExtendSpec{By: ExtentCount(3)}),
			extendLV("b", "-l+3 $V/b", ExtendSpec{By: ExtentCount(3)}),
			makeLV("-l1 $V", LVSpec{Name: "d", Size: ExtentCount(1)}),
			extendLV("d", "-l+4 -i2 $V/d", ExtendSpec{By: ExtentCount(4), Stripes: 2}),
			reduceLV("b", "-l4 -y $V/b", ReduceSpec{To: ExtentCount(4)}),
			onLV("lvchange -an", "d", (*Tx).Deactivate),
			onLV("lvchange -ay", "d", (*Tx).Activate),
			failing(makeLV("-l4 -i4 $V", LVSpec{Name: "e", Size: ExtentCount(4), Stripes: 4})),
		}},
		{name: "extents of 128 KiB", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("-s 128K", VGSpec{ExtentSize: 128 * KiB}),
			makeLV("-L10M -i2 -I256K $V", LVSpec{Name: "a", Size: ExactSize(10 * MiB), Stripes: 2, StripeSize: 256 * KiB}),
			makeLV("-L1234K $V", LVSpec{Name: "b", Size: ExactSize(1234 * KiB)}),
		}},
		{name: "extents of 384 KiB", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("-s 384K", VGSpec{ExtentSize: 384 * KiB}),
			makeLV("-L10M -i3 $V", LVSpec{Name: "a", Size: ExactSize(10 * MiB), Stripes: 3}),
			extendLV("a", "-L12M $V/a", ExtendSpec{To: ExactSize(12 * MiB)}),
		}},
		{name: "extents of 1 MiB", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("-s 1M", VGSpec{ExtentSize: MiB}),
			makeLV("-L7M $V", LVSpec{Name: "a", Size: ExactSize(7 * MiB)}),
		}},
		{name: "extents of 32 MiB", vg: "vg", sizes: []int64{100 * mib, 100 * mib, 100 * mib}, steps: []interopStep{
			makeVG("-s 32M", VGSpec{ExtentSize: 32 * MiB}),
			makeLV("-L40M -i2 $V", LVSpec{Name: "a", Size: ExactSize(40 * MiB), Stripes: 2}),
			extendLV("a", "-l100%VG $V/a", ExtendSpec{To: PercentVG(100)}),
		}},
		{name: "percentages", vg: "vg", sizes: []int64{48 * mib, 33 * mib, 52 * mib}, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l37%VG $V", LVSpec{Name: "a", Size: PercentVG(37)}),
			makeLV("-l50%PVS $V $2", LVSpec{Name: "b", Size: PercentPVS(50), PVs: pvs(pv("2"))}),
			makeLV("-l33%FREE -i2 $V", LVSpec{Name: "c", Size: PercentFree(33), Stripes: 2}),
			extendLV("a", "-l+50%FREE $V/a", ExtendSpec{By: PercentFree(50)}),
			extendLV("b", "-l140%LV $V/b", ExtendSpec{To: PercentLV(140)}),
			reduceLV("b", "-l-40%LV $V/b", ReduceSpec{By: PercentLV(40)}),
			extendLV("b", "-l+100%FREE $V/b", ExtendSpec{By: PercentFree(100)}),
		}},
		{name: "everything free", vg: "vg", sizes: []int64{48 * mib, 33 * mib, 52 * mib}, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l100%FREE -i3 $V", LVSpec{Name: "a", Size: PercentFree(100), Stripes: 3}),
			makeLV("-l100%FREE $V", LVSpec{Name: "b", Size: PercentFree(100)}),
		}},
		{name: "places", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l4 $V $2:1-2:5-6", LVSpec{Name: "a", Size: ExtentCount(4), PVs: pvs(pv("2", PERange{1, 2}, PERange{5, 2}))}),
			makeLV("-l4 -i2 $V $1 $0", LVSpec{Name: "b", Size: ExtentCount(4), Stripes: 2, PVs: pvs(pv("1"), pv("0"))}),
			makeLV("-l3 --alloc contiguous $V $0", LVSpec{Name: "c", Size: ExtentCount(3), Allocation: metadata.AllocContiguous, PVs: pvs(pv("0"))}),
			extendLV("c", "-l+2 $V/c", ExtendSpec{By: ExtentCount(2)}),
			failing(extendLV("c", "-l+9 $V/c", ExtendSpec{By: ExtentCount(9)})),
			makeLV("-l2 --alloc cling $V $1", LVSpec{Name: "d", Size: ExtentCount(2), Allocation: metadata.AllocCling, PVs: pvs(pv("1"))}),
			extendLV("d", "-l+3 $V/d", ExtendSpec{By: ExtentCount(3)}),
			makeLV("-l2 -i2 --alloc anywhere $V $2", LVSpec{Name: "e", Size: ExtentCount(2), Stripes: 2, Allocation: metadata.AllocAnywhere, PVs: pvs(pv("2"))}),
			failing(makeLV("-l2 -i2 $V $2", LVSpec{Name: "f", Size: ExtentCount(2), Stripes: 2, PVs: pvs(pv("2"))})),
			removeLV("b"),
			extendLV("a", "-l+5 --alloc cling $V/a $0 $2", ExtendSpec{By: ExtentCount(5), Allocation: metadata.AllocCling, PVs: pvs(pv("0"), pv("2"))}),
		}},
		{name: "physical volumes", vg: "vg", sizes: []int64{48 * mib, 48*mib + 77*512, 40 * mib, 32 * mib}, steps: []interopStep{
			{lvm2: "pvcreate --metadatacopies 2 $0", ours: func(tx *Tx, dev []string) error {
				return tx.CreatePV(PVSpec{Device: dev[0], Areas: TwoAreas})
			}},
			{lvm2: "pvcreate --metadatacopies 0 $1", ours: func(tx *Tx, dev []string) error {
				return tx.CreatePV(PVSpec{Device: dev[1], Areas: NoArea})
			}},
			{lvm2: "pvcreate --metadatasize 2M $2", ours: func(tx *Tx, dev []string) error {
				return tx.CreatePV(PVSpec{Device: dev[2], MetadataSize: 2 * MiB})
			}},
			{lvm2: "vgcreate $V $0", ours: func(tx *Tx, dev []string) error { return tx.CreateVG(VGSpec{PVs: dev[:1]}) }},
			makeLV("-l9 $V", LVSpec{Name: "a", Size: ExtentCount(9)}),
			{lvm2: "vgextend $V $1 $2", ours: func(tx *Tx, dev []string) error { return tx.ExtendVG(PVSpec{}, dev[1], dev[2]) }},
			extendLV("a", "-l+6 $V/a $1", ExtendSpec{By: ExtentCount(6), PVs: pvs(pv("1"))}),
			failing(interopStep{lvm2: "vgreduce $V $1", ours: func(tx *Tx, dev []string) error { return tx.ReduceVG(dev[1]) }}),
			{lvm2: "vgextend --dataalignment 4M $V $3", ours: func(tx *Tx, dev []string) error {
				return tx.ExtendVG(PVSpec{DataAlignment: 4 * MiB}, dev[3])
			}},
			{lvm2: "vgreduce $V $2", ours: func(tx *Tx, dev []string) error { return tx.ReduceVG(dev[2]) }},
			reduceLV("a", "-l2 $V/a", ReduceSpec{To: ExtentCount(2)}),
			// lvm2 commits each one, we all at once.
			{lvm2: "vgreduce $V $1", ours: func(tx *Tx, dev []string) error { return tx.ReduceVG(dev[1]) }},
			{lvm2: "vgreduce $V $3", ours: func(tx *Tx, dev []string) error { return tx.ReduceVG(dev[3]) }},
			failing(interopStep{lvm2: "pvremove $0", ours: func(tx *Tx, dev []string) error { return tx.RemovePV(dev[0]) }}),
			failing(interopStep{lvm2: "vgreduce $V $0", ours: func(tx *Tx, dev []string) error { return tx.ReduceVG(dev[0]) }}),
			{lvm2: "pvremove $1", ours: func(tx *Tx, dev []string) error { return tx.RemovePV(dev[1]) }},
			{lvm2: "vgextend $V $1", ours: func(tx *Tx, dev []string) error { return tx.ExtendVG(PVSpec{}, dev[1]) }},
		}},
		{name: "names and tags", vg: "v-g.0+1_x-", sizes: small, steps: []interopStep{
			makeVG("--addtag one --addtag @t.w/o", VGSpec{Tags: []string{"one", "@t.w/o"}}),
			makeLV("-l2 --addtag x=y#z $V", LVSpec{Name: "a-b--c.d+e_", Size: ExtentCount(2), Tags: []string{"x=y#z"}}),
			makeLV("-l2 -i2 $V", LVSpec{Name: "+.-", Size: ExtentCount(2), Stripes: 2}),
			{lvm2: "vgchange --addtag three --deltag one $V", ours: func(tx *Tx, _ []string) error { return tx.SetTags("t.w/o", "three") }},
			{lvm2: "lvchange --addtag more $V/a-b--c.d+e_", ours: func(tx *Tx, _ []string) error {
				return tx.SetLVTags("a-b--c.d+e_", "x=y#z", "more")
			}},
			{lvm2: "lvcreate -y -l1 $V", ours: func(tx *Tx, _ []string) error {
				_, err := tx.CreateLV(LVSpec{Size: ExtentCount(1)})
				return err
			}},
			renameLV("a-b--c.d+e_", "lvol1"),
			{lvm2: "lvcreate -y -l1 $V", ours: func(tx *Tx, _ []string) error {
				_, err := tx.CreateLV(LVSpec{Size: ExtentCount(1)})
				return err
			}},
			failing(renameLV("lvol1", "lvol0")),
			failing(makeLV("-l1 $V", LVSpec{Name: "pvmove3", Size: ExtentCount(1)})),
			removeLV("+.-"),
		}},
		{name: "states", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l2 -an -Zn -Wn $V", LVSpec{Name: "a", Size: ExtentCount(2), Inactive: true, SkipZero: true}),
			makeLV("-l2 -pr -Zn -Wn $V", LVSpec{Name: "ro", Size: ExtentCount(2), ReadOnly: true}),
			makeLV("-l3 -i3 $V", LVSpec{Name: "b", Size: ExtentCount(3), Stripes: 3}),
			{lvm2: "vgchange -ay $V", ours: func(tx *Tx, _ []string) error { return tx.ActivateAll() }},
			extendLV("ro", "-l+1 $V/ro", ExtendSpec{By: ExtentCount(1)}),
			{lvm2: "vgchange -an $V", ours: func(tx *Tx, _ []string) error { return tx.DeactivateAll() }},
			renameLV("b", "c"),
			reduceLV("a", "-l1 $V/a", ReduceSpec{To: ExtentCount(1)}),
			{lvm2: "vgchange -ay $V", ours: func(tx *Tx, _ []string) error { return tx.ActivateAll() }},
			{lvm2: "vgchange -ay $V", ours: func(tx *Tx, _ []string) error { return tx.ActivateAll() }},
			onLV("lvchange --refresh", "ro", (*Tx).Refresh),
			removeLV("ro"),
		}},
	}
}
