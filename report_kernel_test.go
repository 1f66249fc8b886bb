package lvm

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// reportSteps make volumes of all the types that lvm2 has here. After each line,
// all that both report is compared.
var reportSteps = []string{
	"lvcreate -y -L8M -n lin v; lvcreate -y -i2 -L8M -n st v; lvcreate -an -y -L4M --addtag x -pr --setautoactivation n -n off v",
	"lvcreate -y -L4M -My --major 254 --minor 77 -r none --alloc contiguous -n fixed v; lvchange -ky v/off; lvextend -i2 -L+8M v/lin",
	"lvcreate -y --type zero -L8M -n z v; lvextend -y --type error -L+4M v/off",
	"lvcreate -an -y --type raid1 -m1 -L8M -n r1 v; lvcreate -y --type raid5 -i2 -L16M -n r5 v; lvcreate -y --type raid0 -i2 -L8M -n r0 v",
	"lvcreate -y --type raid1 -m1 --raidintegrity y -L8M -n ri v; lvcreate -y --type raid10 -i2 -m1 -L16M -n r10 v",
	"lvcreate -y --type mirror -m1 -L8M -n m1 v; lvcreate -y --type mirror -m1 --mirrorlog core --nosync -L8M -n m2 v",
	"lvcreate -y --type thin-pool -L32M -n tp v; lvcreate -y -V 16M --thinpool tp -n t1 v; lvcreate -y -s -n ts v/t1; lvcreate -y -s -L4M -n thick v/t1",
	"lvcreate -y -s -L4M -n sn v/fixed; lvcreate -y -pr -s -L4M -n sn2 v/fixed; lvcreate -y -pr -L4M -n ext v; lvchange -an v/ext; lvcreate -y -s --thinpool tp -n onext v/ext",
	"lvcreate -y -L16M -n org v; lvcreate -y --type cache-pool -L16M -n cp v; lvconvert -y --type cache --cachepool v/cp v/org; lvcreate -y -s -L4M -n cs v/org",
	"lvcreate -y -L16M -n wo v; lvcreate -an -y -L16M -n wf v; lvconvert -y --type writecache --cachevol v/wf v/wo",
	"lvcreate -y -L16M -n o2 v; lvcreate -an -y -L16M -n cv v; lvconvert -y --type cache --cachevol v/cv v/o2",
	"lvcreate -y --type raid1 -m1 -L8M -n rp v; lvconvert -y --type thin-pool v/rp; lvcreate -y -V8M --thinpool rp -n tr v; lvcreate -y -s -n mg v/tr",
	"lvchange -an v/z; lvchange -pr v/st; lvchange -an v/m1; lvchange -an v/r5",
}

// reported is a group made by lvm2, called v, whose reports are compared.
type reported struct {
	*testing.T
	lvm string
	dev []string
}

func newReported(t *testing.T, devices int, size int64) *reported {
	r := &reported{T: t, lvm: umltest.NeedTool(t, "lvm")}
	for range devices {
		d, _ := umltest.Loop(t, size)
		r.dev = append(r.dev, d)
	}
	t.Cleanup(func() {
		_ = exec.Command("sh", "-c", "lvm vgimport -qq v; lvm vgremove -qqff v; dmsetup remove_all -f; rm -rf /dev/v").Run()
	})
	return r
}

// run runs commands of lvm2, with semicolons between them.
func (r *reported) run(line string) {
	r.Helper()
	for _, command := range strings.Split(line, ";") {
		out, err := exec.Command(r.lvm, strings.Fields(command)...).CombinedOutput()
		require.NoError(r, err, "%s: %s", command, out)
	}
}

// compare compares all that lvm2 and we report of the group, and returns it.
func (r *reported) compare(where string) *VolumeGroup {
	r.Helper()
	report := r.report(where)
	inv, err := openKernel(r, r.dev).Scan(context.Background())
	require.NoError(r, err)
	require.Len(r, inv.VGs, 1, "%s: %v", where, inv.Problems)
	compareReports(r, inv.VGs[0], report, where)
	return inv.VGs[0]
}

// report returns what lvm2 reports of the group at a time when the kernel does
// nothing that would make us say something else.
func (r *reported) report(where string) string {
	r.Helper()
	for range 100 {
		before := umltest.Run(r.T, "dmsetup", "status")
		out, err := exec.Command(r.lvm, strings.Fields(fullreport+"v")...).Output()
		require.NoError(r, err, where)
		if umltest.Run(r.T, "dmsetup", "status") == before {
			return string(out)
		}
	}
	require.Fail(r, "the kernel never comes to rest", where)
	return ""
}

