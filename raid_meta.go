package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// clearMeta has the kernel find nothing in the new metadata volume of a leg of a raid,
// whatever was on those extents before.
func (tx *Tx) clearMeta(meta metadata.ID) {
	tx.created = append(tx.created, newLV{id: meta, keepSignatures: true, meta: blankMeta})
}

// makeMetas has the kernel find in the new metadata volumes of all legs of a raid what
// it would write there itself: it does so on one leg after the other, and refuses a
// raid that has it on some of them only, so a power cut in between would be its end.
// Where the kernel does not get the raid now, it finds nothing: the raid may have
// another size by then, and the kernel would not bring all of that in sync.
func (tx *Tx) makeMetas(lv *metadata.LogicalVolume, inSync, active bool) {
	what := dirtyMeta
	switch {
	case !active || tx.sys.kernel == nil:
		what = blankMeta
	case inSync:
		what = cleanMeta
	}
	for _, leg := range lv.Segments[0].Body.(*metadata.RAID).Legs {
		if !leg.Meta.IsZero() {
			tx.created = append(tx.created, newLV{id: leg.Meta, keepSignatures: true, meta: what})
		}
	}
}

// newMeta is what the metadata of a new leg says.
type newMeta uint8

const (
	noMeta    newMeta = iota // it is no metadata
	blankMeta                // nothing: the leg is new
	dirtyMeta                // all legs are new, and to be brought in sync
	cleanMeta                // all legs hold the same
)

// metaHead returns what the new metadata volume of a leg begins with. All that the
// kernel may look for in it is overwritten: it does not write all of the bitmap for a
// leg that comes to others.
func (b *builder) metaHead(n newLV) ([]byte, error) {
	tx := b.tx
	above := tx.ties().above[n.id]
	i := slices.IndexFunc(above, func(id metadata.ID) bool { _, ok := kindOf(tx.find(id)).(raidType); return ok })
	if i < 0 {
		return nil, fault(ErrDamaged, "lv %s is of no raid", tx.nameOf(n.id))
	}
	seg := &tx.find(above[i]).Segments[0]
	body := seg.Body.(*metadata.RAID)
	leg, ok := seg.AreaLength().Sectors(tx.vg.ExtentSize)
	if !ok {
		return nil, fault(ErrInvalidSize, "lv %s is too large", tx.nameOf(above[i]))
	}
	var head []byte
	if n.meta != blankMeta {
		var err error
		number := slices.IndexFunc(body.Legs, func(l metadata.RAIDLeg) bool { return l.Meta == n.id })
		if head, err = raid.NewMeta(raidGeometry(seg), number, leg, body.RegionSize, n.meta == cleanMeta); err != nil {
			return nil, fault(ErrUnsupported, "lv %s: %v", tx.nameOf(above[i]), err)
		}
	}
	length := max(metaBytes(leg, body.RegionSize), Bytes(len(head)))
	room := extentBytes(tx.vg, tx.find(n.id).Extents())
	length = min((length+4*units.KiB-1)/(4*units.KiB)*(4*units.KiB), room)
	if Bytes(len(head)) > length {
		return nil, fault(ErrInvalidSize, "lv %s has no room for what the kernel notes of a leg", tx.nameOf(n.id))
	}
	return append(head, make([]byte, length-Bytes(len(head)))...), nil
}
