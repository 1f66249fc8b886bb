package lvm

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// loops returns three devices that hold nothing.
func loops(t *testing.T) []string {
	var dev []string
	for range 3 {
		d, _ := umltest.Loop(t, 48<<20)
		dev = append(dev, d)
	}
	return dev
}

// said runs a command of lvm2, which must succeed, and returns what it prints,
// complaints included.
func said(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(umltest.NeedTool(t, "lvm"), args...).CombinedOutput()
	require.NoError(t, err, "%v: %s", args, out)
	return string(out)
}

// groupByLVM2 has lvm2 make a group with two inactive volumes, which ends with the
// test.
func groupByLVM2(t *testing.T, vg string, dev []string) *System {
	said(t, append([]string{"vgcreate", vg}, dev...)...)
	said(t, "lvcreate", "-y", "-qq", "-an", "-Zn", "-l3", "-n", "a", vg)
	said(t, "lvcreate", "-y", "-qq", "-an", "-Zn", "-l4", "-i2", "-n", "b", vg)
	t.Cleanup(func() { _ = exec.Command("lvm", "vgremove", "-ffy", "-qq", vg).Run() })
	return openKernel(t, dev)
}

// textsOf returns the committed text of each area, without what differs in equal
// groups, and the flags of its slot.
func textsOf(t *testing.T, dev []string, replace ...string) []string {
	t.Helper()
	var out []string
	for _, path := range dev {
		d, err := openFileDevice(path, false)
		require.NoError(t, err)
		label, _, err := metadata.ReadLabel(d)
		require.NoError(t, err)
		for _, a := range label.MetadataAreas {
			h, err := metadata.ReadAreaHeader(d, a.Offset)
			require.NoError(t, err)
			require.Zero(t, h.Slots[metadata.SlotPrecommitted])
			var text []byte
			if loc := h.Slots[metadata.SlotCommitted]; loc.InUse() {
				text, err = h.ReadText(d, loc)
				require.NoError(t, err)
			}
			out = append(out, strings.NewReplacer(replace...).Replace(string(personal.ReplaceAll(text, []byte("<personal>")))))
		}
		if label.InUse() {
			out = append(out, "in use")
		}
		require.NoError(t, d.Close())
	}
	return out
}

// sameTexts checks that two groups, made by lvm2 and by us, have equal texts.
func sameTexts(t *testing.T, dev1, dev2 []string) {
	t.Helper()
	var names []string
	for i := range dev1 {
		names = append(names, `"`+dev1[i]+`"`, "dev", `"`+dev2[i]+`"`, "dev")
	}
	names = append(names, "va {", "vg {", "vb {", "vg {")
	require.Equal(t, textsOf(t, dev1, names...), textsOf(t, dev2, names...))
}

func TestKernelRestore(t *testing.T) {
	umltest.NeedKernel(t)
	ctx := context.Background()
	dir := t.TempDir()

	t.Run("as lvm2", func(t *testing.T) {
		dev1, dev2 := loops(t), loops(t)
		groupByLVM2(t, "va", dev1)
		sys := groupByLVM2(t, "vb", dev2)
		for _, vg := range []string{"va", "vb"} {
			said(t, "vgcfgbackup", "-f", filepath.Join(dir, vg), vg)
		}
		text, err := os.ReadFile(filepath.Join(dir, "vb"))
		require.NoError(t, err)
		said(t, "vgcfgrestore", "-f", filepath.Join(dir, "va"), "va")
		update(t, sys, "vb", restore(text))
		sameTexts(t, dev1, dev2)
		require.Empty(t, said(t, "vgck", "vb"))

		said(t, "lvremove", "-y", "-qq", "vb/a")
		update(t, sys, "vb", restore(text))
		require.Equal(t, "  a\n  b\n", trimmed(said(t, "lvs", "--noheadings", "-o", "lv_name", "vb")))
		said(t, "lvchange", "-ay", "vb/a")
		require.ErrorIs(t, sys.Update(ctx, "vb", restore(text)), ErrBusy)
		said(t, "lvchange", "-an", "vb/a")

		ours, err := sys.BackupText(ctx, "vb")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "ours"), ours, 0o600))
		require.Contains(t, said(t, "vgcfgrestore", "-f", filepath.Join(dir, "ours"), "vb"), "Restored volume group vb")
	})

	t.Run("from nothing", func(t *testing.T) {
		dev := loops(t)
		sys := groupByLVM2(t, "vc", dev)
		text, err := sys.BackupText(ctx, "vc")
		require.NoError(t, err)
		for _, path := range dev {
			d, err := openFileDevice(path, true)
			require.NoError(t, err)
			_, err = d.WriteAt(make([]byte, 64*KiB), int64(firstAreaStart))
			require.NoError(t, err)
			require.NoError(t, d.Close())
		}
		_, err = exec.Command("lvm", "vgs", "vc").CombinedOutput()
		require.Error(t, err)
		update(t, sys, "vc", restore(text))
		require.Empty(t, said(t, "vgck", "vc"))
		said(t, "vgchange", "-ay", "vc")
		said(t, "vgchange", "-an", "vc")
	})

	t.Run("archives", func(t *testing.T) {
		dev := loops(t)
		groupByLVM2(t, "vd", dev)
		said(t, "vgchange", "--addtag", "one", "vd")
		sys, err := Open(Config{Devices: dev, BackupDir: "/etc/lvm/backup", ArchiveDir: "/etc/lvm/archive"})
		require.NoError(t, err)
		defer sys.Close()
		update(t, sys, "vd", func(tx *Tx) error { return tx.SetTags("two") })
		require.NoError(t, sys.Backup(ctx, "vd"))
		list, err := sys.Backups("vd")
		require.NoError(t, err)
		theirs := said(t, "vgcfgrestore", "--list", "vd")
		require.Equal(t, len(list), strings.Count(theirs, "File:"))
		for _, b := range list {
			require.NoError(t, b.Err)
			require.Contains(t, theirs, b.Path)
			require.Contains(t, theirs, b.Description)
		}
		last := list[len(list)-2] // the archive of the state before our change
		said(t, "vgcfgrestore", "-f", last.Path, "vd")
		require.Equal(t, "  one\n", trimmed(said(t, "vgs", "--noheadings", "-o", "vg_tags", "vd")))
	})
}

