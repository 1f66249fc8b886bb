package metadata_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// validGroup has two PVs of 100 extents, a linear LV on each, and a striped one
// over both.
func validGroup(t testing.TB) *metadata.VolumeGroup {
	t.Helper()
	random := randomBytes(4)
	newID := func() metadata.ID {
		id, err := metadata.NewID(random)
		require.NoError(t, err)
		return id
	}
	vg := &metadata.VolumeGroup{Name: "vg", ID: newID(), Seqno: 1, Format: "lvm2", ExtentSize: 8192}
	for range 2 {
		vg.PVs = append(vg.PVs, &metadata.PhysicalVolume{ID: newID(), PEStart: 2048, PECount: 100})
	}
	linear := func(pv int, start, at, count units.Extents) metadata.Segment {
		return metadata.Segment{Start: start, Count: count, Type: "striped", Body: &metadata.Striped{
			Stripes: []metadata.Area{{PV: vg.PVs[pv].ID, Start: at}}}}
	}
	vg.LVs = []*metadata.LogicalVolume{
		{Name: "a", ID: newID(), Status: metadata.LVVisible, Segments: []metadata.Segment{linear(0, 0, 0, 10), linear(1, 10, 0, 10)}},
		{Name: "b", ID: newID(), Status: metadata.LVVisible, Segments: []metadata.Segment{linear(1, 0, 10, 10)}},
		{Name: "s", ID: newID(), Status: metadata.LVVisible, Segments: []metadata.Segment{{
			Count: 20, Type: "striped", Body: &metadata.Striped{StripeSize: 128,
				Stripes: []metadata.Area{{PV: vg.PVs[0].ID, Start: 50}, {PV: vg.PVs[1].ID, Start: 50}}}}}},
	}
	return vg
}

func segmentOf(vg *metadata.VolumeGroup, lv, segment int) *metadata.Segment {
	return &vg.LVs[lv].Segments[segment]
}

func striped(vg *metadata.VolumeGroup, lv, segment int) *metadata.Striped {
	return segmentOf(vg, lv, segment).Body.(*metadata.Striped)
}

// onLV returns a linear segment that lies on an LV.
func onLV(vg *metadata.VolumeGroup, lv int, at, count units.Extents) metadata.Segment {
	return metadata.Segment{Count: count, Type: "striped", Body: &metadata.Striped{
		Stripes: []metadata.Area{{LV: vg.LVs[lv].ID, Start: at}}}}
}

