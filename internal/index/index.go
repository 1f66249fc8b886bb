// Package index finds records by a key that they have, in a tenth of the memory of a
// map, which would hold the keys once more.
package index

import "hash/maphash"

// Index finds numbers of records by their keys.
type Index[K comparable] struct {
	key   func(i int) K
	seed  maphash.Seed // of this index alone: keys come from disks, and must not be chosen to collide
	slots []int32      // number + 1; 0: free. Their number is a power of two
	count int
}

// New returns an index without records, with room for n. key tells that of each record
// that is in it.
func New[K comparable](n int, key func(i int) K) *Index[K] {
	size := 8
	for size < n+n/2 {
		size *= 2
	}
	return &Index[K]{key: key, seed: maphash.MakeSeed(), slots: make([]int32, size)}
}

// Add enters record i, unless there is one with its key, and says whether it did.
func (x *Index[K]) Add(i int) bool {
	if x.count >= len(x.slots)/4*3 {
		old := x.slots
		x.slots = make([]int32, 2*len(old))
		for _, slot := range old {
			if slot != 0 {
				x.slots[x.slot(x.key(int(slot-1)))] = slot
			}
		}
	}
	s := x.slot(x.key(i))
	if x.slots[s] != 0 {
		return false
	}
	x.slots[s] = int32(i + 1)
	x.count++
	return true
}

// Find returns the number of the record with a key; 0 if there is none, as always in a
// nil index.
func (x *Index[K]) Find(k K) (i int, ok bool) {
	if x == nil {
		return 0, false
	}
	if slot := x.slots[x.slot(k)]; slot != 0 {
		return int(slot) - 1, true
	}
	return 0, false
}

// slot returns the slot with the record of a key, or the free one where it belongs.
func (x *Index[K]) slot(k K) int {
	mask := len(x.slots) - 1
	s := int(maphash.Comparable(x.seed, k)) & mask
	for x.slots[s] != 0 && x.key(int(x.slots[s]-1)) != k {
		s = (s + 1) & mask
	}
	return s
}