func trimmed(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func TestKernelMetadataCopies(t *testing.T) {
	umltest.NeedKernel(t)
	dev := loops(t)
	sys := groupByLVM2(t, "va", dev)
	counts := func(want string) {
		t.Helper()
		require.Equal(t, want, strings.TrimSpace(said(t, "vgs", "--noheadings", "-o", "vg_mda_count,vg_mda_used_count,vg_mda_copies", "va")))
		require.Empty(t, said(t, "vgck", "va"))
	}
	update(t, sys, "va", func(tx *Tx) error { return tx.SetMetadataCopies(1) })
	counts("3        1        1")
	said(t, "vgchange", "--addtag", "x", "va")
	update(t, sys, "va", func(tx *Tx) error { return tx.SetMetadataCopies(2) })
	counts("3        2        2")
	said(t, "vgchange", "--vgmetadatacopies", "1", "va")
	update(t, sys, "va", func(tx *Tx) error { return tx.SetVGAutoActivation(false) })
	counts("3        1        1")
	require.Len(t, areasInUse(t, sys, "va"), 1)
	update(t, sys, "va", (*Tx).UseAllMetadataAreas)
	counts("3        3 unmanaged")
	said(t, "vgchange", "--vgmetadatacopies", "2", "va")
	require.Len(t, areasInUse(t, sys, "va"), 2)
}

// TestKernelRepair does the same damage to two groups and has one repaired by
// lvm2, the other by us.
func TestKernelRepair(t *testing.T) {
	umltest.NeedKernel(t)
	ctx := context.Background()
	read := func(t *testing.T, path string, n Bytes) []byte {
		d, err := openFileDevice(path, false)
		require.NoError(t, err)
		defer d.Close()
		b := make([]byte, n)
		_, err = d.ReadAt(b, 0)
		require.NoError(t, err)
		return b
	}
	write := func(t *testing.T, path string, at Bytes, b []byte) {
		d, err := openFileDevice(path, true)
		require.NoError(t, err)
		_, err = d.WriteAt(b, int64(at))
		require.NoError(t, err)
		require.NoError(t, d.Sync())
		require.NoError(t, d.Close())
	}
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, vg string, dev []string)
	}{
		{"older text", func(t *testing.T, vg string, dev []string) {
			old := read(t, dev[1], MiB)
			said(t, "vgchange", "--addtag", "new", vg)
			write(t, dev[1], 0, old)
		}},
		{"outdated pv", func(t *testing.T, vg string, dev []string) {
			old := read(t, dev[2], MiB)
			said(t, "vgreduce", vg, dev[2])
			write(t, dev[2], 0, old)
		}},
		{"blank header", func(t *testing.T, _ string, dev []string) { write(t, dev[1], firstAreaStart, make([]byte, 512)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dev2 := loops(t)
			sys := groupByLVM2(t, "vb", dev2)
			tt.damage(t, "vb", dev2)
			found, err := sys.Check(ctx, "vb")
			require.NoError(t, err)
			require.NotEmpty(t, found)
			require.NotEmpty(t, said(t, "vgck", "vb"))

			update(t, sys, "vb", (*Tx).RepairMetadata)
			require.Empty(t, said(t, "vgck", "vb"))
			found, err = sys.Check(ctx, "vb")
			require.NoError(t, err)
			require.Empty(t, found)
			if tt.name == "blank header" { // which lvm2 leaves as it is
				texts := slices.DeleteFunc(textsOf(t, dev2), func(s string) bool { return s == "in use" })
				require.Len(t, texts, 3)
				require.Len(t, slices.Compact(texts), 1)
				return
			}
			dev1 := loops(t)
			groupByLVM2(t, "va", dev1)
			tt.damage(t, "va", dev1)
			said(t, "vgck", "--updatemetadata", "va")
			sameTexts(t, dev1, dev2)
		})
	}
}
