package lvm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// renderAll returns the devices that a group would have if all its volumes were
// active, by uuid. A merge that the kernel did not begin, as somebody had the
// volumes open, is one that is not begun.
func renderAll(t testing.TB, k kernel, sys *System, vg *VolumeGroup) map[string]node {
	t.Helper()
	kern, err := (&System{kernel: k}).kernelState(vg.ID())
	require.NoError(t, err)
	merges := func(link snapshotLink) (bool, error) {
		origin := kern.top(link.body.Origin)
		if origin == nil {
			return true, nil
		}
		if err := kern.look(origin); err != nil {
			return false, err
		}
		return !origin.info.LiveTable || origin.table[0].Target.Type() == (dm.SnapshotMerge{}).Type(), nil
	}
	reshapes := func(lv *metadata.LogicalVolume) (reshapeProgress, error) {
		for _, m := range kern.byLV[lv.ID] {
			if err := kern.look(m); err != nil {
				return reshapeUntold, err
			}
			if m.info.LiveTable && m.layer == "" {
				return reshapeSeen(lv, m.table), nil
			}
		}
		return reshapeUntold, nil
	}
	all := map[string]node{}
	for lv := range vg.LVs() {
		if _, pool := kindOf(lv.rec).(cachePoolType); pool || snapshotLinkOf(lv.rec) != nil || lv.rec.IsOpaque() {
			continue
		}
		r := &renderer{
			vg: vg.rec, device: sys.tableDevice(vg.members), links: vg.links(), known: kern.known, merges: merges, reshapes: reshapes,
			standIns: &standIns{kern: &kernelState{}},
		}
		nodes, err := r.lv(lv.rec)
		require.NoError(t, err)
		for _, n := range nodes {
			if kern.top(lv.rec.ID) != nil { // then all of its tree is there
				require.Contains(t, kern.byUUID, n.uuid, "%s is missing", n.name)
			}
			all[n.uuid] = n
		}
	}
	return all
}

// reshapeSeen says by the live table of a raid how far its reshape is: the kernel is told
// of more legs, or fewer, only until it has noted that, and has the legs that are freed
// only until it is done.
func reshapeSeen(lv *metadata.LogicalVolume, table dm.Table) reshapeProgress {
	raid, ok := table[0].Target.(dm.RAID)
	switch {
	case !ok || raid.DeltaDisks != 0:
		return reshapeUntold
	case len(raid.Legs) < len(lv.Segments[0].Body.(*metadata.RAID).Legs):
		return reshapeDone
	}
	return reshapeBegun
}
