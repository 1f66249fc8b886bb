package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// Attr returns lvm2's ten attribute characters, the vocabulary of lvs(8):
// type, permissions, allocation policy, fixed minor, state, open, target type,
// zeroing, health, and whether activation is skipped. It asks the kernel about
// an active volume; state and open are X where the kernel cannot tell.
func (l *LogicalVolume) Attr() string {
	dev, err := l.Kernel()
	return l.facts(dev, err).attr()
}

// Attr returns lvm2's six attribute characters, the vocabulary of vgs(8):
// permissions, resizeable, exported, partial, allocation policy, clustered or
// shared.
func (v *VolumeGroup) Attr() string {
	s := v.rec.Status
	a := []byte("r-----")
	if s&(metadata.VGWrite|metadata.VGWriteLocked) != 0 {
		a[0] = 'w'
	}
	if s&metadata.VGResizeable != 0 {
		a[1] = 'z'
	}
	if s&metadata.VGExported != 0 {
		a[2] = 'x'
	}
	if v.missingPVs() > 0 {
		a[3] = 'p'
	}
	a[4] = allocationChar(v.Allocation())
	switch {
	case v.clustered():
		a[5] = 'c'
	case v.shared():
		a[5] = 's'
	}
	return string(a)
}

// Attr returns lvm2's three attribute characters, the vocabulary of pvs(8):
// allocatable or used, exported, missing.
func (p *PhysicalVolume) Attr() string {
	a := []byte("u--")
	if p.Allocatable() {
		a[0] = 'a'
	}
	if p.exported() {
		a[1] = 'x'
	}
	if p.Missing() {
		a[2] = 'm'
	}
	return string(a)
}

func allocationChar(a Allocation) byte {
	switch a {
	case metadata.AllocContiguous:
		return 'c'
	case metadata.AllocCling, metadata.AllocClingByTags:
		return 'l'
	case metadata.AllocNormal:
		return 'n'
	case metadata.AllocAnywhere:
		return 'a'
	}
	return 'i'
}

// attr puts the characters together.
func (f *lvFacts) attr() string {
	a := []byte("----------")
	a[0], a[1] = f.typeChar(), f.permissionChar()
	a[2] = allocationChar(f.rec.Allocation)
	if f.rec.Status&metadata.LVLocked != 0 {
		a[2] -= 'a' - 'A'
	}
	if f.rec.Status&metadata.LVFixedMinor != 0 {
		a[3] = 'm'
	}
	a[4], a[5] = f.stateChars()
	a[6] = f.targetChar()
	if zero, known := f.zeroes(); known && zero {
		a[7] = 'z'
	}
	a[8] = f.healthChar()
	if f.rec.Status&metadata.LVActivationSkip != 0 {
		a[9] = 'k'
	}
	return string(a)
}

func (f *lvFacts) typeChar() byte {
	first := f.first()
	upper := func(c byte, up bool) byte {
		if up {
			c -= 'a' - 'A'
		}
		return c
	}
	skipped := f.rec.Status&metadata.LVNotSynced != 0 // the first synchronisation
	use := f.usedAs(areaPart)
	switch {
	case isMove(f.rec):
		return 'p'
	case f.cow != nil:
		return upper('s', f.cow.merging)
	case len(f.snapshots) > 0, f.usedAs(externalOrigin) != nil: // also a thin volume
		return upper('o', f.isMerging())
	case f.converting():
		return 'c'
	case f.usedAs(thinMerged) != nil:
		return 'O'
	case first.kind == "thin" && f.isMerging():
		return 'S'
	case first.kind == "thin":
		return 'V'
	case first.kind == "thin-pool":
		return 't'
	case f.usedAs(raidMeta, poolMetadata, integrityMeta) != nil || f.isSpare():
		return 'e'
	case f.usedAs(mirrorLog) != nil:
		return 'l'
	case f.isVirtual(), f.unknown():
		return 'v'
	case first.kind == "integrity":
		return 'g'
	case use != nil && f.rel.nodes[use.by].isRedundant() && first.kind != "mirror":
		return upper('i', !f.imageInSync())
	case f.rec.Status&metadata.LVCacheVol != 0, f.isCacheData():
		return 'C'
	case first.raid:
		return upper('r', skipped)
	case first.kind == "mirror":
		return upper('m', skipped)
	case f.usedAs(cacheOrigin) != nil:
		return 'o'
	case first.kind == "vdo-pool":
		return 'd'
	case first.kind == "cache", first.kind == "cache-pool", first.kind == "writecache":
		return 'C'
	case f.usedAs(poolData) != nil:
		return map[string]byte{"thin-pool": 'T', "vdo-pool": 'D'}[f.rel.nodes[f.usedAs(poolData).by].first().kind]
	}
	return '-'
}

// isCacheData says whether the volume has the data of a cache pool.
func (f *lvFacts) isCacheData() bool {
	use := f.usedAs(poolData)
	return use != nil && f.rel.nodes[use.by].first().kind == "cache-pool"
}

// isVirtual says whether a part of the volume has no storage of its own.
func (f *lvFacts) isVirtual() bool {
	return slices.ContainsFunc(f.segments, func(s segmentFacts) bool { return slices.Contains([]string{"error", "zero", "vdo"}, s.kind) })
}

