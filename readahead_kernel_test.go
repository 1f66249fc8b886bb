package lvm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
)

// What lvm2 set for a volume is set by us when we activate it.
func TestKernelReadAheadAsLVM2(t *testing.T) {
	r, _ := kernelGroup(t, 3, nil)
	umltest.Run(t, "blockdev", "--setra", "1000", r.dev[1])
	var names []string
	for i, options := range []string{
		"-l1", "-l2 -i2", "-l3 -i3 -I1M", "-l2 -i2 -I4K", "-l1 -r none", "-l1 -r 96", "-l3 -r 97 -i3", "-l1 -r 4096",
	} {
		names = append(names, fmt.Sprintf("lv%d", i))
		lvm2(t, append(append([]string{"lvcreate", "-qqy", "-n", names[i]}, strings.Fields(options)...), append([]string{"vg"}, r.dev...)...)...)
	}
	lvm2(t, "lvcreate", "-qqy", "-l1", "-n", "far", "vg", r.dev[1])
	names = append(names, "far")
	ahead := func() map[string]string {
		out := map[string]string{}
		for _, name := range names {
			out[name] = strings.TrimSpace(umltest.Run(t, "blockdev", "--getra", "/dev/vg/"+name))
		}
		return out
	}
	theirs := ahead()
	t.Log(theirs)
	require.Greater(t, len(slices.Compact(slices.Sorted(func(yield func(string) bool) {
		for _, v := range theirs {
			if !yield(v) {
				return
			}
		}
	}))), 4)
	r.update(func(tx *Tx) error { return tx.DeactivateAll() })
	r.update(func(tx *Tx) error { return tx.ActivateAll() })
	assert.Equal(t, theirs, ahead())

	// Of active volumes it is set with the next resume, if at all.
	lvm2(t, "lvextend", "-qq", "-l+3", "-i3", "-I512K", "vg/lv0")
	theirs = ahead()
	lvm2(t, "lvreduce", "-qqf", "-l-3", "vg/lv0")
	umltest.Run(t, "blockdev", "--setra", "256", "/dev/vg/lv0")
	r.update(func(tx *Tx) error {
		return tx.ExtendLV("lv0", ExtendSpec{By: ExtentCount(3), Stripes: 3, StripeSize: 512 * KiB})
	})
	assert.Equal(t, theirs, ahead())
}

func TestKernelFixedMinor(t *testing.T) {
	r, _ := kernelGroup(t, 1, create(LVSpec{Name: "a", Size: ExtentCount(1)}, LVSpec{Name: "b", Size: ExtentCount(1)}))
	lvm2(t, "lvchange", "-qqy", "-My", "--minor", "77", "vg/a")
	lvm2(t, "lvchange", "-qqy", "-My", "--minor", "0", "vg/b")
	theirs := r.state()
	r.update(func(tx *Tx) error { return tx.DeactivateAll() })
	r.update(func(tx *Tx) error { return tx.ActivateAll() })
	assert.Equal(t, theirs, r.state())
	assert.Contains(t, theirs, "254:77")

	r.update(func(tx *Tx) error { return tx.Deactivate("a") })
	umltest.Run(t, "dmsetup", "create", "other", "-j", "254", "-m", "77", "--table", "0 8 zero")
	r.refused(dm.ErrExists, func(tx *Tx) error { return tx.Activate("a") })
	umltest.Run(t, "dmsetup", "remove", "other")
	r.update(func(tx *Tx) error { return tx.Activate("a") })
	r.update(func(tx *Tx) error { return tx.ExtendLV("a", ExtendSpec{By: ExtentCount(1)}) })
	lvm2(t, "vgchange", "-qq", "-an", "vg")
}
