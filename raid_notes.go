package lvm

import (
	"encoding/binary"
	"slices"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// reshapeProgress is how far the kernel is with a reshape, by what it has noted on the
// legs.
type reshapeProgress uint8

const (
	reshapeUntold reshapeProgress = iota // it does not know of it
	reshapeBegun                         // it knows; it may be done, if no legs are freed
	reshapeDone                          // it is done, and does without the legs that are freed
)

// legNotes are what the kernel has noted on the legs of a raid.
type legNotes struct {
	legs   []legNote
	newest int // of which leg; -1: there is none
}

type legNote struct {
	meta  *metadata.LogicalVolume
	note  *raid.Superblock // nil: there is none
	text  []byte
	read  bool
	freed bool // the leg goes
	added bool // it came
}

// legNotes reads them. A leg that cannot be read has none; what is not understood there,
// the kernel says what it makes of that.
func (tx *Tx) legNotes(lv *metadata.LogicalVolume) legNotes {
	body := lv.Segments[0].Body.(*metadata.RAID)
	out := legNotes{legs: make([]legNote, len(body.Legs)), newest: -1}
	for n, leg := range body.Legs {
		image, meta := tx.findNow(leg.Image), tx.find(leg.Meta)
		one := &out.legs[n]
		one.meta, one.freed, one.added = meta, isFreed(image), image != nil && image.Segments[0].HasFlag(flagAdded)
		if meta == nil || lvRecord(tx.st, leg.Meta) == nil {
			continue // its extents are still somebody else's
		}
		head := make([]byte, units.SectorSize)
		if _, err := tx.open(meta).ReadAt(head, 0); err != nil {
			continue // it is missing
		}
		note, _, err := raid.DecodeSuperblock(head)
		if err != nil {
			continue
		}
		one.note, one.text, one.read = note, head, true
		if note != nil && (out.newest < 0 || note.Events > out.legs[out.newest].note.Events) {
			out.newest = n
		}
	}
	return out
}

// reshape returns how far a reshape is, and which of the notes count then: those of the
// legs that stay, if it is done.
func (o legNotes) reshape() (reshapeProgress, []legNote) {
	if o.newest < 0 {
		return reshapeUntold, nil
	}
	stay := slices.DeleteFunc(slices.Clone(o.legs), func(l legNote) bool { return l.freed })
	switch newest := o.legs[o.newest].note; {
	case newest.Reshaping:
		return reshapeBegun, o.legs
	case newest.Geometry.Legs != len(stay):
		return reshapeUntold, nil
	case len(stay) < len(o.legs):
		return reshapeDone, stay
	}
	return reshapeBegun, stay
}

// reshapes says how far the kernel is with the reshape of a raid. If the power failed
// while it noted that it begins, or that it is done, it would refuse the raid, or look
// for data in the wrong place: then the newest of its notes comes to the legs that do not
// have it, before the raid is activated.
//
// Source: Linux 6.1 as observed; drivers/md/dm-raid.c.
func (b *builder) reshapes(lv *metadata.LogicalVolume) (reshapeProgress, error) {
	if how, ok := b.moving[lv.ID]; ok {
		return how, nil
	}
	notes := b.tx.legNotes(lv)
	how, legs := notes.reshape()
	if b.moving == nil {
		b.moving = map[metadata.ID]reshapeProgress{}
	}
	b.moving[lv.ID] = how
	if how == reshapeUntold || len(b.tx.kern.byLV[lv.ID]) > 0 {
		return how, nil
	}
	from := notes.legs[notes.newest]
	if from.note.InSync != raid.Whole && !(from.freed && how == reshapeDone) {
		return how, nil
	}
	for n, leg := range legs {
		note, newest := leg.note, from.note
		if !leg.read || slices.Contains(newest.Failed, n) || note == nil && !leg.added {
			continue
		}
		if note != nil && (note.Events+1 != newest.Events || note.InSync != raid.Whole ||
			note.Reshaping == newest.Reshaping && note.DataOffset == newest.DataOffset && note.Geometry == newest.Geometry) {
			continue
		}
		head := slices.Clone(from.text)
		binary.LittleEndian.PutUint32(head[raid.PositionOffset:], uint32(n))
		binary.LittleEndian.PutUint64(head[raid.InSyncOffset:], uint64(raid.Whole))
		err := b.place(leg.meta, 0, units.SectorSize, "the kernel's note of the reshape on "+b.tx.vg.Name+"/"+leg.meta.Name, func(Piece) []byte { return head })
		if err != nil {
			return how, err
		}
	}
	return how, nil
}
