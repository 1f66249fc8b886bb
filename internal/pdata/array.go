package pdata

import (
	"encoding/binary"
	"iter"
)

// arrayHeader is the length of the header of a block of an array.
//
// Source: Linux array_block: checksum, room for entries, entries, bytes of a
// value, and own number.
const arrayHeader = 24

// Array returns the count values of size bytes of the array with this root, in
// order, with their indexes. It ends with the first error. The values must not
// be changed.
func (d *Device) Array(root Block, size int, count uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		next := uint64(0)
		if count == 0 {
			return
		}
		room := uint64(int(BlockSize)-arrayHeader) / uint64(size)
		seen := make([]uint8, d.blocks/8+1) // a bit for each block
		for e, err := range d.Tree(root, pointerSize).From(0) {
			if err == nil && e.Key != next/room {
				err = Damaged(root, "array without block %d", next/room)
			}
			var values []byte
			if err == nil {
				b := Block(binary.LittleEndian.Uint64(e.Value))
				values, err = d.arrayBlock(b, uint64(size), room, min(room, count-next))
				if err == nil && seen[b/8]>>(b%8)&1 != 0 {
					err = Damaged(b, "array has the block twice")
				}
				if err == nil {
					seen[b/8] |= 1 << (b % 8)
				}
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for ; len(values) > 0; values = values[size:] {
				if !yield(Entry{next, values[:size:size]}, nil) {
					return
				}
				next++
			}
			if next == count {
				return
			}
		}
		yield(Entry{}, Damaged(root, "array has %d values, want %d", next, count))
	}
}

// arrayBlock returns the values of a block, which must be as many as wanted or
// more.
func (d *Device) arrayBlock(b Block, size, room, want uint64) ([]byte, error) {
	data, err := d.Read(b, KindArray, 16)
	if err != nil {
		return nil, err
	}
	field := func(at int) uint64 { return uint64(binary.LittleEndian.Uint32(data[at:])) }
	if field(4) != room || field(12) != size || field(8) > room || field(8) < want {
		return nil, Damaged(b, "array block with %d of %d values of %d bytes, want %d of %d of %d bytes", field(8), field(4), field(12), want, room, size)
	}
	return data[arrayHeader : arrayHeader+want*size], nil
}

// Bits returns the first count bits of the bitset with this root, in order.
func (d *Device) Bits(root Block, count uint64) iter.Seq2[bool, error] {
	return func(yield func(bool, error) bool) {
		left := count
		for e, err := range d.Array(root, 8, (count+63)/64) {
			if err != nil {
				yield(false, err)
				return
			}
			for word, i := binary.LittleEndian.Uint64(e.Value), 0; i < 64 && left > 0; i, left = i+1, left-1 {
				if !yield(word>>i&1 != 0, nil) {
					return
				}
			}
		}
	}
}
