package lvm

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// zooScript makes devices of all kinds out of the loop devices $0 to $12.
const zooScript = `
# 0: nothing; 1: a physical volume; 2: a volume group
pvcreate -qq $1
vgcreate -qq zoo $2
lvcreate -qqy -Wn -L 12M -n lv zoo
pvcreate -qq --config 'devices{scan_lvs=1}' /dev/zoo/lv
# 3, 4: partitioned, for the kernel too or not
echo 2048,40000 | sfdisk -q --no-reread --no-tell-kernel $3
printf 'label: gpt\n2048,40000\n' | sfdisk -q --no-reread --no-tell-kernel $4
losetup -d $4
losetup -P $4 $F4
partx -u $4
# 5, 6, 7: members of arrays
mdadm -q --create /dev/md10 --run --metadata=0.90 -l1 -n1 --force $5
mdadm -q --create /dev/md11 --run --metadata=1.0 -l1 -n1 --force $6
mdadm -q --create /dev/md12 --run --metadata=1.2 -l1 -n1 --force $7
pvcreate -qq /dev/md11
# 8: under mapped devices
dmsetup create zoolin --table "0 20000 linear $8 8"
ln -s ../mapper/zoolin /dev/zoo/alias
dmsetup create zoozero --table "0 20000 zero"
dmsetup create zooerror --table "0 20000 error"
dmsetup create zootemp --uuid CRYPT-TEMP-zoo --table "0 20000 linear $8 20000"
dmsetup create zoosub --uuid CRYPT-SUBDEV-zoo --table "0 20000 linear $8 20000"
dmsetup create zoostratis --uuid stratis-1-zoo --table "0 20000 linear $8 20000"
dmsetup create zoolvm --uuid LVM-zoo --table "0 20000 linear $8 20000"
dmsetup create zoomirror --table "0 20000 mirror core 1 1024 2 $8 0 $8 20000"
dmsetup create zooorigin --table "0 20000 snapshot-origin $8"
dmsetup create zoosmall --table "0 4095 linear $8 61000"
dmsetup create zooleast --table "0 4096 linear $8 61000"
dmsetup create zooempty --notable
dmsetup create zoocrypt --uuid CRYPT-PLAIN-zoo --table "0 20000 crypt null - 0 $8 40000" || true
# 9 to 12: other contents
mkswap -q $9
mkfs.ext4 -q $10
printf 'HM\001\000' | dd of=$11 conv=notrunc status=none
printf 'Intel Raid ISM Cfg Sig. 1.0.00' | dd of=$12 bs=1 seek=33553408 conv=notrunc status=none
`

// newZoo makes devices of all kinds and returns the loop devices below them.
func newZoo(t *testing.T) []string {
	t.Helper()
	for _, tool := range []string{"lvm", "mdadm", "sfdisk", "partx", "mkfs.ext4", "losetup"} {
		umltest.NeedTool(t, tool)
	}
	var loops, words []string
	for i := range 13 {
		dev, file := umltest.Loop(t, 32<<20)
		loops = append(loops, dev)
		words = append([]string{"$" + strconv.Itoa(i), dev, "$F" + strconv.Itoa(i), file}, words...)
	}
	t.Cleanup(func() {
		umltest.Run(t, "sh", "-c", `rm -f /dev/zoo/alias; vgchange -qq -an zoo
			for d in $(dmsetup ls | sed -n 's/^\(zoo[a-z]*\)\s.*/\1/p'); do dmsetup remove $d; done
			mdadm -q --stop /dev/md10 /dev/md11 /dev/md12; partx -d `+loops[4])
	})
	umltest.Run(t, "sh", "-ec", strings.NewReplacer(words...).Replace(zooScript))
	return loops
}

// confDir makes a directory with the guest's configuration and more settings.
func confDir(t *testing.T, more string) string {
	t.Helper()
	dir := t.TempDir()
	conf, err := os.ReadFile("/etc/lvm/lvm.conf")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lvm.conf"), []byte(string(conf)+"\n"+more+"\n"), 0o600))
	return dir
}

