package dm_test

import (
	"strings"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/stretchr/testify/assert"
)

func TestRef(t *testing.T) {
	t.Parallel()
	name, ok := dm.ByName("vg-lv").Name()
	assert.True(t, ok)
	assert.Equal(t, "vg-lv", name)
	_, ok = dm.ByName("vg-lv").UUID()
	assert.False(t, ok)
	uuid, ok := dm.ByUUID("LVM-x").UUID()
	assert.True(t, ok)
	assert.Equal(t, "LVM-x", uuid)
	dev, ok := dm.ByDev(0).Dev()
	assert.True(t, ok, "0:0 is a number like others")
	assert.Equal(t, dm.Dev(0), dev)
	assert.Equal(t, "vg-lv", dm.ByName("vg-lv").String())
	assert.Equal(t, "LVM-x", dm.ByUUID("LVM-x").String())
	assert.Equal(t, "253:7", dm.ByDev(dm.MakeDev(253, 7)).String())
}

func TestRefCheck(t *testing.T) {
	t.Parallel()
	for _, r := range []dm.Ref{
		dm.ByName(strings.Repeat("n", 127)), dm.ByUUID(strings.Repeat("u", 128)), dm.ByDev(0),
		dm.ByName("a b"), dm.ByName("a/b"), // devices of others; the kernel says what it has
	} {
		assert.NoError(t, r.Check(), r)
	}
	for _, r := range []dm.Ref{
		{}, dm.ByName(""), dm.ByUUID(""), dm.ByName("a\x00b"), dm.ByUUID("a\x00"),
		dm.ByName(strings.Repeat("n", 128)), dm.ByUUID(strings.Repeat("u", 129)),
	} {
		assert.ErrorIs(t, r.Check(), dm.ErrInvalid, r)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	v := dm.Version{Major: 4, Minor: 47, Patch: 2}
	assert.Equal(t, "4.47.2", v.String())
	assert.True(t, v.AtLeast(4, 47))
	assert.True(t, v.AtLeast(3, 99))
	assert.False(t, v.AtLeast(4, 48))
	assert.False(t, v.AtLeast(5, 0))
}
