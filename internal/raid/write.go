package raid

import (
	"errors"
	"fmt"
	"io"

	"github.com/lvm-go/lvm/units"
)

// WriteAt writes to the array, as io.WriterAt: to all copies, or with the parity
// of the rows, which is made anew from all their data where it is touched. Legs
// that are missing, or not in sync there, do not get it. If there is nothing of a
// leg in sync, an array without a [Log] is [ErrReadOnly]: the leg would be taken
// for good when it returns.
// What those legs hold must be kept in the parity: if it cannot be worked out,
// that is a [*LostError].
//
// Legs are written one after the other. After a crash in between, copies differ,
// or parity does not fit the data, in the rows that were being written; if a leg
// is missing then, what it had there is lost, though nobody wrote it. The log is
// told before, so that this can be mended.
//
// A leg whose write fails is given up, and its [*LegError] returned when all
// others have been written. What is written is n bytes then, too, unless there is
// a [*LostError] as well.
func (a *Array) WriteAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off > a.size || int64(len(p)) > a.size-off {
		return 0, fmt.Errorf("write of %d bytes at byte %d: %w", len(p), off, ErrOutOfRange)
	}
	if len(p) == 0 {
		return 0, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.beginWrite(p, off); err != nil {
		return 0, err
	}
	return a.write(p, off)
}

// write writes p.
func (a *Array) write(p []byte, off int64) (n int, err error) {
	var errs []error
	for n < len(p) {
		var k int
		var failed []error
		switch a.family {
		case single, double:
			k, err = a.writeRow(p[n:], off+int64(n), &failed)
		default:
			k, err = a.writeCopies(p[n:], off+int64(n), &failed)
		}
		n += k
		errs = append(errs, failed...)
		if err != nil {
			errs = append(errs, err)
			break
		}
	}
	return n, errors.Join(errs...)
}

// beginWrite sees to it that the log knows, and that no leg has missed anything.
func (a *Array) beginWrite(p []byte, off int64) error {
	var absent []int
	for leg, m := range a.legs {
		if m.r != nil && m.w == nil {
			return fmt.Errorf("leg %d: %w", leg, ErrReadOnly)
		}
		if (m.r == nil || m.good == 0) && !a.behind[leg] {
			absent = append(absent, leg)
		}
	}
	if a.family == striped {
		return nil // nothing to be out of step with
	}
	if err := a.mend(); err != nil {
		return err
	}
	if len(absent) > 0 {
		if a.log == nil {
			return fmt.Errorf("no log, but legs %v are missing or stale: %w", absent, ErrReadOnly)
		}
		if err := a.tellBehind(absent); err != nil {
			return err
		}
	}
	if a.log == nil {
		return nil
	}
	from, to := off, off+int64(len(p))
	if a.family != mirrored {
		first, _ := a.at(from)
		last, _ := a.at(to - 1)
		from, to = int64(first)*a.chunk, int64(last+1)*a.chunk
	}
	sector := from / sectorSize
	return a.log.Dirty(units.Sectors(sector), units.Sectors((to+sectorSize-1)/sectorSize-sector))
}

func (a *Array) tellBehind(legs []int) error {
	if err := a.log.Behind(legs); err != nil {
		return err
	}
	for _, leg := range legs {
		a.behind[leg] = true
	}
	return nil
}

// giveUp takes a leg that failed out of the array: what it holds is not known. It
// returns the leg's error, and the log's.
func (a *Array) giveUp(failed *LegError) error {
	a.legs[failed.Leg] = member{}
	if a.log != nil && !a.behind[failed.Leg] {
		return errors.Join(failed, a.tellBehind([]int{failed.Leg}))
	}
	return failed
}

// writeLeg writes p, which a leg has all or nothing of in sync, and reports
// whether it is there.
func (a *Array) writeLeg(leg int, p []byte, off int64, failed *[]error) bool {
	if !a.reaches(leg, off) {
		return false
	}
	n, err := a.legs[leg].w.WriteAt(p, off)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		*failed = append(*failed, a.giveUp(&LegError{leg, "write", err}))
		return false
	}
	return true
}

