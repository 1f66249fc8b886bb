package lvm

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/corpus"
	"github.com/lvm-go/lvm/metadata"
)

// corpusDevice is a recorded PV. It cannot be written.
type corpusDevice struct{ *corpus.PV }

func (corpusDevice) WriteAt([]byte, int64) (int, error) { return 0, ErrReadOnly }
func (corpusDevice) Sync() error                        { return nil }
func (corpusDevice) Close() error                       { return nil }
func (d corpusDevice) Size() (Bytes, error)             { return d.PV.Size, nil }

// corpusSystem returns a System on the attached PVs of a case.
func corpusSystem(t testing.TB, c *corpus.Case) *System {
	t.Helper()
	cfg := Config{Kernel: KernelNone}
	devices := map[string]Device{}
	for _, pv := range c.PVs(t) {
		if pv.Attached {
			cfg.Devices = append(cfg.Devices, pv.Device)
			devices[pv.Device] = corpusDevice{pv}
		}
	}
	cfg.OpenDevice = func(path string, write bool) (Device, error) { return devices[path], nil }
	sys, err := Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sys.Close()) })
	return sys
}

// kernelTables returns what dmsetup table printed, by device name.
func kernelTables(lines []string) map[string]string {
	tables := map[string]string{}
	for _, line := range lines {
		if name, target, ok := strings.Cut(line, ": "); ok {
			tables[name] += strings.TrimRight(target, " ") + "\n"
		}
	}
	return tables
}

// TestCorpusTables compares the table of every logical volume that can be
// rendered with the one that the kernel held under lvm2.
func TestCorpusTables(t *testing.T) {
	t.Parallel()
	equal, refused := 0, 0
	for _, c := range corpus.Cases(t) {
		sys := corpusSystem(t, c)
		inv, err := sys.Scan(context.Background())
		require.NoError(t, err, c.Name)
		tables, info := kernelTables(c.Table(t)), strings.Join(c.Info(t), "\n")
		for _, vg := range inv.VGs {
			for lv := range vg.LVs() {
				want, active := tables[lv.DMName()]
				if !active {
					continue
				}
				r := &renderer{vg: vg.rec, claimed: claims(vg.rec), device: func(pv metadata.ID) (string, error) {
					m := vg.members[pv]
					if m == nil {
						return "", ErrMissingPV
					}
					return "7:" + strings.TrimPrefix(m.path, "/dev/loop"), nil
				}}
				nodes, err := r.lv(lv.rec)
				if err != nil {
					refused++
					assert.True(t, isAny(err, ErrUnsupported, ErrMissingPV), "%s %s: %v", c.Name, lv.Name(), err)
					continue
				}
				equal++
				n := nodes[len(nodes)-1]
				var got strings.Builder
				for _, l := range n.table {
					got.WriteString(strings.TrimRight(l.String(), " ") + "\n")
				}
				assert.Equal(t, want, got.String(), "%s %s", c.Name, lv.Name())
				if !lv.Hidden() {
					assert.Contains(t, info, n.name+"|"+n.uuid+"|", c.Name)
				}
			}
		}
	}
	t.Logf("%d tables equal to the kernel's, %d refused", equal, refused)
	assert.Greater(t, equal, 150)
}

// TestCorpusGroupsAreReadable reads every case, and every group of it by name
// and by UUID.
func TestCorpusGroupsAreReadable(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, c := range corpus.Cases(t) {
		sys := corpusSystem(t, c)
		inv, err := sys.Scan(ctx)
		require.NoError(t, err, c.Name)
		assert.Len(t, inv.VGs, len(c.Backups(t)), c.Name)
		for _, vg := range inv.VGs {
			named, err := sys.VG(ctx, vg.Name())
			require.NoError(t, err, c.Name)
			byID, err := sys.VG(ctx, vg.ID().String())
			require.NoError(t, err, c.Name)
			assert.Equal(t, vg.Metadata(), named.Metadata(), c.Name)
			assert.Equal(t, vg.Metadata(), byID.Metadata(), c.Name)
		}
	}
}
