package lvm

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/internal/corpus"
	"github.com/lvm-go/lvm/metadata"
)

// areaIn is an area in a logical volume.
func areaIn(lv int, start Extents) metadata.Area {
	return metadata.Area{LV: testID("lv", lv), Start: start}
}

func mirrorSegment(start, count, moved Extents, legs ...metadata.Area) metadata.Segment {
	return metadata.Segment{Start: start, Count: count, Type: "mirror", Body: &metadata.Mirror{Legs: legs, Moved: moved, RegionSize: 8}}
}

// mirroredVG has extents of 8 sectors (4 KiB), a volume that is being moved with
// a stripe that is not, the move, an atomic one with its legs, a mirror, and a
// snapshot.
func mirroredVG() *metadata.VolumeGroup {
	vg := &metadata.VolumeGroup{Name: "vg", ExtentSize: 8}
	for i := range 3 {
		vg.PVs = append(vg.PVs, &metadata.PhysicalVolume{ID: testID("pv", i), PEStart: 2048, PECount: 100})
	}
	lv := func(n int, name string, segs ...metadata.Segment) {
		vg.LVs = append(vg.LVs, &metadata.LogicalVolume{Name: name, ID: testID("lv", n), Segments: segs})
	}
	at := func(start Extents, s metadata.Segment) metadata.Segment { s.Start = start; return s }
	lv(0, "user", stripedSegment(8, 8, areaIn(1, 2), areaAt(2, 50)), at(8, stripedSegment(2, 0, areaIn(1, 0))))
	lv(1, "pvmove0", mirrorSegment(0, 2, 2, areaAt(0, 0), areaAt(1, 0)), mirrorSegment(2, 4, 3, areaAt(0, 2), areaAt(1, 10)))
	vg.LVs[1].Status = metadata.LVPvmove | metadata.LVLocked
	lv(2, "pvmove1_mimage_0", stripedSegment(3, 0, areaAt(0, 20)))
	lv(3, "pvmove1_mimage_1", stripedSegment(3, 0, areaAt(1, 20)))
	lv(4, "pvmove1", mirrorSegment(0, 3, 3, areaIn(2, 0), areaIn(3, 0)))
	vg.LVs[4].Status = metadata.LVPvmove
	lv(5, "atomic", stripedSegment(3, 0, areaIn(4, 0)))
	lv(6, "mirror_mimage_0", stripedSegment(2, 0, areaAt(0, 30)))
	lv(7, "mirror_mimage_1", stripedSegment(2, 0, areaAt(1, 30)))
	lv(8, "mirror", mirrorSegment(0, 2, 0, areaIn(6, 0), areaIn(7, 0)))
	lv(9, "snapshot0", metadata.Segment{Count: 3, Type: "snapshot", Body: &metadata.Snapshot{
		ChunkSize: 8, Origin: testID("lv", 5), COW: testID("lv", 2),
	}})
	return vg
}

// A move occupies the extents that it moves, where they are and where they go.
func TestExtentsOfMirrors(t *testing.T) {
	t.Parallel()
	m := NewExtentMap(mirroredVG())
	require.False(t, m.Incomplete())
	checkMap(t, m)
	move := func(pv int, start, count, first Extents, segment, area int) Run {
		return Run{PV: testID("pv", pv), Start: start, Count: count, LV: testID("lv", 1), LVName: "pvmove0",
			Segment: segment, Area: area, FirstLE: first}
	}
	assert.Equal(t, []Run{
		move(0, 0, 2, 0, 0, 0), move(0, 2, 4, 2, 1, 0), {PV: testID("pv", 0), Start: 6, Count: 14},
	}, slices.Collect(m.Runs(testID("pv", 0)))[:3])
	assert.Equal(t, []Run{
		move(1, 0, 2, 0, 0, 1), {PV: testID("pv", 1), Start: 2, Count: 8}, move(1, 10, 4, 2, 1, 1),
	}, slices.Collect(m.Runs(testID("pv", 1)))[:3])
	for pv, free := range []Extents{100 - 6 - 3 - 2, 100 - 6 - 3 - 2, 96} {
		assert.Equal(t, free, m.Free(testID("pv", pv)))
	}

	for _, test := range []struct {
		name string
		lv   int
		le   Extents
		want Location
	}{
		{"moved", 1, 1, Location{Type: "mirror", Areas: []metadata.Area{areaAt(0, 1), areaAt(1, 1)}, Leg: 1}},
		{"being copied", 1, 5, Location{Segment: 1, Type: "mirror", Areas: []metadata.Area{areaAt(0, 5), areaAt(1, 13)}}},
		{"of a user", 0, 9, Location{Segment: 1, Type: "striped", Areas: []metadata.Area{areaIn(1, 1)}}},
		{"atomic", 4, 2, Location{Type: "mirror", Areas: []metadata.Area{areaIn(2, 2), areaIn(3, 2)}, Leg: 1}},
		{"mirror", 8, 1, Location{Type: "mirror", Areas: []metadata.Area{areaIn(6, 1), areaIn(7, 1)}}},
		{"tie of a snapshot", 9, 2, Location{Type: "snapshot"}},
	} {
		got, ok := m.Locate(testID("lv", test.lv), test.le)
		require.True(t, ok, test.name)
		assert.Equal(t, test.want, got, test.name)
	}
}

