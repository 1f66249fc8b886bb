package lvm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/metadata"
)

// testdata/alloc holds what lvm2 2.03.16 did; see lvm2Case for its form.
func TestAllocatesLikeLVM2(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "alloc", "*.txt"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		f, err := os.Open(file)
		require.NoError(t, err)
		cases, err := parseLVM2Cases(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.NotEmpty(t, cases)
		for _, c := range cases {
			t.Run(fmt.Sprintf("%s %d", filepath.Base(file), c.Seed), func(t *testing.T) {
				t.Parallel()
				for _, d := range c.replay() {
					t.Error(d)
				}
			})
		}
	}
}

// pvsOf makes a group of physical volumes that may be allocated from.
func pvsOf(extents ...Extents) *metadata.VolumeGroup {
	vg := &metadata.VolumeGroup{Name: "vg0", ExtentSize: MiB.Sectors()}
	for i, n := range extents {
		vg.PVs = append(vg.PVs, &metadata.PhysicalVolume{ID: testID("pv", i), Device: fmt.Sprintf("/dev/sd%c", 'a'+i),
			Status: metadata.PVAllocatable, PECount: n})
	}
	return vg
}

func TestAllocateRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(vg *metadata.VolumeGroup)
		r      allocRequest
		want   error
		short  *SpaceError
	}{
		{"no extents", nil, allocRequest{}, ErrInvalidSize, nil},
		{"not a multiple of the stripes", nil, allocRequest{Extents: 5, Stripes: 2}, ErrInvalidSize, nil},
		{"more than any volume can have", nil, allocRequest{Extents: 1 << 32}, ErrInvalidSize, nil},
		{"too many", nil, allocRequest{Name: "lv0", Extents: 31}, ErrNoSpace,
			&SpaceError{VG: "vg0", LV: "lv0", Policy: metadata.AllocNormal, Stripes: 1, Need: 31, Free: 30, Largest: 20,
				PVs: []PVSpace{{"/dev/sda", 10, 10}, {"/dev/sdb", 20, 20}}}},
		{"more stripes than physical volumes", nil, allocRequest{Extents: 3, Stripes: 3}, ErrNoSpace,
			&SpaceError{VG: "vg0", Policy: metadata.AllocNormal, Stripes: 3, Need: 3, Free: 30, Largest: 20,
				PVs: []PVSpace{{"/dev/sda", 10, 10}, {"/dev/sdb", 20, 20}}}},
		{"not contiguous", nil, allocRequest{Extents: 21, Policy: metadata.AllocContiguous}, ErrNoSpace,
			&SpaceError{VG: "vg0", Policy: metadata.AllocContiguous, Stripes: 1, Need: 21, Free: 30, Largest: 20,
				PVs: []PVSpace{{"/dev/sda", 10, 10}, {"/dev/sdb", 20, 20}}}},
		{"not in the ranges", nil, allocRequest{Extents: 9, PVs: []allocPV{{testID("pv", 1), []PERange{{2, 3}, {7, 5}}}}}, ErrNoSpace,
			&SpaceError{VG: "vg0", Policy: metadata.AllocNormal, Stripes: 1, Need: 9, Free: 8, Largest: 5,
				PVs: []PVSpace{{"/dev/sdb", 8, 5}}}},
		{"not allocatable", func(vg *metadata.VolumeGroup) { vg.PVs[1].Status = 0 }, allocRequest{Extents: 11}, ErrNoSpace,
			&SpaceError{VG: "vg0", Policy: metadata.AllocNormal, Stripes: 1, Need: 11, Free: 10, Largest: 10, PVs: []PVSpace{{"/dev/sda", 10, 10}}}},
		{"missing", func(vg *metadata.VolumeGroup) { vg.PVs[1].Status |= metadata.PVMissing }, allocRequest{Extents: 11}, ErrNoSpace,
			&SpaceError{VG: "vg0", Policy: metadata.AllocNormal, Stripes: 1, Need: 11, Free: 10, Largest: 10, PVs: []PVSpace{{"/dev/sda", 10, 10}}}},
		{"exported", func(vg *metadata.VolumeGroup) { vg.PVs[1].Status |= metadata.PVExported }, allocRequest{Extents: 11}, ErrNoSpace,
			&SpaceError{VG: "vg0", Policy: metadata.AllocNormal, Stripes: 1, Need: 11, Free: 10, Largest: 10, PVs: []PVSpace{{"/dev/sda", 10, 10}}}},
		{"parallel to others", nil, allocRequest{Extents: 11, Parts: []allocPart{{11, []metadata.ID{testID("pv", 1)}}}}, ErrNoSpace,
			&SpaceError{VG: "vg0", Policy: metadata.AllocNormal, Stripes: 1, Need: 11, Free: 10, Largest: 10, PVs: []PVSpace{{"/dev/sda", 10, 10}}}},
		{"a wish for what is not there at all", nil, allocRequest{Extents: 3, Stripes: 3, Partial: true}, ErrNoSpace,
			&SpaceError{VG: "vg0", Policy: metadata.AllocNormal, Stripes: 3, Need: 3, Free: 30, Largest: 20,
				PVs: []PVSpace{{"/dev/sda", 10, 10}, {"/dev/sdb", 20, 20}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vg := pvsOf(10, 20)
			if tt.change != nil {
				tt.change(vg)
			}
			pieces, err := NewExtentMap(vg).allocate(vg, tt.r)
			assert.Nil(t, pieces)
			require.ErrorIs(t, err, tt.want)
			var short *SpaceError
			if require.Equal(t, tt.short != nil, errors.As(err, &short)); tt.short != nil {
				assert.Equal(t, tt.short, short)
			}
		})
	}
}

