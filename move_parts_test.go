package lvm

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/corpus"
	"github.com/lvm-go/lvm/metadata"
)

// roomyDocument returns the group of a recorded case, with two more physical
// volumes, on which there is room for all.
func roomyDocument(t testing.TB, c *corpus.Case) *metadata.Document {
	t.Helper()
	text, ok := c.File(t, "vg.conf")
	require.True(t, ok)
	doc, err := metadata.DecodeDocument(text)
	require.NoError(t, err)
	for i := range 2 {
		pv := *doc.VG.PVs[0]
		pv.ID, pv.Device, pv.PECount, pv.DeviceSize = metadata.ID(bytes.Repeat([]byte{byte('A' + i)}, 32)), "", 1<<20, 0
		pv.Status = metadata.PVAllocatable
		doc.VG.PVs = append(doc.VG.PVs, &pv)
	}
	return doc
}

// Whatever lvm2 made of what a group consists of can be moved off any of its
// physical volumes, in parts or as a whole, and no two legs of a raid or mirror
// come to lie together.
func TestMovesOfAllTypes(t *testing.T) {
	t.Parallel()
	moved, refused := 0, 0
	for _, c := range corpus.Cases(t) {
		if _, ok := c.File(t, "vg.conf"); !ok {
			continue
		}
		before := roomyDocument(t, c)
		kinds := slices.ContainsFunc(before.VG.LVs, func(lv *metadata.LogicalVolume) bool { return kindOf(lv) != nil })
		if !kinds || slices.ContainsFunc(before.VG.LVs, isMove) {
			continue
		}
		for i := range before.VG.PVs[:len(before.VG.PVs)-2] {
			for _, atomic := range []bool{false, true} {
				where := fmt.Sprintf("%s off pv%d, atomic %t", c.Name, i, atomic)
				tx := memoryTx(t, roomyDocument(t, c))
				if tx.own() != nil {
					continue
				}
				from := PVSelection{PV: fmt.Sprintf("pv%d", i)}
				apartBefore := together(tx)
				move, err := tx.StartMove(MoveOptions{From: from, Atomic: atomic})
				if err != nil {
					if !errors.Is(err, ErrNothingToMove) && !errors.Is(err, ErrMerging) {
						assert.ErrorIs(t, err, ErrUnsupported, where)
					}
					requireSameVolumes(t, before.VG, present(tx), where)
					refused++
					continue
				}
				moved++
				require.NoError(t, present(tx).Validate(), where)
				require.NoError(t, tx.AbortMove(move.Name), where)
				requireSameVolumes(t, before.VG, present(tx), where)

				move, err = tx.StartMove(MoveOptions{From: from, Atomic: atomic})
				require.NoError(t, err, where)
				for range move.Segments {
					require.NoError(t, tx.AdvanceMove(move.Name), where)
				}
				require.NoError(t, tx.FinishMove(move.Name), where)
				require.NoError(t, present(tx).Validate(), where)
				assert.Empty(t, tx.partialLVs(map[metadata.ID]bool{tx.vg.PVs[i].ID: true}), where)
				assert.Subset(t, apartBefore, together(tx), where)
			}
		}
	}
	assert.Greater(t, moved, 150)
	assert.Greater(t, refused, 10)
}

// present returns the group without the gaps that volumes left in the list.
func present(tx *Tx) *metadata.VolumeGroup {
	vg := *tx.vg
	vg.LVs = slices.DeleteFunc(slices.Clone(vg.LVs), func(lv *metadata.LogicalVolume) bool { return lv == nil })
	return &vg
}

// requireSameVolumes checks that volumes lie where they did.
func requireSameVolumes(t testing.TB, want, got *metadata.VolumeGroup, where string) {
	t.Helper()
	for _, lv := range want.LVs {
		now := lvByID(got, lv.ID)
		require.NotNil(t, now, "%s: %s", where, lv.Name)
		assert.Equal(t, lv.Status, now.Status, "%s: %s", where, lv.Name)
		for e := range lv.Extents() {
			assert.Equal(t, extentAreas(lv, e), extentAreas(now, e), "%s: extent %d of %s", where, e, lv.Name)
		}
	}
}

// extentAreas returns the areas that an extent of a volume is in.
func extentAreas(lv *metadata.LogicalVolume, e Extents) (at []metadata.Area) {
	for i := range lv.Segments {
		seg := &lv.Segments[i]
		if e < seg.Start || e >= seg.Start+seg.Count {
			continue
		}
		for _, a := range areasOf(seg) {
			a.Start += (e - seg.Start) * seg.AreaLength() / seg.Count
			at = append(at, a)
		}
	}
	return at
}

// together returns what is on the same physical volume though it is redundant
// with each other.
func together(tx *Tx) []string {
	var out []string
	for _, lv := range tx.vg.LVs {
		if lv == nil {
			continue
		}
		for _, pv := range tx.apart(lv) {
			if !liesOn(lv, map[metadata.ID]bool{pv: true}, tx.find).IsZero() {
				out = append(out, lv.Name+" on "+pv.String())
			}
		}
	}
	return out
}

