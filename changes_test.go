package lvm

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// changesOf returns where volume a may differ from b.
func changesOf(t tester, sys *System, a, b string) []Range {
	t.Helper()
	var ranges []Range
	for r, err := range findVolume(t, sys, a).Changes(context.Background(), findVolume(t, sys, b)) {
		require.NoError(t, err)
		require.Positive(t, r.Length)
		if n := len(ranges); n > 0 {
			require.Greater(t, r.Offset, ranges[n-1].end(), "ranges that meet, or are out of order")
		}
		ranges = append(ranges, r)
	}
	return ranges
}

// changesError returns why two volumes cannot be compared.
func changesError(t tester, sys *System, a, b string) error {
	t.Helper()
	n := 0
	var out error
	for _, err := range findVolume(t, sys, a).Changes(context.Background(), findVolume(t, sys, b)) {
		require.Zero(t, n, "something after an error")
		n++
		out = err
	}
	return out
}

func TestChanges(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b")
	sys := openDisks(t, disks, 1)
	makeOrigin(t, sys)
	origin := openFile(t, sys, "origin")
	write := func(name string, off Bytes) {
		f := openFile(t, sys, name)
		putBytes(t, f, []byte("changed"), int64(off))
		require.NoError(t, f.Close())
	}
	const chunk = 4 * KiB
	amendSnapshot(t, sys, SnapshotSpec{Name: "monday", Size: PercentOrigin(100)})
	assert.Empty(t, changesOf(t, sys, "origin", "monday"))
	write("origin", chunk-3) // over an edge
	write("origin", 10*chunk)
	amendSnapshot(t, sys, SnapshotSpec{Name: "tuesday", Size: PercentOrigin(100), ChunkSize: 4 * chunk})
	changed := []Range{{0, 2 * chunk}, {10 * chunk, chunk}}
	assert.Equal(t, changed, changesOf(t, sys, "tuesday", "monday"))
	assert.Equal(t, changed, changesOf(t, sys, "monday", "tuesday"))
	assert.Equal(t, changed, changesOf(t, sys, "origin", "monday"))
	assert.Empty(t, changesOf(t, sys, "origin", "tuesday"))
	assert.Empty(t, changesOf(t, sys, "monday", "monday"))

	// What is written to a snapshot counts, in its own chunks; the last one of
	// the origin is cut off: 20 chunks of one, 5 of the other.
	write("tuesday", 17*chunk)
	assert.Equal(t, append(slices.Clone(changed), Range{16 * chunk, 4 * chunk}), changesOf(t, sys, "tuesday", "monday"))
	// So does what is written to the origin after both were made.
	write("origin", 15*chunk)
	assert.Equal(t, []Range{{0, 2 * chunk}, {10 * chunk, chunk}, {12 * chunk, 8 * chunk}}, changesOf(t, sys, "tuesday", "monday"))
	assert.Equal(t, []Range{{12 * chunk, 8 * chunk}}, changesOf(t, sys, "origin", "tuesday"))

	// A System that has nothing open says the same, and so does what was said
	// before of the group.
	assert.Equal(t, []Range{{12 * chunk, 8 * chunk}}, changesOf(t, openDisks(t, disks, 2), "origin", "tuesday"))

	// An origin that has grown.
	amendVG(t, sys, func(tx *Tx) error { return tx.ExtendLV("origin", ExtendSpec{By: ExtentCount(4)}) })
	amendSnapshot(t, sys, SnapshotSpec{Name: "wednesday", Size: PercentOrigin(100)})
	write("origin", 0)
	assert.Equal(t, []Range{{0, 2 * chunk}, {10 * chunk, chunk}, {15 * chunk, chunk}, {20 * chunk, 4 * chunk}},
		changesOf(t, sys, "wednesday", "monday"))
	assert.Equal(t, []Range{{0, 2 * chunk}, {10 * chunk, chunk}, {15 * chunk, chunk}}, changesOf(t, sys, "monday", "wednesday"))

	// What is merged, the origin shows.
	amendVG(t, sys, func(tx *Tx) error { return tx.MergeSnapshot("monday") })
	require.ErrorIs(t, changesError(t, sys, "monday", "origin"), ErrMerging)
	assert.Equal(t, []Range{{0, 2 * chunk}, {10 * chunk, chunk}, {15 * chunk, chunk}}, changesOf(t, sys, "origin", "wednesday")[:3])
	require.NoError(t, sys.mergeFiles(context.Background(), findVolume(t, sys, "origin"), nil))
	assert.Equal(t, []Range{{0, 2 * chunk}, {10 * chunk, chunk}, {15 * chunk, chunk}}, changesOf(t, sys, "origin", "wednesday")[:3])
	require.NoError(t, origin.Close())
}

func TestChangesRefusals(t *testing.T) {
	t.Parallel()
	disks, sys, _ := snapshotFiles(t, SnapshotSpec{})
	amendVG(t, sys, func(tx *Tx) error {
		_, err := tx.CreateSnapshot("other", SnapshotSpec{Name: "another", Size: PercentOrigin(100)})
		return err
	})
	disks.Record()
	for _, pair := range [][2]string{{"snap", "other"}, {"origin", "other"}, {"snap", "another"}} {
		require.ErrorIs(t, changesError(t, sys, pair[0], pair[1]), ErrInvalidSpec)
	}
	require.ErrorIs(t, changesError(t, sys, "snap", "snapshot0"), ErrUnsupported)
	require.ErrorIs(t, changesError(t, sys, "snapshot0", "snap"), ErrUnsupported)
	for _, err := range findVolume(t, sys, "snap").Changes(context.Background(), findVolume(t, openDisks(t, disks, 2), "origin")) {
		require.ErrorIs(t, err, ErrInvalidSpec, "of another System")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range findVolume(t, sys, "snap").Changes(ctx, findVolume(t, sys, "origin")) {
		require.ErrorIs(t, err, context.Canceled)
	}
	path, off := cowHead(t, sys)
	disks.Change(path, off, []byte("something"))
	require.ErrorIs(t, changesError(t, sys, "snap", "origin"), ErrDamaged)
	assert.Empty(t, disks.Writes())
	assert.Empty(t, sys.opened.byLV)

	snap, origin := findVolume(t, sys, "snap"), findVolume(t, sys, "origin")
	amendVG(t, sys, func(tx *Tx) error { return tx.RemoveLV("snap") })
	for _, err := range snap.Changes(context.Background(), origin) {
		require.ErrorIs(t, err, ErrLVNotFound)
	}
	for _, err := range origin.Changes(context.Background(), snap) {
		require.ErrorIs(t, err, ErrLVNotFound)
	}
}
