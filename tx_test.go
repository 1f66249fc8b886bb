package lvm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

func TestUnchangedGroupCostsOneHeaderReadPerArea(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	cfg, reads, writes := counted(imageConfig(imageFiles(t, 3, 16*MiB)))
	sys := openSystem(t, cfg)
	alter(t, sys, func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: cfg.Devices}) })
	_, err := sys.VG(ctx, "vg")
	require.NoError(t, err)

	for name, use := range map[string]func() error{
		"view":         func() error { _, err := sys.VG(ctx, "vg"); return err },
		"update of no": func() error { return sys.Update(ctx, "vg", func(tx *Tx) error { return nil }) },
	} {
		reads.Store(0)
		writes.Store(0)
		require.NoError(t, use())
		assert.Equal(t, int64(3), reads.Load(), name)
		assert.Zero(t, writes.Load(), name)
	}

	// Its own updates are remembered, those of others are seen.
	alter(t, sys, func(tx *Tx) error { return tx.SetTags("mine") })
	reads.Store(0)
	vg, err := sys.VG(ctx, "vg")
	require.NoError(t, err)
	assert.Equal(t, int64(3), reads.Load())
	assert.Equal(t, []string{"mine"}, vg.Tags())
	alter(t, openSystem(t, imageConfig(cfg.Devices)), func(tx *Tx) error { return tx.SetTags("theirs") })
	vg, err = sys.VG(ctx, "vg")
	require.NoError(t, err)
	assert.Equal(t, []string{"theirs"}, vg.Tags())
}

func TestUpdateChecksAndChangesAtOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	sys, _ := imageGroup(t, 2, 64*MiB)

	ensure := func() error { // what a controller calls as often as it likes
		return sys.Update(ctx, "vg", func(tx *Tx) error {
			if _, err := tx.VG().LV("data"); !errors.Is(err, ErrLVNotFound) {
				return err
			}
			_, err := tx.CreateLV(LVSpec{Name: "data", Size: ExactSize(8 * MiB)})
			return err
		})
	}
	require.NoError(t, ensure())
	seqno := reread(t, sys).Seqno()
	require.NoError(t, ensure())
	assert.Equal(t, seqno, reread(t, sys).Seqno(), "the second time there is nothing to do")

	swap := func(from, to string) error { // compare and swap on a tag
		return sys.Update(ctx, "vg", func(tx *Tx) error {
			lv, err := tx.VG().LV("data")
			if err != nil {
				return err
			}
			if from != "" && !lv.HasTag(from) {
				return ErrBusy
			}
			return tx.SetLVTags("data", to)
		})
	}
	require.NoError(t, swap("", "owner=a"))
	require.ErrorIs(t, swap("owner=b", "owner=c"), ErrBusy)
	require.NoError(t, swap("owner=a", "owner=b"))

	before := reread(t, sys).Metadata()
	err := sys.Update(ctx, "vg", func(tx *Tx) error { // one of several fails: none is made
		if _, err := tx.CreateLV(LVSpec{Name: "one", Size: ExtentCount(1)}); err != nil {
			return err
		}
		if err := tx.RemoveLV("data"); err != nil {
			return err
		}
		_, err := tx.CreateLV(LVSpec{Name: "two", Size: ExtentCount(1000)})
		return err
	})
	var short *SpaceError
	require.ErrorAs(t, err, &short)
	require.ErrorIs(t, err, ErrNoSpace)
	assert.Equal(t, Extents(1000), short.Need)
	assert.Equal(t, before, reread(t, sys).Metadata())
}

