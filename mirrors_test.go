package lvm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/corpus"
	"github.com/lvm-go/lvm/metadata"
)

// In image mode mirrors can be read, but not written: nobody would keep account
// of where their legs differ.
func TestMirrorsAreKept(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mirror-3-legs", "mirror-core-log", "mirror-disk-log", "mirror-linear-converted", "mirror-nosync"} {
		sys := corpusSystem(t, corpus.Load(t, name))
		vg, err := sys.VG(context.Background(), "vg")
		require.NoError(t, err)
		require.NoError(t, vg.Changeable(), name)
		for _, part := range []string{"m", "m_mimage_0", "m_mimage_1", "m_mlog"} {
			lv, err := vg.LV(part)
			if part == "m_mlog" && (name == "mirror-core-log" || name == "mirror-3-legs") {
				require.ErrorIs(t, err, ErrLVNotFound)
				continue
			}
			require.NoError(t, err, name)
			_, err = lv.Table()
			require.NoError(t, err, "%s %s", name, part)
			f, err := lv.Open()
			require.NoError(t, err, "%s %s", name, part)
			n, err := f.ReadAt(make([]byte, 4096), 0)
			require.NoError(t, err, "%s %s", name, part)
			assert.Equal(t, 4096, n)
			_, err = f.WriteAt(make([]byte, 4096), 0)
			require.ErrorIs(t, err, ErrReadOnly, "%s %s", name, part)
			require.NoError(t, f.Close())
		}
	}
}

// What a volume claims that is not managed here: its parts, and what lies on it.
func TestClaimsOfUnmanaged(t *testing.T) {
	t.Parallel()
	vg := mirroredVG()
	vg.LVs = append(vg.LVs,
		&metadata.LogicalVolume{Name: "log", ID: testID("lv", 10), Segments: []metadata.Segment{stripedSegment(1, 0, areaAt(2, 90))}},
		&metadata.LogicalVolume{Name: "above", ID: testID("lv", 11), Segments: []metadata.Segment{stripedSegment(1, 0, areaIn(8, 0))}},
		&metadata.LogicalVolume{Name: "top", ID: testID("lv", 12), Segments: []metadata.Segment{stripedSegment(1, 0, areaIn(11, 0))}},
	)
	vg.LVs[8].Segments[0].Type = "vdo-pool"
	vg.LVs[8].Segments[0].Body = &metadata.VDOPool{Data: testID("lv", 10)}
	pools, types := unmanaged(vg)
	require.Len(t, pools, 1)
	assert.Equal(t, "mirror", pools[0].Name)
	assert.Equal(t, []string{"vdo-pool"}, types)
	assert.Equal(t, map[string]string{"mirror": "vdo-pool", "log": "vdo-pool", "above": "vdo-pool", "top": "vdo-pool"}, claims(vg))
	vg.LVs[8].Segments[0].Body = &metadata.Mirror{Legs: []metadata.Area{areaIn(6, 0), areaIn(7, 0)}, Log: testID("lv", 10)}
	pools, _ = unmanaged(vg)
	assert.Empty(t, pools)
	assert.Empty(t, claims(vg))
}

// Groups with moves and snapshots can be changed.
func TestMovesAreNoMirrors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"pvmove-copying", "pvmove-copying-atomic", "pvmove-running", "pvmove-copying-snapshots", "snapshot-two"} {
		sys := corpusSystem(t, corpus.Load(t, name))
		vg, err := sys.VG(context.Background(), "vg")
		require.NoError(t, err)
		require.NoError(t, vg.Changeable(), name)
	}
}

// The extents of a group can get another size while some are moved. What was
// moved counts in extents, too.
func TestExtentSizeOfMoves(t *testing.T) {
	t.Parallel()
	before := mirrorSegment(4, 8, 6, areaAt(0, 2), areaAt(1, 10))
	smaller := rescale{from: 8, to: 4}
	after, err := smaller.segment(before)
	require.NoError(t, err)
	assert.Equal(t, mirrorSegment(8, 16, 12, areaAt(0, 4), areaAt(1, 20)), after)
	assert.Equal(t, mirrorSegment(4, 8, 6, areaAt(0, 2), areaAt(1, 10)), before)
	back, err := rescale{from: 4, to: 8}.segment(after)
	require.NoError(t, err)
	assert.Equal(t, before, back)
	for _, odd := range []metadata.Segment{
		mirrorSegment(4, 8, 7, areaAt(0, 2), areaAt(1, 10)),
		mirrorSegment(4, 8, 6, areaAt(0, 2), areaAt(1, 11)),
	} {
		_, err = rescale{from: 8, to: 16}.segment(odd)
		require.ErrorIs(t, err, ErrInvalidSpec)
	}
}
