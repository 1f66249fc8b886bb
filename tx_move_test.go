package lvm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// placesOf returns where the volumes of a transaction's group lie: of each
// segment the number of extents and the areas; "!" marks what is locked, and a
// number in brackets what counts as moved.
func placesOf(tx *Tx) string {
	place := func(a metadata.Area) string {
		if lv := tx.find(a.LV); lv != nil {
			return fmt.Sprintf("%s:%d", lv.Name, a.Start)
		}
		i := slices.IndexFunc(tx.vg.PVs, func(pv *metadata.PhysicalVolume) bool { return pv.ID == a.PV })
		return fmt.Sprintf("%c%d", 'a'+i, a.Start)
	}
	var out []string
	for _, lv := range tx.vg.LVs {
		if lv == nil {
			continue
		}
		text := lv.Name
		if lv.Status&metadata.LVLocked != 0 {
			text += "!"
		}
		for _, seg := range lv.Segments {
			text += fmt.Sprintf(" %d", seg.Count)
			if body, ok := seg.Body.(*metadata.Mirror); ok {
				text += fmt.Sprintf("[%d]", body.Moved)
			}
			for i, a := range areasOf(&seg) {
				text += "@/"[min(i, 1):min(i, 1)+1] + place(a)
			}
		}
		out = append(out, text)
	}
	return strings.Join(out, "\n")
}

// memoryGroup returns a transaction on a group in memory: physical volumes a, b,
// ..., as many extents as said, and volumes of the given segments.
func memoryGroup(t testing.TB, extents []Extents, lvs ...*metadata.LogicalVolume) *Tx {
	t.Helper()
	vg := pvsOf(extents...)
	vg.ID, vg.Seqno, vg.Status = testID("vg", 0), 1, metadata.VGRead|metadata.VGWrite|metadata.VGResizeable
	for i, lv := range lvs {
		lv.ID, lv.Status = testID("lv", i), lv.Status|metadata.LVRead|metadata.LVWrite|metadata.LVVisible
		start := Extents(0)
		for s := range lv.Segments {
			lv.Segments[s].Start = start
			start += lv.Segments[s].Count
		}
		vg.LVs = append(vg.LVs, lv)
	}
	tx := memoryTx(t, &metadata.Document{VG: vg})
	for i, pv := range vg.PVs {
		tx.members[pv.ID] = &member{path: string(rune('a' + i))}
	}
	return tx
}

func recordLV(name string, segments ...metadata.Segment) *metadata.LogicalVolume {
	return &metadata.LogicalVolume{Name: name, Segments: segments}
}

