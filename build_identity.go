package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
	"github.com/pkg/errors"
)

// checkIdentity refuses new UUIDs of the group or its physical volumes where
// something knows the old ones, or a crash could not be told from other changes.
func (b *builder) checkIdentity() error {
	tx, before := b.tx, b.tx.before()
	if before != nil && tx.vg != nil && tx.vg.Name != before.Name {
		if err := joinErrors(b.checkNames(), b.checkRemovals()); err != nil {
			return err
		}
		b.renameDevices()
	}
	newVG := before != nil && tx.vg != nil && tx.vg.ID != before.ID
	if !newVG && len(tx.newIDs) == 0 {
		return nil
	}
	if tx.vg == nil || tx.root != nil || len(tx.others) > 0 {
		return fault(ErrUnsupported, "uuids cannot be changed in an update that splits, merges or removes groups")
	}
	if len(tx.newIDs) > 0 {
		pvs, _, err := tx.withNewIDs(tx.vg.PVs, nil)
		if err != nil {
			return err
		}
		if len(renamedPVs(before, &metadata.VolumeGroup{PVs: pvs})) != len(tx.newIDs) {
			return fault(ErrUnsupported, "physical volumes get uuids, and others come, go or change their size: do that in another update")
		}
	}
	if newVG {
		if err := b.checkOldTexts(); err != nil {
			return err
		}
	}
	if tx.clones {
		return b.checkUnused()
	}
	kern, err := tx.sys.kernelState(before.ID)
	if err != nil {
		return err
	}
	for _, m := range kern.all() {
		return fault(ErrBusy, "its uuid, or that of a physical volume, cannot be changed while a logical volume is active: %s", m.name)
	}
	return nil
}

// checkNames refuses a new name that another group of the update has as well.
func (b *builder) checkNames() error {
	for _, part := range b.tx.family() {
		if part != b.tx && part.vg != nil && part.vg.Name == b.tx.vg.Name {
			return fault(ErrExists, "two groups of the update would have the name %s", part.vg.Name)
		}
	}
	return nil
}

// family returns all parts of the update that the transaction is a part of.
func (tx *Tx) family() []*Tx {
	if tx.root != nil {
		return tx.root.parts()
	}
	return tx.parts()
}

// checkRemovals refuses to remove devices while the group gets another name:
// after a crash nobody could tell whose their nodes are.
func (b *builder) checkRemovals() error {
	for _, id := range b.tx.order {
		if lv := b.tx.find(id); len(b.tx.kern.byLV[id]) > 0 && (lv == nil || b.tx.wishes[id].deactivate) {
			return fault(ErrUnsupported, "active volumes are removed or deactivated, and the group is renamed: do one after the other")
		}
	}
	return nil
}

// renameDevices has the devices of a group with another name brought to what
// their names have to be.
func (b *builder) renameDevices() {
	for _, lv := range b.tx.vg.LVs {
		if lv != nil && len(b.tx.kern.byLV[lv.ID]) > 0 {
			b.tx.want(lv.ID, wish{})
		}
	}
}

// checkOldTexts refuses a new UUID of the group if a text with the old one would
// be left behind, which would be a group of its own.
func (b *builder) checkOldTexts() error {
	for i := range b.tx.st.areas {
		if a := b.withHeader(&b.tx.st.areas[i]); a.header == nil {
			return errors.WithMessagef(a.err, "replace the metadata on %s", a.path)
		}
	}
	for _, a := range b.tx.outdated(false) {
		return fault(ErrDamaged, "%s holds older metadata of the group, which it left: call Recover first", a.path)
	}
	return nil
}

// checkUnused refuses clones that somebody uses: the group's UUID, by which
// devices are found, is that of the originals.
func (b *builder) checkUnused() error {
	for _, m := range b.tx.members {
		user, err := b.tx.sys.busy(m.path)
		if err != nil {
			return err
		}
		if user != "" {
			return fault(ErrBusy, "%s is in use: %s", m.path, user)
		}
	}
	return nil
}

// relabel writes the labels of physical volumes that get other UUIDs: those of a
// group between precommit and commit, from where [System.Recover] goes on. The
// ones without metadata areas come first, since nothing else on them tells which
// group they are of.
func (b *builder) relabel() error {
	tx := b.tx
	if len(tx.newIDs) > 0 {
		for _, withAreas := range []bool{false, true} {
			for _, rec := range tx.vg.PVs {
				m := tx.members[rec.ID]
				id, ok := tx.newIDs[rec.ID]
				has := slices.ContainsFunc(tx.areas[rec.ID], func(a scannedArea) bool { return usable(&a) })
				if ok && m != nil && has == withAreas {
					if err := b.relabelPV(&b.metadata, m, id, true); err != nil {
						return err
					}
				}
			}
		}
	}
	for _, pv := range b.orphansToRelabel() {
		if tx.newPVs[pv.path] != nil || b.joins(pv.path) || slices.ContainsFunc(tx.wipePVs, func(m *member) bool { return m.path == pv.path }) {
			return fault(ErrUnsupported, "%s gets another uuid, and more happens to it: do that in another update", pv.path)
		}
		m := &member{path: pv.path, label: pv.label, size: pv.size}
		if err := b.relabelPV(&b.prepare, m, tx.orphanIDs[pv.path], pv.label.InUse()); err != nil {
			return err
		}
	}
	return nil
}

// orphansToRelabel returns the physical volumes of no group that get other
// UUIDs, in the order of the devices.
func (b *builder) orphansToRelabel() []*scannedPV {
	if len(b.tx.orphanIDs) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(b.tx.scan.pvs), func(pv *scannedPV) bool {
		_, ok := b.tx.orphanIDs[pv.path]
		return !ok
	})
}

// joins says whether a device is, or becomes, a member of a group of the update.
func (b *builder) joins(path string) bool {
	for _, part := range b.tx.family() {
		for _, m := range part.members {
			if m.path == path {
				return true
			}
		}
	}
	return false
}

func (b *builder) relabelPV(to *[]Step, m *member, id metadata.ID, inUse bool) error {
	old, err := m.label.Encode()
	if err != nil {
		return err
	}
	label := *m.label
	label.PVID = id
	if inUse {
		label.ExtensionVersion = max(label.ExtensionVersion, 2)
		label.ExtensionFlags |= metadata.PVInUse
	}
	data, err := label.Encode()
	if err != nil {
		return err
	}
	at := labelOffset(&label)
	*to = append(*to, &WriteLabel{
		Device: m.path, PV: m.label.PVID, NewID: id, InUse: inUse,
		write: metadata.Write{Offset: at, Data: data}, old: metadata.Write{Offset: at, Data: old},
	})
	return nil
}

// removeOldBackup removes the backup of a group's old name, unless another group
// has that name.
func (b *builder) removeOldBackup() {
	tx, before := b.tx, b.tx.before()
	if before == nil || before.Name == tx.vg.Name || tx.clones {
		return
	}
	if slices.ContainsFunc(tx.scan.groups(), func(c *vgTexts) bool { return c.name == before.Name && c.id != before.ID }) {
		return
	}
	b.after = append(b.after, &RemoveBackup{VG: before.Name})
}
