package lvm

import (
	"github.com/lvm-go/lvm/metadata"
)

// SetLVReadOnly says whether a logical volume may not be written. A device that
// is there follows, also while it is in use: what has it open for writing keeps
// that, as with lvm2. lvm2: lvchange --permission r, rw.
//
// Returns errors matching [ErrLVNotFound], [ErrUnsupported] if it is a part of
// another volume, or [ErrMerging] if a snapshot is being merged into it.
func (tx *Tx) SetLVReadOnly(lv string, readOnly bool) error {
	return tx.changeLV("change lv", lv, func(rec *metadata.LogicalVolume) error {
		link, merging := tx.mergingInto(rec.ID)
		switch {
		case readOnly && merging:
			return fault(ErrMerging, "lv %s is being merged into it", tx.nameOf(link.body.COW))
		case readOnly:
			rec.Status &^= metadata.LVWrite | metadata.LVWriteLocked
		case rec.Status&(metadata.LVWrite|metadata.LVWriteLocked) == 0:
			rec.Status |= tx.writable()
		}
		return nil
	})
}

// writable returns the mark of a volume that may be written.
func (tx *Tx) writable() metadata.LVStatus {
	if tx.vg.Status&metadata.VGWriteLocked != 0 {
		return metadata.LVWriteLocked
	}
	return metadata.LVWrite
}

// SetLVActivationSkip says whether a logical volume stays inactive unless it is
// activated with IgnoreSkip; see [ActivateOptions]. A device that is there stays.
// lvm2: lvchange --setactivationskip. Errors are as with [Tx.SetLVReadOnly].
func (tx *Tx) SetLVActivationSkip(lv string, skip bool) error {
	return tx.changeLV("change lv", lv, func(rec *metadata.LogicalVolume) error {
		rec.Status = withFlag(rec.Status, metadata.LVActivationSkip, skip)
		return nil
	})
}

// SetLVAutoActivation says whether [Tx.AutoActivate], and a host that starts,
// activates a logical volume. lvm2: lvchange --setautoactivation. Errors are as
// with [Tx.SetLVReadOnly].
func (tx *Tx) SetLVAutoActivation(lv string, auto bool) error {
	return tx.changeLV("change lv", lv, func(rec *metadata.LogicalVolume) error {
		rec.Status = withFlag(rec.Status, metadata.LVNoAutoactivate, !auto)
		return nil
	})
}

func withFlag(status, flag metadata.LVStatus, on bool) metadata.LVStatus {
	if on {
		return status | flag
	}
	return status &^ flag
}

// SetLVAllocation sets the policy by which a logical volume gets extents;
// AllocInherit is the group's. Extents it has are not moved. lvm2: lvchange
// --alloc. Returns errors as [Tx.SetLVReadOnly], and one matching
// [ErrInvalidSpec].
func (tx *Tx) SetLVAllocation(lv string, policy Allocation) error {
	return tx.changeLV("change lv", lv, func(rec *metadata.LogicalVolume) (err error) {
		if err := tx.complete(rec, ActivateComplete); err != nil {
			return err
		}
		rec.Allocation, err = lvPolicy(policy)
		return err
	})
}

// lvPolicy returns a policy as it is stored. With tags there is one kind of
// cling, which has two names. Source: lvm2 as observed.
func lvPolicy(policy Allocation) (Allocation, error) {
	switch {
	case policy == metadata.AllocClingByTags:
		return metadata.AllocCling, nil
	case policy > metadata.AllocAnywhere:
		return 0, fault(ErrInvalidSpec, "unknown allocation policy %d", uint8(policy))
	}
	return policy, nil
}

// SetLVReadAhead says how far the kernel reads ahead on a logical volume: a
// number of sectors, which is rounded down to whole pages of 4 KiB but not to 0,
// [ReadAheadAuto] or [ReadAheadNone]. A device that is there follows; with
// ReadAheadAuto it keeps what it has if that is more. lvm2: lvchange --readahead.
//
// Returns errors as [Tx.SetLVReadOnly], and one matching [ErrInvalidSpec].
func (tx *Tx) SetLVReadAhead(lv string, ahead ReadAhead) error {
	return tx.changeLV("change lv", lv, func(rec *metadata.LogicalVolume) (err error) {
		rec.ReadAhead, err = lvReadAhead(ahead)
		return err
	})
}

// pageSectors is the unit of read-ahead: the usual page. On a host with larger
// ones lvm2 takes those; here images do not depend on the host.
const pageSectors = 8

func lvReadAhead(ahead ReadAhead) (ReadAhead, error) {
	switch {
	case ahead == ReadAheadAuto || ahead == ReadAheadNone:
		return ahead, nil
	case ahead < 0 || ahead > 1<<32-1:
		return 0, fault(ErrInvalidSpec, "read-ahead of %d sectors", int64(ahead))
	}
	return max(pageSectors, ahead-ahead%pageSectors), nil
}

