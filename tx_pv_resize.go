package lvm

import (
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// pvChange is what happens to a physical volume beside the text of its group.
type pvChange struct {
	m     *member               // as it was
	label *metadata.Label       // as it shall be; nil: it stays
	area  *metadata.DiskArea    // metadata area at a new place, of which label tells; nil: none moves
	ours  []metadata.AreaHeader // headers to write, of a PV of no group

	from    Bytes // where the area was
	ignored bool  // the area is not in use
	// late: after the commit, since the new place is among the extents before it.
	late bool
}

// ResizePV makes a physical volume use as much of its device as there is now,
// or size if that is not zero. pv is a device or a UUID, of the group or of no
// group. lvm2: pvresize.
//
// A metadata area at the end moves, but never onto itself: if it would have to,
// it stays where it is as the device grows, and ends earlier as it shrinks.
//
// Returns an error matching [ErrBusy] if extents that would go are in use,
// [ErrPVNotFound], [ErrInvalidSpec] if the device is smaller than size or size
// leaves no extent, or [ErrUnsupported] if the PV is changed otherwise in the
// same update.
func (tx *Tx) ResizePV(pv string, size Bytes) error {
	if err := tx.resizePV(pv, size); err != nil {
		return &OpError{Op: "resize pv", PV: pv, Err: err}
	}
	return nil
}

func (tx *Tx) resizePV(pv string, size Bytes) error {
	if tx.vg != nil {
		if id, ok := findPV(tx.vg, tx.members, pv); ok {
			return tx.resizeMember(id, size)
		}
	}
	return tx.resizeOrphan(pv, size)
}

// newSize is how large a PV shall be.
type newSize struct {
	device Bytes              // all of it, as it is now
	used   Bytes              // how much is used
	end    Bytes              // where there is no more room for extents
	old    *metadata.DiskArea // the metadata area at the end; nil: none
	area   metadata.DiskArea  // its place from now on
	label  *metadata.Label    // with the area there; otherwise as it was
}

func (n *newSize) moves() bool { return n.old != nil && *n.old != n.area }

// measure decides where a PV ends, whose extents begin at data.
func (tx *Tx) measure(m *member, data, size Bytes) (*newSize, error) {
	d, err := tx.h.reader(m.path)
	if err != nil {
		return nil, err
	}
	n := &newSize{}
	if n.device, err = d.Size(); err != nil {
		return nil, err
	}
	if n.used, err = usedSize(size, n.device, tx.sys.minPV); err != nil {
		return nil, err
	}
	n.used -= n.used % units.SectorSize
	label := *m.label
	label.MetadataAreas = slices.Clone(label.MetadataAreas)
	n.end, n.label = n.used, &label
	for i, a := range label.MetadataAreas {
		if a.Offset < data {
			continue
		}
		if n.old != nil {
			return nil, fault(ErrUnsupported, "it has several metadata areas behind its extents")
		}
		if a.Size >= n.used {
			return nil, fault(ErrInvalidSpec, "size of %s is less than its metadata areas have", n.used)
		}
		n.old = &m.label.MetadataAreas[i]
		n.area = metadata.DiskArea{Offset: lastAreaPlace(a, n.used, factsOf(d).blockSize), Size: a.Size}
		n.end = n.area.Offset
		label.MetadataAreas[i] = n.area
	}
	if n.end <= data {
		return nil, fault(ErrInvalidSpec, "size of %s leaves no room behind byte %d, where its extents begin", n.used, uint64(data))
	}
	return n, nil
}

// lastAreaPlace returns where the area at the end of a device goes that now has
// size bytes: to its end, but not over itself, so that one of the two is whole.
func lastAreaPlace(a metadata.DiskArea, size, block Bytes) Bytes {
	down := func(n Bytes) Bytes { return n / block * block }
	start := down(size - a.Size)
	switch {
	case start >= a.Offset && start-a.Offset < a.Size:
		return a.Offset
	case start < a.Offset && a.Offset-start < a.Size:
		return down(a.Offset - min(a.Offset, a.Size))
	}
	return start
}

func (tx *Tx) resizeMember(id metadata.ID, size Bytes) error {
	if err := tx.own(); err != nil {
		return err
	}
	m, i := tx.members[id], slices.IndexFunc(tx.vg.PVs, func(pv *metadata.PhysicalVolume) bool { return pv.ID == id })
	switch {
	case m == nil:
		return fault(ErrMissingPV, "pv %s is missing", id)
	case tx.st == nil || tx.st.members[id] == nil || tx.pvChanged(m.path):
		return fault(ErrUnsupported, "it joins the group or is resized in this update: do that in the next")
	case !tx.newIDs[id].IsZero():
		return fault(ErrUnsupported, "it gets another uuid in this update: resize it in the next")
	}
	old := tx.vg.PVs[i]
	data := sectorBytes(old.PEStart)
	n, err := tx.measure(m, data, size)
	if err != nil {
		return err
	}
	rec := *old
	rec.PECount = (n.end - data).Sectors().ExtentsDown(tx.vg.ExtentSize)
	if rec.PECount == 0 || rec.PECount > units.MaxExtents {
		return fault(ErrInvalidSpec, "size of %s has room for %d extents", n.used, rec.PECount)
	}
	if err := tx.checkCut(id, rec.PECount, n.used-n.end+data); err != nil {
		return err
	}
	member := *m
	member.size = n.device
	tx.members[id] = &member
	// lvm2's pvresize notes the size of what is left for extents.
	rec.DeviceSize = (n.end - data).Sectors()
	if rec.PECount == old.PECount && !n.moves() && (old.DeviceSize == n.used.Sectors() || old.DeviceSize == rec.DeviceSize) {
		return nil
	}
	if err := tx.emap.setPV(&rec); err != nil {
		return err
	}
	tx.vg.PVs[i], tx.changed = &rec, true
	if n.moves() {
		tx.moveArea(m, n, &member)
	}
	return nil
}

// checkCut refuses to take extents away that are in use. more is what the PV
// needs beside its extents.
func (tx *Tx) checkCut(id metadata.ID, count Extents, more Bytes) error {
	var end Extents
	var users []string
	for r := range tx.emap.Runs(id) {
		if r.Free() || r.Start+r.Count <= count {
			continue
		}
		end = r.Start + r.Count
		name := r.LVName
		if r.Held {
			name = "what is removed in this update"
		}
		if !slices.Contains(users, name) {
			users = append(users, name)
		}
	}
	if end == 0 {
		return nil
	}
	sectors, _ := end.Sectors(tx.vg.ExtentSize)
	return fault(ErrBusy, "it would have %d extents, of which those up to %d are used by %s: it needs at least %s",
		count, end-1, strings.Join(users, ", "), sectorBytes(sectors)+more)
}

// moveArea notes that the last metadata area of a member moves. Where it goes
// is no room for extents: if that is so before the change, it goes there first,
// with the text that is valid then, and gets the new one like all others. If it
// is so only after the change, it follows, and its old place gets the new text
// as well.
func (tx *Tx) moveArea(m *member, n *newSize, after *member) {
	id := m.label.PVID
	c := &pvChange{m: m, label: n.label, area: &n.area, from: n.old.Offset, late: n.area.Offset < n.old.Offset}
	if !c.late {
		after.label = n.label
		tx.areas[id] = slices.Clone(tx.areas[id])
		for i := range tx.areas[id] {
			if a := &tx.areas[id][i]; a.start == c.from {
				c.ignored = tx.replaceArea(a, n.area)
			}
		}
	}
	tx.pvChanges = append(tx.pvChanges, c)
}

// replaceArea makes an area that of its new place, where the group's text will
// be before the change, and says whether it is one that is ignored until then.
func (tx *Tx) replaceArea(a *scannedArea, to metadata.DiskArea) bool {
	ignored := a.header != nil && a.header.Slots[metadata.SlotCommitted].Ignored()
	if yes, said := tx.ignored[areaRef{a.pv, a.start}]; said {
		tx.ignored[areaRef{a.pv, to.Offset}] = yes
	}
	a.start, a.header, a.err = to.Offset, emptyArea(to, ignored), nil
	if !ignored {
		a.header.Slots[metadata.SlotCommitted] = metadata.RawLocation{
			Offset: metadata.AreaHeaderSize, Size: tx.st.key.size, Checksum: tx.st.key.checksum}
	}
	return ignored
}

// pvChanged says whether a PV is changed already in a way that leaves no room
// for another.
func (tx *Tx) pvChanged(device string) bool {
	return slices.ContainsFunc(tx.pvChanges, func(c *pvChange) bool { return c.m.path == device })
}

func (tx *Tx) resizeOrphan(pv string, size Bytes) error {
	m, areas, err := tx.orphanToChange(pv)
	if err != nil {
		return err
	}
	if len(m.label.DataAreas) == 0 {
		return fault(ErrDamaged, "pv %s has no data area", m.label.PVID)
	}
	n, err := tx.measure(m, m.label.DataAreas[0].Offset, size)
	if err != nil {
		return err
	}
	n.label.DeviceSize = n.used
	if !n.moves() && n.label.DeviceSize == m.label.DeviceSize {
		return nil
	}
	c := &pvChange{m: m, label: n.label}
	for i := range areas {
		if n.moves() && areas[i].start == n.old.Offset {
			h := areas[i].header
			c.ours = append(c.ours, *emptyArea(n.area, h != nil && h.Slots[metadata.SlotCommitted].Ignored()))
		}
	}
	tx.pvChanges = append(tx.pvChanges, c)
	return nil
}

// orphanToChange returns a PV of no group, by device or UUID.
func (tx *Tx) orphanToChange(pv string) (*member, []scannedArea, error) {
	if err := tx.global(); err != nil {
		return nil, nil, err
	}
	if id, err := metadata.ParseID(pv); err == nil {
		for _, p := range tx.scan.pvs {
			if p.label.PVID == id {
				pv = p.path
			}
		}
	}
	m, areas, err := tx.orphan(pv)
	switch {
	case err != nil:
		return nil, nil, err
	case m == nil:
		return nil, nil, ErrPVNotFound
	case tx.newPVs[m.path] != nil || tx.leaves(m.path) || !tx.orphanIDs[m.path].IsZero():
		return nil, nil, fault(ErrUnsupported, "it is made, leaves its group or gets another uuid in this update: change it in the next")
	}
	return m, areas, nil
}

// changePVs does before the commit what can be done then.
func (b *builder) changePVs() error {
	for _, c := range b.tx.pvChanges {
		if c.late {
			continue
		}
		for i := range c.ours {
			b.overwrite(c.m.path, c.ours[i].Start, c.ours[i].Encode(), "an empty metadata area", true)
		}
		if c.area != nil {
			text, err := b.committedText()
			if err != nil {
				return err
			}
			if err := b.fillArea(&b.prepare, c, text); err != nil {
				return err
			}
		}
		if err := b.writeLabel(&b.prepare, c); err != nil {
			return err
		}
	}
	return nil
}

// changePVsLate does the rest after the commit.
func (b *builder) changePVsLate() error {
	for _, c := range b.tx.pvChanges {
		// A PV that left its group is as it was.
		if !c.late || b.plan.after == nil || b.tx.members[c.m.label.PVID] == nil {
			continue
		}
		if !b.tx.newIDs[c.m.label.PVID].IsZero() {
			return fault(ErrUnsupported, "pv %s is resized and gets another uuid: do that in two updates", c.m.label.PVID)
		}
		text, err := b.plan.after.EncodeArea()
		if err != nil {
			return err
		}
		for i := range b.tx.areas[c.m.label.PVID] {
			if a := &b.tx.areas[c.m.label.PVID][i]; a.start == c.from {
				c.ignored = b.tx.ignores(a)
			}
		}
		if err := b.fillArea(&b.after, c, text); err != nil {
			return err
		}
		c.label.ExtensionVersion = max(c.label.ExtensionVersion, 2)
		c.label.ExtensionFlags |= metadata.PVInUse
		if err := b.writeLabel(&b.after, c); err != nil {
			return err
		}
	}
	return nil
}

// fillArea writes a metadata area with its text, unless it is ignored, to where
// no label points to yet.
func (b *builder) fillArea(to *[]Step, c *pvChange, text []byte) error {
	header := emptyArea(*c.area, c.ignored)
	what := "an empty metadata area"
	writes := []metadata.Write{{Offset: header.Start}}
	if !c.ignored {
		what = "the metadata in an area that moves"
		loc, err := header.NextLocation(text)
		if err != nil {
			return errors.WithMessagef(err, "move a metadata area on %s", c.m.path)
		}
		writes = append(header.TextWrites(loc, text), writes...)
		header.Slots[metadata.SlotCommitted] = loc
	}
	writes[len(writes)-1].Data = header.Encode()
	for _, w := range writes {
		*to = append(*to, &OverwriteRange{Device: c.m.path, Offset: w.Offset, Data: w.Data, What: what, keep: true})
	}
	return nil
}

func (b *builder) writeLabel(to *[]Step, c *pvChange) error {
	if c.label == nil {
		return nil
	}
	old, err := c.m.label.Encode()
	if err != nil {
		return err
	}
	data, err := c.label.Encode()
	if err != nil {
		return err
	}
	at := Bytes(c.label.Sector) * units.SectorSize
	*to = append(*to, &WriteLabel{
		Device: c.m.path, PV: c.label.PVID, InUse: c.label.InUse(), Resized: true,
		write: metadata.Write{Offset: at, Data: data}, old: metadata.Write{Offset: at, Data: old},
	})
	return nil
}
