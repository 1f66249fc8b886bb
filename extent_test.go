package lvm

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/metadata"
)

func TestExtentMapAnswersBothWays(t *testing.T) {
	t.Parallel()
	vg := drawnVG()
	m := NewExtentMap(vg)
	require.False(t, m.Incomplete())
	data := vg.LVs[2].ID

	t.Run("a stripe's extents belong to its area", func(t *testing.T) {
		t.Parallel()
		r, ok := m.Owner(testID("pv", 2), 17)
		require.True(t, ok)
		assert.Equal(t, Run{PV: testID("pv", 2), Start: 0, Count: 18, LV: data, LVName: "data", Area: 1}, r)
	})
	t.Run("a free extent has no owner", func(t *testing.T) {
		t.Parallel()
		r, ok := m.Owner(testID("pv", 2), 18)
		require.True(t, ok)
		assert.Equal(t, Run{PV: testID("pv", 2), Start: 18, Count: 22}, r)
		assert.True(t, r.Free())
	})
	t.Run("an extent in a row of stripes lies in all of them", func(t *testing.T) {
		t.Parallel()
		loc, ok := m.Locate(data, 7)
		require.True(t, ok)
		assert.Equal(t, Location{Segment: 0, Type: "striped", Areas: []metadata.Area{areaAt(1, 2), areaAt(2, 2), areaAt(0, 40)}}, loc)
	})
	t.Run("the last extent is in the last segment", func(t *testing.T) {
		t.Parallel()
		loc, ok := m.Locate(data, 54)
		require.True(t, ok)
		assert.Equal(t, Location{Segment: 1, Type: "striped", Areas: []metadata.Area{areaAt(3, 0)}}, loc)
	})
	t.Run("what is not there", func(t *testing.T) {
		t.Parallel()
		_, ok := m.Locate(data, 55)
		assert.False(t, ok)
		_, ok = m.Locate(testID("lv", 77), 0)
		assert.False(t, ok)
		_, ok = m.Owner(testID("pv", 3), 12)
		assert.False(t, ok)
		_, ok = m.Owner(testID("pv", 77), 0)
		assert.False(t, ok)
		assert.Empty(t, slices.Collect(m.Runs(testID("pv", 77))))
		assert.Zero(t, m.Free(testID("pv", 77))+m.Used(testID("pv", 77)))
	})
	t.Run("totals", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, Extents(60), m.FreeTotal())
		assert.Equal(t, Extents(5), m.Free(testID("pv", 0)))
		assert.Equal(t, Extents(55), m.Used(testID("pv", 0)))
		assert.Equal(t, []Run{{PV: testID("pv", 0), Start: 22, Count: 1}, {PV: testID("pv", 0), Start: 56, Count: 4}},
			slices.Collect(m.FreeRuns(testID("pv", 0))))
	})
}

func TestFirstExtentOfAStripe(t *testing.T) {
	t.Parallel()
	// With stripes of half an extent, areas 2 and 3 begin in the second one.
	vg := &metadata.VolumeGroup{ExtentSize: 8, LVs: []*metadata.LogicalVolume{
		{ID: testID("lv", 0), Segments: []metadata.Segment{stripedSegment(8, 4, areaAt(0, 0), areaAt(1, 0), areaAt(2, 0), areaAt(3, 0))}},
	}}
	for i := range 4 {
		vg.PVs = append(vg.PVs, &metadata.PhysicalVolume{ID: testID("pv", i), PECount: 2})
	}
	m := NewExtentMap(vg)
	for i, want := range []Extents{0, 0, 1, 1} {
		r, ok := m.Owner(testID("pv", i), 0)
		require.True(t, ok)
		assert.Equal(t, want, r.FirstLE)
	}
}

