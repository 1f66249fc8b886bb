package lvm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// partialStep is done, by lvm2 or by us, while some of the devices are there.
type partialStep struct {
	interopStep
	there []int
}

// partialRun is like interopRun, but for groups in which something is wrong.
type partialRun struct{ *interopRun }

// open returns a System that has some of the devices.
func (r *partialRun) open(there []int) *System {
	var devices []string
	for _, i := range there {
		devices = append(devices, r.dev[i])
	}
	sys, err := Open(Config{Devices: devices})
	require.NoError(r, err, r.where)
	return sys
}

func (r *partialRun) do(step partialStep, ours bool) {
	r.Helper()
	if !ours {
		var there []string
		for _, i := range step.there {
			there = append(there, r.dev[i])
		}
		step.lvm2 += " --devices " + strings.Join(there, ",")
		r.interopRun.do(step.interopStep, false)
		return
	}
	sys := r.open(step.there)
	defer sys.Close()
	err := sys.Update(context.Background(), r.vg, func(tx *Tx) error { return step.ours(tx, r.dev) })
	if step.fails {
		require.Error(r, err, r.where)
	} else {
		require.NoError(r, err, r.where)
	}
}

// numbered is what differs because lvm2 writes the text more often; hint is the
// path of a PV that is missing, which lvm2 forgets.
var (
	numbered = regexp.MustCompile(`(?m)^seqno = \d+\n`)
	hint     = regexp.MustCompile(`(?m)^device = "[^"]*"\n((?:[^}]*\n)*?flags = \["MISSING"\])`)
)

// state returns what disks, kernel and /dev hold.
func (r *partialRun) state() string {
	r.Helper()
	var b strings.Builder
	var ids []string
	for _, path := range r.dev {
		d, err := openFileDevice(path, false)
		require.NoError(r, err, r.where)
		label, _, err := metadata.ReadLabel(d)
		require.NoError(r, err, r.where)
		for _, a := range label.MetadataAreas {
			h, err := metadata.ReadAreaHeader(d, a.Offset)
			require.NoError(r, err, r.where)
			if !h.Slots[metadata.SlotCommitted].InUse() {
				fmt.Fprintf(&b, "%s: empty\n", path)
				continue
			}
			text, err := h.ReadText(d, h.Slots[metadata.SlotCommitted])
			require.NoError(r, err, r.where)
			doc, err := metadata.DecodeDocument(text)
			require.NoError(r, err, r.where)
			ids = append(ids, doc.VG.ID.Compact(), "<vg>")
			for _, lv := range doc.VG.LVs {
				ids = append(ids, lv.ID.Compact(), "<"+lv.Name+">")
			}
			text = numbered.ReplaceAll(personal.ReplaceAll(text, []byte("<personal>")), nil)
			fmt.Fprintf(&b, "%s:\n%s\n", path, hint.ReplaceAll(text, []byte("$1")))
		}
		require.NoError(r, d.Close())
	}
	r.labels(&b)
	r.nodes(&b, &Inventory{})
	tables, infos := kernelText(r.T)
	return strings.NewReplacer(ids...).Replace(offsets.ReplaceAllString(b.String(), "") + tables + infos)
}

// offsets is the place of a text in the ring, which depends on how often it was
// written.
var offsets = regexp.MustCompile(`Offset:\d+ Size:\d+ Checksum:\d+`)

func runPartial(t *testing.T, sizes []int64, steps []partialStep) {
	states := make([]string, len(steps))
	for m, mode := range interopModes {
		ok := t.Run(mode.name, func(t *testing.T) {
			r := &partialRun{newInteropRun(t, scenario{vg: "vg", sizes: sizes})}
			for i, step := range steps {
				who := "lvm2"
				if mode.ours(i) {
					who = "us"
				}
				r.where = fmt.Sprintf("step %d by %s: %s with %v", i+1, who, step.lvm2, step.there)
				r.do(step, mode.ours(i))
				if m == 0 {
					states[i] = r.state()
				}
				require.Equal(t, states[i], r.state(), "%s differs from what lvm2 makes", r.where)
			}
		})
		if !ok {
			return
		}
	}
}