// caseTx returns a transaction on a recorded group with room.
func caseTx(t testing.TB, name string) *Tx {
	t.Helper()
	return memoryTx(t, roomyDocument(t, corpus.Load(t, name)))
}

// pvUnder returns the name of the first physical volume below an LV.
func pvUnder(t testing.TB, tx *Tx, name string) string {
	t.Helper()
	lv, _ := tx.lookup(name)
	require.NotNil(t, lv, name)
	for _, a := range areasOnPVs(lv, tx.find) {
		return tx.members[a.PV].path
	}
	t.Fatalf("lv %s lies on nothing", name)
	return ""
}

func TestMoveKeepsLegsApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ corpus, from, to string }{
		{"raid1-2", "_rimage_0", "_rimage_1"},
		{"raid1-2", "_rmeta_0", "_rimage_1"},
		{"raid5", "_rimage_2", "_rimage_0"},
		{"thin-pool-raid1", "_tdata_rimage_0", "_tdata_rimage_1"},
		{"mirror-disk-log", "_mimage_1", "_mimage_0"},
	} {
		t.Run(c.corpus+c.from, func(t *testing.T) {
			t.Parallel()
			tx := caseTx(t, c.corpus)
			name := func(end string) string {
				i := slices.IndexFunc(tx.vg.LVs, func(lv *metadata.LogicalVolume) bool { return strings.HasSuffix(lv.Name, end) })
				require.GreaterOrEqual(t, i, 0, end)
				return tx.vg.LVs[i].Name
			}
			o := MoveOptions{LV: name(c.from), From: PVSelection{PV: pvUnder(t, tx, name(c.from))}, To: []PVSelection{{PV: pvUnder(t, tx, name(c.to))}}}
			_, err := tx.StartMove(o)
			require.ErrorIs(t, err, ErrNoSpace)
			o.Allocation = AllocAnywhere
			move, err := tx.StartMove(o)
			require.NoError(t, err)
			assert.Equal(t, []string{o.LV}, move.LVs)
			require.NoError(t, tx.AbortMove(move.Name))
			o.Allocation, o.To = metadata.AllocInherit, nil
			_, err = tx.StartMove(o)
			require.NoError(t, err)
		})
	}
}

func TestMoveRefusesParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ corpus, lv, says string }{
		{"integrity-raid1", "r_rimage_0_iorig", "integrity"},
		{"integrity-raid1", "r_rmeta_0", "integrity"},
		{"writecache", "fast_cvol", "writecache"},
	} {
		t.Run(c.lv, func(t *testing.T) {
			t.Parallel()
			tx := caseTx(t, c.corpus)
			_, err := tx.StartMove(MoveOptions{LV: c.lv, From: PVSelection{PV: pvUnder(t, tx, c.lv)}})
			require.ErrorIs(t, err, ErrUnsupported)
			assert.Contains(t, err.Error(), c.says)
			assert.Empty(t, tx.VG().Moves())
		})
	}
}

// While a part is moved, what it belongs to cannot be changed, but pools go on
// working.
func TestChangesWhileAPartMoves(t *testing.T) {
	t.Parallel()
	tx := caseTx(t, "thin-pool-raid1")
	pool := tx.vg.LVs[slices.IndexFunc(tx.vg.LVs, isThinPool)].Name
	_, err := tx.StartMove(MoveOptions{LV: pool, From: PVSelection{PV: pvUnder(t, tx, pool)}})
	require.NoError(t, err)
	for what, err := range map[string]error{
		"rename": tx.RenameLV(pool, "other"),
		"extend": tx.ExtendLV(pool, ExtendSpec{By: ExtentCount(4)}),
		"remove": tx.RemoveLVWith(pool, RemoveSpec{Dependents: true}),
	} {
		require.ErrorIs(t, err, ErrMoving, what)
	}
	_, err = tx.CreateThin(ThinSpec{Pool: pool, Name: "new", VirtualSize: ExtentCount(1)})
	require.NoError(t, err)

	tx = caseTx(t, "raid1-2")
	raid := tx.vg.LVs[slices.IndexFunc(tx.vg.LVs, func(lv *metadata.LogicalVolume) bool { return tx.isVisible(lv) })].Name
	_, err = tx.StartMove(MoveOptions{LV: raid, From: PVSelection{PV: pvUnder(t, tx, raid)}})
	require.NoError(t, err)
	for what, err := range map[string]error{
		"rename":   tx.RenameLV(raid, "other"),
		"extend":   tx.ExtendLV(raid, ExtendSpec{By: ExtentCount(4)}),
		"remove":   tx.RemoveLV(raid),
		"snapshot": tx.createSnapshotOf(raid),
	} {
		require.ErrorIs(t, err, ErrMoving, what)
	}
}

func (tx *Tx) createSnapshotOf(origin string) error {
	_, err := tx.CreateSnapshot(origin, SnapshotSpec{Size: ExtentCount(4)})
	return err
}
