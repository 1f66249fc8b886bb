package raid_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/units"
)

func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }

// geometries are all layouts, with as many legs as make a difference.
func geometries() []raid.Geometry {
	const chunk = 8
	all := []raid.Geometry{
		{Layout: raid.RAID0, Legs: 1, Chunk: chunk}, {Layout: raid.RAID0, Legs: 3, Chunk: chunk},
		{Layout: raid.RAID1, Legs: 2}, {Layout: raid.RAID1, Legs: 4},
		{Layout: raid.RAID10Near, Legs: 4, Chunk: chunk, Copies: 2}, {Layout: raid.RAID10Near, Legs: 5, Chunk: chunk, Copies: 2},
		{Layout: raid.RAID10Near, Legs: 5, Chunk: 16, Copies: 3},
		{Layout: raid.RAID10Far, Legs: 4, Chunk: chunk, Copies: 2}, {Layout: raid.RAID10Far, Legs: 5, Chunk: chunk, Copies: 2},
		{Layout: raid.RAID10Far, Legs: 6, Chunk: chunk, Copies: 3},
		{Layout: raid.RAID10Offset, Legs: 4, Chunk: chunk, Copies: 2}, {Layout: raid.RAID10Offset, Legs: 5, Chunk: chunk, Copies: 2},
		{Layout: raid.RAID10Offset, Legs: 6, Chunk: chunk, Copies: 3},
	}
	for _, l := range []raid.Layout{raid.RAID4, raid.RAID5N, raid.RAID5LA, raid.RAID5RA, raid.RAID5LS, raid.RAID5RS} {
		all = append(all, raid.Geometry{Layout: l, Legs: 4, Chunk: chunk})
	}
	for _, l := range []raid.Layout{raid.RAID6ZR, raid.RAID6NR, raid.RAID6NC,
		raid.RAID6N6, raid.RAID6LA6, raid.RAID6RA6, raid.RAID6LS6, raid.RAID6RS6} {
		all = append(all, raid.Geometry{Layout: l, Legs: 5, Chunk: chunk})
	}
	all = append(all, raid.Geometry{Layout: raid.RAID5N, Legs: 2, Chunk: chunk}, raid.Geometry{Layout: raid.RAID5LS, Legs: 5, Chunk: 16},
		raid.Geometry{Layout: raid.RAID6ZR, Legs: 4, Chunk: 16}, raid.Geometry{Layout: raid.RAID6NC, Legs: 6, Chunk: chunk},
		raid.Geometry{Layout: raid.RAID6RA6, Legs: 6, Chunk: chunk})
	return all
}

// missingSets are the sets of legs that an array can do without, none first, and
// those of one or two legs that it cannot do without.
func missingSets(g raid.Geometry) (survived, lost [][]int) {
	for set := range 1 << g.Legs {
		var legs []int
		for i := range g.Legs {
			if set>>i&1 != 0 {
				legs = append(legs, i)
			}
		}
		switch {
		case g.Survives(legs):
			survived = append(survived, legs)
		case len(legs) <= 3:
			lost = append(lost, legs)
		}
	}
	return survived, lost
}

func random(seed uint64, length units.Bytes) []byte {
	b := make([]byte, length)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = r.Read(b)
	return b
}

// same compares without printing all of it.
func same(t require.TestingT, want, got []byte, format string, args ...any) {
	if bytes.Equal(want, got) {
		return
	}
	require.Equal(t, len(want), len(got), append([]any{format}, args...)...)
	for i := range want {
		if want[i] != got[i] {
			require.Fail(t, "contents differ", append([]any{"from byte %d: " + format, i}, args...)...)
		}
	}
}

// contents reads all of an array.
func contents(t require.TestingT, a *raid.Array) []byte {
	b := make([]byte, a.Size())
	_, err := a.ReadAt(b, 0)
	require.NoError(t, err)
	return b
}