func TestKernelPartial(t *testing.T) {
	umltest.NeedKernel(t)
	all, without1 := []int{0, 1, 2}, []int{0, 2}
	at := func(there []int, s interopStep) partialStep { return partialStep{s, there} }
	inactive := func(name string, extents Extents, stripes int, pvs ...PVSelection) partialStep {
		options := fmt.Sprintf("-an -Zn -Wn -l%d -i%d $V", extents, stripes)
		for _, pv := range pvs {
			options += " $" + pv.PV
		}
		return at(all, makeLV(options, LVSpec{Name: name, Size: ExtentCount(extents), Stripes: stripes, PVs: pvs, Inactive: true, SkipZero: true}))
	}
	activate := func(lv string, mode ActivationMode) interopStep {
		return onLV("lvchange -ay --activationmode "+mode.String(), lv, func(tx *Tx, lv string) error {
			return tx.ActivateWith(lv, ActivateOptions{Mode: mode})
		})
	}
	tag := func(tags ...string) interopStep {
		return interopStep{lvm2: "vgchange --addtag " + tags[len(tags)-1] + " $V", ours: func(tx *Tx, _ []string) error { return tx.SetTags(tags...) }}
	}
	const mib = 1 << 20
	runPartial(t, []int64{48 * mib, 48 * mib, 48 * mib}, []partialStep{
		at(all, makeVG("", VGSpec{})),
		inactive("whole", 2, 1, pv("0")),
		inactive("half", 2, 2, pv("0"), pv("1")),
		inactive("none", 3, 1, pv("1")),
		at(all, extendLV("whole", "-l+1 $V/whole $2", ExtendSpec{By: ExtentCount(1), PVs: pvs(pv("2"))})),
		at(all, extendLV("none", "-l+2 $V/none $2", ExtendSpec{By: ExtentCount(2), PVs: pvs(pv("2"))})),
		at(all, extendLV("none", "-l+1 $V/none $1", ExtendSpec{By: ExtentCount(1), PVs: pvs(pv("1"))})),

		at(without1, activate("whole", ActivateComplete)),
		at(without1, failing(activate("none", ActivateComplete))),
		at(without1, failing(activate("half", ActivateDegraded))),
		at(without1, activate("none", ActivatePartial)),
		at(without1, onLV("lvchange -an", "none", (*Tx).Deactivate)),
		at(without1, interopStep{lvm2: "vgchange -ay --activationmode partial $V", ours: func(tx *Tx, _ []string) error {
			return tx.ActivateAllWith(ActivateOptions{Mode: ActivatePartial})
		}}),
		at(without1, failing(onLV("lvchange --refresh", "half", (*Tx).Refresh))),
		at(without1, onLV("lvchange --refresh", "whole", (*Tx).Refresh)),

		at(without1, tag("x")),
		at(all, failing(onLV("lvchange --refresh", "half", (*Tx).Refresh))),
		at(without1, onLV("lvchange --addtag t", "half", func(tx *Tx, lv string) error { return tx.SetLVTags(lv, "t") })),
		at(without1, failing(makeLV("-l1 $V", LVSpec{Name: "new", Size: ExtentCount(1)}))),
		at(without1, failing(renameLV("whole", "w"))),
		at(without1, interopStep{lvm2: "vgchange -an $V", ours: func(tx *Tx, _ []string) error { return tx.DeactivateAll() }}),
		at(all, failing(activate("none", ActivateComplete))),
		at(all, activate("none", ActivatePartial)), // with what is there
		at(all, onLV("lvchange -an", "none", (*Tx).Deactivate)),
		at(all, failing(makeLV("-l1 $V", LVSpec{Name: "new", Size: ExtentCount(1)}))),
		at(all, tag("x", "y")),
		at(all, interopStep{lvm2: "vgextend --restoremissing $V $1", ours: func(tx *Tx, dev []string) error { return tx.RestoreMissing(dev[1]) }}),
		at(all, activate("none", ActivateComplete)),
		at(all, onLV("lvchange -an", "none", (*Tx).Deactivate)),

		at(without1, activate("half", ActivatePartial)),
		at(without1, removeLV("none")),
		at(without1, interopStep{lvm2: "vgreduce --removemissing --force $V", ours: func(tx *Tx, _ []string) error {
			return tx.RemoveMissing(RemoveMissingSpec{Force: true})
		}}),
		at(all, tag("x", "y", "z")),
		at([]int{0}, failing(activate("whole", ActivateComplete))),
		at([]int{2}, tag("x", "y", "z", "u")), // what the only area there says counts
	})
}

