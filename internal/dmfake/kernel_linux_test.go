package dmfake_test

import (
	"fmt"
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
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			c, err := dm.Open()
			require.NoError(t, err)
			defer c.Close()
			path, _ := umltest.Loop(t, int64(diskSize))
			var st unix.Stat_t
			require.NoError(t, unix.Stat(path, &st))
			p := newPlayer(c, dm.MakeDev(unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))))
			p.io = deviceIO
			s.play(p)
			if *update {
				require.NoError(t, os.WriteFile(recorded(s.name), []byte(p.out.String()), 0o644))
			}
			want, err := os.ReadFile(recorded(s.name))
			require.NoError(t, err)
			require.Equal(t, string(want), p.out.String())
		})
	}
}

// deviceIO reads or writes a device, all the way down. Nothing of it stays in
// memory.
func deviceIO(_ string, dev dm.Dev, p []byte, off int64, write bool) error {
	flags := os.O_RDONLY
	if write {
		flags = os.O_WRONLY | unix.O_SYNC
	}
	f, err := os.OpenFile(fmt.Sprintf("/dev/dm-%d", dev.Minor()), flags, 0)
	if err != nil {
		return err
	}
	if write {
		_, err = f.WriteAt(p, off)
	} else {
		_, err = f.ReadAt(p, off)
	}
	if e := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
