package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// A movePlan says what a move takes where.
type movePlan struct {
	from   allocPV // with its ranges
	lvs    []moveUser
	pieces []movePiece
}

// moveUser is a logical volume that takes part in a move.
type moveUser struct {
	index    int                // in the group's
	segments []metadata.Segment // cut where the ranges to move begin and end
}

// movePiece is an area that moves.
type movePiece struct {
	user, segment, area int
	start, count        Extents     // on the physical volume it leaves
	to                  []moveChunk // where it goes, in order
}

// moveChunk is extents of a piece that stay together.
type moveChunk struct {
	area  metadata.Area
	count Extents
}

// planMove chooses what moves, in lvm2's order: by volume, segment and stripe.
func (tx *Tx) planMove(o MoveOptions) (*movePlan, error) {
	find := func(ref string) (metadata.ID, bool) { return findPV(tx.vg, tx.members, ref) }
	from, err := resolveSelections(tx.vg, []PVSelection{o.From}, find)
	if err != nil {
		return nil, err
	}
	if len(from) != 1 {
		return nil, fault(ErrInvalidSelection, "%s: one physical volume at a time can be moved off", o.From.PV)
	}
	to, err := resolveSelections(tx.vg, o.To, find)
	if err != nil {
		return nil, err
	}
	p := &movePlan{from: from[0]}
	only, err := tx.moveOnly(o.LV)
	if err != nil {
		return nil, err
	}
	if err := p.choose(tx, only); err != nil {
		return nil, err
	}
	return p, p.place(tx, o.Allocation, to)
}

// moveOnly returns the volumes that a move is kept to: one, with those that its
// areas are in. It is nil for all.
func (tx *Tx) moveOnly(ref string) (map[metadata.ID]bool, error) {
	if ref == "" {
		return nil, nil
	}
	lv, _, err := tx.lvFor(ref)
	if err == nil {
		err = notMoving(lv)
	}
	if err != nil {
		return nil, err
	}
	only := map[metadata.ID]bool{}
	var add func(*metadata.LogicalVolume)
	add = func(lv *metadata.LogicalVolume) {
		if lv == nil || only[lv.ID] {
			return
		}
		only[lv.ID] = true
		for _, below := range slices.Concat(lvsBelow(lv), usedBy(lv)) {
			add(tx.find(below))
		}
	}
	add(lv)
	return only, nil
}

// choose finds the areas to move. Volumes that are being moved are left alone, as
// lvm2 does, and so is what belongs to another move.
func (p *movePlan) choose(tx *Tx, only map[metadata.ID]bool) error {
	legs := tx.moveLegLVs()
	skipped := ""
	for i, lv := range tx.vg.LVs {
		if lv == nil || only != nil && !only[lv.ID] {
			continue
		}
		if isMove(lv) || legs[lv.ID] {
			if p.touches(lv) {
				skipped = lv.Name
			}
			continue
		}
		user := moveUser{index: i}
		var pieces []movePiece
		for _, seg := range lv.Segments {
			parts, err := cutSegment(seg, p.bounds(&seg))
			if err != nil {
				return err
			}
			for _, part := range parts {
				for n, a := range areasOf(&part) {
					if p.takes(a) {
						pieces = append(pieces, movePiece{
							user: len(p.lvs), segment: len(user.segments), area: n, start: a.Start, count: part.AreaLength(),
						})
					}
				}
				user.segments = append(user.segments, part)
			}
		}
		if len(pieces) == 0 {
			continue
		}
		if lv.Status&metadata.LVLocked != 0 {
			skipped = lv.Name
			continue
		}
		if err := tx.movable(lv); err != nil {
			return err
		}
		p.lvs, p.pieces = append(p.lvs, user), append(p.pieces, pieces...)
	}
	switch {
	case len(p.pieces) > 0:
		return nil
	case skipped != "":
		return fault(ErrMoving, "all that is there is being moved already: see lv %s", skipped)
	}
	return fault(ErrNothingToMove, "no lv that can be moved has extents there")
}

// moveLegLVs returns the volumes that are legs of moves that are atomic.
func (tx *Tx) moveLegLVs() map[metadata.ID]bool {
	legs := map[metadata.ID]bool{}
	for _, lv := range tx.vg.LVs {
		if lv == nil {
			continue
		}
		for i := range lv.Segments {
			if body, ok := lv.Segments[i].Body.(*metadata.Mirror); ok && isMove(lv) {
				for _, leg := range body.Legs {
					legs[leg.LV] = true
				}
			}
		}
	}
	return legs
}

// notMerging refuses an origin that a snapshot is being merged into, and the
// snapshots of one.
func (tx *Tx) notMerging(lv *metadata.LogicalVolume) error {
	origin := lv.ID
	if link, ok := tx.snapshotBy(lv.ID); ok {
		origin = link.body.Origin
	}
	if _, ok := tx.mergingInto(origin); ok {
		return fault(ErrMerging, "lv %s: snapshots are being merged", lv.Name)
	}
	return nil
}

// bounds returns where the areas of a segment have to be cut, so that each part
// moves or stays as a whole.
func (p *movePlan) bounds(seg *metadata.Segment) []Extents {
	var at []Extents
	length := seg.AreaLength()
	for _, a := range areasOf(seg) {
		if a.PV != p.from.PV {
			continue
		}
		for _, r := range p.from.Ranges {
			for _, edge := range []Extents{r.Start, satAdd(r.Start, r.Count)} {
				if edge > a.Start && edge < satAdd(a.Start, length) {
					at = append(at, edge-a.Start)
				}
			}
		}
	}
	return at
}

// takes says whether an area, which lies within one range or outside of all,
// moves.
func (p *movePlan) takes(a metadata.Area) bool {
	return a.PV == p.from.PV && slices.ContainsFunc(p.from.Ranges, func(r PERange) bool {
		return a.Start >= r.Start && a.Start < satAdd(r.Start, r.Count)
	})
}

