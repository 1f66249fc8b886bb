package lvm

import (
	"testing"

	"github.com/lvm-go/lvm/metadata"
)

func alterVGChange() []alteration {
	exported := then(volumes, func(t testing.TB, sys *System, _ MetadataAreas) {
		update(t, sys, "vg0", func(tx *Tx) error { return tx.ExportVG() })
	})
	return []alteration{
		{name: "change vg", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.SetVGAllocation(metadata.AllocContiguous), tx.SetVGLimits(7, 8), tx.SetVGAutoActivation(false),
				tx.SetResizeable(false))
		}},
		{name: "give vg another name of this host", setup: volumes, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.SetSystemID("ours")
		}},
		{name: "use fewer metadata areas", setup: andSpare, do: func(tx *Tx, _ MetadataAreas) error { return tx.SetMetadataCopies(1) }},
		{name: "use all metadata areas", setup: then(andSpare, func(t testing.TB, sys *System, _ MetadataAreas) {
			update(t, sys, "vg0", func(tx *Tx) error { return tx.SetMetadataCopies(1) })
		}), do: func(tx *Tx, _ MetadataAreas) error { return tx.UseAllMetadataAreas() }},
		{name: "larger extents", setup: then(large, func(t testing.TB, sys *System, _ MetadataAreas) {
			update(t, sys, "vg0", func(tx *Tx) error { return tx.SetExtentSize(4 * KiB) })
		}), do: func(tx *Tx, _ MetadataAreas) error { return tx.SetExtentSize(8 * KiB) }},
		{name: "export vg", setup: volumes, inactive: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.ExportVG() }},
		{name: "swap metadata areas", setup: lastInUse, do: func(tx *Tx, areas MetadataAreas) error {
			if areas == NoArea {
				return tx.SetTags("t")
			}
			return joinErrors(tx.ignoreAreasOf(0, false), tx.ignoreAreasOf(2, true))
		}},
		{name: "reduce vg by the pv whose areas are in use", setup: lastInUse, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ReduceVG("c")
		}},
		{name: "remove vg with ignored areas", setup: then(emptyGroup, func(t testing.TB, sys *System, _ MetadataAreas) {
			update(t, sys, "vg0", func(tx *Tx) error { return tx.SetMetadataCopies(1) })
		}), do: func(tx *Tx, _ MetadataAreas) error { return tx.RemoveVG() }, gone: true},
		{name: "restore vg", setup: volumes, inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.RestoreVG(tx.earlier(), RestoreSpec{})
		}},
		{name: "repair metadata of an outdated pv", setup: outdatedPV, do: func(tx *Tx, _ MetadataAreas) error { return tx.RepairMetadata() }},
		{name: "import vg", setup: exported, inactive: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.ImportVG(ImportSpec{}) }},
	}
}

// lastInUse makes vg0 with the areas of c in use, if it has any, and the others
// ignored.
func lastInUse(t testing.TB, sys *System, areas MetadataAreas) {
	andSpare(t, sys, areas)
	if areas != NoArea {
		update(t, sys, "vg0", func(tx *Tx) error { return joinErrors(tx.ignoreAreasOf(0, true), tx.ignoreAreasOf(1, true)) })
	}
}

// large makes vg0 with extents of 8 KiB.
func large(t testing.TB, sys *System, areas MetadataAreas) {
	update(t, sys, "vg0", func(tx *Tx) error {
		if err := tx.CreateVG(VGSpec{PVs: []string{"a"}, PV: firstSpec(areas), ExtentSize: 8 * KiB}); err != nil {
			return err
		}
		return joinErrors(tx.ExtendVG(areaSpec(areas), "b"), tx.addLV("data", 20, 1), tx.addLV("striped", 8, 2))
	})
	writePatterns(t, sys, "vg0")
}

// ignoreAreasOf is ignoreAreas of the PV with that number.
func (tx *Tx) ignoreAreasOf(pv int, yes bool) error {
	return tx.fail("ignore areas", "", tx.changeVG(func() error { return tx.ignoreAreas(tx.vg.PVs[pv].ID, yes) }))
}

// earlier returns a text of the group as if it had been one without its last
// volume before.
func (tx *Tx) earlier() []byte {
	if tx.st == nil {
		return nil
	}
	vg := tx.st.doc.VG.Clone()
	vg.LVs = vg.LVs[:len(vg.LVs)-1]
	vg.Seqno--
	text, _ := (&metadata.Document{VG: vg}).EncodeBackup()
	return text
}

func alterVGChangeKernel() []alteration { return nil }
