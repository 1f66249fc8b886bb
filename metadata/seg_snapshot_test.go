package metadata_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// tie makes two LVs, by their numbers, the origin and the COW store of a snapshot.
func tie(vg *metadata.VolumeGroup, origin, cow int) *metadata.Snapshot {
	b := &metadata.Snapshot{ChunkSize: 8, Origin: vg.LVs[origin].ID, COW: vg.LVs[cow].ID}
	add(vg, "snapshot"+string(rune('0'+len(vg.LVs))), metadata.Segment{Count: 10, Type: "snapshot", Body: b})
	return b
}

// add adds an LV.
func add(vg *metadata.VolumeGroup, name string, segments ...metadata.Segment) *metadata.LogicalVolume {
	lv := &metadata.LogicalVolume{Name: name, ID: vg.LVs[0].ID, Status: metadata.LVVisible, Segments: segments}
	lv.ID[5] = "ABCDEFGHIJ"[len(vg.LVs)]
	vg.LVs = append(vg.LVs, lv)
	return lv
}

func TestSnapshotIsReadAndWritten(t *testing.T) {
	t.Parallel()
	doc, err := metadata.DecodeDocument(corpusText(t, "snapshot-merge-pending-two"))
	require.NoError(t, err)
	byName := map[string]*metadata.LogicalVolume{}
	for _, lv := range doc.VG.LVs {
		byName[lv.Name] = lv
	}
	for name, want := range map[string]*metadata.Snapshot{
		"snapshot0": {ChunkSize: 8, Origin: byName["org"].ID, COW: byName["first"].ID, Merging: true},
		"snapshot1": {ChunkSize: 8, Origin: byName["org"].ID, COW: byName["second"].ID},
	} {
		s := byName[name].Segments[0]
		assert.Equal(t, want, s.Body)
		assert.Equal(t, "snapshot", s.Type)
		assert.Equal(t, units.Extents(4), s.Count)
		assert.Empty(t, s.Extra)
		assert.False(t, s.IsOpaque())
		assert.Nil(t, s.Body.Areas())
		assert.Zero(t, s.AreaLength())
	}
	assert.Empty(t, doc.VG.OpaqueTypes())

	// Renaming and the end of the merge show in the text, and in its order.
	byName["org"].Name, byName["second"].Name = "origin", "cow"
	byName["snapshot0"].Segments[0].Body = &metadata.Snapshot{
		ChunkSize: 8, Origin: byName["org"].ID, COW: byName["first"].ID,
	}
	text, err := doc.EncodeArea()
	require.NoError(t, err)
	assert.Contains(t, string(text), "type = \"snapshot\"\nchunk_size = 8\norigin = \"origin\"\ncow_store = \"first\"\n}")
	assert.Contains(t, string(text), "origin = \"origin\"\ncow_store = \"cow\"\n}")
	assert.NotContains(t, string(text), "merging_store")
	again := decode(t, text)
	order := make([]string, len(again.VG.LVs))
	for i, lv := range again.VG.LVs {
		order[i] = lv.Name
	}
	assert.Equal(t, []string{"origin", "other", "cow", "first", "snapshot0", "snapshot1"}, order)
}

// People see the COW store, not the LV that ties it to the origin; of an origin
// without storage they see that alone.
func TestSnapshotOrder(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(vg *metadata.VolumeGroup, s *metadata.Snapshot)
		want   []string
	}{
		{"as it is", func(*metadata.VolumeGroup, *metadata.Snapshot) {}, []string{"a", "b", "s", "snapshot3"}},
		{"being merged", func(_ *metadata.VolumeGroup, s *metadata.Snapshot) { s.Merging = true }, []string{"a", "s", "b", "snapshot3"}},
		{"of a hidden origin", func(vg *metadata.VolumeGroup, _ *metadata.Snapshot) { vg.LVs[0].Status = 0 }, []string{"s", "a", "b", "snapshot3"}},
		{"of a virtual origin", func(vg *metadata.VolumeGroup, _ *metadata.Snapshot) {
			vg.LVs[0].Status, vg.LVs[0].Name = 0, "b_vorigin"
		}, []string{"b", "s", "b_vorigin", "snapshot3"}},
	} {
		vg := validGroup(t)
		vg.LVs[1].Status = 0
		test.change(vg, tie(vg, 0, 1))
		doc := metadata.Document{VG: vg}
		text, err := doc.EncodeArea()
		require.NoError(t, err, test.name)
		var got []string
		for _, lv := range decode(t, text).VG.LVs {
			got = append(got, lv.Name)
		}
		assert.Equal(t, test.want, got, test.name)
	}
}