// What is read of a move is read where it is.
func TestMapOfMirrors(t *testing.T) {
	t.Parallel()
	m := NewExtentMap(mirroredVG())
	const extent = 4096
	pv := func(n int, lv, length, extents Bytes) Piece {
		return Piece{LVOffset: lv * extent, Length: length * extent, PV: testID("pv", n), Offset: 2048*512 + extents*extent}
	}
	for _, test := range []struct {
		name           string
		lv             int
		offset, length Bytes
		want           []Piece
		err            error
	}{
		{"stripe on a move", 0, 0, 4, []Piece{pv(0, 0, 1, 2), pv(2, 1, 1, 50), pv(0, 2, 1, 3), pv(2, 3, 1, 51)}, nil},
		{"moved", 0, 8, 2, []Piece{pv(1, 8, 2, 0)}, nil},
		{"over the border of done", 1, 1, 3, []Piece{pv(1, 1, 1, 1), pv(0, 2, 2, 2)}, nil},
		{"atomic", 5, 0, 3, []Piece{pv(1, 0, 3, 20)}, nil},
		{"mirror", 8, 0, 2, []Piece{pv(0, 0, 2, 30)}, nil},
		{"tie of a snapshot", 9, 0, 1, nil, ErrUnsupported},
	} {
		var got []Piece
		var err error
		for p, e := range m.Map(testID("lv", test.lv), test.offset*extent, test.length*extent) {
			if err = e; err == nil {
				got = append(got, p)
			}
		}
		require.ErrorIs(t, err, test.err, test.name)
		assert.Equal(t, test.want, got, test.name)
	}

	broken := mirroredVG()
	broken.LVs[1].Segments[0] = mirrorSegment(0, 2, 2, areaAt(0, 0))
	for _, err := range NewExtentMap(broken).Map(testID("lv", 1), 0, 1) {
		require.ErrorIs(t, err, metadata.ErrInvalid)
	}
}

// moveModel is a group whose linear volumes are moved about, and where each of
// their extents has its data.
type moveModel struct {
	mapModel
	emap *ExtentMap
	data map[int][]metadata.Area // of each volume, the place of each extent
}

const moveLV = 9 // number of the volume of the move

// put changes a volume in the model and the map.
func (m *moveModel) put(t *rapid.T, lv int, segs []metadata.Segment) {
	rec := &metadata.LogicalVolume{Name: testID("lv", lv).String(), ID: testID("lv", lv), Segments: segs}
	require.NoError(t, m.emap.setLV(rec))
	m.set(lv, segs)
	m.lvs[lv] = rec
}

// start begins to move some segments of a volume to free extents, with one
// segment of the move for each.
func (m *moveModel) start(t *rapid.T) {
	if m.lvs[moveLV] != nil {
		t.Skip("there is a move already")
	}
	users := make([]int, 0, len(m.lvs))
	for id := range m.lvs {
		users = append(users, id)
	}
	slices.Sort(users)
	user := rapid.SampledFrom(users).Draw(t, "lv")
	segs := slices.Clone(m.lvs[user].Segments)
	var move []metadata.Segment
	var next Extents
	cells := copyCells(m.cells)
	for i := range segs {
		count := segs[i].Count
		to, start, ok := m.freeRun(t, cells, count)
		if !ok || !rapid.Bool().Draw(t, "take") {
			continue
		}
		for e := range count {
			cells[to][start+e] = cell{lv: moveLV}
		}
		move = append(move, mirrorSegment(next, count, 0, segs[i].Body.Areas()[0], areaAt(to, start)))
		seg := stripedSegment(count, 0, areaIn(moveLV, next))
		seg.Start = segs[i].Start
		segs[i], next = seg, next+count
	}
	if len(move) == 0 {
		t.Skip("nothing to move, or nowhere")
	}
	m.put(t, user, segs)
	m.put(t, moveLV, move)
}

// freeRun returns where there are so many free extents together.
func (m *moveModel) freeRun(t *rapid.T, cells [][]cell, count Extents) (pv int, start Extents, ok bool) {
	type place struct {
		pv    int
		start Extents
	}
	var places []place
	for p := range cells {
		for s := range cells[p] {
			if end := s + int(count); end <= len(cells[p]) && !slices.ContainsFunc(cells[p][s:end], func(c cell) bool { return c != cell{} }) {
				places = append(places, place{p, Extents(s)})
			}
		}
	}
	if len(places) == 0 {
		return 0, 0, false
	}
	at := rapid.SampledFrom(places).Draw(t, "to")
	return at.pv, at.start, true
}