func TestApartIsIgnoredUnderAnywhere(t *testing.T) {
	t.Parallel()
	vg := pvsOf(10)
	pieces, err := NewExtentMap(vg).allocate(vg, allocRequest{Extents: 10, Policy: metadata.AllocAnywhere,
		Parts: []allocPart{{10, []metadata.ID{testID("pv", 0)}}}})
	require.NoError(t, err)
	assert.Equal(t, []allocPiece{{10, []metadata.Area{areaAt(0, 0)}}}, pieces)
}

func TestSpaceErrorText(t *testing.T) {
	t.Parallel()
	e := &SpaceError{VG: "vg0", LV: "lv0", Policy: metadata.AllocNormal, Stripes: 2, Need: 40, Free: 30, Largest: 20,
		PVs: []PVSpace{{"/dev/sda", 10, 10}, {"/dev/sdb", 20, 20}}}
	assert.Equal(t, "vg vg0: lv lv0: need 40 extents in 2 stripes (policy normal), 30 free, largest area 20;"+
		" /dev/sda: 10 free, largest area 10; /dev/sdb: 20 free, largest area 20", e.Error())
	for range 20 {
		e.PVs = append(e.PVs, PVSpace{"/dev/sdc", 0, 0})
	}
	assert.Contains(t, e.Error(), "; 14 more")
}

// What a transaction frees still holds data that the committed metadata refers to.
func TestFreedExtentsAreNotAllocatedInTheSameTransaction(t *testing.T) {
	t.Parallel()
	vg := pvsOf(10)
	vg.LVs = []*metadata.LogicalVolume{{Name: "old", ID: testID("lv", 0), Segments: []metadata.Segment{stripedSegment(6, 0, areaAt(0, 2))}}}
	m := NewExtentMap(vg).clone()
	m.dropLV(testID("lv", 0))

	pieces, err := m.allocate(vg, allocRequest{Extents: 4})
	require.NoError(t, err)
	assert.Equal(t, []allocPiece{{2, []metadata.Area{areaAt(0, 0)}}, {2, []metadata.Area{areaAt(0, 8)}}}, pieces)
	_, err = m.allocate(vg, allocRequest{Extents: 5})
	require.ErrorIs(t, err, ErrNoSpace)

	t.Run("but what it took itself can be taken again", func(t *testing.T) {
		m := m.clone()
		m.base = NewExtentMap(vg)
		lv := &metadata.LogicalVolume{Name: "new", ID: testID("lv", 1)}
		lv.Segments = appendSegments(lv, pieces, 0)
		require.NoError(t, m.setLV(lv))
		m.dropLV(lv.ID)
		again, err := m.allocate(vg, allocRequest{Extents: 4})
		require.NoError(t, err)
		assert.Equal(t, pieces, again)
	})
	t.Run("and all of it after the end", func(t *testing.T) {
		pieces, err := m.settled().allocate(vg, allocRequest{Extents: 10})
		require.NoError(t, err)
		assert.Equal(t, []allocPiece{{10, []metadata.Area{areaAt(0, 0)}}}, pieces)
	})
}

