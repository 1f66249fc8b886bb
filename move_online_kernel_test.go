package lvm

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// moveGroup makes a group on three physical volumes: on the first, a and b,
// part of the stripes s, an origin o with the snapshots s1 and s2, and idle, which
// is not active. The third is empty.
func moveGroup(t *testing.T) *interopRun {
	r, _ := kernelGroup(t, 3, nil)
	first, second := pvs(pv("0")), pvs(pv("0"), pv("1"))
	r.update(func(tx *Tx) error {
		err := create(
			LVSpec{Name: "a", Size: ExactSize(8 * MiB), PVs: onDevices(first, r.dev)},
			LVSpec{Name: "s", Size: ExactSize(8 * MiB), Stripes: 2, PVs: onDevices(second, r.dev)},
			LVSpec{Name: "o", Size: ExactSize(4 * MiB), PVs: onDevices(first, r.dev)},
			LVSpec{Name: "idle", Size: ExactSize(4 * MiB), Inactive: true, PVs: onDevices(first, r.dev)},
		)(tx)
		if err != nil {
			return err
		}
		for _, name := range []string{"s1", "s2"} {
			if _, err := tx.CreateSnapshot("o", SnapshotSpec{Name: name, Size: ExactSize(4 * MiB), PVs: onDevices(first, r.dev)}); err != nil {
				return err
			}
		}
		return tx.ExtendLV("a", ExtendSpec{By: ExactSize(4 * MiB), PVs: onDevices(first, r.dev)})
	})
	return r
}

// moved checks that no move is left, in the metadata and in the kernel, and that
// all devices are what the metadata says, here and to lvm2.
func (r *interopRun) moved(from string, empty bool) {
	r.Helper()
	vg, err := r.sys.VG(context.Background(), r.vg)
	require.NoError(r, err)
	assert.Empty(r, vg.Moves())
	for pv := range vg.PVs() {
		if pv.Device() == from && empty {
			assert.Zero(r, vg.extents().Used(pv.ID()))
		}
	}
	for lv := range vg.LVs() {
		assert.NotContains(r, lv.Name(), movePrefix)
		assert.Equal(r, lv.Name() != "idle", lv.Active() || snapshotLinkOf(lv.rec) != nil, lv.Name())
	}
	tables, _ := kernelText(r.T)
	assert.NotContains(r, tables, movePrefix)
	require.Empty(r, suspendedDevices(r.T))
	rec, err := r.sys.Recover(context.Background())
	require.NoError(r, err)
	assert.Empty(r, rec.Done, "the devices were not as the metadata says")
	assert.Empty(r, rec.Problems)
	for _, out := range []string{umltest.Run(r, "vgck", r.vg), umltest.Run(r, "lvs", "-a", r.vg)} {
		assert.NotContains(r, out, "WARNING")
		assert.NotContains(r, out, "rror")
	}
}

// slowMirrors makes the kernel copy as slowly as it can, until the returned
// function is called.
func slowMirrors(t *testing.T) (fast func()) {
	t.Helper()
	const throttle = "/sys/module/dm_mirror/parameters/raid1_resync_throttle"
	before, err := os.ReadFile(throttle)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(throttle, []byte("1"), 0o644))
	fast = func() { require.NoError(t, os.WriteFile(throttle, before, 0o644)) }
	t.Cleanup(fast)
	return fast
}

// While everything is written to, all extents leave a physical volume: no write
// is lost, no call fails.
func TestKernelMoveUnderLoad(t *testing.T) {
	for name, o := range map[string]MoveOptions{
		"segment by segment": {},
		"in small pieces":    {MaxSegment: 4 * MiB},
		"atomic":             {Atomic: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := moveGroup(t)
			c, stop := r.busyVolumes(1, "a", "s", "o")
			snapshots, stopSnapshots := r.busyVolumes(2, "s1", "s2")
			c.Progress(20)
			snapshots.Progress(20)
			var seen []MoveProgress
			o.From, o.To = PVSelection{PV: r.dev[0]}, pvs(PVSelection{PV: r.dev[2]})
			o.Run.Progress = func(p MoveProgress) { seen = append(seen, p) }
			begun := time.Now()
			result, err := r.sys.Move(context.Background(), r.vg, o)
			require.NoError(t, err)
			t.Logf("moved %s in %s", result.Size, time.Since(begun).Round(time.Millisecond))
			c.Progress(20)
			snapshots.Progress(20)
			stop()
			stopSnapshots()
			r.moved(r.dev[0], true)
			assert.Equal(t, 32*MiB, result.Size)
			assert.ElementsMatch(t, []string{"a", "s", "o", "idle", "s1", "s2"}, result.LVs)
			require.Greater(t, len(seen), 1)
			assert.Equal(t, result.Size, seen[len(seen)-1].Done)
			for i, p := range seen[1:] {
				assert.GreaterOrEqual(t, p.Done, seen[i].Done)
			}
		})
	}
}

