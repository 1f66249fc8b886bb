package raid_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/units"
)

// picture prints what is in the rows of an array: P, Q, and the numbers of the
// chunks.
func picture(g raid.Geometry, rows int) string {
	const none = "-"
	legSize := units.Sectors(rows) * g.Chunk
	cells := make([][]string, rows)
	for row := range cells {
		cells[row] = make([]string, g.Legs)
		for leg := range g.Legs {
			cells[row][leg] = none
		}
		p, q := g.Parity(units.Sectors(row) * g.Chunk)
		if p >= 0 {
			cells[row][p] = "P"
		}
		if q >= 0 {
			cells[row][q] = "Q"
		}
	}
	size, _ := g.ArraySize(legSize)
	for n := range uint64(size / g.Chunk) {
		for _, r := range g.Locate(units.Sectors(n)*g.Chunk, legSize) {
			cell := &cells[r.Sector/g.Chunk][r.Leg]
			if *cell != none {
				*cell += "!" // twice
				continue
			}
			*cell = strconv.FormatUint(n, 10)
		}
	}
	var lines []string
	for _, row := range cells {
		lines = append(lines, strings.Join(row, " "))
	}
	return strings.Join(lines, "\n")
}

func TestLayouts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		layout       raid.Layout
		legs, copies int
		want         string
	}{
		{raid.RAID0, 3, 0, "0 1 2|3 4 5"},
		{raid.RAID4, 4, 0, "P 0 1 2|P 3 4 5"},
		{raid.RAID5N, 4, 0, "0 1 2 P|3 4 5 P"},
		{raid.RAID5LA, 4, 0, "0 1 2 P|3 4 P 5|6 P 7 8|P 9 10 11|12 13 14 P"},
		{raid.RAID5RA, 4, 0, "P 0 1 2|3 P 4 5|6 7 P 8|9 10 11 P|P 12 13 14"},
		{raid.RAID5LS, 4, 0, "0 1 2 P|4 5 P 3|8 P 6 7|P 9 10 11|12 13 14 P"},
		{raid.RAID5RS, 4, 0, "P 0 1 2|5 P 3 4|7 8 P 6|9 10 11 P|P 12 13 14"},
		{raid.RAID6ZR, 5, 0, "P Q 0 1 2|3 P Q 4 5|6 7 P Q 8|9 10 11 P Q|Q 12 13 14 P|P Q 15 16 17"},
		{raid.RAID6NR, 5, 0, "0 1 2 P Q|3 4 P Q 5|6 P Q 7 8|P Q 9 10 11|Q 12 13 14 P|15 16 17 P Q"},
		{raid.RAID6NC, 5, 0, "0 1 2 Q P|4 5 Q P 3|8 Q P 6 7|Q P 9 10 11|P 12 13 14 Q|15 16 17 Q P"},
		{raid.RAID6N6, 5, 0, "0 1 2 P Q|3 4 5 P Q"},
		{raid.RAID6LA6, 5, 0, "0 1 2 P Q|3 4 P 5 Q|6 P 7 8 Q|P 9 10 11 Q|12 13 14 P Q"},
		{raid.RAID6RA6, 5, 0, "P 0 1 2 Q|3 P 4 5 Q|6 7 P 8 Q|9 10 11 P Q|P 12 13 14 Q"},
		{raid.RAID6LS6, 5, 0, "0 1 2 P Q|4 5 P 3 Q|8 P 6 7 Q|P 9 10 11 Q|12 13 14 P Q"},
		{raid.RAID6RS6, 5, 0, "P 0 1 2 Q|5 P 3 4 Q|7 8 P 6 Q|9 10 11 P Q|P 12 13 14 Q"},
		{raid.RAID10Near, 3, 2, "0 0 1|1 2 2|3 3 -"},
		{raid.RAID10Near, 4, 2, "0 0 1 1|2 2 3 3"},
		{raid.RAID10Far, 4, 2, "0 1 2 3|4 5 6 7|1 0 3 2|5 4 7 6"},
		{raid.RAID10Far, 3, 2, "0 1 2|3 4 5|2 0 1|5 3 4"},
		{raid.RAID10Far, 5, 2, "0 1 2 3 4|5 6 7 8 9|1 0 4 2 3|6 5 9 7 8|- - - - -"},
		{raid.RAID10Offset, 4, 2, "0 1 2 3|1 0 3 2|4 5 6 7|5 4 7 6"},
		{raid.RAID10Offset, 3, 3, "0 1 2|2 0 1|1 2 0|3 4 5|5 3 4|4 5 3"},
	} {
		t.Run(fmt.Sprintf("%s of %d", c.layout, c.legs), func(t *testing.T) {
			t.Parallel()
			g := raid.Geometry{Layout: c.layout, Legs: c.legs, Chunk: 16, Copies: c.copies}
			require.NoError(t, g.Validate())
			want := strings.ReplaceAll(c.want, "|", "\n")
			assert.Equal(t, want, picture(g, strings.Count(want, "\n")+1))
		})
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, g := range geometries() {
		assert.NoError(t, g.Validate(), "%+v", g)
	}
	for _, g := range []raid.Geometry{
		{},
		{Layout: "raid5", Legs: 3, Chunk: 8},
		{Layout: raid.RAID0, Legs: 0, Chunk: 8},
		{Layout: raid.RAID0, Legs: 254, Chunk: 8},
		{Layout: raid.RAID0, Legs: 2, Chunk: 4},
		{Layout: raid.RAID0, Legs: 2, Chunk: 24},
		{Layout: raid.RAID0, Legs: 2, Chunk: 1 << 40},
		{Layout: raid.RAID0, Legs: 2},
		{Layout: raid.RAID0, Legs: 2, Chunk: 8, Copies: 2},
		{Layout: raid.RAID1, Legs: 2, Chunk: 8},
		{Layout: raid.RAID1, Legs: 2, Copies: 2},
		{Layout: raid.RAID1, Legs: -1},
		{Layout: raid.RAID5LS, Legs: 1, Chunk: 8},
		{Layout: raid.RAID6ZR, Legs: 3, Chunk: 8},
		{Layout: raid.RAID10Near, Legs: 4, Chunk: 8},
		{Layout: raid.RAID10Near, Legs: 4, Chunk: 8, Copies: 1},
		{Layout: raid.RAID10Far, Legs: 4, Chunk: 8, Copies: 5},
		{Layout: raid.RAID10Near, Legs: 1, Chunk: 8, Copies: 2},
	} {
		assert.ErrorIs(t, g.Validate(), raid.ErrGeometry, "%+v", g)
	}
}