// lvm2In runs lvm2 with the configuration in dir.
func lvm2In(t *testing.T, dir string, args ...string) string {
	t.Helper()
	umltest.NeedTool(t, "lvm")
	return umltest.Run(t, "env", append([]string{"LVM_SYSTEM_DIR=" + dir, "lvm"}, args...)...)
}

// devicesOfLVM2 returns what lvm2 looks at.
func devicesOfLVM2(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	for line := range strings.Lines(lvm2In(t, dir, "pvs", "-a", "--noheadings", "-o", "pv_name,pv_attr,dev_size")) {
		if fields := strings.Fields(line); len(fields) > 0 {
			paths = append(paths, fields[0])
		}
	}
	slices.Sort(paths)
	return paths
}

func scanOptions(t *testing.T, dir string) ScanOptions {
	t.Helper()
	conf, err := ReadLVMConf(dir)
	require.NoError(t, err)
	o, err := conf.ScanOptions()
	require.NoError(t, err)
	return o
}

func findSorted(t *testing.T, o ScanOptions) []string {
	t.Helper()
	paths, err := FindDevices(context.Background(), o)
	require.NoError(t, err)
	slices.Sort(paths)
	return paths
}

// We look at the devices that lvm2 looks at, whatever the configuration says.
func TestKernelDevicesScan(t *testing.T) {
	umltest.NeedKernel(t)
	loops := newZoo(t)
	for _, more := range []string{
		``,
		`devices { scan_lvs = 1 }`,
		`devices { scan_lvs = 1 ignore_lvm_mirrors = 0 pv_min_size = 12000 }`,
		`devices { fw_raid_component_detection = 0 pv_min_size = 4096 }`,
		`devices { types = [ "nosuch", 16 ] preferred_names = [ "^/dev/dm-", "alias" ] }`,
		`devices { filter = [ "r|md|", "a|mapper|", "a|` + loops[0] + `$|", "r|.*|" ] }`,
		`devices { filter = [ "a|alias|", "r|mapper|" ] }`,
		`devices { filter = [ "r|^/dev/md|" ] global_filter = "r/loop[0-3]$/" }`,
		`devices/filter = [ "a{loop[01]$}", "a(zoo(lin|least))", "r[.*]" ]`,
		`devices { scan = [ "/dev/mapper" ] }`,
		`devices { scan = [ "/dev/zoo", "/nosuch" ] scan_lvs = 1 }`,
	} {
		dir := confDir(t, more)
		want := devicesOfLVM2(t, dir)
		require.NotEmpty(t, want)
		assert.Equal(t, want, findSorted(t, scanOptions(t, dir)), more)
	}
	all, err := ScanBlockDevices(context.Background(), scanOptions(t, "/etc/lvm"))
	require.NoError(t, err)
	why := map[string]Exclusion{}
	for _, d := range all {
		assert.Contains(t, d.Names, d.Path)
		assert.NoError(t, d.Err)
		why[d.Path] = d.Excluded
	}
	for path, want := range map[string]Exclusion{
		loops[0]: ExcludedNot, loops[1]: ExcludedNot, loops[3]: ExcludedNot, loops[4]: ExcludedPartitioned,
		loops[4] + "p1": ExcludedNot, loops[5]: ExcludedMD, loops[6]: ExcludedMD, loops[7]: ExcludedMD,
		loops[11]: ExcludedLVM1, loops[12]: ExcludedMD,
		"/dev/zoo/lv": ExcludedLV, "/dev/md10": ExcludedNot, "/dev/mapper/zoozero": ExcludedMapped,
		"/dev/mapper/zoomirror": ExcludedMapped, "/dev/mapper/zoosmall": ExcludedTooSmall, "/dev/mapper/zooleast": ExcludedNot,
	} {
		assert.Equal(t, want, why[path], path)
	}
}
