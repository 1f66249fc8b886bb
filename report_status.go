package lvm

import (
	"slices"
	"strconv"
	"strings"
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

// mirrorInSync says whether all legs of a mirror are equal.
//
// Source: Linux, drivers/md/dm-raid1.c: number of legs, the legs, done/all.
func (d *KernelDevice) mirrorInSync() bool {
	w := d.targetStatus("mirror")
	if len(w) == 0 {
		return false
	}
	n, err := strconv.ParseUint(w[0], 10, 16)
	if err != nil || int(n)+1 >= len(w) {
		return false
	}
	done, all, ok := strings.Cut(w[n+1], "/")
	return ok && done == all
}

// snapshotStatus is the status of a snapshot target, or one that merges.
//
// Source: Linux, Documentation/admin-guide/device-mapper/snapshot.rst.
type snapshotStatus struct{ invalid, mergeFailed bool }

func (d *KernelDevice) snapshot() (s snapshotStatus, ok bool) {
	for _, typ := range []string{"snapshot", "snapshot-merge"} {
		w := d.targetStatus(typ)
		if len(w) == 0 {
			continue
		}
		text := strings.Join(w, " ")
		return snapshotStatus{text == "Invalid" || text == "Overflow", text == "Merge failed"}, true
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