func TestFreedExtentsWaitForTheCommit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	sys, _ := imageGroup(t, 1, 64*MiB)
	alter(t, sys, func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Name: "all", Size: PercentFree(100)})
		return err
	})
	replace := func(tx *Tx) error {
		if err := tx.RemoveLV("all"); err != nil {
			return err
		}
		_, err := tx.CreateLV(LVSpec{Name: "new", Size: ExtentCount(1)})
		return err
	}
	require.ErrorIs(t, sys.Update(ctx, "vg", replace), ErrNoSpace)
	alter(t, sys, func(tx *Tx) error { return tx.RemoveLV("all") })
	alter(t, sys, func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Name: "new", Size: ExtentCount(1)})
		return err
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	sys, devices := imageGroup(t, 2, 64*MiB)
	alter(t, sys, func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Name: "data", Size: ExtentCount(4), Stripes: 2})
		return err
	})
	before, err := os.ReadFile(devices[0])
	require.NoError(t, err)

	create := func(spec LVSpec) func(*Tx) error {
		return func(tx *Tx) error { _, err := tx.CreateLV(spec); return err }
	}
	for name, c := range map[string]struct {
		vg   string
		fn   func(*Tx) error
		want error
	}{
		"vg exists":         {"vg", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: devices}) }, ErrExists},
		"pv in a vg":        {"other", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: devices}) }, ErrExists},
		"no pv":             {"other", func(tx *Tx) error { return tx.CreateVG(VGSpec{}) }, ErrInvalidSpec},
		"pv not given":      {"other", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: []string{"/dev/null"}}) }, ErrPVNotFound},
		"vg name":           {"..", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: devices}) }, ErrInvalidName},
		"no such vg":        {"other", func(tx *Tx) error { return tx.RemoveVG() }, ErrVGNotFound},
		"vg with lvs":       {"vg", func(tx *Tx) error { return tx.RemoveVG() }, ErrBusy},
		"pv in use":         {"vg", func(tx *Tx) error { return tx.ReduceVG(devices[0]) }, ErrBusy},
		"no such pv":        {"vg", func(tx *Tx) error { return tx.ReduceVG("/dev/null") }, ErrPVNotFound},
		"pvremove in a vg":  {"", func(tx *Tx) error { return tx.RemovePV(devices[0]) }, ErrExists},
		"pvcreate in a vg":  {"", func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: devices[0]}) }, ErrExists},
		"lv exists":         {"vg", create(LVSpec{Name: "data", Size: ExtentCount(1)}), ErrExists},
		"lv name":           {"vg", create(LVSpec{Name: "a/b", Size: ExtentCount(1)}), ErrInvalidName},
		"reserved lv name":  {"vg", create(LVSpec{Name: "x_tmeta", Size: ExtentCount(1)}), ErrInvalidName},
		"no size":           {"vg", create(LVSpec{Name: "x"}), ErrInvalidSize},
		"too many stripes":  {"vg", create(LVSpec{Name: "x", Size: ExtentCount(3), Stripes: 3}), ErrNoSpace},
		"stripes":           {"vg", create(LVSpec{Name: "x", Size: ExtentCount(3), Stripes: 129}), ErrInvalidSpec},
		"stripe size":       {"vg", create(LVSpec{Name: "x", Size: ExtentCount(2), Stripes: 2, StripeSize: 12 * KiB}), ErrInvalidSpec},
		"tag":               {"vg", create(LVSpec{Name: "x", Size: ExtentCount(2), Tags: []string{"a b"}}), ErrInvalidName},
		"no such lv":        {"vg", func(tx *Tx) error { return tx.RemoveLV("nope") }, ErrLVNotFound},
		"extend by nothing": {"vg", func(tx *Tx) error { return tx.ExtendLV("data", ExtendSpec{}) }, ErrInvalidSpec},
		"extend to less":    {"vg", func(tx *Tx) error { return tx.ExtendLV("data", ExtendSpec{To: ExtentCount(2)}) }, ErrInvalidSize},
		"extend too far":    {"vg", func(tx *Tx) error { return tx.ExtendLV("data", ExtendSpec{By: ExactSize(TiB)}) }, ErrNoSpace},
		"reduce to nothing": {"vg", func(tx *Tx) error { return tx.ReduceLV("data", ReduceSpec{By: ExtentCount(4)}) }, ErrInvalidSize},
		"reduce to more":    {"vg", func(tx *Tx) error { return tx.ReduceLV("data", ReduceSpec{To: ExtentCount(4)}) }, ErrInvalidSize},
		"reduce by half a stripe": {"vg", func(tx *Tx) error {
			return tx.ReduceLV("data", ReduceSpec{To: ExtentCount(3)})
		}, ErrInvalidSize},
		"rename to itself": {"vg", func(tx *Tx) error { return tx.RenameLV("data", "data") }, ErrExists},
		"activate":         {"vg", func(tx *Tx) error { return tx.Activate("data") }, ErrUnsupported},
		"last pv": {"vg", func(tx *Tx) error {
			if err := tx.RemoveLV("data"); err != nil {
				return err
			}
			return tx.ReduceVG(devices...)
		}, ErrBusy},
	} {
		err := sys.Update(ctx, c.vg, c.fn)
		assert.ErrorIs(t, err, c.want, name)
		var op *OpError
		assert.ErrorAs(t, err, &op, name)
	}
	after, err := os.ReadFile(devices[0])
	require.NoError(t, err)
	assert.True(t, bytes.Equal(before, after), "a refusal changed the device")
}

