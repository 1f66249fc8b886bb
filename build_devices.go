package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// devices makes the kernel hold what the metadata will say of every logical
// volume that the transaction touched.
func (b *builder) devices() error {
	if b.tx.sys.kernel == nil {
		return nil
	}
	t := b.trees()
	b.sorted = t
	if err := b.holdOrigins(t); err != nil {
		return err
	}
	for _, up := range t.up {
		if err := b.bring(up); err != nil {
			return err
		}
	}
	if err := b.removals(t); err != nil {
		return err
	}
	return b.settleDevices()
}

// settleDevices ends the planning of devices.
func (b *builder) settleDevices() error {
	if err := b.clearNames(); err != nil {
		return err
	}
	if len(b.load)+len(b.retire)+len(b.resume)+len(b.clean) > 0 {
		b.settle = []Step{&SettleDevices{}}
	}
	return b.orderRenames()
}

// rest says how a device is held while others are made or removed that show
// what it holds.
type rest int

const (
	still  rest = iota + 1 // no I/O
	frozen                 // no I/O, and a file system on it is of one piece
)

// holdOrigins notes which origins are at rest while snapshots of theirs are
// removed, or thin snapshots made.
func (b *builder) holdOrigins(t *trees) error {
	b.holdThinOrigins()
	for _, id := range t.gone {
		link, ok := b.formerLink(id)
		if !ok || t.off[link.body.Origin] {
			continue
		}
		if m := b.tx.kern.top(id); m != nil {
			if err := b.tx.kern.look(m); err != nil {
				return err
			}
			if m.isSnapshot() {
				b.hold(dmUUID(b.plan.ID, link.body.Origin, ""), still)
			}
		}
	}
	return nil
}

func (b *builder) hold(uuid string, how rest) {
	if b.holds == nil {
		b.holds = map[string]rest{}
	}
	b.holds[uuid] = max(b.holds[uuid], how)
}

// find returns an LV by id; nil if it is gone.
func (tx *Tx) find(id metadata.ID) *metadata.LogicalVolume {
	if tx.vg == nil {
		return nil
	}
	if i, ok := tx.index[id]; ok {
		return tx.vg.LVs[i]
	}
	if tx.untouched == nil {
		tx.untouched = make(map[metadata.ID]*metadata.LogicalVolume, len(tx.vg.LVs))
		for _, lv := range tx.vg.LVs {
			if lv != nil {
				tx.untouched[lv.ID] = lv
			}
		}
	}
	return tx.untouched[id]
}

// bring plans the steps from the devices of a tree to those that it shall have.
func (b *builder) bring(t tree) error {
	tx, lv := b.tx, t.lv
	if w := tx.wishes[lv.ID]; w.renumber {
		if err := b.renumber(lv, &w); err != nil {
			return err
		}
		tx.wishes[lv.ID] = w
	}
	r := &renderer{
		vg: tx.vg, device: tx.tableDevice(), claimed: tx.claims(), lists: &tx.sys.cfg.VolumeLists,
		links: tx.snapshotLinks(), ties: tx.ties(), merges: tx.merges, shows: tx.thinShown, find: tx.findNow, known: tx.kern.known,
		standIns: &standIns{tx.kern, t.w.replace}, shown: b.shown, fresh: tx.fresh, once: tx.once, reshapes: b.reshapes,
	}
	now := lv
	if between := tx.meanwhile[lv.ID]; between != nil {
		now = between
	}
	nodes, err := r.lv(now)
	if err != nil {
		return &OpError{Op: "activate lv", VG: tx.vg.Name, LV: lv.Name, Err: err}
	}
	var passing []node
	planned := plannedTree{lv: lv.Name, optional: t.optional}
	for _, n := range nodes {
		planned.devices = append(planned.devices, n.uuid)
		if b.names == nil {
			b.names = map[string]string{}
		}
		b.names[n.uuid] = n.name
		if b.brought[n.uuid] {
			continue
		}
		if t.passing {
			n.passing = true
			passing = append(passing, n)
		}
		if b.brought == nil {
			b.brought = map[string]bool{}
		}
		b.brought[n.uuid] = true
		b.rendered = append(b.rendered, n.lv)
		n.early = n.early || n.layer == "" && b.carriesStore(n.lv)
		w := tx.wishes[n.lv]
		w.refresh = t.w.refresh
		if err := b.bringNode(n, w); err != nil {
			return err
		}
		if err := b.tellPool(n); err != nil {
			return err
		}
	}
	b.planned = append(b.planned, planned)
	b.dismantle(passing)
	return b.bringAgain(r, lv, nodes)
}

