package lvm

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
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

// Only the kernel knows whether the legs of a raid are alike.
func TestRAIDToMirrorRefusals(t *testing.T) {
	t.Parallel()
	disks := (&alteration{setup: raids}).start(t, OneArea)
	sys := openDisks(t, disks, 7)
	disks.Record()
	for lv, want := range map[string]error{"r": ErrNotActive, "other": ErrUnsupported, "none": ErrLVNotFound} {
		err := sys.Update(t.Context(), "vg0", func(tx *Tx) error { return tx.ConvertRAID(lv, SegmentMirror, ConvertSpec{}) })
		assert.ErrorIs(t, err, want, lv)
	}
	assert.Empty(t, written(disks))
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
		{"a raid while it gets legs", ErrConverting, func(tx *Tx) error {
			if err := tx.AddMirrorLegs("data", MirrorLegsSpec{}); err != nil {
				return err
			}
			return tx.ConvertRAID("data", SegmentRAID1, ConvertSpec{})
		}},
		{"a raid5 of a mirror", ErrInvalidSpec, func(tx *Tx) error { return tx.ConvertRAID("data", SegmentRAID5, ConvertSpec{}) }},
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

// What is lost of a mirror is looked for in the text as well; what may be the only
// copy stays.
func TestRepairMirror(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		log  MirrorLog
		lost []string
		spec MirrorRepairSpec
		want error
		legs int
	}{
		"nothing":                 {legs: 2},
		"the second leg":          {lost: []string{"b"}, legs: 0},
		"the log":                 {lost: []string{"c"}, legs: 2},
		"the second leg and log":  {lost: []string{"b", "c"}},
		"the first leg":           {lost: []string{"a"}, want: ErrNotInSync},
		"the first leg, no log":   {log: MirrorLogCore, lost: []string{"a"}, want: ErrNotInSync},
		"the first leg and log":   {lost: []string{"a", "c"}, want: ErrNotInSync},
		"the first leg, by force": {lost: []string{"a"}, spec: MirrorRepairSpec{TakeUnsynced: true}},
		"all legs":                {lost: []string{"a", "b"}, spec: MirrorRepairSpec{TakeUnsynced: true}, want: ErrDegraded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks := (&alteration{setup: then(andMirror(c.log), losing(c.lost...))}).start(t, OneArea)
			sys := openDisks(t, disks, 3)
			disks.Record()
			err := sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.RepairMirror("data", c.spec) })
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
				assert.Empty(t, written(disks))
				return
			}
			require.NoError(t, err)
			lv := lvView(t, view(t, sys, "vg0"), "data")
			body, _ := lv.body().(*metadata.Mirror)
			if c.legs == 0 {
				require.Nil(t, body)
			} else {
				require.Len(t, body.Legs, c.legs)
				assert.Equal(t, len(c.lost) > 0, body.Log.IsZero())
			}
			assert.False(t, lv.Partial())
		})
	}
	disks := (&alteration{setup: andMirror(MirrorLogDisk)}).start(t, OneArea)
	sys := openDisks(t, disks, 3)
	refusedHere(t, sys, disks, ErrUnsupported, func(tx *Tx) error { return tx.RepairMirror("other", MirrorRepairSpec{}) })
	refusedHere(t, sys, disks, ErrConverting, func(tx *Tx) error {
		return joinErrors(tx.AddMirrorLegs("data", MirrorLegsSpec{}), tx.RepairMirror("data", MirrorRepairSpec{}))
	})
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
