package lvm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// oldContents are what may be on a device from former times.
var oldContents = []struct {
	kind   string // as blkid names it
	tool   string
	script string // makes it on $D, which has 8 MiB or, for xfs, 304
}{
	{"ext4", "mkfs.ext4", "mkfs.ext4 -q $D"},
	{"swap", "mkswap", "mkswap -q $D"},
	{"crypto_LUKS", "cryptsetup", "echo secret | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --type luks2 $D -"},
	{"gpt", "sfdisk", "printf 'label: gpt\n2048,2048\n' | sfdisk -q --no-reread --no-tell-kernel $D"},
	{"dos", "sfdisk", "echo 2048,2048 | sfdisk -q --no-reread --no-tell-kernel $D"},
	{"xfs", "mkfs.xfs", "mkfs.xfs -q -f $D"},
}

// signaturesOn returns the types that blkid and wipefs see, and nothing else
// does.
func signaturesOn(t *testing.T, device string) string {
	t.Helper()
	wipefs := umltest.Run(t, "wipefs", "--parsable", "--noheadings", "--output", "TYPE", device)
	out, _ := exec.Command(umltest.NeedTool(t, "blkid"), "-p", device).Output() // it fails where there is nothing
	if strings.TrimSpace(wipefs) == "" {
		assert.Empty(t, strings.TrimSpace(string(out)), device)
	}
	return strings.Join(strings.Fields(wipefs), " ")
}

func headOf(t *testing.T, device string) []byte {
	t.Helper()
	d, err := openFileDevice(device, false)
	require.NoError(t, err)
	defer d.Close()
	head := make([]byte, zeroedHead)
	_, err = d.ReadAt(head, 0)
	require.NoError(t, err)
	return head
}

// Old contents do not show on new volumes, whether lvm2 or we make them; unless
// they shall.
func TestKernelOldContents(t *testing.T) {
	const device = "/dev/vg/new"
	umltest.NeedKernel(t)
	r := newInteropRun(t, scenario{vg: "vg", sizes: []int64{320 << 20}})
	r.update(func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: r.dev}) })
	for _, old := range oldContents {
		t.Run(old.kind, func(t *testing.T) {
			umltest.NeedTool(t, old.tool)
			size := Extents(8)
			if old.kind == "xfs" {
				size = 76
			}
			extents := fmt.Sprint(size)
			prepare := func() {
				lvm2(t, "lvcreate", "-qqy", "-Zn", "-Wn", "-l", extents, "-n", "old", "vg")
				umltest.Run(t, "sh", "-ec", strings.ReplaceAll(old.script, "$D", "/dev/vg/old"))
				lvm2(t, "lvremove", "-qqf", "vg/old")
			}
			remove := func() { r.update(func(tx *Tx) error { return tx.RemoveLV("new") }) }
			make := func(spec LVSpec) {
				spec.Name, spec.Size = "new", ExtentCount(size)
				r.update(create(spec))
			}

			prepare()
			make(LVSpec{SkipZero: true})
			kept := signaturesOn(t, device)
			assert.Contains(t, kept, old.kind)
			remove()
			lvm2(t, "lvcreate", "-qqy", "-Zn", "-Wn", "-l", extents, "-n", "new", "vg")
			assert.Equal(t, kept, signaturesOn(t, device), "as lvm2 would keep them")
			lvm2(t, "lvremove", "-qqf", "vg/new")

			make(LVSpec{})
			assert.Empty(t, signaturesOn(t, device))
			ours := headOf(t, device)
			remove()

			prepare()
			lvm2(t, "lvcreate", "-qqy", "-l", extents, "-n", "new", "vg")
			assert.Empty(t, signaturesOn(t, device))
			theirs := headOf(t, device)
			lvm2(t, "lvremove", "-qqf", "vg/new")
			assert.Equal(t, theirs, ours)

			prepare()
			make(LVSpec{KeepSignatures: true}) // but the head is zeroed
			withHead := signaturesOn(t, device)
			remove()
			prepare()
			lvm2(t, "lvcreate", "-qqy", "-Wn", "-l", extents, "-n", "new", "vg")
			assert.Equal(t, withHead, signaturesOn(t, device))
			lvm2(t, "lvremove", "-qqf", "vg/new")
			make(LVSpec{})
			remove()
		})
	}
}

