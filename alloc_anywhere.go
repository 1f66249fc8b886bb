package lvm

// share is an area that candidates of one round can share.
type share struct {
	area freeArea
	left Extents // not spoken for by a candidate
}

// bestAnywhere is best for the policy anywhere: a physical volume gives several
// areas, and an area serves several stripes as long as something of it is left.
func (p *picker) bestAnywhere(apart bool) []candidate {
	want := p.want()
	shares := make([][]share, len(p.pvs))
	for i := range p.pvs {
		for _, a := range p.pvs[i].free {
			shares[i] = append(shares[i], share{a, a.count})
		}
	}
	var all []candidate
	for before := -1; len(all) > before && len(all) < p.req.Stripes; {
		first := before < 0
		before = len(all)
		for i := range shares {
			for j := 0; j < len(shares[i]) && (first || len(all) < p.req.Stripes); {
				s := &shares[i][j]
				if s.left == 0 {
					j++
					continue
				}
				size := min(s.left, want)
				all = append(all, candidate{i, s.area, size})
				p.touched = append(p.touched, all[len(all)-1])
				s.left -= size
				j = moveShare(shares[i], j)
			}
		}
	}
	return p.largest(all, apart)
}

// moveShare puts share j in front of the first one whose area is smaller than
// what is left of it, and returns the index after its new place.
func moveShare(shares []share, j int) int {
	s := shares[j]
	if s.left == 0 {
		return j + 1
	}
	k := j + 1
	for k < len(shares) && shares[k].area.count >= s.left {
		k++
	}
	copy(shares[j:], shares[j+1:k])
	shares[k-1] = s
	return k
}
