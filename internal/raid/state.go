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
	case NoMeta:
		return "without superblock"
	}
	return fmt.Sprintf("Condition(%d)", uint8(c))
}

// LegState is what may be trusted of a leg.
type LegState struct {
	Condition Condition
	InSync    units.Sectors // from its start; Whole for all
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
	// counts them: of the array for raid10, of the legs for others.
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
	i, found := slices.BinarySearchFunc(s.Dirty, sector, func(r Range, at units.Sectors) int {
		switch {
		case r.Sector+r.Length <= at:
			return -1
		case r.Sector > at:
			return 1
		}
		return 0
	})
	return found || i < len(s.Dirty) && s.Dirty[i].Sector < end
}

// Judge says what may be trusted of an array, by what is on the metadata devices
// of its legs, in their order; nil for one that is missing or cannot be read. leg
// is the size of the legs. Errors match [ErrMismatch] if there are superblocks of
// another array, or [ErrReshaping].
//
// The kernel names the legs that it had to do without in the superblocks of the
// others, but only when it stops the array, or when a leg fails. If it dies before
// that, all that tells is the bitmap: bits that others have and a leg has not. It
// would take such a leg for good. Here it counts as behind, if the array can do
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
		if m == nil || m.Superblock == nil || s.Legs[i].Condition == Behind {
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
// sync, and finds legs that writes went past.
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
	var inSync, others, gone []int
	for i, m := range metas {
		switch c := s.Legs[i].Condition; {
		case c != InSync && c != Rebuilding:
			gone = append(gone, i)
		case goodBitmap(m) == nil:
		case c == Rebuilding:
			others = append(others, i)
		default:
			inSync = append(inSync, i)
			s.Dirty = append(s.Dirty, m.Bitmap.Dirty...)
			covered = min(covered, m.Bitmap.Size)
		}
	}
	if len(inSync) == 0 {
		s.AllDirty = true
		return
	}
	s.Dirty = merge(s.Dirty)
	if covered < size { // the array was made longer, and the kernel does not know yet
		s.DirtyFrom = min(s.DirtyFrom, covered)
	}
	var without []int
	for _, i := range slices.Concat(inSync, others) {
		if !covers(metas[i].Bitmap.Dirty, s.Dirty) {
			without = append(without, i)
		}
	}
	// Legs that nothing can be written without were not away; the kernel died while
	// it wrote the bits. But if none has them all, each was away for a time.
	apart := len(inSync) > 1 && !slices.ContainsFunc(inSync, func(i int) bool { return !slices.Contains(without, i) })
	if apart || g.Survives(append(gone, without...)) {
		for _, i := range without {
			s.set(i, Behind, 0)
		}
	}
}

// goodBitmap returns the bitmap if its bits mean something.
func goodBitmap(m *Meta) *Bitmap {
	if m == nil || m.Superblock == nil || m.Bitmap == nil || m.Bitmap.Stale || m.Bitmap.Events < m.Superblock.Events {
		return nil
	}
	return m.Bitmap
}

// covers reports whether all sectors of the ranges b are in the ranges a. Both are
// in order, and none of a touches the next.
func covers(a, b []Range) bool {
	for _, r := range b {
		for len(a) > 0 && a[0].Sector+a[0].Length < r.Sector+r.Length {
			a = a[1:]
		}
		if len(a) == 0 || a[0].Sector > r.Sector {
			return false
		}
	}
	return true
}

// merge returns ranges in order, those that touch as one.
func merge(ranges []Range) []Range {
	slices.SortFunc(ranges, func(a, b Range) int {
		switch {
		case a.Sector < b.Sector:
			return -1
		case a.Sector > b.Sector:
			return 1
		}
		return 0
	})
	var merged []Range
	for _, r := range ranges {
		if last := len(merged) - 1; last >= 0 && r.Sector <= merged[last].Sector+merged[last].Length {
			merged[last].Length = max(merged[last].Length, r.Sector+r.Length-merged[last].Sector)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}
