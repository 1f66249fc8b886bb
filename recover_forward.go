package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// rollForward lets texts count that were only precommitted when their writer
// died, where he had come too far for the text before them to hold. Such an area
// is from then on taken as if the precommitted text were the committed one, and
// a physical volume whose label still has its old UUID as if it had the new one;
// the next change, or Recover, writes that.
//
// Going forward is safe: before a text is precommitted, all that it says of the
// disks has been done, and what is done after it and before the commit is small
// enough to be told here:
//
//   - The text is committed in another area, as that of a group with another UUID
//     than the one before it. Were it of the same group, the sequence number would
//     tell which of the two is newer.
//   - The text gives physical volumes other UUIDs, and is otherwise of the same
//     ones, and a label has one of the new UUIDs, which no committed text has.
//   - The text gives up physical volumes that another group has, by the text that
//     is committed on them: the other one is committed first when a group is split.
//
// A text is only ever compared with the committed one in the same area, since
// that is what its writer replaces. So the originals of cloned disks, whose
// metadata is the same but has nothing precommitted, are not mistaken for them.
func (sc *scan) rollForward(h *handles, restricted bool) {
	left := sc.precommitted(h)
	for again := true; again; { // what is adopted may speak for another
		before := len(left)
		left = slices.DeleteFunc(left, func(p *pendingText) bool {
			relabel, ok := p.forward(sc, restricted)
			if ok {
				for pv, id := range relabel {
					pv.relabel(id)
				}
				if relabel != nil {
					sc.awaitLabels(p)
				}
				sc.adopt(p)
			}
			return ok
		})
		again = len(left) < before
	}
}

// pendingText is a precommitted text and what it is to replace.
type pendingText struct {
	scannedText
	before *metadata.VolumeGroup
}

// precommitted reads the precommitted texts, each once, that may be rolled
// forward.
func (sc *scan) precommitted(h *handles) []*pendingText {
	var out []*pendingText
	for _, pv := range sc.pvs {
		for i := range pv.areas {
			a := &pv.areas[i]
			if a.header == nil || !a.header.Slots[metadata.SlotPrecommitted].InUse() {
				continue
			}
			p := sc.pending(a, h)
			if p == nil {
				continue
			}
			same := func(o *pendingText) bool { return o.key == p.key && o.before.ID == p.before.ID }
			if i := slices.IndexFunc(out, same); i >= 0 {
				out[i].areas = append(out[i].areas, a)
			} else {
				out = append(out, p)
			}
		}
	}
	return out
}

// pending reads the precommitted text of an area; nil if it cannot be read or
// does not follow the committed one.
func (sc *scan) pending(a *scannedArea, h *handles) *pendingText {
	key, ok := a.key()
	i := slices.IndexFunc(sc.texts, func(t *scannedText) bool { return t.key == key })
	if !ok || i < 0 {
		return nil
	}
	d, err := h.reader(a.path)
	if err != nil {
		return nil
	}
	loc := a.header.Slots[metadata.SlotPrecommitted]
	text, err := a.header.ReadText(d, loc)
	if err != nil {
		return nil
	}
	doc, err := metadata.DecodeDocument(text)
	if err != nil || doc.VG.Validate() != nil {
		return nil
	}
	before, err := sc.texts[i].decode()
	if err != nil || before.VG.Seqno >= doc.VG.Seqno {
		return nil
	}
	vg := doc.VG
	return &pendingText{
		scannedText: scannedText{
			key: textKey{loc.Size, loc.Checksum}, areas: []*scannedArea{a}, name: vg.Name, id: vg.ID, seqno: vg.Seqno, doc: doc,
		},
		before: before.VG,
	}
}

// forward says whether the text counts, and which physical volumes then get
// which UUID.
func (p *pendingText) forward(sc *scan, restricted bool) (relabel map[*scannedPV]metadata.ID, ok bool) {
	vg := p.doc.VG
	if vg.ID != p.before.ID && slices.ContainsFunc(sc.texts, func(t *scannedText) bool { return t.key == p.key }) {
		return nil, true
	}
	if vg.ID == p.before.ID && slices.ContainsFunc(sc.texts, func(t *scannedText) bool { return t.id == vg.ID && t.seqno >= vg.Seqno }) {
		return nil, false // others went on
	}
	if vg.ID == p.before.ID && p.wasSplit(sc) {
		return nil, true
	}
	ids := renamedPVs(p.before, vg)
	relabel = map[*scannedPV]metadata.ID{}
	for was, id := range ids {
		if sc.claims(id, p.key) {
			return nil, false // it is no new UUID
		}
		if on := sc.labelled(id); len(on) > 0 {
			if !p.follows(on) {
				return nil, false // it is a new one, in the place of one that leaves
			}
			ok = true
			continue
		}
		on := sc.labelled(was)
		alone := len(on) == 1 && !slices.ContainsFunc(on[0].areas, func(a scannedArea) bool { return usable(&a) }) &&
			(restricted || vg.ID == p.before.ID)
		for _, pv := range on {
			if alone || slices.ContainsFunc(p.areas, func(a *scannedArea) bool { return a.path == pv.path }) {
				relabel[pv] = id
			}
		}
	}
	return relabel, ok
}

// follows says whether the text follows the one before it in all areas of the
// physical volumes, as it does where these were of the group before.
func (p *pendingText) follows(pvs []*scannedPV) bool {
	for _, pv := range pvs {
		for i := range pv.areas {
			if a := &pv.areas[i]; usable(a) && !slices.Contains(p.areas, a) {
				return false
			}
		}
	}
	return true
}

