package lvm

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
)

// tracedKernel writes down what changes the state of a device, as
// "suspend vg-a [skip lockfs]", and counts everything else.
type tracedKernel struct {
	kernel
	names   map[dm.Dev]string
	changes []string
	queries int
}

func traceKernel(t *testing.T, sys *System) *tracedKernel {
	t.Helper()
	k := &tracedKernel{kernel: sys.kernel, names: map[dm.Dev]string{}}
	list, err := k.kernel.Devices(dm.ListOptions{})
	require.NoError(t, err)
	for _, d := range list {
		k.names[d.Dev] = d.Name
	}
	sys.kernel = k
	t.Cleanup(func() { sys.kernel = k.kernel })
	return k
}

func (k *tracedKernel) note(what string, r dm.Ref) {
	name := r.String()
	if dev, ok := r.Dev(); ok {
		name = k.names[dev]
	}
	k.changes = append(k.changes, strings.Replace(what, "$", name, 1))
}

func (k *tracedKernel) Create(name, uuid string, o dm.CreateOptions) (dm.Info, error) {
	info, err := k.kernel.Create(name, uuid, o)
	k.names[info.Dev] = name
	k.note("create $", dm.ByName(name))
	return info, err
}

func (k *tracedKernel) Remove(r dm.Ref, o dm.RemoveOptions) (dm.Info, error) {
	k.note(fmt.Sprintf("remove $ %x", o.Cookie>>16), r)
	return k.kernel.Remove(r, o)
}

func (k *tracedKernel) Rename(name, to string, o dm.RenameOptions) (dm.Info, error) {
	info, err := k.kernel.Rename(name, to, o)
	k.note(fmt.Sprintf("rename $ to %s %x", to, o.Cookie>>16), dm.ByName(name))
	k.names[info.Dev] = to
	return info, err
}

func (k *tracedKernel) Suspend(r dm.Ref, o dm.SuspendOptions) (dm.Info, error) {
	flags := ""
	if o.SkipLockFS {
		flags += " [skip lockfs]"
	}
	if o.NoFlush {
		flags += " [no flush]"
	}
	k.note("suspend $"+flags, r)
	return k.kernel.Suspend(r, o)
}

func (k *tracedKernel) Resume(r dm.Ref, o dm.ResumeOptions) (dm.Info, error) {
	k.note(fmt.Sprintf("resume $ %x", o.Cookie>>16), r)
	return k.kernel.Resume(r, o)
}

func (k *tracedKernel) Load(r dm.Ref, t dm.Table, o dm.LoadOptions) (dm.Info, error) {
	mode := ""
	if o.ReadOnly {
		mode = " read-only"
	}
	k.note("load $"+mode, r)
	return k.kernel.Load(r, t, o)
}

func (k *tracedKernel) Clear(r dm.Ref) (dm.Info, error) {
	k.note("clear $", r)
	return k.kernel.Clear(r)
}

func (k *tracedKernel) Devices(o dm.ListOptions) ([]dm.Device, error) {
	k.queries++
	return k.kernel.Devices(o)
}

func (k *tracedKernel) Table(r dm.Ref, o dm.QueryOptions) (dm.Info, dm.Table, error) {
	k.queries++
	return k.kernel.Table(r, o)
}

func (k *tracedKernel) Deps(r dm.Ref, o dm.QueryOptions) (dm.Info, []dm.Dev, error) {
	k.queries++
	return k.kernel.Deps(r, o)
}

// kernelGroup is a group "vg" on n devices of 48 MiB.
func kernelGroup(t *testing.T, n int, fn func(tx *Tx) error) (*interopRun, *System) {
	t.Helper()
	umltest.NeedKernel(t)
	r := newInteropRun(t, scenario{vg: "vg", sizes: slices.Repeat([]int64{48 << 20}, n)})
	r.where = t.Name()
	r.update(func(tx *Tx) error {
		if err := tx.CreateVG(VGSpec{PVs: r.dev}); err != nil || fn == nil {
			return err
		}
		return fn(tx)
	})
	return r, r.sys
}

func (r *interopRun) update(fn func(tx *Tx) error) {
	r.Helper()
	require.NoError(r, r.sys.Update(context.Background(), r.vg, fn))
}

