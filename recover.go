package lvm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// Recovery is what [System.Recover] found and did.
type Recovery struct {
	Done     []string  // steps, as a [Plan] prints them
	Problems []Problem // what was left as it is, and why
}

// Recover finds what a process that died has left behind in the groups on the
// devices, and finishes or undoes it: devices that are suspended, half made, or
// not as the metadata says; precommitted text; metadata areas that missed the
// last commit; physical volumes without the mark of being used.
//
// It may be called at any time: it takes each group's lock, so what somebody is
// doing right now is not touched. It goes on to the next group when one fails,
// and returns all errors.
func (s *System) Recover(ctx context.Context) (*Recovery, error) {
	if err := s.checkOpen(); err != nil {
		return nil, &OpError{Op: "recover", Err: err}
	}
	rec := &Recovery{}
	names, err := s.groupNames(ctx)
	if err != nil {
		return nil, &OpError{Op: "recover", Err: err}
	}
	var errs []error
	for _, name := range names {
		err := s.recoverGroup(ctx, name, rec)
		if err == nil {
			err = joinErrors(s.redeliver(ctx, name, rec), s.finishRebuilds(ctx, name, rec))
		}
		if err != nil {
			errs = append(errs, &OpError{Op: "recover", VG: name, Err: err})
		}
	}
	if err := s.recoverStrays(ctx, rec); err != nil {
		errs = append(errs, &OpError{Op: "recover", Err: err})
	}
	return rec, joinErrors(errs...)
}

// groupNames returns how to refer to each group on the devices: by name, or by
// UUID where several share it.
func (s *System) groupNames(ctx context.Context) ([]string, error) {
	h := s.newHandles()
	defer h.close()
	sc, err := s.scanDevices(ctx, h)
	if err != nil {
		return nil, err
	}
	byName := map[string][]string{}
	for _, c := range sc.groups() {
		byName[c.name] = append(byName[c.name], c.id.String())
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if ids := byName[name]; len(ids) > 1 {
			out = append(out, ids...)
		} else {
			out = append(out, name)
		}
	}
	return out, nil
}

// recoverGroup brings one group's areas and devices in order. It starts again
// with the global lock if there is something to be done outside of the group.
func (s *System) recoverGroup(ctx context.Context, ref string, rec *Recovery) error {
	err := s.recoverGroupIn(ctx, ref, lockExclusive, rec)
	if errors.Is(err, errAgain) {
		err = s.recoverGroupIn(ctx, ref, lockGlobal, rec)
	}
	return err
}

func (s *System) recoverGroupIn(ctx context.Context, ref string, mode lockMode, rec *Recovery) error {
	name, err := s.nameOf(ctx, ref)
	if err != nil {
		return err
	}
	h, err := s.lock(ctx, name, mode)
	if err != nil {
		return err
	}
	defer h.release()
	sc, err := s.scanDevices(ctx, h.handles)
	if err != nil {
		return err
	}
	st, err := s.loadFrom(sc, ref)
	if errors.Is(err, ErrVGNotFound) || err == nil && st.doc.VG.Name != name {
		return nil // removed or renamed meanwhile, so somebody else is at it
	}
	if err != nil {
		return err
	}
	tx, err := s.newTx(ctx, h.handles, ref, locking{mode: mode}, st, sc)
	if err != nil {
		return err
	}
	plan := &Plan{sys: s, tx: tx, VG: name, ID: st.doc.VG.ID,
		BaseSeqno: st.doc.VG.Seqno, Seqno: st.doc.VG.Seqno}
	b := &builder{tx: tx, plan: plan}
	left := st.refuses([]error{ErrExported, ErrMissingPV})
	if left == nil {
		if err := joinErrors(b.repairAreas(), b.eraseOutdated(false)); err != nil {
			return err
		}
	}
	for _, p := range st.problems {
		if left != nil || errors.Is(p.Err, ErrMissingPV) {
			rec.Problems = append(rec.Problems, p)
		}
	}
	if st.noActivate == nil {
		if err := b.repairDevices(rec); err != nil {
			return err
		}
	}
	plan.Steps = b.steps()
	if plan.Empty() {
		return nil
	}
	s.forget(plan.ID)
	err = s.execute(ctx, h.handles, plan, tx.kern)
	if err == nil {
		for _, step := range plan.Steps {
			rec.Done = append(rec.Done, name+": "+step.String())
		}
	}
	return err
}

