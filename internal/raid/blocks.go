package raid

import (
	"errors"

	"github.com/lvm-go/lvm/units"
)

// errAbsent: a leg is missing, or not in sync there.
var errAbsent = errors.New("leg is absent")

// blocks is memory for the same bytes of all legs of a row.
type blocks struct {
	memory [][]byte
	data   [][]byte // by leg, cut to length
	length int64
}

func newBlocks(legs int, size int64) *blocks {
	b := &blocks{memory: make([][]byte, legs), data: make([][]byte, legs)}
	all := make([]byte, int64(legs)*size)
	for i := range b.memory {
		b.memory[i] = all[int64(i)*size : int64(i+1)*size]
	}
	return b
}

// cut makes all blocks that long.
func (b *blocks) cut(length int64) {
	b.length = length
	for i := range b.data {
		b.data[i] = b.memory[i][:length]
	}
}

// load fills the blocks of the data legs that are wanted with what a row has from
// off on. It reads others as needed to work out what is missing, and leaves all
// else in those blocks undefined. known is the error of a read of a wanted leg
// that needs no other try, or nil.
func (a *Array) load(b *blocks, r row, off int64, wanted func(leg int) bool, known error) error {
	lost := a.lost(off)
	var gone []int // legs of data
	fetch := func(leg int) {
		err := known
		if err == nil || !wanted(leg) {
			err = a.readLeg(leg, b.data[leg], off, off)
		}
		if err != nil {
			gone = append(gone, leg)
			lost.add(leg, err)
		}
	}
	for leg := range a.legs {
		if r.holdsData(leg) && wanted(leg) {
			fetch(leg)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	for leg := range a.legs {
		if r.holdsData(leg) && !wanted(leg) {
			fetch(leg)
		}
	}
	parity := func(leg int) bool {
		if leg < 0 {
			return false
		}
		err := a.readLeg(leg, b.data[leg], off, off)
		if err != nil {
			lost.add(leg, err)
		}
		return err == nil
	}
	need := len(gone)
	p := need <= 2 && parity(r.p)
	q := need <= 2 && (need == 2 || !p) && parity(r.q)
	switch {
	case need == 1 && p:
		solveP(b.data, r, gone[0])
	case need == 1 && q:
		solveQ(b.data, r, gone[0])
	case need == 2 && p && q:
		solveBoth(b.data, r, gone[0], gone[1])
	default:
		return lost
	}
	if a.isDirty(off, b.length) {
		lost.Dirty = true
		return lost
	}
	return nil
}

func (a *Array) isDirty(off, length int64) bool {
	if a.dirty == nil {
		return false
	}
	first := off / sectorSize
	return a.dirty(units.Sectors(first), units.Sectors((off+length+sectorSize-1)/sectorSize-first))
}

// without returns the data of a row but those of legs.
func without(data [][]byte, r row, legs ...int) [][]byte {
	rest := make([][]byte, len(data))
	for leg := range data {
		if r.holdsData(leg) {
			rest[leg] = data[leg]
		}
	}
	for _, leg := range legs {
		rest[leg] = nil
	}
	return rest
}

// solveP works out a leg's data from P and the others' data.
func solveP(data [][]byte, r row, leg int) {
	copy(data[leg], data[r.p])
	sumP(data[leg], without(data, r, leg))
}

// solveQ works out a leg's data from Q and the others' data.
func solveQ(data [][]byte, r row, leg int) {
	sumQ(data[leg], r, without(data, r, leg))
	addTo(data[leg], data[r.q])
	scale(data[leg], productsOf(inverse(power(r.exponent(leg)))))
}

// solveBoth works out two legs' data from P, Q and the others' data:
//
//	p = x + y        with P and Q less what the others give them
//	q = a·x + b·y    and the factors a and b, so
//	x = (q + b·p) / (a + b)
//	y = p + x
func solveBoth(data [][]byte, r row, x, y int) {
	rest := without(data, r, x, y)
	a, b := power(r.exponent(x)), power(r.exponent(y))
	p := data[y]
	copy(p, data[r.p])
	sumP(p, rest)
	q := data[x]
	sumQ(q, r, rest)
	addTo(q, data[r.q])
	bp, over := productsOf(b), productsOf(inverse(a^b))
	for i, v := range p {
		q[i] = over[q[i]^bp[v]]
	}
	addTo(p, q)
}