// refused checks that an update is refused and nothing has changed.
func (r *interopRun) refused(want error, fn func(tx *Tx) error) error {
	r.Helper()
	before := r.state()
	err := r.sys.Update(context.Background(), r.vg, fn)
	require.ErrorIs(r, err, want, r.where)
	require.Equal(r, before, r.state(), r.where)
	return err
}

func create(specs ...LVSpec) func(*Tx) error {
	return func(tx *Tx) error {
		for _, spec := range specs {
			if _, err := tx.CreateLV(spec); err != nil {
				return err
			}
		}
		return nil
	}
}

// What lvm2 2.03.16 does to devices, and how many ioctls it takes in all, is what
// strace showed; 43 stands for "no udev here". We do the same in the same order,
// with fewer questions.
func TestKernelStepsAsLVM2(t *testing.T) {
	r, sys := kernelGroup(t, 2, nil)
	k := traceKernel(t, sys)
	reload := []string{"load vg-a", "suspend vg-a [skip lockfs]", "resume vg-a 43"}
	for _, op := range []struct {
		name  string
		do    func(tx *Tx) error
		lvm2  []string
		total int // of lvm2; 0: not looked at
	}{
		{"create", create(LVSpec{Name: "a", Size: ExtentCount(2)}), []string{"create vg-a", "load vg-a", "resume vg-a 43"}, 17},
		{"extend", func(tx *Tx) error { return tx.ExtendLV("a", ExtendSpec{By: ExtentCount(12)}) }, reload, 28},
		{"reduce", func(tx *Tx) error { return tx.ReduceLV("a", ReduceSpec{To: ExtentCount(2)}) }, reload, 29},
		{"refresh", func(tx *Tx) error { return tx.Refresh("a") }, reload[1:], 27},
		{"activate the active", func(tx *Tx) error { return tx.Activate("a") }, nil, 4},
		{"tag", func(tx *Tx) error { return tx.SetLVTags("a", "t") }, nil, 2},
		{"rename", func(tx *Tx) error { return tx.RenameLV("a", "b") },
			[]string{"suspend vg-a [skip lockfs]", "rename vg-a to vg-b 43", "resume vg-b 43"}, 28},
		{"deactivate", func(tx *Tx) error { return tx.Deactivate("b") }, []string{"remove vg-b 43"}, 10},
		{"deactivate the inactive", func(tx *Tx) error { return tx.Deactivate("b") }, nil, 0},
		{"extend the inactive", func(tx *Tx) error { return tx.ExtendLV("b", ExtendSpec{By: ExtentCount(1)}) }, nil, 0},
		{"activate", func(tx *Tx) error { return tx.Activate("b") }, []string{"create vg-b", "load vg-b", "resume vg-b 43"}, 16},
		{"remove", func(tx *Tx) error { return tx.RemoveLV("b") }, []string{"remove vg-b 43"}, 11},
	} {
		k.changes, k.queries = nil, 0
		r.update(op.do)
		total := k.queries + len(k.changes)
		t.Logf("%-24s lvm2 %2d ioctls, we %d: %s", op.name, op.total, total, strings.Join(k.changes, ", "))
		assert.Equal(t, op.lvm2, k.changes, op.name)
		if op.total > 0 {
			assert.LessOrEqual(t, total, op.total, op.name)
		}
	}
}

