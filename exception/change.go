package exception

import "slices"

// add makes exceptions for chunks of the origin that have none. The caller holds
// mu and has made sure that there is room. fill writes the contents of a chunk
// to byte off of the store. Returns for how many chunks there are exceptions
// now, on the device for good.
//
// Exceptions are written a sector at a time, and each is on the device before
// the next is written: if a later one could be there without an earlier one, it
// would come to life when the gap is closed after a crash.
func (s *Store) add(olds []Chunk, fill func(old Chunk, off int64) error) (done int, err error) {
	if err := s.tidy(); err != nil {
		return 0, err
	}
	for done < len(olds) {
		first := len(s.list)
		some := olds[done:min(len(olds), done+perSector-first%perSector)]
		added := make([]Exception, 0, len(some))
		next := s.next
		for _, old := range some {
			if err := fill(old, s.offset(next)); err != nil {
				return done, err
			}
			added = append(added, Exception{old, next})
			next = s.dataChunk(next + 1)
		}
		if end := first + len(added); end%s.area == 0 {
			// With this the area is full, so the list goes on to the next.
			c := s.areaChunk(end / s.area)
			if err := zero(s.dev, s.offset(c), s.offset(c+1)); err != nil {
				return done, err
			}
		}
		if err := flush(s.dev); err != nil {
			return done, err
		}
		from := first - first%perSector
		if err := s.writeEntries(from, append(slices.Clone(s.list[from:]), added...)); err != nil {
			return done, err
		}
		for _, e := range added {
			s.append(e)
		}
		done += len(added)
	}
	return done, nil
}

// tidy clears what is behind the end of the list, up to the end of the area. A
// writer that died may have left entries there, behind one that it could not
// write any more. The list must not reach them.
func (s *Store) tidy() error {
	if s.clean {
		return nil
	}
	n := len(s.list)
	buf := make([]byte, min(s.chunk, bufferSize))
	start := s.offset(s.areaChunk(n / s.area))
	skip := int64(n%s.area) * entrySize
	dirty := false
	for at := int64(0); at < s.chunk; at += int64(len(buf)) {
		if err := read(s.dev, buf, start+at); err != nil {
			return err
		}
		for sector := int64(0); sector < int64(len(buf)); sector += sectorSize {
			b := buf[sector : sector+sectorSize]
			keep := min(max(skip-at-sector, 0), sectorSize)
			if !slices.ContainsFunc(b[keep:], func(c byte) bool { return c != 0 }) {
				continue
			}
			clear(b[keep:])
			dirty = true
			if err := write(s.dev, b, start+at+sector); err != nil {
				return err
			}
		}
	}
	if dirty {
		if err := flush(s.dev); err != nil {
			return err
		}
	}
	s.clean = true
	return nil
}

// drop takes the last n exceptions from the list; all of them are in one sector.
// Their data stays, but may be written over from now on.
func (s *Store) drop(n int) error {
	keep := len(s.list) - n
	from := keep - keep%perSector
	if err := s.writeEntries(from, s.list[from:keep]); err != nil {
		return err
	}
	for _, e := range s.list[keep:] {
		delete(s.at, e.Old)
	}
	s.list = s.list[:keep]
	switch {
	case keep == 0:
		s.next, s.ordered = 2, true
	case s.ordered:
		s.next = s.dataChunk(s.list[keep-1].New + 1)
	}
	return nil
}

// writeEntries writes the sector that begins with exception from, with no
// exceptions behind the given ones, and syncs it.
func (s *Store) writeEntries(from int, list []Exception) error {
	b := make([]byte, 0, sectorSize)
	for _, e := range list {
		b = appendEntry(b, e)
	}
	err := write(s.dev, b[:sectorSize], s.entryOffset(from))
	if err == nil {
		err = flush(s.dev)
	}
	s.failed = err
	return err
}

// giveUp makes the store invalid, on the device first.
func (s *Store) giveUp() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	err := write(s.dev, header{magic, 0, version, uint32(s.ChunkSize())}.encode(), 0)
	if err == nil {
		err = flush(s.dev)
	}
	s.failed = err
	s.invalid = err == nil
	return err
}
