package lvm

import (
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/lvm-go/lvm/internal/index"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// member is the device that a physical volume of a group was found on.
type member struct {
	path  string
	label *metadata.Label
	stale *metadata.Label // the label on the device if that is older; see scan.rollForward
	size  units.Bytes
}

// vgState is a volume group as it was read: the newest text, the devices, and
// the areas that hold copies. It does not change once it is made.
type vgState struct {
	doc      *metadata.Document
	key      textKey
	areas    []scannedArea // of all members, usable or not
	members  map[metadata.ID]*member
	problems []Problem

	// refusals say why the group may not be changed; noChange is all of them.
	// An operation that mends one says so to [Tx.own].
	refusals []error
	// noActivate says why none of its volumes may be activated. Both are nil if
	// nothing is in the way.
	noChange, noActivate error

	extents func() *ExtentMap                              // made when first asked for; it must not be changed
	lvIndex func() *index.Index[string]                    // by name, into doc.VG.LVs, likewise
	links   func() *snapshotLinks                          // likewise
	lvs     func() map[metadata.ID]*metadata.LogicalVolume // by UUID, likewise
}

// newState returns the state of a group, without devices yet.
func newState(doc *metadata.Document, key textKey) *vgState {
	vg := doc.VG
	return &vgState{
		doc: doc, key: key, members: map[metadata.ID]*member{},
		extents: sync.OnceValue(func() *ExtentMap { return NewExtentMap(vg) }),
		links:   sync.OnceValue(func() *snapshotLinks { return newSnapshotLinks(vg) }),
		lvs: sync.OnceValue(func() map[metadata.ID]*metadata.LogicalVolume {
			lvs := make(map[metadata.ID]*metadata.LogicalVolume, len(vg.LVs))
			for _, lv := range vg.LVs {
				lvs[lv.ID] = lv
			}
			return lvs
		}),
		lvIndex: sync.OnceValue(func() *index.Index[string] {
			names := index.New(len(vg.LVs), func(i int) string { return vg.LVs[i].Name })
			for i := range vg.LVs {
				names.Add(i)
			}
			return names
		}),
	}
}

// state makes the state of one group of a scan.
func (s *System) state(sc *scan, c *vgTexts) (*vgState, error) {
	doc, err := c.best.decode()
	if err != nil {
		return nil, as(ErrDamaged, err)
	}
	vg := doc.VG
	st := newState(doc, c.best.key)
	problem := func(device string, err error) {
		st.problems = append(st.problems, Problem{Device: device, VG: vg.Name, Err: err})
	}
	var refuse []error
	deny := func(device string, err error) {
		problem(device, err)
		refuse = append(refuse, err)
	}
	if err := vg.Validate(); err != nil {
		var invalid *metadata.ValidationError
		if !errors.As(err, &invalid) || !onlyUnknownStatus(invalid) {
			return nil, as(ErrDamaged, err)
		}
		deny("", fault(ErrReadOnly, "%v", err))
	}

	devices := map[metadata.ID][]*scannedPV{}
	for _, pv := range sc.pvs {
		devices[pv.label.PVID] = append(devices[pv.label.PVID], pv)
	}
	for _, rec := range vg.PVs {
		switch on := devices[rec.ID]; len(on) {
		case 0:
			deny("", sc.notFound(rec))
			if sc.waiting[rec.ID] {
				deny("", fault(ErrDamaged, "pv %s may still have its former uuid, since who gave it another died: give all devices of the group", rec.ID))
			}
		case 1:
			st.addMember(on[0])
			st.checkMember(rec, vg, on[0], sc, problem, deny)
		default:
			paths := make([]string, len(on))
			for i, d := range on {
				paths[i] = d.path
			}
			slices.Sort(paths)
			deny("", fault(ErrDuplicatePV, "pv %s is on %s: give only the one to use", rec.ID, strings.Join(paths, " and ")))
		}
	}
	if c.rival != nil {
		deny(c.rival.areas[0].path, fault(ErrDamaged, "two different texts with seqno %d, here and on %s",
			c.best.seqno, c.best.areas[0].path))
	}
	st.compareCopies(c, problem)
	st.checkPrecommitted(sc, deny)
	st.judge(s, refuse)
	return st, nil
}

func onlyUnknownStatus(e *metadata.ValidationError) bool {
	for _, v := range e.Violations {
		if v.Rule != metadata.RuleUnknownStatus {
			return false
		}
	}
	return true
}

func (st *vgState) addMember(pv *scannedPV) {
	st.members[pv.label.PVID] = &member{path: pv.path, label: pv.label, stale: pv.stale, size: pv.size}
	st.areas = append(st.areas, pv.areas...)
}

// checkMember looks for contradictions between a PV's record and its device.
func (st *vgState) checkMember(rec *metadata.PhysicalVolume, vg *metadata.VolumeGroup, on *scannedPV, sc *scan,
	problem, deny func(string, error)) {
	switch {
	case rec.Status&metadata.PVMissing == 0:
	case st.extents().Used(rec.ID) == 0:
		problem(on.path, fault(ErrMissingPV, "pv %s is marked as missing but back, with nothing on it; the next change takes the mark off", rec.ID))
	default:
		deny(on.path, fault(ErrMissingPV, "pv %s is back on %s but marked as missing: its data may be older than the rest; restore or remove it", rec.ID, on.path))
	}
	if need, err := pvEnd(rec, vg.ExtentSize); err != nil || need > on.size {
		problem(on.path, fault(ErrDamaged, "device has %s, its extents need %s", on.size, need))
	} else if said := sectorBytes(rec.DeviceSize); said > on.size {
		problem(on.path, fault(ErrDamaged, "device has %s, less than the %s that it had; ResizePV adopts that", on.size, said))
	}
	if data, _ := rec.PEStart.Bytes(); data < metadata.LabelScanSize {
		deny(on.path, fault(ErrDamaged, "its extents begin at byte %d, where labels are", uint64(data)))
	}
	for _, a := range on.label.MetadataAreas {
		data, _ := rec.PEStart.Bytes()
		if end, _ := pvEnd(rec, vg.ExtentSize); a.Offset < end && a.Offset+a.Size > data {
			deny(on.path, fault(ErrDamaged, "metadata area at byte %d lies among the extents", uint64(a.Offset)))
		}
	}
	if on.stale != nil {
		problem(on.path, fault(ErrDamaged, "its label still has the uuid %s: who gave it another died; the next change or Recover finishes that", on.stale.PVID))
	}
	if !on.label.InUse() {
		problem(on.path, fault(ErrDamaged, "pv header lacks the in-use flag; the next change sets it"))
	}
	for i := range on.areas {
		for _, t := range sc.texts {
			if !slices.Contains(t.areas, &on.areas[i]) || t.err != nil || t.id == vg.ID {
				continue
			}
			if sc.latest(t.id).has(rec.ID) {
				deny(on.path, fault(ErrDamaged, "pv %s is claimed by vg %s (%s) too", rec.ID, t.name, t.id))
			}
		}
	}
}

// latest returns the newest text of a group that could be read.
func (sc *scan) latest(id metadata.ID) (newest *scannedText) {
	for _, t := range sc.texts {
		if t.err == nil && t.id == id && (newest == nil || t.seqno > newest.seqno) {
			newest = t
		}
	}
	return newest
}

// has says whether the text's group has a physical volume.
func (t *scannedText) has(pv metadata.ID) bool {
	doc, err := t.decode()
	return err == nil && pvRecord(doc.VG, pv) != nil
}

// pvEnd returns where the last extent of a PV ends.
func pvEnd(rec *metadata.PhysicalVolume, extentSize units.Sectors) (units.Bytes, error) {
	data, ok := rec.PECount.Sectors(extentSize)
	end := data + rec.PEStart
	bytes, fits := end.Bytes()
	if !ok || !fits || end < data {
		return 0, fault(ErrDamaged, "extents of pv %s end beyond any device", rec.ID)
	}
	return bytes, nil
}

func pvRecord(vg *metadata.VolumeGroup, id metadata.ID) *metadata.PhysicalVolume {
	for _, pv := range vg.PVs {
		if pv.ID == id {
			return pv
		}
	}
	return nil
}

// checkPrecommitted refuses to change a group that may be older than it seems. A
// precommitted text was committed elsewhere if the one who wrote it lived to do
// so, and an area that cannot be read may be the one to tell.
func (st *vgState) checkPrecommitted(sc *scan, deny func(string, error)) {
	unread := map[textKey]bool{}
	for _, t := range sc.texts {
		unread[t.key] = t.err != nil
	}
	for i := range st.areas {
		a := &st.areas[i]
		if a.header == nil || !a.header.Slots[metadata.SlotPrecommitted].InUse() {
			continue
		}
		loc := a.header.Slots[metadata.SlotPrecommitted]
		for j := range st.areas {
			other := &st.areas[j]
			key, ok := other.key()
			if other.header == nil || ok && unread[key] && key == (textKey{loc.Size, loc.Checksum}) {
				deny(other.path, fault(ErrDamaged, "the metadata area at byte %d cannot be read, and may hold a newer text than seqno %d",
					uint64(other.start), st.doc.VG.Seqno))
			}
		}
	}
}

// compareCopies reports areas that do not hold the newest text.
func (st *vgState) compareCopies(c *vgTexts, problem func(string, error)) {
	for i := range st.areas {
		a := &st.areas[i]
		switch key, ok := a.key(); {
		case a.header == nil:
			problem(a.path, a.err)
		case a.rolled:
			problem(a.path, fault(ErrDamaged, "precommitted text that counts, of a writer that died; the next change or Recover commits it"))
		case a.header.Slots[metadata.SlotPrecommitted].InUse():
			problem(a.path, fault(ErrDamaged, "precommitted text of a writer that died; the next change or Recover clears it"))
		case !ok && !a.header.Slots[metadata.SlotCommitted].Ignored():
			problem(a.path, fault(ErrDamaged, "metadata area at byte %d holds no text; the next change writes it", uint64(a.start)))
		case ok && key != st.key:
			problem(a.path, fault(ErrDamaged, "older or other text than seqno %d; the next change replaces it", c.best.seqno))
		}
	}
	for _, t := range c.older {
		for _, a := range t.areas {
			if st.members[a.pv] == nil {
				problem(a.path, fault(ErrDamaged, "pv %s carries seqno %d of this group, which no longer has it", a.pv, t.seqno))
			}
		}
	}
}

// refuses returns the reasons against a change that match none of except.
func (st *vgState) refuses(except []error) error {
	return errors.Join(slices.DeleteFunc(slices.Clone(st.refusals), func(reason error) bool {
		return !errors.Is(reason, errUnread) && slices.ContainsFunc(except, func(kind error) bool { return errors.Is(reason, kind) })
	})...)
}

// judge decides what may be done with the group.
func (st *vgState) judge(s *System, refuse []error) {
	vg := st.doc.VG
	var always []error
	add := func(kind error, format string, args ...any) { always = append(always, fault(kind, format, args...)) }
	if vg.Status&metadata.VGExported != 0 {
		add(ErrExported, "vg %s is exported: import it first", vg.Name)
	}
	if vg.SystemID != "" && vg.SystemID != s.cfg.SystemID && !slices.Contains(s.cfg.ExtraSystemIDs, vg.SystemID) {
		add(ErrForeign, "vg %s belongs to system id %q, this host is %q", vg.Name, vg.SystemID, s.cfg.SystemID)
	}
	if vg.LockType != "" && vg.LockType != "none" {
		add(ErrShared, "vg %s is shared (lock_type %s), which needs lvmlockd", vg.Name, vg.LockType)
	}
	if vg.Status&metadata.VGClustered != 0 {
		add(ErrShared, "vg %s is clustered", vg.Name)
	}
	refuse = append(refuse, always...)
	if vg.Status&(metadata.VGWrite|metadata.VGWriteLocked) == 0 {
		refuse = append(refuse, fault(ErrReadOnly, "vg %s lacks WRITE in its status", vg.Name))
	}
	if types := vg.OpaqueTypes(); len(types) > 0 {
		refuse = append(refuse, fault(ErrReadOnly, "vg %s has segments of types that cannot be changed here: %v", vg.Name, types))
	}
	st.refusals, st.noChange = refuse, errors.Join(refuse...)
	duplicate := slices.ContainsFunc(refuse, func(err error) bool { return errors.Is(err, ErrDuplicatePV) })
	if duplicate {
		always = append(always, fault(ErrDuplicatePV, "vg %s has physical volumes on several devices", vg.Name))
	}
	st.noActivate = errors.Join(always...)
}