func TestValidateAccepts(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(vg *metadata.VolumeGroup){
		"as it is":             func(*metadata.VolumeGroup) {},
		"empty":                func(vg *metadata.VolumeGroup) { vg.LVs = nil },
		"limits reached":       func(vg *metadata.VolumeGroup) { vg.MaxPV, vg.MaxLV = 2, 3 },
		"hidden beyond limit":  func(vg *metadata.VolumeGroup) { vg.MaxLV = 2; vg.LVs[2].Status = 0 },
		"extent of a sector":   func(vg *metadata.VolumeGroup) { vg.ExtentSize = 1 },
		"extent of 384 KiB":    func(vg *metadata.VolumeGroup) { vg.ExtentSize = 768 },
		"whole pv":             func(vg *metadata.VolumeGroup) { striped(vg, 0, 0).Stripes[0].Start = 40; vg.PVs[0].PECount = 60 },
		"linear by name":       func(vg *metadata.VolumeGroup) { segmentOf(vg, 0, 0).Type = "linear" },
		"zero":                 func(vg *metadata.VolumeGroup) { virtual(vg, "zero", 1) },
		"error":                func(vg *metadata.VolumeGroup) { virtual(vg, "error", units.MaxExtents) },
		"odd tag":              func(vg *metadata.VolumeGroup) { vg.Tags = []string{"a b", "a b"} },
		"unknown flag":         func(vg *metadata.VolumeGroup) { vg.Unknown.Flags = []string{"NEW"} },
		"any minor":            func(vg *metadata.VolumeGroup) { vg.LVs[0].HasMinor, vg.LVs[0].Minor = true, -1 },
		"largest minor":        func(vg *metadata.VolumeGroup) { vg.LVs[0].HasMinor, vg.LVs[0].Minor = true, 1048575 },
		"names that fit":       func(vg *metadata.VolumeGroup) { vg.LVs[0].Name = strings.Repeat("x", 122) },
		"lv on an lv":          func(vg *metadata.VolumeGroup) { vg.LVs[1].Segments[0] = onLV(vg, 0, 10, 10) },
		"two on an lv":         func(vg *metadata.VolumeGroup) { stack(vg, 10) },
		"dlm locks":            func(vg *metadata.VolumeGroup) { lock(vg, "dlm", "dlm", "dlm") },
		"sanlock locks":        func(vg *metadata.VolumeGroup) { lock(vg, "sanlock", "1.0.0:1", "1.0.0:2") },
		"128 stripes":          func(vg *metadata.VolumeGroup) { stripes(vg, 128, 8) },
		"history":              func(vg *metadata.VolumeGroup) { history(vg, "gone", "gone2") },
		"pv at the end of all": func(vg *metadata.VolumeGroup) { vg.PVs[0].PEStart = 1<<55 - 1 - 100*8192 },
		"policy":               func(vg *metadata.VolumeGroup) { vg.Allocation = metadata.AllocAnywhere },
		"creation":             func(vg *metadata.VolumeGroup) { vg.LVs[0].CreationTime = time.Unix(1, 0) },
	} {
		vg := validGroup(t)
		change(vg)
		require.NoError(t, vg.Validate(), name)
	}
}

func virtual(vg *metadata.VolumeGroup, typ string, count units.Extents) {
	vg.ExtentSize = 256
	vg.LVs[0].Segments = []metadata.Segment{{Count: count, Type: typ, Body: &metadata.Virtual{}}}
}

// stack puts half of two LVs each on the first, the second one from extent at on.
func stack(vg *metadata.VolumeGroup, at units.Extents) {
	vg.LVs[1].Segments[0] = onLV(vg, 0, 0, 10)
	vg.LVs[2].Segments[0] = onLV(vg, 0, at, 10)
}

func lock(vg *metadata.VolumeGroup, typ string, args ...string) {
	vg.LockType = typ
	for i, a := range args {
		vg.LVs[i].LockArgs = a
	}
}

func stripes(vg *metadata.VolumeGroup, n int, size units.Sectors) {
	vg.PVs[0].PECount = 1000
	b := &metadata.Striped{StripeSize: size}
	for i := range n {
		b.Stripes = append(b.Stripes, metadata.Area{PV: vg.PVs[0].ID, Start: units.Extents(200 + i)})
	}
	vg.LVs[2].Segments = []metadata.Segment{{Count: units.Extents(n), Type: "striped", Body: b}}
}

func history(vg *metadata.VolumeGroup, names ...string) {
	for i, name := range names {
		h := &metadata.HistoricalLV{Name: name, ID: vg.LVs[0].ID}
		h.ID[0]++
		h.ID[1] = "abc"[i]
		vg.History = append(vg.History, h)
	}
}

func TestValidateRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		rule   metadata.Rule
		object string
		change func(vg *metadata.VolumeGroup)
	}{
		{"no vg id", metadata.RuleID, "vg vg", func(vg *metadata.VolumeGroup) { vg.ID = metadata.ID{} }},
		{"bad vg id", metadata.RuleID, "vg vg", func(vg *metadata.VolumeGroup) { vg.ID[0] = '/' }},
		{"pv id twice", metadata.RuleID, "pv ", func(vg *metadata.VolumeGroup) { vg.PVs[0].ID = vg.PVs[1].ID }},
		{"no pv id", metadata.RuleID, "pv pv0", func(vg *metadata.VolumeGroup) { vg.PVs[0].ID = metadata.ID{} }},
		{"lv id twice", metadata.RuleID, "lv vg/b", func(vg *metadata.VolumeGroup) { vg.LVs[1].ID = vg.LVs[0].ID }},
		{"lv name twice", metadata.RuleName, "lv vg/a", func(vg *metadata.VolumeGroup) { vg.LVs[1].Name = "a" }},
		{"path as name", metadata.RuleName, "lv vg/..", func(vg *metadata.VolumeGroup) { vg.LVs[0].Name = ".." }},
		{"slash in name", metadata.RuleName, "lv vg/a/b", func(vg *metadata.VolumeGroup) { vg.LVs[0].Name = "a/b" }},
		{"no vg name", metadata.RuleName, "vg ", func(vg *metadata.VolumeGroup) { vg.Name = "" }},
		{"hyphen", metadata.RuleName, "lv vg/-a", func(vg *metadata.VolumeGroup) { vg.LVs[0].Name = "-a" }},
		{"long names", metadata.RuleName, "lv vg/", func(vg *metadata.VolumeGroup) { vg.LVs[0].Name = strings.Repeat("x", 123) }},
		{"word in vg status", metadata.RuleUnknownStatus, "vg vg", func(vg *metadata.VolumeGroup) { vg.Unknown.Status = []string{"NEW"} }},
		{"word in pv status", metadata.RuleUnknownStatus, "pv ", func(vg *metadata.VolumeGroup) { vg.PVs[1].Unknown.Status = []string{"NEW"} }},
		{"word in lv status", metadata.RuleUnknownStatus, "lv vg/a", func(vg *metadata.VolumeGroup) { vg.LVs[0].Unknown.Status = []string{"NEW"} }},
		{"bit in lv status", metadata.RuleUnknownStatus, "lv vg/a", func(vg *metadata.VolumeGroup) { vg.LVs[0].Status |= 1 << 30 }},
		{"format", metadata.RuleFormat, "vg vg", func(vg *metadata.VolumeGroup) { vg.Format = "lvm1" }},
		{"no extent size", metadata.RuleExtentSize, "vg vg", func(vg *metadata.VolumeGroup) { vg.ExtentSize = 0 }},
		{"odd extent size", metadata.RuleExtentSize, "vg vg", func(vg *metadata.VolumeGroup) { vg.ExtentSize = 300 }},
		{"huge extent size", metadata.RuleExtentSize, "vg vg", func(vg *metadata.VolumeGroup) { vg.ExtentSize = 1 << 32 }},
		{"vg policy", metadata.RuleAllocation, "vg vg", func(vg *metadata.VolumeGroup) { vg.Allocation = metadata.AllocClingByTags }},
		{"lv policy", metadata.RuleAllocation, "lv vg/a", func(vg *metadata.VolumeGroup) { vg.LVs[0].Allocation = 99 }},
		{"empty tag", metadata.RuleTag, "lv vg/a segment 1", func(vg *metadata.VolumeGroup) { segmentOf(vg, 0, 0).Tags = []string{""} }},
		{"too many pvs", metadata.RuleMaxPV, "vg vg", func(vg *metadata.VolumeGroup) { vg.MaxPV = 1 }},
		{"too many lvs", metadata.RuleMaxLV, "vg vg", func(vg *metadata.VolumeGroup) { vg.MaxLV = 2 }},
		{"lock and system id", metadata.RuleLock, "vg vg", func(vg *metadata.VolumeGroup) { vg.LockType, vg.SystemID = "idm", "x" }},
		{"lock and cluster", metadata.RuleLock, "vg vg", func(vg *metadata.VolumeGroup) { vg.LockType, vg.Status = "dlm", metadata.VGClustered }},
		{"one lock for two", metadata.RuleLock, "vg vg", func(vg *metadata.VolumeGroup) { lock(vg, "sanlock", "1.0.0:1", "1.0.0:1") }},
		{"huge pv", metadata.RulePVSize, "pv ", func(vg *metadata.VolumeGroup) { vg.PVs[0].PECount = 1 << 32 }},
		{"pv beyond all", metadata.RulePVSize, "pv ", func(vg *metadata.VolumeGroup) { vg.PVs[0].PEStart = math.MaxUint64 }},
		{"pv beyond bytes", metadata.RulePVSize, "pv ", func(vg *metadata.VolumeGroup) { vg.PVs[0].PEStart = 1 << 55 }},
		{"bootloader beyond all", metadata.RulePVSize, "pv ", func(vg *metadata.VolumeGroup) {
			vg.PVs[0].BootloaderStart, vg.PVs[0].BootloaderSize = math.MaxUint64, 1
		}},
		{"huge lv", metadata.RuleLVSize, "lv vg/a segment 1", func(vg *metadata.VolumeGroup) { virtual(vg, "zero", 1<<32) }},
		{"lv that wraps", metadata.RuleLVSize, "lv vg/a segment 2", func(vg *metadata.VolumeGroup) { segmentOf(vg, 0, 1).Count = math.MaxUint64 }},
		{"empty segment", metadata.RuleLVSize, "lv vg/a segment 1", func(vg *metadata.VolumeGroup) { segmentOf(vg, 0, 0).Count = 0 }},
		{"lv of more than 8 EiB", metadata.RuleLVSize, "lv vg/a", func(vg *metadata.VolumeGroup) { virtual(vg, "zero", units.MaxExtents); vg.ExtentSize = 1 << 31 }},
		{"minor", metadata.RuleDeviceNumber, "lv vg/a", func(vg *metadata.VolumeGroup) { vg.LVs[0].HasMinor, vg.LVs[0].Minor = true, 1048576 }},
		{"no body", metadata.RuleSegmentType, "lv vg/a segment 1", func(vg *metadata.VolumeGroup) { segmentOf(vg, 0, 0).Body = nil }},
		{"body of another type", metadata.RuleSegmentType, "lv vg/a segment 1", func(vg *metadata.VolumeGroup) { segmentOf(vg, 0, 0).Type = "raid1" }},
		{"opaque of a known type", metadata.RuleSegmentType, "lv vg/a segment 1", func(vg *metadata.VolumeGroup) { segmentOf(vg, 0, 0).Body = &metadata.Opaque{} }},
		{"no segment", metadata.RuleSegments, "lv vg/a", func(vg *metadata.VolumeGroup) { vg.LVs[0].Segments = nil }},
		{"gap", metadata.RuleSegments, "lv vg/a segment 2", func(vg *metadata.VolumeGroup) { segmentOf(vg, 0, 1).Start = 11 }},
		{"lv overlap", metadata.RuleSegments, "lv vg/a segment 2", func(vg *metadata.VolumeGroup) { segmentOf(vg, 0, 1).Start = 9 }},
		{"late start", metadata.RuleSegments, "lv vg/b segment 1", func(vg *metadata.VolumeGroup) { segmentOf(vg, 1, 0).Start = 1 }},
		{"no stripe", metadata.RuleStripes, "lv vg/a segment 1", func(vg *metadata.VolumeGroup) { striped(vg, 0, 0).Stripes = nil }},
		{"129 stripes", metadata.RuleStripes, "lv vg/s segment 1", func(vg *metadata.VolumeGroup) { stripes(vg, 129, 8) }},
		{"uneven stripes", metadata.RuleStripes, "lv vg/s segment 1", func(vg *metadata.VolumeGroup) { segmentOf(vg, 2, 0).Count = 19 }},
		{"odd stripe size", metadata.RuleStripes, "lv vg/s segment 1", func(vg *metadata.VolumeGroup) { striped(vg, 2, 0).StripeSize = 24 }},
		{"small stripe size", metadata.RuleStripes, "lv vg/s segment 1", func(vg *metadata.VolumeGroup) { striped(vg, 2, 0).StripeSize = 1 }},
		{"no stripe size", metadata.RuleStripes, "lv vg/s segment 1", func(vg *metadata.VolumeGroup) { striped(vg, 2, 0).StripeSize = 0 }},
		{"stripe size of one", metadata.RuleStripes, "lv vg/a segment 1", func(vg *metadata.VolumeGroup) { striped(vg, 0, 0).StripeSize = 8 }},
		{"area nowhere", metadata.RuleArea, "lv vg/a segment 1", func(vg *metadata.VolumeGroup) { striped(vg, 0, 0).Stripes[0].PV = metadata.ID{} }},
		{"area in both", metadata.RuleArea, "lv vg/a segment 1", func(vg *metadata.VolumeGroup) { striped(vg, 0, 0).Stripes[0].LV = vg.LVs[1].ID }},
		{"foreign pv", metadata.RuleArea, "lv vg/a segment 1", func(vg *metadata.VolumeGroup) { striped(vg, 0, 0).Stripes[0].PV[3]++ }},
		{"foreign lv", metadata.RuleArea, "lv vg/b segment 1", func(vg *metadata.VolumeGroup) {
			vg.LVs[1].Segments[0] = onLV(vg, 0, 0, 10)
			striped(vg, 1, 0).Stripes[0].LV[3]++
		}},
		{"beyond the pv", metadata.RuleArea, "lv vg/a segment 1", func(vg *metadata.VolumeGroup) { striped(vg, 0, 0).Stripes[0].Start = 91 }},
		{"far beyond the pv", metadata.RuleArea, "lv vg/a segment 1", func(vg *metadata.VolumeGroup) { striped(vg, 0, 0).Stripes[0].Start = math.MaxUint64 - 3 }},
		{"beyond the lv", metadata.RuleArea, "lv vg/b segment 1", func(vg *metadata.VolumeGroup) { vg.LVs[1].Segments[0] = onLV(vg, 0, 11, 10) }},
		{"lv that looks like a pv", metadata.RuleArea, "lv vg/b segment 1", func(vg *metadata.VolumeGroup) {
			vg.LVs[1].Segments[0] = onLV(vg, 0, 0, 10)
			vg.LVs[0].Name = "pv1"
		}},
		{"pv extent twice", metadata.RuleOverlap, "lv vg/b segment 1", func(vg *metadata.VolumeGroup) { striped(vg, 1, 0).Stripes[0].Start = 9 }},
		{"within one lv", metadata.RuleOverlap, "lv vg/a segment 2", func(vg *metadata.VolumeGroup) {
			striped(vg, 0, 1).Stripes[0] = metadata.Area{PV: vg.PVs[0].ID, Start: 5}
		}},
		{"within one segment", metadata.RuleOverlap, "lv vg/s segment 1", func(vg *metadata.VolumeGroup) {
			striped(vg, 2, 0).Stripes[1] = striped(vg, 2, 0).Stripes[0]
		}},
		{"lv extent twice", metadata.RuleOverlap, "lv vg/s segment 1", func(vg *metadata.VolumeGroup) { stack(vg, 9) }},
		{"lv in itself", metadata.RuleCycle, "lv vg/a", func(vg *metadata.VolumeGroup) { vg.LVs[0].Segments = []metadata.Segment{onLV(vg, 0, 0, 10)} }},
		{"two in one another", metadata.RuleCycle, "lv vg/a", func(vg *metadata.VolumeGroup) {
			vg.LVs[0].Segments = []metadata.Segment{onLV(vg, 1, 0, 10)}
			vg.LVs[1].Segments = []metadata.Segment{onLV(vg, 0, 0, 10)}
		}},
		{"host without time", metadata.RuleCreation, "lv vg/a", func(vg *metadata.VolumeGroup) { vg.LVs[0].CreationHost = "host" }},
		{"both live and historical", metadata.RuleName, "historical lv vg/a", func(vg *metadata.VolumeGroup) { history(vg, "a") }},
		{"historical twice", metadata.RuleName, "historical lv vg/x", func(vg *metadata.VolumeGroup) { history(vg, "x", "x") }},
		{"bad historical name", metadata.RuleName, "historical lv vg/x/y", func(vg *metadata.VolumeGroup) { history(vg, "x/y") }},
		{"historical id twice", metadata.RuleID, "historical lv vg/y", func(vg *metadata.VolumeGroup) {
			history(vg, "x", "y")
			vg.History[1].ID = vg.History[0].ID
		}},
		{"id of a live one", metadata.RuleID, "historical lv vg/x", func(vg *metadata.VolumeGroup) {
			history(vg, "x")
			vg.History[0].ID = vg.LVs[2].ID
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			vg := validGroup(t)
			test.change(vg)
			err := vg.Validate()
			require.ErrorIs(t, err, metadata.ErrInvalid)
			var all *metadata.ValidationError
			require.ErrorAs(t, err, &all)
			assert.Equal(t, vg.Name, all.VG)
			assert.True(t, all.Has(test.rule), "%v", err)
			found := slices.ContainsFunc(all.Violations, func(v *metadata.InvalidError) bool {
				return v.Rule == test.rule && strings.HasPrefix(v.Object, test.object) && v.Detail != ""
			})
			assert.True(t, found, "%v", err)
			var first *metadata.InvalidError
			require.ErrorAs(t, err, &first)
			assert.Equal(t, all.Violations[0], first)
		})
	}
}