func TestSnapshotThatCannotBeRead(t *testing.T) {
	t.Parallel()
	const good = "type = \"snapshot\"\nchunk_size = 8\norigin = \"a\"\ncow_store = \"b\"\n"
	second := strings.NewReplacer("a {\n", "b {\n", exampleLVID, otherID).Replace(
		exampleText[strings.Index(exampleText, "a {\nid"):strings.Index(exampleText, "}\n\n}\n#")])
	third := "s {\nid = \"" + strings.Replace(otherID, "IAEpCp", "IAEpCq", 1) + "\"\nstatus = [\"VISIBLE\"]\nflags = []\nsegment_count = 1\n" +
		"segment1 {\nstart_extent = 0\nextent_count = 2\n" + good + "}\n}\n"
	text := strings.Replace(exampleText, "}\n\n}\n#", "\n"+second+"\n"+third+"}\n\n}\n#", 1)
	doc := decode(t, []byte(text))
	require.IsType(t, &metadata.Snapshot{}, doc.VG.LVs[2].Segments[0].Body)

	kept := decode(t, []byte(strings.Replace(text, good, "new = 1\n"+good+"later { x = 2 }\n", 1)))
	printed, err := kept.EncodeArea()
	require.NoError(t, err)
	assert.Contains(t, string(printed), "new = 1\n")
	assert.Contains(t, string(printed), "cow_store = \"b\"\nlater {\nx = 2\n}\n")

	for name, bad := range map[string]string{
		"no chunk size":  strings.Replace(good, "chunk_size = 8\n", "", 1),
		"chunk size":     strings.Replace(good, "= 8", "= -8", 1),
		"chunk too long": strings.Replace(good, "= 8", "= 4294967296", 1),
		"no origin":      strings.Replace(good, "origin = \"a\"\n", "", 1),
		"foreign origin": strings.Replace(good, "\"a\"", "\"x\"", 1),
		"origin of pvs":  strings.Replace(good, "\"a\"", "\"pv0\"", 1),
		"no store":       strings.Replace(good, "cow_store = \"b\"\n", "", 1),
		"two stores":     good + "merging_store = \"b\"\n",
		"foreign store":  strings.Replace(good, "\"b\"", "\"x\"", 1),
		"store is list":  strings.Replace(good, "\"b\"", "[\"b\"]", 1),
	} {
		_, err := metadata.DecodeDocument([]byte(strings.Replace(text, good, bad, 1)))
		require.ErrorIs(t, err, metadata.ErrInvalid, name)
		var format *metadata.FormatError
		require.ErrorAs(t, err, &format, name)
		assert.Equal(t, "lv s segment1", format.Struct, name)
	}
}

func TestSnapshotThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *metadata.Snapshot){
		"foreign origin": func(s *metadata.Snapshot) { s.Origin[2]++ },
		"no store":       func(s *metadata.Snapshot) { s.COW = metadata.ID{} },
	} {
		vg := validGroup(t)
		change(tie(vg, 0, 1))
		doc := metadata.Document{VG: vg}
		_, err := doc.EncodeArea()
		require.ErrorIs(t, err, metadata.ErrInvalid, name)
	}
}

