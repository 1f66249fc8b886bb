package lvm

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/metadata"
)

// stackedVG has extents of 8 sectors (4 KiB), a striped volume over a linear one
// and a PV, zeroes, errors, and what cannot be mapped.
func stackedVG() *metadata.VolumeGroup {
	vg := &metadata.VolumeGroup{ExtentSize: 8}
	for i := range 3 {
		vg.PVs = append(vg.PVs, &metadata.PhysicalVolume{ID: testID("pv", i), PEStart: Sectors(2048 + i), PECount: 100})
	}
	virtual := func(start, count Extents, kind string) metadata.Segment {
		return metadata.Segment{Start: start, Count: count, Type: kind, Body: &metadata.Virtual{}}
	}
	in := func(s metadata.Segment, start Extents) metadata.Segment { s.Start, s.Type = start, "striped"; return s }
	lower := metadata.Area{LV: testID("lv", 0), Start: 1}
	vg.LVs = []*metadata.LogicalVolume{
		{Name: "lower", ID: testID("lv", 0), Segments: []metadata.Segment{in(stripedSegment(3, 0, areaAt(0, 10)), 0), in(stripedSegment(4, 0, areaAt(1, 5)), 3)}},
		{Name: "upper", ID: testID("lv", 1), Segments: []metadata.Segment{
			in(stripedSegment(8, 2, lower, areaAt(2, 0)), 0), virtual(8, 2, "zero"), virtual(10, 1, "zero+X"), virtual(11, 1, "error"),
			in(stripedSegment(1, 0, areaAt(2, 50)), 12)}},
		{Name: "loop", ID: testID("lv", 2), Segments: []metadata.Segment{in(stripedSegment(1, 0, metadata.Area{LV: testID("lv", 2)}), 0)}},
		{Name: "opaque", ID: testID("lv", 3), Segments: []metadata.Segment{in(stripedSegment(1, 0, areaAt(2, 60)), 0),
			{Start: 1, Count: 1, Type: "vdo", Body: &metadata.Opaque{}}}},
		{Name: "dangling", ID: testID("lv", 4), Segments: []metadata.Segment{in(stripedSegment(1, 0, metadata.Area{LV: testID("lv", 9)}), 0)}},
		{Name: "nowhere", ID: testID("lv", 5), Segments: []metadata.Segment{in(stripedSegment(1, 0, areaAt(9, 0)), 0)}},
		{Name: "beyond", ID: testID("lv", 6), Segments: []metadata.Segment{in(stripedSegment(2, 0, areaAt(0, 99)), 0)}},
		{Name: "unstriped", ID: testID("lv", 7), Segments: []metadata.Segment{in(stripedSegment(2, 0, areaAt(0, 90), areaAt(1, 90)), 0)}},
	}
	return vg
}

func TestMapBytes(t *testing.T) {
	t.Parallel()
	m := NewExtentMap(stackedVG())
	const extent = 4096
	pv := func(n int, lv, length Bytes, extents, in Bytes) Piece {
		return Piece{LVOffset: lv, Length: length, PV: testID("pv", n), Offset: Bytes(2048+n)*512 + extents*extent + in}
	}
	tests := []struct {
		name           string
		lv             int
		offset, length Bytes
		want           []Piece
		err            error
	}{
		{"nothing", 0, 0, 0, nil, nil},
		{"over the border of segments", 0, 2*extent + 7, 2 * extent, []Piece{pv(0, 2*extent+7, extent-7, 12, 7), pv(1, 3*extent, extent+7, 5, 0)}, nil},
		{"stripes, one of them in another volume", 1, 512, 2048, []Piece{pv(0, 512, 512, 11, 512), pv(2, 1024, 1024, 0, 0), pv(0, 2048, 512, 11, 1024)}, nil},
		{"zeroes are one piece, errors another", 1, 8 * extent, 5 * extent, []Piece{
			{LVOffset: 8 * extent, Length: 3 * extent, Zero: true}, {LVOffset: 11 * extent, Length: extent, Error: true}, pv(2, 12*extent, extent, 50, 0)}, nil},
		{"past the end", 0, 6 * extent, 2 * extent, []Piece{pv(1, 6*extent, extent, 8, 0)}, ErrOutOfRange},
		{"far past the end", 0, ^Bytes(0) - 1, 1, nil, ErrOutOfRange},
		{"no such volume", 8, 0, 1, nil, ErrLVNotFound},
		{"a volume in itself", 2, 0, 1, nil, metadata.ErrInvalid},
		{"up to a segment of unknown type", 3, 0, 2 * extent, []Piece{pv(2, 0, extent, 60, 0)}, ErrOpaque},
		{"an area in no volume", 4, 0, 1, nil, ErrLVNotFound},
		{"an area on no PV", 5, 0, 1, nil, ErrPVNotFound},
		{"an area past its PV's end", 6, 0, 2 * extent, nil, metadata.ErrInvalid},
		{"stripes of no size", 7, 0, 1, nil, metadata.ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []Piece
			var err error
			for p, e := range m.Map(testID("lv", tt.lv), tt.offset, tt.length) {
				require.NoError(t, err, "something follows the error")
				if err = e; err == nil {
					got = append(got, p)
				}
			}
			assert.Equal(t, tt.want, got)
			require.ErrorIs(t, err, tt.err)
			if tt.err != nil {
				var at *MapError
				require.ErrorAs(t, err, &at)
				assert.NotEmpty(t, at.LV)
				assert.Contains(t, at.Error(), fmt.Sprintf("lv %s: byte %d: ", at.LV, uint64(at.Offset)))
			}
		})
	}
}

