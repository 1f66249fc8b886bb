package raid_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/units"
)

// What is made for a new array is what the kernel makes, and it takes the array with
// that: one whose legs differ is made in sync, one that is in sync is left alone.
func TestKernelNewMeta(t *testing.T) {
	umltest.NeedKernel(t)
	for n, g := range geometries() {
		if g.Layout == raid.RAID0 {
			continue // the kernel of these tests is given none
		}
		t.Run(name(g), func(t *testing.T) {
			leg := units.Sectors(720)
			a := newArray(t, g, leg)
			made := func(position int, inSync bool) []byte {
				b, err := raid.NewMeta(g, position, leg, units.Sectors(a.regionSize), inSync)
				require.NoError(t, err)
				return b
			}
			put := func(inSync bool) {
				for i, d := range a.metas {
					_, err := d.WriteAt(made(i, inSync), 0)
					require.NoError(t, err)
				}
			}
			head := func(b []byte) []byte {
				b = append([]byte(nil), b[:4096+256]...)
				clear(b[16:24])             // events
				clear(b[40:48])             // how far it was in sync
				clear(b[4096+24 : 4096+40]) // events
				return b
			}
			stop := a.activate(nil)
			a.settle()
			stop()
			for i, d := range a.metas {
				theirs := make([]byte, 4096+256)
				_, err := d.ReadAt(theirs, 0)
				require.NoError(t, err)
				require.Equal(t, head(theirs), head(made(i, false)), "leg %d", i)
			}

			for i, d := range a.legs {
				_, err := d.WriteAt(random(uint64(n*10+i), 720*512), 0)
				require.NoError(t, err)
			}
			put(true)
			_, state := a.judge(nil)
			assert.False(t, state.Doubtful(0, leg))
			assert.Empty(t, state.Dirty)
			stop = a.activate(nil)
			assert.NotEqual(t, "0", a.scrub().mismatches, "it was taken for in sync")
			stop()

			put(false)
			_, state = a.judge(nil)
			assert.False(t, state.Fresh)
			assert.True(t, state.Doubtful(0, 1))
			assert.True(t, state.Doubtful(leg-1, 1))
			stop = a.activate(nil)
			require.Equal(t, "0", a.scrub().mismatches)
			model := a.kernelRead()
			stop()
			same(t, model, contents(t, a.open(nil)), "in sync")
		})
	}
}

func TestNewMetaRefusals(t *testing.T) {
	t.Parallel()
	good := raid.Geometry{Layout: raid.RAID1, Legs: 2}
	for name, fn := range map[string]func() ([]byte, error){
		"geometry": func() ([]byte, error) { return raid.NewMeta(raid.Geometry{Layout: raid.RAID1}, 0, 64, 8, true) },
		"leg":      func() ([]byte, error) { return raid.NewMeta(good, 2, 64, 8, true) },
		"no leg":   func() ([]byte, error) { return raid.NewMeta(good, -1, 64, 8, true) },
		"region":   func() ([]byte, error) { return raid.NewMeta(good, 0, 64, 0, true) },
		"odd":      func() ([]byte, error) { return raid.NewMeta(good, 0, 64, 24, true) },
		"large":    func() ([]byte, error) { return raid.NewMeta(good, 0, 1<<40, 1<<31, true) },
		"many":     func() ([]byte, error) { return raid.NewMeta(good, 0, 1<<40, 8, true) },
	} {
		_, err := fn()
		assert.ErrorIs(t, err, raid.ErrGeometry, name)
	}
}