// writeCopies writes what is in one chunk.
func (a *Array) writeCopies(p []byte, off int64, failed *[]error) (int, error) {
	runs := a.copies(off)
	p = p[:a.evenCopies(runs, off, int64(len(p)))]
	lost := a.lost(runs[0].off)
	written := false
	for _, r := range runs {
		if a.writeLeg(r.leg, p, r.off, failed) {
			written = true
		} else {
			lost.add(r.leg, errAbsent)
		}
	}
	if !written {
		return 0, lost
	}
	return len(p), nil
}

// writeRow writes what is in one row.
func (a *Array) writeRow(p []byte, off int64, failed *[]error) (int, error) {
	n, within := a.at(off)
	p = p[:min(int64(len(p)), a.chunk*int64(a.geometry.DataLegs())-within)]
	r := a.geometry.Layout.row(n, a.geometry.Legs)
	base := int64(n) * a.chunk
	// The columns, the same bytes of all chunks, that are touched.
	from, to := int64(0), a.chunk
	if within/a.chunk == (within+int64(len(p))-1)/a.chunk {
		from = within % a.chunk
		to = from + int64(len(p))
	}
	b := newBlocks(len(a.legs), min(to-from, bufferSize))
	for at := from; at < to; at += b.length {
		b.cut(a.even(base+at, min(to-at, bufferSize)))
		if err := a.writeColumns(b, r, base, at, p, within, failed); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// part returns the part of p, whose first byte is byte within of the row's data,
// that is in the columns from at on of the data chunk i, and where it begins in
// them.
func (a *Array) part(p []byte, within int64, i int, at, length int64) (part []byte, skip int64) {
	first := int64(i)*a.chunk + at - within // of the columns, in p
	from, to := max(first, 0), min(first+length, int64(len(p)))
	if from >= to {
		return nil, 0
	}
	return p[from:to], from - first
}

// writeColumns writes what is in some columns of a row.
func (a *Array) writeColumns(b *blocks, r row, base, at int64, p []byte, within int64, failed *[]error) error {
	off := base + at
	hasP := a.reaches(r.p, off)
	hasQ := r.q >= 0 && a.reaches(r.q, off)
	written := make([]bool, len(a.legs)) // all of it, by leg
	for i := range a.geometry.DataLegs() {
		part, _ := a.part(p, within, i, at, b.length)
		written[r.leg(i)] = int64(len(part)) == b.length
	}
	if hasP || hasQ {
		if err := a.load(b, r, off, func(leg int) bool { return r.holdsData(leg) && !written[leg] }, nil); err != nil {
			return err
		}
	}
	lost := a.lost(off)
	for i := range a.geometry.DataLegs() {
		part, skip := a.part(p, within, i, at, b.length)
		if part == nil {
			continue
		}
		leg := r.leg(i)
		copy(b.data[leg][skip:], part)
		if !a.writeLeg(leg, part, off+skip, failed) {
			lost.add(leg, errAbsent)
		}
	}
	if hasP {
		clear(b.data[r.p])
		sumP(b.data[r.p], without(b.data, r))
		hasP = a.writeLeg(r.p, b.data[r.p], off, failed)
	}
	if hasQ {
		sumQ(b.data[r.q], r, without(b.data, r))
		hasQ = a.writeLeg(r.q, b.data[r.q], off, failed)
	}
	kept := 0
	for _, has := range []bool{hasP, hasQ} {
		if has {
			kept++
		}
	}
	if len(lost.Legs) > kept {
		return lost
	}
	return nil
}

// reaches reports whether a leg is there at off, be it up to date or not.
func (a *Array) reaches(leg int, off int64) bool {
	return a.legs[leg].r != nil && off < a.legs[leg].good
}
