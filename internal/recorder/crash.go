package recorder

import (
	"fmt"
	"hash/maphash"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/lvm-go/lvm/units"
)

// sectorSize is what a device writes as a whole or not at all.
const sectorSize = int64(units.SectorSize)

// Crash is a state that a loss of power can leave.
type Crash struct {
	Disks *Disks
	// After is how many events of the log had taken effect.
	After int
	// What says which writes that were not synced survived, to find it again.
	What string
}

// CrashOptions say how many states there shall be.
type CrashOptions struct {
	// Exhaustive is up to how many combinations all are tried; for more, typical
	// ones and Random others.
	Exhaustive, Random int
	Seed               uint64
}

// sector is a place on a device.
type sector struct {
	path   string
	number int64
}

// Crashes returns the states that a loss of power during the recorded time can
// leave, each once: after every event, with what was written to a device since
// its last sync kept, lost, or kept in part, sector by sector and in any order.
func (d *Disks) Crashes(o CrashOptions) iter.Seq[Crash] {
	d.mu.Lock()
	log, base := slices.Clone(d.log), maps.Clone(d.base)
	d.mu.Unlock()
	return func(yield func(Crash) bool) {
		c := &crasher{o: o, seed: maphash.MakeSeed(), seen: map[uint64]bool{}, sums: map[*chunk]uint64{}, safe: map[string]*image{}, yield: yield,
			random: rand.New(rand.NewPCG(o.Seed, 0))}
		for p, m := range base {
			c.safe[p] = m.clone()
		}
		pending := map[string][]Event{}
		if !c.states(0, pending) {
			return
		}
		for i, e := range log {
			if e.IsSync() {
				for _, w := range pending[e.Path] {
					c.safe[e.Path].write(w.Data, w.Offset)
				}
				delete(pending, e.Path)
				continue // leaves nothing that was not possible before
			}
			pending[e.Path] = append(pending[e.Path], e)
			if !c.states(i+1, pending) {
				return
			}
		}
		// After the last sync only one state is left.
		c.states(len(log), pending)
	}
}

type crasher struct {
	o      CrashOptions
	random *rand.Rand
	seed   maphash.Seed
	seen   map[uint64]bool
	sums   map[*chunk]uint64 // chunks do not change
	safe   map[string]*image
	yield  func(Crash) bool
}

// states makes the states of one moment. Of every sector that was written since
// the last sync, one version counts: the old one or one of the new.
func (c *crasher) states(after int, pending map[string][]Event) bool {
	var places []sector
	versions := map[sector]int{}
	written := map[sector][][]byte{}
	for _, path := range slices.Sorted(maps.Keys(pending)) {
		now := c.safe[path].clone()
		for _, w := range pending[path] {
			now.write(w.Data, w.Offset)
			for n := w.Offset / sectorSize; n*sectorSize < w.Offset+int64(len(w.Data)); n++ {
				s := sector{path, n}
				if versions[s] == 0 {
					places = append(places, s)
					versions[s] = 1
				}
				b := make([]byte, sectorSize)
				now.read(b, n*sectorSize)
				written[s] = append(written[s], b)
				versions[s]++
			}
		}
	}
	for choice, what := range c.choices(places, versions) {
		images := map[string]*image{}
		for p, m := range c.safe {
			images[p] = m
		}
		changed := map[string]bool{}
		for i, s := range places {
			if choice[i] == 0 {
				continue
			}
			if !changed[s.path] {
				images[s.path], changed[s.path] = images[s.path].clone(), true
			}
			images[s.path].write(written[s][choice[i]-1], s.number*sectorSize)
		}
		if sum := c.hash(images); c.seen[sum] {
			continue
		} else {
			c.seen[sum] = true
		}
		if !c.yield(Crash{fromImages(images), after, what}) {
			return false
		}
	}
	return true
}

// choices returns which version of each sector survives.
func (c *crasher) choices(places []sector, versions map[sector]int) iter.Seq2[[]int, string] {
	return func(yield func([]int, string) bool) {
		n := len(places)
		combinations := 1
		for _, s := range places {
			if combinations *= versions[s]; combinations > c.o.Exhaustive {
				combinations = 0
				break
			}
		}
		choice := make([]int, n)
		if combinations > 0 {
			for k := range combinations {
				for i, rest := 0, k; i < n; i++ {
					choice[i], rest = rest%versions[places[i]], rest/versions[places[i]]
				}
				if !yield(choice, fmt.Sprintf("combination %d of %d", k, combinations)) {
					return
				}
			}
			return
		}
		last := func(i int) int { return versions[places[i]] - 1 }
		fill := func(keep func(i int) bool) []int {
			for i := range choice {
				if choice[i] = 0; keep(i) {
					choice[i] = last(i)
				}
			}
			return choice
		}
		if !yield(fill(func(int) bool { return false }), "all lost") || !yield(fill(func(int) bool { return true }), "all kept") {
			return
		}
		// A write that was cut off, at either end, and one sector that differs.
		step := max(1, n/8)
		for k := 1; k < n; k += step {
			for name, keep := range map[string]func(int) bool{
				"first": func(i int) bool { return i < k }, "from": func(i int) bool { return i >= k },
				"only": func(i int) bool { return i == k }, "but": func(i int) bool { return i != k },
			} {
				if !yield(fill(keep), fmt.Sprintf("%s %d of %d", name, k, n)) {
					return
				}
			}
		}
		for k := range c.o.Random {
			for i := range choice {
				choice[i] = c.random.IntN(versions[places[i]])
			}
			if !yield(choice, fmt.Sprintf("random %d, seed %d", k, c.o.Seed)) {
				return
			}
		}
	}
}

// hash tells states apart. The sum does not depend on the order.
func (c *crasher) hash(images map[string]*image) uint64 {
	var sum uint64
	for p, m := range images {
		for i, b := range m.chunks {
			if n := c.sum(b); n != 0 {
				sum += maphash.Comparable(c.seed, place{p, i, n})
			}
		}
	}
	return sum
}

type place struct {
	path  string
	chunk int64
	sum   uint64
}

// sum returns 0 for zeroes, which may be there or not.
func (c *crasher) sum(b *chunk) uint64 {
	sum, ok := c.sums[b]
	if !ok {
		if *b != (chunk{}) {
			sum = maphash.Bytes(c.seed, b[:])
		}
		c.sums[b] = sum
	}
	return sum
}