func TestValidateReportsAll(t *testing.T) {
	t.Parallel()
	vg := validGroup(t)
	vg.ExtentSize = 300
	vg.LVs[0].Name = "a b"
	striped(vg, 1, 0).Stripes[0].Start = 9
	err := vg.Validate()
	var all *metadata.ValidationError
	require.ErrorAs(t, err, &all)
	for _, rule := range []metadata.Rule{metadata.RuleExtentSize, metadata.RuleName, metadata.RuleOverlap} {
		assert.True(t, all.Has(rule), rule)
	}
	assert.False(t, all.Has(metadata.RuleCycle))

	// The message of many stays short.
	for i := range 1000 {
		lv := *vg.LVs[1]
		lv.Name = fmt.Sprint("copy", i)
		vg.LVs = append(vg.LVs, &lv)
	}
	err = vg.Validate()
	require.ErrorAs(t, err, &all)
	assert.Greater(t, len(all.Violations), 1000)
	assert.Less(t, len(err.Error()), 5000)
}

// Deep stacks of LVs must not take the stack of the program.
func TestValidateDeepStack(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		levels  int
		reverse bool // those above come first
		ring    bool
		rule    metadata.Rule
	}{
		{levels: 1000}, {levels: 1000, reverse: true},
		{levels: 1001, rule: metadata.RuleDepth}, {levels: 1001, reverse: true, rule: metadata.RuleDepth},
		{levels: 20000, rule: metadata.RuleDepth}, {levels: 20000, reverse: true, rule: metadata.RuleDepth},
		{levels: 1000, ring: true, rule: metadata.RuleCycle}, {levels: 1000, reverse: true, ring: true, rule: metadata.RuleCycle},
	} {
		vg := manyLVs(t, test.levels).VG
		for i, lv := range vg.LVs[1:] {
			lv.Segments = []metadata.Segment{onLV(vg, i, 0, 1)}
		}
		if test.ring {
			vg.LVs[0].Segments = []metadata.Segment{onLV(vg, len(vg.LVs)-1, 0, 1)}
		}
		if test.reverse {
			slices.Reverse(vg.LVs)
		}
		err := vg.Validate()
		if test.rule == "" {
			require.NoError(t, err)
			continue
		}
		var all *metadata.ValidationError
		require.ErrorAs(t, err, &all)
		require.Len(t, all.Violations, 1)
		assert.Equal(t, test.rule, all.Violations[0].Rule)
	}
}