func TestMoveLayouts(t *testing.T) {
	t.Parallel()
	linear := func(count, start Extents) metadata.Segment { return stripedSegment(count, 0, areaAt(0, start)) }
	from := func(ranges ...PERange) PVSelection { return PVSelection{PV: "a", Ranges: ranges} }
	for _, c := range []struct {
		name  string
		pvs   []Extents
		lvs   []*metadata.LogicalVolume
		o     MoveOptions
		start string
		end   string
	}{
		{
			"one piece", []Extents{10, 10}, []*metadata.LogicalVolume{recordLV("l", linear(4, 3))}, MoveOptions{From: from()},
			"l! 4@pvmove0:0\npvmove0! 4[0]@a3/b0", "l 4@b0",
		},
		{
			"pieces that come together", []Extents{10, 10}, []*metadata.LogicalVolume{recordLV("l", linear(2, 5), linear(3, 0))}, MoveOptions{From: from()},
			"l! 2@pvmove0:0 3@pvmove0:2\npvmove0! 2[0]@a5/b0 3[0]@a0/b2", "l 5@b0",
		},
		{
			"ranges", []Extents{10, 10}, []*metadata.LogicalVolume{recordLV("l", linear(8, 1)), recordLV("m", linear(1, 9))},
			MoveOptions{From: from(PERange{0, 3}, PERange{5, 1}, PERange{8, 2})},
			"l! 2@pvmove0:0 2@a3 1@pvmove0:2 2@a6 1@pvmove0:3\nm! 1@pvmove0:4\npvmove0! 2[0]@a1/b0 1[0]@a5/b2 1[0]@a8/b3 1[0]@a9/b4",
			"l 2@b0 2@a3 1@b2 2@a6 1@b3\nm 1@b4",
		},
		{
			"a stripe", []Extents{10, 10, 10}, []*metadata.LogicalVolume{recordLV("l", stripedSegment(6, 8, areaAt(0, 2), areaAt(1, 0)))}, MoveOptions{From: from()},
			"l! 6@pvmove0:0/b0\npvmove0! 3[0]@a2/c0", "l 6@c0/b0",
		},
		{
			"a stripe to where the other is", []Extents{10, 10}, []*metadata.LogicalVolume{recordLV("l", stripedSegment(6, 8, areaAt(0, 2), areaAt(1, 0)))},
			MoveOptions{From: from(), To: []PVSelection{{PV: "b"}}, Allocation: metadata.AllocAnywhere}, "l! 6@pvmove0:0/b0\npvmove0! 3[0]@a2/b3", "l 6@b3/b0",
		},
		{
			// lvm2 fails here.
			"both stripes, to places of other lengths", []Extents{10, 4, 3, 3}, []*metadata.LogicalVolume{recordLV("l", stripedSegment(10, 8, areaAt(0, 0), areaAt(0, 5)))},
			MoveOptions{From: from()},
			"l! 4@pvmove0:0/pvmove0:2 4@pvmove0:4/pvmove0:6 2@pvmove0:8/pvmove0:9\n" +
				"pvmove0! 2[0]@a0/b0 2[0]@a5/c1 2[0]@a2/b2 2[0]@a7/d0 1[0]@a4/c0 1[0]@a9/d2",
			"l 4@b0/c1 4@b2/d0 2@c0/d2",
		},
		{
			"in pieces", []Extents{10, 10}, []*metadata.LogicalVolume{recordLV("l", linear(5, 0))}, MoveOptions{From: from(), MaxSegment: 2*MiB + KiB},
			"l! 2@pvmove0:0 2@pvmove0:2 1@pvmove0:4\npvmove0! 2[0]@a0/b0 2[0]@a2/b2 1[0]@a4/b4", "l 5@b0",
		},
		{
			"in pieces of less than an extent", []Extents{10, 10}, []*metadata.LogicalVolume{recordLV("l", linear(2, 0))}, MoveOptions{From: from(), MaxSegment: 1},
			"l! 1@pvmove0:0 1@pvmove0:1\npvmove0! 1[0]@a0/b0 1[0]@a1/b1", "l 2@b0",
		},
		{
			"for the sake of a rate", []Extents{30, 30}, []*metadata.LogicalVolume{recordLV("l", linear(25, 0))}, MoveOptions{From: from(), Run: MoveRun{Rate: MiB}},
			"l! 10@pvmove0:0 10@pvmove0:10 5@pvmove0:20\npvmove0! 10[0]@a0/b0 10[0]@a10/b10 5[0]@a20/b20", "l 25@b0",
		},
		{
			"one lv of two, and what has no storage stays", []Extents{10, 10},
			[]*metadata.LogicalVolume{
				recordLV("k", linear(1, 0)),
				recordLV("l", linear(1, 1), metadata.Segment{Count: 3, Type: "zero", Body: &metadata.Virtual{}}),
			},
			MoveOptions{From: from(), LV: "l"}, "k 1@a0\nl! 1@pvmove0:0 3\npvmove0! 1[0]@a1/b0", "k 1@a0\nl 1@b0 3",
		},
		{
			"to ranges in their order", []Extents{10, 10, 10}, []*metadata.LogicalVolume{recordLV("l", linear(5, 0))},
			MoveOptions{From: from(), To: []PVSelection{{PV: "c", Ranges: []PERange{{7, 3}}}, {PV: "b", Ranges: []PERange{{1, 2}}}}},
			"l! 3@pvmove0:0 2@pvmove0:3\npvmove0! 3[0]@a0/c7 2[0]@a3/b1", "l 3@c7 2@b1",
		},
		{
			"within a pv", []Extents{10}, []*metadata.LogicalVolume{recordLV("l", linear(2, 7))},
			MoveOptions{From: from(PERange{7, 2}), To: []PVSelection{from(PERange{0, 5})}, Allocation: metadata.AllocAnywhere},
			"l! 2@pvmove0:0\npvmove0! 2[0]@a7/a0", "l 2@a0",
		},
		{
			"atomic", []Extents{10, 10}, []*metadata.LogicalVolume{recordLV("l", linear(2, 5), linear(3, 0))}, MoveOptions{From: from(), Atomic: true},
			"l! 2@pvmove0:0 3@pvmove0:2\npvmove0! 5[0]@pvmove0_mimage_0:0/pvmove0_mimage_1:0\npvmove0_mimage_0 2@a5 3@a0\npvmove0_mimage_1 2@b0 3@b2", "l 5@b0",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tx := memoryGroup(t, c.pvs, c.lvs...)
			before := placesOf(tx)
			move, err := tx.StartMove(c.o)
			require.NoError(t, err)
			assert.Equal(t, c.start, placesOf(tx))
			assert.Equal(t, "a", move.From)
			assert.Equal(t, c.o.Atomic, move.Atomic)
			require.NoError(t, validGroup(tx))

			aborted := memoryTx(t, &metadata.Document{VG: compacted(tx.vg)})
			require.NoError(t, aborted.AbortMove("pvmove0"))
			assert.Equal(t, before, placesOf(aborted))

			require.ErrorIs(t, tx.FinishMove("pvmove0"), ErrInvalidSpec)
			assert.Equal(t, c.start, placesOf(tx))
			for range tx.VG().Moves()[0].Segments {
				require.NoError(t, tx.AdvanceMove("pvmove0"))
			}
			require.ErrorIs(t, tx.AdvanceMove("pvmove0"), ErrInvalidSpec)
			require.NoError(t, tx.FinishMove(move.ID.String()))
			assert.Equal(t, c.end, placesOf(tx))
			require.NoError(t, validGroup(tx))
			require.ErrorIs(t, tx.FinishMove("pvmove0"), ErrLVNotFound)
		})
	}
}