// RepairAreas brings metadata areas to the committed text: those that missed
// it get it, and precommitted text is dropped from the header.
type RepairAreas struct {
	harmless
	final
	Devices []string
	Seqno   uint32 // 0: none of them gets text
	areas   []*areaWrite
}

func (s *RepairAreas) String() string {
	if s.Seqno == 0 {
		return fmt.Sprintf("drop precommitted text from ignored metadata areas on %v", s.Devices)
	}
	return fmt.Sprintf("bring the metadata on %v to seqno %d", s.Devices, s.Seqno)
}

func (s *RepairAreas) do(r *run) error {
	return eachArea(s.areas, r, func(d Device, a *areaWrite) error {
		if len(a.texts) > 0 {
			if err := writeSync(d, a.path, a.texts...); err != nil {
				return err
			}
		}
		return writeSync(d, a.path, a.bytes[2])
	})
}

// repairAreas plans the repair of all areas that are not as the last commit
// left them. The text is copied byte for byte.
func (b *builder) repairAreas() error {
	st := b.tx.st
	text, err := b.committedText()
	if err != nil {
		return err
	}
	if err := b.finishLabels(); err != nil {
		return err
	}
	var areas []*areaWrite
	for i := range st.areas {
		a := b.withHeader(&st.areas[i])
		if a.header == nil {
			continue
		}
		key, ok := a.key()
		switch {
		case a.rolled && key == st.key:
			w := &areaWrite{path: a.path, start: a.start, before: a.header, first: *a.header, second: *a.header}
			w.prepare()
			areas = append(areas, w)
		case usable(&a) && (!ok || key != st.key):
			w, err := newAreaWrite(&a, text, false)
			if err != nil {
				return err
			}
			areas = append(areas, w)
		case a.header.Slots[metadata.SlotPrecommitted].InUse():
			areas = append(areas, cleanedArea(&a))
		}
	}
	if len(areas) > 0 {
		b.prepare = append(b.prepare, &RepairAreas{Devices: devicesOf(areas), Seqno: b.plan.Seqno, areas: areas})
	}
	for _, rec := range b.tx.vg.PVs {
		if m := b.tx.members[rec.ID]; m != nil && !m.label.InUse() {
			if err := b.mark(&b.after, m, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// eraseOutdated empties the metadata areas of physical volumes that the group
// no longer has, and marks those as used by no group that still say so, if they
// are to be touched as well.
func (b *builder) eraseOutdated(marked bool) error {
	tx := b.tx
	areas := tx.outdated(marked)
	if len(areas) == 0 {
		return nil
	}
	if err := tx.global(); err != nil {
		return err
	}
	for _, pv := range tx.scan.pvs {
		if pv.label.InUse() && slices.ContainsFunc(areas, func(a *scannedArea) bool { return a.path == pv.path }) {
			if err := b.mark(&b.after, &member{path: pv.path, label: pv.label, size: pv.size}, false); err != nil {
				return err
			}
		}
	}
	for _, a := range areas {
		b.after = append(b.after, &OverwriteRange{
			Device: a.path, Offset: a.start, What: "an empty metadata area",
			Data: (&metadata.AreaHeader{Start: a.start, Size: a.header.Size}).Encode(),
		})
	}
	return nil
}

// outdated returns the areas with older texts of the group on physical volumes
// that it no longer has: who took them out died before he emptied them, or they
// were away. Only if so said are those among them that are marked as used by a
// group: the mark goes first when a volume is taken out. The transaction needs a
// scan.
func (tx *Tx) outdated(marked bool) []*scannedArea {
	var areas []*scannedArea
	for _, t := range tx.scan.texts {
		if t.err != nil || t.id != tx.st.doc.VG.ID || t.seqno >= tx.st.doc.VG.Seqno {
			continue
		}
		for _, pv := range tx.scan.pvs {
			if tx.st.members[pv.label.PVID] != nil || tx.noMember(pv, false) != nil || pv.label.InUse() && !marked {
				continue
			}
			for i := range pv.areas {
				if slices.Contains(t.areas, &pv.areas[i]) {
					areas = append(areas, &pv.areas[i])
				}
			}
		}
	}
	return areas
}

// withHeader returns the area with the header of an empty one if its own is
// broken, see rebuiltArea.
func (b *builder) withHeader(a *scannedArea) scannedArea {
	if m := b.tx.st.members[a.pv]; m != nil {
		return rebuiltArea(a, m.label)
	}
	return *a
}

// committedText reads the group's text from an area that has it.
func (b *builder) committedText() ([]byte, error) {
	var last error = fault(ErrDamaged, "no area holds the text any more")
	for i := range b.tx.st.areas {
		a := &b.tx.st.areas[i]
		if key, ok := a.key(); !ok || key != b.tx.st.key {
			continue
		}
		d, err := b.tx.h.reader(a.path)
		if err == nil {
			var text []byte
			if text, err = a.header.ReadText(d, a.header.Slots[metadata.SlotCommitted]); err == nil {
				return text, nil
			}
		}
		last = err
	}
	return nil, last
}

// repairDevices plans what brings the group's devices to what the metadata says.
func (b *builder) repairDevices(rec *Recovery) error {
	tx := b.tx
	if tx.sys.kernel == nil {
		return nil
	}
	for _, m := range tx.kern.all() {
		if err := tx.kern.look(m); err != nil {
			return err
		}
	}
	kept := len(b.after)
	b.sorted = &trees{}
	failed := b.repairTrees()
	if err := b.repairRest(rec, failed); err != nil {
		return err
	}
	if err := b.dropStaleNodes(); err != nil {
		return err
	}
	if err := b.settleDevices(); err != nil {
		rec.Problems = append(rec.Problems, Problem{VG: b.plan.VG, Err: err})
		b.clear, b.load, b.flush, b.suspend, b.rested, b.retire, b.resume, b.late, b.clean, b.drop, b.settle, b.after =
			nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, b.after[:kept]
		for _, m := range tx.kern.all() {
			b.revert(m)
		}
		if len(b.load)+len(b.resume) > 0 {
			b.settle = []Step{&SettleDevices{}}
		}
	}
	return nil
}

// repairTrees brings each tree whose top has a device to what it shall be, and
// returns the tops of those for which that cannot be done, with the reason.
func (b *builder) repairTrees() map[metadata.ID]error {
	tx := b.tx
	failed, seen := map[metadata.ID]error{}, map[metadata.ID]bool{}
	isPartNow := func(m *mapped) bool { return !b.isFormerPart(m) }
	repair := func(id metadata.ID) {
		lv := tx.find(id)
		if seen[id] || lv == nil || lv.IsOpaque() || !tx.kern.active(id) || !slices.ContainsFunc(tx.kern.byLV[id], isPartNow) {
			return
		}
		seen[id] = true
		if err := b.bring(tree{lv: lv, w: wish{activate: true}}); err != nil {
			failed[id] = err
		}
	}
	for _, m := range tx.kern.all() {
		lv := tx.find(m.lv)
		if m.layer != "" || lv == nil || isSpare(lv) || b.isFormerPart(m) {
			continue
		}
		tops := b.tops(m.lv)
		for _, top := range tops {
			repair(top)
		}
		if !slices.Contains(tops, m.lv) && b.standsAlone(m.lv) && !b.isHiddenPart(m.lv) && !b.brought[m.uuid] {
			repair(m.lv)
		}
	}
	return failed
}

// repairRest sees to the devices that are in none of the trees: what is left
// over is removed, what is not understood goes on as it is.
func (b *builder) repairRest(rec *Recovery, failed map[metadata.ID]error) error {
	leave := func(m *mapped, format string, args ...any) {
		b.wake(m)
		rec.Problems = append(rec.Problems, Problem{Device: m.name, VG: b.plan.VG, Err: fault(ErrDamaged, format, args...)})
	}
	told := map[metadata.ID]bool{}
	var rest []*mapped
	above := map[*mapped][]*mapped{}
	for _, m := range b.tx.kern.all() {
		for _, below := range b.tx.below(m) {
			above[below] = append(above[below], m)
		}
		if !b.brought[m.uuid] {
			rest = append(rest, m)
		}
	}
	var going []*mapped
	for _, m := range rest {
		lv := b.tx.find(m.lv)
		if lv != nil {
			tops := b.tops(m.lv)
			if i := slices.IndexFunc(tops, func(top metadata.ID) bool { return failed[top] != nil }); i >= 0 {
				if top := tops[i]; told[top] {
					b.wake(m)
				} else {
					told[top] = true
					leave(m, "%v", failed[top])
				}
				continue
			}
		}
		switch {
		case b.leftOver(m, lv) && int(m.info.OpenCount) <= len(above[m]):
			going = append(going, m)
		case lv == nil:
			leave(m, "device of an lv that the metadata does not have")
		case m.isStandIn():
			leave(m, "stand-in for a missing pv is open, its lv is not there")
		case b.leftOver(m, lv):
			leave(m, "device is open, its lv is not active")
		default:
			b.wake(m)
		}
	}
	return b.plannedRemoval().plan(b.withoutUsed(going, above))
}

// withoutUsed leaves out devices that lie below others which stay as they are, and
// wakes them.
func (b *builder) withoutUsed(going []*mapped, above map[*mapped][]*mapped) []*mapped {
	goes := map[*mapped]bool{}
	for _, m := range going {
		goes[m] = true
	}
	for before := -1; before != len(going); {
		before = len(going)
		going = slices.DeleteFunc(going, func(m *mapped) bool {
			goes[m] = !slices.ContainsFunc(above[m], func(user *mapped) bool { return !b.brought[user.uuid] && !goes[user] })
			if !goes[m] {
				b.wake(m)
			}
			return !goes[m]
		})
	}
	return going
}

// leftOver says whether a device that is in no tree is of no use to anybody: one
// without a table, or one that is nothing but a layer or a part of others, and
// the others are not there.
func (b *builder) leftOver(m *mapped, lv *metadata.LogicalVolume) bool {
	_, name, layer, ok := parseDMName(m.name)
	switch {
	case !ok:
		return false
	case lv == nil:
		errorsOnly := m.info.LiveTable && !slices.ContainsFunc(m.table, func(l dm.Line) bool { return l.Target.Type() != dm.ErrorTarget{}.Type() })
		return !m.info.LiveTable || errorsOnly || layer != "" || isPrivateUUID(m.uuid) || isMoveName(name) || reservedPart(name) != ""
	case lv.IsOpaque() || unclaimedLV(b.tx.claims(), lv) != nil:
		return false
	case layer != "" || b.isFormerPart(m):
		return true
	case b.isHiddenPart(m.lv):
		return !m.info.ReadOnly // lvm2 activates parts by themselves for people to look at, read-only
	}
	_, snapshot := b.tx.snapshotBy(m.lv)
	return snapshot && layer == ""
}

// isHiddenPart says whether an LV is of use in others only. A move copies by
// itself.
func (b *builder) isHiddenPart(id metadata.ID) bool {
	lv := b.tx.find(id)
	return lv != nil && (b.tx.ties().isPart(id) || isSpare(lv)) && !b.tx.isVisible(lv) && !isMove(lv)
}

// isFormerPart says whether a device is of an LV as a part of a cache or pool that it
// is no more, or not yet, and so not what users see of it.
func (b *builder) isFormerPart(m *mapped) bool {
	_, _, layer, _ := parseDMUUID(m.uuid)
	switch layer {
	case cacheVolLayer, thinDataLayer, thinMetaLayer:
		return b.tx.ties().layers[m.lv] != layer
	case cacheDataLayer, cacheMetaLayer: // a cachevol may have layers of these names
		return b.tx.ties().layers[m.lv] == ""
	}
	return false
}

// isPrivateUUID says whether a device's uuid marks it as one that is not for
// users.
func isPrivateUUID(uuid string) bool {
	_, _, layer, ok := parseDMUUID(uuid)
	return ok && layer != ""
}

// isMoveName says whether an LV's name is that of one that extents are moved
// through, or of a part of it. Users cannot give such names.
func isMoveName(name string) bool { return strings.HasPrefix(name, "pvmove") }

// revert lets a suspended device go on as it was, whatever was planned for it.
func (b *builder) revert(m *mapped) {
	if m.info.InactiveTable && m.info.LiveTable {
		b.clear = append(b.clear, &ClearTable{deviceRef: deviceRef{Name: m.name, UUID: m.uuid}})
		m.info.InactiveTable = false
	}
	b.wake(m)
}

// dropStaleNodes drops the group's nodes and links that lead to no device.
func (b *builder) dropStaleNodes() error {
	list, err := b.tx.sys.kernel.Devices(dm.ListOptions{})
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, d := range list {
		there[d.Name] = true
	}
	nodes, links := b.tx.sys.host.names(b.plan.VG)
	for _, name := range nodes {
		vg, lv, layer, ok := parseDMName(name)
		if !ok || there[name] || vg != b.plan.VG && !b.hasNode(name) {
			continue
		}
		s := &DropNode{Name: name, VG: vg}
		if layer == "" && checkLVName(vg, lv) == nil {
			s.LV = lv
		}
		b.drop = append(b.drop, s)
		there[name] = true // seen to
	}
	for _, lv := range links {
		if name, err := dmName(b.plan.VG, lv, ""); err == nil && !there[name] && checkLVName(b.plan.VG, lv) == nil {
			b.drop = append(b.drop, &DropNode{Name: name, VG: b.plan.VG, LV: lv})
		}
	}
	return nil
}

// hasNode says whether a node leads to one of the group's devices: one that had
// the name before the group was renamed, if it has another now.
func (b *builder) hasNode(name string) bool {
	for _, m := range b.tx.kern.byUUID {
		if b.tx.sys.host.hasNodes(name, m.dev, "", "") {
			return true
		}
	}
	return false
}

// wake resumes a suspended device whose table cannot be made here, if that does
// not bring an unknown table to life.
func (b *builder) wake(m *mapped) {
	if m.info.Suspended && m.info.LiveTable && !m.info.InactiveTable {
		b.resume = append(b.resume, &ResumeDevice{deviceRef: deviceRef{Name: m.name, UUID: m.uuid}, hidden: m.layer != ""})
	}
}

// recoverStrays removes devices that were being made for a group that never
// came to be: those without a live table, on nothing but the given devices.
// While their group's name is locked nobody is making them.
func (s *System) recoverStrays(ctx context.Context, rec *Recovery) error {
	if s.kernel == nil {
		return nil
	}
	list, err := s.kernel.Devices(dm.ListOptions{UUIDPrefix: dmUUIDPrefix})
	if err != nil {
		return err
	}
	ours := map[dm.Dev]bool{}
	for _, path := range s.cfg.Devices {
		if number, ok := s.host.number(path); ok {
			if dev, err := dm.ParseDev(number); err == nil {
				ours[dev] = true
			}
		}
	}
	for _, d := range list {
		id, _, _, ok := parseDMUUID(d.UUID)
		vg, _, _, named := parseDMName(d.Name)
		if !ok || !named {
			continue
		}
		if stray, err := s.isStray(d, ours); err != nil || !stray {
			continue // gone meanwhile, or in use
		}
		if err := s.removeStray(ctx, d, vg, id, ours, rec); err != nil {
			return err
		}
	}
	return nil
}

// isStray says whether a device has no live table and lies on nothing but ours.
func (s *System) isStray(d dm.Device, ours map[dm.Dev]bool) (bool, error) {
	info, deps, err := s.kernel.Deps(dm.ByDev(d.Dev), dm.QueryOptions{Inactive: true, NoFlush: true})
	if err != nil {
		return false, err
	}
	if info.UUID != d.UUID || info.LiveTable || info.OpenCount > 0 {
		return false, nil
	}
	return !slices.ContainsFunc(deps, func(dev dm.Dev) bool { return !ours[dev] }), nil
}

func (s *System) removeStray(ctx context.Context, d dm.Device, vg string, id metadata.ID, ours map[dm.Dev]bool, rec *Recovery) error {
	h, err := s.lock(ctx, vg, lockExclusive)
	if err != nil {
		return err
	}
	defer h.release()
	sc, err := s.scanDevices(ctx, h.handles)
	if err != nil {
		return err
	}
	for _, c := range sc.groups() {
		if c.id == id {
			return nil // the group is there: its own recovery sees to it
		}
	}
	if stray, err := s.isStray(d, ours); err != nil || !stray {
		return err
	}
	if _, err := s.kernel.Remove(dm.ByDev(d.Dev), dm.RemoveOptions{Cookie: dm.NoUdevFlags(0)}); err != nil {
		return err
	}
	rec.Done = append(rec.Done, vg+": remove half-made device "+d.Name)
	return nil
}