func TestSameCallsMakeTheSameImage(t *testing.T) {
	t.Parallel()
	make1 := func() [][]byte {
		devices := imageFiles(t, 2, 16*MiB)
		cfg := imageConfig(devices)
		names := map[string]string{"a": devices[0], "b": devices[1]}
		cfg.Devices = []string{"a", "b"} // the text holds the paths
		cfg.OpenDevice = func(path string, write bool) (Device, error) { return openFileDevice(names[path], write) }
		sys := openSystem(t, cfg)
		alter(t, sys, func(tx *Tx) error {
			if err := tx.CreateVG(VGSpec{PVs: cfg.Devices, PV: PVSpec{Areas: TwoAreas}}); err != nil {
				return err
			}
			_, err := tx.CreateLV(LVSpec{Size: PercentVG(50), Stripes: 2, Tags: []string{"@x"}})
			return err
		})
		alter(t, sys, func(tx *Tx) error { return tx.RenameLV("lvol0", "root") })
		var images [][]byte
		for _, d := range devices {
			b, err := os.ReadFile(d)
			require.NoError(t, err)
			images = append(images, b)
		}
		return images
	}
	first, second := make1(), make1()
	for i := range first {
		assert.True(t, bytes.Equal(first[i], second[i]), "device %d", i)
	}
}

func TestOldSignaturesAreWipedFromNewVolumes(t *testing.T) {
	t.Parallel()
	swap := []byte("SWAPSPACE2")
	for _, keep := range []bool{false, true} {
		sys, _ := imageGroup(t, 2, 64*MiB)
		make1 := func(spec LVSpec) *LVFile {
			alter(t, sys, func(tx *Tx) error { _, err := tx.CreateLV(spec); return err })
			lv, err := reread(t, sys).LV(spec.Name)
			require.NoError(t, err)
			f, err := lv.Open()
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, f.Close()) })
			return f
		}
		spec := LVSpec{Name: "a", Size: ExtentCount(4), Stripes: 2}
		old := make1(spec)
		_, err := old.WriteAt(bytes.Repeat([]byte{0xff}, 8192), 0)
		require.NoError(t, err)
		_, err = old.WriteAt(swap, 8192-10)
		require.NoError(t, err)
		alter(t, sys, func(tx *Tx) error { return tx.RemoveLV("a") })

		spec.KeepSignatures, spec.SkipZero = keep, keep
		f := make1(spec)
		head := make([]byte, 8192)
		_, err = f.ReadAt(head, 0)
		require.NoError(t, err)
		assert.Equal(t, keep, bytes.Equal(head[8192-10:], swap))
		assert.Equal(t, keep, head[0] == 0xff)
		assert.Equal(t, byte(0xff), head[4096], "nothing but the head and signatures is written")
	}
}

func TestDeviceWithASignatureIsNotMadeAPV(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	devices := imageFiles(t, 1, 16*MiB)
	image, err := os.ReadFile(devices[0])
	require.NoError(t, err)
	copy(image[4096-10:], "SWAPSPACE2")
	require.NoError(t, os.WriteFile(devices[0], image, 0o600))
	sys := openSystem(t, imageConfig(devices))
	create := func(wipe bool) error {
		return sys.Update(ctx, "", func(tx *Tx) error {
			return tx.CreatePV(PVSpec{Device: devices[0], WipeSignatures: wipe})
		})
	}
	err = create(false)
	require.ErrorIs(t, err, ErrSignature)
	var found *SignatureError
	require.ErrorAs(t, err, &found)
	assert.Equal(t, "swap", found.Signatures[0].Type)
	after, err := os.ReadFile(devices[0])
	require.NoError(t, err)
	assert.True(t, bytes.Equal(image, after))
	require.NoError(t, create(true))
	inv, err := sys.Scan(ctx)
	require.NoError(t, err)
	require.Len(t, inv.Orphans, 1)
	assert.False(t, inv.Orphans[0].InUse)
}

