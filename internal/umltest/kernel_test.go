package umltest

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func TestKernelIsTheGuests(t *testing.T) {
	NeedKernel(t)
	assert.Equal(t, 0, os.Getuid())
	release, err := os.ReadFile("/proc/sys/kernel/hostname")
	require.NoError(t, err)
	assert.Equal(t, "uml", strings.TrimSpace(string(release)))
	NeedTool(t, "dmsetup")
	targets := Run(t, "dmsetup", "targets")
	for _, name := range []string{"linear", "striped", "error", "snapshot", "mirror", "raid", "thin-pool", "cache", "writecache", "integrity", "flakey", "log-writes", "delay", "zero"} {
		assert.Contains(t, targets, name+" ")
	}
}

func TestKernelLoopWithLVM(t *testing.T) {
	NeedKernel(t)
	NeedTool(t, "lvm")
	dev, file := Loop(t, 64<<20)
	st, err := os.Stat(file)
	require.NoError(t, err)
	assert.EqualValues(t, 64<<20, st.Size())
	Run(t, "lvm", "vgcreate", "-q", "umltest", dev)
	Run(t, "lvm", "lvcreate", "-q", "-Wn", "-l1", "-n", "a", "umltest")
	assert.Equal(t, "a", strings.TrimSpace(Run(t, "lvm", "lvs", "--noheadings", "-olv_name", "umltest")))
	require.FileExists(t, "/dev/mapper/umltest-a")
	Run(t, "lvm", "vgremove", "-q", "-f", "umltest")
}

func BenchmarkKernelDmsetup(b *testing.B) {
	NeedKernel(b)
	NeedTool(b, "dmsetup")
	for b.Loop() {
		Run(b, "dmsetup", "targets")
	}
}
