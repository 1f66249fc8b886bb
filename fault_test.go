package lvm

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/recorder"
)

// kernelAlterations are those that only make sense with a kernel.
func kernelAlterations() []alteration {
	return slices.Concat(alterBasicsKernel(), alterGroupsKernel(), alterIdentityKernel(), alterVGChangeKernel(), alterPVChangeKernel(), alterLVChangeKernel(), alterSnapshotKernel(), alterThinKernel(), alterMoveKernel(), alterPartialKernel(), alterCacheKernel(), alterMirrorKernel(), alterRAIDRepair(), alterRAIDLegs(), alterIntegrityKernel(), alterStacks())
}

func alterBasicsKernel() []alteration {
	inactive := func(t testing.TB, sys *System, areas MetadataAreas) {
		volumes(t, sys, areas)
	}
	return []alteration{
		{name: "activate all", setup: inactive, inactive: true, do: func(tx *Tx, _ MetadataAreas) error { return tx.ActivateAll() }},
		{name: "deactivate all", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error { return tx.DeactivateAll() }},
		{name: "refresh", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.Refresh("data"), tx.Refresh("striped"))
		}},
		{name: "rename in a chain", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.RenameLV("data", "d2"), tx.RenameLV("other", "data"), tx.RenameLV("striped", "other"))
		}},
		{name: "replace by one of the same name", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.RemoveLV("data"), tx.addLV("data", 7, 1))
		}},
		{name: "activate and deactivate and extend", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.Deactivate("other"), tx.ExtendLV("data", ExtendSpec{By: ExtentCount(9)}), tx.addLV("new", 3, 1))
		}},
	}
}

// failure is a way in which the n-th call of some kind fails.
type failure struct {
	name string
	on   calls
	how  recorder.Fault
	kind syscall.Errno
}

// failures returns the ways in which calls fail. Each errno means something else.
func failures() []failure {
	return []failure{
		{"disk before", onDisk, recorder.Before, 0},
		{"disk after", onDisk, recorder.After, 0},
		{"kernel EIO before", onKernel, recorder.Before, syscall.EIO},
		{"kernel EBUSY before", onKernel, recorder.Before, syscall.EBUSY},
		{"kernel ENOMEM after", onKernel, recorder.After, syscall.ENOMEM},
		{"kernel EINVAL after", onKernel, recorder.After, syscall.EINVAL},
		{"host before", onHost, recorder.Before, syscall.EIO},
	}
}

// trial is an alteration that is made again and again from the same start.
type trial struct {
	*alteration
	areas  MetadataAreas
	disks  *recorder.Disks // at the start
	o      outcome
	counts map[calls]int // how many calls it takes
}

func newTrial(t *testing.T, c *alteration, areas MetadataAreas) *trial {
	r := &trial{alteration: c, areas: areas, disks: c.start(t, areas), counts: map[calls]int{}}
	for _, on := range []calls{onDisk, onKernel, onHost, onDisk | onKernel | onHost} {
		m := r.machine(t)
		r.o.before = r.record(t, openDisks(t, m.disks, 0))
		sys := m.open(t, 3)
		m.fuse.set(on, 0, 0, 0)
		require.NoError(t, c.perform(sys, areas))
		r.counts[on] = m.fuse.count()
		m.fuse.off()
		r.o.after = r.record(t, openDisks(t, m.disks, 0))
		require.Empty(t, m.unlike(t))
	}
	return r
}

// machine returns a machine before the alteration, with all volumes active.
func (r *trial) machine(t testing.TB) *machine {
	m := newMachine(r.disks.Clone())
	sys := m.open(t, 2)
	if r.setup != nil && !r.inactive {
		if vg := recordOf(t, sys, "vg0"); vg != nil {
			update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAllWith(ActivateOptions{Mode: ActivatePartial}) })
		}
	}
	require.Empty(t, m.unlike(t))
	return m
}

// trials runs a test of the alterations that are its turn.
func trials(t *testing.T, run func(*testing.T, *trial)) {
	areas := []MetadataAreas{OneArea, TwoAreas}
	if testing.Short() {
		areas = areas[:1]
	}
	for i, c := range append(alterations(), kernelAlterations()...) {
		if !isTurn(t, i) {
			continue
		}
		for _, a := range areas {
			t.Run(c.name+"/"+areaNames[a], func(t *testing.T) {
				t.Parallel()
				run(t, newTrial(t, &c, a))
			})
		}
	}
}