// TestRandomOperations makes random changes to a group in images and checks
// after each that a new process reads what the model says, and that every
// volume that stays keeps its data.
func TestRandomOperations(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		devices := []string{"a", "b", "c", "d"}
		disks := recorder.New(12*MiB, devices...)
		cfg := imageConfig(devices)
		cfg.OpenDevice = func(path string, write bool) (Device, error) { return disks.Open(path, write) }
		sys := openSystem(t, cfg)
		alter(t, sys, func(tx *Tx) error {
			return tx.CreateVG(VGSpec{PVs: devices[:2], ExtentSize: 128 * KiB, PV: PVSpec{Areas: TwoAreas}})
		})
		sizes := map[string]Extents{} // what there should be
		marks := map[string][8]byte{} // written in front of each volume
		names := []string{"a", "b", "c", "d-e", "f.g"}
		members := map[string]bool{devices[0]: true, devices[1]: true}
		seed := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(rt, "seed")))

		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			name := rapid.SampledFrom(names).Draw(rt, "name")
			n := Extents(rapid.IntRange(1, 40).Draw(rt, "extents"))
			stripes := rapid.IntRange(1, 3).Draw(rt, "stripes")
			have, exists := sizes[name]
			var err error
			op := rapid.SampledFrom([]string{"create", "extend", "reduce", "rename", "remove", "vgextend", "vgreduce"}).Draw(rt, "op")
			switch op {
			case "create":
				err = sys.Update(ctx, "vg", func(tx *Tx) error {
					_, err := tx.CreateLV(LVSpec{Name: name, Size: ExtentCount(n), Stripes: stripes, SkipZero: true})
					return err
				})
				if err == nil {
					require.False(rt, exists)
					up := Extents(stripes)
					sizes[name] = (n + up - 1) / up * up
				}
			case "extend":
				err = sys.Update(ctx, "vg", func(tx *Tx) error {
					return tx.ExtendLV(name, ExtendSpec{By: ExtentCount(n), Stripes: stripes})
				})
				if err == nil {
					up := Extents(stripes)
					sizes[name] = have + (n+up-1)/up*up
				}
			case "reduce":
				err = sys.Update(ctx, "vg", func(tx *Tx) error { return tx.ReduceLV(name, ReduceSpec{To: ExtentCount(n)}) })
				if err == nil {
					vg, e := sys.VG(ctx, "vg")
					require.NoError(rt, e)
					lv, e := vg.LV(name)
					require.NoError(rt, e)
					require.GreaterOrEqual(rt, lv.Extents(), n)
					require.Less(rt, lv.Extents(), have)
					sizes[name] = lv.Extents()
				}
			case "rename":
				to := rapid.SampledFrom(names).Draw(rt, "to")
				err = sys.Update(ctx, "vg", func(tx *Tx) error { return tx.RenameLV(name, to) })
				if err == nil {
					sizes[to], marks[to] = sizes[name], marks[name]
					delete(sizes, name)
					delete(marks, name)
				}
			case "remove":
				err = sys.Update(ctx, "vg", func(tx *Tx) error { return tx.RemoveLV(name) })
				if err == nil {
					delete(sizes, name)
					delete(marks, name)
				}
			case "vgextend":
				device := rapid.SampledFrom(devices).Draw(rt, "device")
				err = sys.Update(ctx, "vg", func(tx *Tx) error { return tx.ExtendVG(PVSpec{}, device) })
				if err == nil {
					require.False(rt, members[device])
					members[device] = true
				}
			case "vgreduce":
				device := rapid.SampledFrom(devices).Draw(rt, "device")
				err = sys.Update(ctx, "vg", func(tx *Tx) error { return tx.ReduceVG(device) })
				if err == nil {
					require.True(rt, members[device])
					delete(members, device)
				}
			}
			if err != nil && !isAny(err, ErrExists, ErrNotFound, ErrNoSpace, ErrInvalidSize, ErrInvalidSpec, ErrBusy) {
				rt.Fatalf("%s: %v", op, err)
			}
			checkAgainstModel(rt, t, sys, sizes, marks, members, seed)
		}
	})
}

func checkAgainstModel(rt *rapid.T, t *testing.T, sys *System, sizes map[string]Extents, marks map[string][8]byte,
	members map[string]bool, seed *rand.Rand) {
	vg := reread(t, sys)
	require.NoError(rt, vg.Metadata().Validate())
	var used Extents
	found := map[string]Extents{}
	for lv := range vg.LVs() {
		found[lv.Name()] = lv.Extents()
		used += lv.Extents()
		f, err := lv.Open()
		require.NoError(rt, err)
		var mark [8]byte
		_, err = f.ReadAt(mark[:], 0)
		require.NoError(rt, err)
		if want, ok := marks[lv.Name()]; ok {
			require.Equal(rt, want, mark, "data of %s", lv.Name())
		}
		copy(mark[:], fmt.Sprintf("%08x", seed.Uint32()))
		_, err = f.WriteAt(mark[:], 0)
		require.NoError(rt, err)
		marks[lv.Name()] = mark
		require.NoError(rt, f.Close())
	}
	require.Equal(rt, sizes, found)
	require.Equal(rt, vg.Extents()-used, vg.FreeExtents())
	devices := map[string]bool{}
	for pv := range vg.PVs() {
		devices[pv.Device()] = true
	}
	require.Equal(rt, members, devices)
}

func TestViewsDoNotChange(t *testing.T) {
	t.Parallel()
	sys, _ := imageGroup(t, 1, 64*MiB)
	before := reread(t, sys)
	var inside *VolumeGroup
	alter(t, sys, func(tx *Tx) error {
		inside = tx.VG()
		_, err := tx.CreateLV(LVSpec{Name: "x", Size: ExtentCount(3)})
		require.NotNil(t, tx.VG())
		_, found := tx.VG().LV("x")
		require.NoError(t, found)
		return err
	})
	_, err := inside.LV("x")
	require.ErrorIs(t, err, ErrLVNotFound)
	_, err = before.LV("x")
	require.ErrorIs(t, err, ErrLVNotFound)
	assert.Equal(t, metadata.AllocInherit, before.Metadata().Allocation)
}
