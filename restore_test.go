package lvm

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// backupOf returns the text of vg0.
func backupOf(t testing.TB, sys *System) []byte {
	t.Helper()
	text, err := sys.BackupText(context.Background(), "vg0")
	require.NoError(t, err)
	return text
}

func restore(text []byte) func(*Tx) error {
	return func(tx *Tx) error { return tx.RestoreVG(text, RestoreSpec{}) }
}

func TestRestore(t *testing.T) {
	t.Parallel()
	disks, sys := newWorld(t, volumes)
	before, text := recordOf(t, sys, "vg0"), backupOf(t, sys)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.RemoveLV("data"), tx.RenameLV("other", "data"), tx.ExtendVG(areaSpec(OneArea), "c"), tx.SetTags("new"))
	})
	sys = openDisks(t, disks, 3)
	plan, err := sys.Plan(context.Background(), "vg0", restore(text))
	require.NoError(t, err)
	require.Contains(t, plan.String(), "seqno 2 -> 3")
	require.NoError(t, sys.Apply(context.Background(), plan))
	after := recordOf(t, sys, "vg0")
	require.Equal(t, before.Seqno+2, after.Seqno)
	after.Seqno = before.Seqno
	require.Equal(t, before, after)
	checkPatterns(t, sys, before)
	sys = openDisks(t, disks, 4)
	require.Empty(t, problems(t, sys))
	inv, err := sys.Scan(context.Background())
	require.NoError(t, err)
	require.Len(t, inv.Orphans, 1, "c left the group")
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ExtendVG(areaSpec(OneArea), "c") })
}

// TestRestoreLosses checks that a plan says what it gives up.
func TestRestoreLosses(t *testing.T) {
	t.Parallel()
	_, sys := newWorld(t, volumes)
	text := backupOf(t, sys)
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.addLV("new", 3, 1), tx.ExtendLV("data", ExtendSpec{By: ExtentCount(1)}))
	})
	plan, err := sys.Plan(context.Background(), "vg0", restore(text))
	require.NoError(t, err)
	i := 0
	for _, s := range plan.Steps {
		if c, ok := s.(*Commit); ok {
			i++
			require.Equal(t, []string{"new"}, c.Removed)
			require.Equal(t, []string{"data"}, c.Reduced)
		}
	}
	require.Equal(t, 1, i)
}

// TestRestoreFromNothing restores a group whose metadata areas are all broken,
// each in its own way.
func TestRestoreFromNothing(t *testing.T) {
	t.Parallel()
	text1 := int64(firstAreaStart + metadata.AreaHeaderSize)
	for name, damage := range map[string]func(*recorder.Disks, string){
		"blank area":    func(d *recorder.Disks, dev string) { d.Change(dev, int64(firstAreaStart), make([]byte, 32*KiB)) },
		"blank header":  func(d *recorder.Disks, dev string) { d.Change(dev, int64(firstAreaStart), make([]byte, 512)) },
		"broken header": func(d *recorder.Disks, dev string) { d.Change(dev, int64(firstAreaStart)+40, []byte{1, 2, 3}) },
		"broken texts":  func(d *recorder.Disks, dev string) { d.Change(dev, text1, bytes.Repeat([]byte("x"), int(16*KiB))) },
		"empty areas": func(d *recorder.Disks, dev string) {
			h, _ := metadata.DecodeAreaHeader(d.Contents(dev, int64(firstAreaStart), 512), firstAreaStart)
			h.Slots = [2]metadata.RawLocation{}
			d.Change(dev, int64(firstAreaStart), h.Encode())
		},
		"slots that point nowhere": func(d *recorder.Disks, dev string) {
			h, _ := metadata.DecodeAreaHeader(d.Contents(dev, int64(firstAreaStart), 512), firstAreaStart)
			h.Slots[metadata.SlotCommitted].Offset = h.Size + 512
			d.Change(dev, int64(firstAreaStart), h.Encode())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks, sys := newWorld(t, volumes)
			before, text := recordOf(t, sys, "vg0"), backupOf(t, sys)
			for _, dev := range []string{"a", "b"} {
				damage(disks, dev)
			}
			sys = openDisks(t, disks, 3)
			require.Nil(t, recordOf(t, sys, "vg0"))
			update(t, sys, "vg0", restore(text))
			after := recordOf(t, openDisks(t, disks, 4), "vg0")
			require.Equal(t, before.Seqno+1, after.Seqno)
			after.Seqno = before.Seqno
			require.Equal(t, before, after)
			require.Empty(t, problems(t, openDisks(t, disks, 5)))
			checkPatterns(t, openDisks(t, disks, 6), before)
		})
	}
}

