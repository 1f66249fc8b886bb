package lvm

import (
	"math/bits"
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// statusOf returns what the first target of a type says of itself; ok is false if
// there is none or it is not understood.
func statusOf[S any](d *KernelDevice, typ string, parse func(string) (S, error)) (s S, ok bool) {
	if d == nil {
		return s, false
	}
	i := slices.IndexFunc(d.Status, func(l dm.StatusLine) bool { return l.Type == typ })
	if i < 0 {
		return s, false
	}
	s, err := parse(d.Status[i].Status)
	return s, err == nil
}

func (d *KernelDevice) raid() (dm.RAIDStatus, bool) {
	return statusOf(d, dm.RAID{}.Type(), dm.ParseRAIDStatus)
}

func (d *KernelDevice) thinPool() (dm.ThinPoolStatus, bool) {
	return statusOf(d, dm.ThinPool{}.Type(), dm.ParseThinPoolStatus)
}

func (d *KernelDevice) thin() (dm.ThinStatus, bool) {
	return statusOf(d, dm.Thin{}.Type(), dm.ParseThinStatus)
}

func (d *KernelDevice) cache() (dm.CacheStatus, bool) {
	return statusOf(d, dm.Cache{}.Type(), dm.ParseCacheStatus)
}

func (d *KernelDevice) writeCache() (dm.WriteCacheStatus, bool) {
	return statusOf(d, dm.WriteCache{}.Type(), dm.ParseWriteCacheStatus)
}

func (d *KernelDevice) integrity() (dm.IntegrityStatus, bool) {
	return statusOf(d, dm.Integrity{}.Type(), dm.ParseIntegrityStatus)
}

// isError says whether the device has only targets that fail all I/O.
func (d *KernelDevice) isError() bool {
	return d != nil && len(d.Status) > 0 &&
		!slices.ContainsFunc(d.Status, func(l dm.StatusLine) bool { return l.Type != (dm.ErrorTarget{}).Type() })
}

// mirrors returns the status of the mirror targets, by the sector that they
// begin at.
func (d *KernelDevice) mirrors() map[Sectors]dm.MirrorStatus {
	out := map[Sectors]dm.MirrorStatus{}
	if d == nil {
		return out
	}
	for _, l := range d.Status {
		if l.Type != (dm.Mirror{}).Type() {
			continue
		}
		if s, err := dm.ParseMirrorStatus(l.Status); err == nil {
			out[l.Start] = s
		}
	}
	return out
}

// mirrorInSync says whether all legs of a mirror are equal.
func (d *KernelDevice) mirrorInSync() bool {
	all := d.mirrors()
	for _, s := range all {
		if !s.Synced() {
			return false
		}
	}
	return len(all) > 0
}

// copied returns how much of a mirror, or of what is being moved, is in sync, as
// lvm2 counts: of each segment the whole extents.
//
// Source: lvs of lvm2 as recorded in testdata/corpus.
func (d *KernelDevice) copied(lv *metadata.LogicalVolume, extentSize Sectors) (Percent, bool) {
	if d == nil || !d.LiveTable {
		return 0, false
	}
	inSync := d.mirrors()
	var done, all uint64
	for i := range lv.Segments {
		seg := &lv.Segments[i]
		all += uint64(seg.Count)
		body, ok := seg.Body.(*metadata.Mirror)
		start, fits := seg.Start.Sectors(extentSize)
		if !ok || !fits {
			return 0, false
		}
		if s, ok := inSync[start]; ok {
			high, low := bits.Mul64(uint64(seg.Count), s.InSync)
			part, _ := bits.Div64(high, low, s.Regions) // no more than Count, as no more than all are in sync
			done += part
		} else {
			done += uint64(body.Moved)
		}
	}
	return dm.PercentOf(done, all), true
}

// snapshotStatus is the status of a snapshot target, or one that merges.
type snapshotStatus struct {
	invalid, mergeFailed bool
	full                 *Percent // nil: the kernel does not say
}

func (d *KernelDevice) snapshot() (s snapshotStatus, ok bool) {
	if d == nil {
		return s, false
	}
	for _, l := range d.Status {
		if l.Type != (dm.Snapshot{}).Type() && l.Type != (dm.SnapshotMerge{}).Type() {
			continue
		}
		status, err := dm.ParseSnapshotStatus(l.Status)
		if err != nil {
			return s, false
		}
		s.invalid = status.State == dm.SnapshotInvalid || status.State == dm.SnapshotOverflow
		s.mergeFailed = status.State == dm.SnapshotMergeFailed
		full, known := status.Percent()
		if s.invalid || s.mergeFailed {
			full, known = dm.PercentOf(1, 1), true
		}
		if known {
			s.full = &full
		}
		return s, true
	}
	return s, false
}

// isMerge says whether a snapshot is being merged into the device.
func (d *KernelDevice) isMerge() bool {
	return d != nil && slices.ContainsFunc(d.Status, func(l dm.StatusLine) bool { return l.Type == (dm.SnapshotMerge{}).Type() })
}