// shown says whether a volume that others need has a device for users as well.
func (b *builder) shown(id metadata.ID) bool { return b.stays(b.sorted, id) }

// dismantle plans the removal of devices that are there only meanwhile, those
// that are not beneath others first.
func (b *builder) dismantle(nodes []node) {
	for _, n := range slices.Backward(nodes) {
		ref := deviceRef{Name: n.name, UUID: n.uuid}
		if hasTarget[dm.RAID](n.table) {
			b.clean = append(b.clean, &AwaitRAID{deviceRef: ref})
		}
		b.clean = append(b.clean, &RemoveDevice{deviceRef: ref, hidden: n.hidden})
		b.drop = append(b.drop, &DropNode{Name: n.name, VG: b.tx.vg.Name})
	}
}

// bringNode plans what one device of a tree needs.
func (b *builder) bringNode(n node, w wish) error {
	m := b.tx.kern.byUUID[n.uuid]
	if m == nil {
		if err := b.checkMetadata(n); err != nil {
			return &OpError{Op: "activate lv", VG: b.tx.vg.Name, LV: n.lvName, Err: err}
		}
	}
	if m == nil || w.renumber && n.layer == "" {
		if n.shows != "" {
			b.hold(n.shows, frozen)
		}
		return b.createNode(n)
	}
	if err := b.tx.kern.look(m); err != nil {
		return err
	}
	if w.closed && n.layer == "" && m.info.OpenCount > 0 {
		return &OpError{Op: "reduce lv", VG: b.tx.vg.Name, LV: n.lvName,
			Err: fault(ErrBusy, "its device is open %d times", m.info.OpenCount)}
	}
	return b.changeNode(n, m, w)
}

// known returns the uuid of a node, or the one that newer versions of lvm2 give
// to the device of a volume that is a part of others. Source: lvm2 as observed.
func (k *kernelState) known(n node) string {
	if n.hidden && n.layer == "" && k.byUUID[n.uuid] == nil && k.byUUID[n.uuid+"-"+realLayer] != nil {
		return n.uuid + "-" + realLayer
	}
	return n.uuid
}

// grows says whether a table maps what another one does, and more behind it.
func grows(now, old dm.Table) bool {
	if len(old) == 0 || len(now) < len(old) || now.Length() <= old.Length() {
		return false
	}
	for i, line := range old {
		length := line.Length
		if i == len(old)-1 && now[i].Length > length {
			now = slices.Clone(now)
			now[i].Length = length
		}
		if !(dm.Table{line}).Equal(dm.Table{now[i]}) {
			return false
		}
	}
	return true
}

// longer returns a table with what another one gets in front put behind it instead;
// nil if it gets nothing there.
func longer(now, old dm.Table) dm.Table {
	front := len(now) - len(old)
	if len(old) == 0 || front <= 0 {
		return nil
	}
	room := now[front].Start
	for i, line := range old {
		line.Start += room
		if !(dm.Table{line}).Equal(dm.Table{now[front+i]}) {
			return nil
		}
	}
	out := slices.Clone(old)
	for _, line := range now[:front] {
		line.Start += old.Length()
		out = append(out, line)
	}
	return out
}

func (b *builder) noteGrown(n node) {
	if b.grown == nil {
		b.grown = map[string]bool{}
	}
	b.grown[n.uuid] = true
}