// A group that Validate would refuse gives a map that can be asked, and says that
// it does not know all.
func TestExtentMapOfInvalidGroups(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(vg *metadata.VolumeGroup)
	}{
		{"areas overlap", func(vg *metadata.VolumeGroup) { vg.LVs[1].Segments[0] = stripedSegment(2, 0, areaAt(0, 19)) }},
		{"area past the end", func(vg *metadata.VolumeGroup) { vg.LVs[1].Segments[0] = stripedSegment(2, 0, areaAt(0, 59)) }},
		{"area far past the end", func(vg *metadata.VolumeGroup) { vg.LVs[1].Segments[0] = stripedSegment(2, 0, areaAt(0, ^Extents(0))) }},
		{"overflow", func(vg *metadata.VolumeGroup) {
			vg.LVs[1].Segments[0] = stripedSegment(^Extents(0), 0, areaAt(0, ^Extents(0)-1))
		}},
		{"pv not there", func(vg *metadata.VolumeGroup) { vg.LVs[1].Segments[0] = stripedSegment(2, 0, areaAt(8, 0)) }},
		{"pv twice", func(vg *metadata.VolumeGroup) { vg.PVs[1].ID = vg.PVs[0].ID }},
		{"lv twice", func(vg *metadata.VolumeGroup) { vg.LVs[1].ID = vg.LVs[0].ID }},
		{"no id", func(vg *metadata.VolumeGroup) { vg.LVs[1].ID = metadata.ID{} }},
		{"no body", func(vg *metadata.VolumeGroup) { vg.LVs[1].Segments[0].Body = nil }},
		{"unknown type", func(vg *metadata.VolumeGroup) { vg.LVs[1].Segments[0].Body = &metadata.Opaque{} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vg := drawnVG()
			tt.change(vg)
			m := NewExtentMap(vg)
			assert.True(t, m.Incomplete())
			checkMap(t, m)
			_, err := m.allocate(vg, allocRequest{Extents: 1})
			require.ErrorIs(t, err, ErrOpaque)
			for _, lv := range vg.LVs {
				_, ok := m.Locate(lv.ID, ^Extents(0))
				assert.False(t, ok)
			}
		})
	}
}

// checkMap checks what must hold for any map.
func checkMap(t require.TestingT, m *ExtentMap) {
	var free Extents
	for _, p := range m.pvs {
		var next Extents
		wasFree := false
		var gaps []freeArea
		for r := range m.Runs(p.id) {
			require.Equal(t, next, r.Start)
			require.Positive(t, uint64(r.Count))
			require.False(t, wasFree && r.Free(), "free runs that meet")
			wasFree = r.Free()
			next = r.Start + r.Count
			if r.Free() {
				gaps = append(gaps, freeArea{r.Start, r.Count})
				free += r.Count
			}
		}
		require.Equal(t, p.count, next)
		slices.SortFunc(gaps, compareFree)
		require.True(t, slices.Equal(gaps, p.free), "the index of free areas is %v, the gaps are %v", p.free, gaps)
	}
	require.Equal(t, free, m.FreeTotal())
}

func TestSetLVLeavesTheMapOnErrors(t *testing.T) {
	t.Parallel()
	vg := drawnVG()
	m := NewExtentMap(vg).clone()
	before := runsOf(m)
	tests := []struct {
		name string
		lv   metadata.LogicalVolume
	}{
		{"new, the second segment in use", metadata.LogicalVolume{ID: testID("lv", 8), Segments: []metadata.Segment{
			stripedSegment(2, 0, areaAt(0, 57)), stripedSegment(2, 0, areaAt(0, 0))}}},
		{"new, its own segments overlap", metadata.LogicalVolume{ID: testID("lv", 8), Segments: []metadata.Segment{
			stripedSegment(2, 0, areaAt(0, 57)), stripedSegment(2, 0, areaAt(0, 58))}}},
		{"old, moved to extents in use", metadata.LogicalVolume{ID: vg.LVs[0].ID, Segments: []metadata.Segment{
			vg.LVs[0].Segments[0], stripedSegment(2, 128, areaAt(3, 5), areaAt(0, 20))}}},
		{"past the end", metadata.LogicalVolume{ID: testID("lv", 8), Segments: []metadata.Segment{stripedSegment(2, 0, areaAt(0, 59))}}},
		{"unknown pv", metadata.LogicalVolume{ID: testID("lv", 8), Segments: []metadata.Segment{stripedSegment(2, 0, areaAt(7, 0))}}},
		{"no id", metadata.LogicalVolume{Segments: []metadata.Segment{stripedSegment(1, 0, areaAt(0, 58))}}},
	}
	for _, tt := range tests {
		require.ErrorIs(t, m.setLV(&tt.lv), metadata.ErrInvalid, tt.name)
		assert.Equal(t, before, runsOf(m), tt.name)
		checkMap(t, m)
	}
}

func runsOf(m *ExtentMap) (runs []Run) {
	for _, p := range m.pvs {
		runs = slices.AppendSeq(runs, m.Runs(p.id))
	}
	return runs
}

