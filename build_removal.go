package lvm

import (
	"slices"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// when says at what point a device is removed.
type when int

const (
	// beforeAll: before anything is suspended. Nobody uses what it maps while the
	// metadata still has it, so that it never shows what belongs to somebody else.
	beforeAll when = iota
	// inWindow: while the device is at rest that it shows. The kernel writes to the
	// COW store of a snapshot whenever its origin is written to, so that the store's
	// extents are not free before the snapshot is gone, and the snapshot is not
	// whole once the origin goes on without it.
	inWindow
	// afterAll: once nothing refers to it any more.
	afterAll
)

// removals plans the removal of the devices of LVs that are to have none, and of
// those in the other trees that are no longer needed.
func (b *builder) removals(t *trees) error {
	seen := map[*mapped]bool{}
	var going []*mapped
	for _, id := range slices.Concat(t.gone, b.rendered) {
		for _, m := range b.tx.kern.byLV[id] {
			if !b.brought[m.uuid] && !seen[m] {
				seen[m] = true
				going = append(going, m)
			}
		}
	}
	return b.plannedRemoval().plan(going)
}

func (b *builder) plannedRemoval() *removal {
	return &removal{b: b, above: map[*mapped][]*mapped{}, at: map[*mapped]when{}}
}

// removal is the planning of the removal of devices.
type removal struct {
	b     *builder
	above map[*mapped][]*mapped // whose tables name a device
	at    map[*mapped]when
}

func (r *removal) plan(going []*mapped) error {
	b := r.b
	for _, m := range going {
		if err := b.tx.kern.look(m); err != nil {
			return err
		}
		r.note(m)
	}
	for uuid := range b.brought {
		if m := b.tx.kern.byUUID[uuid]; m != nil {
			r.note(m)
		}
	}
	going = r.parentsFirst(going)
	var first []Step
	for _, m := range going {
		if err := r.checkClosed(m); err != nil {
			return err
		}
		r.at[m] = r.when(m)
		if b.leaving == nil {
			b.leaving = map[string]bool{}
		}
		b.leaving[m.uuid] = true
		s, drop := b.removal(m)
		if r.at[m] != beforeAll {
			if err := b.makeWay(s); err != nil {
				return err
			}
		}
		switch r.at[m] {
		case beforeAll:
			first = append(first, s)
			first = append(first, b.checkAfter(m, func(meta *mapped) bool { return slices.Contains(going, meta) })...)
		case inWindow:
			s.hasty = true
			b.retire = append(b.retire, s)
		case afterAll:
			b.endMirror(m)
			b.clean = append(b.clean, s)
		}
		b.drop = append(b.drop, drop)
	}
	b.loadRemovals(first)
	return nil
}

// note enters what the tables of a device name of the group's devices.
func (r *removal) note(m *mapped) {
	for _, below := range r.b.tx.below(m) {
		if !slices.Contains(r.above[below], m) {
			r.above[below] = append(r.above[below], m)
		}
	}
}

// when returns the point at which a device is removed. Those above it are done.
func (r *removal) when(m *mapped) when {
	at := beforeAll
	if m.layer == "" && r.b.held(m.lv) {
		if at = afterAll; m.isSnapshot() {
			at = inWindow
		}
	}
	for _, above := range r.above[m] {
		if r.b.brought[above.uuid] {
			if r.b.tx.onlyWaits(above, m) {
				continue // for a table that is cleared before anything is removed
			}
			return afterAll
		}
		at = max(at, r.at[above])
	}
	return at
}

// isSnapshot says whether the kernel keeps a device, which was looked at, as a
// snapshot of another.
func (m *mapped) isSnapshot() bool {
	if len(m.table) != 1 {
		return false
	}
	_, ok := m.table[0].Target.(dm.Snapshot)
	return ok
}

// held says whether an LV is the COW store of an origin that stays active.
func (b *builder) held(cow metadata.ID) bool {
	link, ok := b.formerLink(cow)
	return ok && b.tx.vg != nil && b.brought[dmUUID(b.tx.vg.ID, link.body.Origin, "")]
}

// formerLink returns the link of a COW store, as it is or as it was.
func (b *builder) formerLink(cow metadata.ID) (snapshotLink, bool) {
	if link, ok := b.tx.snapshotBy(cow); ok || b.tx.st == nil {
		return link, ok
	}
	return b.tx.st.links().by(cow)
}

// onlyWaits says whether nothing but the inactive table of a device names another.
func (tx *Tx) onlyWaits(above, m *mapped) bool {
	return !slices.ContainsFunc(above.table, func(l dm.Line) bool {
		return slices.ContainsFunc(l.Target.Devices(), func(device string) bool {
			dev, err := dm.ParseDev(device)
			return err == nil && dev == m.dev
		})
	})
}

// below returns the group's devices that the tables of a device name, which was
// looked at.
func (tx *Tx) below(m *mapped) []*mapped {
	var out []*mapped
	for _, dev := range m.waits {
		if below := tx.kern.byDev[dev]; below != nil {
			out = append(out, below)
		}
	}
	for _, line := range m.table {
		for _, device := range line.Target.Devices() {
			if dev, err := dm.ParseDev(device); err == nil && tx.kern.byDev[dev] != nil {
				out = append(out, tx.kern.byDev[dev])
			}
		}
	}
	return out
}

// parentsFirst sorts devices such that each comes after those above it.
func (r *removal) parentsFirst(devices []*mapped) []*mapped {
	going := make(map[*mapped]bool, len(devices))
	for _, m := range devices {
		going[m] = true
	}
	out := make([]*mapped, 0, len(devices))
	var visit func(*mapped)
	visit = func(m *mapped) {
		if !going[m] {
			return
		}
		delete(going, m)
		for _, above := range r.above[m] {
			visit(above)
		}
		out = append(out, m)
	}
	for _, m := range devices {
		visit(m)
	}
	return out
}

// checkClosed refuses to remove a device for users that somebody has open, those
// above it in the group apart. What is beneath others is open in them only.
func (r *removal) checkClosed(m *mapped) error {
	if m.layer != "" {
		return nil
	}
	users := int32(len(r.above[m]))
	if err := r.b.tx.lookClosed(m, users); err != nil {
		return err
	}
	if m.info.OpenCount > users {
		_, lv, _, _ := parseDMName(m.name)
		return &OpError{Op: "deactivate lv", VG: r.b.plan.VG, LV: lv, Err: fault(ErrBusy, "its device is open %d times", m.info.OpenCount)}
	}
	return nil
}

// lookClosed looks at a device that is to be closed but for some users. While
// udev runs, it gives what udev started some time to close it.
func (tx *Tx) lookClosed(m *mapped, users int32) error {
	for try := 1; ; try++ {
		if err := tx.kern.look(m); err != nil {
			return err
		}
		if m.info.OpenCount <= users || try == removeTries || !tx.sys.host.udevRuns() {
			return nil
		}
		select {
		case <-tx.ctx.Done():
			return nil
		case <-time.After(removeWait):
			m.looked = false
		}
	}
}

// removal returns the steps that remove a device and its nodes.
func (b *builder) removal(m *mapped) (*RemoveDevice, *DropNode) {
	_, lv, _, _ := parseDMName(m.name)
	drop := b.dropNode(m, lv)
	again := &deviceState{
		name: m.name, live: m.info.LiveTable, dev: m.dev, table: b.tx.symbolic(m.table), readOnly: m.info.ReadOnly, vg: drop.VG,
	}
	if b.tx.sys.host.hasNodes(m.name, m.dev, drop.VG, drop.LV) {
		again.lv = drop.LV
	}
	ref := deviceRef{Name: m.name, UUID: m.uuid}
	b.awaitRAID(ref, m.table)
	return &RemoveDevice{deviceRef: ref, hidden: m.layer != "" && !m.isStandIn() || m.layer == "" && b.isHidden(m.lv), again: again}, drop
}

func (b *builder) dropNode(m *mapped, lv string) *DropNode {
	s := &DropNode{Name: m.name, VG: b.plan.VG}
	if vg, _, _, ok := parseDMName(m.name); ok {
		s.VG = vg // which may be about to get another name
	}
	if m.layer == "" {
		s.LV = lv
	}
	return s
}
