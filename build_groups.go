package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// checkWhole refuses to carry out half of an operation.
func (b *builder) checkWhole() error { return b.tx.spoiled }

// checkMoves refuses updates that move physical volumes between groups, and do
// more with them than the texts tell after a crash between two commits: see
// [scan.rollForward]. What the group gives up has to be all of one other group,
// and what was its own before.
func (b *builder) checkMoves() error {
	tx := b.tx
	if len(tx.others) == 0 {
		return nil
	}
	if len(tx.gonePVs) > 0 || tx.restored {
		return fault(ErrUnsupported, "physical volumes move between groups, and others leave or the group is restored: do that in another update")
	}
	var taker *Tx
	for _, other := range tx.others {
		if other.merged || !other.changed {
			continue
		}
		if taker != nil {
			return fault(ErrUnsupported, "vg %s and vg %s both get physical volumes: do that in two updates", taker.vg.Name, other.vg.Name)
		}
		taker = other
	}
	if taker == nil {
		return nil
	}
	for _, pv := range taker.vg.PVs {
		had := func(vg *metadata.VolumeGroup) bool { return vg != nil && pvRecord(vg, pv.ID) != nil }
		if !had(taker.before()) && !had(tx.before()) {
			return fault(ErrUnsupported, "pv %s joins vg %s and leaves it in one update: do that in two", pvName(pv), tx.vg.Name)
		}
	}
	if i := slices.IndexFunc(tx.pvChanges, func(c *pvChange) bool {
		return tx.members[c.m.label.PVID] == nil && pvRecord(taker.vg, c.m.label.PVID) != nil
	}); i >= 0 {
		return fault(ErrUnsupported, "%s is changed and moves to vg %s: do that in two updates", tx.pvChanges[i].m.path, taker.vg.Name)
	}
	return nil
}
