package lvm

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// remember makes a group remember t1, of which t2 was a snapshot, of that t3, of
// that t4, and alone. Two have descendants that are there.
func remember(tx *Tx) error {
	if err := tx.own(); err != nil {
		return err
	}
	at := tx.time()
	for i, h := range []metadata.HistoricalLV{
		{Name: "t1"}, {Name: "t2", Origin: "-t1"}, {Name: "t3", Origin: "-t2"}, {Name: "t4", Origin: "-t3", Descendants: []string{"data"}},
		{Name: "alone", Origin: "other", Descendants: []string{"striped"}},
	} {
		id, err := tx.newID()
		if err != nil {
			return err
		}
		h.ID, h.CreationTime, h.RemovalTime = id, at.Add(-time.Hour), at.Add(time.Duration(i-4)*time.Minute)
		tx.vg.History = append(tx.vg.History, &h)
	}
	tx.changed = true
	return nil
}

func remembering(t *testing.T) (*System, *recorder.Disks) {
	t.Helper()
	sys, disks := withVolumes(t)
	update(t, sys, "vg0", remember)
	return sys, disks
}

func history(t *testing.T, disks *recorder.Disks) []string {
	t.Helper()
	vg := lvOf(t, openDisks(t, disks, 3), "data").vg
	var out []string
	for h := range vg.History() {
		text := h.Name()
		if origin, removed := h.Origin(); removed {
			text += " of removed " + origin
		} else if origin != "" {
			text += " of " + origin
		}
		out = append(out, text)
	}
	return out
}

func TestHistoryDescent(t *testing.T) {
	t.Parallel()
	_, disks := remembering(t)
	all := map[string]*HistoricalLV{}
	for h := range lvOf(t, openDisks(t, disks, 3), "data").vg.History() {
		all[h.Name()] = h
	}
	assert.Equal(t, []string{"-t2", "-t1"}, all["t3"].AllAncestors())
	assert.Equal(t, []string{"-t4", "data"}, all["t3"].AllDescendants())
	assert.Empty(t, all["t1"].AllAncestors())
	assert.Equal(t, []string{"other"}, all["alone"].AllAncestors())
	assert.Equal(t, []string{"striped"}, all["alone"].AllDescendants())
}

func TestHistory(t *testing.T) {
	t.Parallel()
	_, disks := remembering(t)
	assert.Equal(t, []string{"t1", "t2 of removed t1", "t3 of removed t2", "t4 of removed t3", "alone of other"}, history(t, disks))
	vg := lvOf(t, openDisks(t, disks, 3), "data").vg
	last := slices.Collect(vg.History())[3]
	assert.Equal(t, []string{"data"}, last.Descendants())
	assert.Equal(t, time.Minute, time.Unix(1_700_000_000, 0).Sub(last.RemovalTime()))
	assert.Equal(t, time.Hour, time.Unix(1_700_000_000, 0).Sub(last.CreationTime()))
	assert.Equal(t, vg.rec.History[3].ID, last.ID())
}

func TestRemoveHistory(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"t1":    {"t2", "t3 of removed t2", "t4 of removed t3", "alone of other"},
		"-t3":   {"t4", "alone of other"}, // t1 and t2 were only kept for it
		"t4":    {"alone of other"},
		"alone": {"t1", "t2 of removed t1", "t3 of removed t2", "t4 of removed t3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sys, disks := remembering(t)
			update(t, sys, "vg0", func(tx *Tx) error { return tx.RemoveHistory(name) })
			assert.Equal(t, want, history(t, disks))
			refusedHere(t, sys, disks, ErrLVNotFound, func(tx *Tx) error { return tx.RemoveHistory(name) })
		})
	}
}

// An ancestor stays as long as somebody else descends from it.
func TestRemoveHistoryKeepsCommonAncestors(t *testing.T) {
	t.Parallel()
	sys, disks := remembering(t)
	update(t, sys, "vg0", func(tx *Tx) error {
		if err := tx.own(); err != nil {
			return err
		}
		branch := *tx.vg.History[4]
		branch.Origin = "-t2"
		tx.vg.History = slices.Clone(tx.vg.History)
		tx.vg.History[4], tx.changed = &branch, true
		return nil
	})
	update(t, sys, "vg0", func(tx *Tx) error { return tx.RemoveHistory("t4") })
	assert.Equal(t, []string{"t1", "t2 of removed t1", "alone of removed t2"}, history(t, disks))
}

func TestHistoricalNamesAreTaken(t *testing.T) {
	t.Parallel()
	sys, disks := remembering(t)
	refusedHere(t, sys, disks, ErrExists, create(LVSpec{Name: "t1", Size: ExtentCount(1)}))
	refusedHere(t, sys, disks, ErrExists, func(tx *Tx) error { return tx.RenameLV("data", "t1") })
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(tx.RemoveHistory("t1"), create(LVSpec{Name: "t1", Size: ExtentCount(1)})(tx))
	})
}

func TestHistoryLifetime(t *testing.T) {
	t.Parallel()
	sys, disks := remembering(t)
	tag := func(tag string) func(*Tx) error { return func(tx *Tx) error { return tx.SetTags(tag) } }
	sys.cfg.HistoryLifetime = time.Hour
	update(t, sys, "vg0", tag("one"))
	require.Len(t, history(t, disks), 5)
	sys.cfg.HistoryLifetime = 90 * time.Second // t4 went a minute ago, t3 two
	update(t, sys, "vg0", tag("two"))
	assert.Equal(t, []string{"t4", "alone of other"}, history(t, disks))
	refusedHere(t, sys, disks, ErrLVNotFound, func(tx *Tx) error { return tx.RemoveHistory("t3") })
}
