package lvm

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Our updates and lvm2's of one group at the same time: none is lost, and
// everything is whole at the end.
func TestKernelTogetherWithLVM2(t *testing.T) {
	r, _ := kernelGroup(t, 2, nil)
	ctx := context.Background()
	const rounds, ours, theirs = 6, 3, 2
	before := r.seqno()
	var wg sync.WaitGroup
	errs := make(chan error, rounds*(ours+theirs))
	for g := range ours {
		sys := r.sys
		if g == 0 {
			sys = openKernel(t, r.dev) // as another process
		}
		wg.Go(func() {
			for i := range rounds {
				name := fmt.Sprintf("ours_%d_%d", g, i)
				err := sys.Update(ctx, "vg", create(LVSpec{Name: name, Size: ExtentCount(1)}))
				if err == nil && i%2 == 1 {
					err = sys.Update(ctx, "vg", func(tx *Tx) error { return tx.RemoveLV(name) })
				}
				errs <- err
			}
		})
	}
	for g := range theirs {
		wg.Go(func() {
			for i := range rounds {
				name := fmt.Sprintf("theirs_%d_%d", g, i)
				err := tryLVM2("lvcreate", "-qqy", "-l1", "-n", name, "vg")
				if err == nil && i%2 == 1 {
					err = tryLVM2("lvremove", "-qqf", "vg/"+name)
				}
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	// Each round commits once, every second one twice.
	assert.EqualValues(t, before+(ours+theirs)*rounds*3/2, r.seqno())
	r.ask(true)
	vg, err := r.sys.VG(ctx, "vg")
	require.NoError(t, err)
	for _, who := range []string{"ours_0", "ours_1", "ours_2", "theirs_0", "theirs_1"} {
		for i := range rounds {
			lv, err := vg.LV(fmt.Sprintf("%s_%d", who, i))
			if i%2 == 1 {
				assert.ErrorIs(t, err, ErrLVNotFound)
			} else if assert.NoError(t, err) {
				assert.True(t, lv.Active())
			}
		}
	}
	_, infos := kernelText(t)
	for line := range strings.Lines(infos) {
		assert.Contains(t, line, ":L--w:", "a live table, no inactive one, not suspended")
	}
}

func (r *interopRun) seqno() uint32 {
	r.Helper()
	vg, err := r.sys.VG(context.Background(), r.vg)
	require.NoError(r, err)
	return vg.Seqno()
}

// tryLVM2 runs a command of the real tools where a test must not end.
func tryLVM2(args ...string) error {
	out, err := exec.Command("lvm", args...).CombinedOutput()
	return errors.Wrapf(err, "lvm %v: %s", args, out)
}