// touches says whether a volume has extents that would move.
func (p *movePlan) touches(lv *metadata.LogicalVolume) bool {
	for i := range lv.Segments {
		seg := &lv.Segments[i]
		for _, a := range areasOf(seg) {
			if a.PV == p.from.PV && slices.ContainsFunc(p.from.Ranges, func(r PERange) bool {
				return a.Start < satAdd(r.Start, r.Count) && satAdd(a.Start, seg.AreaLength()) > r.Start
			}) {
				return true
			}
		}
	}
	return false
}

// place finds room for the pieces: not where they are, nor where another stripe
// of their segment is, nor another leg of a raid or mirror that they are in, unless
// the policy is anywhere.
func (p *movePlan) place(tx *Tx, policy Allocation, to []allocPV) error {
	request := allocRequest{Name: "move", Policy: resolvePolicy(tx.vg, nil, policy), PVs: to}
	for i := range p.pieces {
		piece := &p.pieces[i]
		user := &p.lvs[piece.user]
		seg := &user.segments[piece.segment]
		part := allocPart{Count: piece.count, Apart: append(tx.apart(tx.vg.LVs[user.index]), p.from.PV)}
		for _, a := range areasOf(seg) {
			if !a.PV.IsZero() {
				part.Apart = append(part.Apart, a.PV)
			} else if below := tx.find(a.LV); below != nil {
				for _, a := range areasOnPVs(below, tx.find) {
					part.Apart = append(part.Apart, a.PV)
				}
			}
		}
		request.Parts = append(request.Parts, part)
		request.Extents = satAdd(request.Extents, piece.count)
	}
	found, err := tx.emap.allocate(tx.vg, request)
	if err != nil {
		return err
	}
	for i := range p.pieces {
		piece := &p.pieces[i]
		for have := Extents(0); have < piece.count; {
			piece.to = append(piece.to, moveChunk{found[0].Areas[0], found[0].Count})
			have += found[0].Count
			found = found[1:]
		}
	}
	return nil
}

// maxMoveSegments bounds what a limit on the length of segments may come to.
const maxMoveSegments = 1 << 16

// most returns how long a segment may be; 0 is no limit.
func (p *movePlan) most(o MoveOptions, extent Bytes) Extents {
	switch {
	case o.MaxSegment != 0:
		return max(1, Extents(o.MaxSegment/extent))
	case o.Atomic || o.Run.Rate == 0 && !o.cut:
		return 0
	}
	total := Extents(0)
	for _, piece := range p.pieces {
		total += piece.count
	}
	if o.Run.Rate == 0 {
		return max(1, Extents(moveCut/extent), total/moveCuts)
	}
	return max(1, Extents(o.Run.Rate/extent)*moveRateSpan, total/moveRateSegments)
}

// mapping makes the segments of a move, and points those of the volumes to it.
// No segment is longer than most; 0 is no limit. Where a piece goes to several
// places, all stripes of its segment are cut there: lvm2 takes for granted that
// each area of a volume is one whole segment of the move.
func (p *movePlan) mapping(move metadata.ID, most Extents) (legs []moveLegs, err error) {
	le := Extents(0)
	pieces := p.pieces
	for u := range p.lvs {
		user := &p.lvs[u]
		var segments []metadata.Segment
		for s, seg := range user.segments {
			n := 0
			for n < len(pieces) && pieces[n].user == u && pieces[n].segment == s {
				n++
			}
			own := pieces[:n]
			pieces = pieces[n:]
			parts, err := cutSegment(seg, chunkEnds(own, most))
			if err != nil {
				return nil, err
			}
			if satAdd(Extents(len(legs)), Extents(len(parts)*n)) > maxMoveSegments {
				return nil, fault(ErrInvalidSpec, "the move would be in more than %d segments", maxMoveSegments)
			}
			offset := Extents(0)
			for _, part := range parts {
				length := part.AreaLength()
				if body, ok := part.Body.(*metadata.Striped); ok && n > 0 {
					stripes := slices.Clone(body.Stripes)
					for _, piece := range own {
						from := metadata.Area{PV: p.from.PV, Start: piece.start + offset}
						legs = append(legs, moveLegs{start: le, count: length, from: from, to: piece.at(offset)})
						stripes[piece.area] = metadata.Area{LV: move, Start: le}
						le += length
					}
					part.Body = &metadata.Striped{StripeSize: body.StripeSize, Stripes: stripes}
				}
				segments = append(segments, part)
				offset += length
			}
		}
		user.segments = segments
	}
	return legs, nil
}

// moveLegs is a segment of a move.
type moveLegs struct {
	start, count Extents // of the move
	from, to     metadata.Area
}

// chunkEnds returns where segments with these pieces are cut.
func chunkEnds(pieces []movePiece, most Extents) []Extents {
	var at []Extents
	for _, piece := range pieces {
		end := Extents(0)
		for _, chunk := range piece.to {
			end += chunk.count
			at = append(at, end)
		}
	}
	slices.Sort(at)
	at = slices.Compact(at)
	if most == 0 {
		return at
	}
	var all []Extents
	from := Extents(0)
	for _, end := range at {
		for n := from + most; n < end && len(all) <= maxMoveSegments; n += most {
			all = append(all, n)
		}
		all = append(all, end)
		from = end
	}
	return all
}

// at returns where extent number n of a piece goes.
func (m *movePiece) at(n Extents) metadata.Area {
	for _, chunk := range m.to {
		if n < chunk.count {
			a := chunk.area
			a.Start += n
			return a
		}
		n -= chunk.count
	}
	return metadata.Area{} // n is within the piece
}
