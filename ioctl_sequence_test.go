package lvm

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// ioctlCase is an operation, and the ioctls by which lvm2 does it that change
// something, with the commits of metadata between them.
//
// Source: strace of lvm2 2.03.40 with Linux 6.1.
type ioctlCase struct {
	name  string
	setup func(t *testing.T, sys *System)
	do    func(sys *System) error
	lvm2  string
}

func ioctlCases() []ioctlCase {
	update := func(fns ...func(*Tx) error) func(*System) error {
		return func(sys *System) error {
			for _, fn := range fns {
				if err := sys.Update(context.Background(), "vg", fn); err != nil {
					return err
				}
			}
			return nil
		}
	}
	group := func(fns ...func(*Tx) error) func(*testing.T, *System) {
		create := func(tx *Tx) error {
			return tx.CreateVG(VGSpec{PVs: []string{"a", "b"}, PV: areaSpec(OneArea), ExtentSize: 4 * KiB})
		}
		return func(t *testing.T, sys *System) {
			require.NoError(t, update(append([]func(*Tx) error{create}, fns...)...)(sys))
		}
	}
	lv := func(name string, extents Extents) func(*Tx) error {
		return func(tx *Tx) error { return tx.addLV(name, extents, 1) }
	}
	snapshot := func(name string) func(*Tx) error {
		return func(tx *Tx) error { return tx.addSnapshot("lv", name, 8) }
	}
	inactive := func(name string) func(*Tx) error { return func(tx *Tx) error { return tx.Deactivate(name) } }
	return []ioctlCase{
		{
			name: "create the first snapshot", setup: group(lv("lv", 20)), do: update(snapshot("snap")),
			lvm2: `COMMIT
				CREATE vg-snap
				LOAD vg-snap linear
				RESUME vg-snap
				REMOVE vg-snap
				CREATE vg-lv-real
				LOAD vg-lv-real linear
				LOAD vg-lv snapshot-origin
				CREATE vg-snap-cow
				LOAD vg-snap-cow linear
				RESUME vg-snap-cow
				CREATE vg-snap
				LOAD vg-snap snapshot
				SUSPEND vg-lv
				SUSPEND vg-lv-real
				COMMIT
				RESUME vg-lv-real
				RESUME vg-snap
				RESUME vg-lv`,
		}, {
			name: "merge a snapshot", setup: group(lv("lv", 20), snapshot("snap")),
			do: update(func(tx *Tx) error { return tx.MergeSnapshot("snap") }, func(tx *Tx) error { return tx.FinishMerge("lv") }),
			lvm2: `LOAD vg-lv snapshot-merge
				LOAD vg-snap error
				SUSPEND vg-lv
				SUSPEND vg-snap
				SUSPEND vg-lv-real
				SUSPEND vg-snap-cow
				COMMIT
				RESUME vg-lv-real
				RESUME vg-snap-cow
				RESUME vg-lv
				RESUME vg-snap
				LOAD vg-lv linear
				LOAD vg-snap linear
				SUSPEND vg-lv
				SUSPEND vg-snap
				SUSPEND vg-snap-cow
				SUSPEND vg-lv-real
				COMMIT
				RESUME vg-snap
				RESUME vg-snap-cow
				RESUME vg-lv-real
				RESUME vg-lv
				REMOVE vg-lv-real
				REMOVE vg-snap
				REMOVE vg-snap-cow
				COMMIT`,
		}, {
			name:  "remove one of two snapshots",
			setup: group(lv("lv", 20), snapshot("snap"), snapshot("snap2")),
			do:    update(func(tx *Tx) error { return tx.RemoveLV("snap2") }),
			lvm2: `LOAD vg-snap2 linear
				SUSPEND vg-lv
				SUSPEND vg-snap
				SUSPEND vg-snap2
				SUSPEND vg-lv-real
				SUSPEND vg-snap-cow
				SUSPEND vg-snap2-cow
				COMMIT
				RESUME vg-snap2-cow
				RESUME vg-lv-real
				RESUME vg-snap2
				RESUME vg-snap-cow
				RESUME vg-snap
				RESUME vg-lv
				REMOVE vg-snap2
				REMOVE vg-snap2-cow
				COMMIT`,
		}, {
			// a is in two pieces, c is inactive.
			name: "move three volumes",
			setup: group(lv("a", 16), lv("b", 8), func(tx *Tx) error { return tx.ExtendLV("a", ExtendSpec{By: ExtentCount(8)}) },
				lv("c", 4), inactive("c")),
			do: func(sys *System) error {
				_, err := sys.Move(context.Background(), "vg", MoveOptions{From: PVSelection{PV: "a"}, To: []PVSelection{{PV: "b"}}})
				return err
			},
			lvm2: `CREATE vg-c
				LOAD vg-c linear
				RESUME vg-c
				CREATE vg-pvmove0
				LOAD vg-pvmove0 mirror linear linear linear
				LOAD vg-a linear linear
				LOAD vg-b linear
				LOAD vg-c linear
				SUSPEND vg-a
				COMMIT
				RESUME vg-pvmove0
				RESUME vg-a
				RESUME vg-b
				RESUME vg-c
				LOAD vg-pvmove0 linear mirror linear linear
				SUSPEND vg-pvmove0
				COMMIT
				RESUME vg-pvmove0
				LOAD vg-pvmove0 linear linear mirror linear
				SUSPEND vg-pvmove0
				COMMIT
				RESUME vg-pvmove0
				LOAD vg-pvmove0 linear linear linear mirror
				SUSPEND vg-pvmove0
				COMMIT
				RESUME vg-pvmove0
				LOAD vg-a linear
				LOAD vg-b linear
				LOAD vg-c linear
				LOAD vg-pvmove0 error
				SUSPEND vg-c
				SUSPEND vg-a
				SUSPEND vg-b
				SUSPEND vg-pvmove0
				COMMIT
				RESUME vg-pvmove0
				RESUME vg-a
				RESUME vg-b
				RESUME vg-c
				REMOVE vg-pvmove0
				COMMIT`,
		},
	}
}

