package lvm

import (
	"testing"
)

func alterLVChange() []alteration {
	marked := then(volumes, func(t testing.TB, sys *System, _ MetadataAreas) {
		update(t, sys, "vg0", func(tx *Tx) error {
			return joinErrors(tx.SetLVReadOnly("data", true), tx.SetLVActivationSkip("other", true), tx.SetLVPersistentMinor("striped", FixedMinor(3)))
		})
	})
	remembering := then(volumes, func(t testing.TB, sys *System, _ MetadataAreas) { update(t, sys, "vg0", remember) })
	return []alteration{
		{name: "forget a removed lv", setup: remembering, do: func(tx *Tx, _ MetadataAreas) error { return tx.RemoveHistory("t3") }},
		{name: "change how lvs are activated and allocated", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.SetLVAutoActivation("data", false), tx.SetLVAllocation("striped", AllocContiguous))
		}},
		{name: "make lvs read-only", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.SetLVReadOnly("data", true), tx.SetLVReadOnly("striped", true))
		}},
		{name: "take marks off lvs", setup: marked, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.SetLVReadOnly("data", false), tx.SetLVActivationSkip("other", false), tx.SetLVPersistentMinor("striped", Minor{}))
		}},
		{name: "number lvs and change how they are read", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.SetLVPersistentMinor("data", FixedMinor(7)), tx.RenameLV("striped", "lanes"),
				tx.SetLVPersistentMinor("lanes", FixedMinor(9)), tx.SetLVReadAhead("data", 64), tx.SetLVReadAhead("other", ReadAheadNone))
		}},
		{name: "add an end of zeroes and errors", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			_, err := tx.CreateLV(LVSpec{Name: "none", Size: ExtentCount(4), Type: SegmentError})
			return joinErrors(err, tx.ExtendLV("data", ExtendSpec{By: ExtentCount(3), Type: SegmentZero}),
				tx.ExtendLV("other", ExtendSpec{By: ExtentCount(3), Type: SegmentError}),
				tx.ExtendLV("other", ExtendSpec{By: ExtentCount(3), Type: SegmentLinear}))
		}},
	}
}

func alterLVChangeKernel() []alteration {
	marked := func(t testing.TB, sys *System, areas MetadataAreas) {
		volumes(t, sys, areas)
		update(t, sys, "vg0", func(tx *Tx) error {
			return joinErrors(tx.SetLVActivationSkip("data", true), tx.SetLVAutoActivation("other", false))
		})
	}
	return []alteration{
		{name: "activate by itself", setup: marked, inactive: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.AutoActivate() }},
		{name: "activate what is skipped", setup: marked, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ActivateWith("data", ActivateOptions{IgnoreSkip: true})
		}},
	}
}