// compacted returns a group without the gaps that a transaction leaves.
func compacted(vg *metadata.VolumeGroup) *metadata.VolumeGroup {
	rec := *vg
	rec.LVs = slices.DeleteFunc(slices.Clone(vg.LVs), func(lv *metadata.LogicalVolume) bool { return lv == nil })
	return &rec
}

// validGroup checks the group of a transaction, and that its map is that of the
// group.
func validGroup(tx *Tx) error {
	vg := compacted(tx.vg)
	vg.ExtentSize = max(vg.ExtentSize, 1)
	fresh, kept := NewExtentMap(vg), tx.emap.settled()
	for _, pv := range vg.PVs {
		if a, b := fmt.Sprint(usesOf(fresh, pv.ID)), fmt.Sprint(usesOf(kept, pv.ID)); a != b {
			return fmt.Errorf("pv %s: the map says\n%s\nthe group\n%s", pv.Device, b, a)
		}
	}
	if fresh.conflicts > 0 {
		return fmt.Errorf("%d areas overlap", fresh.conflicts)
	}
	return nil
}

func usesOf(m *ExtentMap, pv metadata.ID) []string {
	var out []string
	for r := range m.Runs(pv) {
		out = append(out, fmt.Sprintf("%d+%d %s %d %d", r.Start, r.Count, r.LVName, r.Segment, r.Area))
	}
	return out
}