// TestRestoreOverNonsense restores a group whose text can be read, but says what
// cannot be.
func TestRestoreOverNonsense(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]string{
		"beyond the pv": {"start_extent = 0\nextent_count = 20", "start_extent = 0\nextent_count = 20000"},
		"no number":     {"extent_count = 20", "extent_count = \"x\""},
		"newer":         {"extent_count = 20", "extent_count = 20000", "seqno = ", "seqno = 9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks, sys := newWorld(t, volumes)
			before, text := recordOf(t, sys, "vg0"), backupOf(t, sys)
			f := &forger{t, disks}
			f.swap(lines...)
			disks.Record()
			for what, fn := range map[string]func(*Tx) error{
				"nothing":   func(*Tx) error { return nil },
				"tag":       func(tx *Tx) error { return tx.SetTags("t") },
				"create":    func(tx *Tx) error { return makeGroup(tx, OneArea) },
				"remove lv": func(tx *Tx) error { return tx.RemoveLV("data") },
			} {
				require.ErrorIs(t, openDisks(t, disks, 3).Update(context.Background(), "vg0", fn), ErrDamaged, what)
			}
			use := func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: "a"}) }
			require.Error(t, openDisks(t, disks, 3).Update(context.Background(), "vg0", use))
			require.Empty(t, written(disks))

			update(t, openDisks(t, disks, 3), "vg0", restore(text))
			after := recordOf(t, openDisks(t, disks, 4), "vg0")
			require.Greater(t, after.Seqno, before.Seqno)
			after.Seqno = before.Seqno
			require.Equal(t, before, after)
			require.Empty(t, problems(t, openDisks(t, disks, 5)))
			checkPatterns(t, openDisks(t, disks, 6), before)
		})
	}
}

// TestRestoreCrash restores from nothing and crashes on the way: there is no
// group or the whole one, and it can be restored again.
func TestRestoreCrash(t *testing.T) {
	t.Parallel()
	disks, sys := newWorld(t, volumes)
	before, text := recordOf(t, sys, "vg0"), backupOf(t, sys)
	for _, dev := range []string{"a", "b"} {
		disks.Change(dev, int64(firstAreaStart), make([]byte, 4*KiB))
	}
	disks.Record()
	update(t, openDisks(t, disks, 3), "vg0", restore(text))
	for crash := range disks.Crashes(crashOptions()) {
		sys := openDisks(t, crash.Disks, 4)
		update(t, sys, "vg0", restore(text))
		after := recordOf(t, openDisks(t, crash.Disks, 5), "vg0")
		require.Greater(t, after.Seqno, before.Seqno)
		after.Seqno = before.Seqno
		require.Equal(t, before, after)
		require.Empty(t, problems(t, openDisks(t, crash.Disks, 6)))
		checkPatterns(t, openDisks(t, crash.Disks, 6), before)
	}
}