// shortShare is how many alterations there are to each that a short run tries.
const shortShare = 48

// isTurn says whether a test tries alteration number i. Together the tests try
// each in several ways, but not each in all; that takes LVM_TEST_ALL, and three
// times the time.
func isTurn(t *testing.T, i int) bool {
	switch {
	case testing.Short():
		return i%shortShare == 0
	case everything():
		return true
	}
	return (i+len(t.Name()))%3 == 0
}

// everything says whether tests leave nothing out to save time.
func everything() bool { return os.Getenv("LVM_TEST_ALL") != "" }

// TestFaults lets each call of each alteration fail, one at a time.
func TestFaults(t *testing.T) {
	t.Parallel()
	trials(t, func(t *testing.T, r *trial) {
		for _, f := range failures() {
			if r.twice && f.on == onDisk {
				continue
			}
			for n := 1; n <= r.counts[f.on]; n++ {
				m := r.machine(t)
				active := m.active()
				sys := m.open(t, 3)
				theMatrix.try(r.name)
				m.fuse.set(f.on, n, f.how, f.kind)
				err := r.perform(sys, r.areas)
				m.fuse.off()
				if !r.check(t, m, sys, active, err) {
					t.Fatalf("%s, call %d of %d: %v\n%v", f.name, n, r.counts[f.on], err, m.kernel.Calls())
				}
			}
		}
	})
}

// check checks what an alteration has left in which a call failed.
func (r *trial) check(t *testing.T, m *machine, sys *System, active []string, err error) bool {
	which := r.o.which(t, r.record(t, openDisks(t, m.disks, 0)))
	var failed *ApplyError
	var op *OpError
	ok := assert.Empty(t, m.kernel.Suspended(), "suspended")
	switch {
	case err == nil:
		ok = assert.Equal(t, "after", which) && assert.Empty(t, m.unlike(t)) && ok
	case errors.As(err, &failed):
		ok = assert.Empty(t, failed.Undo, "not undone") && ok
		if changed := !assert.ObjectsAreEqual(r.o.before, r.o.after); changed && failed.Committed {
			ok = assert.Equal(t, "after", which) && ok
		} else if changed {
			ok = assert.Equal(t, "before", which) && ok
		}
		if !failed.Committed {
			ok = assert.Empty(t, m.unlike(t), "after undo") && assert.Equal(t, active, m.active()) && ok
		}
	default:
		ok = assert.ErrorAs(t, err, &op) && assert.Empty(t, m.unlike(t)) && assert.Equal(t, active, m.active()) && ok
	}
	checkPatterns(t, openDisks(t, m.disks, 4), r.o.before)
	return ok && r.goesOn(t, m, sys, which, err)
}

// goesOn checks that a Recover leaves nothing undone, and that the alteration can
// then be made if it was not.
func (r *trial) goesOn(t *testing.T, m *machine, sys *System, which string, err error) bool {
	rec, recErr := sys.Recover(context.Background())
	if !assert.NoError(t, recErr) || !assert.Empty(t, r.unexpected(rec.Problems)) || !assert.Empty(t, m.unlike(t), "after Recover") {
		return false
	}
	if !assert.Empty(t, r.problems(t, openDisks(t, m.disks, 5)), "after Recover") {
		return false
	}
	if which == "before" && err != nil {
		if !assert.NoError(t, r.perform(sys, r.areas), "next time") {
			return false
		}
	} else if r.o.after != nil {
		if !assert.NoError(t, sys.Update(context.Background(), r.o.after.Name, anyChange(r.o.after))) {
			return false
		}
	}
	if !assert.Empty(t, m.unlike(t)) || !assert.Empty(t, r.problems(t, openDisks(t, m.disks, 6))) {
		return false
	}
	theMatrix.came(r.name, which, rec.Done)
	return true
}

const anyCall = onDisk | onKernel | onHost

