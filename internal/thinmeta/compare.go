package thinmeta

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/lvm-go/lvm/internal/pdata"
)

// Kind says how two devices differ in a block.
type Kind uint8

const (
	// OnlyA: the first device has the block, the second has not.
	OnlyA Kind = iota + 1
	// OnlyB: the second device has the block, the first has not.
	OnlyB
	// Other: both have the block, in different places. They may hold the same.
	Other
)

// String returns "only a", "only b", or "other".
func (k Kind) String() string {
	switch k {
	case OnlyA:
		return "only a"
	case OnlyB:
		return "only b"
	case Other:
		return "other"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Difference is a number of blocks in which two devices differ in the same way.
type Difference struct {
	Kind            Kind
	Virtual, Length Block
}

// Compare returns where two devices of one pool have not the same block of the
// data device, in order, in runs that are as long as can be. All other blocks
// have the same contents. It does not look at the parts of the mapping that the
// devices share, so its cost follows the differences. It ends with the first
// error.
//
// Both must be of one [Pool], or it returns an error matching [ErrOtherPool]: a
// device and what it was in a metadata snapshot have the same blocks, written
// over meanwhile.
func Compare(a, b *Device) iter.Seq2[Difference, error] {
	return func(yield func(Difference, error) bool) {
		if a.pool != b.pool {
			yield(Difference{}, fmt.Errorf("compare thin devices %d and %d: %w", a.ID, b.ID, ErrOtherPool))
			return
		}
		var run Difference
		for p, err := range pdata.Diff(a.tree, b.tree) {
			var kind Kind
			if err == nil {
				kind, err = a.compare(b, p)
			}
			if err != nil {
				if run.Length == 0 || yield(run, nil) {
					yield(Difference{}, err)
				}
				return
			}
			if kind == 0 {
				continue
			}
			virtual := Block(p.Key)
			if run.Length > 0 && kind == run.Kind && virtual == run.Virtual+run.Length {
				run.Length++
				continue
			}
			if run.Length > 0 && !yield(run, nil) {
				return
			}
			run = Difference{kind, virtual, 1}
		}
		if run.Length > 0 {
			yield(run, nil)
		}
	}
}

// compare returns how the devices differ in a block; 0 if they have the same.
func (d *Device) compare(b *Device, p pdata.Pair) (Kind, error) {
	for _, v := range []struct {
		t     pdata.Tree
		value []byte
	}{{d.tree, p.A}, {b.tree, p.B}} {
		if v.value != nil {
			if _, _, err := d.pool.decode(v.t, pdata.Entry{Key: p.Key, Value: v.value}); err != nil {
				return 0, err
			}
		}
	}
	switch {
	case p.B == nil:
		return OnlyA, nil
	case p.A == nil:
		return OnlyB, nil
	case bytes.Equal(p.A[3:], p.B[3:]):
		return 0, nil // the time is another
	}
	return Other, nil
}
