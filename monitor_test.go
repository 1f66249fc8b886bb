package lvm

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
)

// The numbers are those of lvm2 2.03.16.
func TestGrowthOfSnapshots(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		full string
		a    AutoExtend
		want uint
	}{
		{"45.21", AutoExtend{50, 20}, 0}, {"50.00", AutoExtend{50, 20}, 0}, {"55.25", AutoExtend{50, 20}, 20},
		{"55.25", AutoExtend{50, 10}, 11}, {"75.33", AutoExtend{50, 20}, 51}, {"75.33", AutoExtend{70, 20}, 20},
		{"90.39", AutoExtend{50, 20}, 81}, {"90.39", AutoExtend{70, 20}, 30}, {"95.41", AutoExtend{70, 20}, 37},
		{"95.41", AutoExtend{95, 10}, 10}, {"95.41", AutoExtend{100, 20}, 0}, {"75.33", AutoExtend{60, 100}, 100},
		{"100.00", AutoExtend{1, 1}, 9900},
	} {
		var whole, part uint64
		_, err := fmt.Sscanf(tt.full, "%d.%d", &whole, &part)
		require.NoError(t, err)
		assert.Equal(t, tt.want, tt.a.growth(dm.PercentOf(100*whole+part, 10000)), "%s %v", tt.full, tt.a)
	}
}

func TestExtendSnapshots(t *testing.T) {
	t.Parallel()
	disks, sys := snapshotDisks(t, snapshots)
	ctx := context.Background()
	_, err := sys.ExtendSnapshots(ctx, "vg0", AutoExtend{})
	require.ErrorIs(t, err, ErrInvalidSpec)
	_, err = sys.ExtendSnapshots(ctx, "vg0", AutoExtend{Threshold: 101, By: 1})
	require.ErrorIs(t, err, ErrInvalidSpec)
	got, err := sys.ExtendSnapshots(ctx, "vg0", AutoExtend{Threshold: 100, By: 20})
	require.NoError(t, err)
	assert.Empty(t, got)
	// Of one, 4 of 6 chunks are in use, of two 4 of 8.
	disks.Record()
	got, err = sys.ExtendSnapshots(ctx, "vg0", AutoExtend{Threshold: 66, By: 50})
	require.NoError(t, err)
	assert.Equal(t, []SnapshotExtension{{Snapshot: "one", Before: 6 * 4 * KiB, After: 9 * 4 * KiB}}, got)
	assert.NotEmpty(t, disks.Writes())
	disks.Record()
	got, err = sys.ExtendSnapshots(ctx, "vg0", AutoExtend{Threshold: 66, By: 50})
	require.NoError(t, err)
	assert.Empty(t, got)
	assert.Empty(t, disks.Writes())
}

// TestExtendSnapshotsAsFarAsThereIsSpace: that one cannot be extended does not
// keep the others from it, nor does one that is as large as is of use.
func TestExtendSnapshotsAsFarAsThereIsSpace(t *testing.T) {
	t.Parallel()
	_, sys := snapshotDisks(t, snapshots)
	ctx := context.Background()
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.ExtendLV("one", ExtendSpec{By: ExtentCount(100)}), tx.SetLVAllocation("two", AllocContiguous),
			tx.addLV("behind", 1, 1))
	})
	got, err := sys.ExtendSnapshots(ctx, "vg0", AutoExtend{Threshold: 1, By: 1})
	require.ErrorIs(t, err, ErrNoSpace)
	assert.Empty(t, got)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetLVAllocation("two", AllocInherit) })
	got, err = sys.ExtendSnapshots(ctx, "vg0", AutoExtend{Threshold: 1, By: 1})
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, "two", got[0].Snapshot)
}

// TestExtendOnlyWhatIsActive: with a kernel, what is not active cannot fill up.
func TestExtendOnlyWhatIsActive(t *testing.T) {
	t.Parallel()
	disks, _ := snapshotDisks(t, snapshots)
	m := newMachine(disks)
	sys := m.open(t, 2)
	got, err := sys.ExtendSnapshots(context.Background(), "vg0", AutoExtend{Threshold: 20, By: 50})
	require.NoError(t, err)
	assert.Empty(t, got)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
	got, err = sys.ExtendSnapshots(context.Background(), "vg0", AutoExtend{Threshold: 60, By: 50})
	require.NoError(t, err)
	assert.Equal(t, []SnapshotExtension{{Snapshot: "one", Before: 6 * 4 * KiB, After: 9 * 4 * KiB}}, got)
	require.Empty(t, m.unlike(t))
	update(t, sys, "vg0", func(tx *Tx) error { return tx.MergeSnapshot("one") })
	require.True(t, m.kernel.SetStatus("vg0-two", "Invalid"))
	got, err = sys.ExtendSnapshots(context.Background(), "vg0", AutoExtend{Threshold: 1, By: 50})
	require.NoError(t, err)
	assert.Empty(t, got, "one that is merged, and one that is lost")
}

// TestMonitor tells and extends what fills up, and tells once what is lost.
func TestMonitor(t *testing.T) {
	t.Parallel()
	disks, _ := snapshotDisks(t, snapshots)
	m := newMachine(disks)
	sys := m.open(t, 2)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.ActivateAll(), tx.ExtendLV("two", ExtendSpec{By: ExtentCount(20)}))
	})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var told []string
	rounds := 0
	mon := &monitor{sys: sys, o: MonitorOptions{
		VGs: []string{"vg0", "vg9"}, AutoExtend: AutoExtend{Threshold: 90, By: 10},
		Event: func(e SnapshotEvent) {
			text := fmt.Sprintf("%s %s/%s %s", e.Kind, e.VG, e.Snapshot, e.Usage.Percent())
			if e.Kind == SnapshotExtended {
				text += fmt.Sprintf(" %d", e.Extension.After/(4*KiB))
			}
			if e.Err != nil {
				text += " " + e.Err.Error()
			}
			told = append(told, text)
		},
	}}
	mon.init()
	round := func(want ...string) {
		t.Helper()
		rounds++
		told = nil
		mon.round(ctx)
		assert.Equal(t, want, told, "round %d", rounds)
	}
	status := func(snapshot, text string) {
		t.Helper()
		require.True(t, m.kernel.SetStatus("vg0-"+snapshot, text))
	}
	round("failed vg9/ 100.00 view vg9: volume group not found")
	status("one", "32/48 16")
	round()
	status("one", "39/48 16")
	round("filling vg0/one 81.25")
	round()
	status("one", "40/48 16")
	round()
	status("one", "41/48 16")
	round("filling vg0/one 85.42")
	status("one", "44/48 16")
	round("extended vg0/one 78.57 7")
	status("two", "Invalid")
	status("one", "39/56 16")
	round("lost vg0/two 100.00 its cow store was full or could not be written: what it held is lost")
	round()
	update(t, sys, "vg0", func(tx *Tx) error { return tx.RemoveLV("two") })
	round()

	go func() { time.Sleep(20 * time.Millisecond); cancel() }()
	require.ErrorIs(t, sys.Monitor(ctx, MonitorOptions{Interval: soon}), context.Canceled)
	require.ErrorIs(t, sys.Monitor(ctx, MonitorOptions{AutoExtend: AutoExtend{By: 1}}), ErrInvalidSpec)
}
