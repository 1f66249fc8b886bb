package lvm

import (
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// resizer is a segment type whose volumes grow and shrink in a way of their own.
// Each gets the record, its index in the group, and the size that was asked for.
type resizer interface {
	extend(tx *Tx, lv *metadata.LogicalVolume, i int, size Size, spec ExtendSpec) error
	reduce(tx *Tx, lv *metadata.LogicalVolume, i int, size Size, spec ReduceSpec) error
}

// remover is a segment type with something to do before a volume of it goes.
// What is removed with it is in going.
type remover interface {
	remove(tx *Tx, lv *metadata.LogicalVolume, going map[metadata.ID]bool) error
}

// kindOf returns the segment type of a volume of one segment, nil if it is
// nothing but areas, or of a type that is not known.
func kindOf(lv *metadata.LogicalVolume) segmentType {
	if lv == nil || len(lv.Segments) != 1 {
		return nil
	}
	switch lv.Segments[0].Body.(type) {
	case *metadata.Striped, *metadata.Virtual, *metadata.Snapshot:
		return nil
	}
	return typeOf(lv.Segments[0].Body)
}

// resizerOf returns what resizes a volume, nil if that is a matter of areas.
func resizerOf(lv *metadata.LogicalVolume) (resizer, error) {
	kind := kindOf(lv)
	if kind == nil {
		return nil, nil
	}
	if r, ok := kind.(resizer); ok {
		return r, nil
	}
	return nil, fault(ErrUnsupported, "lv %s is of type %s, which cannot be resized", lv.Name, lv.Segments[0].Type)
}

// withOwned returns volumes and all that they consist of, each once, but for what
// users see as a volume of its own.
func (tx *Tx) withOwned(lvs ...*metadata.LogicalVolume) []*metadata.LogicalVolume {
	seen := map[metadata.ID]bool{}
	var out []*metadata.LogicalVolume
	var add func(*metadata.LogicalVolume)
	add = func(lv *metadata.LogicalVolume) {
		if lv == nil || seen[lv.ID] {
			return
		}
		seen[lv.ID] = true
		out = append(out, lv)
		for _, below := range lvsBelow(lv) {
			if part := tx.find(below); part != nil && !tx.isVisible(part) {
				add(part)
			}
		}
	}
	for _, lv := range lvs {
		add(lv)
	}
	return out
}

// renameParts gives the hidden parts of an LV, which have its name and more, the
// new one. Source: lvm2 as observed.
func (tx *Tx) renameParts(old *metadata.LogicalVolume, name string) error {
	owned := tx.withOwned(old)
	for _, lv := range owned {
		if image := tx.tracked(lv); image != nil {
			return errTracked(image, lv)
		}
	}
	caches := tx.cachesOf(owned)
	for _, part := range owned[1:] {
		rest, ok := strings.CutPrefix(part.Name, old.Name+"_")
		if !ok || tx.isVisible(part) || caches[part.ID] {
			continue
		}
		if err := notMoving(part); err != nil {
			return err
		}
		lv := *part
		lv.Name = name + "_" + rest
		if other, _ := tx.lookup(lv.Name); other != nil {
			return fault(ErrExists, "lv %s exists already", lv.Name)
		}
		if err := tx.put(tx.indexOf(lv.ID), &lv); err != nil {
			return err
		}
	}
	return nil
}

// isThinPool says whether a volume is a thin pool.
func isThinPool(lv *metadata.LogicalVolume) bool { _, ok := kindOf(lv).(thinPoolType); return ok }