func TestPhysicalVolumesComeAndGo(t *testing.T) {
	t.Parallel()
	vg := drawnVG()
	public := NewExtentMap(vg)
	m := public.clone()

	grown := *vg.PVs[3]
	grown.PECount = 20
	require.NoError(t, m.setPV(&grown))
	assert.Equal(t, Extents(19), m.Free(grown.ID))
	grown.PECount = 0
	require.ErrorIs(t, m.setPV(&grown), ErrBusy)
	require.ErrorIs(t, m.dropPV(grown.ID), ErrBusy)
	checkMap(t, m)

	m.dropLV(vg.LVs[2].ID)
	require.NoError(t, m.dropPV(grown.ID))
	assert.Zero(t, m.Free(grown.ID))
	grown.PECount = 12
	require.NoError(t, m.setPV(&grown))
	r, ok := m.Owner(grown.ID, 0)
	require.True(t, ok)
	assert.True(t, r.Held, "the data of a physical volume taken out and in again is still needed")
	checkMap(t, m)
	require.NoError(t, m.setPV(&metadata.PhysicalVolume{ID: testID("pv", 9), PECount: 7}))
	assert.Equal(t, Extents(7), m.Free(testID("pv", 9)))
	checkMap(t, m)

	assert.Equal(t, runsOf(NewExtentMap(vg)), runsOf(public), "the map it was cloned from has changed")
}

// cell is one extent in the model that the map is compared with.
type cell struct {
	lv, segment, area int // lv 0 is none
	held              bool
}

// mapModel does per extent what the map does per run.
type mapModel struct {
	cells  [][]cell
	before [][]cell // at the start of the transaction
	lvs    map[int]*metadata.LogicalVolume
}

func (m *mapModel) set(lv int, segs []metadata.Segment) {
	for p := range m.cells {
		for e := range m.cells[p] {
			if c := &m.cells[p][e]; c.lv == lv {
				*c = cell{held: m.before[p][e].lv != 0}
			}
		}
	}
	for s := range segs {
		areas := segs[s].Body.Areas()
		count := segs[s].Count
		if _, mirror := segs[s].Body.(*metadata.Mirror); !mirror {
			count /= Extents(len(areas))
		}
		for a, area := range areas {
			if area.PV.IsZero() {
				continue
			}
			for e := range count {
				m.cells[area.PV[2]-'0'][area.Start+e] = cell{lv: lv, segment: s, area: a}
			}
		}
	}
}

func copyCells(cells [][]cell) (out [][]cell) {
	for _, c := range cells {
		out = append(out, slices.Clone(c))
	}
	return out
}

func TestExtentMapAgainstExtents(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		vg := &metadata.VolumeGroup{ExtentSize: 8}
		model := mapModel{lvs: make(map[int]*metadata.LogicalVolume)}
		for i := range rapid.IntRange(1, 4).Draw(t, "pvs") {
			n := rapid.IntRange(0, 30).Draw(t, "extents")
			vg.PVs = append(vg.PVs, &metadata.PhysicalVolume{ID: testID("pv", i), PECount: Extents(n)})
			model.cells = append(model.cells, make([]cell, n))
		}
		model.before = copyCells(model.cells)
		committed := NewExtentMap(vg)
		committedRuns := runsOf(committed)
		m := committed.clone()
		next := 1
		t.Repeat(map[string]func(*rapid.T){
			"add":     func(t *rapid.T) { model.change(t, m, next, nil); next++ },
			"change":  func(t *rapid.T) { id := model.pick(t); model.change(t, m, id, model.lvs[id].Segments) },
			"rename":  func(t *rapid.T) { model.rename(t, m) },
			"remove":  func(t *rapid.T) { model.remove(t, m) },
			"restore": func(t *rapid.T) { model.restore(t, m) },
			"commit": func(*rapid.T) {
				committed = m.settled()
				m = committed.clone()
				committedRuns = runsOf(committed)
				model.commit()
			},
			"": func(t *rapid.T) {
				checkMap(t, m)
				require.Equal(t, committedRuns, runsOf(committed), "the map before the transaction has changed")
				model.check(t, m)
			},
		})
	})
}

func (m *mapModel) pick(t *rapid.T) int {
	if len(m.lvs) == 0 {
		t.Skip("no logical volume")
	}
	ids := make([]int, 0, len(m.lvs))
	for id := range m.lvs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(t, "lv")
}