func TestAppendSegments(t *testing.T) {
	t.Parallel()
	two := stripedSegment(6, 128, areaAt(0, 0), areaAt(1, 0))
	next := allocPiece{4, []metadata.Area{areaAt(0, 3), areaAt(1, 3)}}
	with := func(s metadata.Segment, change func(*metadata.Segment)) metadata.Segment { change(&s); return s }
	merged := with(two, func(s *metadata.Segment) { s.Count = 10 })
	apart := stripedSegment(4, 128, next.Areas...)
	apart.Start = 6
	linear := stripedSegment(4, 0, areaAt(0, 3))
	linear.Start = 6
	tests := []struct {
		name   string
		last   metadata.Segment
		pieces []allocPiece
		size   Sectors
		want   []metadata.Segment // after last; nil: merged
	}{
		{"adjacent", two, []allocPiece{next}, 128, nil},
		{"adjacent in two pieces", two, []allocPiece{{2, next.Areas}, {2, []metadata.Area{areaAt(0, 4), areaAt(1, 4)}}}, 128, nil},
		{"other stripe size", two, []allocPiece{next}, 64, []metadata.Segment{with(apart, func(s *metadata.Segment) {
			s.Body = &metadata.Striped{StripeSize: 64, Stripes: next.Areas}
		})}},
		{"only one leg adjacent", two, []allocPiece{{4, []metadata.Area{areaAt(0, 3), areaAt(1, 5)}}}, 128,
			[]metadata.Segment{with(apart, func(s *metadata.Segment) {
				s.Body = &metadata.Striped{StripeSize: 128, Stripes: []metadata.Area{areaAt(0, 3), areaAt(1, 5)}}
			})}},
		{"other number of stripes", two, []allocPiece{{4, []metadata.Area{areaAt(0, 3)}}}, 128, []metadata.Segment{linear}},
		{"tags", with(two, func(s *metadata.Segment) { s.Tags = []string{"x"} }), []allocPiece{next}, 128, []metadata.Segment{apart}},
		{"unknown fields", with(two, func(s *metadata.Segment) { s.Extra = []metadata.Extra{{}} }), []allocPiece{next}, 128, []metadata.Segment{apart}},
		{"flags in the type", with(two, func(s *metadata.Segment) { s.Type = "striped+X" }), []allocPiece{next}, 128, []metadata.Segment{apart}},
		{"another type", with(two, func(s *metadata.Segment) { s.Type, s.Body = "zero", &metadata.Virtual{} }), []allocPiece{next}, 128, []metadata.Segment{apart}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			lv := &metadata.LogicalVolume{Segments: []metadata.Segment{tt.last}}
			got := appendSegments(lv, tt.pieces, tt.size)
			want := append([]metadata.Segment{tt.last}, tt.want...)
			if tt.want == nil {
				want = []metadata.Segment{merged}
			}
			for i := range want {
				if want[i].Type == "" {
					want[i].Type = "striped"
				}
			}
			assert.Equal(t, want, got)
			assert.Equal(t, []metadata.Segment{tt.last}, lv.Segments, "the old segments have changed")
		})
	}
}

