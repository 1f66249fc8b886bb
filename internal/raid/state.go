package raid

import (
	"fmt"
	"slices"

	"github.com/lvm-go/lvm/units"
)

// Condition says what is known of a leg.
type Condition uint8

// The conditions of legs.
const (
	InSync     Condition = iota // all of it is up to date
	Rebuilding                  // up to date from its start up to some sector
	Failed                      // the others say that it had failed, or was not there
	Behind                      // the others have gone on without it
	Missed                      // some writes went past it
	NoMeta                      // nobody knows, since its superblock is missing, blank or damaged
)

func (c Condition) String() string {
	switch c {
	case InSync:
		return "in sync"
	case Rebuilding:
		return "rebuilding"
	case Failed:
		return "failed"
	case Behind:
		return "behind"
	case Missed:
		return "missed writes"
	case NoMeta:
		return "without superblock"
	}
	return fmt.Sprintf("Condition(%d)", uint8(c))
}

// LegState is what may be trusted of a leg.
type LegState struct {
	Condition Condition
	InSync    units.Sectors // from its start; Whole for all
	Missed    []Range       // but not these; as the bitmap counts
	Err       error         // why the superblock could not be read
}

// State is what may be trusted of an array.
type State struct {
	Legs []LegState
	// Fresh: the superblocks of all legs that are there are blank. The kernel never
	// had the array; it will make copies and parity fit when it gets it.
	Fresh      bool
	Events     uint64        // of the newest superblock
	DataOffset units.Sectors // where the data begin on the legs' devices
	// Degraded: the array went on without legs that it names. Then the dirty ranges
	// are what those have missed.
	Degraded bool
	// AllDirty: copies may differ, and parity may not fit, anywhere; else from
	// DirtyFrom on, and in the ranges, which are in order. Sectors as the bitmap
	// counts them: of the array for raid10, of the legs for others. Ranges that legs
	// have missed are not among them.
	AllDirty  bool
	DirtyFrom units.Sectors
	Dirty     []Range
}

// Doubtful reports whether parity may not fit the data in a range, since a writer
// died there. In an array that is degraded, nothing tells that from what its
// missing legs have missed; then the parity is believed, as the kernel does.
func (s *State) Doubtful(sector, length units.Sectors) bool {
	if length == 0 {
		return false
	}
	end := sector + length
	if s.AllDirty || end < sector || end > s.DirtyFrom {
		return true
	}
	if s.Degraded {
		return false
	}
	return overlap(s.Dirty, sector, end)
}

// Judge says what may be trusted of an array, by what is on the metadata devices
// of its legs, in their order; nil for one that is missing or cannot be read. leg
// is the size of the legs. Errors match [ErrMismatch] if there are superblocks of
// another array, or [ErrReshaping].
//
// The kernel names the legs that it had to do without in the superblocks of the
// others, but only when it stops the array, or when a leg fails. If it dies before
// that, all that tells is the bitmap: bits that others have and a leg has not. It
// would take such a leg for good. Here it counts as stale there, if the array can do
// without it.
//
// What was decided and not yet done, the superblocks do not tell: a leg that the
// kernel shall rebuild when it gets the array next is in sync here.
func Judge(g Geometry, leg units.Sectors, metas []*Meta) (*State, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	if len(metas) != g.Legs {
		return nil, fmt.Errorf("%w: metadata of %d legs given to %s of %d", ErrGeometry, len(metas), g.Layout, g.Legs)
	}
	s := &State{Legs: make([]LegState, g.Legs), DirtyFrom: Whole}
	for i := range s.Legs {
		s.Legs[i].InSync = Whole
	}
	known, blank := false, false
	for i, m := range metas {
		switch {
		case m == nil:
		case m.Superblock == nil:
			blank = true
		default:
			if err := m.Superblock.fits(g, i, leg); err != nil {
				return nil, fmt.Errorf("leg %d: %w", i, err)
			}
			known = true
			s.Events = max(s.Events, m.Superblock.Events)
		}
	}
	switch {
	case g.Layout == RAID0:
		return s, s.takeNewest(metas) // there are no copies that could be older
	case known:
		s.judgeSuperblocks(metas)
		if err := s.takeNewest(metas); err != nil {
			return nil, err
		}
		s.judgeBitmaps(g, leg, metas)
		return s, nil
	}
	s.Fresh, s.AllDirty = blank, true
	for i, m := range metas {
		if m == nil {
			s.set(i, NoMeta, 0)
		}
	}
	return s, nil
}

// fits reports whether the superblock is that of a leg of the array.
func (s *Superblock) fits(g Geometry, leg int, size units.Sectors) error {
	switch {
	case s.Reshaping:
		return ErrReshaping
	case s.Geometry != g:
		return fmt.Errorf("%w: %+v, not %+v", ErrMismatch, s.Geometry, g)
	case s.Position != leg:
		return fmt.Errorf("%w: superblock of leg %d", ErrMismatch, s.Position)
	case g.Layout == RAID10Far && s.LegSize != 0 && s.LegSize != size: // the copies lie elsewhere
		return fmt.Errorf("%w: legs of %d sectors, not %d", ErrMismatch, uint64(s.LegSize), uint64(size))
	}
	return nil
}

