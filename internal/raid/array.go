package raid

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/lvm-go/lvm/units"
)

// Whole is more than any leg has.
const Whole units.Sectors = math.MaxUint64

// bufferSize is how much of each leg of a row is in memory at once.
const bufferSize = 64 << 10

// Leg is what an array has of one of its legs.
type Leg struct {
	// Data is nil if the leg is missing. To be written to it needs WriteAt as well.
	// With a method Sync() error it is flushed by [Array.Sync].
	Data io.ReaderAt
	// InSync is how much of it, from its start, is up to date. What is beyond is
	// never read, nor written: the kernel copies it when it goes on. [Whole] for
	// all.
	InSync units.Sectors
	// Missed is what is not up to date in front of that: sectors of the array of a
	// raid10, of the leg of others; in order. It is not read, and made good before
	// the array is written.
	Missed []Range
}

// Log keeps on disk what must be known of writes that did not come to an end.
// All that it says is on the disks for good when a method returns.
type Log interface {
	// Dirty is called before sectors are written: of the array of a raid10, of all
	// legs of another, which is what the kernel's bitmap counts.
	Dirty(sector, length units.Sectors) error
	// Behind is called before the first write that legs do not get since they are
	// missing, or have nothing in sync; and after a write to a leg failed. Once for
	// each leg.
	Behind(legs []int) error
	// Clean is called when all writes are on the legs.
	Clean() error
}

// Options of an array.
type Options struct {
	// Dirty tells where a writer may have died, so that copies may differ and
	// parity may not fit the data; nil: nowhere. It is asked about sectors of the
	// legs. What a missing leg had there cannot be worked out from parity.
	Dirty func(sector, length units.Sectors) bool
	// Log may be nil: then a crash in the middle of a write leaves copies that
	// differ and parity that does not fit, and nobody knows where; and an array
	// with a leg that is missing, or has nothing in sync, cannot be written.
	Log Log
}

// Array is the contents of an array. It may be used by several goroutines at
// once.
//
// A leg whose read fails is read around, each time anew. A leg whose write fails
// is given up: from then on it counts as missing.
type Array struct {
	geometry Geometry
	family   family
	chunk    int64 // bytes
	leg      int64 // size of the legs, bytes
	size     int64 // bytes
	dirty    func(sector, length units.Sectors) bool
	log      Log

	mu     sync.RWMutex // writers have it alone: they change several legs together. It keeps the rest:
	legs   []member
	behind []bool // the log has been told
}

// member is a leg.
type member struct {
	r      io.ReaderAt // nil: missing
	w      io.WriterAt // nil: cannot be written
	good   int64       // bytes that are in sync
	missed []Range
}

// misses reports whether something in a byte range is not up to date. at is as a
// Range counts.
func (m *member) misses(at, length int64) bool {
	return len(m.missed) > 0 && overlap(m.missed, units.Sectors(at/sectorSize), units.Sectors((at+length+sectorSize-1)/sectorSize))
}

// even returns how many of the bytes from off on are alike: all up to date, or
// none.
func (m *member) even(off, at, length int64) int64 {
	if m.good > off {
		length = min(length, m.good-off)
	}
	if len(m.missed) == 0 {
		return length
	}
	i := firstAfter(m.missed, units.Sectors(at/sectorSize))
	if i == len(m.missed) {
		return length
	}
	r := m.missed[i]
	if from := int64(r.Sector) * sectorSize; from > at {
		return min(length, from-at)
	}
	return min(length, int64(r.end())*sectorSize-at)
}

// New returns the array that the legs make; each is of that size. The errors
// match [ErrGeometry]. Nothing is read yet: legs that are missing show when they
// are needed.
func New(g Geometry, leg units.Sectors, legs []Leg, o Options) (*Array, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	if len(legs) != g.Legs {
		return nil, fmt.Errorf("%w: %d legs given to %s of %d", ErrGeometry, len(legs), g.Layout, g.Legs)
	}
	size, ok := g.ArraySize(leg)
	if !ok {
		return nil, fmt.Errorf("%w: legs of %d sectors", ErrGeometry, uint64(leg))
	}
	a := &Array{geometry: g, family: g.Layout.family(), chunk: int64(g.Chunk) * sectorSize, leg: int64(leg) * sectorSize,
		size: int64(size) * sectorSize, dirty: o.Dirty, log: o.Log, behind: make([]bool, g.Legs)}
	for _, l := range legs {
		m := member{r: l.Data, good: int64(min(l.InSync, leg)) * sectorSize, missed: l.Missed}
		m.w, _ = l.Data.(io.WriterAt)
		a.legs = append(a.legs, m)
	}
	return a, nil
}

