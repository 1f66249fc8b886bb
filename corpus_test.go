package lvm

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
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

// recordedDevice is what dmsetup info printed of a device.
type recordedDevice struct{ name, uuid, number string }

func recordedDevices(lines []string) map[string]recordedDevice {
	byName := map[string]recordedDevice{}
	for _, line := range lines {
		if f := strings.Split(line, "|"); len(f) > 4 {
			byName[f[0]] = recordedDevice{f[0], f[1], f[2] + ":" + f[3]}
		}
	}
	return byName
}

// once takes out what the kernel was told only once, when lvm2 loaded a table.
var once = strings.NewReplacer("disk 3 254:0 4096 nosync", "disk 2 254:0 4096", "raid1 5 0 rebuild 1", "raid1 3 0")

// TestCorpusTables compares the table of every device that can be rendered with
// the one that the kernel held under lvm2.
func TestCorpusTables(t *testing.T) {
	t.Parallel()
	equal, refused, layers := 0, 0, map[string]int{}
	for _, c := range corpus.Cases(t) {
		sys := corpusSystem(t, c)
		inv, err := sys.Scan(context.Background())
		require.NoError(t, err, c.Name)
		tables, devices := kernelTables(c.Table(t)), recordedDevices(c.Info(t))
		for _, vg := range inv.VGs {
			for lv := range vg.LVs() {
				if _, active := tables[lv.DMName()]; !active {
					continue
				}
				r := &renderer{vg: vg.rec, claimed: claims(vg.rec), links: vg.links(), device: func(pv metadata.ID) (string, error) {
					m := vg.members[pv]
					if m == nil {
						return "", ErrMissingPV
					}
					return "7:" + strings.TrimPrefix(m.path, "/dev/loop"), nil
				}, merges: func(link snapshotLink) (bool, error) {
					origin, err := dmName(vg.Name(), lvByID(vg.rec, link.body.Origin).Name, "")
					return strings.Contains(tables[origin], "snapshot-merge"), err
				}, shown: func(id metadata.ID) bool {
					_, active := tables[mustLV(vg, id).DMName()]
					return active
				}}
				nodes, err := r.lv(lv.rec)
				if err != nil {
					refused++
					assert.True(t, isAny(err, ErrUnsupported, ErrMissingPV), "%s %s: %v", c.Name, lv.Name(), err)
					continue
				}
				numbers := map[string]string{}
				for _, n := range nodes {
					numbers[n.uuid] = devices[n.name].number
				}
				for _, n := range nodes {
					equal++
					layers[n.layer]++
					table, err := n.table.MapDevices(func(device string) (string, error) {
						if number, ok := numbers[device]; ok {
							return number, nil
						}
						return device, nil
					})
					require.NoError(t, err)
					var got strings.Builder
					for _, l := range table {
						got.WriteString(strings.TrimRight(l.String(), " ") + "\n")
					}
					if held, err := dm.ParseTable(once.Replace(tables[n.name])); assert.NoError(t, err) && !held.Equal(table) {
						assert.Equal(t, tables[n.name], got.String(), "%s %s", c.Name, n.name)
					}
					assert.Equal(t, devices[n.name].uuid, n.uuid, "%s %s", c.Name, n.name)
				}
			}
		}
	}
	t.Logf("%d tables equal to the kernel's, by layer %v, %d refused", equal, layers, refused)
	assert.Greater(t, equal, 180)
	assert.Greater(t, layers[realLayer], 5)
	assert.Greater(t, layers[cowLayer], 5)
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

func mustLV(vg *VolumeGroup, id metadata.ID) *LogicalVolume {
	lv, err := vg.LV(id.String())
	if err != nil {
		panic(err)
	}
	return lv
}
