package metadata_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

func TestMoveIsReadAndWritten(t *testing.T) {
	t.Parallel()
	doc := decode(t, corpusText(t, "pvmove-running"))
	pvs := doc.VG.PVs
	move := doc.VG.LVs[len(doc.VG.LVs)-1]
	require.Equal(t, "pvmove0", move.Name)
	require.Len(t, move.Segments, 2)
	for i, want := range []*metadata.Mirror{
		{Legs: []metadata.Area{{PV: pvs[0].ID}, {PV: pvs[2].ID}}, Moved: 6, RegionSize: 4096},
		{Legs: []metadata.Area{{PV: pvs[0].ID, Start: 6}, {PV: pvs[2].ID, Start: 6}}, RegionSize: 4096},
	} {
		s := &move.Segments[i]
		assert.Equal(t, want, s.Body)
		assert.Equal(t, want.Legs, s.Body.Areas())
		assert.Equal(t, s.Count, s.AreaLength())
		assert.Empty(t, s.Extra)
	}
	// PVs get other names when they come in another order.
	doc.VG.PVs = []*metadata.PhysicalVolume{pvs[2], pvs[1], pvs[0]}
	text, err := doc.EncodeBackup()
	require.NoError(t, err)
	assert.Contains(t, string(text), "mirror_count = 2\n\t\t\t\textents_moved = 6\t# 24 Megabytes\n\t\t\t\tregion_size = 4096\n\n"+
		"\t\t\t\tmirrors = [\n\t\t\t\t\t\"pv2\", 0,\n\t\t\t\t\t\"pv0\", 0\n\t\t\t\t]\n")
}

func TestMirrorIsReadAndWritten(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		log  string
		legs int
	}{"mirror-core-log": {"", 2}, "mirror-disk-log": {"m_mlog", 2}, "mirror-3-legs": {"", 3}, "pvmove-copying-atomic": {"", 2}} {
		doc := decode(t, corpusText(t, name))
		var log metadata.ID
		mirrors := 0
		for _, lv := range doc.VG.LVs {
			if lv.Name == want.log {
				log = lv.ID
			}
		}
		for _, lv := range doc.VG.LVs {
			b, ok := lv.Segments[0].Body.(*metadata.Mirror)
			if !ok {
				continue
			}
			mirrors++
			assert.Equal(t, want.log == "", log.IsZero(), name)
			assert.Equal(t, log, b.Log, name)
			assert.Len(t, b.Legs, want.legs, name)
			for _, leg := range b.Legs {
				assert.True(t, leg.PV.IsZero(), name)
				assert.False(t, leg.LV.IsZero(), name)
			}
			assert.Zero(t, b.Moved, name)
		}
		assert.Equal(t, 1, mirrors, name)
	}
}

// mirrorText is the example with a mirror of a volume and a log, or of PVs if it
// moves.
func mirrorText(t *testing.T, status, segment string) []byte {
	t.Helper()
	return change(t,
		"status = [\"READ\", \"WRITE\", \"VISIBLE\"]", "status = ["+status+"]",
		"type = \"striped\"\nstripe_count = 1\n\nstripes = [\n\"pv0\", 0\n]\n", segment)
}

const moveSegment = "type = \"mirror\"\nmirror_count = 2\nextents_moved = 1\nregion_size = 2048\n\nmirrors = [\n\"pv0\", 0,\n\"pv0\", 4\n]\n"

func TestMirrorThatCannotBeRead(t *testing.T) {
	t.Parallel()
	doc := decode(t, mirrorText(t, `"PVMOVE"`, moveSegment))
	require.NoError(t, doc.VG.Validate())
	for name, bad := range map[string][2]string{
		"no count":       {"mirror_count = 2\n", ""},
		"count":          {"mirror_count = 2\n", "mirror_count = 3\n"},
		"count of none":  {"mirror_count = 2\n", "mirror_count = 0\n"},
		"no legs":        {"mirrors = [\n\"pv0\", 0,\n\"pv0\", 4\n]\n", ""},
		"empty":          {"[\n\"pv0\", 0,\n\"pv0\", 4\n]", "[]"},
		"half a leg":     {"\"pv0\", 4\n", "\"pv0\"\n"},
		"foreign leg":    {"\"pv0\", 4\n", "\"pv1\", 4\n"},
		"foreign log":    {"region", "mirror_log = \"x\"\nregion"},
		"log on a pv":    {"region", "mirror_log = \"pv0\"\nregion"},
		"moved":          {"moved = 1", "moved = -1"},
		"region":         {"size = 2048", "size = \"2048\""},
		"region too big": {"size = 2048", "size = 4294967296"},
	} {
		require.Contains(t, moveSegment, bad[0], name)
		_, err := metadata.DecodeDocument(mirrorText(t, `"PVMOVE"`, strings.Replace(moveSegment, bad[0], bad[1], 1)))
		require.ErrorIs(t, err, metadata.ErrInvalid, name)
	}
}