// Whatever is asked for, in whatever group: the areas given are free, in the
// ranges, apart, and as many as asked for; and the map is as before.
func TestAllocationIsSound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		vg, m := rapidGroup(t)
		r := allocRequest{
			Policy:  rapid.SampledFrom([]metadata.Allocation{metadata.AllocContiguous, metadata.AllocCling, metadata.AllocNormal, metadata.AllocAnywhere}).Draw(t, "policy"),
			Stripes: rapid.IntRange(1, 4).Draw(t, "stripes"),
			Partial: rapid.Bool().Draw(t, "partial"),
		}
		r.Extents = Extents(rapid.IntRange(1, 30).Draw(t, "rows") * r.Stripes)
		if rapid.Bool().Draw(t, "extend") {
			r.LV = rapid.SampledFrom(vg.LVs).Draw(t, "lv")
		}
		allowed := make(map[metadata.ID][]PERange)
		if rapid.Bool().Draw(t, "select") {
			for _, pv := range vg.PVs {
				if rapid.Bool().Draw(t, "this") {
					p := allocPV{PV: pv.ID}
					for next := Extents(0); rapid.Bool().Draw(t, "range") && next < 40; {
						p.Ranges = append(p.Ranges, PERange{next + Extents(rapid.IntRange(0, 5).Draw(t, "gap")), Extents(rapid.IntRange(1, 9).Draw(t, "length"))})
						next = p.Ranges[len(p.Ranges)-1].Start + p.Ranges[len(p.Ranges)-1].Count
					}
					r.PVs = append(r.PVs, p)
					allowed[pv.ID] = p.Ranges
				}
			}
		}
		before := runsOf(m)
		pieces, err := m.allocate(vg, r)
		require.Equal(t, before, runsOf(m), "the map has changed")
		checkMap(t, m)
		if err != nil {
			require.ErrorIs(t, err, ErrNoSpace)
			return
		}
		var total Extents
		taken := make(map[metadata.Area]bool)
		for _, piece := range pieces {
			total += piece.Count
			require.Len(t, piece.Areas, r.Stripes)
			require.Zero(t, piece.Count%Extents(r.Stripes))
			require.Positive(t, uint64(piece.Count))
			on := make(map[metadata.ID]bool)
			for _, a := range piece.Areas {
				require.False(t, on[a.PV] && r.Policy != metadata.AllocAnywhere && r.LV == nil, "two stripes on one physical volume")
				on[a.PV] = true
				for i := range piece.Count / Extents(r.Stripes) {
					e := metadata.Area{PV: a.PV, Start: a.Start + i}
					require.False(t, taken[e], "an extent twice")
					taken[e] = true
					run, ok := m.Owner(e.PV, e.Start)
					require.True(t, ok && run.Free(), "an extent that is not free")
					if len(r.PVs) > 0 {
						ranges, ok := allowed[e.PV]
						require.True(t, ok && (len(ranges) == 0 || slices.ContainsFunc(ranges, func(r PERange) bool { return e.Start >= r.Start && e.Start-r.Start < r.Count })),
							"an extent that was not offered")
					}
				}
			}
		}
		require.True(t, total == r.Extents || r.Partial && total < r.Extents)
		lv := metadata.LogicalVolume{Name: "new", ID: testID("lv", 77)}
		if r.LV != nil {
			lv = *r.LV
		}
		lv.Segments = appendSegments(&lv, pieces, 128)
		require.NoError(t, m.setLV(&lv))
		checkMap(t, m)
	})
}

// rapidGroup draws a fragmented group in the middle of a transaction.
func rapidGroup(t *rapid.T) (*metadata.VolumeGroup, *ExtentMap) {
	var sizes []Extents
	for range rapid.IntRange(1, 4).Draw(t, "pvs") {
		sizes = append(sizes, Extents(rapid.IntRange(1, 40).Draw(t, "size")))
	}
	vg := pvsOf(sizes...)
	for p, size := range sizes {
		for next := Extents(0); ; {
			start := next + Extents(rapid.IntRange(0, 6).Draw(t, "free"))
			count := Extents(rapid.IntRange(1, 6).Draw(t, "used"))
			if start+count > size {
				break
			}
			next = start + count
			vg.LVs = append(vg.LVs, &metadata.LogicalVolume{Name: fmt.Sprint(len(vg.LVs)), ID: testID("lv", len(vg.LVs)),
				Segments: []metadata.Segment{{Count: count, Type: "striped", Body: &metadata.Striped{Stripes: []metadata.Area{areaAt(p, start)}}}}})
		}
	}
	vg.LVs = append(vg.LVs, &metadata.LogicalVolume{Name: "empty", ID: testID("lv", 99)})
	m := NewExtentMap(vg).clone()
	if rapid.Bool().Draw(t, "drop") {
		m.dropLV(vg.LVs[0].ID)
		vg.LVs = vg.LVs[1:]
		if len(vg.LVs) == 0 {
			vg.LVs = append(vg.LVs, &metadata.LogicalVolume{Name: "empty", ID: testID("lv", 98)})
		}
	}
	return vg, m
}
