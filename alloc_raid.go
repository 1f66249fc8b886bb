package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// exclusive says whether each stripe is to have its physical volumes alone.
func (p *picker) exclusive() bool { return p.owned != nil && p.policy != metadata.AllocAnywhere }

// own notes that a stripe is on a physical volume.
func (p *picker) own(stripe int, pv metadata.ID) {
	if p.owned == nil {
		return
	}
	if p.owned[stripe] == nil {
		p.owned[stripe] = pvSet{}
	}
	p.owned[stripe][pv] = true
}

// ownerOf returns the stripe that has a physical volume alone, -1 if there is none.
func (p *picker) ownerOf(pv metadata.ID) int {
	return slices.IndexFunc(p.owned, func(set pvSet) bool { return set[pv] })
}

// apart returns the candidates for the stripes, nil if one of them would be on a
// physical volume of another.
func (p *picker) apart(chosen []candidate) []candidate {
	if !p.exclusive() {
		return chosen
	}
	for s, c := range chosen {
		for other, set := range p.owned {
			if other != s && set[p.pvs[c.pv].id] {
				return nil
			}
		}
	}
	return chosen
}

// toOwners is largest where each stripe has its physical volumes alone: what is on
// one of them goes to its stripe, the others to the rest of the stripes in order.
func (p *picker) toOwners(all []candidate, apart bool) []candidate {
	chosen := make([]candidate, p.req.Stripes)
	var taken, free []candidate
	left := len(chosen)
	for _, c := range all {
		shares := func(o candidate) bool { return sharesTag(p.pvs[c.pv].tags, p.pvs[o.pv].tags, p.req.ClingTags) }
		if apart && slices.ContainsFunc(taken, shares) {
			continue
		}
		s := p.ownerOf(p.pvs[c.pv].id)
		if s >= 0 && chosen[s].size > 0 {
			continue
		}
		taken = append(taken, c)
		if s >= 0 {
			chosen[s] = c
		} else {
			free = append(free, c)
		}
		if left--; left > 0 {
			continue
		}
		for s := range chosen {
			if chosen[s].size == 0 {
				chosen[s], free = free[0], free[1:]
			}
		}
		return chosen
	}
	return nil
}
