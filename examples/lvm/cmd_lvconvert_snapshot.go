package main

import "github.com/lvm-go/lvm"

// splitSnapshot makes a volume of a snapshot's store.
func (cv *conversion) splitSnapshot() error {
	return cv.change("Logical Volume %s/%s split from its origin.", func(ch *change, lv *lvm.LogicalVolume) error {
		if !lv.IsSnapshot() {
			return cv.wrongType(ch.VG(), lv)
		}
		if lv.Active() && !cv.ask("Do you really want to split off active logical volume %s/%s?", cv.vg, cv.name) {
			return sentence("Logical volume %s/%s not split.", cv.vg, cv.name)
		}
		return ch.SplitSnapshot(cv.name)
	})
}

// joinSnapshot makes a snapshot of the volume that is named first, with the second as
// its store.
func (cv *conversion) joinSnapshot() error {
	if len(cv.args) != 2 {
		return cv.syntax()
	}
	origin := cv.name
	vg, store := cv.lvArgument(cv.args[1])
	if store == "" {
		vg, store = cv.vg, vg
	}
	if vg != cv.vg {
		return sentence("Logical volumes must be in the same volume group.")
	}
	cv.name = store
	spec := lvm.JoinSnapshotSpec{ChunkSize: cv.opt.Bytes("chunksize"), KeepStore: !cv.opt.Yes("zero", true)}
	return cv.change("Logical volume %s/%s converted to snapshot.", func(ch *change, lv *lvm.LogicalVolume) error {
		of, err := ch.VG().LV(origin)
		switch {
		case err != nil:
			return err
		case lv.IsSnapshot() || segmentType(lv) != "striped":
			return cv.wrongType(ch.VG(), lv)
		case of.ID() == lv.ID():
			return sentence("Unable to use %s/%s as both snapshot and origin.", cv.vg, store)
		case of.IsSnapshot():
			return sentence("Snapshots of snapshots are not supported.")
		}
		cv.warn("WARNING: Converting logical volume %s/%s to snapshot exception store.", cv.vg, store)
		cv.warn("THIS WILL DESTROY CONTENT OF LOGICAL VOLUME (filesystem etc.)")
		if !cv.ask("Do you really want to convert %s/%s?", cv.vg, store) {
			return sentence("Conversion aborted.")
		}
		if spec.KeepStore {
			cv.warn("WARNING: %s/%s not zeroed.", cv.vg, store)
		}
		return ch.JoinSnapshot(origin, store, spec)
	})
}
