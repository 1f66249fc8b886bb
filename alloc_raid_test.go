package lvm

import (
	"encoding/json"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

// What lvm2 2.03.16 made of raids, recorded by TestKernelRAIDLiesAsLVM2s with
// -alloc-record.
func TestRAIDLiesAsLVM2s(t *testing.T) {
	t.Parallel()
	f, err := os.Open("testdata/alloc/raid.json")
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	cases := json.NewDecoder(f)
	for n := 0; ; n++ {
		var c raidCase
		if err := cases.Decode(&c); err != nil {
			require.ErrorIs(t, err, io.EOF)
			require.Positive(t, n)
			return
		}
		assert.Empty(t, c.replay(t))
	}
}

// No failure of one physical volume takes two images, also where that leaves
// space unused.
func TestRAIDImagesStayApart(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		c := randomRAIDCase(seed)
		names := "abcdefgh"[:len(c.PVs)]
		sys, policies := c.system(t)
		for _, s := range c.Steps {
			if s.Alloc == "anywhere" {
				continue
			}
			if err := sys.Update(t.Context(), "v", func(tx *Tx) error { return s.do(tx, names, policies) }); err != nil {
				continue
			}
			require.False(t, sharesPVs(raidState(recordOf(t, sys, "v"))), "seed %d, %+v", seed, s)
		}
	}
}

// Under anywhere images may share a physical volume, but not extents; what the
// kernel notes of one is in front of it.
func TestRAIDAnywhere(t *testing.T) {
	t.Parallel()
	c := raidCase{Alloc: "anywhere", PVs: []int{16, 20}}
	sys, _ := c.system(t)
	update(t, sys, "v", func(tx *Tx) error {
		_, err := tx.CreateRAID(RAIDSpec{Name: "r", Type: SegmentRAID6, Size: ExtentCount(9), SkipZero: true})
		return err
	})
	vg := recordOf(t, sys, "v")
	require.NoError(t, vg.Validate())
	body := vg.LVs[0].Segments[0].Body.(*metadata.RAID)
	require.Len(t, body.Legs, 5)
	for _, leg := range body.Legs {
		meta, image := lvByID(vg, leg.Meta).Segments[0].Body.Areas()[0], lvByID(vg, leg.Image).Segments[0].Body.Areas()[0]
		assert.Equal(t, metadata.Area{PV: meta.PV, Start: meta.Start + 1}, image)
	}
}