func TestMoveRefusals(t *testing.T) {
	t.Parallel()
	a := PVSelection{PV: "a"}
	disks, _ := shiftedDisks(t)
	atomic := disks.Clone()
	update(t, openDisks(t, atomic, 4), "vg0", func(tx *Tx) error { return tx.moveWith(MoveOptions{Atomic: true}, "a", "c") })
	merging := disks.Clone()
	update(t, openDisks(t, merging, 4), "vg0", func(tx *Tx) error {
		return joinErrors(tx.addSnapshot("data", "snap", 3), tx.MergeSnapshot("snap"))
	})
	start := func(o MoveOptions) func(*Tx) error {
		return func(tx *Tx) error { _, err := tx.StartMove(o); return err }
	}
	for _, c := range []struct {
		name  string
		disks *recorder.Disks
		do    func(*Tx) error
		want  error
	}{
		{"no pv", disks, start(MoveOptions{}), ErrInvalidSelection},
		{"unknown pv", disks, start(MoveOptions{From: PVSelection{PV: "nowhere"}}), ErrInvalidSelection},
		{"unknown destination", disks, start(MoveOptions{From: a, To: []PVSelection{{PV: "nowhere"}}}), ErrInvalidSelection},
		{"range beyond the end", disks, start(MoveOptions{From: PVSelection{PV: "a", Ranges: []PERange{{0, 100000}}}}), ErrInvalidSelection},
		{"unknown lv", disks, start(MoveOptions{From: a, LV: "nobody"}), ErrLVNotFound},
		{"lv that is elsewhere", disks, start(MoveOptions{From: a, LV: "inTheWay"}), ErrNothingToMove},
		{"nothing there", disks, start(MoveOptions{From: PVSelection{PV: "a", Ranges: []PERange{{300, 5}}}}), ErrNothingToMove},
		{"no room", disks, start(MoveOptions{From: a, To: []PVSelection{{PV: "c", Ranges: []PERange{{0, 12}}}}}), ErrNoSpace},
		{"only where it is", disks, start(MoveOptions{From: a, To: []PVSelection{a}}), ErrNoSpace},
		{"only where the other stripe is", disks, start(MoveOptions{From: a, LV: "striped", To: []PVSelection{{PV: "b"}}}), ErrNoSpace},
		{"in one place", disks, start(MoveOptions{From: a, To: []PVSelection{{PV: "c", Ranges: []PERange{{0, 20}}}}, Allocation: metadata.AllocContiguous}), ErrNoSpace},
		{"policy that is none", disks, start(MoveOptions{From: a, Allocation: 99}), ErrInvalidSpec},
		{"pieces and atomic", disks, start(MoveOptions{From: a, Atomic: true, MaxSegment: MiB}), ErrInvalidSpec},
		{"advance what is not", disks, func(tx *Tx) error { return tx.AdvanceMove("pvmove0") }, ErrLVNotFound},
		{"finish what is no move", disks, func(tx *Tx) error { return tx.FinishMove("data") }, ErrLVNotFound},
		{"abort what is no move", disks, func(tx *Tx) error { return tx.AbortMove("data") }, ErrLVNotFound},
		{"finish too early", atomic, func(tx *Tx) error { return tx.FinishMove("pvmove0") }, ErrInvalidSpec},
		{"twice", atomic, start(MoveOptions{From: a}), ErrMoving},
		{"twice the same lv", atomic, start(MoveOptions{From: a, LV: "data"}), ErrMoving},
		{"the move itself", atomic, start(MoveOptions{From: a, LV: "pvmove0"}), ErrMoving},
		{"a part of a move", atomic, start(MoveOptions{From: PVSelection{PV: "c"}, LV: "pvmove0_mimage_1"}), ErrMoving},
		{"remove what moves", atomic, func(tx *Tx) error { return tx.RemoveLV("data") }, ErrMoving},
		{"extend what moves", atomic, func(tx *Tx) error { return tx.ExtendLV("data", ExtendSpec{By: ExtentCount(1)}) }, ErrMoving},
		{"rename what moves", atomic, func(tx *Tx) error { return tx.RenameLV("striped", "other name") }, ErrMoving},
		{"snapshot of what moves", atomic, func(tx *Tx) error { return tx.addSnapshot("data", "snap", 3) }, ErrMoving},
		{"remove the move", atomic, func(tx *Tx) error { return tx.RemoveLV("pvmove0") }, ErrUnsupported},
		{"remove a part of the move", atomic, func(tx *Tx) error { return tx.RemoveLV("pvmove0_mimage_0") }, ErrUnsupported},
		{"take the pv out meanwhile", atomic, func(tx *Tx) error { return tx.ReduceVG("a") }, ErrBusy},
		{"remove the group meanwhile", atomic, func(tx *Tx) error { return tx.RemoveVG() }, ErrBusy},
		{"origin that a snapshot is merged into", merging, start(MoveOptions{From: a, LV: "data"}), ErrMerging},
		{"all, with an origin that a snapshot is merged into", merging, start(MoveOptions{From: a}), ErrMerging},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			disks := c.disks.Clone()
			disks.Record()
			err := openDisks(t, disks, 5).Update(context.Background(), "vg0", c.do)
			require.ErrorIs(t, err, c.want)
			var op *OpError
			assert.ErrorAs(t, err, &op)
			assert.Empty(t, disks.Writes())
		})
	}
}