// claims says whether a committed text, other than that one, has a physical volume.
func (sc *scan) claims(pv metadata.ID, other textKey) bool {
	return slices.ContainsFunc(sc.texts, func(t *scannedText) bool {
		return t.key != other && t.has(pv)
	})
}

// wasSplit says whether the text is what a split leaves of its group: all that
// it gives up is another group's, by the text on those physical volumes.
func (p *pendingText) wasSplit(sc *scan) bool {
	lost := 0
	for _, rec := range p.before.PVs {
		if pvRecord(p.doc.VG, rec.ID) != nil {
			continue
		}
		if !sc.ownedByOther(rec.ID, p.before.ID) {
			return false
		}
		lost++
	}
	return lost > 0
}

// ownedByOther says whether another group has a physical volume, and the areas
// on it, if there are any in use, hold that group's text.
func (sc *scan) ownedByOther(pv, than metadata.ID) bool {
	for _, t := range sc.texts {
		if t.err != nil || t.id == than || !t.has(pv) {
			continue
		}
		holds := func(a scannedArea) bool {
			return !usable(&a) || slices.ContainsFunc(t.areas, func(o *scannedArea) bool { return o.path == a.path && o.start == a.start })
		}
		if on := sc.labelled(pv); len(on) == 1 && !slices.ContainsFunc(on[0].areas, func(a scannedArea) bool { return !holds(a) }) {
			return true
		}
	}
	return false
}

// renamedPVs returns the new UUIDs of the physical volumes that have another one
// in after than in before, by the old. It is empty if the groups differ in more
// than that of their physical volumes.
func renamedPVs(before, after *metadata.VolumeGroup) map[metadata.ID]metadata.ID {
	if len(before.PVs) != len(after.PVs) {
		return nil
	}
	ids := map[metadata.ID]metadata.ID{}
	for i, was := range before.PVs {
		now := after.PVs[i]
		if was.PEStart != now.PEStart || was.PECount != now.PECount || was.DeviceSize != now.DeviceSize {
			return nil
		}
		if was.ID == now.ID {
			continue
		}
		if pvRecord(before, now.ID) != nil || pvRecord(after, was.ID) != nil {
			return nil
		}
		ids[was.ID] = now.ID
	}
	return ids
}

// labelled returns the devices that have the label of a physical volume.
func (sc *scan) labelled(id metadata.ID) []*scannedPV {
	var out []*scannedPV
	for _, pv := range sc.pvs {
		if pv.label.PVID == id {
			out = append(out, pv)
		}
	}
	return out
}

// relabel takes the physical volume as if its label had the UUID.
func (pv *scannedPV) relabel(id metadata.ID) {
	label := *pv.label
	label.PVID = id
	pv.stale, pv.label = pv.label, &label
	for i := range pv.areas {
		pv.areas[i].pv = id
	}
}

// awaitLabels notes which of the new UUIDs no label has. What has the old one may
// be elsewhere, and is lost to the group if the text that tells of it is gone.
func (sc *scan) awaitLabels(p *pendingText) {
	for _, id := range renamedPVs(p.before, p.doc.VG) {
		if len(sc.labelled(id)) > 0 {
			continue
		}
		if sc.waiting == nil {
			sc.waiting = map[metadata.ID]bool{}
		}
		sc.waiting[id] = true
	}
}

// adopt makes a precommitted text a committed one in the areas of the group that
// have it.
func (sc *scan) adopt(p *pendingText) {
	t, areas := &p.scannedText, p.areas
	if i := slices.IndexFunc(sc.texts, func(o *scannedText) bool { return o.key == p.key }); i >= 0 {
		t = sc.texts[i]
	} else {
		t.areas = nil
		sc.texts = append(sc.texts, t)
	}
	for _, a := range areas {
		if pvRecord(p.doc.VG, a.pv) == nil {
			continue
		}
		for _, old := range sc.texts {
			old.areas = slices.DeleteFunc(old.areas, func(o *scannedArea) bool { return o == a })
		}
		header := *a.header
		header.Slots = [2]metadata.RawLocation{metadata.SlotCommitted: header.Slots[metadata.SlotPrecommitted]}
		a.header, a.rolled = &header, true
		t.areas = append(t.areas, a)
	}
	sc.texts = slices.DeleteFunc(sc.texts, func(o *scannedText) bool { return len(o.areas) == 0 })
}

// finishOld plans what a writer who died left to do with labels.
func (b *builder) finishOld() error {
	if !b.tx.changed || b.tx.st == nil {
		return nil
	}
	return b.finishLabels()
}

// finishLabels writes the labels that a writer who died did not come to. It has
// to be done before anything else: the areas tell that it is to be done.
func (b *builder) finishLabels() error {
	for _, rec := range b.tx.st.doc.VG.PVs {
		m := b.tx.st.members[rec.ID]
		if m == nil || m.stale == nil {
			continue
		}
		data, err := m.label.Encode()
		if err != nil {
			return err
		}
		b.prepare = append(b.prepare, &WriteLabel{
			Device: m.path, PV: m.stale.PVID, NewID: rec.ID, InUse: m.label.InUse(),
			write: metadata.Write{Offset: labelOffset(m.label), Data: data},
		})
	}
	return nil
}
