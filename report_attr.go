package lvm

import (
	"slices"
	"strings"

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
	a[8] = healthChar(f.health())
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
	case len(f.snapshots) > 0:
		return upper('o', f.isMerging())
	case f.converting():
		return 'c'
	case first.kind == "thin":
		return 'V'
	case first.kind == "thin-pool":
		return 't'
	case f.usedAs(cacheOrigin, externalOrigin) != nil:
		return 'o'
	case f.usedAs(raidMeta, poolMetadata, integrityMeta) != nil || f.isSpare():
		return 'e'
	case f.usedAs(mirrorLog) != nil:
		return 'l'
	case f.isVirtual():
		return 'v'
	case first.kind == "integrity":
		return 'g'
	case use != nil && f.rel.nodes[use.by].isRedundant():
		return upper('i', !f.imageInSync())
	case first.raid:
		return upper('r', skipped)
	case first.kind == "mirror":
		return upper('m', skipped)
	case first.kind == "vdo-pool":
		return 'd'
	case first.kind == "cache", first.kind == "cache-pool", first.kind == "writecache", f.rec.Status&metadata.LVCacheVol != 0:
		return 'C'
	case f.usedAs(poolData) != nil:
		return map[string]byte{"thin-pool": 'T', "vdo-pool": 'D', "cache-pool": 'C'}[f.rel.nodes[f.usedAs(poolData).by].first().kind]
	}
	return '-'
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
	if needs, _ := d.needsCheck(); needs && d.targetStatus("thin-pool") != nil {
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
	case first.raid:
		return 'r'
	case first.kind == "mirror":
		return 'm'
	case first.kind == "cache", first.kind == "cache-pool", first.kind == "writecache",
		f.usedAs(cacheOrigin) != nil, f.rec.Status&metadata.LVCacheVol != 0:
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

// health returns lvm2's word for what is wrong with the volume, the worst first;
// empty if nothing is known to be.
func (f *lvFacts) health() string {
	if f.partial {
		return "partial"
	}
	target := f.target()
	if s, ok := target.raid(); ok {
		switch {
		case strings.ContainsAny(s.devices, "D"):
			return "refresh needed"
		case s.mismatches > 0:
			return "mismatches exist"
		}
	}
	if f.rec.Status&metadata.LVWriteMostly != 0 {
		return "writemostly"
	}
	if s, ok := target.thinPool(); ok {
		switch {
		case s.failed:
			return "failed"
		case s.outOfData:
			return "out_of_data"
		case s.readOnly:
			return "metadata_read_only"
		}
	}
	return ""
}

func healthChar(health string) byte {
	switch health {
	case "partial":
		return 'p'
	case "refresh needed":
		return 'r'
	case "mismatches exist":
		return 'm'
	case "writemostly":
		return 'w'
	case "failed":
		return 'F'
	case "out_of_data":
		return 'D'
	case "metadata_read_only":
		return 'M'
	}
	return '-'
}