func TestMapStopsWhenAsked(t *testing.T) {
	t.Parallel()
	n := 0
	for range NewExtentMap(stackedVG()).Map(testID("lv", 1), 0, 8*4096) {
		if n++; n == 3 {
			break
		}
	}
	assert.Equal(t, 3, n)
}

// byteAt says where a byte of a volume is, by the definition of the segment types.
func byteAt(vg *metadata.VolumeGroup, lv metadata.ID, at Bytes) (pv metadata.ID, offset Bytes) {
	extent := Bytes(vg.ExtentSize) * 512
	for _, l := range vg.LVs {
		if l.ID != lv {
			continue
		}
		for _, s := range l.Segments {
			if at < Bytes(s.Start)*extent || at >= Bytes(s.Start+s.Count)*extent {
				continue
			}
			b := s.Body.(*metadata.Striped)
			n, in := Bytes(len(b.Stripes)), at-Bytes(s.Start)*extent
			chunk := Bytes(b.StripeSize) * 512
			if n == 1 {
				chunk = extent
			}
			a := b.Stripes[in/chunk%n]
			to := Bytes(a.Start)*extent + in/chunk/n*chunk + in%chunk
			if !a.LV.IsZero() {
				return byteAt(vg, a.LV, to)
			}
			for _, p := range vg.PVs {
				if p.ID == a.PV {
					return p.ID, Bytes(p.PEStart)*512 + to
				}
			}
		}
	}
	return metadata.ID{}, 0
}

func TestMapAgainstBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		vg := &metadata.VolumeGroup{ExtentSize: rapid.SampledFrom([]Sectors{1, 2, 6, 8}).Draw(t, "extent size")}
		const pvs = 5
		for i := range pvs {
			vg.PVs = append(vg.PVs, &metadata.PhysicalVolume{ID: testID("pv", i), PEStart: Sectors(i * 3), PECount: 1000})
		}
		used := Extents(0)
		for i := range rapid.IntRange(1, 3).Draw(t, "lvs") {
			lv := &metadata.LogicalVolume{Name: fmt.Sprint(i), ID: testID("lv", i)}
			var le Extents
			for range rapid.IntRange(1, 4).Draw(t, "segments") {
				n := rapid.IntRange(1, 4).Draw(t, "stripes")
				length := Extents(rapid.IntRange(1, 5).Draw(t, "length"))
				var areas []metadata.Area
				for s := range n {
					if i > 0 && rapid.IntRange(0, 3).Draw(t, "stacked") == 0 {
						if below := vg.LVs[i-1]; below.Segments[0].Count >= length {
							areas = append(areas, metadata.Area{LV: below.ID})
							continue
						}
					}
					areas = append(areas, areaAt(s, used))
				}
				used += length
				seg := stripedSegment(length*Extents(n), rapid.SampledFrom([]Sectors{1, 2}).Draw(t, "stripe size"), areas...)
				if vg.ExtentSize == 1 && n > 1 {
					seg.Body.(*metadata.Striped).StripeSize = 1
				}
				seg.Start = le
				le += seg.Count
				lv.Segments = append(lv.Segments, seg)
			}
			vg.LVs = append(vg.LVs, lv)
		}
		m := NewExtentMap(vg)
		lv := vg.LVs[len(vg.LVs)-1]
		last := lv.Segments[len(lv.Segments)-1]
		size := Bytes(last.Start+last.Count) * Bytes(vg.ExtentSize) * 512
		offset := Bytes(rapid.Uint64Range(0, uint64(size)).Draw(t, "offset"))
		length := Bytes(rapid.Uint64Range(0, uint64(size-offset)).Draw(t, "count"))
		next := offset
		var before Piece
		for p, err := range m.Map(lv.ID, offset, length) {
			require.NoError(t, err)
			require.Equal(t, next, p.LVOffset)
			require.Positive(t, uint64(p.Length))
			require.False(t, next > offset && before.PV == p.PV && before.Offset+before.Length == p.Offset, "pieces that should be one")
			// All the bytes where something can change, and both ends.
			for _, in := range []Bytes{0, p.Length / 2, p.Length - 1} {
				pv, at := byteAt(vg, lv.ID, p.LVOffset+in)
				require.Equal(t, pv, p.PV)
				require.Equal(t, at, p.Offset+in)
			}
			for in := Bytes(0); in < p.Length; in += 512 {
				pv, at := byteAt(vg, lv.ID, p.LVOffset+in)
				require.Equal(t, pv, p.PV)
				require.Equal(t, at, p.Offset+in)
			}
			next, before = next+p.Length, p
		}
		require.Equal(t, offset+length, next)
	})
}
