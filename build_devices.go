package lvm

import (
	"slices"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// devices makes the kernel hold what the metadata will say of every logical
// volume that the transaction touched.
func (b *builder) devices() error {
	tx := b.tx
	if tx.sys.kernel == nil {
		return nil
	}
	var dropped []metadata.ID
	for _, id := range tx.order {
		w := tx.wishes[id]
		lv := tx.find(id)
		active := tx.kern.active(id)
		switch {
		case lv == nil || w.deactivate:
			dropped = append(dropped, id)
		case w.activate || active:
			if err := b.renumber(lv, &w); err != nil {
				return err
			}
			if err := b.bring(lv, w); err != nil {
				return err
			}
		}
	}
	for _, id := range dropped {
		if err := b.removeDevices(id); err != nil {
			return err
		}
	}
	if len(b.load)+len(b.resume) > 0 {
		b.resume = append(b.resume, &SettleDevices{})
	}
	return b.orderRenames()
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

// bring plans the steps from the devices an LV has to those it shall have.
func (b *builder) bring(lv *metadata.LogicalVolume, w wish) error {
	tx := b.tx
	r := &renderer{
		vg: tx.vg, device: tx.tableDevice(), claimed: tx.claims(), lists: &tx.sys.cfg.VolumeLists, standIns: &standIns{tx.kern, w.replace},
	}
	nodes, err := r.lv(lv)
	if err != nil {
		return &OpError{Op: "activate lv", VG: tx.vg.Name, LV: lv.Name, Err: err}
	}
	for _, n := range nodes {
		m := tx.kern.byUUID[n.uuid]
		if m == nil || w.renumber && n.lv == lv.ID {
			b.createNode(n)
			continue
		}
		if err := tx.kern.look(m); err != nil {
			return err
		}
		if w.closed && m.info.OpenCount > 0 {
			return &OpError{Op: "reduce lv", VG: tx.vg.Name, LV: lv.Name,
				Err: fault(ErrBusy, "its device is open %d times", m.info.OpenCount)}
		}
		b.changeNode(n, m, w)
	}
	if w.renumber {
		return nil // all were removed
	}
	return b.dropStandIns(lv.ID, nodes)
}

// tableDevice caches the device numbers of the transaction's members.
func (tx *Tx) tableDevice() func(metadata.ID) (string, error) {
	if tx.numbers == nil {
		tx.numbers = tx.sys.tableDevice(tx.members)
	}
	return tx.numbers
}

func (b *builder) createNode(n node) {
	ref := deviceRef{Name: n.name, UUID: n.uuid}
	b.load = append(b.load, &CreateDevice{deviceRef: ref, Dev: b.fixedNumber(n)}, &LoadTable{deviceRef: ref, Table: n.table, ReadOnly: n.readOnly})
	b.resume = append(b.resume, &ResumeDevice{deviceRef: ref, Created: true, hidden: n.hidden})
	b.after = append(b.after, b.addNode(n))
	b.addReadAhead(n, nil)
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
	if w.renumber = w.renumber && ok && m != nil && m.dev.Minor() != minor; !w.renumber {
		return nil
	}
	return b.removeDevices(lv.ID)
}

func (b *builder) addNode(n node) *AddNode {
	s := &AddNode{deviceRef: deviceRef{Name: n.name, UUID: n.uuid}, VG: b.tx.vg.Name}
	if !n.hidden && n.layer == "" {
		s.LV = n.lvName
	}
	return s
}

// changeNode plans what a device needs that is there.
func (b *builder) changeNode(n node, m *mapped, w wish) {
	ref := deviceRef{Name: m.name, UUID: m.uuid}
	live := m.info.LiveTable && m.info.ReadOnly == n.readOnly && m.table.Equal(b.tx.resolved(n.table))
	renamed := m.name != n.name
	if live && !renamed && !w.refresh && !m.info.Suspended {
		if m.info.InactiveTable {
			b.load = append(b.load, &ClearTable{deviceRef: ref})
		}
		b.addMissingNode(n, m)
		if w.readAhead {
			b.addReadAhead(n, m)
		}
		return
	}
	switch {
	case !live:
		b.load = append(b.load, &LoadTable{deviceRef: ref, Table: n.table, ReadOnly: n.readOnly})
	case m.info.InactiveTable:
		b.load = append(b.load, &ClearTable{deviceRef: ref})
	}
	if !m.info.Suspended && m.info.LiveTable {
		b.suspend = slices.Insert(b.suspend, 0, Step(&SuspendDevice{deviceRef: ref, hidden: n.hidden}))
	}
	if renamed {
		b.resume = append(b.resume, &RenameDevice{deviceRef: ref, NewName: n.name, hidden: n.hidden})
		_, lv, _, _ := parseDMName(m.name)
		b.drop = append(b.drop, b.dropNode(m, lv))
		b.after = append(b.after, b.addNode(n))
	} else {
		b.addMissingNode(n, m)
	}
	b.resume = append(b.resume, &ResumeDevice{deviceRef: deviceRef{Name: n.name, UUID: n.uuid}, hidden: n.hidden})
	b.addReadAhead(n, m)
}

// addMissingNode plans a node or link that is not there, or leads elsewhere.
func (b *builder) addMissingNode(n node, m *mapped) {
	if add := b.addNode(n); !b.tx.sys.host.hasNodes(add.Name, m.dev, add.VG, add.LV) {
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

// removeDevices plans the removal of all devices of an LV, the top one first.
// That one has the others open.
func (b *builder) removeDevices(id metadata.ID) error {
	tx := b.tx
	gone := slices.Clone(tx.kern.byLV[id])
	slices.SortFunc(gone, func(x, y *mapped) int { return len(x.layer) - len(y.layer) })
	for _, m := range gone {
		if m.isStandIn() && tx.kern.active(id) {
			if err := tx.kern.look(m); err != nil {
				return err
			}
		} else if err := tx.lookClosed(m); err != nil {
			return err
		} else if m.info.OpenCount > 0 {
			_, lv, _, _ := parseDMName(m.name)
			return &OpError{Op: "deactivate lv", VG: b.plan.VG, LV: lv,
				Err: fault(ErrBusy, "its device is open %d times", m.info.OpenCount)}
		}
		s, drop := b.removal(m)
		b.loadRemoval(s)
		b.drop = append(b.drop, drop)
	}
	return nil
}

// lookClosed looks at a device that is to be closed. While udev runs, it gives
// what udev started some time to close it.
func (tx *Tx) lookClosed(m *mapped) error {
	for try := 1; ; try++ {
		if err := tx.kern.look(m); err != nil {
			return err
		}
		if m.info.OpenCount == 0 || try == removeTries || !tx.sys.host.udevRuns() {
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