// TestRestoreLostPV makes a PV that lost its label anew and restores, in one
// update.
func TestRestoreLostPV(t *testing.T) {
	t.Parallel()
	disks, sys := newWorld(t, volumes)
	before, text := recordOf(t, sys, "vg0"), backupOf(t, sys)
	disks.Change("a", int64(firstAreaStart), make([]byte, 32*KiB))
	disks.Change("b", 0, make([]byte, 36*KiB))
	sys = openDisks(t, disks, 3)
	refused(t, disks, sys, ErrMissingPV, restore(text))
	update(t, sys, "vg0", func(tx *Tx) error {
		spec := areaSpec(OneArea)
		spec.Device, spec.ID = "b", before.PVs[1].ID
		return joinErrors(tx.CreatePV(spec), tx.RestoreVG(text, RestoreSpec{}))
	})
	after := recordOf(t, openDisks(t, disks, 4), "vg0")
	after.Seqno = before.Seqno
	require.Equal(t, before, after)
	require.Empty(t, problems(t, openDisks(t, disks, 5)))
	checkPatterns(t, openDisks(t, disks, 6), before)
}

func TestRestoreRefused(t *testing.T) {
	t.Parallel()
	edit := func(t testing.TB, text []byte, change func(*metadata.VolumeGroup)) []byte {
		doc, err := metadata.DecodeDocument(text)
		require.NoError(t, err)
		change(doc.VG)
		out, err := doc.EncodeBackup()
		require.NoError(t, err)
		return out
	}
	type world struct {
		disks *recorder.Disks
		sys   *System
		text  []byte
	}
	for _, tt := range []struct {
		name string
		kind error
		do   func(t *testing.T, w *world)
	}{
		{"no text", ErrInvalidSpec, func(_ *testing.T, w *world) { w.text = []byte("vg0 {") }},
		{"nothing", ErrInvalidSpec, func(_ *testing.T, w *world) { w.text = nil }},
		{"another name", ErrInvalidSpec, func(t *testing.T, w *world) {
			w.text = edit(t, w.text, func(vg *metadata.VolumeGroup) { vg.Name = "vg1" })
		}},
		{"overlapping volumes", ErrInvalidSpec, func(t *testing.T, w *world) {
			w.text = edit(t, w.text, func(vg *metadata.VolumeGroup) { vg.LVs[1].Segments = vg.LVs[0].Segments })
		}},
		{"group of another uuid", ErrExists, func(t *testing.T, w *world) {
			w.text = edit(t, w.text, func(vg *metadata.VolumeGroup) { vg.ID[0]++ })
		}},
		{"group renamed", ErrExists, func(t *testing.T, w *world) {
			update(t, w.sys, "vg0", func(tx *Tx) error { tx.vg.Name, tx.changed = "vg9", true; return nil })
		}},
		{"missing pv", ErrMissingPV, func(t *testing.T, w *world) { w.disks.Change("b", 0, make([]byte, 4*KiB)) }},
		{"pv marked as missing", ErrMissingPV, func(t *testing.T, w *world) {
			w.text = edit(t, w.text, func(vg *metadata.VolumeGroup) { vg.PVs[0].Status |= metadata.PVMissing })
		}},
		{"pv twice", ErrDuplicatePV, func(t *testing.T, w *world) { w.disks.Copy("b", "c") }},
		{"device too small", ErrInvalidSpec, func(t *testing.T, w *world) { w.disks.Truncate("b", diskSize-KiB) }},
		{"pv of another group", ErrExists, func(t *testing.T, w *world) {
			update(t, w.sys, "vg0", func(tx *Tx) error { return tx.ExtendVG(areaSpec(OneArea), "c") })
			w.text = backupOf(t, w.sys)
			update(t, w.sys, "vg0", func(tx *Tx) error { return tx.ReduceVG("c") })
			update(t, w.sys, "vg1", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: []string{"c"}, ExtentSize: 4 * KiB}) })
		}},
		{"pv without area of another group", ErrExists, func(t *testing.T, w *world) {
			update(t, w.sys, "vg0", func(tx *Tx) error { return tx.ExtendVG(areaSpec(NoArea), "c") })
			w.text = backupOf(t, w.sys)
			update(t, w.sys, "vg0", func(tx *Tx) error { return tx.ReduceVG("c") })
			w.disks.Change("b", 0, make([]byte, 4*KiB)) // so that the text names it as the only one
			w.text = edit(t, w.text, func(vg *metadata.VolumeGroup) {
				vg.ID[0]++
				vg.PVs, vg.LVs = vg.PVs[2:], nil
			})
			w.disks.Change("a", 0, make([]byte, 64*KiB))
			update(t, w.sys, "vg1", func(tx *Tx) error {
				return joinErrors(tx.CreateVG(VGSpec{PVs: []string{"a"}, PV: areaSpec(OneArea), ExtentSize: 4 * KiB}), tx.ExtendVG(PVSpec{}, "c"))
			})
		}},
		{"another host's", ErrForeign, func(t *testing.T, w *world) {
			update(t, w.sys, "vg0", func(tx *Tx) error { return tx.SetSystemID("other") })
		}},
		{"another host's text", ErrForeign, func(t *testing.T, w *world) {
			w.text = edit(t, w.text, func(vg *metadata.VolumeGroup) { vg.SystemID = "other" })
		}},
		{"shared text", ErrShared, func(t *testing.T, w *world) {
			w.text = edit(t, w.text, func(vg *metadata.VolumeGroup) {
				vg.LockType = "sanlock"
				for _, lv := range vg.LVs {
					lv.LockArgs = "1:" + lv.Name
				}
			})
		}},
		{"last seqno", ErrUnsupported, func(t *testing.T, w *world) {
			w.text = edit(t, w.text, func(vg *metadata.VolumeGroup) { vg.Seqno = 1<<32 - 1 })
		}},
		{"unknown segments", ErrUnsupported, func(t *testing.T, w *world) {
			w.text = []byte(strings.Replace(string(w.text), `type = "striped"`, `type = "new"`, 1))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			disks, sys := newWorld(t, volumes)
			w := &world{disks, sys, backupOf(t, sys)}
			tt.do(t, w)
			before := disks.Clone()
			err := openDisks(t, disks, 3).Update(context.Background(), "vg0", restore(w.text))
			require.ErrorIs(t, err, tt.kind)
			var op *OpError
			require.ErrorAs(t, err, &op)
			require.True(t, disks.Equal(before), "the disks changed")
		})
	}
	t.Run("after other changes", func(t *testing.T) {
		t.Parallel()
		disks, sys := newWorld(t, volumes)
		text := backupOf(t, sys)
		refused(t, disks, sys, ErrUnsupported, func(tx *Tx) error {
			return joinErrors(tx.SetTags("t"), tx.RestoreVG(text, RestoreSpec{}))
		})
	})
}

