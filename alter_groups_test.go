package lvm

func alterGroups() []alteration {
	split := func(tx *Tx, _ MetadataAreas) error { return tx.SplitVG("vg1", SplitSpec{PVs: []string{"c", "b"}}) }
	return []alteration{
		{name: "split vg", setup: twoPairs, inactive: true, pair: "vg1", do: split},
		{name: "split vg into one that exists", setup: thirdGroup, inactive: true, pair: "vg1", do: func(tx *Tx, _ MetadataAreas) error {
			return tx.SplitVG("vg1", SplitSpec{PVs: []string{"b"}})
		}},
		{name: "split vg and rename an lv", setup: twoPairs, inactive: true, pair: "vg1", do: func(tx *Tx, areas MetadataAreas) error {
			return joinErrors(tx.RenameLV("data", "d2"), split(tx, areas))
		}},
		{name: "merge vg", setup: thirdGroup, inactive: true, pair: "vg1", do: func(tx *Tx, _ MetadataAreas) error { return tx.MergeVG("vg1") }},
	}
}

func alterGroupsKernel() []alteration {
	return []alteration{
		{name: "merge vg and activate", setup: thirdGroup, inactive: true, pair: "vg1", do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.MergeVG("vg1"), tx.Activate("data"))
		}},
	}
}
