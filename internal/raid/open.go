package raid

import (
	"io"

	"github.com/lvm-go/lvm/units"
)

// Devices are those of one leg; nil is missing. To be written to they need WriteAt
// as well, and Sync() error if they are not written through.
type Devices struct {
	Meta io.ReaderAt // superblock and bitmap; nil for a raid0 that has none
	Data io.ReaderAt
}

// OpenOptions say what the legs do not.
type OpenOptions struct {
	// Rebuild are legs that the kernel shall rebuild when it gets the array, as it
	// does for the raid target's parameter of that name.
	Rebuild []int
	// ReadOnly: the array is not written, whatever its devices can.
	ReadOnly bool
	// BelieveParity works out what missing legs have from parity that may not fit
	// the data, since a writer died. What was being written then may come out as
	// neither old nor new; it is for those who have nothing better.
	BelieveParity bool
}

// Open returns the array on some devices, and what may be trusted of it. leg is
// the size of the legs, without what is in front of their data. Errors are those
// of [Judge] and [New], and [ErrReadOnly] if the array is to be written and
// cannot be; a device that cannot be read is a leg that does not count.
//
// The array must be active nowhere else. Writes set bits in the bitmaps, and
// legs that do not get them are named in the superblocks, so that the kernel does
// what is to be done when it gets the array. Call [Array.Clean] at the end.
func Open(g Geometry, leg units.Sectors, devices []Devices, o OpenOptions) (*Array, *State, error) {
	metas := make([]*Meta, len(devices))
	errs := make([]error, len(devices))
	for i, d := range devices {
		if d.Meta != nil {
			metas[i], errs[i] = ReadMeta(d.Meta)
		}
	}
	s, err := Judge(g, leg, metas)
	if err != nil {
		return nil, nil, err
	}
	for i, err := range errs {
		s.Legs[i].Err = err
	}
	for _, i := range o.Rebuild {
		if i >= 0 && i < len(s.Legs) {
			s.set(i, Rebuilding, 0)
		}
	}
	var options Options
	if !o.BelieveParity {
		options.Dirty = s.Doubtful
	}
	switch {
	case o.ReadOnly || g.Layout == RAID0:
	case s.Fresh:
		options.Log = freshLog{}
	default:
		meta := make([]io.ReaderAt, len(devices))
		for i, d := range devices {
			if d.Data != nil {
				meta[i] = d.Meta
			}
		}
		if options.Log, err = newMetaLog(s, metas, meta); err != nil {
			return nil, nil, err
		}
	}
	legs := make([]Leg, len(devices))
	for i, d := range devices {
		legs[i] = Leg{Data: d.Data, InSync: s.Legs[i].InSync, Missed: s.Legs[i].Missed}
		if d.Data != nil && (s.DataOffset > 0 || o.ReadOnly) {
			legs[i].Data = shift(d.Data, s.DataOffset, o.ReadOnly)
		}
	}
	a, err := New(g, leg, legs, options)
	if err != nil {
		return nil, nil, err
	}
	return a, s, nil
}

// shifted is a device from some byte on.
type shifted struct {
	r   io.ReaderAt
	off int64
}

func (s shifted) ReadAt(p []byte, off int64) (int, error) { return s.r.ReadAt(p, s.off+off) }

// shiftedWriter is one that can be written.
type shiftedWriter struct {
	shifted
	w io.WriterAt
}

func (s shiftedWriter) WriteAt(p []byte, off int64) (int, error) { return s.w.WriteAt(p, s.off+off) }

func (s shiftedWriter) Sync() error {
	if f, ok := s.w.(interface{ Sync() error }); ok {
		return f.Sync()
	}
	return nil
}

func shift(r io.ReaderAt, by units.Sectors, readOnly bool) io.ReaderAt {
	s := shifted{r, int64(by) * sectorSize}
	if w, ok := r.(io.WriterAt); ok && !readOnly {
		return shiftedWriter{s, w}
	}
	return s
}