// liesOnGrown says whether a device beneath another one becomes larger.
func (b *builder) liesOnGrown(n node) bool {
	return slices.ContainsFunc(n.table, func(l dm.Line) bool {
		return slices.ContainsFunc(l.Target.Devices(), func(device string) bool { return b.grown[device] })
	})
}

// merges says whether the kernel is to merge a snapshot into its origin that is
// to be merged by the metadata. It begins to only when the origin is activated,
// or when nobody has the two open and that is asked for.
func (tx *Tx) merges(link snapshotLink) (bool, error) {
	origin := tx.kern.top(link.body.Origin)
	if origin == nil {
		return true, nil
	}
	if err := tx.kern.look(origin); err != nil {
		return false, err
	}
	if !origin.info.LiveTable {
		return true, nil
	}
	if len(origin.table) == 1 {
		if _, merges := origin.table[0].Target.(dm.SnapshotMerge); merges {
			return true, nil
		}
	}
	if !tx.wishes[link.body.Origin].merge || origin.info.OpenCount > 0 {
		return false, nil
	}
	snapshot := tx.kern.top(link.body.COW)
	if snapshot == nil {
		return true, nil
	}
	err := tx.kern.look(snapshot)
	return snapshot.info.OpenCount == 0, err
}

// tableDevice caches the device numbers of the transaction's members.
func (tx *Tx) tableDevice() func(metadata.ID) (string, error) {
	if tx.numbers == nil {
		tx.numbers = tx.sys.tableDevice(tx.members)
	}
	return tx.numbers
}

func (b *builder) createNode(n node) error {
	other, err := b.otherRAID(n)
	if err != nil {
		return err
	}
	ref := deviceRef{Name: n.name, UUID: n.uuid}
	create, load := &CreateDevice{deviceRef: ref, Dev: b.fixedNumber(n)}, &LoadTable{deviceRef: ref, Table: n.table, ReadOnly: n.readOnly}
	resume := &ResumeDevice{deviceRef: ref, Created: true, hidden: n.hidden}
	switch {
	case n.late:
		create.told, load.told, resume.told = true, true, true
		b.late = append(b.late, create, load, resume)
	case n.early && other != nil:
		b.createRAID(n, create)
	case n.early:
		b.load = append(b.load, create, load, resume)
	default:
		b.load = append(b.load, create, load)
		b.resume = append(b.resume, resume)
	}
	b.noteLegs(n)
	if n.passing {
		return nil
	}
	b.after = append(b.after, b.addNode(n))
	b.addReadAhead(n, nil)
	return nil
}

// fixedNumber returns the number that the metadata wants a device to have; 0
// for any. The kernel chooses the major number, whatever is given.
func (b *builder) fixedNumber(n node) dm.Dev {
	lv := b.tx.find(n.lv)
	minor, ok := persistentMinor(lv)
	if n.layer != "" || !ok {
		return 0
	}
	return dm.MakeDev(uint32(max(lv.Major, 1)), minor)
}

// renumber plans the removal of the device of an LV that is to have another
// number, and leaves the wish for one as it is only if there was such a device.
func (b *builder) renumber(lv *metadata.LogicalVolume, w *wish) error {
	minor, ok := persistentMinor(lv)
	m := b.tx.kern.byUUID[dmUUID(b.tx.vg.ID, lv.ID, "")]
	if w.renumber = ok && m != nil && m.dev.Minor() != minor; !w.renumber {
		return nil
	}
	if len(b.tx.snapshotsOf(lv.ID)) > 0 {
		return fault(ErrUnsupported, "lv %s has snapshots: deactivate it to give it another number", lv.Name)
	}
	return b.plannedRemoval().plan(b.tx.kern.byLV[lv.ID])
}

func (b *builder) addNode(n node) *AddNode {
	s := &AddNode{deviceRef: deviceRef{Name: n.name, UUID: n.uuid}, VG: b.tx.vg.Name}
	if !n.hidden && n.layer == "" {
		s.LV = n.lvName
	}
	return s
}

