package lvm

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Source: the logs of lvm2 2.03.16 as observed: 8 and 50 regions in sync.
func TestMirrorLog(t *testing.T) {
	t.Parallel()
	assert.Equal(t, Sectors(3), mirrorLogSize(1))
	assert.Equal(t, Sectors(3), mirrorLogSize(4096))
	assert.Equal(t, Sectors(4), mirrorLogSize(4097))
	assert.Equal(t, Sectors(9), mirrorLogSize(25600))

	header := append([]byte("rRiM\x02\x00\x00\x00\x32\x00\x00\x00\x00\x00\x00\x00"), make([]byte, 1008)...)
	log := newMirrorLog(50, true)
	assert.Equal(t, header, log[:1024])
	assert.Equal(t, []byte{255, 255, 255, 255, 255, 255, 3, 0}, log[1024:1032])
	log = newMirrorLog(50, false)
	assert.Equal(t, header, log[:1024])
	assert.Empty(t, bytes.Trim(log[1024:], "\x00"))
}

// What cannot be done with mirrors is refused, and nothing is written.
func TestMirrorRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		want error
		do   func(tx *Tx) error
	}{
		{"one leg", ErrInvalidSpec, func(tx *Tx) error { return tx.addMirror("new", 1, 1, MirrorLogDisk) }},
		{"nine legs", ErrInvalidSpec, func(tx *Tx) error { return tx.addMirror("new", 1, 9, MirrorLogDisk) }},
		{"an unknown log", ErrInvalidSpec, func(tx *Tx) error { return tx.addMirror("new", 1, 2, 7) }},
		{"no room", ErrNoSpace, func(tx *Tx) error { return tx.addMirror("new", 1<<20, 2, MirrorLogDisk) }},
		{"no size", ErrInvalidSize, func(tx *Tx) error { return tx.addMirror("new", 0, 2, MirrorLogDisk) }},
		{"a name that is taken", ErrExists, func(tx *Tx) error { return tx.addMirror("data", 1, 2, MirrorLogDisk) }},
		{"a leg", ErrUnsupported, func(tx *Tx) error { return tx.RemoveLV("data_mimage_0") }},
		{"a log", ErrUnsupported, func(tx *Tx) error { return tx.RenameLV("data_mlog", "new") }},
		{"too many legs", ErrInvalidSpec, func(tx *Tx) error { return tx.AddMirrorLegs("data", MirrorLegsSpec{Add: 7}) }},
		{"all legs", ErrInvalidSpec, func(tx *Tx) error { return tx.DropMirrorLegs("data", 2) }},
		{"the first leg out of sync", ErrNotInSync, func(tx *Tx) error { return tx.DropMirrorLegs("data", 1, "a") }},
		{"a split out of sync", ErrNotInSync, func(tx *Tx) error { return tx.SplitMirrorLeg("data", "new") }},
		{"legs of a plain volume", ErrUnsupported, func(tx *Tx) error { return tx.DropMirrorLegs("other", 1) }},
		{"the log of a plain volume", ErrUnsupported, func(tx *Tx) error { return tx.SetMirrorLog("other", MirrorLogCore) }},
		{"legs twice", ErrConverting, func(tx *Tx) error {
			if err := tx.AddMirrorLegs("data", MirrorLegsSpec{}); err != nil {
				return err
			}
			return tx.AddMirrorLegs("data", MirrorLegsSpec{})
		}},
		{"a split while it gets legs", ErrConverting, func(tx *Tx) error {
			if err := tx.AddMirrorLegs("data", MirrorLegsSpec{}); err != nil {
				return err
			}
			return tx.SplitMirrorLeg("data", "new")
		}},
		{"checksums of a mirror", ErrUnsupported, func(tx *Tx) error { return tx.AddIntegrity("data", IntegritySpec{}) }},
	}
	disks := (&alteration{setup: andMirror(MirrorLogDisk)}).start(t, OneArea)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			own := disks.Clone()
			sys := openDisks(t, own, 3)
			own.Record()
			require.ErrorIs(t, sys.Update(context.Background(), "vg0", tt.do), tt.want)
			assert.Empty(t, written(own))
		})
	}
}

// A mirror that gets legs can be given back what it was.
func TestDropOfLegsThatAreAdded(t *testing.T) {
	t.Parallel()
	disks := (&alteration{setup: andMirror(MirrorLogDisk)}).start(t, OneArea)
	sys := openDisks(t, disks, 3)
	before := recordOf(t, sys, "vg0")
	update(t, sys, "vg0", func(tx *Tx) error { return tx.AddMirrorLegs("data", MirrorLegsSpec{}) })
	require.NotEqual(t, textOf(before), textOf(recordOf(t, sys, "vg0")))
	update(t, sys, "vg0", func(tx *Tx) error { return tx.DropMirrorLegs("data", 1) })
	after := recordOf(t, sys, "vg0")
	before.Seqno = after.Seqno
	assert.Equal(t, textOf(before), textOf(after))
}