// die makes the alteration in a process that dies at the given call, and checks
// that what it left is whole and can be finished.
func (r *trial) die(t *testing.T, m *machine, n int) {
	t.Helper()
	theMatrix.try(r.name)
	m.fuse.kill(n)
	err := r.perform(m.open(t, 3), r.areas)
	m.fuse.off()
	which := r.o.which(t, r.record(t, openDisks(t, m.disks, 0)))
	checkPatterns(t, openDisks(t, m.disks, 4), r.o.before)
	if !r.goesOn(t, m, m.open(t, 5), which, err) {
		t.Fatalf("dead at call %d of %d: %v\n%v", n, r.counts[anyCall], err, m.kernel.Calls())
	}
}

// TestDeath ends the process at each call of each alteration.
func TestDeath(t *testing.T) {
	t.Parallel()
	trials(t, func(t *testing.T, r *trial) {
		for n := 1; n <= r.counts[anyCall]; n++ {
			m := r.machine(t)
			m.fuse.set(anyCall, 0, 0, syscall.EIO)
			r.die(t, m, n)
		}
	})
}

// TestDeathInRecover ends the process at a call, and the one that recovers from
// that as well.
func TestDeathInRecover(t *testing.T) {
	t.Parallel()
	trials(t, func(t *testing.T, r *trial) {
		r.o.again = true
		first, stride, growth := 1+len(r.name)%40, 40, 1
		if everything() {
			first, stride, growth = 1+len(r.name)%3, 3, 4
		}
		for n := first; n <= r.counts[anyCall]; n += stride {
			for later := 1; ; later += 1 + later/growth {
				m := r.machine(t)
				m.fuse.set(anyCall, 0, 0, syscall.EIO)
				m.fuse.kill(n)
				err := r.perform(m.open(t, 3), r.areas)
				m.fuse.set(anyCall, 0, 0, syscall.EIO)
				m.fuse.kill(later)
				_, recErr := m.open(t, 4).Recover(context.Background())
				calls := m.fuse.count()
				m.fuse.off()
				if calls < later {
					require.NoError(t, recErr)
					break
				}
				theMatrix.try(r.name)
				which := r.o.which(t, r.record(t, openDisks(t, m.disks, 0)))
				checkPatterns(t, openDisks(t, m.disks, 4), r.o.before)
				if !r.goesOn(t, m, m.open(t, 5), which, err) {
					t.Fatalf("dead at call %d of %d, and at call %d of Recover: %v\n%v", n, r.counts[anyCall], later, err, m.kernel.Calls())
				}
			}
		}
	})
}

// TestDeathWhileUndoing ends the process in the calls that follow one that
// failed.
func TestDeathWhileUndoing(t *testing.T) {
	t.Parallel()
	trials(t, func(t *testing.T, r *trial) {
		for n := 1; n <= r.counts[onKernel|onHost]; n++ {
			for later := 1; later <= 8; later += 1 + n%2 {
				m := r.machine(t)
				m.fuse.set(onKernel|onHost, n, recorder.Before, syscall.EIO)
				r.die(t, m, n+later)
			}
		}
	})
}

// TestDeviceDies lets a device fail for good from each of its calls on, and come
// back when the update has ended.
func TestDeviceDies(t *testing.T) {
	t.Parallel()
	devices := []string{"b"}
	if everything() {
		devices = []string{"a", "b", "c"}
	}
	trials(t, func(t *testing.T, r *trial) {
		for _, device := range devices {
			if device == "a" && strings.Contains(r.name, "missed the last commit") {
				continue // a is the only one that has it: that would be two failures
			}
			for n := 1; r.dies(t, device, n); n++ {
			}
		}
	})
}