// changeNode plans what a device needs that is there.
func (b *builder) changeNode(n node, m *mapped, w wish) error {
	ref := deviceRef{Name: m.name, UUID: m.uuid}
	table := b.tx.resolved(n.table)
	live := m.info.LiveTable && m.info.ReadOnly == n.readOnly && m.table.Equal(table)
	renamed, held := m.name != n.name, b.holds[n.uuid]
	w.refresh = w.refresh || n.rereads && b.liesOnGrown(n)
	if live && !renamed && !w.refresh && !m.info.Suspended && held == 0 {
		if m.info.InactiveTable {
			b.clear = append(b.clear, &ClearTable{deviceRef: ref})
		}
		b.addMissingNode(n, m)
		if w.readAhead {
			b.addReadAhead(n, m)
		}
		return nil
	}
	if !m.info.LiveTable && n.shows != "" {
		b.hold(n.shows, frozen)
	}
	switch told, awaits := b.becomesThin(n, m); {
	case told:
		b.switchLate(n, m)
		return nil
	case awaits:
		b.leaveTable(n, m)
		return nil
	}
	if m.info.InactiveTable { // also before a load: two tables cannot have the same COW store
		b.clear = append(b.clear, &ClearTable{deviceRef: ref})
	}
	if ahead := longer(table, m.table); ahead != nil && n.early && !n.rereads && !m.info.Suspended && held == 0 {
		// Those above it have to find it as large as it will be, while the data are
		// still where they were.
		b.load = append(b.load, &LoadTable{deviceRef: ref, Table: b.tx.symbolic(ahead), ReadOnly: n.readOnly},
			&ResumeDevice{deviceRef: ref, early: true, hidden: n.hidden, back: b.tx.symbolic(m.table)})
		b.noteGrown(n)
	}
	var takes *mapped // a raid whose legs it takes over
	if !live && m.info.LiveTable && !m.info.Suspended {
		var err error
		if takes, err = b.otherRAID(n); err != nil {
			return err
		}
	}
	load := &LoadTable{deviceRef: ref, Table: n.table, ReadOnly: n.readOnly}
	switch {
	case live, takes != nil:
	case m.info.LiveTable && !m.info.Suspended && readsNotes(table, m.table):
		b.rested = append(b.rested, load)
	default:
		b.load = append(b.load, load)
	}
	if !live {
		b.noteLegs(n)
	}
	early := false
	// A pool does not become smaller again, so that it waits for the commit.
	if n.early && !n.rereads && !live && takes == nil && !m.info.Suspended && held == 0 && grows(table, m.table) {
		// Those above it are to find it as large as it will be.
		b.load = append(b.load, &ResumeDevice{deviceRef: ref, early: true, hidden: n.hidden, back: b.tx.symbolic(m.table)})
		early = true
		b.noteGrown(n)
	} else if n.early && (!m.info.LiveTable || m.info.Suspended) {
		if b.tx.changed && !live {
			return fault(ErrBusy, "device %s was left half made: call Recover first", m.name)
		}
		b.load = append(b.load, &ResumeDevice{deviceRef: ref, early: true, hidden: n.hidden})
		early = true
	} else if !m.info.Suspended && m.info.LiveTable {
		suspend := Step(&SuspendDevice{deviceRef: ref, FreezeFS: held == frozen, hidden: n.hidden, noFlush: (n.queues || holdsWrites(m.table)) && held != frozen && table.Length() >= m.table.Length()})
		if held == frozen {
			b.flush = append(b.flush, &FlushDevice{deviceRef: ref})
		}
		b.awaitRAID(ref, m.table)
		switch {
		case takes != nil:
			b.takeLegs(takes, suspend, load)
		case n.last:
			b.suspend = append(b.suspend, suspend)
		default:
			b.suspend = slices.Insert(b.suspend, 0, suspend)
		}
	}
	if renamed {
		b.resume = append(b.resume, &RenameDevice{deviceRef: ref, NewName: n.name, hidden: n.hidden})
		_, lv, _, _ := parseDMName(m.name)
		b.drop = append(b.drop, b.dropNode(m, lv))
		b.after = append(b.after, b.addNode(n))
	} else {
		b.addMissingNode(n, m)
	}
	if !early {
		b.resume = append(b.resume, &ResumeDevice{deviceRef: deviceRef{Name: n.name, UUID: n.uuid}, hidden: n.hidden})
	}
	b.addReadAhead(n, m)
	return nil
}