// change gives a logical volume some of its segments, and some new ones in free
// extents.
func (m *mapModel) change(t *rapid.T, emap *ExtentMap, lv int, segs []metadata.Segment) {
	segs = slices.Clone(segs[:rapid.IntRange(0, len(segs)).Draw(t, "keep")])
	after := mapModel{cells: copyCells(m.cells), before: m.before}
	after.set(lv, segs)
	for range rapid.IntRange(0, 3).Draw(t, "new") {
		var areas []metadata.Area
		most := Extents(5)
		for range rapid.IntRange(1, 3).Draw(t, "stripes") {
			p := rapid.IntRange(0, len(m.cells)-1).Draw(t, "pv")
			if len(m.cells[p]) == 0 {
				return
			}
			start := rapid.IntRange(0, len(m.cells[p])-1).Draw(t, "start")
			n := Extents(0)
			for e := start; e < len(m.cells[p]) && after.cells[p][e] == (cell{}); e++ {
				n++
			}
			if slices.ContainsFunc(areas, func(a metadata.Area) bool { return a.PV == testID("pv", p) }) {
				continue
			}
			most = min(most, n)
			areas = append(areas, areaAt(p, Extents(start)))
		}
		if most == 0 {
			continue
		}
		seg := stripedSegment(most*Extents(len(areas)), 8, areas...)
		if len(segs) > 0 {
			last := segs[len(segs)-1]
			seg.Start = last.Start + last.Count
		}
		segs = append(segs, seg)
		after.set(lv, segs)
	}
	rec := &metadata.LogicalVolume{Name: fmt.Sprint("n", lv), ID: testID("lv", lv), Segments: segs}
	require.NoError(t, emap.setLV(rec))
	m.cells = after.cells
	m.lvs[lv] = rec
}

func (m *mapModel) rename(t *rapid.T, emap *ExtentMap) {
	id := m.pick(t)
	rec := *m.lvs[id]
	rec.Name += "x"
	require.NoError(t, emap.setLV(&rec))
	m.lvs[id] = &rec
}

func (m *mapModel) remove(t *rapid.T, emap *ExtentMap) {
	id := m.pick(t)
	m.set(id, nil)
	emap.dropLV(m.lvs[id].ID)
	delete(m.lvs, id)
}

// restore takes out a logical volume and puts it back: held extents may be given
// to a caller that knows what it does.
func (m *mapModel) restore(t *rapid.T, emap *ExtentMap) {
	id := m.pick(t)
	emap.dropLV(m.lvs[id].ID)
	require.NoError(t, emap.setLV(m.lvs[id]))
}

func (m *mapModel) commit() {
	for p := range m.cells {
		for e := range m.cells[p] {
			m.cells[p][e].held = false
		}
	}
	m.before = copyCells(m.cells)
}

func (m *mapModel) check(t *rapid.T, emap *ExtentMap) {
	for p := range m.cells {
		for e, c := range m.cells[p] {
			r, ok := emap.Owner(testID("pv", p), Extents(e))
			require.True(t, ok)
			require.True(t, r.Start <= Extents(e) && Extents(e) < r.Start+r.Count)
			require.Equal(t, c.held, r.Held)
			if c.lv == 0 {
				require.True(t, r.LV.IsZero())
				continue
			}
			require.Equal(t, m.lvs[c.lv].ID, r.LV)
			require.Equal(t, m.lvs[c.lv].Name, r.LVName)
			require.Equal(t, [2]int{c.segment, c.area}, [2]int{r.Segment, r.Area})
		}
	}
	for id, lv := range m.lvs {
		for s, seg := range lv.Segments {
			for le := range seg.Count {
				loc, ok := emap.Locate(lv.ID, seg.Start+le)
				require.True(t, ok)
				require.Equal(t, s, loc.Segment)
				for a, area := range loc.Areas {
					if area.PV.IsZero() {
						continue
					}
					require.Equal(t, cell{lv: id, segment: s, area: a}, m.cells[area.PV[2]-'0'][area.Start])
				}
			}
		}
	}
}

// A caller may change the transaction while it goes through the runs.
func TestRunsStayWhileTheTransactionGoesOn(t *testing.T) {
	t.Parallel()
	vg := drawnVG()
	m := NewExtentMap(vg).clone()
	require.NoError(t, m.setLV(&metadata.LogicalVolume{ID: testID("lv", 8), Segments: []metadata.Segment{stripedSegment(1, 0, areaAt(0, 22))}}))
	want := slices.Collect(m.Runs(testID("pv", 0)))
	var got []Run
	for r := range m.Runs(testID("pv", 0)) {
		for _, lv := range vg.LVs {
			m.dropLV(lv.ID)
		}
		m.dropLV(testID("lv", 8))
		got = append(got, r)
	}
	require.Len(t, got, len(want))
	for i := range want {
		assert.Equal(t, [2]Extents{want[i].Start, want[i].Count}, [2]Extents{got[i].Start, got[i].Count})
	}
}
