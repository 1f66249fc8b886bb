package lvm

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/corpus"
	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// The JSON of an inventory, of which every name and value is a promise.
func TestInventoryJSON(t *testing.T) {
	t.Parallel()
	sys := openDisks(t, recorder.New(diskSize, "a", "b", "c", "d"), 1)
	volumes(t, sys, OneArea)
	orphans("c")(t, sys, TwoAreas)
	inv, err := sys.Scan(context.Background())
	require.NoError(t, err)
	inv.Problems = append(inv.Problems, Problem{Device: "x", VG: "vg0", Err: ErrDamaged})
	got, err := json.MarshalIndent(inv, "", "  ")
	require.NoError(t, err)
	golden := filepath.Join("testdata", "reports", "inventory.json")
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, strings.TrimSpace(string(want)), string(got), "%s is not as it was", golden)
}

// Parts of a group are the same alone as in the group.
func TestPartsAsJSON(t *testing.T) {
	t.Parallel()
	sys := openDisks(t, recorder.New(diskSize, "a", "b", "c", "d"), 1)
	volumes(t, sys, OneArea)
	vg, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	whole := ourJSON(t, vg)
	for i, lv := range rowsOf(whole, "lvs") {
		alone, err := vg.LV(lv["lv_name"].(string))
		require.NoError(t, err)
		assert.Equal(t, lv, ourJSON(t, alone))
		segment := 0
		for s := range alone.Segments() {
			assert.Equal(t, rowsOf(lv, "segments")[segment], ourJSON(t, s))
			segment++
		}
		assert.Len(t, rowsOf(lv, "segments"), segment)
		assert.Less(t, i, 3)
	}
	for _, pv := range rowsOf(whole, "pvs") {
		alone, err := vg.PV(pv["pv_uuid"].(string))
		require.NoError(t, err)
		assert.Equal(t, pv, ourJSON(t, alone))
	}
}

// What a transaction would leave can be reported like what is.
func TestReportOfTransaction(t *testing.T) {
	t.Parallel()
	sys := openDisks(t, recorder.New(diskSize, "a", "b", "c", "d"), 1)
	volumes(t, sys, OneArea)
	var would map[string]any
	update(t, sys, "vg0", func(tx *Tx) error {
		lv, err := tx.CreateLV(LVSpec{Name: "new", Size: ExtentCount(3), Stripes: 1})
		if err != nil {
			return err
		}
		assert.Equal(t, "-wi-------", lv.Attr())
		report, err := lv.Report()
		assert.NoError(t, err)
		assert.EqualValues(t, 3, report.Segments[0].Extents)
		would = ourJSON(t, tx.VG())
		return nil
	})
	vg, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	is := ourJSON(t, vg)
	assert.Equal(t, is["lvs"], would["lvs"])
	assert.Equal(t, is["vg_free"], would["vg_free"])
	assert.Len(t, is["lvs"], 4)
}

func TestVGAttr(t *testing.T) {
	t.Parallel()
	rw := metadata.VGRead | metadata.VGWrite
	for want, rec := range map[string]metadata.VolumeGroup{
		"wz--n-": {Status: rw | metadata.VGResizeable},
		"w---a-": {Status: rw, Allocation: metadata.AllocAnywhere},
		"w---c-": {Status: metadata.VGWriteLocked, Allocation: metadata.AllocContiguous},
		"r-x-l-": {Status: metadata.VGRead | metadata.VGExported, Allocation: metadata.AllocClingByTags},
		"w--pn-": {Status: rw, PVs: []*metadata.PhysicalVolume{{}}},
		"w---nc": {Status: rw | metadata.VGClustered},
		"w---ns": {Status: rw, LockType: "sanlock"},
	} {
		vg := &VolumeGroup{rec: &rec}
		assert.Equal(t, want, vg.Attr())
	}
}