// becomesThin says whether a device that shows something else is to be that of a thin
// volume that the kernel is told of by this plan, or has yet to be told of.
func (b *builder) becomesThin(n node, m *mapped) (told, awaits bool) {
	body := thinBody(b.tx.findNow(n.lv))
	if body == nil || n.layer != "" || !m.info.LiveTable || hasTarget[dm.Thin](m.table) {
		return false, false
	}
	pool := thinPoolBody(b.tx.findNow(body.Pool))
	waits := pool != nil && slices.ContainsFunc(pool.Messages, func(msg metadata.ThinMessage) bool { return msg.Create == n.lv })
	return b.tx.fresh[n.lv], waits
}

// leaveTable plans that a device goes on as it is.
func (b *builder) leaveTable(n node, m *mapped) {
	ref := deviceRef{Name: m.name, UUID: m.uuid}
	if m.info.InactiveTable {
		b.clear = append(b.clear, &ClearTable{deviceRef: ref})
	}
	if m.info.Suspended {
		b.resume = append(b.resume, &ResumeDevice{deviceRef: ref})
	}
	b.addMissingNode(n, m)
}

// switchLate plans that a device gets its table once the kernel was told of what it
// maps. Until then it may have its own: it shows the same, and what is written shows in
// the other as well.
func (b *builder) switchLate(n node, m *mapped) {
	ref := deviceRef{Name: m.name, UUID: m.uuid}
	if m.info.InactiveTable {
		b.clear = append(b.clear, &ClearTable{deviceRef: ref})
	}
	b.late = append(b.late, &LoadTable{deviceRef: ref, Table: n.table, ReadOnly: n.readOnly, told: true})
	if !m.info.Suspended {
		b.late = append(b.late, &SuspendDevice{deviceRef: ref})
	}
	b.late = append(b.late, &ResumeDevice{deviceRef: ref})
	b.addMissingNode(n, m)
	b.addReadAhead(n, m)
}

// addMissingNode plans a node or link that is not there, or leads elsewhere.
func (b *builder) addMissingNode(n node, m *mapped) {
	add := b.addNode(n)
	missing := !b.tx.sys.host.hasNodes(add.Name, m.dev, add.VG, add.LV)
	if n.hidden && n.layer == "" && (missing || b.tx.sys.host.hasNodes(m.name, m.dev, b.tx.vg.Name, n.lvName)) {
		b.drop = append(b.drop, &DropLink{VG: b.tx.vg.Name, LV: n.lvName})
	}
	if missing {
		b.after = append(b.after, add)
	}
}

// resolved returns a table with references to devices that are there replaced
// by numbers, as the kernel reports it.
func (tx *Tx) resolved(t dm.Table) dm.Table {
	out, _ := t.MapDevices(func(device string) (string, error) {
		if m := tx.kern.byUUID[device]; m != nil {
			return m.dev.String(), nil
		}
		return device, nil
	})
	return out
}

// hasTarget says whether a part of a table is of the type T.
func hasTarget[T dm.Target](table dm.Table) bool {
	return slices.ContainsFunc(table, func(l dm.Line) bool { _, ok := l.Target.(T); return ok })
}

// holdsWrites says whether a device may hold writes back until it gets another table:
// those that failed on a leg of a mirror.
func holdsWrites(table dm.Table) bool {
	return slices.ContainsFunc(table, func(l dm.Line) bool { m, ok := l.Target.(dm.Mirror); return ok && m.HandleErrors })
}
