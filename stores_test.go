package lvm

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// What the kernel would refuse of one snapshot keeps its origin from being
// activated, but not the rest of the group.
func TestActivateBesideBrokenStore(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, c := range []struct {
		name  string
		spoil func(m *machine, device string, at int64)
		mode  ActivationMode
		want  error
	}{
		{name: "rubbish", want: ErrDamaged, spoil: func(m *machine, device string, at int64) {
			m.disks.Change(device, at, []byte("rubbish"))
		}},
		{name: "another version", want: ErrDamaged, spoil: func(m *machine, device string, at int64) {
			m.disks.Change(device, at, []byte{'S', 'n', 'A', 'p', 1, 0, 0, 0, 2, 0, 0, 0, 8, 0, 0, 0})
		}},
		{name: "missing", want: ErrMissingPV, mode: ActivatePartial},
		{name: "given up", spoil: func(m *machine, device string, at int64) {
			m.disks.Change(device, at, []byte{'S', 'n', 'A', 'p', 0, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0})
		}},
		{name: "blank", spoil: func(*machine, string, int64) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(recorder.New(diskSize, "a", "b", "c"))
			plain := openDisks(t, m.disks, 1)
			volumes(t, plain, OneArea)
			update(t, plain, "vg0", func(tx *Tx) error {
				_, err := tx.CreateSnapshot("data", SnapshotSpec{Name: "s", Size: ExtentCount(6), PVs: []PVSelection{{PV: "b"}}})
				return joinErrors(err, tx.RemoveLV("striped"))
			})
			sys := m.open(t, 2)
			if c.spoil == nil {
				sys.cfg.Devices = []string{"a"}
			} else {
				v := view(t, plain, "vg0")
				for p, err := range v.ExtentMap().Map(lvView(t, v, "s").ID(), 0, 4*KiB) {
					require.NoError(t, err)
					c.spoil(m, "b", int64(p.Offset))
				}
			}
			all := func(tx *Tx) error { return tx.ActivateAllWith(ActivateOptions{Mode: c.mode}) }
			if c.want == nil {
				update(t, sys, "vg0", all)
				assert.Len(t, m.kernel.State(), 5)
				return
			}
			require.ErrorIs(t, sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.ActivateWith("data", ActivateOptions{Mode: c.mode}) }), c.want)
			require.NoError(t, sys.Update(ctx, "vg0", func(tx *Tx) error {
				assert.ErrorIs(t, all(tx), c.want)
				return nil
			}))
			require.Len(t, m.kernel.State(), 1)
			assert.Equal(t, "vg0-other", m.kernel.State()[0].Name)
			update(t, sys, "vg0", func(tx *Tx) error { return tx.RemoveLV("s") })
			update(t, sys, "vg0", all)
			assert.Len(t, m.kernel.State(), 2)
		})
	}
}

// Snapshots that the metadata has no more, since it was restored behind their
// backs, keep what they lie on: recovery sees to the rest.
func TestRecoverBesideForgottenSnapshots(t *testing.T) {
	t.Parallel()
	m := newMachine(recorder.New(diskSize, "a", "b", "c"))
	plain := openDisks(t, m.disks, 1)
	volumes(t, plain, OneArea)
	sys := m.open(t, 2)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
	update(t, sys, "vg0", func(tx *Tx) error { return tx.addSnapshot("data", "s", 6) })
	update(t, plain, "vg0", func(tx *Tx) error { return tx.RemoveLV("s") })
	rec, err := sys.Recover(context.Background())
	require.NoError(t, err)
	require.Len(t, rec.Problems, 1)
	assert.Equal(t, "vg0-s", rec.Problems[0].Device)
	live := map[string]string{}
	for _, d := range m.kernel.State() {
		assert.False(t, d.Suspended, d.Name)
		live[d.Name], _, _ = strings.Cut(strings.TrimLeft(strings.TrimLeft(d.Live, "0123456789"), " 0123456789"), " ")
	}
	assert.Equal(t, map[string]string{
		"vg0-data": "linear", "vg0-data-real": "linear", "vg0-s": "snapshot", "vg0-s-cow": "linear",
		"vg0-other": "linear", "vg0-striped": "striped",
	}, live)
}

// What this host may only read is not merged into.
func TestMergeIntoWhatListsMakeReadOnly(t *testing.T) {
	t.Parallel()
	disks, sys := snapshotDisks(t, snapshots)
	sys.cfg.VolumeLists.ReadOnly = []string{"vg0/data"}
	err := sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.MergeSnapshot("one") })
	require.ErrorIs(t, err, ErrReadOnly)
	update(t, openDisks(t, disks, 2), "vg0", func(tx *Tx) error { return tx.MergeSnapshot("one") })
}
