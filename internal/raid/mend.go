package raid

// mendSize is how much is made good at once.
const mendSize = 1 << 20

// mend makes good what legs have missed: it is worked out from the others, and
// written. Until all of it is on the legs, the log is not told of anything: it
// would make the bitmaps alike, and they are what tells that something is missed.
func (a *Array) mend() error {
	var missed []Range
	for i := range a.legs {
		missed = append(missed, a.legs[i].missed...)
	}
	if len(missed) == 0 {
		return nil
	}
	for _, r := range missed {
		from, to := int64(r.Sector)*sectorSize, int64(r.end())*sectorSize
		if a.family != mirrored {
			width := a.chunk * int64(a.geometry.DataLegs())
			from, to = from/a.chunk*width, (to+a.chunk-1)/a.chunk*width
		}
		if err := a.rewrite(from, min(to, a.size)); err != nil {
			return err
		}
	}
	if err := a.sync(); err != nil {
		return err
	}
	for i := range a.legs {
		a.legs[i].missed = nil
	}
	return nil
}

// rewrite writes what is in a range of the array to where it is read from, and to
// all else.
func (a *Array) rewrite(from, to int64) error {
	p := make([]byte, max(0, min(to-from, mendSize)))
	for from < to {
		p = p[:min(to-from, mendSize)]
		if _, err := a.read(p, from); err != nil {
			return err
		}
		if _, err := a.write(p, from); err != nil {
			return err
		}
		from += int64(len(p))
	}
	return nil
}
