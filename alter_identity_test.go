package lvm

import (
	"testing"

	"github.com/lvm-go/lvm/metadata"
)

// knownID and otherID are the UUIDs of a group before and after.
var knownID, otherID = lettersID('v'), lettersID('w')

// known makes vg0 with volumes, and with UUIDs that are known.
func known(t testing.TB, sys *System, areas MetadataAreas) {
	first, second := firstSpec(areas), areaSpec(areas)
	first.ID, second.ID = pvIDs[0], pvIDs[1]
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(
			tx.CreateVG(VGSpec{ID: knownID, PVs: []string{"a"}, PV: first, ExtentSize: 4 * KiB}),
			tx.ExtendVG(second, "b"),
			tx.addLV("data", 20, 1), tx.addLV("striped", 8, 2), tx.addLV("other", 5, 1))
	})
	writePatterns(t, sys, "vg0")
}

// pvIDs are UUIDs of physical volumes before and after.
var pvIDs = [4]metadata.ID{lettersID('p'), lettersID('q'), lettersID('r'), lettersID('s')}

// lettersID is a UUID of one letter.
func lettersID(c byte) (id metadata.ID) {
	for i := range id {
		id[i] = c
	}
	return id
}

func alterIdentity() []alteration {
	return []alteration{
		{name: "rename vg", setup: known, renamed: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.RenameVG("vg1") }},
		{name: "rename vg and lvs and make one", setup: known, renamed: true, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.RenameLV("data", "d2"), tx.RenameVG("vg1"), tx.addLV("data", 7, 1))
		}},
		{name: "set uuid of vg", setup: known, renamed: true, inactive: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.SetVGID(otherID) }},
		{name: "set uuid of vg and its name", setup: known, inactive: true, renamed: true, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.SetVGID(otherID), tx.RenameVG("vg1"))
		}},
		{name: "set uuid of a pv", setup: known, forward: true, inactive: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.SetPVID("b", pvIDs[3]) }},
		{name: "set uuids of all", setup: known, forward: true, renamed: true, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			_, err := tx.CreateLV(LVSpec{Name: "new", ID: lettersID('n'), Size: ExtentCount(9), Stripes: 2, StripeSize: 4 * KiB})
			return joinErrors(tx.SetPVID("a", pvIDs[2]), tx.SetPVID("b", pvIDs[3]), tx.SetVGID(otherID), err)
		}},
		{name: "set uuid of an orphan", vg: "-", setup: then(volumes, orphans("c")), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.SetPVID("c", pvIDs[2])
		}},
	}
}

func alterIdentityKernel() []alteration {
	return []alteration{
		{name: "activate and rename vg", setup: known, renamed: true, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.Activate("other"), tx.RenameVG("vg1"))
		}},
	}
}