func (s *State) set(leg int, c Condition, inSync units.Sectors) {
	s.Legs[leg] = LegState{Condition: c, InSync: inSync}
}

// judgeSuperblocks sets the condition of all legs by the superblocks.
//
// The number of events differs by one if the kernel died while it wrote them. If
// it had gone on without a leg, it would have named that leg.
func (s *State) judgeSuperblocks(metas []*Meta) {
	for i, m := range metas {
		if m == nil || m.Superblock == nil {
			s.set(i, NoMeta, 0)
			continue
		}
		switch sb := m.Superblock; {
		case s.Events-sb.Events > 1:
			s.set(i, Behind, 0)
		case sb.InSync != Whole:
			s.set(i, Rebuilding, sb.InSync)
		}
	}
	for i, m := range metas {
		if m == nil || m.Superblock == nil || s.Legs[i].Condition == Behind {
			continue
		}
		for _, failed := range m.Superblock.Failed {
			if failed == i {
				continue
			}
			s.Degraded = true
			if s.Legs[failed].Condition != NoMeta {
				s.set(failed, Failed, 0)
			}
		}
	}
}

// takeNewest takes what is true of all legs from the superblocks that count.
func (s *State) takeNewest(metas []*Meta) error {
	first := true
	for i, m := range metas {
		if c := s.Legs[i].Condition; m == nil || m.Superblock == nil || c != InSync && c != Rebuilding {
			continue
		}
		sb := m.Superblock
		if !first && sb.DataOffset != s.DataOffset {
			return fmt.Errorf("leg %d: %w: data from sector %d on, others' from %d", i, ErrMismatch, uint64(sb.DataOffset), uint64(s.DataOffset))
		}
		s.DataOffset = sb.DataOffset
		s.DirtyFrom = min(s.DirtyFrom, sb.Resynced)
		first = false
	}
	return nil
}

// judgeBitmaps takes the dirty ranges from the bitmaps of the legs that are in
// sync, and finds what writes went past.
//
// Bits that some legs have and others have not are of a time when those were away,
// or the kernel died while it set them. Either way what was in front of the write
// is there on the legs that have them, and the parity fits if no write was under
// way. Where the array could not be written without those legs, it was the latter.
// So it was if the parity had not been made everywhere: then the kernel starts no
// array that lacks a leg.
//
// A leg may have bits that mean nothing: when the kernel gets a new leg, it does
// not write all of its bitmap. So more bits than others have are believed only of
// legs that are in sync, which are good to read in any case.
func (s *State) judgeBitmaps(g Geometry, leg units.Sectors, metas []*Meta) {
	size := leg
	if g.isRAID10() {
		size, _ = g.ArraySize(leg)
	}
	covered := size
	unfinished := g.ParityLegs() > 0
	var inSync, judged, gone []int
	var bounds []units.Sectors // where any bitmap changes
	for i, m := range metas {
		c := s.Legs[i].Condition
		switch {
		case c != InSync && c != Rebuilding:
			gone = append(gone, i)
			continue
		case goodBitmap(m) == nil:
			continue
		}
		judged = append(judged, i)
		unfinished = unfinished && m.Superblock.Resynced != Whole
		for _, r := range m.Bitmap.Dirty {
			bounds = append(bounds, r.Sector, r.Sector+r.Length)
		}
		if c == InSync {
			inSync = append(inSync, i)
			covered = min(covered, m.Bitmap.Size)
		}
	}
	if len(inSync) == 0 {
		s.AllDirty = true
		return
	}
	if covered < size { // the array was made longer, and the kernel does not know yet
		s.DirtyFrom = min(s.DirtyFrom, covered)
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	for n := range len(bounds) - 1 {
		r := Range{bounds[n], bounds[n+1] - bounds[n]}
		var without []int
		dirty := false
		for _, i := range judged {
			if !metas[i].Bitmap.has(r.Sector) {
				without = append(without, i)
			} else if slices.Contains(inSync, i) {
				dirty = true
			}
		}
		switch {
		case !dirty:
		case len(without) > 0 && !unfinished && g.Survives(slices.Concat(gone, without)):
			for _, i := range without {
				s.Legs[i].Condition = Missed
				s.Legs[i].Missed = add(s.Legs[i].Missed, r)
			}
		default:
			s.Dirty = add(s.Dirty, r)
		}
	}
}

// add adds a range that begins behind all others, or where the last ends.
func add(ranges []Range, r Range) []Range {
	if last := len(ranges) - 1; last >= 0 && ranges[last].end() == r.Sector {
		ranges[last].Length += r.Length
		return ranges
	}
	return append(ranges, r)
}

// goodBitmap returns the bitmap if its bits mean something.
func goodBitmap(m *Meta) *Bitmap {
	if m == nil || m.Superblock == nil || m.Bitmap == nil || m.Bitmap.Stale || m.Bitmap.Events < m.Superblock.Events {
		return nil
	}
	return m.Bitmap
}