func TestValidateSnapshots(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		rule   metadata.Rule // "": it is valid
		object string
		change func(vg *metadata.VolumeGroup, s *metadata.Snapshot)
	}{
		{"as it is", "", "", func(*metadata.VolumeGroup, *metadata.Snapshot) {}},
		{"two of an origin", "", "", func(vg *metadata.VolumeGroup, s *metadata.Snapshot) { tie(vg, 0, 2) }},
		{"one of two is being merged", "", "", func(vg *metadata.VolumeGroup, s *metadata.Snapshot) { tie(vg, 0, 2).Merging = true }},
		{"of two origins", "", "", func(vg *metadata.VolumeGroup, s *metadata.Snapshot) {
			add(vg, "c", metadata.Segment{Count: 1, Type: "zero", Body: &metadata.Virtual{}})
			tie(vg, 2, 4)
		}},
		{"huge chunk", "", "", func(_ *metadata.VolumeGroup, s *metadata.Snapshot) { s.ChunkSize = 1 << 31 }},
		{"no chunk", metadata.RuleSnapshot, "lv vg/snapshot3 segment 1", func(_ *metadata.VolumeGroup, s *metadata.Snapshot) { s.ChunkSize = 0 }},
		{"odd chunk", metadata.RuleSnapshot, "lv vg/snapshot3 segment 1", func(_ *metadata.VolumeGroup, s *metadata.Snapshot) { s.ChunkSize = 12 }},
		{"chunk too long", metadata.RuleSnapshot, "lv vg/snapshot3", func(_ *metadata.VolumeGroup, s *metadata.Snapshot) { s.ChunkSize = 1 << 32 }},
		{"no origin", metadata.RuleSnapshot, "lv vg/snapshot3", func(_ *metadata.VolumeGroup, s *metadata.Snapshot) { s.Origin = metadata.ID{} }},
		{"foreign store", metadata.RuleSnapshot, "lv vg/snapshot3", func(_ *metadata.VolumeGroup, s *metadata.Snapshot) { s.COW[3]++ }},
		{"of itself", metadata.RuleSnapshot, "lv vg/snapshot3", func(_ *metadata.VolumeGroup, s *metadata.Snapshot) { s.Origin = s.COW }},
		{"store twice", metadata.RuleSnapshot, "lv vg/snapshot4", func(vg *metadata.VolumeGroup, _ *metadata.Snapshot) { tie(vg, 2, 1) }},
		{"of a snapshot", metadata.RuleSnapshot, "lv vg/snapshot4", func(vg *metadata.VolumeGroup, _ *metadata.Snapshot) { tie(vg, 1, 2) }},
		{"of a tie", metadata.RuleSnapshot, "lv vg/snapshot4", func(vg *metadata.VolumeGroup, _ *metadata.Snapshot) { tie(vg, 3, 2) }},
		{"into a tie", metadata.RuleSnapshot, "lv vg/snapshot4", func(vg *metadata.VolumeGroup, _ *metadata.Snapshot) { tie(vg, 2, 3) }},
		{"two being merged", metadata.RuleSnapshot, "lv vg/snapshot4", func(vg *metadata.VolumeGroup, s *metadata.Snapshot) {
			s.Merging = true
			tie(vg, 0, 2).Merging = true
		}},
		{"two segments", metadata.RuleSnapshot, "lv vg/snapshot3 segment 1", func(vg *metadata.VolumeGroup, s *metadata.Snapshot) {
			vg.LVs[3].Segments = append(vg.LVs[3].Segments, metadata.Segment{Start: 10, Count: 1, Type: "zero", Body: &metadata.Virtual{}})
		}},
		{"behind another segment", metadata.RuleSnapshot, "lv vg/snapshot3 segment 2", func(vg *metadata.VolumeGroup, s *metadata.Snapshot) {
			last := vg.LVs[3].Segments[0]
			last.Start = 1
			vg.LVs[3].Segments = []metadata.Segment{{Count: 1, Type: "zero", Body: &metadata.Virtual{}}, last}
		}},
		{"store on its origin", metadata.RuleCycle, "lv vg/a", func(vg *metadata.VolumeGroup, _ *metadata.Snapshot) {
			vg.LVs[1].Segments[0] = onLV(vg, 0, 0, 10)
		}},
		{"store far on its origin", metadata.RuleCycle, "lv vg/a", func(vg *metadata.VolumeGroup, _ *metadata.Snapshot) {
			vg.LVs[1].Segments[0] = onLV(vg, 2, 0, 10)
			vg.LVs[2].Segments[0] = onLV(vg, 0, 0, 10)
		}},
		{"lv on an origin", metadata.RuleArea, "lv vg/s segment 1", func(vg *metadata.VolumeGroup, _ *metadata.Snapshot) {
			vg.LVs[2].Segments[0] = onLV(vg, 0, 0, 10)
		}},
		{"lv on a store", metadata.RuleArea, "lv vg/s segment 1", func(vg *metadata.VolumeGroup, _ *metadata.Snapshot) {
			vg.LVs[2].Segments[0] = onLV(vg, 1, 0, 10)
		}},
		{"lv on a tie", metadata.RuleArea, "lv vg/s segment 1", func(vg *metadata.VolumeGroup, _ *metadata.Snapshot) {
			vg.LVs[2].Segments[0] = onLV(vg, 3, 0, 10)
		}},
		{"body of another type", metadata.RuleSegmentType, "lv vg/snapshot3 segment 1", func(vg *metadata.VolumeGroup, _ *metadata.Snapshot) {
			vg.LVs[3].Segments[0].Type = "snapshot+NEW"
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			vg := validGroup(t)
			test.change(vg, tie(vg, 0, 1))
			checkRule(t, vg, test.rule, test.object)
		})
	}
}

// checkRule checks that an object of a group breaks a rule, or that none is
// broken if it is "".
func checkRule(t *testing.T, vg *metadata.VolumeGroup, rule metadata.Rule, object string) {
	t.Helper()
	err := vg.Validate()
	if rule == "" {
		require.NoError(t, err)
		return
	}
	var all *metadata.ValidationError
	require.ErrorAs(t, err, &all)
	assert.True(t, slices.ContainsFunc(all.Violations, func(v *metadata.InvalidError) bool {
		return v.Rule == rule && strings.HasPrefix(v.Object, object)
	}), "%v", err)
}

// What is seen counts: the COW store, not its tie.
func TestSnapshotAgainstLimit(t *testing.T) {
	t.Parallel()
	for merging, limit := range map[bool]uint32{false: 3, true: 2} {
		vg := validGroup(t)
		vg.LVs[1].Status = 0
		tie(vg, 0, 1).Merging = merging
		vg.MaxLV = limit
		require.NoError(t, vg.Validate())
		vg.MaxLV--
		checkRule(t, vg, metadata.RuleMaxLV, "vg vg")
	}
}