// Two volumes leave one physical volume for different others at the same time.
func TestTwoMoves(t *testing.T) {
	t.Parallel()
	disks, before := shiftedDisks(t)
	sys := openDisks(t, disks, 2)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.move("data", "a", "c"), tx.move("other", "a", "b"))
	})
	v, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	moves := v.Moves()
	require.Len(t, moves, 2)
	assert.Equal(t, []string{"data"}, moves[0].LVs)
	assert.Equal(t, []string{"other"}, moves[1].LVs)
	assert.Equal(t, "a", moves[1].From)
	done, err := sys.ResumeMoves(context.Background(), "vg0", MoveRun{})
	require.NoError(t, err)
	require.Len(t, done, 2)
	_, err = sys.Move(context.Background(), "vg0", MoveOptions{From: PVSelection{PV: "a"}})
	require.NoError(t, err)
	emptied(t, sys, before, "a")
}

// If a disk dies, a move can still be ended: back to where it was, or at the
// place that all is at.
func TestMoveEndsWithMissingPV(t *testing.T) {
	t.Parallel()
	disks, before := shiftedDisks(t)
	moving(MoveOptions{MaxSegment: 16 * KiB}, 2)(t, openDisks(t, disks, 2), OneArea)
	lost := func(device string) *System {
		disks := disks.Clone()
		sys := openDisks(t, disks, 3)
		lose(t, sys, device)
		return openDisks(t, disks, 4)
	}

	sys := lost("c")
	err := sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.AdvanceMove("pvmove0") })
	require.ErrorIs(t, err, ErrMissingPV)
	require.NoError(t, sys.AbortMove(context.Background(), "vg0", "a"))
	v, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	assert.Empty(t, v.Moves())
	checkPatterns(t, sys, before) // but of those that are on c
	lv, err := v.LV("striped")
	require.NoError(t, err)
	assert.False(t, lv.Partial())

	sys = lost("a")
	_, err = sys.ResumeMoves(context.Background(), "vg0", MoveRun{})
	require.ErrorIs(t, err, ErrMissingPV)
	update(t, sys, "vg0", func(tx *Tx) error {
		for unfinished(tx.find(tx.VG().Moves()[0].ID)) != nil {
			if err := tx.AdvanceMove("pvmove0"); err != nil {
				return err
			}
		}
		return tx.FinishMove("pvmove0")
	})
	v, err = sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	assert.False(t, v.extents().Used(v.MissingPVs()[0].ID()) > 0)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.RemoveMissing(RemoveMissingSpec{}) })
}