func TestRestoreByForce(t *testing.T) {
	t.Parallel()
	disks, sys := newWorld(t, volumes)
	text := strings.Replace(string(backupOf(t, sys)), `type = "striped"`, `type = "new"`, 1)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.RestoreVG([]byte(text), RestoreSpec{Force: true}) })
	sys = openDisks(t, disks, 3)
	require.Equal(t, []string{"new"}, recordOf(t, sys, "vg0").OpaqueTypes())
	refused(t, disks, sys, ErrReadOnly, func(tx *Tx) error { return tx.SetTags("t") })
}

// TestRestoreMends restores groups that may not be changed otherwise.
func TestRestoreMends(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, sys *System, disks *recorder.Disks){
		"exported": func(t *testing.T, sys *System, _ *recorder.Disks) { update(t, sys, "vg0", (*Tx).ExportVG) },
		"missing pv": func(t *testing.T, sys *System, disks *recorder.Disks) {
			update(t, sys, "vg0", func(tx *Tx) error { return tx.ExtendVG(areaSpec(OneArea), "c") })
			disks.Change("c", 0, make([]byte, 64*KiB))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks, sys := newWorld(t, volumes)
			before, text := recordOf(t, sys, "vg0"), backupOf(t, sys)
			spoil(t, sys, disks)
			sys = openDisks(t, disks, 3)
			vg, err := sys.VG(context.Background(), "vg0")
			require.NoError(t, err)
			require.Error(t, vg.Changeable())
			update(t, sys, "vg0", restore(text))
			after := recordOf(t, openDisks(t, disks, 4), "vg0")
			after.Seqno = before.Seqno
			require.Equal(t, before, after)
			require.Empty(t, problems(t, openDisks(t, disks, 5)))
		})
	}
}