func TestKernelOpenVolumes(t *testing.T) {
	r, _ := kernelGroup(t, 2, create(LVSpec{Name: "a", Size: ExtentCount(4)}, LVSpec{Name: "b", Size: ExtentCount(4)}))
	f, err := os.Open("/dev/vg/a")
	require.NoError(t, err)
	defer f.Close()
	for name, fn := range map[string]func(tx *Tx) error{
		"deactivate":     func(tx *Tx) error { return tx.Deactivate("a") },
		"deactivate all": func(tx *Tx) error { return tx.DeactivateAll() },
		"remove":         func(tx *Tx) error { return tx.RemoveLV("a") },
		"remove both":    func(tx *Tx) error { return joinErrors(tx.RemoveLV("b"), tx.RemoveLV("a")) },
		"reduce":         func(tx *Tx) error { return tx.ReduceLV("a", ReduceSpec{To: ExtentCount(1)}) },
	} {
		r.where = name
		assert.Contains(t, r.refused(ErrBusy, fn).Error(), "vg/a", name)
	}
	// Who does not mind has the others deactivated.
	r.update(func(tx *Tx) error {
		require.ErrorIs(t, tx.DeactivateAll(), ErrBusy)
		return nil
	})
	tables, _ := kernelText(t)
	require.Contains(t, tables, "vg-a:")
	require.NotContains(t, tables, "vg-b:")
	r.update((*Tx).ActivateAll)
	// What does not pull anything away works.
	r.update(func(tx *Tx) error { return tx.ReduceLV("a", ReduceSpec{To: ExtentCount(3), AllowOpen: true}) })
	r.update(func(tx *Tx) error { return tx.ExtendLV("a", ExtendSpec{By: ExtentCount(3)}) })
	r.update(func(tx *Tx) error { return tx.RenameLV("a", "c") })
	require.NoError(t, f.Close())
	r.update(func(tx *Tx) error { return tx.DeactivateAll() })
	tables, _ = kernelText(t)
	require.Equal(t, "No devices found\n", tables)
	r.update(func(tx *Tx) error { return tx.ActivateAll() })
	r.ask(true)
}

// Devices as a process that died, or an administrator, may leave them.
func TestKernelLeftovers(t *testing.T) {
	r, sys := kernelGroup(t, 2, create(LVSpec{Name: "a", Size: ExtentCount(4)}, LVSpec{Name: "b", Size: ExtentCount(4)}))
	good := r.state()
	vg, err := sys.VG(context.Background(), "vg")
	require.NoError(t, err)
	lv, err := vg.LV("a")
	require.NoError(t, err)
	dmsetup := func(script string) { umltest.Run(t, "sh", "-ec", strings.ReplaceAll(script, "$UUID", lv.DMUUID())) }
	activate := func(*testing.T) error {
		return sys.Update(context.Background(), "vg", func(tx *Tx) error { return tx.Activate("a") })
	}
	recovery := func(t *testing.T) error {
		rec, err := sys.Recover(context.Background())
		if err == nil {
			assert.NotEmpty(t, rec.Done)
			assert.Empty(t, rec.Problems)
		}
		return err
	}
	for _, leftover := range []struct{ name, make string }{
		{"suspended", "dmsetup suspend vg-a"},
		{"stale inactive table", "dmsetup load vg-a --table '0 16 error'"},
		{"suspended before the commit", "dmsetup load vg-a --table '0 16 error'; dmsetup suspend vg-a"},
		{"wrong table", "dmsetup load vg-a --table '0 16 zero'; dmsetup resume vg-a"},
		{"half made", "dmsetup remove vg-a; dmsetup create vg-a -u $UUID --notable"},
		{"half made, with a table", "dmsetup remove vg-a; dmsetup create vg-a -u $UUID --notable; dmsetup load vg-a --table '0 8 error'"},
		{"wrong name", "dmsetup rename vg-a vg-old"},
		{"no nodes", "rm /dev/vg/a /dev/mapper/vg-a"},
		{"read-only", "dmsetup table vg-a | dmsetup load -r vg-a; dmsetup suspend vg-a; dmsetup resume vg-a"},
	} {
		t.Run(leftover.name, func(t *testing.T) {
			for _, heal := range []struct {
				name string
				do   func(*testing.T) error
			}{{"activate", activate}, {"recover", recovery}} {
				dmsetup(leftover.make)
				require.NotEqual(t, good, r.state(), heal.name)
				require.NoError(t, heal.do(t), heal.name)
				require.Equal(t, good, r.state(), heal.name)
			}
		})
	}
	t.Run("of another name's uuid", func(t *testing.T) {
		r.update(func(tx *Tx) error { return tx.Deactivate("a") })
		dmsetup("dmsetup create vg-a -u FOREIGN-1 --table '0 8 zero'")
		err := r.refused(dm.ErrExists, func(tx *Tx) error { return tx.Activate("a") })
		assert.Contains(t, err.Error(), "vg-a")
		assert.NotContains(t, fmt.Sprint(activate(t)), "not undone")
		dmsetup("dmsetup remove vg-a")
		require.NoError(t, activate(t))
		require.Equal(t, good, r.state())
	})
	t.Run("of a volume that never came to be", func(t *testing.T) {
		uuid := strings.Replace(lv.DMUUID(), lv.ID().Compact(), strings.Repeat("x", 32), 1)
		dmsetup("dmsetup create vg-new -u " + uuid + " --notable")
		require.NoError(t, recovery(t))
		require.Equal(t, good, r.state())
	})
	r.ask(true)
}

