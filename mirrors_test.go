package lvm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/corpus"
	"github.com/lvm-go/lvm/metadata"
)

// Mirrors of lvm2's can be read, but neither written nor changed nor activated.
func TestMirrorsAreKept(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mirror-3-legs", "mirror-core-log", "mirror-disk-log", "mirror-linear-converted", "mirror-nosync"} {
		sys := corpusSystem(t, corpus.Load(t, name))
		vg, err := sys.VG(context.Background(), "vg")
		require.NoError(t, err)
		require.ErrorIs(t, vg.Changeable(), ErrReadOnly, name)
		for _, part := range []string{"m", "m_mimage_0", "m_mimage_1", "m_mlog"} {
			lv, err := vg.LV(part)
			if part == "m_mlog" && (name == "mirror-core-log" || name == "mirror-3-legs") {
				require.ErrorIs(t, err, ErrLVNotFound)
				continue
			}
			require.NoError(t, err, name)
			_, err = lv.Table()
			require.ErrorIs(t, err, ErrUnsupported, "%s %s", name, part)
			f, err := lv.Open()
			require.NoError(t, err, "%s %s", name, part)
			n, err := f.ReadAt(make([]byte, 4096), 0)
			require.NoError(t, err, "%s %s", name, part)
			assert.Equal(t, 4096, n)
			_, err = f.WriteAt(make([]byte, 4096), 0)
			require.ErrorIs(t, err, ErrReadOnly, "%s %s", name, part)
			require.NoError(t, f.Close())
		}
		err = sys.Update(context.Background(), "vg", func(tx *Tx) error { return tx.SetLVTags("m", "x") })
		require.ErrorIs(t, err, ErrReadOnly, name)
	}
}

// What a mirror claims: its parts, and what lies on it. Moves claim nothing.
func TestClaimsOfMirrors(t *testing.T) {
	t.Parallel()
	vg := mirroredVG()
	vg.LVs = append(vg.LVs,
		&metadata.LogicalVolume{Name: "log", ID: testID("lv", 10), Segments: []metadata.Segment{stripedSegment(1, 0, areaAt(2, 90))}},
		&metadata.LogicalVolume{Name: "above", ID: testID("lv", 11), Segments: []metadata.Segment{stripedSegment(1, 0, areaIn(8, 0))}},
		&metadata.LogicalVolume{Name: "top", ID: testID("lv", 12), Segments: []metadata.Segment{stripedSegment(1, 0, areaIn(11, 0))}},
	)
	vg.LVs[8].Segments[0].Body.(*metadata.Mirror).Log = testID("lv", 10)
	mirrors, types := unmanaged(vg)
	require.Len(t, mirrors, 1)
	assert.Equal(t, "mirror", mirrors[0].Name)
	assert.Equal(t, []string{"mirror"}, types)
	assert.Equal(t, map[string]string{
		"mirror": "mirror", "mirror_mimage_0": "mirror", "mirror_mimage_1": "mirror", "log": "mirror", "above": "mirror", "top": "mirror",
	}, claims(vg))
	vg.LVs[8].Status = metadata.LVPvmove
	mirrors, _ = unmanaged(vg)
	assert.Empty(t, mirrors)
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