// Devices that hold something become physical volumes only if that is wanted,
// and never while they are in use.
func TestKernelDevicesOfOthers(t *testing.T) {
	umltest.NeedKernel(t)
	for _, old := range oldContents {
		t.Run(old.kind, func(t *testing.T) {
			umltest.NeedTool(t, old.tool)
			size := int64(16 << 20)
			if old.kind == "xfs" {
				size = 304 << 20
			}
			d := newOthersDevice(t, size)
			umltest.Run(t, "sh", "-ec", strings.ReplaceAll(old.script, "$D", d.path))
			for _, make := range []func(bool) error{d.makePV, d.makeVG} {
				var found *SignatureError
				require.ErrorAs(t, d.refused(t, ErrSignature, make, false), &found)
				assert.Equal(t, d.path, found.Device)
				assert.True(t, slices.ContainsFunc(found.Signatures, func(s Signature) bool { return s.Type == old.kind }), found)
			}
			require.NoError(t, d.makePV(true))
			assert.Equal(t, "LVM2_member", signaturesOn(t, d.path))
			lvm2(t, "pvck", d.path)
			require.NoError(t, d.sys.Update(context.Background(), "", func(tx *Tx) error { return tx.RemovePV(d.path) }))
			assert.Empty(t, signaturesOn(t, d.path))
		})
	}
	for _, use := range []struct{ name, begin, end string }{
		{"mounted", "mkfs.ext4 -q $D; mkdir -p /run/mnt; mount $D /run/mnt", "umount /run/mnt"},
		{"held", "dmsetup create held --table \"0 8 linear $D 0\"", "dmsetup remove held"},
		{"swapped to", "mkswap -q -f $D; swapon $D", "swapoff $D"},
	} {
		t.Run(use.name, func(t *testing.T) {
			d := newOthersDevice(t, 16<<20)
			umltest.Run(t, "sh", "-ec", strings.ReplaceAll(use.begin, "$D", d.path))
			d.refused(t, ErrBusy, d.makePV, true)
			d.refused(t, ErrBusy, d.makeVG, true)
			umltest.Run(t, "sh", "-ec", strings.ReplaceAll(use.end, "$D", d.path))
		})
	}
}

// othersDevice is a device that may be in use by others.
type othersDevice struct {
	path, file string
	sys        *System
}

func newOthersDevice(t *testing.T, size int64) *othersDevice {
	t.Helper()
	path, file := umltest.Loop(t, size)
	return &othersDevice{path: path, file: file, sys: openKernel(t, []string{path})}
}

func (d *othersDevice) makePV(wipe bool) error {
	return d.sys.Update(context.Background(), "", func(tx *Tx) error {
		return tx.CreatePV(PVSpec{Device: d.path, WipeSignatures: wipe})
	})
}

func (d *othersDevice) makeVG(wipe bool) error {
	return d.sys.Update(context.Background(), "vg", func(tx *Tx) error {
		return tx.CreateVG(VGSpec{PVs: []string{d.path}, PV: PVSpec{WipeSignatures: wipe}})
	})
}

func (d *othersDevice) contents(t *testing.T) string {
	t.Helper()
	f, err := os.Open(d.file)
	require.NoError(t, err)
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	require.NoError(t, err)
	return hex.EncodeToString(sum.Sum(nil))
}

// refused checks that make is refused, and that nothing was written.
func (d *othersDevice) refused(t *testing.T, want error, make func(wipe bool) error, wipe bool) error {
	t.Helper()
	before := d.contents(t)
	err := make(wipe)
	require.ErrorIs(t, err, want)
	require.Equal(t, before, d.contents(t))
	return err
}
