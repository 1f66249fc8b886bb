package lvm

import (
	"github.com/lvm-go/lvm/metadata"
)

func interopLVChange() []scenario {
	const mib = 1 << 20
	small := []int64{48 * mib, 48 * mib, 48 * mib}
	readOnly := func(on bool) func(*Tx, string) error {
		return func(tx *Tx, lv string) error { return tx.SetLVReadOnly(lv, on) }
	}
	skip := func(on bool) func(*Tx, string) error {
		return func(tx *Tx, lv string) error { return tx.SetLVActivationSkip(lv, on) }
	}
	auto := func(on bool) func(*Tx, string) error {
		return func(tx *Tx, lv string) error { return tx.SetLVAutoActivation(lv, on) }
	}
	ahead := func(n ReadAhead) func(*Tx, string) error {
		return func(tx *Tx, lv string) error { return tx.SetLVReadAhead(lv, n) }
	}
	minor := func(m Minor) func(*Tx, string) error {
		return func(tx *Tx, lv string) error { return tx.SetLVPersistentMinor(lv, m) }
	}
	policy := func(p Allocation) func(*Tx, string) error {
		return func(tx *Tx, lv string) error { return tx.SetLVAllocation(lv, p) }
	}
	ignoring := func(tx *Tx, lv string) error { return tx.ActivateWith(lv, ActivateOptions{IgnoreSkip: true}) }
	all := func(options string, do func(*Tx) error) interopStep {
		return interopStep{lvm2: "vgchange " + options + " $V", ours: func(tx *Tx, _ []string) error { return do(tx) }}
	}
	return []scenario{
		{name: "attributes of active volumes", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l4 $V", LVSpec{Name: "a", Size: ExtentCount(4)}),
			onLV("lvchange -pr", "a", readOnly(true)),
			extendLV("a", "-l+1 $V/a", ExtendSpec{By: ExtentCount(1)}),
			onLV("lvchange -prw", "a", readOnly(false)),
			onLV("lvchange -r 512", "a", ahead(512)),
			onLV("lvchange -r auto", "a", ahead(ReadAheadAuto)),
			onLV("lvchange -y -My --minor 77", "a", minor(FixedMinor(77))),
			onLV("lvchange -r none", "a", ahead(ReadAheadNone)),
			onLV("lvchange -y -My --minor 0", "a", minor(FixedMinor(0))),
			onLV("lvchange -ky --setautoactivation n --alloc cling", "a", func(tx *Tx, lv string) error {
				return joinErrors(tx.SetLVActivationSkip(lv, true), tx.SetLVAutoActivation(lv, false), tx.SetLVAllocation(lv, AllocCling))
			}),
			onLV("lvchange -Mn", "a", minor(Minor{})),
		}},
		{name: "attributes of inactive volumes", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l2 -r 33 -My --minor 9 --setautoactivation n --alloc contiguous $V", LVSpec{
				Name: "a", Size: ExtentCount(2), ReadAhead: 33, Minor: FixedMinor(9), NoAutoActivation: true, Allocation: AllocContiguous,
			}),
			makeLV("-l2 -ky -Zn -Wn $V", LVSpec{Name: "b", Size: ExtentCount(2), ActivationSkip: true, SkipZero: true}),
			all("-an", (*Tx).DeactivateAll),
			onLV("lvchange -pr --alloc cling_by_tags", "a", func(tx *Tx, lv string) error {
				return joinErrors(tx.SetLVReadOnly(lv, true), tx.SetLVAllocation(lv, metadata.AllocClingByTags))
			}),
			all("-aay", (*Tx).AutoActivate),
			onLV("lvchange -y -My --minor 1048575", "b", minor(FixedMinor(1048575))),
			failing(onLV("lvchange -y -My --minor 1048576", "b", minor(FixedMinor(1048576)))),
			onLV("lvchange -ay -K", "b", ignoring),
			onLV("lvchange -r 1", "a", ahead(1)),
			all("-ay", (*Tx).ActivateAll),
			onLV("lvchange -kn", "b", skip(false)),
		}},
		{name: "automatic activation", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l1 $V", LVSpec{Name: "a", Size: ExtentCount(1)}),
			makeLV("-l1 $V", LVSpec{Name: "b", Size: ExtentCount(1)}),
			onLV("lvchange --setautoactivation n", "b", auto(false)),
			all("-an", (*Tx).DeactivateAll),
			all("-aay", (*Tx).AutoActivate),
			onLV("lvchange --setautoactivation y", "b", auto(true)),
			all("-aay", (*Tx).AutoActivate),
			onLV("lvchange --alloc anywhere", "b", policy(AllocAnywhere)),
		}},
		{name: "error and zero", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("--type error -l400 $V", LVSpec{Name: "e", Size: ExtentCount(400), Type: SegmentError}),
			makeLV("--type zero -l50%VG -pr $V", LVSpec{Name: "z", Size: PercentVG(50), Type: SegmentZero, ReadOnly: true}),
			extendLV("e", "-l+3 $V/e", ExtendSpec{By: ExtentCount(3)}),
			extendLV("e", "--type zero -l+3 $V/e", ExtendSpec{By: ExtentCount(3), Type: SegmentZero}),
			makeLV("-l4 -i2 -I8k $V $1 $2", LVSpec{Name: "s", Size: ExtentCount(4), Stripes: 2, StripeSize: 8 * KiB, PVs: pvs(pv("1"), pv("2"))}),
			extendLV("s", "--type zero -l+1 $V/s", ExtendSpec{By: ExtentCount(1), Type: SegmentZero}),
			extendLV("s", "-l+1 $V/s", ExtendSpec{By: ExtentCount(1)}),
			extendLV("s", "--type striped -i2 -l+2 $V/s", ExtendSpec{By: ExtentCount(2), Type: SegmentStriped, Stripes: 2}),
			extendLV("s", "--type striped -i1 -l+2 $V/s", ExtendSpec{By: ExtentCount(2), Type: SegmentLinear}),
			reduceLV("s", "-l5 $V/s", ReduceSpec{To: ExtentCount(5)}),
			reduceLV("e", "-l-5 $V/e", ReduceSpec{By: ExtentCount(5)}),
			removeLV("z"),
		}},
		{name: "other stripes", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l2 -i2 -I4k $V", LVSpec{Name: "a", Size: ExtentCount(2), Stripes: 2, StripeSize: 4 * KiB}),
			extendLV("a", "-l+1 -I64k $V/a", ExtendSpec{By: ExtentCount(1), StripeSize: 64 * KiB}),
			failing(extendLV("a", "-l+2 $V/a", ExtendSpec{By: ExtentCount(2)})),
			failing(extendLV("a", "-l+3 -i3 $V/a", ExtendSpec{By: ExtentCount(3), Stripes: 3})),
			extendLV("a", "-l+2 -I8k $V/a", ExtendSpec{By: ExtentCount(2), StripeSize: 8 * KiB}),
			extendLV("a", "-l+1 -i1 $V/a", ExtendSpec{By: ExtentCount(1), Stripes: 1}),
			failing(extendLV("a", "-l+4 -I8k $V/a", ExtendSpec{By: ExtentCount(4), StripeSize: 8 * KiB})),
			makeLV("-l1 $V", LVSpec{Name: "b", Size: ExtentCount(1)}),
			extendLV("b", "-l+2 -i2 $V/b", ExtendSpec{By: ExtentCount(2), Stripes: 2}),
			extendLV("b", "-l+2 -i3 $V/b", ExtendSpec{By: ExtentCount(2), Stripes: 3}),
			reduceLV("b", "-l2 $V/b", ReduceSpec{To: ExtentCount(2)}),
		}},
	}
}