// TestKernelPartialEmptyPV takes a PV out that holds nothing, and uses one again
// without a word that was away and holds nothing.
func TestKernelPartialEmptyPV(t *testing.T) {
	umltest.NeedKernel(t)
	all, without1 := []int{0, 1, 2}, []int{0, 2}
	at := func(there []int, s interopStep) partialStep { return partialStep{s, there} }
	tag := func(tags ...string) interopStep {
		return interopStep{lvm2: "vgchange --addtag " + tags[len(tags)-1] + " $V", ours: func(tx *Tx, _ []string) error { return tx.SetTags(tags...) }}
	}
	const mib = 1 << 20
	runPartial(t, []int64{48 * mib, 48 * mib, 48 * mib}, []partialStep{
		at(all, makeVG("", VGSpec{})),
		at(without1, tag("a")),
		at(all, tag("a", "b")),
		at(all, makeLV("-l1 -an -Zn -Wn $V $1", LVSpec{Name: "lv", Size: ExtentCount(1), PVs: pvs(pv("1")), Inactive: true, SkipZero: true})),
		at(all, removeLV("lv")),
		at(without1, tag("a", "b", "c")),
		at(all, interopStep{lvm2: "vgextend --restoremissing $V $1", ours: func(tx *Tx, dev []string) error { return tx.RestoreMissing(dev[1]) }}),
		at(without1, interopStep{lvm2: "vgreduce --removemissing $V", ours: func(tx *Tx, _ []string) error {
			return tx.RemoveMissing(RemoveMissingSpec{})
		}}),
	})
}

// TestKernelPartialMirrors takes what is missing of mirrors out of a group. lvm2 does
// that in the same command as the physical volumes.
func TestKernelPartialMirrors(t *testing.T) {
	umltest.NeedKernel(t)
	all, without1 := []int{0, 1, 2, 3}, []int{0, 2, 3}
	at := func(there []int, s interopStep) partialStep { return partialStep{s, there} }
	mirror := func(name, options string, spec MirrorSpec, pvs ...int) partialStep {
		spec.Name, spec.Size = name, ExtentCount(1)
		options = "lvcreate -y --type mirror -l1 -n " + name + " " + options + " $V"
		for _, i := range pvs {
			options += fmt.Sprintf(" $%d", i)
		}
		return at(all, interopStep{lvm2: options, ours: func(tx *Tx, dev []string) error {
			own := spec
			for _, i := range pvs {
				own.PVs = append(own.PVs, PVSelection{PV: dev[i]})
			}
			_, err := tx.CreateMirror(own)
			return err
		}})
	}
	const mib = 1 << 20
	runPartial(t, []int64{48 * mib, 48 * mib, 48 * mib, 48 * mib}, []partialStep{
		at(all, interopStep{lvm2: "vgcreate $V $0 $1 $2 $3", ours: func(tx *Tx, dev []string) error { return tx.CreateVG(VGSpec{PVs: dev}) }}),
		mirror("second", "-m1", MirrorSpec{}, 0, 1, 2),
		mirror("first", "-m2 --mirrorlog core", MirrorSpec{Legs: 3, Log: MirrorLogCore}, 1, 2, 3),
		mirror("log", "-m1", MirrorSpec{}, 2, 3, 1),
		at(all, interopStep{lvm2: "vgchange -an $V", ours: func(tx *Tx, _ []string) error { return tx.DeactivateAll() }}),
		at(without1, interopStep{lvm2: "vgreduce --removemissing --force $V", ours: func(tx *Tx, _ []string) error {
			var err error
			for _, lv := range []string{"second", "first", "log"} {
				err = joinErrors(err, tx.RepairMirror(lv, MirrorRepairSpec{TakeUnsynced: true}))
			}
			return joinErrors(err, tx.RemoveMissing(RemoveMissingSpec{Force: true}))
		}}),
		at(without1, interopStep{lvm2: "vgchange -ay $V", ours: func(tx *Tx, _ []string) error { return tx.ActivateAll() }}),
	})
}

