package lvm

import (
	"testing"

	"github.com/lvm-go/lvm/metadata"
)

// addSmallIntegrity does what AddIntegrity does, with less room for checksums than
// lvm2 makes, since the devices are small.
func (tx *Tx) addSmallIntegrity(name string) error {
	return tx.fail("add integrity", name, tx.whole(func() error { return tx.smallIntegrity(name) }))
}

func (tx *Tx) smallIntegrity(name string) error {
	lv, _, err := tx.lvToChange(name)
	if err != nil {
		return err
	}
	now := tx.staysActive(lv.ID)
	for _, leg := range lv.Segments[0].Body.(*metadata.RAID).Legs {
		image := tx.find(leg.Image)
		meta, err := tx.partOf(image, checksumSuffix)
		if err != nil {
			return err
		}
		if err := tx.grow(meta, ExtentCount(6), growth{shape: stripeShape{stripes: 1}}); err != nil {
			return err
		}
		tx.created = append(tx.created, newLV{id: meta.ID, keepSignatures: true})
		if err := joinErrors(tx.put(-1, meta), tx.protect(image, meta, IntegrityJournal, 512, now)); err != nil {
			return err
		}
	}
	if now {
		tx.want(lv.ID, wish{refresh: true})
	}
	return nil
}

// withoutRecalculation returns the group as it is once the kernel was told to compute
// checksums, nil if it does not wait for that.
func withoutRecalculation(vg *metadata.VolumeGroup) *metadata.VolumeGroup {
	if vg == nil {
		return nil
	}
	var out *metadata.VolumeGroup
	for i, lv := range vg.LVs {
		if body := integrityOf(lv); body != nil && body.Recalculate {
			if out == nil {
				out = vg.Clone()
				out.Seqno++
			}
			done := *body
			done.Recalculate = false
			out.LVs[i] = withBody(out.LVs[i], &done)
		}
	}
	return out
}

// andIntegrity is raids, with checksums on the images of r.
func andIntegrity(t testing.TB, sys *System, areas MetadataAreas) {
	raids(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.addSmallIntegrity("r") })
}

func alterIntegrity() []alteration {
	return []alteration{
		{name: "add integrity", setup: raids, do: func(tx *Tx, _ MetadataAreas) error { return tx.addSmallIntegrity("r") }},
		{name: "rename a raid with integrity", setup: andIntegrity, do: func(tx *Tx, _ MetadataAreas) error { return tx.RenameLV("r", "s") }},
		{name: "remove a raid with integrity", setup: andIntegrity, do: func(tx *Tx, _ MetadataAreas) error { return tx.RemoveLV("r") }},
	}
}

// alterIntegrityKernel needs a kernel, which has journals that are to be written.
func alterIntegrityKernel() []alteration {
	return []alteration{
		{name: "remove integrity", setup: andIntegrity, do: func(tx *Tx, _ MetadataAreas) error { return tx.RemoveIntegrity("r") }},
	}
}