func TestBackups(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	require.ErrorIs(t, sys.Backup(context.Background(), "vg0"), ErrUnsupported)
	sys.cfg.BackupDir, sys.cfg.ArchiveDir, sys.cfg.Clock = filepath.Join(dir, "backup"), filepath.Join(dir, "archive"), time.Now
	require.ErrorIs(t, sys.Backup(context.Background(), "vg0"), ErrVGNotFound)
	volumes(t, sys, OneArea)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetTags("one") })
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetTags("two") })

	list, err := sys.Backups("vg0")
	require.NoError(t, err)
	require.Len(t, list, 3)
	for i, b := range list {
		require.NoError(t, b.Err)
		require.Equal(t, "vg0", b.VG)
		require.Equal(t, recordOf(t, sys, "vg0").ID, b.ID)
		require.Equal(t, uint32(i+1), b.Seqno)
		require.Equal(t, i < 2, b.Archive)
		require.False(t, b.Time.IsZero())
		word := "*after*"
		if b.Archive {
			word = "*before*"
		}
		require.Contains(t, b.Description, word)
	}
	update(t, sys, "vg0", restore(list[1].Text()))
	vg := recordOf(t, sys, "vg0")
	require.Equal(t, []string{"one"}, vg.Tags)
	require.Equal(t, uint32(4), vg.Seqno)

	require.NoError(t, os.Remove(list[2].Path))
	require.NoError(t, sys.Backup(context.Background(), "vg0"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "archive", "vg0_00009-1.vg"), []byte("vg0 {"), 0o600))
	list, err = sys.Backups("vg0")
	require.NoError(t, err)
	require.Len(t, list, 5)
	require.ErrorIs(t, list[3].Err, metadata.ErrSyntax)
	require.Equal(t, vg.Seqno, list[4].Seqno)
	_, err = sys.Backups("../x")
	require.ErrorIs(t, err, ErrInvalidName)
	_, err = sys.BackupText(context.Background(), "no")
	require.ErrorIs(t, err, ErrVGNotFound)
}

func TestRepairMetadata(t *testing.T) {
	t.Parallel()
	header := int64(firstAreaStart)
	for name, damage := range map[string]func(t *testing.T, sys *System, d *recorder.Disks){
		"blank header": func(_ *testing.T, _ *System, d *recorder.Disks) { d.Change("b", header, make([]byte, 512)) },
		"blank area":   func(_ *testing.T, _ *System, d *recorder.Disks) { d.Change("a", header, make([]byte, 32*KiB)) },
		"broken text": func(t *testing.T, _ *System, d *recorder.Disks) {
			h, err := metadata.DecodeAreaHeader(d.Contents("b", header, 512), firstAreaStart)
			require.NoError(t, err)
			d.Change("b", header+int64(h.Slots[0].Offset)+50, []byte("XXX"))
		},
		"older text": func(t *testing.T, sys *System, d *recorder.Disks) {
			old := d.Contents("b", header, 512)
			update(t, sys, "vg0", func(tx *Tx) error { return tx.SetTags("t") })
			d.Change("b", header, old)
		},
		"outdated pv": func(t *testing.T, sys *System, d *recorder.Disks) {
			update(t, sys, "vg0", func(tx *Tx) error { return tx.ExtendVG(areaSpec(OneArea), "c") })
			old := d.Contents("c", 0, int(64*KiB))
			update(t, sys, "vg0", func(tx *Tx) error { return tx.ReduceVG("c") })
			d.Change("c", 0, old) // marked as in use
		},
		"no mark": func(t *testing.T, sys *System, d *recorder.Disks) {
			label, _, err := metadata.ReadLabel(bytes.NewReader(d.Contents("b", 0, 2048)))
			require.NoError(t, err)
			label.ExtensionFlags = 0
			sector, err := label.Encode()
			require.NoError(t, err)
			d.Change("b", 512, sector)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks, sys := newWorld(t, volumes)
			damage(t, sys, disks)
			sys = openDisks(t, disks, 3)
			before := recordOf(t, sys, "vg0")
			found, err := sys.Check(context.Background(), "vg0")
			require.NoError(t, err)
			require.NotEmpty(t, found)
			update(t, sys, "vg0", (*Tx).RepairMetadata)
			sys = openDisks(t, disks, 4)
			found, err = sys.Check(context.Background(), "vg0")
			require.NoError(t, err)
			require.Empty(t, found)
			require.Empty(t, problems(t, sys))
			after := recordOf(t, sys, "vg0")
			require.Equal(t, before.Seqno+1, after.Seqno)
			after.Seqno = before.Seqno
			require.Equal(t, before, after)
			checkPatterns(t, sys, before)
			require.Equal(t, map[string]int{"a": 1, "b": 1}, areasInUse(t, sys, "vg0"))

			plan, err := sys.Plan(context.Background(), "vg0", (*Tx).RepairMetadata)
			require.NoError(t, err)
			require.True(t, plan.Empty(), "%s", plan)
		})
	}
	t.Run("two texts", func(t *testing.T) {
		t.Parallel()
		disks, sys := newWorld(t, volumes)
		old := disks.Contents("b", 0, int(36*KiB))
		update(t, sys, "vg0", func(tx *Tx) error { return tx.SetTags("one") })
		disks.Change("b", 0, rival(t, old, "two"))
		refused(t, disks, openDisks(t, disks, 3), ErrDamaged, (*Tx).RepairMetadata)
	})
	t.Run("no group", func(t *testing.T) {
		t.Parallel()
		_, err := openDisks(t, recorder.New(diskSize, "a"), 1).Check(context.Background(), "vg0")
		require.ErrorIs(t, err, ErrVGNotFound)
	})
}

