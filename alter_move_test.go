package lvm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

// move starts a move of one volume, or of all if lv is empty.
func (tx *Tx) move(lv, from string, to ...string) error {
	return tx.moveWith(MoveOptions{LV: lv}, from, to...)
}

func (tx *Tx) moveWith(o MoveOptions, from string, to ...string) error {
	o.From = PVSelection{PV: from}
	for _, pv := range to {
		o.To = append(o.To, PVSelection{PV: pv})
	}
	_, err := tx.StartMove(o)
	return err
}

// moving starts a move and copies its first segments, as many as said; the last
// of them is not noted as copied.
func moving(o MoveOptions, segments int) func(testing.TB, *System, MetadataAreas) {
	return func(t testing.TB, sys *System, _ MetadataAreas) {
		update(t, sys, "vg0", func(tx *Tx) error { return tx.moveWith(o, "a", "c") })
		for i := range segments {
			update(t, sys, "vg0", func(tx *Tx) error {
				copySegment(t, tx)
				if i == segments-1 {
					return nil
				}
				return tx.AdvanceMove("pvmove0")
			})
		}
	}
}

// copySegment copies the segment of pvmove0 that is next.
func copySegment(t testing.TB, tx *Tx) {
	move, _, err := tx.moveFor("pvmove0")
	require.NoError(t, err)
	seg := unfinished(move)
	require.NotNil(t, seg)
	n, err := tx.copyLegs(context.Background(), seg, 0, tx.bytes(seg.Count))
	require.NoError(t, err)
	require.Equal(t, tx.bytes(seg.Count), n)
}

// shifted makes vg0 with the volumes data, whose extents are in two pieces on a,
// striped and other, and c, where not all of it has room in one place.
func shifted(t testing.TB, sys *System, areas MetadataAreas) {
	andSpare(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Name: "inTheWay", Size: ExtentCount(3), PVs: []PVSelection{{PV: "c", Ranges: []PERange{{12, 3}}}}})
		return joinErrors(err, tx.ExtendLV("data", ExtendSpec{By: ExtentCount(6), PVs: []PVSelection{{PV: "a"}}}))
	})
	writePatterns(t, sys, "vg0")
}

// snapshotsAndSpare makes vg0 with an origin and its snapshots, and the empty
// physical volume c.
func snapshotsAndSpare(t testing.TB, sys *System, areas MetadataAreas) {
	snapshots(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ExtendVG(areaSpec(areas), "c") })
}

// alterMoveKernel is about the devices of moves.
func alterMoveKernel() []alteration {
	pieces := MoveOptions{MaxSegment: 32 * KiB}
	all := func(tx *Tx, _ MetadataAreas) error { return tx.ActivateAll() }
	return []alteration{
		{name: "activate what is moved", setup: then(shifted, moving(pieces, 3)), inactive: true, do: all},
		{name: "activate what is moved at once", setup: then(shifted, moving(MoveOptions{Atomic: true}, 0)), inactive: true, do: all},
		{name: "activate snapshots that are moved", setup: then(snapshotsAndSpare, moving(pieces, 3)), inactive: true, do: all},
		{name: "deactivate what is moved", setup: then(snapshotsAndSpare, moving(pieces, 1)), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.DeactivateAll()
		}},
		{name: "deactivate one of those that are moved", setup: then(shifted, moving(pieces, 1)), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.Deactivate("data")
		}},
		{name: "refresh what is moved", setup: then(snapshotsAndSpare, moving(pieces, 1)), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.Refresh("data")
		}},
		{name: "begin to move what is not active", setup: shifted, inactive: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.move("", "a", "c") }},
		{name: "abort the move of what is not active", setup: then(shifted, moving(pieces, 1)), inactive: true, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.AbortMove("pvmove0")
		}},
	}
}

func alterMove() []alteration {
	atomic := MoveOptions{Atomic: true}
	pieces := MoveOptions{MaxSegment: 32 * KiB}
	end := func(tx *Tx, _ MetadataAreas) error {
		return joinErrors(tx.AdvanceMove("pvmove0"), tx.FinishMove("pvmove0"))
	}
	abort := func(tx *Tx, _ MetadataAreas) error { return tx.AbortMove("pvmove0") }
	return []alteration{
		{name: "start a move", setup: shifted, do: func(tx *Tx, _ MetadataAreas) error { return tx.move("", "a", "c") }},
		{name: "start a move of one lv to anywhere", setup: shifted, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.moveWith(MoveOptions{LV: "striped", Allocation: metadata.AllocAnywhere}, "a")
		}},
		{name: "start an atomic move", setup: shifted, do: func(tx *Tx, _ MetadataAreas) error { return tx.moveWith(atomic, "a", "c") }},
		{name: "advance a move", setup: then(shifted, moving(pieces, 1)), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.AdvanceMove("pvmove0")
		}},
		{name: "finish a move", setup: then(shifted, moving(MoveOptions{LV: "striped"}, 1)), do: end},
		{name: "finish an atomic move", setup: then(shifted, moving(atomic, 1)), do: end},
		{name: "abort a move", setup: then(shifted, moving(pieces, 3)), do: abort},
		{name: "abort an atomic move", setup: then(shifted, moving(atomic, 1)), do: abort},
		{name: "start to move snapshots", setup: snapshotsAndSpare, do: func(tx *Tx, _ MetadataAreas) error { return tx.move("", "a", "c") }},
		{name: "start to move a cow store", setup: snapshotsAndSpare, do: func(tx *Tx, _ MetadataAreas) error { return tx.move("two", "a", "c") }},
		{name: "finish the move of an origin", setup: then(snapshotsAndSpare, moving(MoveOptions{LV: "data"}, 1)), do: end},
		{name: "abort the move of snapshots", setup: then(snapshotsAndSpare, moving(pieces, 4)), do: abort},
		{name: "finish a move and change its lv", setup: then(shifted, moving(MoveOptions{LV: "striped"}, 1)), do: func(tx *Tx, areas MetadataAreas) error {
			return joinErrors(end(tx, areas), tx.RenameLV("striped", "renamed"), tx.ExtendLV("renamed", ExtendSpec{By: ExtentCount(4)}))
		}},
	}
}