// TestKernelPartialRAIDs takes physical volumes out of a group that legs of raids were
// on. These give errors then, until the raids are repaired.
func TestKernelPartialRAIDs(t *testing.T) {
	umltest.NeedKernel(t)
	all, without1 := []int{0, 1, 2, 3}, []int{0, 2, 3}
	at := func(there []int, s interopStep) partialStep { return partialStep{s, there} }
	raid := func(name, options string, spec RAIDSpec, on ...int) partialStep {
		spec.Name, spec.Size, spec.NoSync = name, ExtentCount(2), true
		options = "lvcreate -y --nosync -l2 -n " + name + " " + options + " $V"
		for _, i := range on {
			options += fmt.Sprintf(" $%d", i)
		}
		return at(all, interopStep{lvm2: options, ours: func(tx *Tx, dev []string) error {
			own := spec
			for _, i := range on {
				own.PVs = append(own.PVs, PVSelection{PV: dev[i]})
			}
			_, err := tx.CreateRAID(own)
			return err
		}})
	}
	const mib = 1 << 20
	runPartial(t, []int64{48 * mib, 48 * mib, 48 * mib, 48 * mib}, []partialStep{
		at(all, interopStep{lvm2: "vgcreate $V $0 $1 $2 $3", ours: func(tx *Tx, dev []string) error { return tx.CreateVG(VGSpec{PVs: dev}) }}),
		raid("first", "--type raid1 -m1", RAIDSpec{}, 1, 0),
		raid("second", "--type raid1 -m2", RAIDSpec{Mirrors: 2}, 0, 1, 2),
		raid("parity", "--type raid5 -i2", RAIDSpec{Type: SegmentRAID5}, 2, 1, 0),
		raid("other", "--type raid1 -m1", RAIDSpec{}, 2, 3),
		at(all, interopStep{lvm2: "vgchange -an $V", ours: func(tx *Tx, _ []string) error { return tx.DeactivateAll() }}),
		at(without1, interopStep{lvm2: "vgreduce --removemissing --force $V", ours: func(tx *Tx, _ []string) error {
			return tx.RemoveMissing(RemoveMissingSpec{Force: true})
		}}),
		at(without1, interopStep{lvm2: "vgchange -ay $V", ours: func(tx *Tx, _ []string) error { return tx.ActivateAll() }}),
		at(without1, onLV("lvconvert -y --repair", "first", func(tx *Tx, lv string) error { return tx.RepairRAID(lv, RepairSpec{}) })),
		at(without1, interopStep{lvm2: "vgchange -an $V", ours: func(tx *Tx, _ []string) error { return tx.DeactivateAll() }}),
	})
}