// rival returns the head of a device on which another process made the change
// after the one that is there.
func rival(t *testing.T, head []byte, tag string) []byte {
	t.Helper()
	d := bytes.NewReader(head)
	h, err := metadata.ReadAreaHeader(d, firstAreaStart)
	require.NoError(t, err)
	text, err := h.ReadText(d, h.Slots[metadata.SlotCommitted])
	require.NoError(t, err)
	doc, err := metadata.DecodeDocument(text)
	require.NoError(t, err)
	doc.VG.Seqno, doc.VG.Tags = doc.VG.Seqno+1, []string{tag}
	text, err = doc.EncodeArea()
	require.NoError(t, err)
	loc, err := h.NextLocation(text)
	require.NoError(t, err)
	out := bytes.Clone(head)
	for _, w := range h.TextWrites(loc, text) {
		copy(out[w.Offset:], w.Data)
	}
	h.Slots[metadata.SlotCommitted] = loc
	copy(out[firstAreaStart:], h.Encode())
	return out
}

// A full disk for backups fails the update before the commit if an archive
// cannot be written, and after it if the backup cannot.
func TestBackupFails(t *testing.T) {
	t.Parallel()
	for _, archive := range []bool{true, false} {
		disks := recorder.New(diskSize, "a", "b", "c")
		sys := openDisks(t, disks, 1)
		volumes(t, sys, OneArea)
		place := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(place, nil, 0o600)) // where a directory is to be made
		if archive {
			sys.cfg.ArchiveDir = place
		} else {
			sys.cfg.BackupDir = place
		}
		disks.Record()
		err := sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.SetTags("one") })
		var failed *ApplyError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, !archive, failed.Committed)
		require.Equal(t, archive, len(disks.Writes()) == 0)
		require.Equal(t, !archive, strings.Contains(err.Error(), "call Backup to finish"), err)
		if archive {
			continue
		}
		require.NoError(t, os.Remove(place))
		require.NoError(t, sys.Backup(context.Background(), "vg0"))
		list, err := sys.Backups("vg0")
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.NoError(t, list[0].Err)
		require.Equal(t, recordOf(t, sys, "vg0").Seqno, list[0].Seqno)
	}
}