const sectorSize = int64(units.SectorSize)

// Size returns the size of the array.
func (a *Array) Size() units.Bytes { return units.Bytes(a.size) }

// Geometry returns what the array was made with.
func (a *Array) Geometry() Geometry { return a.geometry }

// Missing returns the legs that are missing, or were given up because a write to
// them failed, and those that are not all in sync.
func (a *Array) Missing() []int {
	a.mu.RLock()
	defer a.mu.RUnlock()
	var legs []int
	for i := range a.legs {
		if !a.whole(i) {
			legs = append(legs, i)
		}
	}
	return legs
}

func (a *Array) whole(leg int) bool {
	m := &a.legs[leg]
	return m.r != nil && m.good == a.leg && len(m.missed) == 0
}

// ReadAt reads from the array, as io.ReaderAt. What cannot be had is a
// [*LostError]; of raid0, a [*LegError] if the leg is there.
func (a *Array) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read at byte %d: %w", off, ErrOutOfRange)
	}
	if off >= a.size {
		return 0, io.EOF
	}
	var end error
	if int64(len(p)) > a.size-off {
		p, end = p[:a.size-off], io.EOF
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	if n, err = a.read(p, off); err != nil {
		return n, err
	}
	return n, end
}

// read fills p.
func (a *Array) read(p []byte, off int64) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		switch a.family {
		case single, double:
			k, err = a.readRow(p[n:], off+int64(n))
		default:
			k, err = a.readCopy(p[n:], off+int64(n))
		}
		n += k
	}
	return n, err
}

// readLeg fills p from a leg. A leg that has not all of that, or not up to date,
// gives errAbsent. at is as a Range counts.
func (a *Array) readLeg(leg int, p []byte, off, at int64) error {
	m := &a.legs[leg]
	if m.r == nil || off+int64(len(p)) > m.good || m.misses(at, int64(len(p))) {
		return errAbsent
	}
	n, err := m.r.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return &LegError{leg, "read", err}
}

// run is a Run in bytes.
type run struct {
	leg         int
	off, length int64
}

// copies returns the places of what is at off of an array without parity.
func (a *Array) copies(off int64) []run {
	sector, within := off/sectorSize, off%sectorSize
	located := a.geometry.Locate(units.Sectors(sector), units.Sectors(a.leg/sectorSize))
	runs := make([]run, len(located))
	for i, r := range located {
		runs[i] = run{r.Leg, int64(r.Sector)*sectorSize + within, int64(r.Length)*sectorSize - within}
	}
	return runs
}

// readCopy reads what is in one chunk from the first copy that can be had. Where
// copies differ since a writer died, all readers get the same, which is the one
// that the kernel makes the others like.
func (a *Array) readCopy(p []byte, off int64) (int, error) {
	runs := a.copies(off)
	p = p[:a.evenCopies(runs, off, int64(len(p)))]
	lost := a.lost(runs[0].off)
	for _, r := range runs {
		err := a.readLeg(r.leg, p, r.off, off)
		if err == nil {
			return len(p), nil
		}
		if a.family == striped && err != errAbsent {
			return 0, err
		}
		lost.add(r.leg, err)
	}
	return 0, lost
}

// even returns how many of the bytes from off on, of the legs of an array with
// parity, are up to date on the same legs.
func (a *Array) even(off, length int64) int64 {
	for i := range a.legs {
		length = a.legs[i].even(off, off, length)
	}
	return length
}