func TestKernelAmbiguousAndMissing(t *testing.T) {
	ctx := context.Background()
	r, sys := kernelGroup(t, 2, func(tx *Tx) error {
		for i, name := range []string{"here", "there"} {
			if _, err := tx.CreateLV(LVSpec{Name: name, Size: ExtentCount(2), PVs: []PVSelection{{PV: tx.sys.cfg.Devices[i]}}}); err != nil {
				return err
			}
		}
		return tx.DeactivateAll()
	})
	vg, err := sys.VG(ctx, "vg")
	require.NoError(t, err)

	t.Run("missing", func(t *testing.T) {
		half := openKernel(t, r.dev[:1])
		vg, err := half.VG(ctx, "vg")
		require.NoError(t, err)
		require.ErrorIs(t, vg.Changeable(), ErrMissingPV)
		require.Len(t, slices.Collect(vg.LVs()), 2)
		err = half.Update(ctx, "vg", func(tx *Tx) error { return tx.Activate("there") })
		require.ErrorIs(t, err, ErrMissingPV)
		err = half.Update(ctx, "vg", create(LVSpec{Size: ExtentCount(1)}))
		require.ErrorIs(t, err, ErrMissingPV)
		require.NoError(t, half.Update(ctx, "vg", func(tx *Tx) error { return tx.Activate("here") }))
		require.FileExists(t, "/dev/vg/here")
		require.NoError(t, half.Update(ctx, "vg", func(tx *Tx) error { return tx.Deactivate("here") }))
	})
	t.Run("ambiguous", func(t *testing.T) {
		dev, _ := umltest.Loop(t, 48<<20)
		alone := openKernel(t, []string{dev})
		require.NoError(t, alone.Update(ctx, "vg", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: []string{dev}}) }))
		both := openKernel(t, append(slices.Clone(r.dev), dev))
		_, err := both.VG(ctx, "vg")
		require.ErrorIs(t, err, ErrAmbiguous)
		require.ErrorIs(t, both.Update(ctx, "vg", create(LVSpec{Size: ExtentCount(1)})), ErrAmbiguous)
		id := vg.ID().String()
		found, err := both.VG(ctx, id)
		require.NoError(t, err)
		require.Equal(t, vg.ID(), found.ID())
		require.NoError(t, both.Update(ctx, id, create(LVSpec{Name: "third", Size: ExtentCount(1)})))
		require.NoError(t, both.Update(ctx, id, func(tx *Tx) error { return tx.RemoveLV("third") }))
		require.NoError(t, alone.Update(ctx, "vg", func(tx *Tx) error { return tx.RemoveVG() }))
	})
}