// What lvm2 leaves of a move if it dies after its last commit but one.
func TestRemainsOfMoves(t *testing.T) {
	t.Parallel()
	remains := func(name string, status metadata.LVStatus) *metadata.LogicalVolume {
		lv := recordLV(name, metadata.Segment{Count: 1, Type: "error", Body: &metadata.Virtual{}})
		lv.Status = status
		return lv
	}
	group := func(lvs ...*metadata.LogicalVolume) *Tx {
		tx := memoryGroup(t, []Extents{10, 10}, append(lvs, recordLV("l", stripedSegment(2, 0, areaAt(0, 0))))...)
		for _, lv := range tx.st.doc.VG.LVs {
			if lv.Name != "l" {
				lv.Status &^= metadata.LVVisible
			}
		}
		return tx
	}
	tx := group(remains("pvmove0", 0))
	require.NoError(t, tx.clearRemains())
	assert.Equal(t, "l 2@a0", placesOf(tx))
	assert.True(t, tx.changed)

	tx = group(remains("pvmove0", 0))
	require.NoError(t, tx.AbortMove("pvmove0"))
	assert.Equal(t, "l 2@a0", placesOf(tx))

	for _, lv := range []*metadata.LogicalVolume{
		remains("pvmove", 0), remains("pvmove0x", 0), remains("hidden", 0), remains("pvmove0", metadata.LVPvmove|metadata.LVLocked),
		recordLV("pvmove0", stripedSegment(2, 0, areaAt(1, 0))),
	} {
		tx = group(lv)
		before := placesOf(tx)
		require.NoError(t, tx.clearRemains())
		assert.Equal(t, before, placesOf(tx))
		assert.False(t, tx.changed)
	}
	_, err := group(remains("pvmove4", 0)).StartMove(MoveOptions{From: PVSelection{PV: "a"}})
	require.NoError(t, err)
}

// TestMovesKeepData moves extents of random groups by random options, and ends
// each move in one way or the other. Each block of each volume is where it can be
// read at every step.
func TestMovesKeepData(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		number := func(from, to int, what string) int { return rapid.IntRange(from, to).Draw(rt, what) }
		sizes := make([]Extents, number(2, 5, "pvs"))
		for i := range sizes {
			sizes[i] = Extents(number(6, 40, "extents"))
		}
		tx := memoryGroup(t, sizes)
		tx.vg.ExtentSize = (4 * KiB).Sectors()
		tx.st.doc.VG.ExtentSize = tx.vg.ExtentSize
		tx.emap = NewExtentMap(compacted(tx.vg))
		for i := range number(1, 6, "lvs") {
			spec := LVSpec{Name: fmt.Sprint("l", i), Size: ExtentCount(Extents(number(1, 12, "size"))), Stripes: number(1, len(sizes), "stripes"),
				StripeSize: 4 * KiB, Allocation: metadata.AllocAnywhere}
			if _, err := tx.CreateLV(spec); err != nil {
				continue
			}
			if number(0, 1, "extend") == 1 {
				_ = tx.ExtendLV(spec.Name, ExtendSpec{By: ExtentCount(Extents(number(1, 5, "by"))), Stripes: number(1, 2, "stripes")})
			}
		}
		again := func(old *Tx) *Tx {
			vg := compacted(old.vg)
			vg.Seqno++
			tx := memoryTx(t, &metadata.Document{VG: vg})
			tx.members = old.members
			require.NoError(rt, validGroup(tx))
			return tx
		}
		tx = again(tx)
		disk := newBlocks(rt, tx)
		pv := func(what string) string { return string(rune('a' + number(0, len(sizes)-1, what))) }
		for range number(1, 4, "moves") {
			o := MoveOptions{From: PVSelection{PV: pv("from")}, Atomic: number(0, 3, "atomic") == 0}
			if !o.Atomic {
				o.MaxSegment = Bytes(number(0, 4, "most")) * 4 * KiB
			}
			if number(0, 1, "ranges") == 1 {
				size := int(sizes[o.From.PV[0]-'a'])
				at := number(0, size-1, "first")
				o.From.Ranges = []PERange{{Extents(at), Extents(number(1, size-at, "count"))}}
			}
			if number(0, 2, "anywhere") == 0 {
				o.Allocation = metadata.AllocAnywhere
			}
			if number(0, 3, "to") == 0 {
				o.To = []PVSelection{{PV: pv("to")}}
			}
			_, _ = tx.StartMove(o)
			tx = again(tx)
			disk.check(rt, tx)
			for _, move := range tx.VG().Moves() {
				steps := number(0, move.Segments, "steps")
				for range steps {
					lv := tx.find(move.ID)
					seg := unfinished(lv)
					if seg == nil {
						break
					}
					disk.copy(rt, tx, seg)
					require.NoError(rt, tx.AdvanceMove(move.Name))
					if !o.Atomic || number(0, 1, "commit") == 0 {
						tx = again(tx)
						disk.check(rt, tx)
					}
				}
				switch lv := tx.find(move.ID); {
				case unfinished(lv) == nil:
					require.NoError(rt, tx.FinishMove(move.Name))
				case number(0, 2, "abort") > 0:
					require.NoError(rt, tx.AbortMove(move.Name))
				}
				tx = again(tx)
				disk.check(rt, tx)
			}
		}
		for _, move := range tx.VG().Moves() {
			require.NoError(rt, tx.AbortMove(move.Name))
		}
		tx = again(tx)
		disk.check(rt, tx)
		for _, lv := range tx.vg.LVs {
			require.Zero(rt, lv.Status&(metadata.LVLocked|metadata.LVPvmove), lv.Name)
		}
	})
}

