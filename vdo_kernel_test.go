package lvm

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// lvm2 takes what is written of a group with VDO, though its kernel has no such
// target.
func TestKernelLVM2TakesVDO(t *testing.T) {
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "lvm")
	device, _ := umltest.Loop(t, 128<<20)
	sys := openKernel(t, []string{device})
	update(t, sys, "vg", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: []string{device}}) })
	update(t, sys, "vg", func(tx *Tx) error { return tx.withVDO() })
	update(t, sys, "vg", func(tx *Tx) error { return joinErrors(tx.addLV("plain", 2, 1), tx.SetTags("t")) })
	before := recordOf(t, sys, "vg")

	umltest.Run(t, "lvm", "vgck", "vg")
	assert.Contains(t, umltest.Run(t, "lvm", "lvs", "--noheadings", "-o", "name,segtype", "vg"), "vdo-pool")
	file := filepath.Join(t.TempDir(), "vg")
	umltest.Run(t, "lvm", "vgcfgbackup", "-f", file, "vg")
	update(t, sys, "vg", func(tx *Tx) error { return tx.RemoveLV("plain") })
	umltest.Run(t, "lvm", "vgcfgrestore", "-y", "--force", "-f", file, "vg")
	after := recordOf(t, sys, "vg")
	before.Seqno = after.Seqno
	require.Equal(t, textOf(before), textOf(after))
}
