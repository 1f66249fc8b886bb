package lvm

import (
	"slices"
	"strings"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

// builder turns the result of a transaction into steps.
type builder struct {
	tx   *Tx
	plan *Plan

	prepare  []Step // disks, before the metadata
	metadata []Step // text and precommit
	clear    []Step // tables that somebody left behind
	load     []Step // devices and tables that wait for the commit
	flush    []Step // caches, before what is cached is suspended
	suspend  []Step
	rested   []Step // tables that are made from what the kernel notes when it suspends
	retire   []Step // devices that go while what they show is suspended
	commit   []Step
	resume   []Step
	confirm  []Step // text that says that the kernel has done what it was told
	late     []Step // devices that cannot be made earlier
	clean    []Step // devices that go since nothing refers to them any more
	settle   []Step
	drop     []Step // nodes that go, before others get their names
	after    []Step // nodes, labels, backups

	holds    map[string]rest                 // see hold
	planned  []plannedTree                   // in order
	names    map[string]string               // of the devices that are planned, by uuid
	brought  map[string]bool                 // uuids of the devices that are planned
	again    map[string]bool                 // uuids of those that get another table after the commit
	leaving  map[string]bool                 // uuids of those whose removal is
	rendered []metadata.ID                   // LVs with such devices, each as often as it has any
	sorted   *trees                          // what the touched volumes come to
	grown    map[string]bool                 // uuids of the devices that become larger
	topsOf   map[metadata.ID][]metadata.ID   // see tops
	stores   map[metadata.ID]bool            // see carriesStore
	moving   map[metadata.ID]reshapeProgress // see reshapes
	raids    map[dm.Dev]*mapped              // see findRAIDs
}

// build makes the plan of a transaction whose function has returned. Where it
// changes several groups, those that were joined are committed first: they take
// over what the others then give up.
func (tx *Tx) build() (*Plan, error) {
	var all builder
	var plan *Plan
	for _, part := range slices.Backward(tx.parts()) {
		b, err := part.phases()
		if err != nil {
			return nil, part.fail("plan", "", err)
		}
		all.append(b)
		if plan != nil {
			b.plan.others = append([]*Plan{plan}, plan.others...)
			plan.others = nil
		}
		plan = b.plan
	}
	all.addHooks(tx.hooks)
	plan.Steps, plan.trees = all.steps(), all.planned
	return plan, nil
}

// append adds the steps of another builder, each in its phase.
func (b *builder) append(o *builder) {
	b.prepare = append(b.prepare, o.prepare...)
	b.metadata = append(b.metadata, o.metadata...)
	b.clear = append(b.clear, o.clear...)
	b.load = append(b.load, o.load...)
	b.flush = append(b.flush, o.flush...)
	b.suspend = append(b.suspend, o.suspend...)
	b.rested = append(b.rested, o.rested...)
	b.retire = append(b.retire, o.retire...)
	b.commit = append(b.commit, o.commit...)
	b.resume = append(b.resume, o.resume...)
	b.confirm = append(b.confirm, o.confirm...)
	b.late = append(b.late, o.late...)
	b.clean = append(b.clean, o.clean...)
	if len(b.settle) == 0 {
		b.settle = o.settle
	}
	b.drop = append(b.drop, o.drop...)
	b.after = append(b.after, o.after...)
	b.planned = append(b.planned, o.planned...)
}

func (b *builder) steps() []Step {
	return slices.Concat(b.prepare, b.metadata, b.clear, b.load, b.flush, b.suspend, b.rested, b.retire, b.commit, b.resume, b.confirm, b.late, b.clean, b.settle, b.drop, b.after)
}

// phases makes the steps for one group.
func (tx *Tx) phases() (*builder, error) {
	p := &Plan{sys: tx.sys, tx: tx, VG: tx.ref}
	if tx.st != nil {
		p.before, p.VG, p.ID = tx.st.doc, tx.st.doc.VG.Name, tx.st.doc.VG.ID
		p.BaseSeqno = tx.st.doc.VG.Seqno
		p.Seqno = p.BaseSeqno
	}
	b := &builder{tx: tx, plan: p}
	for _, build := range []func() error{
		b.checkWhole, b.checkMoves, b.checkPlaces, b.checkStores, b.checkLayers, b.checkIdentity, b.finishOld, b.initPVs, b.newHeads, b.syncs, b.archive, b.releasePVs, b.writeMetadata, b.relabel, b.repairPools, b.devices, b.checkCopied, b.checkFlushed, b.fileSystems, b.finishPVs, b.backup,
	} {
		if err := build(); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// initPVs makes new physical volumes. The label, which is what counts, comes
// last.
func (b *builder) initPVs() error {
	if err := b.listDevices(); err != nil {
		return err
	}
	if err := b.changePVs(); err != nil {
		return err
	}
	for _, path := range b.tx.pvOrder {
		init := b.tx.newPVs[path]
		d, err := b.tx.h.reader(path)
		if err != nil {
			return err
		}
		if err := b.checkFree(path); err != nil {
			return err
		}
		if err := b.checkUnpartitioned(path); err != nil {
			return err
		}
		found, err := b.tx.foreignSignatures(path, d, init.size)
		if err != nil {
			return err
		}
		found = slices.DeleteFunc(found, func(s Signature) bool { return init.keeps(s.Offset, s.Length) })
		if len(found) > 0 && !init.wipe {
			return &SignatureError{Device: path, Signatures: found}
		}
		for _, s := range found {
			b.overwrite(path, s.Offset, make([]byte, s.Length), "zeroes over the "+s.Type+" signature", true)
		}
		if err := b.clearHead(init, d); err != nil {
			return err
		}
		for _, a := range init.areas() {
			head := make([]byte, wipedAreaStart)
			copy(head, a.header.Encode())
			b.overwrite(path, a.start, head, "an empty metadata area", true)
		}
		label, err := init.label.Encode()
		if err != nil {
			return err
		}
		b.overwrite(path, Bytes(init.label.Sector)*units.SectorSize, label, "the label of pv "+init.id.String(), true)
	}
	return nil
}

// checkFree refuses a device that somebody else uses.
func (b *builder) checkFree(path string) error {
	user, err := b.tx.sys.busy(path)
	if err == nil && user != "" {
		err = fault(ErrBusy, "%s is in use: %s", path, user)
	}
	return err
}

// checkUnpartitioned refuses a device with partitions, also where signatures are to be
// wiped: what is on them would be lost with their table, and is not looked at.
// Source: lvm2 as observed.
func (b *builder) checkUnpartitioned(path string) error {
	if b.tx.sys.custom {
		return nil
	}
	names, err := devicePartitions(path)
	if err == nil && len(names) > 0 {
		err = fault(ErrBusy, "%s has the partitions %s: delete them first, or use one of them", path, strings.Join(names, ", "))
	}
	return err
}

// busy returns who else uses a device, as far as the system knows.
func (s *System) busy(path string) (string, error) {
	if s.custom {
		return "", nil
	}
	return deviceBusy(path)
}

func (b *builder) overwrite(path string, offset Bytes, data []byte, what string, keep bool) {
	b.prepare = append(b.prepare, &OverwriteRange{Device: path, Offset: offset, Data: data, What: what, keep: keep})
}

// foreignSignatures returns what is on a device, but the label of a physical
// volume that can be read. One that cannot may be all that is left of one.
func (tx *Tx) foreignSignatures(path string, d Device, size Bytes) ([]Signature, error) {
	found, err := FindSignatures(d, size)
	if slices.ContainsFunc(tx.scan.pvs, func(pv *scannedPV) bool { return pv.path == path }) {
		found = slices.DeleteFunc(found, func(s Signature) bool { return s.Type == "LVM2_member" })
	}
	return found, err
}

// checkPlaces refuses volumes that reach beyond the end of a device that has
// become smaller: the kernel would do so only after the commit.
func (b *builder) checkPlaces() error {
	tx, seen := b.tx, map[metadata.ID]bool{}
	for _, id := range tx.order {
		lv := tx.find(id)
		if _, touched := tx.index[id]; lv == nil || !touched {
			continue
		}
		if err := tx.fitsDevices(lv, seen); err != nil {
			return &OpError{Op: "place lv", VG: tx.vg.Name, LV: lv.Name, Err: err}
		}
	}
	return nil
}

// newHeads zeroes the beginning of new logical volumes and wipes what looks
// like a file system on them, through the physical volumes: nobody else uses
// these extents before the commit, and no device shows them.
func (b *builder) newHeads() error {
	for _, n := range b.tx.created {
		i := b.tx.index[n.id]
		lv := b.tx.vg.LVs[i]
		f := b.tx.open(lv)
		if _, ok := lv.Segments[0].Body.(*metadata.RAID); ok {
			if err := b.newRAIDHead(n, lv, f.size); err != nil {
				return err
			}
			continue
		}
		if !n.keepSignatures {
			found, err := FindSignatures(f, f.size)
			if err != nil {
				return err
			}
			for _, s := range found {
				what := "zeroes over the " + s.Type + " signature on " + b.tx.vg.Name + "/" + lv.Name
				if err := b.zero(lv, s.Offset, s.Length, what); err != nil {
					return err
				}
			}
		}
		if n.meta != noMeta {
			head, err := b.metaHead(n)
			if err != nil {
				return err
			}
			n.head = head
		}
		if n.head != nil {
			if err := b.write(lv, n.head, "the head of "+b.tx.vg.Name+"/"+lv.Name); err != nil {
				return err
			}
		} else if !n.keepHead {
			head := min(zeroedHead, f.size)
			if err := b.zero(lv, 0, head, "zeroes at the start of "+b.tx.vg.Name+"/"+lv.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// syncs has the caches of devices written that hold what is to count.
func (b *builder) syncs() error {
	for _, path := range b.tx.syncs {
		b.prepare = append(b.prepare, &SyncDevice{Device: path})
	}
	return nil
}

func (b *builder) zero(lv *metadata.LogicalVolume, offset, length Bytes, what string) error {
	return b.place(lv, offset, length, what, func(p Piece) []byte { return make([]byte, p.Length) })
}

// write writes to the beginning of a volume.
func (b *builder) write(lv *metadata.LogicalVolume, data []byte, what string) error {
	return b.place(lv, 0, Bytes(len(data)), what, func(p Piece) []byte {
		n := int(p.Length)
		piece := data[:n:n]
		data = data[n:]
		return piece
	})
}

// place overwrites a range of a volume by what data returns for one piece of it
// after the other. What was on one that is not new comes back if the plan is undone.
func (b *builder) place(lv *metadata.LogicalVolume, offset, length Bytes, what string, data func(Piece) []byte) error {
	for piece, err := range b.tx.emap.Map(lv.ID, offset, length) {
		if err != nil {
			return err
		}
		bytes := data(piece)
		if piece.Zero || piece.Error {
			continue
		}
		m := b.tx.members[piece.PV]
		if m == nil {
			return fault(ErrMissingPV, "pv %s is missing", piece.PV)
		}
		b.overwrite(m.path, piece.Offset, bytes, what, lvRecord(b.tx.st, lv.ID) != nil)
	}
	return nil
}

func (b *builder) archive() error {
	if !b.tx.changed || b.tx.st == nil || b.tx.sys.cfg.ArchiveDir == "" {
		return nil
	}
	doc := *b.tx.st.doc
	doc.Header = b.header("Created *before* executing '" + b.tx.sys.cfg.Command + "'")
	b.prepare = append(b.prepare, &WriteBackup{VG: b.plan.VG, Archive: true, doc: &doc})
	return nil
}

func (b *builder) backup() error {
	if !b.tx.changed || b.tx.sys.cfg.BackupDir == "" {
		return nil
	}
	if b.tx.merged { // lvm2 leaves it, too
		return nil
	}
	if b.tx.vg == nil {
		b.after = append(b.after, &RemoveBackup{VG: b.plan.VG})
		return nil
	}
	doc := *b.plan.after
	doc.Header = b.header("Created *after* executing '" + b.tx.sys.cfg.Command + "'")
	b.after = append(b.after, &WriteBackup{VG: b.tx.vg.Name, doc: &doc})
	b.removeOldBackup()
	return nil
}

func (b *builder) header(description string) metadata.Header {
	return b.tx.sys.textHeader(description, b.tx.time())
}

// releasePVs takes the in-use mark off physical volumes that leave the group,
// before the commit: a mark without a group would keep them from being used,
// while its absence in a group is mended by the next change.
func (b *builder) releasePVs() error {
	for _, m := range b.tx.gonePVs {
		if err := b.mark(&b.metadata, m, false); err != nil {
			return err
		}
	}
	return nil
}

// finishPVs marks members as in use, those that came and those whose mark is
// lost, and erases what is left on the PVs that went.
func (b *builder) finishPVs() error {
	tx := b.tx
	if tx.vg != nil && tx.changed {
		for _, rec := range tx.vg.PVs {
			m := tx.members[rec.ID]
			if _, done := tx.newIDs[rec.ID]; done || m == nil || m.label.InUse() && m.label.ExtensionVersion >= 2 {
				continue
			}
			if err := b.mark(&b.after, m, true); err != nil {
				return err
			}
		}
	}
	if tx.vg != nil {
		for _, m := range tx.gonePVs {
			b.eraseAreas(m)
		}
	}
	if tx.repair {
		if err := b.eraseOutdated(true); err != nil {
			return err
		}
	}
	if err := b.changePVsLate(); err != nil {
		return err
	}
	for _, m := range tx.wipePVs {
		if err := b.checkFree(m.path); err != nil && !tx.leaves(m.path) {
			return err
		}
		if err := b.wipeLabels(m); err != nil {
			return err
		}
	}
	return nil
}

// wipeLabels zeroes all that looks like a label, the first one last: the others
// must not come to count.
func (b *builder) wipeLabels(m *member) error {
	d, err := b.tx.h.reader(m.path)
	if err != nil {
		return err
	}
	head := make([]byte, metadata.LabelScanSize)
	if n, err := d.ReadAt(head, 0); n < len(head) {
		return errors.WithMessagef(err, "read %s", m.path)
	}
	for at := metadata.LabelScanSize - units.SectorSize; ; at -= units.SectorSize {
		if metadata.IsLabel(head[at:]) {
			b.after = append(b.after, &OverwriteRange{
				Device: m.path, Offset: at,
				Data: make([]byte, units.SectorSize), What: "zeroes over the label of pv " + m.label.PVID.String(),
			})
		}
		if at == 0 {
			return nil
		}
	}
}

// eraseAreas empties the metadata areas of a PV that left its group.
func (b *builder) eraseAreas(m *member) {
	for _, a := range b.tx.areas[m.label.PVID] {
		if a = b.withHeader(&a); a.header == nil {
			continue
		}
		b.after = append(b.after, &OverwriteRange{
			Device: m.path, Offset: a.start, What: "an empty metadata area",
			Data: (&metadata.AreaHeader{Start: a.start, Size: a.header.Size, Slots: emptySlots(a.header)}).Encode(),
		})
	}
}

func labelOffset(label *metadata.Label) Bytes { return Bytes(label.Sector) * units.SectorSize }

func (b *builder) mark(to *[]Step, m *member, inUse bool) error {
	old, err := m.label.Encode()
	if err != nil {
		return err
	}
	label := *m.label
	label.ExtensionVersion = max(label.ExtensionVersion, 2)
	if label.ExtensionFlags &^= metadata.PVInUse; inUse {
		label.ExtensionFlags |= metadata.PVInUse
	} else {
		label.DeviceSize = m.size // as lvm2, whose groups may use less
	}
	data, err := label.Encode()
	if err != nil {
		return err
	}
	at := labelOffset(&label)
	*to = append(*to, &WriteLabel{
		Device: m.path, PV: label.PVID, InUse: inUse,
		write: metadata.Write{Offset: at, Data: data}, old: metadata.Write{Offset: at, Data: old},
	})
	return nil
}

// writeMetadata encodes the group and prepares its way into every area.
func (b *builder) writeMetadata() error {
	tx := b.tx
	if !tx.changed {
		return nil
	}
	switch {
	case tx.merged:
		b.plan.Seqno = 0
		return b.eraseOutdated(false)
	case tx.vg == nil:
		return b.eraseGroup()
	}
	rec := *tx.vg
	rec.LVs = tx.inTextOrder()
	rec.PVs = b.presence(rec.PVs)
	rec.History = tx.remembered(rec.History)
	rec.Seqno = b.plan.BaseSeqno + max(tx.seqnoStep, 1)
	var err error
	if rec.PVs, rec.LVs, err = tx.withNewIDs(rec.PVs, rec.LVs); err != nil {
		return err
	}
	if err := rec.Validate(); err != nil {
		return err
	}
	if rec.Status&metadata.VGExported != 0 {
		if err := tx.allInactive(); err != nil {
			return err
		}
	}
	b.plan.after = &metadata.Document{Header: b.header("Write from " + tx.sys.cfg.Command + "."), VG: &rec}
	b.plan.VG, b.plan.ID, b.plan.Seqno = rec.Name, rec.ID, rec.Seqno
	seqno, first := rec.Seqno, b.plan.after
	interim := b.interim(&rec)
	if interim != nil {
		if err := interim.Validate(); err != nil {
			return err
		}
		first = &metadata.Document{Header: b.plan.after.Header, VG: interim}
	}
	text, err := first.EncodeArea()
	if err != nil {
		return err
	}
	areas, err := b.areaWrites(text)
	if err != nil {
		return err
	}
	if len(areas) == 0 {
		return fault(ErrReadOnly, "vg %s has no usable metadata area to write to", rec.Name)
	}
	devices := devicesOf(areas)
	b.metadata = append(b.metadata,
		&WriteText{Devices: devices, Size: Bytes(len(text)), areas: areas},
		&Precommit{Devices: devices, Seqno: seqno, areas: areas})
	commit := &Commit{Devices: devices, Seqno: seqno, areas: areas, paired: len(tx.family()) > 1}
	commit.Removed, commit.Reduced = tx.losses()
	b.commit = append(b.commit, commit)
	if interim == nil {
		return nil
	}
	rec.Seqno++
	b.plan.Seqno = rec.Seqno
	if text, err = b.plan.after.EncodeArea(); err != nil {
		return err
	}
	return b.confirmText(text, areas)
}

// interim returns the group as it stands in the text until the kernel has done
// what it is told; nil if there is nothing to tell it.
func (b *builder) interim(rec *metadata.VolumeGroup) *metadata.VolumeGroup {
	if len(b.tx.meanwhile) == 0 {
		return nil
	}
	now := *rec
	now.LVs = slices.Clone(rec.LVs)
	for i, lv := range now.LVs {
		if between := b.tx.meanwhile[lv.ID]; between != nil {
			now.LVs[i] = between
		}
	}
	return &now
}

// confirmText prepares the way of a text into areas that have another one by
// then.
func (b *builder) confirmText(text []byte, before []*areaWrite) error {
	var areas []*areaWrite
	for _, w := range before {
		a := &scannedArea{path: w.path, start: w.start, header: &w.second}
		next, err := newAreaWrite(a, text, w.second.Slots[metadata.SlotCommitted].Ignored())
		if err != nil {
			return err
		}
		areas = append(areas, next)
	}
	b.confirm = append(b.confirm, &ConfirmText{Devices: devicesOf(areas), Seqno: b.plan.Seqno, areas: areas})
	return nil
}

// areaWrites prepares the writes to the areas that are in use, then to those
// that are to be ignored from now on: they get the text as well, but it is one in
// use that makes the commit, and there is always one. Areas that stay ignored
// are left alone, but for a writer's traces.
func (b *builder) areaWrites(text []byte) ([]*areaWrite, error) {
	tx := b.tx
	tx.balanceAreas()
	var used, last, idle []*areaWrite
	for a := range tx.usableAreas() {
		ignore := tx.ignores(a)
		if ignore && !usable(a) {
			if a.header.Slots[metadata.SlotPrecommitted].InUse() {
				idle = append(idle, cleanedArea(a))
			}
			continue
		}
		w, err := newAreaWrite(a, text, ignore)
		if err != nil {
			return nil, err
		}
		if ignore {
			last = append(last, w)
		} else {
			used = append(used, w)
		}
	}
	if len(idle) > 0 {
		b.after = append(b.after, &RepairAreas{Devices: devicesOf(idle), areas: idle})
	}
	if len(used) == 0 {
		return nil, nil
	}
	return append(used, last...), nil
}

// losses returns the volumes that the transaction removes and those that it
// makes smaller.
func (tx *Tx) losses() (removed, reduced []string) {
	if tx.st == nil {
		return nil, nil
	}
	touched := make(map[metadata.ID]bool, len(tx.order))
	for _, id := range tx.order {
		touched[id] = true
	}
	for _, old := range tx.st.doc.VG.LVs {
		if !touched[old.ID] && !tx.restored {
			continue
		}
		lv := tx.find(old.ID)
		if tx.left[old.ID] || !tx.st.links().visible(old) {
			continue
		}
		if lv == nil {
			removed = append(removed, old.Name)
			continue
		}
		was, _ := old.Extents().Sectors(tx.st.doc.VG.ExtentSize)
		if now, ok := lv.Extents().Sectors(tx.vg.ExtentSize); ok && now < was {
			reduced = append(reduced, old.Name)
		}
	}
	return removed, reduced
}

// presence returns the records with the paths that the devices now have, and
// the mark of those that are missing.
func (b *builder) presence(pvs []*metadata.PhysicalVolume) []*metadata.PhysicalVolume {
	out := slices.Clone(pvs)
	for i, pv := range out {
		now := *pv
		if m := b.tx.members[pv.ID]; m != nil {
			now.Device = m.path
		}
		if now.Status &^= metadata.PVMissing; b.tx.isMissing(pv) {
			now.Status |= metadata.PVMissing
		}
		if now.Device != pv.Device || now.Status != pv.Status {
			out[i] = &now
		}
	}
	return out
}

func devicesOf(areas []*areaWrite) []string {
	var out []string
	for _, a := range areas {
		if !slices.Contains(out, a.path) {
			out = append(out, a.path)
		}
	}
	return out
}

// newAreaWrite prepares the way of a text into an area, which is ignored
// afterwards if so said.
func newAreaWrite(a *scannedArea, text []byte, ignore bool) (*areaWrite, error) {
	loc, err := a.header.NextLocation(text)
	if err != nil {
		return nil, err
	}
	w := &areaWrite{path: a.path, start: a.start, texts: a.header.TextWrites(loc, text), before: a.header}
	w.first, w.second = *a.header, *a.header
	w.first.Slots[metadata.SlotPrecommitted] = loc
	if ignore {
		loc.Flags |= metadata.RawIgnored
	}
	w.second.Slots = [2]metadata.RawLocation{metadata.SlotCommitted: loc}
	w.prepare()
	return w, nil
}

// cleanedArea prepares the removal of precommitted text from an area's header.
func cleanedArea(a *scannedArea) *areaWrite {
	w := &areaWrite{path: a.path, start: a.start, before: a.header, first: *a.header, second: *a.header}
	w.second.Slots[metadata.SlotPrecommitted] = metadata.RawLocation{}
	w.prepare()
	return w
}

// emptySlots returns the slots of an area without text, that stays ignored if it
// was.
func emptySlots(h *metadata.AreaHeader) [2]metadata.RawLocation {
	flags := h.Slots[metadata.SlotCommitted].Flags & metadata.RawIgnored
	return [2]metadata.RawLocation{metadata.SlotCommitted: {Flags: flags}}
}

// eraseGroup empties all areas: the group is gone with the last one. Those with
// older texts come first: they would be the group as it once was if the others
// were empty and then the power lost.
func (b *builder) eraseGroup() error {
	var areas []*areaWrite
	erase := func(a scannedArea) {
		w := &areaWrite{path: a.path, start: a.start, before: a.header, first: *a.header, second: *a.header}
		w.second.Slots = emptySlots(a.header)
		w.prepare()
		areas = append(areas, w)
	}
	for _, a := range b.tx.outdated(false) {
		erase(*a)
	}
	for _, newest := range []bool{false, true} {
		for i := range b.tx.st.areas {
			a := b.withHeader(&b.tx.st.areas[i])
			if a.header == nil { // with its text the group would come back
				return errors.WithMessagef(a.err, "erase the metadata on %s", a.path)
			}
			if key, ok := a.key(); (ok && key == b.tx.st.key) == newest {
				erase(a)
			}
		}
	}
	b.plan.Seqno = 0
	b.commit = append(b.commit, &EraseMetadata{Devices: devicesOf(areas), areas: areas})
	return nil
}

// inTextOrder returns the LVs as a reader of the text finds them, those that users
// see first, so that whoever goes on has them in one order.
func (tx *Tx) inTextOrder() []*metadata.LogicalVolume {
	out := make([]*metadata.LogicalVolume, 0, len(tx.vg.LVs))
	for _, visible := range [...]bool{true, false} {
		for _, lv := range tx.vg.LVs {
			if lv != nil && tx.isVisible(lv) == visible {
				out = append(out, lv)
			}
		}
	}
	return out
}
