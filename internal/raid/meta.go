package raid

import (
	"fmt"
	"io"
)

// Meta is what is on the metadata device of a leg.
type Meta struct {
	Superblock *Superblock // nil: blank
	Bitmap     *Bitmap     // nil: there is none, as for raid0, or it is damaged
	BitmapErr  error       // why it is nil, of an array that should have one
}

// ReadMeta reads the metadata device of a leg. Errors match [ErrFormat], or are
// those of the device. A damaged bitmap is no error: it is told in the result, and
// another leg's is as good.
func ReadMeta(r io.ReaderAt) (*Meta, error) {
	b := make([]byte, superblockSize)
	if err := readFull(r, b, 0); err != nil {
		return nil, fmt.Errorf("read RAID superblock: %w", err)
	}
	s, blank, err := DecodeSuperblock(b)
	if err != nil {
		return nil, err
	}
	m := &Meta{Superblock: s}
	if blank || s.Geometry.Layout == RAID0 {
		return m, nil
	}
	m.Bitmap, m.BitmapErr = readBitmap(r)
	return m, nil
}
