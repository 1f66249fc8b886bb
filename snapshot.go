package lvm

import (
	"errors"
	"iter"
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/metadata"
)

// SnapshotState says whether a snapshot holds what it should.
type SnapshotState = dm.SnapshotState

// States of snapshots.
const (
	SnapshotUnknown     = dm.SnapshotUnknown     // the kernel cannot tell
	SnapshotValid       = dm.SnapshotValid       // in order
	SnapshotInvalid     = dm.SnapshotInvalid     // lost: its COW store was full, or failed
	SnapshotOverflow    = dm.SnapshotOverflow    // full: it can still be read
	SnapshotMergeFailed = dm.SnapshotMergeFailed // a merge met an I/O error and stopped
)

// IsSnapshot says whether the volume is a snapshot.
func (l *LogicalVolume) IsSnapshot() bool {
	_, ok := l.vg.links().by(l.rec.ID)
	return ok
}

// Origin returns the volume that this one is a snapshot of, nil if it is none.
func (l *LogicalVolume) Origin() *LogicalVolume {
	link, ok := l.vg.links().by(l.rec.ID)
	if !ok {
		return nil
	}
	return l.vg.lvByID(link.body.Origin)
}

// Snapshots returns the snapshots of the volume, the oldest first.
func (l *LogicalVolume) Snapshots() iter.Seq[*LogicalVolume] {
	return func(yield func(*LogicalVolume) bool) {
		for _, link := range l.vg.links().of(l.rec.ID) {
			if s := l.vg.lvByID(link.body.COW); s != nil && !yield(s) {
				return
			}
		}
	}
}

// lvByID returns the volume with that UUID, nil if there is none.
func (v *VolumeGroup) lvByID(id metadata.ID) *LogicalVolume {
	if rec := lvByID(v.rec, id); rec != nil {
		return &LogicalVolume{vg: v, rec: rec}
	}
	return nil
}

// ChunkSize returns how much a snapshot copies at a time; 0 if the volume is
// none.
func (l *LogicalVolume) ChunkSize() Bytes {
	link, ok := l.vg.links().by(l.rec.ID)
	if !ok {
		return 0
	}
	return sectorBytes(link.body.ChunkSize)
}

// OriginSize returns the size that the origin of a snapshot had when the snapshot
// was made, which is that of the snapshot's device; 0 if the volume is no
// snapshot. [LogicalVolume.Size] is that of its COW store.
func (l *LogicalVolume) OriginSize() Bytes {
	link, ok := l.vg.links().by(l.rec.ID)
	if !ok {
		return 0
	}
	return l.vg.bytes(link.extents())
}

// Merging says whether the volume is a snapshot that is being merged into its
// origin, or an origin that one is being merged into. The merge may be about to
// begin when the origin is next activated; see [System.Merge].
func (l *LogicalVolume) Merging() bool {
	if link, ok := l.vg.links().by(l.rec.ID); ok {
		return link.body.Merging
	}
	_, ok := l.vg.links().merging(l.rec.ID)
	return ok
}

// SnapshotUsage is how full the COW store of a snapshot is. The sizes are 0
// unless State is SnapshotValid.
type SnapshotUsage struct {
	State SnapshotState
	// Allocated is how much is in use, of which Metadata does not hold data. When
	// both are the same there is no difference between snapshot and origin.
	Allocated, Metadata Bytes
	// Total is the size of the store.
	Total Bytes
	// Merging says that the merge of the snapshot is under way: what is allocated
	// becomes less.
	Merging bool
}

// Percent returns the share of the store that is in use, in hundredths of a
// percent, as lvs shows it: 0 while there is nothing but metadata, 10000 if the
// snapshot is lost.
func (u SnapshotUsage) Percent() dm.Percent {
	if u.State != SnapshotValid {
		return dm.PercentOf(1, 1)
	}
	p, _ := u.status().Percent()
	return p
}

// Merged says whether the store is empty, as it is at the end of a merge.
func (u SnapshotUsage) Merged() bool { return u.status().Merged() }

func (u SnapshotUsage) status() dm.SnapshotStatus {
	return dm.SnapshotStatus{State: u.State, Allocated: u.Allocated.Sectors(), Total: u.Total.Sectors(), Metadata: u.Metadata.Sectors()}
}

// err returns what a snapshot that is lost has to say.
func (u SnapshotUsage) err() error {
	if u.State == SnapshotInvalid {
		return fault(ErrSnapshotInvalid, "its cow store was full or could not be written: what it held is lost")
	}
	return nil
}