// TestKernelPartialTypes activates volumes of all types without a physical volume
// that each has something on, as lvm2 does.
func TestKernelPartialTypes(t *testing.T) {
	umltest.NeedKernel(t)
	ctx := context.Background()
	r := &partialRun{newInteropRun(t, scenario{vg: "vg", sizes: slices.Repeat([]int64{192 << 20}, 4)})}
	on := func(is ...int) (out []PVSelection) {
		for _, i := range is {
			out = append(out, PVSelection{PV: r.dev[i]})
		}
		return out
	}
	two := ExtentCount(2)
	r.update(func(tx *Tx) error {
		err := tx.CreateVG(VGSpec{PVs: r.dev})
		did := func(_ any, e error) { err = joinErrors(err, e) }
		did(tx.CreateRAID(RAIDSpec{Name: "raid1", Size: two, PVs: on(0, 1)}))
		did(tx.CreateRAID(RAIDSpec{Name: "raid5", Type: SegmentRAID5, Size: two, PVs: on(0, 1, 2)}))
		did(tx.CreateRAID(RAIDSpec{Name: "raid0", Type: SegmentRAID0, Size: two, PVs: on(0, 1)}))
		did(tx.CreateRAID(RAIDSpec{Name: "safe", Size: two, PVs: on(2, 1)}))
		did(tx.CreateMirror(MirrorSpec{Name: "mirror", Size: two, Log: MirrorLogCore, PVs: on(0, 1)}))
		did(tx.CreateThinPool(ThinPoolSpec{Name: "pool", Size: two, PVs: on(1), MetadataPVs: on(0)}))
		did(tx.CreateThin(ThinSpec{Name: "thin", Pool: "pool", VirtualSize: two}))
		did(tx.CreateThinPool(ThinPoolSpec{Name: "pool2", Size: two, PVs: on(0), MetadataPVs: on(2)}))
		for lv, pv := range map[string]int{"ext": 1, "cold": 0, "hot": 1, "late": 0, "quick": 1, "origin": 0} {
			did(tx.CreateLV(LVSpec{Name: lv, Size: two, PVs: on(pv), ReadOnly: lv == "ext", SkipZero: lv == "ext", Inactive: lv == "ext" || lv == "quick"}))
		}
		did(tx.CreateCachePool(CachePoolSpec{Name: "fast", Size: two, PVs: on(1)}))
		did(tx.CreateCachePool(CachePoolSpec{Name: "fast2", Size: two, PVs: on(0)}))
		did(tx.CreateRAID(RAIDSpec{Name: "rpool", Size: two, PVs: on(0, 1)}))
		return err
	})
	r.update(func(tx *Tx) error {
		_, err := tx.CreateThin(ThinSpec{Name: "outside", Pool: "pool2", ExternalOrigin: "ext"})
		_, snapped := tx.CreateSnapshot("origin", SnapshotSpec{Name: "snap", Size: ExtentCount(1), PVs: on(1)})
		return joinErrors(err, snapped, tx.AddIntegrity("safe", IntegritySpec{}),
			tx.AttachCache("cold", AttachCacheSpec{Pool: "fast"}), tx.AttachCache("hot", AttachCacheSpec{Pool: "fast2"}),
			tx.AttachWriteCache("late", AttachWriteCacheSpec{CacheVol: "quick", BlockSize: 4 * KiB}))
	})
	lvm2(t, "lvconvert", "-y", "--type", "thin-pool", "vg/rpool")
	r.update(func(tx *Tx) error {
		_, err := tx.CreateThin(ThinSpec{Name: "double", Pool: "rpool", VirtualSize: two})
		return err
	})
	r.put("safe", 7, 0)
	for _, lv := range []string{"raid1", "raid5", "safe"} {
		require.NoError(t, r.sys.WaitSync(ctx, "vg", lv, SyncOptions{Interval: 10 * time.Millisecond}))
	}
	r.update(func(tx *Tx) error { return tx.DeactivateAll() })

	there := []int{0, 2, 3}
	devices := r.dev[0] + "," + r.dev[2] + "," + r.dev[3]
	sys := r.open(there)
	defer sys.Close()
	activate := func(mode ActivationMode, lvs ...string) error {
		return sys.Update(ctx, "vg", func(tx *Tx) (err error) {
			for _, lv := range lvs {
				err = joinErrors(err, tx.ActivateWith(lv, ActivateOptions{Mode: mode}))
			}
			return err
		})
	}
	deactivate := func() {
		require.NoError(t, sys.Update(ctx, "vg", func(tx *Tx) error { return tx.DeactivateAll() }))
		require.Empty(t, tablesNow(t))
	}
	for _, c := range []struct {
		mode                  ActivationMode
		like, ours, otherwise []string
	}{
		{ActivateComplete, nil, nil, []string{"raid1", "raid5", "raid0", "safe", "mirror", "thin", "double", "outside", "cold", "hot", "late", "origin"}},
		{ActivateDegraded, []string{"raid1", "raid5"}, []string{"double", "safe"},
			[]string{"raid0", "mirror", "thin", "outside", "cold", "hot", "late", "origin"}},
		{ActivatePartial, []string{"raid1", "raid5", "raid0", "mirror", "double", "outside", "hot"}, []string{"safe"},
			[]string{"thin", "cold", "late", "origin"}},
	} {
		for _, lv := range c.otherwise {
			require.ErrorIs(t, activate(c.mode, lv), ErrMissingPV, "%s %s", c.mode, lv)
		}
		require.Empty(t, tablesNow(t))
		if len(c.like) > 0 {
			args := []string{"lvchange", "-y", "-ay", "--activationmode", c.mode.String(), "--devices", devices}
			for _, lv := range c.like {
				args = append(args, "vg/"+lv)
			}
			lvm2(t, args...)
			theirs := tablesNow(t)
			deactivate()
			require.NoError(t, activate(c.mode, c.like...))
			requireTables(t, theirs, tablesNow(t))
		}
		for _, lv := range c.ours {
			require.NoError(t, activate(c.mode, lv), lv)
		}
		deactivate()
	}

	// Without its checksums lvm2 knows what to do with the raid as well.
	require.NoError(t, activate(ActivateDegraded, "safe"))
	require.NoError(t, sys.Update(ctx, "vg", func(tx *Tx) error { return tx.RemoveIntegrity("safe") }))
	lvm2(t, "lvconvert", "-y", "--repair", "vg/safe", "--devices", devices)
	require.NoError(t, sys.WaitSync(ctx, "vg", "safe", SyncOptions{Interval: 10 * time.Millisecond}))
	f, err := os.Open("/dev/vg/safe")
	require.NoError(t, err)
	defer f.Close()
	got := make([]byte, stackMark)
	_, err = f.ReadAt(got, 0)
	require.NoError(t, err)
	assert.Equal(t, bytes.Repeat([]byte{7}, len(got)), got)
}

