package lvm

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// compareAll compares the reports of a group and the states of its volumes with
// what lvm2 says.
func (r *reported) compareAll(where string) *VolumeGroup {
	r.Helper()
	report := r.report(where)
	vg, err := openKernel(r, r.dev).VG(context.Background(), "v")
	require.NoError(r, err, where)
	compareReports(r, vg, report, where)
	var full struct{ Report []lvm2Report }
	require.NoError(r, json.Unmarshal([]byte(report), &full), where)
	for lv := range vg.LVs() {
		if row := find(full.Report[0].LV, lvm2Row{"lv_uuid": lv.ID().String()}); row != nil {
			sameStatus(r, where+" "+lv.Name(), lv, row, map[string]int{})
		}
	}
	return vg
}

// attr checks the attribute characters of a volume, so that a state is known to be
// what a test is about.
func (r *reported) attr(vg *VolumeGroup, name, want string) *LogicalVolume {
	r.Helper()
	lv, err := vg.LV(name)
	require.NoError(r, err)
	require.Equal(r, want, lv.Attr(), name)
	return lv
}

// replaceTable loads a table for a device of the group and makes it live.
func (r *reported) replaceTable(device, table string) {
	r.Helper()
	umltest.Run(r.T, "dmsetup", "reload", "v-"+device, "--table", table)
	umltest.Run(r.T, "dmsetup", "suspend", "--nolockfs", "--noflush", "v-"+device)
	umltest.Run(r.T, "dmsetup", "resume", "v-"+device)
}

// fails makes a device fail all I/O.
func (r *reported) fails(device string) {
	r.Helper()
	r.replaceTable(device, "0 "+strings.Fields(umltest.Run(r.T, "dmsetup", "table", "v-"+device))[1]+" error")
}

// write writes blocks of 64 KiB to a volume, from its beginning or another one, which
// may fail.
func (r *reported) write(lv string, blocks int, seek ...int) {
	_ = exec.Command("dd", "if=/dev/urandom", "of=/dev/v/"+lv, "bs=64k", fmt.Sprint("count=", blocks),
		fmt.Sprint("seek=", append(seek, 0)[0]), "oflag=direct", "conv=notrunc,fsync").Run()
}

func TestKernelReportsOfThin(t *testing.T) {
	r := newReported(t, 2, 256<<20)
	r.run("vgcreate -s 1M v " + strings.Join(r.dev, " "))
	r.run("lvcreate -y --type thin-pool -L8M -n full v; lvchange --errorwhenfull y v/full; lvcreate -y -V16M --thinpool full -n f v")
	r.write("f", 200)
	full := r.attr(r.compareAll("out of space"), "full", "twi-aotzD-")
	u, err := full.ThinPoolUsage()
	require.NoError(t, err)
	require.ErrorIs(t, u.Err(), ErrPoolFull)
	assert.True(t, u.ErrorWhenFull)
	assert.Equal(t, u.DataTotal, u.Data)

	r.run("lvcreate -y --type thin-pool -L32M --discards nopassdown -Zn -n p v; lvcreate -y --type thin-pool -L8M --discards ignore -n unused v")
	r.run("lvcreate -y -V16M --thinpool p -n t v; lvcreate -y -s -n ts v/t; lvcreate -y -pr -L4M -n ext v; lvchange -an v/ext")
	r.run("lvcreate -y -s --thinpool p -n e v/ext; lvcreate -y -s -L4M -n thick v/t")
	r.write("t", 20)
	r.write("e", 5)
	r.attr(r.compareAll("in use"), "t", "owi-a-t---")
	r.run("lvchange -ay v/ext; lvchange -ay -K v/ts")
	r.compareAll("more is active")
	r.run("lvchange -an v/p")
	r.attr(r.compareAll("the pool itself is inactive"), "p", "twi---t---")
	r.run("lvchange -an v/t; lvchange -an v/ts; lvchange -an v/e")
	r.compareAll("all are inactive")
	r.run("lvremove -y v/thick; lvchange -ay v/t")
	open, err := os.Open("/dev/v/t")
	require.NoError(t, err)
	r.run("lvconvert --merge v/ts")
	r.attr(r.compareAll("to be merged"), "t", "Owi-aot---")
	require.NoError(t, open.Close())
	r.run("lvchange -an v/t; lvchange -ay v/t")
	r.compareAll("merged")

	table := strings.TrimSpace(umltest.Run(t, "dmsetup", "table", "v-p-tpool"))
	r.replaceTable("p-tpool", strings.Replace(table, " 2 skip_", " 3 read_only skip_", 1))
	pool := r.attr(r.compareAll("read-only"), "p", "twi---t-M-")
	u, err = pool.ThinPoolUsage()
	require.NoError(t, err)
	require.ErrorIs(t, u.Err(), ErrPoolReadOnly)
	r.replaceTable("p-tpool", table)
	r.fails("p_tmeta")
	for seek := range 100 {
		r.write("t", 1, seek)
		if u, _ = pool.ThinPoolUsage(); u.Mode == ThinPoolFailed {
			break
		}
	}
	vg := r.compareAll("failed")
	pool = r.attr(vg, "p", "twi---t-F-")
	u, err = pool.ThinPoolUsage()
	require.NoError(t, err)
	require.ErrorIs(t, u.Err(), ErrPoolFailed)
	thin, err := r.attr(vg, "t", "Vwi-a-t-F-").ThinUsage()
	require.NoError(t, err)
	require.ErrorIs(t, thin.Err(), ErrPoolFailed)
}