func TestPVAttr(t *testing.T) {
	t.Parallel()
	id := metadata.ID{1}
	for want, c := range map[string]struct {
		pv metadata.PVStatus
		vg metadata.VGStatus
		on string
	}{
		"a--": {pv: metadata.PVAllocatable, on: "a"},
		"u--": {on: "a"},
		"a-m": {pv: metadata.PVAllocatable},
		"u-m": {pv: metadata.PVMissing, on: "a"},
		"ax-": {pv: metadata.PVAllocatable | metadata.PVExported, on: "a"},
		"ux-": {vg: metadata.VGExported, on: "a"},
	} {
		pv := &metadata.PhysicalVolume{ID: id, Status: c.pv}
		pv.PECount = 1
		body := &metadata.Striped{Stripes: []Area{{PV: id}}}
		lv := &metadata.LogicalVolume{ID: id, Name: "lv", Segments: []metadata.Segment{{Count: 1, Type: "striped", Body: body}}}
		rec := &metadata.VolumeGroup{Status: c.vg, PVs: []*metadata.PhysicalVolume{pv}, LVs: []*metadata.LogicalVolume{lv}}
		vg := &VolumeGroup{rec: rec, members: map[metadata.ID]*member{}, extents: func() *ExtentMap { return NewExtentMap(rec) }}
		if c.on != "" {
			vg.members[id] = &member{path: c.on, label: &metadata.Label{}}
		}
		assert.Equal(t, want, (&PhysicalVolume{vg: vg, rec: pv}).Attr())
	}
}

// oddKernel changes what a recorded kernel says of one device.
type oddKernel struct {
	recordedKernel
	name   string
	change func(*dm.Info)
	status string
	err    error
}

func (k oddKernel) TargetStatus(r dm.Ref, o dm.QueryOptions) (dm.Info, []dm.StatusLine, error) {
	info, status, err := k.recordedKernel.TargetStatus(r, o)
	if info.Name != k.name {
		return info, status, err
	}
	if k.change != nil {
		k.change(&info)
	}
	if k.status != "" {
		typ, text, _ := strings.Cut(k.status, " ")
		status = []dm.StatusLine{{Type: typ, Status: text}}
	}
	return info, status, k.err
}

// The state, open and health characters in states that no case of the corpus is
// in.
func TestLVAttrOfOddStates(t *testing.T) {
	t.Parallel()
	suspended := func(i *dm.Info) { i.Suspended = true }
	recorded := readReports(t)
	for _, c := range []struct {
		corpus, lv, device string
		odd                oddKernel
		want, health       string
	}{
		{"linear-single", "a", "vg-a", oddKernel{}, "-wi-a-----", ""},
		{"linear-single", "a", "vg-a", oddKernel{change: suspended}, "-wi-s-----", ""},
		{"linear-single", "a", "vg-a", oddKernel{change: func(i *dm.Info) { i.LiveTable = false }}, "-wi-d-----", ""},
		{"linear-single", "a", "vg-a", oddKernel{change: func(i *dm.Info) { i.LiveTable, i.InactiveTable = false, true }}, "-wi-i-----", ""},
		{"linear-single", "a", "vg-a", oddKernel{change: func(i *dm.Info) { i.ReadOnly, i.OpenCount = true, 3 }}, "-Ri-ao----", ""},
		{"linear-single", "a", "vg-a", oddKernel{err: dm.ErrNoControl}, "-wi-XX----", ""},
		{"linear-single", "a", "vg-a", oddKernel{err: dm.ErrNotFound}, "-wi-------", ""},
		{"snapshot-two", "second", "vg-second", oddKernel{status: "snapshot Invalid"}, "swi-I-s---", ""},
		{"snapshot-two", "second", "vg-second", oddKernel{status: "snapshot Overflow", change: suspended}, "swi-S-s---", ""},
		{"snapshot-two", "second", "vg-second", oddKernel{status: "snapshot Merge failed"}, "swi-m-s---", ""},
		{"snapshot-two", "second", "vg-second", oddKernel{status: "snapshot Merge failed", change: suspended}, "swi-M-s---", ""},
		{"raid1-2", "r", "vg-r", oddKernel{status: "raid raid1 2 DA 32768/32768 idle 0 0 -"}, "rwi-a-r-r-", "refresh needed"},
		{"raid1-2", "r", "vg-r", oddKernel{status: "raid raid1 2 AA 32768/32768 idle 7 0 -"}, "rwi-a-r-m-", "mismatches exist"},
		{"raid1-2", "r_rimage_0", "vg-r", oddKernel{status: "raid raid1 2 aA 0/32768 recover 0 0 -"}, "Iwi-aor---", ""},
		{"raid1-2", "r_rimage_1", "vg-r", oddKernel{status: "raid raid1 2 aA 0/32768 recover 0 0 -"}, "iwi-aor---", ""},
		{"raid1-2", "r_rimage_1", "vg-r", oddKernel{status: "raid raid1"}, "Iwi-aor---", ""},
		{"mirror-disk-log", "m_mimage_0", "vg-m", oddKernel{status: "mirror 2 254:1 254:2 3/8 1 AA 3 disk 254:0 A"}, "Iwi-aom---", ""},
		{"mirror-disk-log", "m_mimage_0", "vg-m", oddKernel{status: "mirror 999999999999"}, "Iwi-aom---", ""},
		{"thin-volumes", "pool", "vg-pool-tpool", oddKernel{status: "thin-pool Fail"}, "twi-aotzF-", "failed"},
		{"thin-volumes", "pool", "vg-pool-tpool", oddKernel{status: "thin-pool 1 2/3 4/5 - out_of_data_space discard_passdown error_if_no_space - 256"}, "twi-aotzD-", "out_of_data"},
		{"thin-volumes", "pool", "vg-pool-tpool", oddKernel{status: "thin-pool 1 2/3 4/5 - ro discard_passdown queue_if_no_space needs_check 256"}, "twi-cotzM-", "metadata_read_only"},
		{"thin-volumes", "pool", "vg-pool-tpool", oddKernel{status: "thin-pool 1 2/3 4/5 - rw discard_passdown queue_if_no_space needs_check 256", change: suspended}, "twi-Cotz--", ""},
	} {
		name := fmt.Sprintf("%s %s %s %v", c.corpus, c.lv, c.odd.status, c.odd.err)
		cs := corpus.Load(t, c.corpus)
		sys := corpusSystem(t, cs)
		c.odd.recordedKernel, c.odd.name = newRecordedKernel(t, cs.Info(t), recorded[c.corpus].Status), c.device
		sys.kernel = c.odd
		vg, err := sys.VG(context.Background(), "vg")
		require.NoError(t, err, name)
		lv, err := vg.LV(c.lv)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, lv.Attr(), name)
		report, err := lv.Report()
		if c.odd.err == dm.ErrNoControl {
			assert.ErrorIs(t, err, dm.ErrNoControl, name)
			_, err = json.Marshal(vg)
			assert.ErrorIs(t, err, dm.ErrNoControl, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, c.health, report.Health, name)
		assert.Equal(t, c.want, report.Attr, name)
	}
}