// How far a move has come, is a field of moves. Elsewhere it is kept as it is.
func TestMovedOfNoMove(t *testing.T) {
	t.Parallel()
	text := mirrorText(t, `"VISIBLE"`, moveSegment)
	doc := decode(t, text)
	s := doc.VG.LVs[0].Segments[0]
	assert.Zero(t, s.Body.(*metadata.Mirror).Moved)
	require.Len(t, s.Extra, 1)
	printed, err := doc.EncodeArea()
	require.NoError(t, err)
	assert.Equal(t, string(text), string(printed))

	// The status counts wherever it stands.
	late := strings.Replace(string(mirrorText(t, `"PVMOVE"`, moveSegment)), "status = [\"PVMOVE\"]\n", "", 1)
	at := strings.Index(late, "]\n}\n}\n}\n\n}\n#") + len("]\n}\n")
	doc = decode(t, []byte(late[:at]+"status = [\"PVMOVE\"]\n"+late[at:]))
	assert.Equal(t, units.Extents(1), doc.VG.LVs[0].Segments[0].Body.(*metadata.Mirror).Moved)

	doc.VG.LVs[0].Status = 0
	_, err = doc.EncodeArea()
	require.ErrorIs(t, err, metadata.ErrInvalid)
	checkRule(t, doc.VG, metadata.RuleMirror, "lv vg/a segment 1")
}

// mirrored is a group with a mirror of a and b, which have 10 extents, and a log
// on s: its last LV.
func mirrored(t *testing.T) (*metadata.VolumeGroup, *metadata.Mirror) {
	t.Helper()
	vg := validGroup(t)
	vg.LVs[0].Segments = vg.LVs[0].Segments[:1]
	b := &metadata.Mirror{Legs: []metadata.Area{{LV: vg.LVs[0].ID}, {LV: vg.LVs[1].ID}}, Log: vg.LVs[2].ID, RegionSize: 4096}
	add(vg, "m", metadata.Segment{Count: 10, Type: "mirror", Body: b})
	return vg, b
}

// moving is a group with a move of two segments: its last LV.
func moving(t *testing.T) (*metadata.VolumeGroup, *metadata.LogicalVolume) {
	t.Helper()
	vg := validGroup(t)
	move := add(vg, "pvmove0")
	move.Status = metadata.LVPvmove | metadata.LVLocked
	for i := range units.Extents(2) {
		move.Segments = append(move.Segments, metadata.Segment{Start: 5 * i, Count: 5, Type: "mirror", Body: &metadata.Mirror{
			Legs:       []metadata.Area{{PV: vg.PVs[0].ID, Start: 20 + 5*i}, {PV: vg.PVs[1].ID, Start: 30 + 5*i}},
			RegionSize: 4096,
		}})
	}
	return vg, move
}

func TestValidateMirrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		rule   metadata.Rule // "": it is valid
		object string
		change func(vg *metadata.VolumeGroup, b *metadata.Mirror)
	}{
		{"as it is", "", "", func(*metadata.VolumeGroup, *metadata.Mirror) {}},
		{"log in memory", "", "", func(_ *metadata.VolumeGroup, b *metadata.Mirror) { b.Log = metadata.ID{} }},
		{"one leg", "", "", func(_ *metadata.VolumeGroup, b *metadata.Mirror) { b.Legs = b.Legs[:1] }},
		{"no leg", metadata.RuleMirror, "lv vg/m segment 1", func(_ *metadata.VolumeGroup, b *metadata.Mirror) { b.Legs = nil }},
		{"nine legs", metadata.RuleMirror, "lv vg/m segment 1", func(vg *metadata.VolumeGroup, b *metadata.Mirror) {
			for i := range units.Extents(7) {
				b.Legs = append(b.Legs, metadata.Area{PV: vg.PVs[0].ID, Start: 10 + i})
			}
		}},
		{"no region", metadata.RuleMirror, "lv vg/m segment 1", func(_ *metadata.VolumeGroup, b *metadata.Mirror) { b.RegionSize = 0 }},
		{"odd region", metadata.RuleMirror, "lv vg/m segment 1", func(_ *metadata.VolumeGroup, b *metadata.Mirror) { b.RegionSize = 4095 }},
		{"region of the lv", "", "", func(vg *metadata.VolumeGroup, b *metadata.Mirror) {
			vg.ExtentSize, b.RegionSize = 3*256, 4096
		}},
		{"region beyond the lv", metadata.RuleMirror, "lv vg/m segment 1", func(_ *metadata.VolumeGroup, b *metadata.Mirror) { b.RegionSize = 1 << 17 }},
		{"moved", metadata.RuleMirror, "lv vg/m segment 1", func(_ *metadata.VolumeGroup, b *metadata.Mirror) { b.Moved = 1 }},
		{"foreign leg", metadata.RuleArea, "lv vg/m segment 1", func(_ *metadata.VolumeGroup, b *metadata.Mirror) { b.Legs[0].LV[2]++ }},
		{"foreign log", metadata.RuleArea, "lv vg/m segment 1", func(_ *metadata.VolumeGroup, b *metadata.Mirror) { b.Log[2]++ }},
		{"leg twice", metadata.RuleOverlap, "lv vg/m segment 1", func(_ *metadata.VolumeGroup, b *metadata.Mirror) { b.Legs[1] = b.Legs[0] }},
		{"leg is log", metadata.RuleOverlap, "lv vg/m segment 1", func(_ *metadata.VolumeGroup, b *metadata.Mirror) { b.Log = b.Legs[0].LV }},
		{"log in use", metadata.RuleOverlap, "lv vg/other segment 1", func(vg *metadata.VolumeGroup, _ *metadata.Mirror) {
			add(vg, "other", onLV(vg, 2, 0, 1))
		}},
		{"longer leg", metadata.RuleMirror, "lv vg/m segment 1", func(vg *metadata.VolumeGroup, _ *metadata.Mirror) {
			vg.LVs[0].Segments[0].Count = 11
		}},
		{"shorter leg", metadata.RuleArea, "lv vg/m segment 1", func(vg *metadata.VolumeGroup, _ *metadata.Mirror) {
			vg.LVs[0].Segments[0].Count = 9
		}},
		{"late leg", metadata.RuleMirror, "lv vg/m segment 1", func(vg *metadata.VolumeGroup, b *metadata.Mirror) {
			b.Legs[0].Start, vg.LVs[0].Segments[0].Count = 1, 11
		}},
		{"two segments", metadata.RuleMirror, "lv vg/m segment 1", func(vg *metadata.VolumeGroup, _ *metadata.Mirror) {
			vg.LVs[3].Segments = append(vg.LVs[3].Segments, metadata.Segment{Start: 10, Count: 1, Type: "zero", Body: &metadata.Virtual{}})
		}},
		{"log on the mirror", metadata.RuleCycle, "lv vg/s", func(vg *metadata.VolumeGroup, _ *metadata.Mirror) {
			vg.LVs[2].Segments[0] = onLV(vg, 3, 0, 1)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			vg, b := mirrored(t)
			test.change(vg, b)
			checkRule(t, vg, test.rule, test.object)
		})
	}
}

func TestValidateMoves(t *testing.T) {
	t.Parallel()
	mirror := func(lv *metadata.LogicalVolume, n int) *metadata.Mirror {
		return lv.Segments[n].Body.(*metadata.Mirror)
	}
	for _, test := range []struct {
		name   string
		rule   metadata.Rule // "": it is valid
		object string
		change func(vg *metadata.VolumeGroup, move *metadata.LogicalVolume)
	}{
		{"as it is", "", "", func(*metadata.VolumeGroup, *metadata.LogicalVolume) {}},
		{"in use", "", "", func(vg *metadata.VolumeGroup, _ *metadata.LogicalVolume) { vg.LVs[1].Segments[0] = onLV(vg, 3, 0, 10) }},
		{"half done", "", "", func(_ *metadata.VolumeGroup, move *metadata.LogicalVolume) { mirror(move, 0).Moved = 5 }},
		{"moved too far", metadata.RuleMirror, "lv vg/pvmove0 segment 2", func(_ *metadata.VolumeGroup, move *metadata.LogicalVolume) { mirror(move, 1).Moved = 6 }},
		{"one leg", metadata.RuleMirror, "lv vg/pvmove0 segment 1", func(_ *metadata.VolumeGroup, move *metadata.LogicalVolume) {
			mirror(move, 0).Legs = mirror(move, 0).Legs[:1]
		}},
		{"onto itself", metadata.RuleOverlap, "lv vg/pvmove0 segment 1", func(_ *metadata.VolumeGroup, move *metadata.LogicalVolume) {
			mirror(move, 0).Legs[1] = mirror(move, 0).Legs[0]
		}},
		{"onto another", metadata.RuleOverlap, "lv vg/pvmove0 segment 2", func(_ *metadata.VolumeGroup, move *metadata.LogicalVolume) {
			mirror(move, 1).Legs[1].Start = 15
		}},
		{"onto what is moved", metadata.RuleOverlap, "lv vg/pvmove0 segment 2", func(_ *metadata.VolumeGroup, move *metadata.LogicalVolume) {
			mirror(move, 0).Legs[1] = mirror(move, 1).Legs[0]
		}},
		{"no move", metadata.RuleMirror, "lv vg/pvmove0 segment 2", func(_ *metadata.VolumeGroup, move *metadata.LogicalVolume) { move.Status = 0 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			vg, move := moving(t)
			test.change(vg, move)
			checkRule(t, vg, test.rule, test.object)
		})
	}
}