// advance notes that the first segment that was not moved, is.
func (m *moveModel) advance(t *rapid.T) {
	if m.lvs[moveLV] == nil {
		t.Skip("there is no move")
	}
	segs := slices.Clone(m.lvs[moveLV].Segments)
	for i := range segs {
		b := *segs[i].Body.(*metadata.Mirror)
		if b.Moved == segs[i].Count {
			continue
		}
		b.Moved = segs[i].Count
		segs[i].Body = &b
		for _, places := range m.data {
			for le := range places {
				if from := b.Legs[0]; places[le].PV == from.PV && places[le].Start >= from.Start && places[le].Start-from.Start < b.Moved {
					places[le] = metadata.Area{PV: b.Legs[1].PV, Start: b.Legs[1].Start + places[le].Start - from.Start}
				}
			}
		}
		break
	}
	m.put(t, moveLV, segs)
}

// end takes the move away: what was moved stays where it went to, and the rest
// where it came from.
func (m *moveModel) end(t *rapid.T) {
	move := m.lvs[moveLV]
	if move == nil {
		t.Skip("there is no move")
	}
	m.set(moveLV, nil)
	m.emap.dropLV(move.ID)
	delete(m.lvs, moveLV)
	for id, lv := range m.lvs {
		segs := slices.Clone(lv.Segments)
		for i := range segs {
			a := segs[i].Body.Areas()[0]
			if a.LV != move.ID {
				continue
			}
			s, _ := findSegment(move.Segments, a.Start)
			seg := &move.Segments[s]
			seg2 := stripedSegment(segs[i].Count, 0, seg.Body.Areas()[readLeg(seg, seg.Body.(*metadata.Mirror))])
			seg2.Start = segs[i].Start
			segs[i] = seg2
		}
		m.put(t, id, segs)
	}
}

// However moves come and go, the map knows which extents are in use, and where
// the data is.
func TestExtentMapOfMoves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		vg := &metadata.VolumeGroup{ExtentSize: 8}
		m := &moveModel{mapModel: mapModel{lvs: map[int]*metadata.LogicalVolume{}}, data: map[int][]metadata.Area{}}
		for i := range 3 {
			vg.PVs = append(vg.PVs, &metadata.PhysicalVolume{ID: testID("pv", i), PEStart: Sectors(8 * i), PECount: 12})
			m.cells = append(m.cells, make([]cell, 12))
		}
		m.before = copyCells(m.cells)
		committed := NewExtentMap(vg)
		m.emap = committed.clone()
		for lv := 1; lv <= 2; lv++ {
			var segs []metadata.Segment
			var next Extents
			cells := copyCells(m.cells)
			for range rapid.IntRange(1, 3).Draw(t, "segments") {
				count := Extents(rapid.IntRange(1, 3).Draw(t, "count"))
				pv, start, _ := m.freeRun(t, cells, count) // six short runs leave room everywhere
				for e := range count {
					cells[pv][start+e] = cell{lv: lv}
					m.data[lv] = append(m.data[lv], areaAt(pv, start+e))
				}
				seg := stripedSegment(count, 0, areaAt(pv, start))
				seg.Start = next
				segs, next = append(segs, seg), next+count
			}
			m.put(t, lv, segs)
		}
		commit := func(*rapid.T) {
			committed = m.emap.settled()
			m.emap = committed.clone()
			m.commit()
		}
		commit(t)
		t.Repeat(map[string]func(*rapid.T){
			"start":   m.start,
			"advance": m.advance,
			"end":     m.end,
			"commit":  commit,
			"": func(t *rapid.T) {
				checkMap(t, m.emap)
				m.check(t, m.emap)
				for lv, places := range m.data {
					for le, place := range places {
						pieces := 0
						for p, err := range m.emap.Map(testID("lv", lv), Bytes(le)*4096, 4096) {
							require.NoError(t, err)
							start, _ := vg.PVs[place.PV[2]-'0'].PEStart.Bytes()
							require.Equal(t, Piece{LVOffset: Bytes(le) * 4096, Length: 4096, PV: place.PV, Offset: start + Bytes(place.Start)*4096}, p)
							pieces++
						}
						require.Equal(t, 1, pieces)
					}
				}
			},
		})
	})
}

// The free extents of groups that lvm2 wrote with moves and snapshots are those
// that it says.
func TestFreeExtentsBesideMirrors(t *testing.T) {
	t.Parallel()
	looked := 0
	recorded := readReports(t)
	for _, c := range corpus.Cases(t) {
		for _, text := range c.Backups(t) {
			doc, err := metadata.DecodeDocument(text)
			require.NoError(t, err)
			if len(doc.VG.OpaqueTypes()) > 0 {
				continue
			}
			m := NewExtentMap(doc.VG)
			require.False(t, m.Incomplete(), c.Name)
			for _, pv := range doc.VG.PVs {
				row := find(recorded[c.Name].PV, lvm2Row{"pv_uuid": pv.ID.String()})
				if row == nil {
					continue // it was taken away
				}
				looked++
				assert.Equal(t, row["pv_pe_alloc_count"], fmt.Sprint(uint64(m.Used(pv.ID))), "%s %s", c.Name, pv.Device)
			}
		}
	}
	assert.Greater(t, looked, 150)
}