// Volumes of lvm2's of all types: deactivated and activated here, they have the
// devices and tables that lvm2 gave them.
func TestKernelActivatesAllTypes(t *testing.T) {
	ctx := context.Background()
	r, sys := kernelGroup(t, 4, create(LVSpec{Name: "plain", Size: ExtentCount(1)}))
	for _, command := range []string{
		"lvcreate -qq -y --type raid1 -m1 -l2 -n raid vg",
		"lvcreate -qq -y --type raid5 -i2 -l4 -n five vg",
		"lvcreate -qq -y --type mirror -m1 -l2 -n old vg",
		"lvcreate -qq -y -l1 -n origin vg",
		"lvcreate -qq -y -s -l1 -n snap vg/origin",
		"lvcreate -qq -y -T -l1 -V8M -n thin vg/pool",
		"lvcreate -qq -y -T -l1 vg/empty",
		"lvcreate -qq -y -s -kn -n thinsnap vg/thin",
		"lvcreate -qq -y -l2 -n slow vg",
		"lvcreate -qq -y -l3 -n fast vg",
		"lvconvert -qq -y --type cache --cachevol fast vg/slow",
		"lvcreate -qq -y -l2 -n writes vg",
		"lvcreate -qq -y -l2 -n wfast vg",
		"lvchange -qq -an vg/wfast vg/writes",
		"lvconvert -qq -y --type writecache --cachevol wfast vg/writes",
		"lvchange -qq -ay vg",
	} {
		r.do(interopStep{lvm2: command}, false)
	}
	theirs := tablesNow(t)
	require.Greater(t, len(theirs), 35)
	vg, err := sys.VG(ctx, "vg")
	require.NoError(t, err)
	require.NoError(t, vg.Changeable())
	r.update(func(tx *Tx) error { return tx.ActivateAll() })
	requireTables(t, theirs, tablesNow(t))
	r.update(func(tx *Tx) error { return tx.DeactivateAll() })
	require.Empty(t, tablesNow(t))
	r.update(func(tx *Tx) error { return tx.ActivateAll() })
	requireTables(t, theirs, tablesNow(t))
	lvm2(t, "vgck", "vg")
	lvm2(t, "vgchange", "-qq", "-an", "vg")
	require.Empty(t, tablesNow(t))
}

// tablesNow returns the tables of all devices by their names, with devices by
// name where they are mapped ones.
func tablesNow(t *testing.T) map[string]dm.Table {
	t.Helper()
	c, err := dm.Open()
	require.NoError(t, err)
	defer func() { assert.NoError(t, c.Close()) }()
	list, err := c.Devices(dm.ListOptions{})
	require.NoError(t, err)
	names := map[string]string{}
	for _, d := range list {
		names[d.Dev.String()] = d.Name
	}
	tables := map[string]dm.Table{}
	for _, d := range list {
		info, table, err := c.Table(dm.ByDev(d.Dev), dm.QueryOptions{NoFlush: true})
		require.NoError(t, err)
		assert.False(t, info.Suspended || info.InactiveTable, d.Name)
		tables[d.Name+" "+d.UUID], err = table.MapDevices(func(device string) (string, error) {
			if name := names[device]; name != "" {
				return name, nil
			}
			return device, nil
		})
		require.NoError(t, err)
	}
	return tables
}

func requireTables(t *testing.T, want, got map[string]dm.Table) {
	t.Helper()
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)))
	for name, table := range want {
		if !table.Equal(got[name]) {
			assert.Equal(t, table.String(), got[name].String(), name)
		}
	}
}

// A move that lvm2 began, and did not live to end, is respected.
func TestKernelPvmove(t *testing.T) {
	r, sys := kernelGroup(t, 2, create(LVSpec{Name: "a", Size: ExtentCount(4)}, LVSpec{Name: "b", Size: ExtentCount(2)}))
	cmd := exec.Command(umltest.NeedTool(t, "lvm"), "pvmove", "-i", "+600", "-n", "a", r.dev[0])
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool {
		vg, err := sys.VG(context.Background(), "vg")
		return err == nil && len(slices.Collect(vg.LVs())) == 3
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	// That may have been in the middle of it.
	_, err := sys.Recover(context.Background())
	require.NoError(t, err)
	lvm2(t, "lvchange", "--refresh", "vg/a")

	// What is being moved stays as it is, all else may change.
	r.refused(ErrMoving, func(tx *Tx) error { return tx.RemoveLV("a") })
	r.refused(ErrMoving, func(tx *Tx) error { return tx.ExtendLV("a", ExtendSpec{By: ExtentCount(1)}) })
	r.update(func(tx *Tx) error { return tx.RemoveLV("b") })
	r.update(func(tx *Tx) error { return tx.Deactivate("a") })
	tables, _ := kernelText(t)
	require.Equal(t, "No devices found\n", tables)
	r.update(func(tx *Tx) error { return tx.Activate("a") })
	require.Equal(t, []string{"vg-a", "vg-pvmove0"}, deviceNames(t))
	lvm2(t, "pvmove", "--abort")
	r.update(func(tx *Tx) error { return tx.RemoveLV("a") })
	tables, _ = kernelText(t)
	require.Equal(t, "No devices found\n", tables)
}
