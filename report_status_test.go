package lvm

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

func TestSnapshotOfStatus(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		invalid, failed bool
		full            string
	}{
		"16/8192 16": {full: "0.00"}, "1228/8192 16": {full: "14.99"}, "8192/8192 16": {full: "100.00"},
		"Invalid": {invalid: true, full: "100.00"}, "Overflow": {invalid: true, full: "100.00"},
		"Merge failed": {failed: true, full: "100.00"}, "Unknown": {},
	} {
		for _, typ := range []string{"snapshot", "snapshot-merge"} {
			s, ok := (&KernelDevice{Status: []dm.StatusLine{{Type: typ, Status: text}}}).snapshot()
			assert.True(t, ok, text)
			assert.Equal(t, want.invalid, s.invalid, text)
			assert.Equal(t, want.failed, s.mergeFailed, text)
			full := ""
			if s.full != nil {
				full = s.full.String()
			}
			assert.Equal(t, want.full, full, text)
		}
	}
	for _, d := range []*KernelDevice{nil, {}, {Status: []dm.StatusLine{{Type: "linear"}}}, {Status: []dm.StatusLine{{Type: "snapshot", Status: "1 2 3"}}}} {
		_, ok := d.snapshot()
		assert.False(t, ok)
	}
}

// Of what is being moved counts what is in sync of the present segment, in whole
// extents, and what the metadata says of the others.
func TestCopied(t *testing.T) {
	t.Parallel()
	move := &metadata.LogicalVolume{Segments: []metadata.Segment{
		{Start: 0, Count: 6, Body: &metadata.Mirror{Moved: 6}},
		{Start: 6, Count: 10, Body: &metadata.Mirror{}},
		{Start: 16, Count: 4, Body: &metadata.Mirror{}},
	}}
	device := func(status string) *KernelDevice {
		return &KernelDevice{LiveTable: true, Status: []dm.StatusLine{
			{Start: 0, Length: 48, Type: "linear"}, {Start: 48, Length: 80, Type: "mirror", Status: status}, {Start: 128, Length: 32, Type: "linear"},
		}}
	}
	for status, want := range map[string]string{
		"2 7:0 7:1 0/100 1 AA 1 core": "30.00", "2 7:0 7:1 19/100 1 AA 1 core": "35.00", "2 7:0 7:1 100/100 1 AA 1 core": "80.00",
		"2 7:0 7:1 18446744073709551/18446744073709551 1 AA 1 core": "80.00", "nonsense": "30.00",
	} {
		p, ok := device(status).copied(move, 8)
		assert.True(t, ok, status)
		assert.Equal(t, want, p.String(), status)
	}
	for name, c := range map[string]struct {
		d  *KernelDevice
		lv *metadata.LogicalVolume
	}{
		"not active":    {nil, move},
		"no live table": {&KernelDevice{}, move},
		"not a mirror":  {device(""), &metadata.LogicalVolume{Segments: []metadata.Segment{{Count: 6, Body: &metadata.Striped{}}}}},
	} {
		_, ok := c.d.copied(c.lv, 8)
		assert.False(t, ok, name)
	}
}