// Moves that one began, the other ends, or goes on with.
func TestKernelMoveWithLVM2(t *testing.T) {
	lvm2Starts := func(options ...string) func(r *interopRun) {
		return func(r *interopRun) {
			args := append(append([]string{"pvmove", "-qq", "-i", "+600"}, options...), r.dev[0], r.dev[2])
			cmd := exec.Command("lvm", args...)
			require.NoError(r, cmd.Start())
			require.Eventually(r, func() bool { // it sleeps then
				vg, err := r.sys.VG(context.Background(), r.vg)
				return err == nil && len(vg.Moves()) == 1 && len(suspendedDevices(r.T)) == 0
			}, 20*time.Second, 50*time.Millisecond)
			time.Sleep(500 * time.Millisecond)
			require.NoError(r, cmd.Process.Kill())
			require.Error(r, cmd.Wait())
		}
	}
	weStart := func(o MoveOptions) func(r *interopRun) {
		return func(r *interopRun) {
			o.From, o.To = PVSelection{PV: r.dev[0]}, pvs(PVSelection{PV: r.dev[2]})
			r.update(func(tx *Tx) error { _, err := tx.StartMove(o); return err })
		}
	}
	starts := map[string]func(*interopRun){
		"lvm2's":        lvm2Starts(),
		"lvm2's atomic": lvm2Starts("--atomic"),
		"ours":          weStart(MoveOptions{}),
		"our atomic":    weStart(MoveOptions{Atomic: true}),
	}
	ends := map[string]func(*interopRun){
		"lvm2 goes on with": func(r *interopRun) { require.NoError(r, tryLVM2("pvmove", "-qq", "-i", "1")) },
		"lvm2 aborts":       func(r *interopRun) { require.NoError(r, tryLVM2("pvmove", "-qq", "--abort")) },
		"we go on with": func(r *interopRun) {
			done, err := r.sys.ResumeMoves(context.Background(), r.vg, MoveRun{})
			require.NoError(r, err)
			require.Len(r, done, 1)
		},
		"we abort": func(r *interopRun) {
			require.NoError(r, r.sys.AbortMove(context.Background(), r.vg, r.dev[0]))
		},
		"after a reboot and activation we go on with": func(r *interopRun) {
			r.update((*Tx).DeactivateAll)
			r.update((*Tx).ActivateAll)
			vg, err := r.sys.VG(context.Background(), r.vg)
			require.NoError(r, err)
			r.sameTables(vg)
			_, err = r.sys.ResumeMoves(context.Background(), r.vg, MoveRun{})
			require.NoError(r, err)
		},
		"after a reboot we go on with": func(r *interopRun) {
			r.update((*Tx).DeactivateAll)
			tables, _ := kernelText(r.T)
			require.Equal(r, "No devices found\n", tables)
			_, err := r.sys.ResumeMoves(context.Background(), r.vg, MoveRun{})
			require.NoError(r, err)
		},
	}
	for end, finish := range ends {
		for start, begin := range starts {
			if strings.HasPrefix(end, "lvm2") && strings.HasPrefix(start, "lvm2") {
				continue
			}
			t.Run(end+" "+start, func(t *testing.T) {
				r := moveGroup(t)
				fast := slowMirrors(t)
				reboot := strings.Contains(end, "reboot")
				stop := func() {}
				if !reboot {
					_, stop = r.busyVolumes(1, "a", "s", "o")
				}
				begin(r)
				require.Empty(t, suspendedDevices(t))
				vg, err := r.sys.VG(context.Background(), r.vg)
				require.NoError(t, err)
				require.Len(t, vg.Moves(), 1)
				if !reboot {
					r.sameTables(vg)
				}
				fast()
				finish(r)
				stop()
				if reboot || strings.Contains(start, "lvm2") || strings.Contains(end, "lvm2") {
					r.update(func(tx *Tx) error { return joinErrors(tx.ActivateAll(), tx.Deactivate("idle")) })
				}
				r.moved(r.dev[0], !strings.Contains(end, "abort"))
			})
		}
	}
}

// sameTables checks that the kernel's tables are those that we would make.
func (r *interopRun) sameTables(vg *VolumeGroup) {
	r.Helper()
	for lv := range vg.LVs() {
		if !lv.Active() {
			continue
		}
		want, err := lv.Table()
		require.NoError(r, err)
		numbers := map[string]string{}
		for _, mapped := range vg.devices {
			for _, m := range mapped {
				numbers[m.uuid] = m.dev.String()
			}
		}
		want, err = want.MapDevices(func(device string) (string, error) {
			if n, ok := numbers[device]; ok {
				return n, nil
			}
			return device, nil
		})
		require.NoError(r, err)
		got := umltest.Run(r, "dmsetup", "table", lv.DMName())
		assert.Equal(r, lines(want.String()), lines(got), lv.Name())
	}
}

func lines(text string) []string {
	return slices.DeleteFunc(strings.Split(strings.TrimSpace(text), "\n"), func(l string) bool { return l == "" })
}

// What others do to a move that is waited for: it notices, and goes on if it can.
func TestKernelMoveMeetsOthers(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(r *interopRun)
		want error
	}{
		"abort":      {func(r *interopRun) { require.NoError(r, r.sys.AbortMove(context.Background(), r.vg, "")) }, ErrLVNotFound},
		"rename":     {func(r *interopRun) { umltest.Run(r, "vgrename", "-qq", r.vg, r.vg+"-2") }, nil},
		"deactivate": {func(r *interopRun) { umltest.Run(r, "vgchange", "-qq", "-an", r.vg) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := moveGroup(t)
			waits, done, ended := make(chan bool), make(chan bool), make(chan error, 1)
			o := MoveOptions{From: PVSelection{PV: r.dev[0]}, To: pvs(PVSelection{PV: r.dev[2]})}
			reports := 0
			o.Run.Progress = func(p MoveProgress) {
				assert.LessOrEqual(t, p.Done, p.Total)
				// The first is made before the kernel has a mirror. Where the move is not
				// held up at the second, it may well end before others do something.
				if reports++; reports == 2 {
					waits <- true
					<-done
				}
			}
			go func() {
				_, err := r.sys.Move(context.Background(), r.vg, o)
				ended <- err
			}()
			<-waits
			func() {
				defer close(done)
				test.do(r)
			}()
			require.ErrorIs(t, <-ended, test.want)
			require.Empty(t, suspendedDevices(t))
			tables, _ := kernelText(t)
			assert.NotContains(t, tables, movePrefix)
		})
	}
}
