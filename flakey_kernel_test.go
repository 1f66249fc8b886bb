package lvm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// flakyPrefix is that of the devices that fail.
const flakyPrefix = "flaky"

// flakyModes are what becomes of I/O to a physical volume that fails, in words of a table
// for dm-flakey. The last says that it has written, and has not.
var flakyModes = []struct{ name, words string }{
	{"all I/O fails", ""},
	{"writes fail", " 1 error_writes"},
	{"writes are lost", " 1 drop_writes"},
}

// TestKernelFlakey has a physical volume fail from a step of an operation on, in the
// kernel, while the volumes are active. Once it is back, the group is as before or as
// after, as the error says, on the devices and in the kernel; and lvm2 finds nothing wrong.
func TestKernelFlakey(t *testing.T) {
	umltest.NeedKernel(t)
	names := []string{"create lv", "extend lv", "reduce lv", "rename lv", "remove lv", "several in one"}
	stride := 3*len(flakyModes) + 1
	if everything() {
		stride = 1
	}
	outcomes := map[bool]int{}
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			for n := i % stride; ; n += stride {
				mode, step := n%len(flakyModes), n/len(flakyModes)
				tried, held := flakyAt(t, name, step, mode, (n+step)%2)
				if !tried {
					require.Positive(t, step)
					return
				}
				outcomes[held]++
			}
		})
	}
	t.Logf("%d points: %d undone, %d done", outcomes[false]+outcomes[true], outcomes[false], outcomes[true])
	assert.Positive(t, outcomes[false])
	assert.Positive(t, outcomes[true])
}

// flakyAt makes an alteration, ahead of a step of which a physical volume begins to fail,
// and says whether it has such a step, and whether the change held.
func flakyAt(t *testing.T, name string, step, mode, which int) (tried, held bool) {
	t.Helper()
	const size, gap = 8 << 20, 1 << 20 // ahead of it, so that nobody finds it on the loop device
	where := fmt.Sprintf("%s, pv %d, ahead of step %d %s", name, which, step, flakyModes[mode].name)
	var devices, loops []string
	for i := range 2 {
		loop, _ := umltest.Loop(t, gap+size)
		pv := flakyPrefix + strconv.Itoa(i)
		umltest.Run(t, "dmsetup", "create", pv, "--table", fmt.Sprintf("0 %d linear %s %d", size/512, loop, gap/512))
		defer umltest.Run(t, "dmsetup", "remove", pv)
		devices, loops = append(devices, "/dev/mapper/"+pv), append(loops, loop)
	}
	change := func(target, words string) {
		pv := flakyPrefix + strconv.Itoa(which)
		umltest.Run(t, "dmsetup", "load", pv, "--table", fmt.Sprintf("0 %d %s %s %d%s", size/512, target, loops[which], gap/512, words))
		umltest.Run(t, "dmsetup", "resume", "--noflush", pv)
	}
	sys, err := Open(Config{Devices: devices})
	require.NoError(t, err)
	defer func() { assert.NoError(t, sys.Close()) }()
	before := smallWorld(t, sys, devices)
	defer endSmallWorld(t, sys)

	all := slices.Concat(alterations(), kernelAlterations())
	c := &all[slices.IndexFunc(all, func(c alteration) bool { return c.name == name })]
	steps := 0
	sys.before = func(Step) {
		if steps == step {
			change("flakey", " 0 3600"+flakyModes[mode].words)
		}
		steps++
	}
	err = c.perform(sys, OneArea)
	sys.before = func(Step) {}
	if steps <= step {
		require.NoError(t, err, where)
		return false, true
	}
	change("linear", "")

	held = err == nil
	if failed := (*ApplyError)(nil); errors.As(err, &failed) {
		held = failed.Committed
	} else {
		require.NoError(t, err, where)
	}
	rec, err := sys.Recover(context.Background())
	require.NoError(t, err, where)
	require.Empty(t, rec.Problems, where)
	require.Equal(t, held, !assert.ObjectsAreEqual(before, recordOf(t, sys, "vg0")), where)
	checkSmallWorld(t, sys, before, where)
	return true, held
}
