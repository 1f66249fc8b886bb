package metadata_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvm-go/lvm/metadata"
)

func TestClone(t *testing.T) {
	t.Parallel()
	vg := validGroup(t)
	vg.PVs[0].Tags = []string{"p"}
	vg.PVs[0].Unknown.Flags = []string{"f"}
	lv := vg.LVs[0]
	lv.Tags = []string{"l"}
	lv.Segments[0].Tags = []string{"s"}
	lv.Segments[0].Extra = []metadata.Extra{{After: "x"}}

	pv := vg.PVs[0].Clone()
	assert.Equal(t, vg.PVs[0], pv)
	pv.Tags[0], pv.Unknown.Flags[0] = "x", "x"
	assert.Equal(t, "p", vg.PVs[0].Tags[0])
	assert.Equal(t, "f", vg.PVs[0].Unknown.Flags[0])

	c := lv.Clone()
	assert.Equal(t, lv, c)
	c.Tags[0], c.Segments[0].Tags[0], c.Segments[1].Count = "x", "x", 99
	c.Segments[0].Extra[0].After = "y"
	assert.Equal(t, "l", lv.Tags[0])
	assert.Equal(t, "s", lv.Segments[0].Tags[0])
	assert.Equal(t, "x", lv.Segments[0].Extra[0].After)
	assert.NotEqual(t, lv.Segments[1].Count, c.Segments[1].Count)

	assert.Equal(t, &metadata.VolumeGroup{}, (&metadata.VolumeGroup{}).Clone())
}
