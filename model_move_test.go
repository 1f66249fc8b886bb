package lvm

import (
	"context"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// move moves extents off a physical volume. It may be interrupted, and then goes
// on or is aborted.
func (m *model) move() {
	vg, _ := m.group()
	device := m.of(vg)
	o := MoveOptions{From: PVSelection{PV: device}, Atomic: m.int(0, 3, "atomic") == 0}
	if !o.Atomic {
		o.MaxSegment = Bytes(m.int(0, 5, "segment")) * 64 * KiB
	}
	if rapid.Bool().Draw(m.T, "range") {
		o.From.Ranges = []PERange{{Extents(m.int(0, 12, "first")), Extents(m.int(1, 12, "count"))}}
	}
	if !m.try(vg, false, func(tx *Tx) error { _, err := tx.StartMove(o); return err }) {
		return
	}
	m.check()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	left := m.int(0, 4, "steps") // none is all
	_, err := m.sys.ResumeMoves(ctx, vg, MoveRun{Interval: soon, Progress: func(MoveProgress) {
		if left--; left == 0 {
			cancel()
		}
	}})
	if err == nil {
		return
	}
	require.ErrorIs(m, err, context.Canceled)
	m.check()
	if rapid.Bool().Draw(m.T, "abort") {
		require.NoError(m, m.sys.AbortMove(context.Background(), vg, device))
		return
	}
	_, err = m.system(m).ResumeMoves(context.Background(), vg, MoveRun{Interval: soon})
	require.NoError(m, err)
}
