package lvm

import (
	"fmt"
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// SpaceError says that there is not enough allocatable space for a request: not
// enough at all, or not where the policy, the stripes and the chosen physical
// volumes allow it. It matches [ErrNoSpace].
type SpaceError struct {
	VG, LV  string
	Policy  metadata.Allocation
	Stripes int
	Need    Extents   // logical extents asked for
	Free    Extents   // extents that are free in the physical volumes that may be used
	Largest Extents   // length of the largest free area among them
	PVs     []PVSpace // the physical volumes that may be used
}

// PVSpace is the free space of one physical volume.
type PVSpace struct {
	PV      string // path of its device, or its id
	Free    Extents
	Largest Extents // length of the largest free area
}

// maxSpacePVs bounds how many physical volumes an error's text lists.
const maxSpacePVs = 8

func (e *SpaceError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "vg %s", e.VG)
	if e.LV != "" {
		fmt.Fprintf(&b, ": lv %s", e.LV)
	}
	fmt.Fprintf(&b, ": need %d extents", uint64(e.Need))
	if e.Stripes > 1 {
		fmt.Fprintf(&b, " in %d stripes", e.Stripes)
	}
	fmt.Fprintf(&b, " (policy %s), %d free, largest area %d", e.Policy, uint64(e.Free), uint64(e.Largest))
	for i, pv := range e.PVs {
		if i == maxSpacePVs {
			fmt.Fprintf(&b, "; %d more", len(e.PVs)-i)
			break
		}
		fmt.Fprintf(&b, "; %s: %d free, largest area %d", pv.PV, uint64(pv.Free), uint64(pv.Largest))
	}
	return b.String()
}

// Is matches [ErrNoSpace].
func (e *SpaceError) Is(target error) bool { return target == ErrNoSpace }

// shortage returns the error for a request that cannot be met. Nothing may have
// been picked yet.
func (p *picker) shortage(vg string) *SpaceError {
	e := &SpaceError{VG: vg, LV: p.req.Name, Policy: p.req.Policy, Stripes: p.req.Stripes, Need: p.req.Extents}
	for i := range p.pvs {
		s := PVSpace{PV: p.pvs[i].name}
		for _, a := range p.pvs[i].areas {
			s.Free += a.count
			s.Largest = max(s.Largest, a.count)
		}
		e.Free += s.Free
		e.Largest = max(e.Largest, s.Largest)
		e.PVs = append(e.PVs, s)
	}
	return e
}