// dies makes the alteration while a device is dead from its n-th call on; false if it
// does not call it that often.
func (r *trial) dies(t *testing.T, device string, n int) bool {
	m := r.machine(t)
	sys := m.open(t, 3)
	calls := 0
	m.disks.Inject(func(op recorder.Op) recorder.Fault {
		if op.Path != device {
			return recorder.Pass
		}
		if calls++; calls < n {
			return recorder.Pass
		}
		return recorder.Before
	})
	err := r.perform(sys, r.areas)
	m.disks.Inject(nil)
	if calls < n {
		require.NoError(t, err)
		return false
	}
	require.Empty(t, m.kernel.Suspended())
	if r.twice {
		return true
	}
	theMatrix.try(r.name)
	which := r.o.which(t, r.record(t, openDisks(t, m.disks, 0)))
	var failed *ApplyError
	uncertain := false
	if errors.As(err, &failed) && !assert.ObjectsAreEqual(r.o.before, r.o.after) {
		// Where all areas in use are on it, a commit whose sync fails may hold,
		// and what was undone in the kernel may be at odds with it. That is told.
		uncertain = device != "b" && len(failed.Undo) > 0
		forward := r.forward && len(failed.Undo) > 0
		require.True(t, failed.Committed == (which == "after") || forward || uncertain, "%v", err)
	}
	if uncertain {
		rec, err := m.open(t, 5).Recover(context.Background())
		require.NoError(t, err)
		require.Equal(t, which, r.o.which(t, r.record(t, openDisks(t, m.disks, 0))))
		checkPatterns(t, openDisks(t, m.disks, 4), r.o.before)
		theMatrix.came(r.name, which, rec.Done)
		return true
	}
	checkPatterns(t, openDisks(t, m.disks, 4), r.o.before)
	if !r.goesOn(t, m, m.open(t, 5), which, err) {
		t.Fatalf("%s dead from call %d on: %v", device, n, err)
	}
	return true
}

// TestCancel ends the context ahead of each step of each alteration: before the
// commit that undoes it, from there on it is finished.
func TestCancel(t *testing.T) {
	t.Parallel()
	trials(t, func(t *testing.T, r *trial) {
		for n := 0; ; n++ {
			m := r.machine(t)
			active := m.active()
			sys := m.open(t, 3)
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			steps, committed := 0, false
			sys.before = func(s Step) {
				if steps == n {
					cancel(errLostInterest)
				}
				steps++
				switch s.(type) {
				case *Commit, *EraseMetadata:
					committed = committed || steps <= n
				}
			}
			err := sys.Update(ctx, r.ref(), func(tx *Tx) error { return r.do(tx, r.areas) })
			if steps <= n {
				require.NoError(t, err)
				return
			}
			theMatrix.try(r.name)
			which := r.o.which(t, r.record(t, openDisks(t, m.disks, 0)))
			if err != nil {
				require.False(t, committed)
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorIs(t, err, errLostInterest)
			} else if !assert.ObjectsAreEqual(r.o.before, r.o.after) {
				require.True(t, committed)
			}
			if !r.check(t, m, sys, active, err) {
				t.Fatalf("canceled ahead of step %d: %s: %v", n, which, err)
			}
		}
	})
}

var errLostInterest = errors.New("nobody wants it any more")

// TestRecoverWithNameTaken lets a process die between the commit and the renaming
// of a device, and gives the new name to a device of somebody else.
func TestRecoverWithNameTaken(t *testing.T) {
	t.Parallel()
	c := alteration{name: "rename lv", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error { return tx.RenameLV("data", "d2") }}
	r := newTrial(t, &c, OneArea)
	m := r.machine(t)
	sys := m.open(t, 3)
	m.fuse.set(onKernel, 0, 0, syscall.EIO)
	sys.before = func(s Step) {
		if _, ok := s.(*RenameDevice); ok {
			m.fuse.kill(1)
		}
	}
	require.Error(t, c.perform(sys, OneArea))
	m.fuse.off()
	require.Equal(t, []string{"vg0-data"}, m.kernel.Suspended())
	_, err := m.kernel.Create("vg0-d2", "", dm.CreateOptions{})
	require.NoError(t, err)

	sys = m.open(t, 4)
	rec, err := sys.Recover(context.Background())
	require.NoError(t, err)
	require.Len(t, rec.Problems, 1)
	require.ErrorIs(t, rec.Problems[0].Err, ErrExists)
	require.Empty(t, m.kernel.Suspended())

	_, err = m.kernel.Remove(dm.ByName("vg0-d2"), dm.RemoveOptions{})
	require.NoError(t, err)
	rec, err = sys.Recover(context.Background())
	require.NoError(t, err)
	require.Empty(t, rec.Problems)
	require.Empty(t, m.unlike(t))

	// An update that has not begun yet is refused instead.
	_, err = m.kernel.Create("vg0-d3", "", dm.CreateOptions{})
	require.NoError(t, err)
	m.disks.Record()
	err = sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.RenameLV("d2", "d3") })
	require.ErrorIs(t, err, ErrExists)
	require.Empty(t, written(m.disks))
}
