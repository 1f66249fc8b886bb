package lvm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// dieAt makes all devices fail for good ahead of a step, as if the process died
// there, and lets them come back afterwards.
func dieAt(t *testing.T, disks *recorder.Disks, sys *System, at func(Step) bool, do func(*System) error) {
	t.Helper()
	sys.before = func(s Step) {
		if at(s) {
			disks.Inject(func(recorder.Op) recorder.Fault { return recorder.Before })
		}
	}
	require.Error(t, do(sys))
	sys.before = func(Step) {}
	disks.Inject(nil)
}

func isCommit(s Step) bool { _, ok := s.(*Commit); return ok }

// nthLabel is a step that gives a UUID, the n-th of them.
func nthLabel(n int) func(Step) bool {
	return func(s Step) bool {
		if l, ok := s.(*WriteLabel); ok && !l.NewID.IsZero() {
			n--
		}
		return n < 0
	}
}

// TestForwardWithoutOriginals detaches originals or clones after an import of
// clones was left half done: what is there may be the other's, and is not touched.
func TestForwardWithoutOriginals(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, devices := range map[string][]string{
		"all":                    {"a", "b", "c", "d"},
		"original without areas": {"a", "c", "d"},
		"clone without areas":    {"a", "b", "c"},
		"only those without":     {"b", "d"},
		"original's metadata":    {"b", "c", "d"},
		"clone's metadata":       {"a", "b", "d"},
		"clones":                 {"c", "d"},
		"half of each":           {"a", "d"},
	} {
		for written := range 2 {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				disks := cloned(t, NoArea)
				before := disks.Clone()
				// The physical volume on d has no area and comes first.
				dieAt(t, disks, openDisks(t, disks, 2), nthLabel(written), func(sys *System) error {
					_, err := sys.ImportClones(ctx, []string{"c", "d"}, CloneSpec{})
					return err
				})
				_, err := openOnly(t, disks, devices...).Recover(ctx)
				require.NoError(t, err)
				require.True(t, disks.Equal(before, "a", "b"))
				sys := openDisks(t, disks, 3)
				original := recordOf(t, openOnly(t, disks, "a", "b"), "vg0")
				if inv, err := sys.Scan(ctx); err != nil || len(inv.VGs) != 2 || len(inv.Problems) > 0 {
					_, err = sys.ImportClones(ctx, []string{"c", "d"}, CloneSpec{})
					require.NoError(t, err)
				}
				assert.Empty(t, problems(t, sys))
				checkClone(t, openDisks(t, disks, 4), original, "vg01")
			})
		}
	}
}

// TestForwardOnlyIfNewest leaves a precommitted text alone that the group has left
// behind: its writer died, and others went on.
func TestForwardOnlyIfNewest(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disks := recorder.New(diskSize, "a", "b", "c")
	known(t, openDisks(t, disks, 1), OneArea)
	disks.Record()
	dieAt(t, disks, openDisks(t, disks, 2), isCommit, func(sys *System) error {
		return sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.SetPVID("b", pvIDs[3]) })
	})
	sys := openDisks(t, disks, 3)
	vg, err := sys.VG(ctx, "vg0")
	require.NoError(t, err)
	assert.Equal(t, uint32(2), vg.Seqno())
	assert.NotEmpty(t, vg.Problems())
	require.NoError(t, vg.Changeable())
	stale := disks.Clone() // b as it is now comes back later

	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetTags("on") })
	require.Empty(t, problems(t, sys))
	update(t, sys, "vg0", func(tx *Tx) error { return tx.SetPVID("b", pvIDs[2]) })
	for off := int64(0); off < 128<<10; off += 4096 {
		disks.Change("b", off, stale.Contents("b", off, 4096))
	}
	vg, err = openDisks(t, disks, 4).VG(ctx, "vg0")
	require.NoError(t, err)
	assert.Equal(t, uint32(4), vg.Seqno())
	require.ErrorIs(t, vg.Changeable(), ErrMissingPV)
}

// TestForwardNotForOthers leaves precommitted texts alone whose changes are of
// other kinds: before the commit they have not been made.
func TestForwardNotForOthers(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, do := range map[string]func(*Tx) error{
		"tag":    func(tx *Tx) error { return tx.SetTags("t") },
		"extend": func(tx *Tx) error { return tx.ExtendVG(areaSpec(OneArea), "c") },
		"rename": func(tx *Tx) error { return tx.RenameVG("vg1") },
		"uuid":   func(tx *Tx) error { return tx.SetVGID(otherID) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks := recorder.New(diskSize, "a", "b", "c")
			known(t, openDisks(t, disks, 1), OneArea)
			before := recordOf(t, openDisks(t, disks, 1), "vg0")
			dieAt(t, disks, openDisks(t, disks, 2), isCommit, func(sys *System) error { return sys.Update(ctx, "vg0", do) })
			sys := openDisks(t, disks, 3)
			assert.Equal(t, before, recordOf(t, sys, "vg0"))
			_, err := sys.Recover(ctx)
			require.NoError(t, err)
			assert.Equal(t, before, recordOf(t, sys, "vg0"))
			assert.Empty(t, problems(t, sys))
		})
	}
}