func TestKernelReportsOfRAID(t *testing.T) {
	r := newReported(t, 6, 128<<20)
	r.run("vgcreate -s 1M v " + strings.Join(r.dev, " "))
	r.run("lvcreate -y --type raid1 -m1 -L8M --nosync -n r v; lvcreate -y --type raid5 -i2 -L40M -n s v; lvcreate -y --type raid0_meta -i2 -L8M -n z v")
	r.run("lvcreate -y --type raid10 -i2 -L8M -n ten v; lvcreate -y --type raid6_ls_6 -i3 -L12M -an -n six v")
	r.until("in sync", "s", func(d *KernelDevice) bool { s, ok := d.raid(); return ok && s.Synced() })
	umltest.Run(t, "dmsetup", "message", "v-s", "0", "frozen")
	r.compareAll("frozen")
	umltest.Run(t, "dmsetup", "message", "v-s", "0", "idle")

	r.run("lvchange -y --maxrecoveryrate 128k v/s; lvconvert -y --stripes 3 v/s")
	r.attr(r.compareAll("reshape"), "s", "rwi-a-r-s-")
	r.run("lvchange -y --maxrecoveryrate 0 v/s")
	r.until("reshaped", "s", func(d *KernelDevice) bool { s, ok := d.raid(); return ok && s.Action == RAIDIdle })
	r.run("lvconvert -y -f --stripes 2 v/s")
	r.until("to be made smaller", "s", func(d *KernelDevice) bool { s, ok := d.raid(); return ok && s.Action == RAIDIdle })
	r.attr(r.compareAll("made smaller"), "s", "rwi-a-r-R-")

	r.fails("r_rimage_1")
	r.write("r", 5)
	lv := r.attr(r.compareAll("a leg has failed"), "r", "Rwi-a-r-r-")
	s, err := lv.RAIDStatus()
	require.NoError(t, err)
	require.ErrorIs(t, s.Err(), ErrDegraded)
	assert.Equal(t, []string{"r_rimage_1"}, s.Missing())
	assert.Equal(t, RAIDDead, s.Legs[1].Health)
	r.run("lvremove -y v/r")

	r.run("lvcreate -y --type raid1 -m1 --raidintegrity y -L8M -n i v")
	r.until("checksums", "i", func(d *KernelDevice) bool { s, ok := d.raid(); return ok && s.Synced() })
	r.write("i", 16)
	r.run("lvchange -an v/i")
	where := strings.TrimSpace(umltest.Run(t, r.lvm, "lvs", "-a", "--noheadings", "-o", "seg_pe_ranges", "v/i_rimage_0_iorig"))
	disk, extents, _ := strings.Cut(where, ":")
	first, _, _ := strings.Cut(extents, "-")
	umltest.Run(t, "sh", "-c", fmt.Sprintf("dd if=/dev/urandom of=%s bs=64k seek=$((16 + %s*16)) count=1 oflag=direct conv=notrunc", disk, first))
	r.run("lvchange -ay v/i")
	umltest.Run(t, "sh", "-c", "for i in 1 2 3; do dd if=/dev/v/i of=/dev/null bs=64k iflag=direct; done")
	lv, err = r.compareAll("a checksum does not match").LV("i")
	require.NoError(t, err)
	legs, err := lv.IntegrityStatus()
	require.NoError(t, err)
	require.Len(t, legs, 2)
	assert.Positive(t, legs[0].Mismatches)
	assert.Zero(t, legs[1].Mismatches)
}

