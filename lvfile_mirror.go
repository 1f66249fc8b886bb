package lvm

import (
	"encoding/binary"
	"io"

	"github.com/lvm-go/lvm/metadata"
)

// mirror returns a mirror of type mirror: its first leg, which the kernel makes
// the others like. Where that cannot be read, another one is, if the log says
// that it is alike.
func (f *madeFile) mirror(body *metadata.Mirror) (io.ReaderAt, error) {
	region, ok := body.RegionSize.Bytes()
	if !ok || region == 0 || len(body.Legs) == 0 {
		return nil, fault(ErrDamaged, "it has no legs, or no regions")
	}
	m := &openMirror{region: int64(region), legs: make([]mirrorLeg, len(body.Legs))}
	extent, _ := f.g.vg.ExtentSize.Bytes()
	for i, leg := range body.Legs {
		lv, err := f.find(leg.LV)
		if err != nil {
			return nil, err
		}
		start, ok := mulBytes(leg.Start, extent)
		if !ok || start > 1<<62 {
			return nil, fault(ErrDamaged, "leg %d begins beyond any device", i)
		}
		at := &m.legs[i]
		at.r, at.start = f.g.contentsAt(lv, f.h, f.depth+1), int64(start)
		if pv := f.missing(lv); !pv.IsZero() {
			// Or it is back, and may be older than the others.
			at.r = brokenReader{fault(ErrMissingPV, "pv %s, which %s lies on, is missing", pv, lv.Name)}
		}
	}
	switch {
	case f.lv.Status&metadata.LVNotSynced != 0:
		m.unlike = fault(ErrNotInSync, "the legs were never made alike")
	case body.Log.IsZero():
		m.unlike = fault(ErrNotInSync, "it has no log that tells where the legs are alike")
	default:
		log, err := f.below(body.Log)
		if err != nil {
			return nil, err
		}
		m.log = log
	}
	return m, nil
}

// openMirror is a mirror that is read.
type openMirror struct {
	legs   []mirrorLeg
	region int64
	log    io.ReaderAt // nil: none that tells anything
	unlike error       // why not
}

type mirrorLeg struct {
	r     io.ReaderAt
	start int64
}

func (l mirrorLeg) read(p []byte, off int64) error {
	n, err := l.r.ReadAt(p, l.start+off)
	switch {
	case n == len(p):
		return nil
	case err == nil || err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

func (m *openMirror) ReadAt(p []byte, off int64) (int, error) {
	if m.legs[0].read(p, off) == nil {
		return len(p), nil
	}
	for done := 0; done < len(p); {
		at := off + int64(done)
		part := p[done:min(int64(len(p)), int64(done)+m.region-at%m.region)]
		if err := m.readRegion(part, at); err != nil {
			return done, err
		}
		done += len(part)
	}
	return len(p), nil
}

// readRegion reads what lies in one region.
func (m *openMirror) readRegion(p []byte, off int64) error {
	first := m.legs[0].read(p, off)
	if first == nil {
		return nil
	}
	if err := m.alike(off / m.region); err != nil {
		return joinErrors(first, err)
	}
	errs := []error{first}
	for _, leg := range m.legs[1:] {
		err := leg.read(p, off)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return joinErrors(errs...)
}

// alike returns an error unless all legs have the same in a region.
func (m *openMirror) alike(region int64) error {
	if m.log == nil {
		return m.unlike
	}
	var head [16]byte
	if err := (mirrorLeg{r: m.log}).read(head[:], 0); err != nil {
		return err
	}
	le := binary.LittleEndian
	if magic, version := le.Uint32(head[:]), le.Uint32(head[4:]); magic != mirrorLogMagic || version != mirrorLogVersion {
		return fault(ErrDamaged, "the log of the mirror has magic number %#x and version %d", magic, version)
	}
	if regions := le.Uint64(head[8:]); uint64(region) >= regions {
		return fault(ErrNotInSync, "region %d is beyond the %d that the log knows", region, regions)
	}
	var bits [1]byte
	if err := (mirrorLeg{r: m.log}).read(bits[:], int64(sectorBytes(mirrorLogBitmap))+region/8); err != nil {
		return err
	}
	if bits[0]>>(region%8)&1 == 0 {
		return fault(ErrNotInSync, "the legs are not alike in region %d", region)
	}
	return nil
}

// brokenReader gives an error for all reads.
type brokenReader struct{ err error }

func (b brokenReader) ReadAt([]byte, int64) (int, error) { return 0, b.err }