// Minor is the minor device number of a logical volume. The zero Minor is any
// that is free when the volume is activated.
type Minor struct {
	n     uint32
	fixed bool
}

// FixedMinor is a minor number from 0 to 1048575, which a volume then always has.
func FixedMinor(n uint32) Minor { return Minor{n, true} }

// Number returns the number; ok is false if it is any.
func (m Minor) Number() (n uint32, ok bool) { return m.n, m.fixed }

// SetLVPersistentMinor gives a logical volume the same minor device number
// whenever it is activated, or, with the zero Minor, any. If it is active with
// another number, its device is made anew, which takes that nobody has it open.
// That the number is free shows only when the volume is activated. lvm2: lvchange
// --persistent, --minor.
//
// Returns errors as [Tx.SetLVReadOnly], one matching [ErrInvalidSpec], or, when
// planned, [ErrBusy] if the device is open. Applying the plan fails with one
// matching [ErrExists], and leaves all as it was, if another device has the
// number.
func (tx *Tx) SetLVPersistentMinor(lv string, minor Minor) error {
	return tx.changeLV("change lv", lv, func(rec *metadata.LogicalVolume) error {
		return tx.setMinor(rec, minor)
	})
}

const maxMinor = 1<<20 - 1

func (tx *Tx) setMinor(rec *metadata.LogicalVolume, minor Minor) error {
	switch {
	case !minor.fixed && rec.Status&metadata.LVFixedMinor == 0:
		return nil
	case !minor.fixed:
		rec.Status &^= metadata.LVFixedMinor
		rec.Major, rec.Minor, rec.HasMajor, rec.HasMinor = 0, 0, false, false
		return nil
	case minor.n > maxMinor:
		return fault(ErrInvalidSpec, "minor number %d: 0 to %d are possible", minor.n, maxMinor)
	}
	if have, ok := persistentMinor(rec); ok && have == minor.n {
		return nil
	}
	rec.Status |= metadata.LVFixedMinor
	rec.Minor, rec.HasMinor = int32(minor.n), true
	rec.Major, rec.HasMajor = tx.deviceMajor(), true
	return nil
}

// persistentMinor returns the minor number that a record gives its device.
func persistentMinor(rec *metadata.LogicalVolume) (n uint32, ok bool) {
	if rec.Status&metadata.LVFixedMinor == 0 || !rec.HasMinor || rec.Minor < 0 {
		return 0, false
	}
	return uint32(rec.Minor), true
}

// usualMajor stands in metadata for the major number of mapped devices where it
// is not known. The kernel gives the right one, but lvm2 insists on one.
const usualMajor = 253

func (tx *Tx) deviceMajor() int32 {
	if tx.sys.kernel != nil {
		if major := tx.sys.host.deviceMajor(); major > 0 {
			return int32(major)
		}
	}
	return usualMajor
}

// changeLV changes the attributes of an LV; that all stay as they are is no
// change of the group.
func (tx *Tx) changeLV(op, ref string, change func(*metadata.LogicalVolume) error) error {
	old, i, err := tx.lvToChange(ref, ErrMissingPV)
	if err != nil {
		return tx.fail(op, ref, err)
	}
	lv := *old
	if err := change(&lv); err != nil {
		return tx.fail(op, ref, err)
	}
	if lv.HasMinor && lv.Minor != old.Minor && tx.inSnapshots(&lv) && tx.staysActive(lv.ID) {
		return tx.fail(op, ref, fault(ErrBusy, "origins and snapshots get another number only while they are not active"))
	}
	if sameAttributes(old, &lv) {
		return nil
	}
	if err := tx.put(i, &lv); err != nil {
		return tx.fail(op, ref, err)
	}
	w := tx.wishes[lv.ID]
	w.readAhead = w.readAhead || lv.ReadAhead != old.ReadAhead
	w.renumber = (w.renumber || lv.Minor != old.Minor || lv.HasMinor != old.HasMinor) && !tx.inSnapshots(&lv)
	tx.want(lv.ID, w)
	return nil
}

// inSnapshots says whether an LV is a snapshot or has some.
func (tx *Tx) inSnapshots(lv *metadata.LogicalVolume) bool {
	_, snapshot := tx.snapshotBy(lv.ID)
	return snapshot || len(tx.snapshotsOf(lv.ID)) > 0
}

func sameAttributes(a, b *metadata.LogicalVolume) bool {
	return a.Status == b.Status && a.Allocation == b.Allocation && a.ReadAhead == b.ReadAhead &&
		a.HasMajor == b.HasMajor && a.Major == b.Major && a.HasMinor == b.HasMinor && a.Minor == b.Minor
}
