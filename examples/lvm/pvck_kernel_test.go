package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// damaged is a physical volume that is damaged, and repaired, again and again.
type damaged struct {
	device string
	whole  []byte
}

// restore makes the first and the last MiB as they were, but for what is to be damaged.
func (d *damaged) restore(t *testing.T, damage ...[2]int64) {
	t.Helper()
	b := bytes.Clone(d.whole)
	for _, span := range damage {
		clear(b[span[0]:][:span[1]])
	}
	f, err := os.OpenFile(d.device, os.O_RDWR, 0)
	require.NoError(t, err)
	for _, at := range []int{0, len(b) - 1<<20} {
		_, err = f.WriteAt(b[at:][:1<<20], int64(at))
		require.NoError(t, err)
	}
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
}

func (d *damaged) read(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open(d.device)
	require.NoError(t, err)
	b, err := io.ReadAll(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	return b
}

// by damages the volume, and runs a command on it, and returns what is on it then.
func (d *damaged) by(t *testing.T, run runner, damage [][2]int64, words []string) (outcome, []byte) {
	t.Helper()
	d.restore(t, damage...)
	return run(t, words), d.read(t)
}

// What pvck of lvm2 repairs of a physical volume, this does to the byte.
func TestKernelPVCheckRepairs(t *testing.T) {
	umltest.NeedKernel(t)
	lvm := umltest.NeedTool(t, "lvm")
	const size = 8 << 20
	device, _ := umltest.Loop(t, size)
	other, _ := umltest.Loop(t, size)
	umltest.Run(t, lvm, "pvcreate", "--metadatacopies", "2", device)
	umltest.Run(t, lvm, "vgcreate", "vg", device, other)
	umltest.Run(t, lvm, "lvcreate", "-y", "-an", "-Zn", "-l1", "-n", "a", "vg")
	dir := t.TempDir()
	raw, backup := filepath.Join(dir, "raw"), filepath.Join(dir, "backup")
	umltest.Run(t, lvm, "pvck", "--dump", "metadata", "-f", raw, device)
	umltest.Run(t, lvm, "vgcfgbackup", "-f", backup, "vg")
	uuid := strings.TrimSpace(umltest.Run(t, lvm, "pvs", "--noheadings", "-o", "pv_uuid", device))
	d := &damaged{device: device}
	d.whole = d.read(t)

	var (
		label  = [2]int64{512, 32}
		header = [2]int64{512, 512}
		area1  = [2]int64{4096, 512}
		area2  = [2]int64{size - 1<<20, 512}
	)
	for _, c := range []struct {
		line   string
		damage [][2]int64
	}{
		{"--repairtype label_header -y", [][2]int64{label}},
		{"--repairtype label_header", [][2]int64{label}},
		{"--repairtype pv_header -y", [][2]int64{header}},
		{"--repairtype pv_header -y -f BACKUP", [][2]int64{header}},
		{"--repairtype pv_header -t -f BACKUP", [][2]int64{header}},
		{"--repairtype pv_header -y -f RAW --settings pv_uuid=UUID", [][2]int64{header}},
		{"--repairtype pv_header -y -f RAW", [][2]int64{header, area1, area2}},
		{"--repairtype pv_header -y --settings 'pv_uuid=UUID device_size=8388608 data_offset=1048576'", [][2]int64{header}},
		{"--repairtype pv_header -y --settings 'pv_uuid=UUID device_size=8388608 data_offset=1048576 mda2_offset=0 mda2_size=0'", [][2]int64{header}},
		{"--repairtype metadata -y", [][2]int64{area1}},
		{"--repairtype metadata -y -f RAW", [][2]int64{area1}},
		{"--repairtype metadata -y -f BACKUP", [][2]int64{area1, area2}},
		{"--repairtype metadata -y -f BACKUP --settings mda_num=2", [][2]int64{area2}},
		{"--repairtype metadata -y -f RAW", [][2]int64{header}},
		{"--repair -y -f RAW", [][2]int64{header, area1, area2}},
		{"--repair -y -f BACKUP", nil},
		{"--repair -y", nil},
		{"--dump metadata_search --settings metadata_offset=5632", [][2]int64{area1}},
		{"--repairtype pv_header -y -f BACKUP", [][2]int64{header, area2}},
	} {
		line := strings.NewReplacer("BACKUP", backup, "RAW", raw, "UUID", uuid).Replace(c.line)
		words := append([]string{"pvck", device}, split(line)...)
		want, repaired := d.by(t, byLVM2, c.damage, words)
		got, ours := d.by(t, byOurs, c.damage, words)
		assert.Equal(t, want.code, got.code, "%s %v: %s%s", c.line, c.damage, got.stdout, got.stderr)
		assert.Equal(t, want.stdout, got.stdout, "%s %v", c.line, c.damage)
		assert.True(t, bytes.Equal(repaired, ours), "%s %v: not the same on the disk", c.line, c.damage)
	}
	d.restore(t)
	umltest.Run(t, lvm, "vgremove", "-f", "vg")
}

// Repairs of what is in use, of what another device is, and of what is no physical volume
// at all are refused, and nothing is written.
func TestKernelPVCheckRefusals(t *testing.T) {
	umltest.NeedKernel(t)
	const size = 8 << 20
	device, _ := umltest.Loop(t, size)
	other, _ := umltest.Loop(t, size)
	blank, _ := umltest.Loop(t, size)
	ours := func(words ...string) outcome { return byOurs(t, words) }
	require.Zero(t, ours("vgcreate", "vg", device, other).code)
	require.Zero(t, ours("lvcreate", "-l1", "-n", "a", "vg", device).code)
	backup := filepath.Join(t.TempDir(), "backup")
	require.Zero(t, ours("vgcfgbackup", "-f", backup, "vg").code)
	uuid := strings.TrimSpace(ours("pvs", "--noheadings", "-o", "pv_uuid", device).stdout)
	refused := func(why, on string, words ...string) {
		t.Helper()
		d := &damaged{device: on}
		before := d.read(t)
		got := ours(append([]string{"pvck", "-y", on, "-f", backup}, words...)...)
		assert.Equal(t, exitFailed, got.code, "%s", words)
		assert.Contains(t, got.stderr, why)
		assert.True(t, bytes.Equal(before, d.read(t)), "%s", words)
	}
	for _, words := range [][]string{{"--repair"}, {"--repairtype", "label_header"}, {"--repairtype", "metadata"}} {
		refused("it is in use", device, words...)
	}
	require.Zero(t, ours("lvchange", "-an", "vg/a").code)
	refused("is on "+device, blank, "--repair", "--settings", "pv_uuid="+uuid)
	refused("The PV header of "+blank+" is damaged as well", blank, "--repairtype", "label_header")
	refused("No lvm label found on device.", blank, "--repairtype", "metadata")
	require.Zero(t, ours("vgcreate", "mine", blank).code)
	refused("not found in metadata file", blank, "--repair")
	refused("has no physical volume", blank, "--repairtype", "metadata")
	require.Zero(t, ours("vgremove", "-f", "vg", "mine").code)
}