// TestKernelReports compares our reports with lvm2's, volumes of types included
// that can only be looked at here.
func TestKernelReports(t *testing.T) {
	r := newReported(t, 6, 256<<20)
	r.run("vgcreate -s 1M --addtag t2 --addtag t1 v " + strings.Join(r.dev, " "))
	var vg *VolumeGroup
	for _, step := range reportSteps {
		r.run(step)
		vg = r.compare(step)
	}
	var types []string
	for lv := range vg.LVs() {
		types = append(types, lv.Attr()[:1])
	}
	slices.Sort(types)
	assert.Equal(t, "-CIMTVegilmorstv", strings.Join(slices.Compact(types), ""))
}

// TestKernelReportsOfGroups compares reports of groups in unusual states.
func TestKernelReportsOfGroups(t *testing.T) {
	r := newReported(t, 4, 64<<20)
	r.run("pvcreate --bootloaderareasize 1M " + r.dev[0] + "; pvcreate --metadatacopies 2 " + r.dev[1] + "; pvcreate --metadatacopies 0 " + r.dev[2])
	r.run("vgcreate -p 7 -l 9 --alloc cling --metadatacopies 3 --setautoactivation n v " + strings.Join(r.dev, " "))
	r.run("pvchange -xn " + r.dev[3] + "; pvchange --addtag b --addtag a " + r.dev[0])
	r.run("lvcreate -y -L8M -n lin v " + r.dev[1] + "; lvcreate -y -i3 -L12M -n st v; lvcreate -y --type raid1 -m1 -L8M -n r v; lvcreate -y -L8M -n whole v " + r.dev[0])
	r.compare("whole")

	// A PV is gone. Of the four metadata areas, three are used; it has two.
	d, err := openFileDevice(r.dev[1], true)
	require.NoError(t, err)
	label := make([]byte, 4096)
	_, err = d.ReadAt(label, 0)
	require.NoError(t, err)
	_, err = d.WriteAt(make([]byte, 4096), 0)
	require.NoError(t, err)
	assert.Equal(t, "wz-pl-", r.compare("a missing PV").Attr())

	_, err = d.WriteAt(label, 0)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	r.run("vgchange -an v; vgexport v")
	assert.Equal(t, "wzx-l-", r.compare("exported").Attr())
}

// TestKernelReportsOfSnapshots compares reports of snapshots in all their states,
// and of what is being moved.
func TestKernelReportsOfSnapshots(t *testing.T) {
	r := newReported(t, 2, 64<<20)
	r.run("vgcreate -s 1M v " + strings.Join(r.dev, " "))
	r.run("lvcreate -y -L8M -n org v " + r.dev[0] + "; lvcreate -y -s -L4M -n good v/org " + r.dev[0] + "; lvcreate -y -s -l1 -n small v/org " + r.dev[0])
	fill := func(lv string, blocks string) {
		umltest.Run(t, "dd", "if=/dev/urandom", "of=/dev/v/"+lv, "bs=64k", "count="+blocks, "oflag=direct", "status=none")
	}
	fill("org", "10")
	r.compare("used")
	fill("org", "30")
	vg := r.compare("one is lost")
	lv, err := vg.LV("small")
	require.NoError(t, err)
	report, err := lv.Report()
	require.NoError(t, err)
	require.NotNil(t, report.LVKernelReport)
	assert.True(t, *report.SnapshotInvalid)
	assert.Equal(t, "100.00", report.SnapPercent.String())

	r.run("pvmove --background --interval 600 " + r.dev[0])
	r.until("being moved", "pvmove0", (*KernelDevice).mirrorInSync)
	r.run("pvmove --abort; lvremove -y v/small")

	open, err := os.Open("/dev/v/org")
	require.NoError(t, err)
	r.run("lvconvert --merge v/good")
	r.compare("to be merged")
	require.NoError(t, open.Close())
	r.run("lvchange -an v/org; lvchange -ay --poll n v/org")
	r.until("merged", "org", func(d *KernelDevice) bool {
		s, ok := d.snapshot()
		return ok && s.full != nil && *s.full == 0
	})
}

// until waits for the state of a volume's device, and compares then.
func (r *reported) until(where, lv string, is func(*KernelDevice) bool) {
	r.Helper()
	for range 250 {
		vg, err := openKernel(r, r.dev).VG(context.Background(), "v")
		require.NoError(r, err)
		volume, err := vg.LV(lv)
		require.NoError(r, err)
		device, err := volume.Kernel()
		require.NoError(r, err)
		if device != nil && is(device) {
			r.compare(where)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	require.Fail(r, "it never came so far", where)
}
