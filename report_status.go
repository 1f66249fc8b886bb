package lvm

import (
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// targetStatus returns the words of the first status line of a type, nil if
// there is none.
func (d *KernelDevice) targetStatus(typ string) []string {
	if d == nil {
		return nil
	}
	for _, l := range d.Status {
		if l.Type == typ {
			return strings.Fields(l.Status)
		}
	}
	return nil
}

// raidStatus is the status of a raid target.
//
// Source: Linux, Documentation/admin-guide/device-mapper/dm-raid.rst.
type raidStatus struct {
	devices    string // a character for each: A in sync, a not, D failed, - none
	mismatches uint64
}

func (d *KernelDevice) raid() (s raidStatus, ok bool) {
	w := d.targetStatus("raid")
	if len(w) < 3 {
		return s, false
	}
	s.devices = w[2]
	if len(w) > 5 {
		s.mismatches, _ = strconv.ParseUint(w[5], 10, 64)
	}
	return s, true
}

// inSync says whether image number i holds what the raid does.
func (s raidStatus) inSync(i int) bool { return i < len(s.devices) && s.devices[i] == 'A' }

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

// poolStatus is the status of a thin pool.
//
// Source: Linux, Documentation/admin-guide/device-mapper/thin-provisioning.rst.
type poolStatus struct{ failed, outOfData, readOnly bool }

func (d *KernelDevice) thinPool() (s poolStatus, ok bool) {
	w := d.targetStatus("thin-pool")
	for _, word := range w {
		switch word {
		case "Fail", "Error":
			s.failed = true
		case "out_of_data_space":
			s.outOfData = true
		case "ro":
			s.readOnly = true
		}
	}
	return s, len(w) > 0
}

// needsCheck says whether the metadata of a thin pool or cache must be checked
// before it is used again.
//
// Source: as poolStatus; Linux, Documentation/admin-guide/device-mapper/cache.rst.
func (d *KernelDevice) needsCheck() (needs, known bool) {
	for _, typ := range []string{"thin-pool", "cache"} {
		if w := d.targetStatus(typ); len(w) > 0 {
			return slices.Contains(w, "needs_check"), true
		}
	}
	return false, false
}