// TestKernelStandInsGo refreshes a volume that errors stand in for, after the
// physical volume is back. lvm2 leaves such devices behind, which we tidy up.
func TestKernelStandInsGo(t *testing.T) {
	umltest.NeedKernel(t)
	ctx := context.Background()
	r := &partialRun{newInteropRun(t, scenario{vg: "vg", sizes: []int64{48 << 20, 48 << 20}})}
	whole := r.open([]int{0, 1})
	defer whole.Close()
	part := r.open([]int{0})
	defer part.Close()
	require.NoError(t, whole.Update(ctx, "vg", func(tx *Tx) error {
		if err := tx.CreateVG(VGSpec{PVs: r.dev}); err != nil {
			return err
		}
		_, err := tx.CreateLV(LVSpec{Name: "lv", Size: ExtentCount(4), Stripes: 2, StripeSize: 64 * KiB})
		return err
	}))
	read := func(offset int64) error {
		d, err := openFileDevice("/dev/vg/lv", false)
		require.NoError(t, err)
		defer d.Close()
		_, err = d.ReadAt(make([]byte, 4096), offset)
		return err
	}
	tables := func() string { tables, _ := kernelText(t); return tables }
	healthy := tables()
	// What works is not replaced by errors unless that is asked for.
	require.NoError(t, part.Update(ctx, "vg", func(tx *Tx) error {
		return joinErrors(tx.ActivateWith("lv", ActivateOptions{Mode: ActivatePartial}), tx.SetLVTags("lv", "t"))
	}))
	assert.Equal(t, healthy, tables())
	require.NoError(t, part.Update(ctx, "vg", func(tx *Tx) error {
		return tx.RefreshWith("lv", ActivateOptions{Mode: ActivatePartial})
	}))
	assert.Contains(t, tables(), "vg-lv-missing_0_1: 0 32768 error")
	assert.NoError(t, read(0))
	assert.Error(t, read(64<<10))

	require.NoError(t, whole.Update(ctx, "vg", func(tx *Tx) error { return tx.RestoreMissing(r.dev[1]) }))
	require.NoError(t, whole.Update(ctx, "vg", func(tx *Tx) error { return tx.Refresh("lv") }))
	assert.Equal(t, healthy, tables())
	assert.NoError(t, read(64<<10))

	// A stand-in that lvm2 left behind goes with the next activation or removal.
	for _, then := range []func(*Tx) error{
		func(tx *Tx) error { return tx.Activate("lv") },
		func(tx *Tx) error { return tx.Deactivate("lv") },
	} {
		require.NoError(t, part.Update(ctx, "vg", func(tx *Tx) error {
			return tx.RefreshWith("lv", ActivateOptions{Mode: ActivatePartial})
		}))
		out, err := exec.Command(umltest.NeedTool(t, "lvm"), "lvchange", "--refresh", "vg/lv").CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, tables(), "vg-lv-missing_0_1: 0 32768 error")
		require.NoError(t, whole.Update(ctx, "vg", then))
		assert.NotContains(t, tables(), "missing")
	}
	// One that stands alone is nothing to Recover.
	require.NoError(t, part.Update(ctx, "vg", func(tx *Tx) error {
		return tx.ActivateWith("lv", ActivateOptions{Mode: ActivatePartial})
	}))
	umltest.Run(t, "dmsetup", "remove", "vg-lv")
	rec, err := whole.Recover(ctx)
	require.NoError(t, err)
	assert.True(t, slices.ContainsFunc(rec.Done, func(s string) bool { return strings.Contains(s, "vg-lv-missing_0_1") }), "%v", rec.Done)
	assert.False(t, bytes.Contains([]byte(tables()), []byte("vg-lv")))
}
