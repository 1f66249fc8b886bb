package lvm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestMoveProgressLeft(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 3*time.Second, MoveProgress{Done: 10 * MiB, Total: 40 * MiB, Rate: 10 * MiB}.Left())
	assert.Zero(t, MoveProgress{Done: 10 * MiB, Total: 40 * MiB}.Left(), "nothing is known yet")
	assert.Zero(t, MoveProgress{Done: 40 * MiB, Total: 40 * MiB, Rate: MiB}.Left())
}

// A move that takes long is made in parts, so that little is copied again after
// a crash.
func TestMoveSegments(t *testing.T) {
	t.Parallel()
	const extent = 4 * MiB
	plan := func(size Bytes) *movePlan { return &movePlan{pieces: []movePiece{{count: Extents(size / extent)}}} }
	for _, c := range []struct {
		size Bytes
		o    MoveOptions
		most Bytes
	}{
		{10 * GiB, MoveOptions{}, 0},
		{10 * GiB, MoveOptions{cut: true}, GiB},
		{1000 * GiB, MoveOptions{cut: true}, 10 * GiB},
		{1000 * GiB, MoveOptions{cut: true, Atomic: true}, 0},
		{1000 * GiB, MoveOptions{cut: true, MaxSegment: 10 * MiB}, 8 * MiB},
		{GiB, MoveOptions{cut: true, Run: MoveRun{Rate: 4 * MiB}}, 40 * MiB},
	} {
		assert.Equal(t, Extents(c.most/extent), plan(c.size).most(c.o, extent), "%s %+v", c.size, c.o)
	}
}