// SnapshotUsage returns how full the COW store of a snapshot is at this moment:
// as the kernel says or, if the snapshot has no device, as it is read from the
// store.
//
// Returns an error matching [ErrSnapshotInvalid], along with the state, if the
// snapshot is lost, [ErrInvalidSpec] if the volume is no snapshot, and
// [ErrDamaged] or others if the store cannot be read.
func (l *LogicalVolume) SnapshotUsage() (SnapshotUsage, error) {
	u, err := l.snapshotUsage()
	if err == nil {
		err = u.err()
	}
	if err != nil {
		err = &OpError{Op: "look at snapshot", VG: l.vg.rec.Name, LV: l.rec.Name, Err: err}
	}
	return u, err
}

func (l *LogicalVolume) snapshotUsage() (SnapshotUsage, error) {
	sys := l.vg.sys
	if err := sys.checkOpen(); err != nil {
		return SnapshotUsage{}, err
	}
	link, ok := l.vg.links().by(l.rec.ID)
	if !ok {
		return SnapshotUsage{}, errNoSnapshot
	}
	u, active, err := sys.kernelUsage(link.body, func(id metadata.ID) *mapped { return topDevice(l.vg.devices[id]) })
	if active || err != nil {
		return u, err
	}
	h := sys.newHandles()
	defer h.close()
	return storedUsage(newExtentFile(l.vg.rec, l.rec, l.vg.extents(), l.vg.members, h))
}

var errNoSnapshot = fault(ErrInvalidSpec, "it is no snapshot")

// kernelUsage asks the kernel. While a snapshot is merged, its status is that of
// the origin. active is false if there is no device.
func (s *System) kernelUsage(body *metadata.Snapshot, device func(metadata.ID) *mapped) (u SnapshotUsage, active bool, err error) {
	for _, at := range []struct {
		lv      metadata.ID
		target  string
		merging bool
	}{{body.Origin, "snapshot-merge", true}, {body.COW, "snapshot", false}} {
		m := device(at.lv)
		if m == nil || at.merging && !body.Merging {
			continue
		}
		_, lines, err := s.kernel.TargetStatus(dm.ByDev(m.dev), dm.QueryOptions{NoFlush: true})
		if errors.Is(err, dm.ErrNotFound) {
			continue // it went meanwhile
		}
		if err != nil {
			return u, true, err
		}
		if len(lines) != 1 || lines[0].Type != at.target {
			continue
		}
		st, err := dm.ParseSnapshotStatus(lines[0].Status)
		if err != nil {
			return u, true, as(ErrDamaged, err)
		}
		return SnapshotUsage{
			State: st.State, Merging: at.merging,
			Allocated: sectorBytes(st.Allocated), Total: sectorBytes(st.Total), Metadata: sectorBytes(st.Metadata),
		}, true, nil
	}
	return u, false, nil
}

// storedUsage reads the store. One that is blank is made by whoever activates the
// snapshot.
func storedUsage(cow *extentFile) (SnapshotUsage, error) {
	total := SnapshotUsage{State: SnapshotValid, Total: cow.size}
	u, err := exception.ReadUsage(cow, cow.size)
	switch {
	case errors.Is(err, exception.ErrBlank):
		return total, nil
	case errors.Is(err, exception.ErrInvalid):
		return SnapshotUsage{State: SnapshotInvalid}, nil
	case err != nil:
		return SnapshotUsage{}, fromException(err)
	}
	total.Allocated, total.Metadata = sectorBytes(u.Allocated), sectorBytes(u.Metadata)
	return total, nil
}

// usage returns how full the store of a snapshot is. What is where a new one will
// be is not its store.
func (tx *Tx) usage(link snapshotLink) (SnapshotUsage, error) {
	cow := tx.find(link.body.COW)
	if cow == nil {
		return SnapshotUsage{}, fault(ErrDamaged, "there is no lv %s", link.body.COW)
	}
	if slices.ContainsFunc(tx.created, func(lv newLV) bool { return lv.id == cow.ID }) {
		return SnapshotUsage{State: SnapshotValid, Total: tx.open(cow).size}, nil
	}
	if tx.kern != nil {
		u, active, err := tx.sys.kernelUsage(link.body, tx.kern.top)
		if active || err != nil {
			return u, err
		}
	}
	return storedUsage(tx.open(cow))
}

// readableStore refuses a COW store that the kernel does not take, and without
// which it does not take the origin either.
func (tx *Tx) readableStore(cow *metadata.LogicalVolume) error {
	if slices.ContainsFunc(tx.created, func(lv newLV) bool { return lv.id == cow.ID }) {
		return nil
	}
	store := tx.open(cow)
	err := exception.Check(store, store.size)
	if err == nil || errors.Is(err, exception.ErrBlank) || errors.Is(err, exception.ErrInvalid) {
		return nil
	}
	because := ErrDamaged
	if errors.Is(err, ErrMissingPV) {
		because = ErrMissingPV
	}
	return fault(because, "the store of its snapshot %s cannot be read (%v): it can be activated once that snapshot is removed", cow.Name, err)
}
