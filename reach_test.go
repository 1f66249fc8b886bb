package lvm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// diskRange is a range of sectors of a device.
type diskRange struct {
	dev        string
	start, end Sectors
}

// owners returns which LV each range of the devices belongs to, as the committed
// metadata says.
func owners(t testing.TB, sys *System, vgs []*VolumeGroup) map[diskRange]metadata.ID {
	t.Helper()
	out := map[diskRange]metadata.ID{}
	for _, vg := range vgs {
		device := sys.tableDevice(vg.members)
		for _, lv := range vg.rec.LVs {
			for i := range lv.Segments {
				for _, area := range lv.Segments[i].Body.Areas() {
					if area.PV.IsZero() {
						continue
					}
					dev, err := device(area.PV)
					if err != nil {
						continue // missing
					}
					start, _ := area.Start.Sectors(vg.rec.ExtentSize)
					length, _ := lv.Segments[i].AreaLength().Sectors(vg.rec.ExtentSize)
					start += pvRecord(vg.rec, area.PV).PEStart
					out[diskRange{dev, start, start + length}] = lv.ID
				}
			}
		}
	}
	return out
}

// beyond returns which devices let programs through to where the committed
// metadata has something else, and where the kernel copies by itself to such a
// place. A COW store that is made or grows is there before that is committed, on
// extents that are nobody's, and so is a part of a pool, which uses what is new of it
// only once it is resumed. A volume that becomes a thin one goes to what becomes its
// origin until it has its table: all that is written there shows in it.
func (m *machine) beyond(t testing.TB, vgs []*VolumeGroup) []string {
	t.Helper()
	sys := openDisks(t, m.disks, 0)
	sys.host = m.host
	owned := owners(t, sys, vgs)
	uuids := map[string]string{}
	for _, s := range m.kernel.State() {
		uuids[s.Name] = s.UUID
	}
	var out []string
	for _, u := range m.kernel.Uses() {
		_, user, layer, ok := parseDMUUID(uuids[u.Through])
		if u.Waiting || !ok || !u.Copying && !forPrograms(u.Name) {
			continue
		}
		dev, end := u.Disk.String(), u.Start+u.Length
		left := u.Length
		for r, lv := range owned {
			from, to := max(u.Start, r.start), min(end, r.end)
			if r.dev != dev || from >= to {
				continue
			}
			if lv != user && !becomesThin(vgs, user, lv) {
				out = append(out, fmt.Sprintf("%s reaches sectors %d to %d of %s through %s, which are of another lv", u.Name, from, to, dev, u.Through))
			}
			left -= to - from
		}
		if _, _, top, _ := parseDMUUID(uuids[u.Name]); top == thinMetaLayer || top == thinDataLayer {
			layer = top // what a pool lies on may lie on others
		}
		if left > 0 && layer != cowLayer && layer != thinMetaLayer && layer != thinDataLayer {
			out = append(out, fmt.Sprintf("%s reaches %d sectors of %s behind %d through %s, which are nobody's", u.Name, left, dev, u.Start, u.Through))
		}
	}
	return out
}

// becomesThin says whether a volume is a thin one with another as its external origin.
func becomesThin(vgs []*VolumeGroup, id, origin metadata.ID) bool {
	return slices.ContainsFunc(vgs, func(vg *VolumeGroup) bool {
		thin := thinBody(lvByID(vg.rec, id))
		return thin != nil && thin.ExternalOrigin == origin
	})
}

// forPrograms says whether a device is one that programs use by itself.
func forPrograms(name string) bool {
	vg, lv, layer, _ := parseDMName(name)
	return layer == "" && checkNewLVName(vg, lv) == nil
}

// user is what programs do with the volumes while they are changed: they read
// what they have written, and write.
type user struct {
	*machine
	holds map[metadata.ID][]byte
	count uint64
}

// newUser takes note of what the volumes hold. Those that are being merged, or
// will be, are left alone.
func newUser(m *machine, before *metadata.VolumeGroup, now *VolumeGroup, after *metadata.VolumeGroup) *user {
	u := &user{machine: m, holds: map[metadata.ID][]byte{}}
	if before == nil || after == nil {
		return u
	}
	merging := map[metadata.ID]bool{}
	for _, vg := range []*metadata.VolumeGroup{before, after} {
		for _, lv := range vg.LVs {
			if link := snapshotLinkOf(lv); link != nil && link.Merging {
				merging[link.Origin], merging[link.COW] = true, true
			}
		}
	}
	was, is := newSnapshotLinks(before), newSnapshotLinks(after)
	for _, lv := range before.LVs {
		_, split := was.by(lv.ID)
		if _, joined := is.by(lv.ID); joined != split {
			continue // it shows other contents afterwards, or loses them
		}
		p := patternOf(before, now, lv)
		if after := lvByID(after, lv.ID); p != nil && after != nil && !merging[lv.ID] && after.Extents() >= lv.Extents() {
			u.holds[lv.ID] = p
		}
	}
	return u
}

// where in a volume the user writes: in the first chunk, of which its snapshots
// have a copy already.
const userWrites = 1024

// use reads and writes each volume that has a device, as far as I/O is let through.
func (u *user) use(t testing.TB) {
	t.Helper()
	for _, s := range u.kernel.State() {
		_, id, layer, ok := parseDMUUID(s.UUID)
		want := u.holds[id]
		if !ok || layer != "" || want == nil || !s.LiveTable {
			continue
		}
		got := make([]byte, len(want))
		err := u.kernel.ReadDevice(s.Name, got, 0)
		if err == syscall.EAGAIN {
			continue
		}
		require.NoError(t, err, s.Name)
		require.True(t, bytes.Equal(want, got), "what %s holds", s.Name)
		u.count++
		word := binary.LittleEndian.AppendUint64(nil, u.count)
		switch err := u.kernel.WriteDevice(s.Name, word, userWrites); err {
		case nil:
			copy(want[userWrites:], word)
		case syscall.EAGAIN, syscall.EPERM:
		default:
			require.NoError(t, err, s.Name)
		}
	}
}

// TestReach lets programs read and write all volumes between the steps of each
// alteration. At no time does a device let them through to what the committed
// metadata gives to another volume, or to nobody.
func TestReach(t *testing.T) {
	t.Parallel()
	trials(t, func(t *testing.T, r *trial) {
		if r.partial {
			return // what is missing can be neither read nor reached
		}
		m := r.machine(t)
		committed := func() []*VolumeGroup {
			inv, err := openDisks(t, m.disks.Clone(), 0).Scan(t.Context())
			require.NoError(t, err)
			return inv.VGs
		}
		var u *user
		for _, vg := range committed() {
			if r.o.before != nil && vg.ID() == r.o.before.ID {
				u = newUser(m, r.o.before, vg, r.o.after)
			}
		}
		if !strings.HasPrefix(r.name, "abort") { // where a move is to end, what is being copied is copied
			for _, s := range m.kernel.State() {
				_, _, err := m.kernel.TargetStatus(dm.ByDev(s.Dev), dm.QueryOptions{})
				require.NoError(t, err)
			}
		}
		sys := m.open(t, 3)
		look := func(where string) {
			require.Empty(t, m.beyond(t, committed()), where)
			if u != nil {
				u.use(t)
			}
		}
		sys.before = func(s Step) { look("ahead of " + s.String()) }
		require.NoError(t, r.perform(sys, r.areas))
		look("at the end")
		require.Empty(t, m.kernel.Hazards())
	})
}
