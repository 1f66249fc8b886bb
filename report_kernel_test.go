package lvm

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"

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

// TestKernelReports compares our reports with lvm2's, volumes of types included
// that can only be looked at here.
func TestKernelReports(t *testing.T) {
	lvm := umltest.NeedTool(t, "lvm")
	var dev []string
	for range 6 {
		d, _ := umltest.Loop(t, 256<<20)
		dev = append(dev, d)
	}
	run := func(line string) {
		for _, command := range strings.Split(line, ";") {
			out, err := exec.Command(lvm, strings.Fields(command)...).CombinedOutput()
			require.NoError(t, err, "%s: %s", command, out)
		}
	}
	compare := func(where string) {
		sys := openKernel(t, dev)
		inv, err := sys.Scan(context.Background())
		require.NoError(t, err)
		require.Len(t, inv.VGs, 1)
		out, err := exec.Command(lvm, strings.Fields(fullreport+"v")...).Output()
		require.NoError(t, err)
		compareReports(t, inv.VGs[0], string(out), where)
	}
	t.Cleanup(func() {
		_ = exec.Command("sh", "-c", "lvm vgremove -qqff v; dmsetup remove_all -f").Run()
	})
	run("vgcreate -s 1M --addtag t2 --addtag t1 v " + strings.Join(dev, " "))
	for _, step := range reportSteps {
		run(step)
		compare(step)
	}
	vg, err := openKernel(t, dev).VG(context.Background(), "v")
	require.NoError(t, err)
	var types []string
	for lv := range vg.LVs() {
		types = append(types, lv.Attr()[:1])
	}
	slices.Sort(types)
	assert.Equal(t, "-CIMTVegilmorstv", strings.Join(slices.Compact(types), ""))
}
