package lvm

import (
	"errors"
	"io"
	"strings"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/metadata"
)

// raid returns a raid: of legs that are missing, that the others have gone on
// without, or that are not in sync yet, it reads nothing, but works out from the
// others what they would have.
func (f *madeFile) raid(seg *metadata.Segment, body *metadata.RAID) (io.ReaderAt, error) {
	g := raid.Geometry{Layout: raid.Layout(seg.BaseType()), Legs: len(body.Legs), Chunk: body.StripeSize}
	if name, ok := raidLayouts[seg.BaseType()]; ok {
		g.Layout = raid.Layout(name)
	}
	if strings.HasPrefix(string(g.Layout), "raid10") {
		g.Copies = body.DataCopies(seg.BaseType())
	}
	leg, ok := (seg.AreaLength() - min(seg.ReshapeCount, seg.AreaLength())).Sectors(f.g.vg.ExtentSize)
	if !ok {
		return nil, fault(ErrDamaged, "its images are larger than any device")
	}
	r := &openRAID{legs: make([]string, len(body.Legs))}
	devices := make([]raid.Devices, len(body.Legs))
	var options raid.OpenOptions
	options.ReadOnly = true
	for i, part := range body.Legs {
		image, err := f.find(part.Image)
		if err != nil {
			return nil, err
		}
		r.legs[i] = image.Name
		if image.Status&metadata.LVVisible != 0 {
			continue // it was split off, to be merged again, and is not written with the others
		}
		if !part.Meta.IsZero() {
			meta, err := f.find(part.Meta)
			if err != nil {
				return nil, err
			}
			devices[i].Meta = f.g.contentsAt(meta, f.h, f.depth+1)
		}
		if image.Status&metadata.LVRebuild != 0 {
			options.Rebuild = append(options.Rebuild, i)
		}
		devices[i].Data = f.g.contentsAt(image, f.h, f.depth+1)
	}
	var err error
	if r.array, r.state, err = raid.Open(g, leg, devices, options); err != nil {
		return nil, err
	}
	if f.lv.Status&metadata.LVNotSynced != 0 {
		// Parity was never made to fit the data.
		r.state.AllDirty = true
	}
	return r, nil
}

// openRAID is a raid that is read. It names legs in its errors.
type openRAID struct {
	array *raid.Array
	state *raid.State
	legs  []string // names of the images
}

func (r *openRAID) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.array.ReadAt(p, off)
	var lost *raid.LostError
	if errors.As(err, &lost) {
		err = r.lost(lost)
	}
	return n, err
}

// lost names the legs that a read would take.
func (r *openRAID) lost(err *raid.LostError) error {
	legs := make([]string, 0, len(err.Legs))
	e := &lostLegs{errs: []error{err}}
	stale := err.Dirty
	for _, i := range err.Legs {
		s := r.state.Legs[i]
		legs = append(legs, r.legs[i]+" ("+s.Condition.String()+")")
		stale = stale || s.Condition != raid.InSync && s.Condition != raid.NoMeta
		if s.Err != nil {
			e.errs = append(e.errs, s.Err)
		}
	}
	if stale {
		e.errs = append(e.errs, ErrNotInSync)
	}
	e.what = "it takes what is on " + strings.Join(legs, " and ")
	return e
}

// lostLegs says which legs of a raid a read would take, and why they have it not.
type lostLegs struct {
	what string
	errs []error
}

func (e *lostLegs) Error() string   { return e.what + ": " + joinErrors(e.errs...).Error() }
func (e *lostLegs) Unwrap() []error { return e.errs }