// sequenceOf returns the ioctls that a System made, and its commits.
func sequenceOf(m *machine, sys *System, do func(*System) error) ([]string, error) {
	m.kernel.ForgetCalls()
	commits := map[int]int{} // after how many ioctls
	sys.before = func(s Step) {
		if _, ok := s.(*Commit); ok {
			commits[len(m.kernel.Calls())]++
		}
	}
	err := do(sys)
	var out []string
	for i, call := range append(m.kernel.Calls(), "") {
		for range commits[i] {
			out = append(out, "COMMIT")
		}
		if call != "" {
			out = append(out, shortCall(call))
		}
	}
	return out, err
}

// shortCall leaves of a call the ioctl, the device and the types of targets.
func shortCall(call string) string {
	call, _, _ = strings.Cut(call, " [")
	verb, rest, _ := strings.Cut(call, " ")
	if verb != "LOAD" {
		return call
	}
	name, table, _ := strings.Cut(rest, " ")
	for line := range strings.SplitSeq(table, "; ") {
		name += " " + strings.Fields(line)[2]
	}
	return verb + " " + name
}

// TestIoctlSequences compares what we ask of the kernel with what lvm2 asks of it
// for the same: of no kind is it more. In the window from the first suspend to
// the last resume there is nothing else but the commit, in ours as in lvm2's.
func TestIoctlSequences(t *testing.T) {
	t.Parallel()
	for _, c := range ioctlCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(recorder.New(diskSize, "a", "b", "c"))
			sys := m.open(t, 1)
			c.setup(t, sys)
			ours, err := sequenceOf(m, sys, c.do)
			require.NoError(t, err)
			var theirs []string
			for line := range strings.Lines(c.lvm2) {
				theirs = append(theirs, strings.TrimSpace(line))
			}
			for i := range max(len(ours), len(theirs)) {
				t.Logf("%-45s %s", lineOf(theirs, i), lineOf(ours, i))
			}
			mine, lvm2s := perVerb(ours), perVerb(theirs)
			for verb, n := range mine {
				assert.LessOrEqual(t, n, lvm2s[verb], verb)
			}
			assert.LessOrEqual(t, len(ours), len(theirs))
			checkWindows(t, theirs)
			checkWindows(t, ours)
			require.Empty(t, m.kernel.Suspended())
			require.Empty(t, m.kernel.Hazards())
			require.Empty(t, m.unlike(t))
		})
	}
}

func lineOf(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func perVerb(calls []string) map[string]int {
	out := map[string]int{}
	for _, c := range calls {
		verb, _, _ := strings.Cut(c, " ")
		out[verb]++
	}
	return out
}

// checkWindows checks that while a device is suspended there are no ioctls that
// take memory, and one commit at most.
func checkWindows(t *testing.T, calls []string) {
	t.Helper()
	suspended := map[string]bool{}
	commits := 0
	for _, c := range calls {
		word := strings.Fields(c)
		switch {
		case word[0] == "SUSPEND":
			suspended[word[1]] = true
		case word[0] == "RESUME":
			delete(suspended, word[1])
		case word[0] == "REMOVE": // takes no memory
			delete(suspended, word[1])
		case word[0] == "COMMIT" && len(suspended) > 0:
			commits++
		case len(suspended) > 0:
			assert.Fail(t, "in the window", c)
		}
		if len(suspended) == 0 {
			assert.LessOrEqual(t, commits, 1)
			commits = 0
		}
	}
	assert.Empty(t, suspended)
}
