package lvm

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// origins makes vg0 with an origin, a snapshot of it where a few bytes differ, and a
// volume that is neither.
func origins(t *testing.T) (disks *recorder.Disks, sys *System, shown []byte) {
	t.Helper()
	disks, sys, shown = snapshotFiles(t, SnapshotSpec{Size: ExtentCount(8), ChunkSize: 8 * KiB})
	f := openFile(t, sys, "snap")
	putBytes(t, f, []byte("of the snapshot"), 5000)
	require.NoError(t, f.Close())
	shown = slices.Clone(shown)
	copy(shown[5000:], "of the snapshot")
	return disks, sys, shown
}

// bytesOf returns what a volume shows.
func bytesOf(t *testing.T, sys *System, name string) []byte {
	t.Helper()
	f := openFile(t, sys, name)
	size, err := f.Size()
	require.NoError(t, err)
	data := make([]byte, size)
	_, err = f.ReadAt(data, 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	return data
}

func split(name string) func(*Tx) error {
	return func(tx *Tx) error { return tx.SplitSnapshot(name) }
}

func join(origin, store string, spec JoinSnapshotSpec) func(*Tx) error {
	return func(tx *Tx) error { return tx.JoinSnapshot(origin, store, spec) }
}

func TestSplitAndJoinSnapshot(t *testing.T) {
	t.Parallel()
	_, sys, shown := origins(t)
	origin := bytesOf(t, sys, "origin")
	amendVG(t, sys, split("snap"))
	snap := findVolume(t, sys, "snap")
	require.False(t, snap.IsSnapshot())
	require.Equal(t, Extents(8), snap.Extents())
	require.Equal(t, "SnAp", string(bytesOf(t, sys, "snap")[:4]), "what a store begins with")
	volumeHolds(t, origin, sys, "origin")

	amendVG(t, sys, join("origin", "snap", JoinSnapshotSpec{KeepStore: true}))
	snap = findVolume(t, sys, "snap")
	require.True(t, snap.IsSnapshot())
	require.Equal(t, 8*KiB, snap.ChunkSize())
	volumeHolds(t, shown, sys, "snap")

	amendVG(t, sys, split("snap"))
	amendVG(t, sys, join("origin", "snap", JoinSnapshotSpec{}))
	require.Equal(t, 4*KiB, findVolume(t, sys, "snap").ChunkSize())
	volumeHolds(t, origin, sys, "snap")
}

func TestJoinSnapshotIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		setup  func(*Tx) error
		change func(*Tx) error
		want   error
	}{
		{"itself", nil, join("other", "other", JoinSnapshotSpec{}), ErrInvalidSpec},
		{"of a snapshot", nil, join("snap", "other", JoinSnapshotSpec{}), ErrUnsupported},
		{"nothing", nil, join("origin", "gone", JoinSnapshotSpec{}), ErrLVNotFound},
		{"of nothing", nil, join("gone", "other", JoinSnapshotSpec{}), ErrLVNotFound},
		{"what is new", nil, func(tx *Tx) error {
			return joinErrors(tx.addLV("new", 4, 1), tx.JoinSnapshot("origin", "new", JoinSnapshotSpec{}))
		}, ErrUnsupported},
		{"what cannot be written", func(tx *Tx) error { return tx.SetLVReadOnly("other", true) }, join("origin", "other", JoinSnapshotSpec{}), ErrReadOnly},
		{"too little", nil, join("origin", "other", JoinSnapshotSpec{ChunkSize: 8 * KiB}), ErrInvalidSize},
		{"chunks of no such size", nil, join("origin", "other", JoinSnapshotSpec{ChunkSize: 5 * KiB}), ErrInvalidSpec},
		{"what never was a store", nil, join("origin", "other", JoinSnapshotSpec{KeepStore: true}), ErrDamaged},
		{"chunks of another size", split("snap"), join("origin", "snap", JoinSnapshotSpec{KeepStore: true, ChunkSize: 4 * KiB}), ErrInvalidSpec},
		{"split what is no snapshot", nil, split("origin"), ErrInvalidSpec},
		{"split what is new", nil, func(tx *Tx) error {
			return joinErrors(tx.addSnapshot("other", "new", 8), tx.SplitSnapshot("new"))
		}, ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, sys, _ := origins(t)
			if c.setup != nil {
				amendVG(t, sys, c.setup)
			}
			before := recordOf(t, sys, "vg0")
			require.ErrorIs(t, sys.Update(t.Context(), "vg0", c.change), c.want)
			require.Equal(t, before, recordOf(t, sys, "vg0"))
		})
	}
}

// A store that was given up is none to keep.
func TestJoinInvalidStore(t *testing.T) {
	t.Parallel()
	disks, sys, _ := origins(t)
	amendVG(t, sys, split("snap"))
	f := openFile(t, sys, "snap")
	putBytes(t, f, []byte{0}, 4) // the word that says that it is valid
	require.NoError(t, f.Close())
	require.ErrorIs(t, openDisks(t, disks, 2).Update(t.Context(), "vg0", join("origin", "snap", JoinSnapshotSpec{KeepStore: true})), ErrSnapshotInvalid)
}

// What somebody uses is neither split nor joined.
func TestSplitAndJoinWhatIsOpen(t *testing.T) {
	t.Parallel()
	disks, _, _ := origins(t)
	m := newMachine(disks)
	sys := m.open(t, 2)
	amendVG(t, sys, func(tx *Tx) error { return tx.ActivateAll() })
	for name, change := range map[string]func(*Tx) error{
		"vg0-snap": split("snap"), "vg0-other": join("origin", "other", JoinSnapshotSpec{}),
	} {
		require.True(t, m.kernel.OpenDevice(name))
		m.refuses(t, sys, ErrBusy, change)
		require.True(t, m.kernel.CloseDevice(name))
	}
	amendVG(t, sys, join("origin", "other", JoinSnapshotSpec{}))
	require.Empty(t, m.unlike(t))
	amendVG(t, sys, split("snap"))
	require.Empty(t, m.unlike(t))
}

// An active volume that becomes a snapshot of what is not loses its device.
func TestJoinActiveStoreOfInactiveOrigin(t *testing.T) {
	t.Parallel()
	disks, _, _ := origins(t)
	m := newMachine(disks)
	sys := m.open(t, 2)
	spare := func() {
		amendVG(t, sys, split("snap"))
		amendVG(t, sys, func(tx *Tx) error { return joinErrors(tx.Deactivate("origin"), tx.Activate("snap")) })
		require.Len(t, m.active(), 1)
	}
	spare()
	amendVG(t, sys, join("origin", "snap", JoinSnapshotSpec{}))
	require.Empty(t, m.unlike(t))
	require.Empty(t, m.active())
	spare()
	amendVG(t, sys, func(tx *Tx) error {
		return joinErrors(tx.JoinSnapshot("origin", "snap", JoinSnapshotSpec{}), tx.Activate("origin"))
	})
	require.Empty(t, m.unlike(t))
	require.Len(t, m.active(), 4)
}
