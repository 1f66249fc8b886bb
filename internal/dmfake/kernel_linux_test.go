package dmfake_test

import (
	"os"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The real kernel still does what was recorded of it.
func TestKernelScenario(t *testing.T) {
	umltest.NeedKernel(t)
	c, err := dm.Open()
	require.NoError(t, err)
	defer c.Close()
	path, _ := umltest.Loop(t, int64(diskSize))
	var st unix.Stat_t
	require.NoError(t, unix.Stat(path, &st))
	got := play(c, dm.MakeDev(unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))))
	if *update {
		require.NoError(t, os.WriteFile(recordedScenario, []byte(got), 0o644))
	}
	want, err := os.ReadFile(recordedScenario)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}