// blocks is what the blocks of physical volumes hold: the volume and the number of
// the block that was written there.
type blocks map[block]string

type block struct {
	pv     metadata.ID
	number Bytes
}

func newBlocks(t require.TestingT, tx *Tx) blocks {
	b := blocks{}
	for _, lv := range tx.vg.LVs {
		eachBlock(t, tx.emap, lv, func(n Bytes, at block) { b[at] = fmt.Sprint(lv.Name, " ", n) })
	}
	return b
}

func eachBlock(t require.TestingT, m *ExtentMap, lv *metadata.LogicalVolume, fn func(Bytes, block)) {
	for piece, err := range m.Map(lv.ID, 0, Bytes(lv.Extents())*4*KiB) {
		require.NoError(t, err)
		for n := Bytes(0); n < piece.Length; n += 4 * KiB {
			fn((piece.LVOffset+n)/(4*KiB), block{piece.PV, (piece.Offset + n) / (4 * KiB)})
		}
	}
}

func (b blocks) check(t require.TestingT, tx *Tx) {
	for _, lv := range tx.vg.LVs {
		if strings.HasPrefix(lv.Name, movePrefix) {
			continue
		}
		eachBlock(t, tx.emap, lv, func(n Bytes, at block) {
			require.Equal(t, fmt.Sprint(lv.Name, " ", n), b[at], "in\n%s", placesOf(tx))
		})
	}
}

// copy copies a segment of a move.
func (b blocks) copy(t require.TestingT, tx *Tx, seg *metadata.Segment) {
	body := seg.Body.(*metadata.Mirror)
	var legs [2][]block
	for i := range legs {
		vg := compacted(tx.vg)
		lv := &metadata.LogicalVolume{Name: "leg", ID: testID("leg", i), Segments: []metadata.Segment{
			{Count: seg.Count, Type: "striped", Body: &metadata.Striped{Stripes: body.Legs[i : i+1]}},
		}}
		vg.LVs = []*metadata.LogicalVolume{lv}
		if image := tx.find(body.Legs[i].LV); image != nil {
			vg.LVs = append(vg.LVs, image)
		}
		eachBlock(t, NewExtentMap(vg), lv, func(_ Bytes, at block) { legs[i] = append(legs[i], at) })
	}
	for i, at := range legs[1] {
		b[at] = b[legs[0][i]]
	}
}
