package lvm

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
)

// twoPools makes vg0 with volumes, a pool with two volumes and a snapshot, and another
// one with one.
func twoPools(t testing.TB, sys *System, areas MetadataAreas) {
	thinVolumes(t, sys, areas)
	inKernel(t, sys, func(tx *Tx) error { return tx.addPool("second") },
		func(tx *Tx) error { return tx.addThinLV("second", "v", 20) })
}

// spoil overwrites the beginning of a volume by a text, or zeroes if that is empty, behind the kernel's back.
func (m *machine) spoil(t testing.TB, sys *System, name, text string) {
	t.Helper()
	vg, err := sys.VG(t.Context(), "vg0")
	require.NoError(t, err)
	for lv := range vg.LVs() {
		if lv.Name() != name {
			continue
		}
		f := lv.layout().file(lv.rec, nil)
		for piece, err := range f.emap.Map(f.lv, 0, 4*KiB) {
			require.NoError(t, err)
			with := []byte(text)
			if text == "" {
				with = make([]byte, piece.Length)
			}
			m.disks.Change(vg.members[piece.PV].path, int64(piece.Offset), with)
		}
		return
	}
	require.Fail(t, "there is no lv "+name)
}

// isActive says which volumes for users have their devices.
func (m *machine) isActive(t testing.TB, sys *System) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	vg, err := sys.VG(t.Context(), "vg0")
	require.NoError(t, err)
	for lv := range vg.LVs() {
		if lv.Hidden() {
			continue
		}
		out[lv.Name()] = slices.ContainsFunc(m.active(), func(uuid string) bool {
			return strings.HasPrefix(uuid, dmUUID(vg.rec.ID, lv.rec.ID, ""))
		})
	}
	return out
}

// If a pool does not pass its check, the volumes that are not in it are activated
// nevertheless, unless it was asked for by name.
func TestActivateAllWithoutPool(t *testing.T) {
	t.Parallel()
	start := (&alteration{setup: twoPools}).start(t, OneArea)
	m := newMachine(start.Clone())
	sys := m.open(t, 2)
	m.spoil(t, sys, "pool_tmeta", "not a checksum")
	bad := map[string]bool{"pool": true, "t": true, "u": true, "s": true}

	m.refusesPlan(t, sys, ErrNeedsCheck, func(tx *Tx) error { return joinErrors(tx.ActivateAll(), tx.Activate("t")) })
	m.refusesPlan(t, sys, ErrNeedsCheck, func(tx *Tx) error { return joinErrors(tx.Activate("u"), tx.ActivateAll()) })
	m.refusesPlan(t, sys, ErrNeedsCheck, func(tx *Tx) error {
		_, err := tx.CreateThin(ThinSpec{Name: "new", Pool: "pool", VirtualSize: ExtentCount(2)})
		return joinErrors(err, tx.ActivateAll())
	})
	for name, do := range map[string]func(*Tx) error{
		"all": (*Tx).ActivateAll, "by itself": (*Tx).AutoActivate,
		"with a change": func(tx *Tx) error { return joinErrors(tx.SetLVTags("other", "x"), tx.ActivateAll()) },
	} {
		err := sys.Update(t.Context(), "vg0", do)
		require.ErrorIs(t, err, ErrNeedsCheck, name)
		var applied *ApplyError
		var failed *ToolError
		require.ErrorAs(t, err, &applied)
		require.ErrorAs(t, err, &failed)
		require.True(t, applied.Committed)
		require.Contains(t, err.Error(), "not activated: pool, t, u, s")
		for lv, active := range m.isActive(t, sys) {
			assert.Equal(t, !bad[lv], active, "%s: %s", name, lv)
		}
		require.Empty(t, m.unlike(t))
		update(t, sys, "vg0", func(tx *Tx) error { return tx.DeactivateAll() })
		require.Empty(t, m.active())
	}

	// Also if both are damaged, each for itself.
	m.spoil(t, sys, "second_tmeta", "not a checksum")
	err := sys.Update(t.Context(), "vg0", (*Tx).ActivateAll)
	require.Contains(t, err.Error(), "not activated: pool, t, u, s")
	require.Contains(t, err.Error(), "not activated: second, v")
	require.Empty(t, m.unlike(t))

	// What is known before is told by ActivateAll, which can be ignored.
	m.spoil(t, sys, "pool_tmeta", "")
	m.refuses(t, sys, ErrDamaged, (*Tx).ActivateAll)
	err = sys.Update(t.Context(), "vg0", func(tx *Tx) error {
		assert.ErrorIs(t, tx.ActivateAll(), ErrDamaged)
		return nil
	})
	require.ErrorIs(t, err, ErrNeedsCheck)
	require.NotContains(t, err.Error(), "not activated: pool")
	require.True(t, m.isActive(t, sys)["data"])
}

// refusesPlan checks that an update fails, and leaves no device and no other metadata.
func (m *machine) refusesPlan(t testing.TB, sys *System, kind error, do func(*Tx) error) {
	t.Helper()
	before := recordOf(t, sys, "vg0")
	err := sys.Update(t.Context(), "vg0", do)
	require.ErrorIs(t, err, kind)
	var applied *ApplyError
	require.ErrorAs(t, err, &applied)
	require.False(t, applied.Committed)
	require.Empty(t, applied.Undo)
	require.Empty(t, m.active())
	require.Equal(t, before, recordOf(t, sys, "vg0"))
}

// Whatever call fails while all are activated: what is not named is active, and nothing
// is left half made.
func TestActivateAllFaults(t *testing.T) {
	t.Parallel()
	start := (&alteration{setup: then(twoPools, func(t testing.TB, sys *System, _ MetadataAreas) {
		update(t, sys, "vg0", func(tx *Tx) error { return tx.addSnapshot("data", "old", 6) })
	})}).start(t, OneArea)
	partly := 0
	for _, how := range []recorder.Fault{recorder.Before, recorder.After} {
		for n := 1; ; n++ {
			m := newMachine(start.Clone())
			sys := m.open(t, 2)
			m.fuse.set(onKernel|onHost, n, how, syscall.EIO)
			err := sys.Update(t.Context(), "vg0", (*Tx).ActivateAll)
			done := m.fuse.count() < n
			m.fuse.off()
			if done {
				require.NoError(t, err)
				break
			}
			require.Empty(t, m.unlike(t), "call %d: %v\n%v", n, err, m.kernel.Calls())
			active := m.isActive(t, sys)
			var applied *ApplyError
			switch {
			case err == nil: // of a call that may fail
			case errors.As(err, &applied) && applied.Committed:
				partly++
				_, names, _ := strings.Cut(err.Error(), "not activated: ")
				names, _, _ = strings.Cut(names, ":")
				left := strings.Split(names, ", ")
				for lv, is := range active {
					if lv != "old" { // which comes with data
						require.Equal(t, !slices.Contains(left, lv), is, "call %d: %s: %v", n, lv, err)
					}
				}
				require.Equal(t, active["data"], active["old"])
			default:
				require.Empty(t, m.active(), "call %d: %v", n, err)
			}
			update(t, sys, "vg0", (*Tx).ActivateAll)
			require.Empty(t, m.unlike(t))
		}
	}
	require.Greater(t, partly, 50)
}