func TestSizesThatOverflow(t *testing.T) {
	t.Parallel()
	const most = units.Sectors(1<<63-1) / 512
	for _, g := range geometries() {
		_, ok := g.ArraySize(most + 1)
		assert.False(t, ok, "%+v", g)
		_, ok = g.LegSize(most + 1)
		assert.False(t, ok, "%+v", g)
		size, ok := g.ArraySize(most)
		assert.Equal(t, g.DataLegs() == 1 && g.Legs%max(g.Copies, 1) == 0, ok, "%+v: %d", g, size)
	}
	wide := raid.Geometry{Layout: raid.RAID10Near, Legs: 253, Chunk: 8, Copies: 253}
	leg, ok := wide.LegSize(most - most%8)
	assert.True(t, ok)
	assert.Equal(t, most-most%8, leg)
	wide.Copies = 252
	_, ok = wide.ArraySize(most)
	assert.False(t, ok)
}

// drawGeometry draws a shape that an array can have.
func drawGeometry(t *rapid.T) raid.Geometry {
	g := rapid.SampledFrom(geometries()).Draw(t, "like")
	least := 1
	switch {
	case g.ParityLegs() > 0:
		least = 2 * g.ParityLegs()
	case g.Copies > 0:
		least = 2
	}
	g.Legs = rapid.IntRange(least, 9).Draw(t, "legs")
	if g.Copies > 0 {
		g.Copies = rapid.IntRange(2, g.Legs).Draw(t, "copies")
	}
	if g.Chunk > 0 {
		g.Chunk = 8 << rapid.IntRange(0, 2).Draw(t, "chunk")
	}
	return g
}

