package lvm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// Physical volumes that we make, lvm2 sees by its devices file, and it says what
// it would say of its own.
func TestKernelDevicesPV(t *testing.T) {
	umltest.NeedKernel(t)
	var loops []string
	for range 4 {
		dev, _ := umltest.Loop(t, 32<<20)
		loops = append(loops, dev)
	}
	// They have nothing but a name to be told by, on mapped devices.
	for i, name := range []string{"ours", "theirs"} {
		umltest.Run(t, "dmsetup", "create", name, "--table", "0 20000 linear "+loops[3]+" "+fmt.Sprint(8+i*20000))
		t.Cleanup(func() { umltest.Run(t, "dmsetup", "remove", name) })
	}
	ours, theirs := newDevicesFileRun(t), newDevicesFileRun(t)
	for _, r := range []*devicesFileRun{ours, theirs} {
		r.lvm2("lvmdevices", "--adddev", loops[2]) // lvm2 uses the file if it is there
	}
	cfg := Config{Devices: append(loops[:2:2], "/dev/mapper/ours", "/dev/mapper/theirs")}
	conf, err := ReadLVMConf(ours.dir)
	require.NoError(t, err)
	require.NoError(t, conf.Apply(&cfg))
	require.Equal(t, ours.path, cfg.DevicesFile)
	sys, err := Open(cfg)
	require.NoError(t, err)
	defer sys.Close()

	// alike is what devices have in common that each has its own of. Their order
	// means nothing: lvm2 sometimes puts a new entry in place of an old one, and
	// sometimes at the end.
	rename := strings.NewReplacer("theirs", "ours", loops[0], loops[1])
	alike := func(entries []DevicesEntry) (lines []string) {
		for _, e := range entries {
			lines = append(lines, fmt.Sprint(e.ID.Type, rename.Replace(e.Path), e.PVID.IsZero()))
		}
		return lines
	}
	// compare compares the entries of devices that are made for each alike.
	compare := func(same, pvs int) {
		t.Helper()
		a, b := ours.entries(), theirs.entries()
		require.Len(t, a, same)
		require.Len(t, b, same)
		assert.ElementsMatch(t, alike(b), alike(a))
		list := lvm2In(t, ours.dir, "pvs", "--noheadings", "-o", "pv_name")
		assert.Equal(t, pvs, strings.Count(list, "/dev/"), list)
	}
	change := func(fn func(*Tx) error) {
		t.Helper()
		require.NoError(t, sys.Update(context.Background(), "", fn))
	}
	change(func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: loops[0]}) })
	theirs.lvm2("pvcreate", "-qq", loops[1])
	compare(2, 1)
	change(func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: "/dev/mapper/ours"}) })
	theirs.lvm2("pvcreate", "-qq", "/dev/mapper/theirs")
	compare(3, 2)
	change(func(tx *Tx) error { return tx.SetPVID("/dev/mapper/ours", ID{}) })
	theirs.lvm2("pvchange", "-qq", "-u", "/dev/mapper/theirs")
	compare(3, 2)
	change(func(tx *Tx) error { return tx.RemovePV(loops[0]) })
	theirs.lvm2("pvremove", "-qq", loops[1])
	compare(3, 1)
	ours.lvm2("vgcreate", "-qq", "vg", "/dev/mapper/ours")
	require.NoError(t, sys.Update(context.Background(), "vg", func(tx *Tx) error { return tx.ExtendVG(PVSpec{}, loops[0]) }))
	theirs.lvm2("vgcreate", "-qq", "vg2", "/dev/mapper/theirs")
	theirs.lvm2("vgextend", "-qq", "vg2", loops[1])
	compare(3, 2)
}

// lvm2 reads the same in the same files.
func TestKernelDevicesConf(t *testing.T) {
	umltest.NeedKernel(t)
	host, err := os.Hostname()
	require.NoError(t, err)
	dir := confDir(t, `
		backup { retain_days = 10 retain_min=20 archive=0 }
		devices/pv_min_size = 4096
		devices { filter = "r|a|" }
		devices { filter = [ "r|x|", "a|.*|", ] }
		tags { hosttags = 1 @one { host_list = [ "x", "`+host+`" ] } two { host_list = [ "other" ] } three { } }
		global/system_id_source = "lvmlocal"`)
	for name, text := range map[string]string{
		"lvmlocal.conf":      `local { system_id = " _my-id" } backup { retain_days = 11 retain_min=21 } tags/fromlocal { }`,
		"lvm_one.conf":       `backup { retain_days = 12 archive_dir="/one" } tags { byone {} }`,
		"lvm_byone.conf":     `backup/retain_days = 13`,
		"lvm_fromlocal.conf": `backup/archive_dir = "/fromlocal"`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	conf, err := ReadLVMConf(dir)
	require.NoError(t, err)
	assert.Equal(t, strings.Fields(lvm2In(t, dir, "tags")), conf.HostTags())
	id, err := conf.SystemID()
	require.NoError(t, err)
	assert.Equal(t, "system ID: "+id, strings.TrimSpace(lvm2In(t, dir, "systemid")))
	for _, path := range []string{"backup/retain_days", "backup/retain_min", "backup/archive", "devices/pv_min_size"} {
		n, err := conf.Int(path, -1)
		require.NoError(t, err)
		_, name, _ := strings.Cut(path, "/")
		assert.Equal(t, name+"="+fmt.Sprint(n), strings.TrimSpace(lvm2In(t, dir, "lvmconfig", path)))
	}
	archive, err := conf.Text("backup/archive_dir", "")
	require.NoError(t, err)
	assert.Equal(t, `archive_dir="`+archive+`"`, strings.TrimSpace(lvm2In(t, dir, "lvmconfig", "backup/archive_dir")))
	filter, err := conf.Texts("devices/filter")
	require.NoError(t, err)
	assert.Equal(t, `filter=["`+strings.Join(filter, `","`)+`"]`, strings.TrimSpace(lvm2In(t, dir, "lvmconfig", "devices/filter")))
}