// Text that is nested a million deep is refused, and costs no more than its length.
func TestDeepText(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{65, 10_000, 1_000_000} {
		for _, text := range []string{
			strings.Repeat("x {\n", depth),
			strings.Repeat("x {\n", depth) + strings.Repeat("}\n", depth),
			"x = " + strings.Repeat("[", depth) + strings.Repeat("]", depth),
			strings.Repeat("}\n", depth),
			strings.Repeat("x/", depth) + "x = 1",
		} {
			started := time.Now()
			_, err := metadata.DecodeDocument(text)
			require.ErrorIs(t, err, metadata.ErrSyntax)
			_, err = metadata.ParseConfigTree([]byte(text))
			if !strings.Contains(text, "/") { // a path in the language of lvm.conf
				require.ErrorIs(t, err, metadata.ErrSyntax)
			}
			require.Less(t, time.Since(started), 10*time.Second)
		}
	}
}

// Overlaps are found exactly where counting extent by extent finds them.
func TestOverlapsAgainstCounting(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		vg := validGroup(quiet{})
		vg.LVs = nil
		var used [2][100]bool
		twice := false
		for i := range rapid.IntRange(1, 8).Draw(t, "lvs") {
			pv := rapid.IntRange(0, 1).Draw(t, "pv")
			count := rapid.IntRange(1, 30).Draw(t, "count")
			at := rapid.IntRange(0, 100-count).Draw(t, "at")
			for e := at; e < at+count; e++ {
				twice = twice || used[pv][e]
				used[pv][e] = true
			}
			lv := &metadata.LogicalVolume{Name: fmt.Sprint("lv", i), ID: vg.ID}
			lv.ID[0] = "abcdefghi"[i]
			lv.Segments = []metadata.Segment{{Count: units.Extents(count), Type: "striped", Body: &metadata.Striped{
				Stripes: []metadata.Area{{PV: vg.PVs[pv].ID, Start: units.Extents(at)}}}}}
			vg.LVs = append(vg.LVs, lv)
		}
		err := vg.Validate()
		if !twice {
			require.NoError(t, err)
			return
		}
		var all *metadata.ValidationError
		require.ErrorAs(t, err, &all)
		for _, v := range all.Violations {
			require.Equal(t, metadata.RuleOverlap, v.Rule)
		}
	})
}

