package lvm

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// areaNames are the numbers of metadata areas per PV that changes are tried
// with. With none the first PV has one all the same.
var areaNames = map[MetadataAreas]string{OneArea: "one area", TwoAreas: "two areas", NoArea: "no areas"}

// crashOptions of the tests; -short tries fewer states.
func crashOptions() recorder.CrashOptions {
	if testing.Short() {
		return recorder.CrashOptions{Exhaustive: 4, Seed: 1}
	}
	return recorder.CrashOptions{Exhaustive: 32, Random: 3, Seed: 1}
}

// outcome is what a change may leave: the group as before or as after.
type outcome struct {
	before, after *metadata.VolumeGroup
	// again: what was committed may have been committed once more, by a Recover
	// that did not come to its end.
	again bool
}

// which says which of the two a group is.
func (o outcome) which(t testing.TB, got *metadata.VolumeGroup) string {
	t.Helper()
	if o.isAfter(got) {
		return "after"
	}
	if rebuilt := withoutRebuilds(got); rebuilt != nil && o.isAfter(rebuilt) {
		return "after"
	}
	if computed := withoutRecalculation(got); computed != nil && o.isAfter(computed) && !assert.ObjectsAreEqual(o.before, got) {
		return "after"
	}
	if told := whenTold(got); told != nil && o.isAfter(told) {
		return "after" // but for what the kernel is to be told
	}
	if !assert.ObjectsAreEqual(o.before, got) {
		t.Fatalf("the group is neither as before nor as after:\n%v\nbefore:\n%v\nafter:\n%v", textOf(got), textOf(o.before), textOf(o.after))
	}
	return "before"
}

func (o outcome) isAfter(got *metadata.VolumeGroup) bool {
	if o.again && got != nil && o.after != nil && got.Seqno == o.after.Seqno+1 {
		once := *got
		once.Seqno--
		got = &once
	}
	return assert.ObjectsAreEqual(o.after, got)
}

func textOf(vg *metadata.VolumeGroup) string { return backupText(&metadata.Document{VG: vg}) }

func TestCrash(t *testing.T) {
	t.Parallel()
	for i, c := range alterations() {
		if !isTurn(t, i) {
			continue
		}
		for areas, name := range areaNames {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				disks := c.start(t, areas)
				sys := openDisks(t, disks, 2)
				var o outcome
				o.before = c.record(t, sys)
				require.NoError(t, c.perform(sys, areas))
				o.after = c.record(t, openDisks(t, disks, 3))
				require.Equal(t, c.gone, o.after == nil)

				n, seen := 0, map[string]int{}
				for crash := range disks.Crashes(crashOptions()) {
					n++
					seen[checkCrash(t, &c, areas, o, crash, n)]++
				}
				assert.Positive(t, seen["after"])
				if !assert.ObjectsAreEqual(o.before, o.after) {
					assert.Positive(t, seen["before"])
				}
			})
		}
	}
}

// checkCrash checks one state: it shows the group of old or the new one, whole;
// it can be recovered; and the next update works on it, recovered or not.
func checkCrash(t *testing.T, c *alteration, areas MetadataAreas, o outcome, crash recorder.Crash, n int) (which string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("after %d events, %s", crash.After, crash.What)
		}
	}()
	theMatrix.try(c.name)
	sys := openDisks(t, crash.Disks, 4)
	which = o.which(t, c.record(t, sys))
	checkPatterns(t, sys, o.before)

	var done []string
	if n%2 == 0 {
		rec, err := openDisks(t, crash.Disks, 5).Recover(context.Background())
		require.NoError(t, err)
		require.Empty(t, c.unexpected(rec.Problems))
		done = rec.Done
		sys = openDisks(t, crash.Disks, 6)
		require.Equal(t, which, o.which(t, c.record(t, sys)))
		require.Empty(t, c.problems(t, sys))
		checkPatterns(t, sys, o.before)
	}
	sys = openDisks(t, crash.Disks, 7)
	next(t, sys, c, areas, which, o)
	checkPatterns(t, sys, o.before)
	sys = openDisks(t, crash.Disks, 8)
	if which == "after" && len(c.problems(t, sys)) > 0 {
		// What a PV that left the group still carries is no business of the
		// group's next update, for which its lock is not enough.
		_, err := sys.Recover(context.Background())
		require.NoError(t, err)
	}
	require.Empty(t, c.problems(t, sys))
	theMatrix.came(c.name, which, done)
	return which
}

// next makes the next update: the same again if it was not made, or else one
// that any group allows.
func next(t *testing.T, sys *System, c *alteration, areas MetadataAreas, which string, o outcome) {
	t.Helper()
	switch {
	case c.ref() == "":
		inv, err := sys.Scan(context.Background())
		require.NoError(t, err)
		if strings.HasPrefix(c.name, "remove ") && len(inv.Orphans) == 0 {
			return
		}
		require.NoError(t, c.perform(sys, areas))
	case which == "before":
		require.NoError(t, c.perform(sys, areas))
	case o.after != nil:
		update(t, sys, o.after.Name, anyChange(o.after))
	default:
		emptyGroup(t, sys, areas)
	}
}

// anyChange returns a change that the group allows.
func anyChange(vg *metadata.VolumeGroup) func(*Tx) error {
	if vg.Status&metadata.VGExported != 0 {
		return func(tx *Tx) error { return tx.ImportVG(ImportSpec{}) }
	}
	return func(tx *Tx) error { return tx.SetTags("next") }
}

func TestCrashInRing(t *testing.T) {
	t.Parallel()
	c := alteration{setup: volumes}
	disks := c.start(t, OneArea)
	sys := openDisks(t, disks, 2)
	for i := range 40 {
		disks.Record()
		var o outcome
		o.before = recordOf(t, sys, "vg0")
		c.do = func(tx *Tx, _ MetadataAreas) error { return tx.SetTags(fmt.Sprintf("t%d", i)) }
		require.NoError(t, c.perform(sys, OneArea))
		o.after = recordOf(t, sys, "vg0")
		n := 0
		for crash := range disks.Crashes(crashOptions()) {
			n++
			checkCrash(t, &c, OneArea, o, crash, n)
		}
	}
}