// evenCopies returns how many bytes are in one chunk, and up to date in the same
// copies. at is where they are in the array.
func (a *Array) evenCopies(runs []run, at, length int64) int64 {
	length = min(length, runs[0].length)
	for _, r := range runs {
		length = a.legs[r.leg].even(r.off, at, length)
	}
	return length
}

func (a *Array) lost(off int64) *LostError {
	return &LostError{Layout: a.geometry.Layout, Sector: units.Sectors(off / sectorSize)}
}

func (e *LostError) add(leg int, err error) {
	if !slices.Contains(e.Legs, leg) {
		e.Legs = append(e.Legs, leg)
	}
	if err != errAbsent {
		e.Errs = append(e.Errs, err)
	}
}

// at returns the row and the byte in its data that a byte of an array with parity
// is at.
func (a *Array) at(off int64) (n uint64, within int64) {
	width := a.chunk * int64(a.geometry.DataLegs())
	return uint64(off / width), off % width
}

// readRow reads what is in one row.
func (a *Array) readRow(p []byte, off int64) (done int, err error) {
	n, within := a.at(off)
	width := a.chunk * int64(a.geometry.DataLegs())
	p = p[:min(int64(len(p)), width-within)]
	r := a.geometry.Layout.row(n, a.geometry.Legs)
	base := int64(n) * a.chunk
	if int64(len(p)) == width && !a.dataInSync(r, base) {
		return a.readDegraded(p, r, base)
	}
	for done < len(p) {
		i, at := int((within+int64(done))/a.chunk), (within+int64(done))%a.chunk
		part := p[done:min(int64(len(p)), int64(done)+a.chunk-at)]
		if err := a.readLeg(r.leg(i), part, base+at, base+at); err != nil {
			if k, err := a.recover(part, r, r.leg(i), base+at, err); err != nil {
				return done + k, err
			}
		}
		done += len(part)
	}
	return done, nil
}

// dataInSync reports whether all data of a row are on legs that are there.
func (a *Array) dataInSync(r row, base int64) bool {
	for leg := range a.legs {
		m := &a.legs[leg]
		if r.holdsData(leg) && (m.r == nil || base+a.chunk > m.good || m.misses(base, a.chunk)) {
			return false
		}
	}
	return true
}

// readDegraded reads all data of a row, each leg once.
func (a *Array) readDegraded(p []byte, r row, base int64) (int, error) {
	b := newBlocks(len(a.legs), min(a.chunk, bufferSize))
	for at := int64(0); at < a.chunk; at += b.length {
		b.cut(a.even(base+at, min(a.chunk-at, bufferSize)))
		if err := a.load(b, r, base+at, r.holdsData, nil); err != nil {
			return 0, err
		}
		for i := range a.geometry.DataLegs() {
			copy(p[int64(i)*a.chunk+at:], b.data[r.leg(i)])
		}
	}
	return len(p), nil
}

// recover works out what a leg has, whose read gave an error.
func (a *Array) recover(p []byte, r row, leg int, off int64, failed error) (done int, err error) {
	if failed == errAbsent {
		failed = nil // a part of it may be there
	}
	b := newBlocks(len(a.legs), min(int64(len(p)), bufferSize))
	for done < len(p) {
		b.cut(a.even(off+int64(done), min(int64(len(p)-done), bufferSize)))
		err := a.load(b, r, off+int64(done), func(l int) bool { return l == leg }, failed)
		if err != nil {
			return done, err
		}
		done += copy(p[done:], b.data[leg])
	}
	return done, nil
}

// Sync flushes the legs that can be flushed. A leg that fails is given up.
func (a *Array) Sync() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sync()
}

// Clean flushes the legs, and tells the log that nothing is under way. Without an
// error, a crash does no harm until the next write.
func (a *Array) Clean() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.sync(); err != nil || a.log == nil {
		return err
	}
	return a.log.Clean()
}

func (a *Array) sync() error {
	var failed []error
	for leg, m := range a.legs {
		if s, ok := m.r.(interface{ Sync() error }); ok {
			if err := s.Sync(); err != nil {
				failed = append(failed, a.giveUp(&LegError{leg, "sync", err}))
			}
		}
	}
	return errors.Join(failed...)
}
