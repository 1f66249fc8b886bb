package lvm

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// TestManyUpdates makes thousands of updates with one System, whose clock runs backwards
// and whose contexts end at random steps. What was reported to be done is what there is,
// and memory does not grow.
func TestManyUpdates(t *testing.T) {
	rounds := 300
	if everything() {
		rounds = 10_000
	}
	m := newMachine(recorder.New(diskSize, "a", "b", "c"))
	sys := m.open(t, 1)
	now := time.Unix(1_700_000_000, 0).UTC()
	sys.cfg.Clock = func() time.Time {
		now = now.Add(-time.Minute)
		return now
	}
	update(t, sys, "vg0", func(tx *Tx) error { return makeGroup(tx, OneArea) })
	random := rand.New(rand.NewPCG(1, 2))
	sizes := map[string]Extents{}
	run := func(n int) (canceled int) {
		for range n {
			name := fmt.Sprintf("lv%d", random.IntN(8))
			size, exists := sizes[name]
			after := maps.Clone(sizes)
			var do func(tx *Tx) error
			switch {
			case !exists:
				after[name] = 3
				do = func(tx *Tx) error { return tx.addLV(name, 3, 1) }
			case size < 9:
				after[name]++
				do = func(tx *Tx) error { return tx.ExtendLV(name, ExtendSpec{By: ExtentCount(1)}) }
			default:
				delete(after, name)
				do = func(tx *Tx) error { return tx.RemoveLV(name) }
			}
			ctx, cancel := context.WithCancel(context.Background())
			left := random.IntN(40)
			sys.before = func(Step) {
				if left--; left == 0 {
					cancel()
				}
			}
			err := sys.Update(ctx, "vg0", do)
			cancel()
			if err == nil {
				sizes = after
			} else {
				require.ErrorIs(t, err, context.Canceled)
				canceled++
			}
			m.disks.Record()
		}
		return canceled
	}
	run(rounds / 10)
	heap, goroutines := heapInUse(), runtime.NumGoroutine()
	canceled := run(rounds)
	assert.Less(t, heapInUse(), heap+8<<20)
	assert.LessOrEqual(t, runtime.NumGoroutine(), goroutines+8) // of other tests
	assert.Positive(t, canceled)
	got := map[string]Extents{}
	for _, lv := range recordOf(t, openDisks(t, m.disks, 2), "vg0").LVs {
		got[lv.Name] = lv.Extents()
	}
	assert.Equal(t, sizes, got)
	assert.Empty(t, m.unlike(t))
	assert.Empty(t, problems(t, openDisks(t, m.disks, 2)))
}

// heapInUse returns how many bytes of the heap are in use.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}