// Each place on the legs has one chunk or one parity, but for what is left over
// at the end; and sizes fit.
func TestEachPlaceIsUsedOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := drawGeometry(t)
		require.NoError(t, g.Validate())
		leg := units.Sectors(rapid.IntRange(0, 400).Draw(t, "leg"))
		size, ok := g.ArraySize(leg)
		require.True(t, ok)
		need, ok := g.LegSize(size)
		require.True(t, ok)
		require.LessOrEqual(t, need, leg)
		again, _ := g.ArraySize(need)
		require.Equal(t, size, again)
		if size > 0 {
			less, _ := g.ArraySize(need - 1)
			require.Less(t, less, size)
		}

		type place struct {
			leg    int
			sector units.Sectors
		}
		used := map[place]bool{}
		use := func(l int, s units.Sectors) {
			require.Less(t, l, g.Legs)
			require.Less(t, s, leg)
			require.False(t, used[place{l, s}], "leg %d, sector %d", l, s)
			used[place{l, s}] = true
		}
		step := max(g.Chunk, 1)
		for s := units.Sectors(0); s < size; s += step {
			runs := g.Locate(s, leg)
			if g.Copies > 0 {
				require.Len(t, runs, g.Copies)
			}
			for _, r := range runs {
				use(r.Leg, r.Sector)
				if g.Chunk > 0 {
					require.Equal(t, g.Chunk, r.Length)
					inside := g.Locate(s+5, leg)
					require.Contains(t, inside, raid.Run{Leg: r.Leg, Sector: r.Sector + 5, Length: r.Length - 5})
				}
			}
		}
		rows := leg / step
		for row := range rows {
			p, q := g.Parity(row * step)
			require.Equal(t, g.ParityLegs() > 0, p >= 0)
			require.Equal(t, g.ParityLegs() > 1, q >= 0)
			if p >= 0 {
				use(p, row*step)
			}
			if q >= 0 {
				use(q, row*step)
			}
		}
		require.Nil(t, g.Locate(size, leg))
		if left := int(rows)*g.Legs - len(used); g.Copies == 0 {
			require.Zero(t, left)
		} else {
			require.Less(t, left, g.Legs*g.Copies)
		}
	})
}

func TestSurvives(t *testing.T) {
	t.Parallel()
	near := raid.Geometry{Layout: raid.RAID10Near, Legs: 4, Chunk: 8, Copies: 2}
	far := raid.Geometry{Layout: raid.RAID10Far, Legs: 5, Chunk: 8, Copies: 2}
	for _, c := range []struct {
		g       raid.Geometry
		missing []int
		want    bool
	}{
		{near, nil, true}, {near, []int{0, 3}, true}, {near, []int{1, 2}, true}, {near, []int{0, 1}, false}, {near, []int{2, 3}, false},
		{near, []int{2, 2, 9, -1}, true},
		{far, []int{1, 2}, true}, {far, []int{0, 1}, false}, {far, []int{2, 4}, false}, {far, []int{0, 3}, true},
		{raid.Geometry{Layout: raid.RAID0, Legs: 2, Chunk: 8}, []int{1}, false},
		{raid.Geometry{Layout: raid.RAID1, Legs: 3}, []int{0, 2}, true},
		{raid.Geometry{Layout: raid.RAID1, Legs: 3}, []int{0, 1, 2}, false},
		{raid.Geometry{Layout: raid.RAID5LS, Legs: 3, Chunk: 8}, []int{1}, true},
		{raid.Geometry{Layout: raid.RAID5LS, Legs: 3, Chunk: 8}, []int{1, 2}, false},
		{raid.Geometry{Layout: raid.RAID6ZR, Legs: 5, Chunk: 8}, []int{1, 4}, true},
		{raid.Geometry{Layout: raid.RAID6ZR, Legs: 5, Chunk: 8}, []int{1, 2, 4}, false},
	} {
		assert.Equal(t, c.want, c.g.Survives(c.missing), "%+v without %v", c.g, c.missing)
	}
}