func TestKernelReportsOfCaches(t *testing.T) {
	r := newReported(t, 3, 256<<20)
	r.run("vgcreate -s 1M v " + strings.Join(r.dev, " "))
	r.run("lvcreate -y -L16M -n o v; lvcreate -y --type cache-pool -L8M -n cp v; lvconvert -y --type cache --cachemode writeback --cachepool cp v/o")
	r.run("lvcreate -y --type cache-pool -L8M -n unused v")
	for range 4 {
		r.write("o", 16)
	}
	r.compareAll("writeback")
	r.run("lvcreate -y -s -L4M -n snap v/o")
	r.compareAll("with a snapshot")
	r.run("lvremove -y v/snap; lvchange -y --cachepolicy cleaner v/o")
	r.compareAll("being cleaned")
	r.run("lvchange -an v/o")
	r.compareAll("inactive")
	r.run("lvremove -y v/o v/unused")

	r.run("lvcreate -y --type raid1 -m1 -L16M -n o v; lvcreate -y -L16M -n cv v; lvconvert -y --type cache --cachesettings migration_threshold=4096 --cachevol cv v/o")
	r.run("lvcreate -y --type thin-pool -L16M -n tp v; lvcreate -y --type cache-pool -L8M -n cp v; lvconvert -y --type cache --cachepool cp v/tp; lvcreate -y -V8M --thinpool tp -n th v")
	r.write("th", 16)
	r.compareAll("cache of a raid, and of a thin pool")
	r.run("lvremove -y v/tp v/o")

	r.run("lvcreate -y -L16M -n w v; lvcreate -an -y -L16M -n wf v; lvconvert -y --type writecache --cachesettings block_size=512 --cachevol wf v/w")
	r.write("w", 16)
	lv, err := r.compareAll("writecache").LV("w")
	require.NoError(t, err)
	u, err := lv.WriteCacheUsage()
	require.NoError(t, err)
	assert.Equal(t, 16*64*KiB, u.Used)
	r.fails("wf_cvol")
	for seek := range 100 {
		r.write("w", 1, seek)
		if u, _ = lv.WriteCacheUsage(); u.Failed {
			break
		}
	}
	require.ErrorIs(t, u.Err(), ErrPoolFailed)
	r.attr(r.compareAll("writecache failed"), "w", "Cwi-a-C-E-")
}

func TestKernelReportsOfMirrors(t *testing.T) {
	r := newReported(t, 4, 128<<20)
	r.run("vgcreate -s 1M v " + strings.Join(r.dev, " "))
	r.run("lvcreate -y --type mirror -m1 -L100M -n m v; lvcreate -y --type mirror -m1 --mirrorlog core --nosync -L8M -n n v")
	r.until("in sync", "m", (*KernelDevice).mirrorInSync)
	r.run("lvconvert -b -y -m+1 -i 600 v/m")
	r.until("has got a leg", "m", (*KernelDevice).mirrorInSync)
	r.attr(r.compareAll("lvm2 is to end that"), "m", "cwi-a-m---")
	r.run("lvchange -an v/n")
	r.compareAll("one is inactive")
}

// Types that are not known here are not known to lvm2 either.
func TestKernelReportsOfUnknown(t *testing.T) {
	r := newReported(t, 2, 64<<20)
	r.run("vgcreate -s 1M v " + strings.Join(r.dev, " "))
	r.run("lvcreate -an -y --type raid1 -m1 -L8M -n r v; lvcreate -y --type thin-pool -L8M -n tp v; lvcreate -y -V8M --thinpool tp -n t v; vgchange -an v")
	file := filepath.Join(t.TempDir(), "v")
	r.run("vgcfgbackup -f " + file + " v")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	text = []byte(strings.NewReplacer(`type = "raid1"`, `type = "raid1+FOO"`, `type = "thin"`, `type = "thinner"`).Replace(string(text)))
	require.NoError(t, os.WriteFile(file, text, 0o600))
	r.run("vgcfgrestore --force -f " + file + " v")
	vg := r.compareAll("unknown types")
	lv := r.attr(vg, "r", "vwi---u---")
	assert.False(t, lv.IsRAID())
	assert.Nil(t, lv.RAIDLegs())
	r.attr(vg, "t", "vwi---u---")
}

