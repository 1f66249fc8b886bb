package lvm

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"
)

// killMove moves what is on the first device to the last.
func killMove(o MoveOptions) func(context.Context, *System, []string) error {
	return func(ctx context.Context, sys *System, devices []string) error {
		o.From, o.To = PVSelection{PV: devices[0]}, []PVSelection{{PV: devices[2]}}
		o.Run.Interval = 5 * time.Millisecond
		_, err := sys.Move(ctx, "vg0", o)
		return err
	}
}

// movedSome leaves a move that has some of its segments copied.
func movedSome(r *killRun) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o := MoveOptions{MaxSegment: 128 * KiB}
	o.Run.Progress = func(p MoveProgress) {
		if p.Segment > 2 {
			cancel()
		}
	}
	require.ErrorIs(r, killMove(o)(ctx, r.sys, r.devices), context.Canceled)
	vg, err := r.sys.VG(context.Background(), "vg0")
	require.NoError(r, err)
	require.Len(r, vg.Moves(), 1)
}

// moveEnds ends a move that is under way, one way or the other.
func moveEnds(r *killRun, vg *VolumeGroup) {
	r.Helper()
	for _, move := range vg.Moves() {
		r.where += ", with " + move.Name
	}
	ctx := context.Background()
	if r.ends++; r.ends%3 == 0 {
		require.NoError(r, r.sys.AbortMove(ctx, "vg0", ""), r.where)
	} else {
		done, err := r.sys.ResumeMoves(ctx, "vg0", MoveRun{Interval: 5 * time.Millisecond})
		require.NoError(r, err, r.where)
		require.Len(r, done, len(vg.Moves()), r.where)
	}
	vg, err := r.sys.VG(ctx, "vg0")
	require.NoError(r, err)
	require.Empty(r, vg.Moves(), r.where)
	r.holdsAll(vg)
}

func killMoves() []killScenario {
	return []killScenario{
		{name: "move a pv", long: true, do: killMove(MoveOptions{MaxSegment: 192 * KiB}), check: moveEnds},
		{name: "move a pv at once", long: true, do: killMove(MoveOptions{Atomic: true}), check: moveEnds},
		{
			name: "move an origin and its store", long: true, setup: func(r *killRun) { r.snapshotOfData("one") },
			do: killMove(MoveOptions{}), check: moveEnds,
		},
		{
			name: "take up a move", long: true, setup: movedSome,
			do: func(ctx context.Context, sys *System, _ []string) error {
				_, err := sys.ResumeMoves(ctx, "vg0", MoveRun{Interval: 5 * time.Millisecond})
				return err
			},
			check: moveEnds,
		},
		{
			name: "abort a move", setup: movedSome,
			do:    func(ctx context.Context, sys *System, _ []string) error { return sys.AbortMove(ctx, "vg0", "") },
			check: moveEnds,
		},
	}
}
