package lvm

import (
	"github.com/lvm-go/lvm/metadata"
)

// stripeShape is the number of stripes of new extents and their size.
type stripeShape struct {
	stripes int
	size    Sectors // 0 with one stripe
}

// shape checks a number of stripes and a stripe size, and fills in defaults.
func (tx *Tx) shape(stripes int, size Bytes) (stripeShape, error) {
	if stripes == 0 {
		stripes = 1
	}
	if stripes < 0 || stripes > maxStripes {
		return stripeShape{}, fault(ErrInvalidSpec, "%d stripes: 1 to %d are possible", stripes, maxStripes)
	}
	if stripes == 1 {
		return stripeShape{stripes: 1}, nil
	}
	if size == 0 {
		size = defaultStripeSize
	}
	if size < minStripeSize || size&(size-1) != 0 {
		return stripeShape{}, fault(ErrInvalidSpec, "stripe size of %s is no power of two from %s on", size, minStripeSize)
	}
	sectors := size.Sectors()
	for sectors > tx.vg.ExtentSize && sectors > 1 {
		sectors /= 2
	}
	if tx.vg.ExtentSize%sectors != 0 {
		return stripeShape{}, fault(ErrInvalidSpec, "stripe size of %s does not suit extents of %d sectors", size, tx.vg.ExtentSize)
	}
	return stripeShape{stripes: stripes, size: sectors}, nil
}

// shapeLike returns the shape of new extents: as asked for, or that of the
// segments there are, if each agrees with the striped one before it. Source: lvm2
// as observed.
func (tx *Tx) shapeLike(lv *metadata.LogicalVolume, spec ExtendSpec) (stripeShape, error) {
	var last stripeShape
	agree := true
	for i := range lv.Segments {
		switch body := lv.Segments[i].Body.(type) {
		case *metadata.Virtual:
		case *metadata.Striped:
			this := stripeShape{len(body.Stripes), body.StripeSize}
			if last.stripes != 0 && (spec.Stripes == 0 && this.stripes != last.stripes ||
				spec.StripeSize == 0 && this.size != 0 && last.size != 0 && this.size != last.size) {
				agree = false
			}
			last = this
		default:
			return stripeShape{}, fault(ErrUnsupported, "segment of type %s cannot be extended here", lv.Segments[i].Type)
		}
	}
	stripes, size := spec.Stripes, spec.StripeSize
	switch {
	case stripes == 1:
		return stripeShape{stripes: 1}, nil
	case !agree && spec.Type.virtual():
		return stripeShape{stripes: 1}, nil // there is no shape to agree with
	case !agree:
		return stripeShape{}, fault(ErrInvalidSpec, "segments have different stripes: say how many the new one shall have, and their size")
	}
	if stripes == 0 {
		stripes = last.stripes
	}
	out, err := tx.shape(stripes, size)
	if size == 0 && out.stripes > 1 && last.size != 0 {
		out.size = last.size
	}
	return out, err
}
