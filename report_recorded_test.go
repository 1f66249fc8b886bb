package lvm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/corpus"
)

// silentKernel has devices, and fails the test when it is asked about one.
type silentKernel struct {
	recordedKernel
	t *testing.T
}

func (k silentKernel) TargetStatus(dm.Ref, dm.QueryOptions) (dm.Info, []dm.StatusLine, error) {
	assert.Fail(k.t, "the kernel is asked")
	return dm.Info{}, nil, dm.ErrNotFound
}

// TestRecordedReport makes reports with a kernel that may not be asked. But for
// what volumes are as active ones, they say what the full ones say of volumes
// that are not.
func TestRecordedReport(t *testing.T) {
	t.Parallel()
	recorded := readReports(t)
	volumes, active := 0, 0
	for _, cs := range corpus.Cases(t) {
		sys := corpusSystem(t, cs)
		still, err := sys.Scan(context.Background())
		require.NoError(t, err)
		sys.kernel = silentKernel{newRecordedKernel(t, cs.Info(t), recorded[cs.Name].Status), t}
		inv, err := sys.Scan(context.Background())
		require.NoError(t, err)
		for i, vg := range inv.VGs {
			for lv := range vg.Volumes() {
				volumes++
				got := lv.RecordedReport()
				same, err := still.VGs[i].LV(lv.Name())
				require.NoError(t, err)
				want, err := same.Report()
				require.NoError(t, err)
				if got.Active {
					active++
				}
				got.Active = want.Active
				assert.Equal(t, want, got, "%s %s", cs.Name, lv.Name())
			}
		}
	}
	assert.Greater(t, volumes, 500)
	assert.Greater(t, active, 200)
}

func TestVolumes(t *testing.T) {
	t.Parallel()
	ties := 0
	for _, cs := range corpus.Cases(t) {
		inv, err := corpusSystem(t, cs).Scan(context.Background())
		require.NoError(t, err)
		for _, vg := range inv.VGs {
			listed := map[string]bool{}
			for lv := range vg.Volumes() {
				listed[lv.Name()] = true
			}
			for lv := range vg.LVs() {
				tie := snapshotLinkOf(lv.rec) != nil
				if tie {
					ties++
				}
				assert.Equal(t, !tie, listed[lv.Name()], "%s %s", cs.Name, lv.Name())
			}
		}
	}
	assert.Greater(t, ties, 5)
}