// quiet stands in where nothing can fail.
type quiet struct{ testing.TB }

func (quiet) Helper() {}

func TestExtents(t *testing.T) {
	t.Parallel()
	vg := validGroup(t)
	assert.Equal(t, units.Extents(20), vg.LVs[0].Extents())
	assert.Equal(t, units.Extents(10), segmentOf(vg, 2, 0).AreaLength())
	assert.Equal(t, units.Extents(10), segmentOf(vg, 0, 0).AreaLength())
	segmentOf(vg, 0, 0).Count = math.MaxUint64
	assert.Equal(t, units.Extents(math.MaxUint64), vg.LVs[0].Extents())
	striped(vg, 2, 0).Stripes = nil
	assert.Zero(t, segmentOf(vg, 2, 0).AreaLength())
	assert.Zero(t, (&metadata.Segment{}).AreaLength())
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "0", ".a", "...", "+", "_", "a-b", "A.b_c+d-e9", strings.Repeat("x", 127)} {
		require.NoError(t, metadata.CheckName(good), good)
	}
	for _, bad := range []string{"", ".", "..", "-", "-a", "a b", "a/b", "a\x00", "é", "a\n", "a:b", "a@b", strings.Repeat("x", 128)} {
		err := metadata.CheckName(bad)
		require.ErrorIs(t, err, metadata.ErrInvalid, "%q", bad)
		var invalid *metadata.InvalidError
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, metadata.RuleName, invalid.Rule)
	}
	long := strings.Repeat("x", 62)
	require.NoError(t, metadata.CheckVGLVNames(long, long))
	require.ErrorIs(t, metadata.CheckVGLVNames(long, long+"x"), metadata.ErrInvalid)
	require.ErrorIs(t, metadata.CheckVGLVNames("", "a"), metadata.ErrInvalid)
	require.ErrorIs(t, metadata.CheckVGLVNames("a", ".."), metadata.ErrInvalid)

	for _, good := range []string{"a", "A.b_c-d+e/f=g!h:i&j#9"} {
		require.NoError(t, metadata.CheckTag(good))
	}
	for _, bad := range []string{"", "a b", "@a", "é", "a\n", "a,b"} {
		require.ErrorIs(t, metadata.CheckTag(bad), metadata.ErrInvalid, "%q", bad)
	}
}
