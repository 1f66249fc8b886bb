package lvm

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

func TestResolveSelections(t *testing.T) {
	t.Parallel()
	vg := pvsOf(10, 20, 30, 0)
	vg.PVs[1].Tags = []string{"fast"}
	vg.PVs[2].Tags = []string{"slow", "fast"}
	find := func(name string) (metadata.ID, bool) {
		for _, pv := range vg.PVs {
			if pv.Device == name {
				return pv.ID, true
			}
		}
		return testID("pv", 77), name == "/dev/other"
	}
	tests := []struct {
		name string
		in   []PVSelection
		want []allocPV // nil: refused
	}{
		{"in the order given", []PVSelection{{PV: "/dev/sdb"}, {PV: "/dev/sda"}},
			[]allocPV{{testID("pv", 1), []PERange{{0, 20}}}, {testID("pv", 0), []PERange{{0, 10}}}}},
		{"a tag, in the order of the group", []PVSelection{{PV: "@fast"}},
			[]allocPV{{testID("pv", 1), []PERange{{0, 20}}}, {testID("pv", 2), []PERange{{0, 30}}}}},
		{"ranges", []PVSelection{{"/dev/sda", []PERange{{5, 2}, {8, ToEnd - 8}}}}, []allocPV{{testID("pv", 0), []PERange{{5, 2}, {8, 2}}}}},
		{"one physical volume in two places", []PVSelection{{"/dev/sda", []PERange{{5, 2}}}, {PV: "/dev/sdb"}, {"/dev/sda", []PERange{{0, 2}}}},
			[]allocPV{{testID("pv", 0), []PERange{{5, 2}, {0, 2}}}, {testID("pv", 1), []PERange{{0, 20}}}}},
		{"without extents", []PVSelection{{PV: "/dev/sdd"}}, []allocPV{{PV: testID("pv", 3)}}},
		{"twice", []PVSelection{{PV: "/dev/sda"}, {PV: "/dev/sda"}}, nil},
		{"twice, by tag", []PVSelection{{PV: "@slow"}, {PV: "/dev/sdc"}}, nil},
		{"ranges that overlap", []PVSelection{{"/dev/sda", []PERange{{0, 5}}}, {"/dev/sda", []PERange{{4, 1}}}}, nil},
		{"range past the end", []PVSelection{{"/dev/sda", []PERange{{5, 6}}}}, nil},
		{"range that begins past the end", []PVSelection{{"/dev/sda", []PERange{{10, ToEnd}}}}, nil},
		{"range of nothing", []PVSelection{{"/dev/sda", []PERange{{5, 0}}}}, nil},
		{"range that overflows", []PVSelection{{"/dev/sda", []PERange{{^Extents(0), 5}}}}, nil},
		{"unknown tag", []PVSelection{{PV: "@none"}}, nil},
		{"unknown name", []PVSelection{{PV: "/dev/sdx"}}, nil},
		{"not in the group", []PVSelection{{PV: "/dev/other"}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := resolveSelections(vg, tt.in, find)
			assert.Equal(t, tt.want, got)
			if tt.want == nil {
				require.ErrorIs(t, err, ErrInvalidSelection)
			} else {
				require.NoError(t, err)
			}
		})
	}
	got, err := resolveSelections(vg, nil, find)
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestParsePVSelection(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want PVSelection
		back string // String, if it is not text
	}{
		{"/dev/sdb", PVSelection{PV: "/dev/sdb"}, ""},
		{"/dev/sdb:0-99:200-", PVSelection{"/dev/sdb", []PERange{{0, 100}, {200, ToEnd - 200}}}, ""},
		{"/dev/sdb:7", PVSelection{"/dev/sdb", []PERange{{7, 1}}}, "/dev/sdb:7-7"},
		{"/dev/sdb:-5", PVSelection{"/dev/sdb", []PERange{{0, 6}}}, "/dev/sdb:0-5"},
		{"/dev/sdb:-", PVSelection{"/dev/sdb", []PERange{{0, ToEnd}}}, "/dev/sdb:0-"},
		{"/dev/sdb:60+3:70+3", PVSelection{"/dev/sdb", []PERange{{60, 3}, {70, 3}}}, "/dev/sdb:60-62:70-72"},
		{"/dev/sdb:33-34:31-32", PVSelection{"/dev/sdb", []PERange{{33, 2}, {31, 2}}}, ""},
		{"@fast", PVSelection{PV: "@fast"}, ""},
		{"@fast:7-8", PVSelection{PV: "@fast:7-8"}, ""},
		{"7GKCxt-Q04a-YzoV-IVT6-g15A-sL4v-0SraCI:1-1", PVSelection{"7GKCxt-Q04a-YzoV-IVT6-g15A-sL4v-0SraCI", []PERange{{1, 1}}}, ""},
	}
	for _, tt := range tests {
		got, err := ParsePVSelection(tt.text)
		require.NoError(t, err, tt.text)
		assert.Equal(t, tt.want, got, tt.text)
		if tt.back == "" {
			tt.back = tt.text
		}
		assert.Equal(t, tt.back, got.String())
	}
	for _, text := range []string{
		"", "@", ":1-2", "/dev/sdb:", "/dev/sdb::", "/dev/sdb:5-4", "/dev/sdb:3-4-5", "/dev/sdb:5+0", "/dev/sdb:5+", "/dev/sdb:+",
		"/dev/sdb:x", "/dev/sdb:1-x", "/dev/sdb: 1", "/dev/sdb:5:5", "/dev/sdb:40-45:42-43", "/dev/sdb:99999999999", "/dev/sdb:1+99999999999", "/dev/sdb:--1",
	} {
		got, err := ParsePVSelection(text)
		require.ErrorIs(t, err, ErrInvalidSelection, text)
		assert.Zero(t, got, text)
	}
}

func FuzzParsePVSelection(f *testing.F) {
	for _, s := range []string{"/dev/sdb:0-99:200-", "@tag", "/dev/sdb:-", "/dev/sdb:4294967295+4294967295", "x:1:2+3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePVSelection(text)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidSelection)
			return
		}
		again, err := ParsePVSelection(p.String())
		require.NoError(t, err)
		require.Equal(t, p, again)
		for _, r := range p.Ranges {
			require.Positive(t, uint64(r.Count))
		}
		require.Equal(t, strings.HasPrefix(text, "@"), strings.HasPrefix(p.PV, "@"))
	})
}
