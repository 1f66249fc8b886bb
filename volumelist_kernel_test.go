package lvm

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// We activate what lvm2 activates, whatever its lists of volumes say.
func TestKernelDevicesVolumeLists(t *testing.T) {
	umltest.NeedKernel(t)
	dev, _ := umltest.Loop(t, 32<<20)
	lvm2(t, "vgcreate", "-qq", "vg", dev)
	lvm2(t, "lvcreate", "-qqy", "-an", "-Zn", "-Wn", "-l1", "-n", "a", "vg")
	lvm2(t, "lvcreate", "-qqy", "-an", "-Zn", "-Wn", "-l1", "-n", "b", "--addtag", "t", "vg")
	active := func() []string {
		lines := strings.Fields(umltest.Run(t, "dmsetup", "info", "-c", "--noheadings", "-o", "name,attr", "--separator", ":"))
		slices.Sort(lines)
		lvm2(t, "vgchange", "-qq", "-an", "vg")
		return lines
	}
	for _, more := range []string{
		``,
		`activation/volume_list = [ "vg2" ]`,
		`activation/volume_list = []`,
		`activation/volume_list = [ "vg/a" ]`,
		`activation/volume_list = [ "@t", "x" ]`,
		`tags { t { } } activation/volume_list = [ "@*" ]`,
		`tags/t { }`,
		`tags/u { }`,
		`activation/auto_activation_volume_list = [ "vg/b" ]`,
		`activation/auto_activation_volume_list = []`,
		`activation/read_only_volume_list = [ "@t" ]`,
	} {
		dir := confDir(t, more)
		cfg := Config{Devices: []string{dev}}
		conf, err := ReadLVMConf(dir)
		require.NoError(t, err)
		require.NoError(t, conf.Apply(&cfg))
		sys, err := Open(cfg)
		require.NoError(t, err)
		for option, change := range map[string]func(*Tx) error{
			"-ay": (*Tx).ActivateAll, "-aay": (*Tx).AutoActivate,
		} {
			lvm2In(t, dir, "vgchange", "-qq", option, "vg")
			want := active()
			require.NoError(t, sys.Update(context.Background(), "vg", change))
			assert.Equal(t, want, active(), "%s %s", option, more)
		}
		require.NoError(t, sys.Close())
	}
}
