package lvm

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

// The deepest stack of volumes that is valid is rendered, drawn and looked through in time
// that follows its height.
func TestDeepestStack(t *testing.T) {
	t.Parallel()
	const levels = 1000
	id := func(n int) metadata.ID {
		id, err := metadata.ParseID(fmt.Sprintf("%032d", n))
		require.NoError(t, err)
		return id
	}
	vg := &metadata.VolumeGroup{
		Name: "vg0", ID: id(0), Seqno: 1, Format: "lvm2", ExtentSize: 8, Status: metadata.VGRead | metadata.VGWrite,
		PVs: []*metadata.PhysicalVolume{{ID: id(1), DeviceSize: 1 << 20, PEStart: 2048, PECount: 1000}},
	}
	for n := range levels {
		area := metadata.Area{PV: id(1)}
		if n > 0 {
			area = metadata.Area{LV: id(n + 1)}
		}
		vg.LVs = append(vg.LVs, &metadata.LogicalVolume{
			Name: fmt.Sprintf("lv%d", n), ID: id(n + 2), Status: metadata.LVRead | metadata.LVWrite | metadata.LVVisible,
			Segments: []metadata.Segment{{Count: 1, Type: "striped", Body: &metadata.Striped{Stripes: []metadata.Area{area}}}},
		})
	}
	started := time.Now()
	require.NoError(t, vg.Validate())
	r := &renderer{
		vg: vg, claimed: claims(vg),
		device: func(metadata.ID) (string, error) { return "7:0", nil },
		merges: func(snapshotLink) (bool, error) { return false, nil },
		shown:  func(metadata.ID) bool { return true },
	}
	nodes, err := r.lv(vg.LVs[levels-1])
	require.NoError(t, err)
	require.Len(t, nodes, levels)
	require.NoError(t, NewExtentMap(vg).WriteText(io.Discard, DrawOptions{}))
	require.Less(t, time.Since(started), 10*time.Second)
}

// A setting may be nested by slashes as deeply as a text of it is long.
func TestDeepSetting(t *testing.T) {
	t.Parallel()
	c := &LVMConf{settings: map[string]confSetting{}}
	started := time.Now()
	path := strings.Repeat("x/", 1_000_000) + "x"
	if err := c.Override(path + " = 1"); err != nil {
		require.ErrorIs(t, err, ErrInvalidSpec)
	}
	require.Less(t, time.Since(started), 10*time.Second)
}