func (f *lvFacts) permissionChar() byte {
	switch {
	case isMove(f.rec):
		return '-'
	case f.rec.Status&(metadata.LVWrite|metadata.LVWriteLocked) == 0:
		return 'r'
	case f.overridden():
		return 'R'
	}
	return 'w'
}

func (f *lvFacts) stateChars() (state, open byte) {
	if f.devErr != nil {
		return 'X', 'X'
	}
	d := f.dev
	if d == nil {
		return '-', '-'
	}
	if f.replaced() {
		return 'X', 'X'
	}
	open = '-'
	if d.OpenCount > 0 {
		open = 'o'
	}
	pick := func(live, suspended byte) (byte, byte) {
		if d.Suspended {
			return suspended, open
		}
		return live, open
	}
	if s, ok := d.snapshot(); ok && f.cow != nil {
		switch {
		case s.invalid:
			return pick('I', 'S')
		case s.mergeFailed:
			return pick('m', 'M')
		}
	}
	if s, ok := d.thinPool(); ok && s.NeedsCheck {
		return pick('c', 'C')
	}
	switch {
	case d.Suspended:
		return 's', open
	case d.LiveTable:
		return 'a', open
	case d.InactiveTable:
		return 'i', open
	}
	return 'd', open
}

func (f *lvFacts) targetChar() byte {
	first := f.first()
	use := f.usedAs(areaPart, raidMeta, mirrorLog)
	switch {
	case first.kind == "thin", first.kind == "thin-pool":
		return 't'
	case f.usedAs(cacheOrigin) != nil, f.rec.Status&metadata.LVCacheVol != 0:
		return 'C'
	case first.raid:
		return 'r'
	case first.kind == "mirror":
		return 'm'
	case first.kind == "cache", first.kind == "cache-pool", first.kind == "writecache":
		return 'C'
	case f.cow != nil, len(f.snapshots) > 0:
		return 's'
	case use != nil && f.rel.nodes[use.by].first().raid:
		return 'r'
	case use != nil && f.rel.nodes[use.by].first().kind == "mirror":
		return 'm'
	case f.isVirtual():
		return 'v'
	case f.unknown():
		return 'u'
	}
	return '-'
}

// replaced says whether somebody has put another device in place of the volume's,
// that fails all I/O.
func (f *lvFacts) replaced() bool {
	return f.cow == nil && f.dev.isError() && !slices.ContainsFunc(f.segments, func(s segmentFacts) bool { return s.kind == "error" })
}

// health returns lvm2's word for what is wrong with the volume, the worst first;
// empty if nothing is known to be.
func (f *lvFacts) health() string {
	if f.partial {
		return "partial"
	}
	if use := f.usedAs(areaPart, raidMeta); use != nil && f.rel.nodes[use.by].first().raid {
		if s, ok := f.whole(use).target().raid(); ok && use.number < len(s.Legs) && s.Legs[use.number] == dm.RAIDDead {
			return "refresh needed"
		}
	}
	target := f.target()
	if s, ok := target.raid(); ok {
		switch {
		case slices.Contains(s.Legs, dm.RAIDDead):
			return "refresh needed"
		case s.Mismatches > 0:
			return "mismatches exist"
		}
	}
	if f.rec.Status&metadata.LVWriteMostly != 0 {
		return "writemostly"
	}
	if s, ok := target.writeCache(); ok && s.Failed {
		return "error"
	}
	if s, ok := target.thinPool(); ok {
		switch s.Mode {
		case dm.ThinPoolFailed, dm.ThinPoolUnknown:
			return "failed"
		case dm.ThinPoolOutOfDataSpace:
			return "out_of_data"
		case dm.ThinPoolReadOnly:
			return "metadata_read_only"
		}
	}
	return ""
}

// healthChar returns the character for what health says, and for what it does
// not.
func (f *lvFacts) healthChar() byte {
	switch f.health() {
	case "partial":
		return 'p'
	case "refresh needed":
		return 'r'
	case "mismatches exist":
		return 'm'
	case "writemostly":
		return 'w'
	case "error":
		return 'E'
	case "failed":
		return 'F'
	case "out_of_data":
		return 'D'
	case "metadata_read_only":
		return 'M'
	}
	if s, ok := f.target().raid(); ok && s.Action == dm.RAIDReshape {
		return 's'
	}
	if f.goesAfterReshape() {
		return 'R'
	}
	if s, ok := f.target().thin(); ok && s.State == dm.ThinFailed {
		return 'F'
	}
	if f.replaced() {
		return 'X'
	}
	return '-'
}

// goesAfterReshape says whether the volume is an image that a reshape has freed, or
// a raid that still has one.
func (f *lvFacts) goesAfterReshape() bool {
	return f.freed() || f.rel.freedImages(f.first()) > 0
}

// freed says whether the volume is an image, or the metadata of one, that a reshape
// has freed.
func (n *lvNode) freed() bool {
	return len(n.rec.Segments) > 0 && n.rec.Segments[0].HasFlag("REMOVE_AFTER_RESHAPE")
}

// freedImages returns how many images of a raid a reshape has freed.
func (r *relations) freedImages(f *segmentFacts) (count int) {
	if !f.raid {
		return 0
	}
	for _, a := range f.areas {
		if image := r.node(a.LV); image != nil && image.freed() {
			count++
		}
	}
	return count
}