// The history of volumes, which lvm2 shows only if asked.
func TestReportOfHistory(t *testing.T) {
	t.Parallel()
	sys := corpusSystem(t, corpus.Load(t, "lv-history"))
	vg, err := sys.VG(context.Background(), "vg")
	require.NoError(t, err)
	lv, err := vg.LV("t3")
	require.NoError(t, err)
	assert.Empty(t, lv.Ancestors(false))
	assert.Equal(t, []string{"-t2", "-t1"}, lv.Ancestors(true))
	assert.Empty(t, lv.Descendants(true))
	history := rowsOf(ourJSON(t, vg), "historical_lvs")
	require.Len(t, history, 2)
	assert.Equal(t, []any{"t3"}, history[0]["descendants"])
	assert.Equal(t, "-t1", history[0]["origin"])
	assert.Equal(t, []string{"-t2", "t3"}, vg.related().descendants("-t1", true))
	assert.Equal(t, "2026-11-22T08:54:36Z", history[0]["lv_time_removed"])
}

// A group whose volumes refer to each other in circles can be reported.
func TestReportOfCircle(t *testing.T) {
	t.Parallel()
	vg := &metadata.VolumeGroup{Name: "vg", ExtentSize: 8}
	for i := range 3 {
		body := &metadata.Striped{Stripes: []metadata.Area{{LV: metadata.ID{byte(i+1)%3 + 1}}}}
		vg.LVs = append(vg.LVs, &metadata.LogicalVolume{
			Name: fmt.Sprint("lv", i), ID: metadata.ID{byte(i + 1)}, Segments: []metadata.Segment{{Count: 1, Type: "striped", Body: body}},
		})
	}
	vg.PVs = []*metadata.PhysicalVolume{{ID: metadata.ID{9}}}
	vg.History = []*metadata.HistoricalLV{{Name: "x", Origin: "-y", Descendants: []string{"lv0"}}, {Name: "y", Origin: "-x"}}
	v := &VolumeGroup{sys: &System{custom: true}, rec: vg, members: map[metadata.ID]*member{}, extents: func() *ExtentMap { return NewExtentMap(vg) }}
	assert.Len(t, rowsOf(ourJSON(t, v), "lvs"), 3)
	assert.Equal(t, []string{"-x", "-y"}, (&LogicalVolume{vg: v, rec: vg.LVs[0]}).Ancestors(true))
	assert.Equal(t, []string{"-x", "lv0"}, v.related().descendants("-y", true))
}