// Volumes of all types know whether a physical volume that they or their parts are
// on is missing.
func TestKernelReportsOfPartial(t *testing.T) {
	r := newReported(t, 4, 128<<20)
	r.run("vgcreate -s 1M v " + strings.Join(r.dev, " "))
	lost := " " + r.dev[0]
	r.run("lvcreate -y --type thin-pool -L8M -n p v" + lost + "; lvcreate -y -V8M --thinpool p -n t v; lvcreate -y -s -n ts v/t")
	r.run("lvcreate -y -L8M -n o v " + r.dev[1] + "; lvcreate -y --type cache-pool -L8M -n cp v" + lost + "; lvconvert -y --type cache --cachepool cp v/o")
	r.run("lvcreate -y -L8M -n w v" + lost + "; lvcreate -an -y -L8M -n wf v " + r.dev[1] + "; lvconvert -y --type writecache --cachevol wf v/w")
	r.run("lvcreate -y --type raid5 -i2 -L8M -n r v; lvcreate -y --type raid1 -m1 --raidintegrity y -L8M -n i v; lvcreate -y --type mirror -m1 -L8M -n m v")
	r.run("lvcreate -y -s -L4M -n s v/r " + r.dev[1])
	for _, lv := range []string{"r", "i", "m"} {
		r.until("in sync", lv, func(*KernelDevice) bool {
			vg, err := openKernel(r, r.dev).VG(context.Background(), "v")
			require.NoError(r, err)
			lv, err := vg.LV(lv)
			require.NoError(r, err)
			report, err := lv.Report()
			require.NoError(r, err)
			return report.SyncPercent.String() == "100.00"
		})
	}
	r.run("vgchange -an v")
	umltest.Run(t, "dd", "if=/dev/zero", "of="+r.dev[0], "bs=4096", "count=1", "oflag=direct", "conv=notrunc")
	vg := r.compareAll("inactive")
	for _, lv := range []string{"t", "o", "w"} {
		got, err := vg.LV(lv)
		require.NoError(t, err)
		assert.Equal(t, "p", got.Attr()[8:9], lv)
	}
	r.run("lvchange -ay --activationmode degraded v/r")
	vg = r.compareAll("degraded")
	lv, err := vg.LV("r")
	require.NoError(t, err)
	s, err := lv.RAIDStatus()
	require.NoError(t, err)
	require.ErrorIs(t, s.Err(), ErrDegraded)
	require.Len(t, s.Missing(), 1)
}

// Of volumes of all types, VDO among them, lvm2 says the same of a text, and so do
// we.
func TestKernelReportsOfAllTypes(t *testing.T) {
	r := newReported(t, 1, 8<<30)
	text, err := os.ReadFile(filepath.Join("metadata", "testdata", "types", "backup.conf"))
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "v")
	// lvm2 crashes where two are snapshots of each other, its JSON is broken if
	// settings have quotes, and it says of a volume that one is merged into that it
	// has that one's number, as long as it is not active.
	text = []byte(strings.NewReplacer("\nvg {\n", "\nv {\n", `origin = "t"`, "", `merge = "u"`, "", `b="te\"xt"`, "", `"c#d"=-3`, "").Replace(string(text)))
	require.NoError(t, os.WriteFile(file, text, 0o600))
	r.run("pvcreate -ff -y --uuid PVPVPV-PVPV-PVPV-PVPV-PVPV-PVPV-PVPVPV --restorefile " + file + " " + r.dev[0])
	r.run("vgcfgrestore --force -f " + file + " v")
	vg := r.compareAll("all types")
	types := map[string]bool{}
	for lv := range vg.LVs() {
		for s := range lv.Segments() {
			types[s.Report().Type] = true
		}
	}
	for _, want := range []string{"thin-pool", "thin", "raid0_meta", "raid1", "raid5", "raid10", "cache-pool", "cache", "writecache",
		"integrity", "vdo-pool", "vdo"} {
		assert.True(t, types[want], want)
	}
}
