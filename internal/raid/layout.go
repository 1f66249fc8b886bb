package raid

// Layout is a RAID level and how it spreads data and parity over the legs. All
// but those of raid10 are the raid target's words.
type Layout string

// The layouts of the raid target.
const (
	RAID0   Layout = "raid0"
	RAID1   Layout = "raid1"
	RAID4   Layout = "raid4"    // P on the first leg
	RAID5N  Layout = "raid5_n"  // P on the last leg
	RAID5LA Layout = "raid5_la" // left asymmetric: P from the last leg on to the first
	RAID5RA Layout = "raid5_ra" // right asymmetric: P from the first leg on to the last
	RAID5LS Layout = "raid5_ls" // left symmetric: as left, the data begin behind P
	RAID5RS Layout = "raid5_rs" // right symmetric
	RAID6ZR Layout = "raid6_zr" // zero restart: P from the first leg on, Q behind it
	RAID6NR Layout = "raid6_nr" // N restart: P from the last leg but one, Q behind it
	RAID6NC Layout = "raid6_nc" // N continue: P from the last leg, Q in front of it, the data behind P
	// The layouts of RAID 5 on all legs but the last, where Q is.
	RAID6N6  Layout = "raid6_n_6"
	RAID6LA6 Layout = "raid6_la_6"
	RAID6RA6 Layout = "raid6_ra_6"
	RAID6LS6 Layout = "raid6_ls_6"
	RAID6RS6 Layout = "raid6_rs_6"

	RAID10Near   Layout = "raid10"        // the copies of a chunk beside each other
	RAID10Far    Layout = "raid10_far"    // each further copy in a further part of the legs
	RAID10Offset Layout = "raid10_offset" // each further copy in the next row
)

// family is what layouts have in common.
type family uint8

const (
	unknown  family = iota
	striped         // raid0
	mirrored        // raid1, raid10
	single          // P
	double          // P and Q
)

func (l Layout) family() family {
	switch l {
	case RAID0:
		return striped
	case RAID1, RAID10Near, RAID10Far, RAID10Offset:
		return mirrored
	case RAID4, RAID5N, RAID5LA, RAID5RA, RAID5LS, RAID5RS:
		return single
	case RAID6ZR, RAID6NR, RAID6NC, RAID6N6, RAID6LA6, RAID6RA6, RAID6LS6, RAID6RS6:
		return double
	}
	return unknown
}

// parityLegs returns how many chunks of a row are parity.
func (l Layout) parityLegs() int {
	switch l.family() {
	case single:
		return 1
	case double:
		return 2
	}
	return 0
}

// row says what is where in one row of an array with parity.
type row struct {
	p, q int // legs; -1: there is no Q
	// ring is how many legs P goes round on, if the data begin behind P; 0 if they
	// are in the order of the legs.
	ring int
	// inOrder: Q counts the legs of data from 0; else it counts all legs.
	inOrder bool
}

// row returns what is where in row n of an array with that many legs.
func (l Layout) row(n uint64, legs int) row {
	ring := legs
	r := row{q: -1}
	switch l {
	case RAID6N6, RAID6LA6, RAID6RA6, RAID6LS6, RAID6RS6:
		ring--
		r.q, r.inOrder = legs-1, true
	}
	turn := int(n % uint64(ring))
	last := ring - 1
	switch l {
	case RAID4:
		r.p = 0
	case RAID5N, RAID6N6:
		r.p = last
	case RAID5LA, RAID6LA6:
		r.p = last - turn
	case RAID5RA, RAID6RA6:
		r.p = turn
	case RAID5LS, RAID6LS6:
		r.p, r.ring = last-turn, ring
	case RAID5RS, RAID6RS6:
		r.p, r.ring = turn, ring
	case RAID6ZR:
		r.p = turn
		r.q = (turn + 1) % ring
	case RAID6NR:
		r.p = last - (turn+1)%ring
		r.q = (r.p + 1) % ring
	case RAID6NC:
		r.p, r.ring = last-turn, ring
		r.q = (r.p + last) % ring
	}
	return r
}

// leg returns the leg of the data chunk i of the row.
func (r row) leg(i int) int {
	if r.ring > 0 {
		return (r.p + 1 + i) % r.ring
	}
	first, second := min(r.p, r.q), max(r.p, r.q)
	if first >= 0 && i >= first {
		i++
	}
	if i >= second {
		i++
	}
	return i
}

// holdsData reports whether a leg has data in the row.
func (r row) holdsData(leg int) bool { return leg != r.p && leg != r.q }

// exponent returns n of the factor 2ⁿ that a leg's data have in Q.
func (r row) exponent(leg int) int {
	if r.inOrder && leg > r.p {
		return leg - 1
	}
	return leg
}
