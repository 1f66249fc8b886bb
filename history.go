package lvm

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/lvm-go/lvm/metadata"
)

// HistoricalLV is what a group remembers of a logical volume that was removed.
// LVM2 keeps it of thin volumes, for the descent of those that are left.
type HistoricalLV struct {
	vg  *VolumeGroup
	rec *metadata.HistoricalLV
}

// Name returns the name that the volume had. No other volume can have it as long
// as it is remembered.
func (h *HistoricalLV) Name() string { return h.rec.Name }

// ID returns the UUID.
func (h *HistoricalLV) ID() ID { return h.rec.ID }

// CreationTime returns when the volume was created; zero if that is not known.
func (h *HistoricalLV) CreationTime() time.Time { return h.rec.CreationTime }

// RemovalTime returns when the volume was removed; zero if that is not known.
func (h *HistoricalLV) RemovalTime() time.Time { return h.rec.RemovalTime }

// Origin returns the name of the volume that it was a snapshot of, empty if
// there was none or it is forgotten, and whether that one is historical too.
func (h *HistoricalLV) Origin() (name string, historical bool) {
	name, historical = strings.CutPrefix(h.rec.Origin, historicalMark)
	return name, historical
}

// Descendants returns the names of the volumes, not historical ones, that are
// snapshots of it.
func (h *HistoricalLV) Descendants() []string { return slices.Clone(h.rec.Descendants) }

// historicalMark precedes the names of historical LVs where others may stand.
// Source: LVM2 metadata text, historical_logical_volumes.
const historicalMark = "-"

// History returns the logical volumes that were removed and are remembered, in
// the order of the metadata. lvm2: lvs --history.
func (v *VolumeGroup) History() iter.Seq[*HistoricalLV] {
	return func(yield func(*HistoricalLV) bool) {
		for _, rec := range v.rec.History {
			if !yield(&HistoricalLV{v, rec}) {
				return
			}
		}
	}
}

// RemoveHistory forgets a removed logical volume. Those that are remembered only
// as its ancestors are forgotten with it. name may have the dash in front that
// lvm2 has. lvm2: lvremove vg/-name. Returns an error matching [ErrLVNotFound].
func (tx *Tx) RemoveHistory(name string) error {
	const op = "forget lv"
	if err := tx.own(ErrMissingPV); err != nil {
		return tx.fail(op, name, err)
	}
	bare := strings.TrimPrefix(name, historicalMark)
	kept := forget(tx.vg.History, bare)
	if len(kept) == len(tx.vg.History) {
		return tx.fail(op, name, fault(ErrLVNotFound, "no removed lv %s is remembered", bare))
	}
	tx.vg.History, tx.changed = kept, true
	return nil
}

// forget returns a history without the LV of that name and without those that
// nobody else descends from. Source: lvm2 as observed.
func forget(history []*metadata.HistoricalLV, name string) []*metadata.HistoricalLV {
	i := slices.IndexFunc(history, func(h *metadata.HistoricalLV) bool { return h.Name == name })
	if i < 0 {
		return history
	}
	origin, above := strings.CutPrefix(history[i].Origin, historicalMark)
	kept := slices.Delete(slices.Clone(history), i, i+1)
	for j, h := range kept {
		if h.Origin == historicalMark+name {
			orphan := *h
			orphan.Origin = ""
			kept[j] = &orphan
		}
	}
	if above && !hasDescendants(kept, origin) {
		return forget(kept, origin)
	}
	return kept
}

// remembered returns a history without what is older than the configuration
// wants.
func (tx *Tx) remembered(history []*metadata.HistoricalLV) []*metadata.HistoricalLV {
	lifetime := tx.sys.cfg.HistoryLifetime
	if lifetime <= 0 {
		return history
	}
	oldest := tx.time().Add(-lifetime)
	kept := history
	for _, h := range history {
		if !h.RemovalTime.IsZero() && h.RemovalTime.Before(oldest) {
			kept = forget(kept, h.Name)
		}
	}
	return kept
}

func hasDescendants(history []*metadata.HistoricalLV, name string) bool {
	return slices.ContainsFunc(history, func(h *metadata.HistoricalLV) bool {
		return h.Origin == historicalMark+name || h.Name == name && len(h.Descendants) > 0
	})
}

// isHistorical says whether a removed LV of that name is remembered.
func isHistorical(vg *metadata.VolumeGroup, name string) bool {
	return slices.ContainsFunc(vg.History, func(h *metadata.HistoricalLV) bool { return h.Name == name })
}

func errHistorical(name string) error {
	return fault(ErrExists, "name %s is that of a removed lv that is remembered: RemoveHistory makes it free", name)
}
