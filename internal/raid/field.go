package raid

import (
	"crypto/subtle"
	"encoding/binary"
)

// The field of 256 elements: addition is exclusive or, and multiplication by x,
// which is 2, is a shift, reduced by this polynomial without its x⁸.
const polynomial = 0x1d

func double1(a byte) byte {
	b := a << 1
	if a&0x80 != 0 {
		b ^= polynomial
	}
	return b
}

func multiply(a, b byte) byte {
	var sum byte
	for ; b != 0; b >>= 1 {
		if b&1 != 0 {
			sum ^= a
		}
		a = double1(a)
	}
	return sum
}

// power returns 2ⁿ.
func power(n int) byte {
	a := byte(1)
	for range n % 255 {
		a = double1(a)
	}
	return a
}

// inverse returns 1/a, which is a²⁵⁴. There is none of 0.
func inverse(a byte) byte {
	b := byte(1)
	for range 254 {
		b = multiply(b, a)
	}
	return b
}

// products are the products of an element with all elements.
type products [256]byte

func productsOf(a byte) *products {
	var t products
	for bit := 1; bit < 256; bit <<= 1 {
		for i := range bit {
			t[bit|i] = t[i] ^ a
		}
		a = double1(a)
	}
	return &t
}

// addTo adds src to dst, which is as long.
func addTo(dst, src []byte) { subtle.XORBytes(dst, dst, src) }

// doubleAll multiplies all elements by 2, eight at a time.
func doubleAll(b []byte) {
	const low, high = 0x7f7f7f7f7f7f7f7f, 0x8080808080808080
	for ; len(b) >= 8; b = b[8:] {
		v := binary.LittleEndian.Uint64(b)
		carry := v & high >> 7
		binary.LittleEndian.PutUint64(b, v&low<<1^carry*polynomial)
	}
	for i, a := range b {
		b[i] = double1(a)
	}
}

// scale multiplies all elements by the one that the table is for.
func scale(b []byte, t *products) {
	for i, v := range b {
		b[i] = t[v]
	}
}

// sumP adds to p all blocks that are not nil.
func sumP(p []byte, blocks [][]byte) {
	for _, b := range blocks {
		if b != nil {
			addTo(p, b)
		}
	}
}

// sumQ makes q the sum of the data blocks of a row, by leg, each with its factor.
// Those that are nil count as zeroes.
func sumQ(q []byte, r row, blocks [][]byte) {
	clear(q)
	for leg := len(blocks) - 1; leg >= 0; leg-- {
		if r.inOrder && !r.holdsData(leg) {
			continue
		}
		doubleAll(q)
		if r.holdsData(leg) && blocks[leg] != nil {
			addTo(q, blocks[leg])
		}
	}
}
