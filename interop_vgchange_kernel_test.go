package lvm

import "github.com/lvm-go/lvm/metadata"

// onVG is an operation on the group.
func onVG(lvm2 string, do func(*Tx) error) interopStep {
	return interopStep{lvm2: lvm2 + " $V", ours: func(tx *Tx, _ []string) error { return do(tx) }}
}

func interopVGChange() []scenario {
	const mib = 1 << 20
	small := []int64{48 * mib, 48 * mib, 48 * mib}
	extents := func(option string, size Bytes) interopStep {
		return onVG("vgchange -s "+option, func(tx *Tx) error { return tx.SetExtentSize(size) })
	}
	limits := func(options string, lv, pv uint32) interopStep {
		return onVG("vgchange "+options, func(tx *Tx) error { return tx.SetVGLimits(lv, pv) })
	}
	policy := func(name string, p Allocation) interopStep {
		return onVG("vgchange --alloc "+name, func(tx *Tx) error { return tx.SetVGAllocation(p) })
	}
	resizeable := func(option string, yes bool) interopStep {
		return onVG("vgchange "+option, func(tx *Tx) error { return tx.SetResizeable(yes) })
	}
	imports := onVG("vgimport", func(tx *Tx) error { return tx.ImportVG(ImportSpec{}) })
	return []scenario{
		{name: "change vg", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("--alloc cling -l 5 -p 4 --setautoactivation n --vgmetadatacopies 3",
				VGSpec{Allocation: metadata.AllocCling, MaxLV: 5, MaxPV: 4, NoAutoActivation: true, MetadataCopies: 3}),
			makeLV("-l3 $V", LVSpec{Name: "a", Size: ExtentCount(3)}),
			onVG("vgchange --setautoactivation y", func(tx *Tx) error { return tx.SetVGAutoActivation(true) }),
			policy("normal", metadata.AllocNormal),
			failing(policy("inherit", metadata.AllocInherit)),
			limits("-l 1 -p 3", 1, 3),
			failing(limits("-p 2", 1, 2)),
			onVG("vgchange --vgmetadatacopies 9", func(tx *Tx) error { return tx.SetMetadataCopies(9) }),
			resizeable("-xn", false),
			failing(limits("-l 0 -p 0", 0, 0)),
			onVG("vgchange --vgmetadatacopies all", (*Tx).UseAllMetadataAreas),
		}},
		{name: "extent size", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l3 $V", LVSpec{Name: "a", Size: ExtentCount(3)}),
			makeLV("-l4 -i2 $V", LVSpec{Name: "b", Size: ExtentCount(4), Stripes: 2}),
			onLV("lvchange -an", "a", (*Tx).Deactivate), // the marks are one in each extent
			onLV("lvchange -an", "b", (*Tx).Deactivate),
			extents("2M", 2*MiB),
			failing(extents("8M", 8*MiB)),
			extents("64K", 64*KiB),
			extendLV("a", "-l+5 $V/a", ExtendSpec{By: ExtentCount(5)}),
			extendLV("a", "-l+59 $V/a", ExtendSpec{By: ExtentCount(59)}),
			extents("4M", 4*MiB),
			onLV("lvchange -ay", "a", (*Tx).Activate),
			onLV("lvchange -ay", "b", (*Tx).Activate),
		}},
		{name: "export", vg: "vg", sizes: small, steps: []interopStep{
			makeVG("", VGSpec{}),
			makeLV("-l3 $V", LVSpec{Name: "a", Size: ExtentCount(3)}),
			failing(onVG("vgexport", (*Tx).ExportVG)),
			onLV("lvchange -an", "a", (*Tx).Deactivate),
			onVG("vgexport", (*Tx).ExportVG),
			imports,
			onLV("lvchange -ay", "a", (*Tx).Activate),
		}},
	}
}
