package dmfake_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/dmfake"
	"github.com/lvm-go/lvm/internal/thinmeta"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A pool holds what its volumes were made of, through any sequence of writes,
// snapshots and deletions, and what is on its devices says so.
func TestThinModel(t *testing.T) {
	t.Parallel()
	const size = 5 * chunk
	rapid.Check(t, func(r *rapid.T) {
		contents := &ram{}
		var k *dmfake.Kernel
		holds := map[int][]byte{}
		start := func() {
			k = dmfake.New()
			k.AddDisk(disk, diskSize.Sectors())
			k.SetDisk(disk, contents)
			p := newPlayer(k, disk)
			p.make("meta", "0 384 linear <disk> 0")
			p.make("data", "0 3456 linear <disk> 512")
			p.make("pool", "0 3456 thin-pool <meta> <data> 128 0")
			for id := range holds {
				p.make(fmt.Sprint(id), fmt.Sprintf("0 %d thin <pool> %d", size/512, id))
			}
			require.NotContains(r, p.out.String(), "fails")
		}
		start()
		ids := func() []int {
			var out []int
			for id := range holds {
				out = append(out, id)
			}
			slices.Sort(out)
			return out
		}
		any := func() int {
			if len(holds) == 0 {
				r.Skip()
			}
			return rapid.SampledFrom(ids()).Draw(r, "id")
		}
		tell := func(text string) {
			_, _, err := k.Message(dm.ByName("pool"), 0, text)
			require.NoError(r, err)
		}
		add := func(id int, b []byte) {
			holds[id] = b
			p := knowing(k)
			p.make(fmt.Sprint(id), fmt.Sprintf("0 %d thin <pool> %d", size/512, id))
			require.NotContains(r, p.out.String(), "fails")
		}
		fresh := func() int {
			id := rapid.IntRange(1, 30).Draw(r, "new")
			if holds[id] != nil || len(holds) > 4 {
				r.Skip()
			}
			return id
		}
		n := byte(0)
		r.Repeat(map[string]func(*rapid.T){
			"create": func(*rapid.T) {
				id := fresh()
				tell(dm.ThinCreate(uint32(id)))
				add(id, make([]byte, size))
			},
			"snapshot": func(*rapid.T) {
				origin, id := any(), fresh()
				p := knowing(k)
				p.suspend(fmt.Sprint(origin))
				tell(dm.ThinSnap(uint32(id), uint32(origin)))
				p.resume(fmt.Sprint(origin))
				add(id, slices.Clone(holds[origin]))
			},
			"delete": func(*rapid.T) {
				id := any()
				_, err := k.Remove(dm.ByName(fmt.Sprint(id)), dm.RemoveOptions{})
				require.NoError(r, err)
				tell(dm.ThinDelete(uint32(id)))
				delete(holds, id)
			},
			"write": func(*rapid.T) {
				id, at := any(), rapid.IntRange(0, size-100).Draw(r, "at")
				n++
				b := bytes.Repeat([]byte{n}, rapid.IntRange(1, min(2*chunk, size-at)).Draw(r, "length"))
				if k.WriteDevice(fmt.Sprint(id), b, int64(at)) != nil {
					// There was no space for all of it.
					require.NoError(r, k.ReadDevice(fmt.Sprint(id), b, int64(at)))
				}
				copy(holds[id][at:], b)
			},
			"crash": func(*rapid.T) { start() },
			"": func(*rapid.T) {
				pool, err := thinmeta.Open(part(contents, 0, 384), 384*512)
				require.NoError(r, err)
				problems, err := pool.Check(context.Background())
				require.NoError(r, err)
				require.Empty(r, problems)
				for id, want := range holds {
					got := make([]byte, size)
					require.NoError(r, k.ReadDevice(fmt.Sprint(id), got, 0))
					require.True(r, bytes.Equal(want, got), id)
					d, err := pool.Device(uint32(id))
					require.NoError(r, err)
					v, err := thinmeta.NewVolume(d, size, part(contents, 512, 3456), nil)
					require.NoError(r, err)
					clear(got)
					_, err = v.ReadAt(got, 0)
					require.NoError(r, err)
					require.True(r, bytes.Equal(want, got), id)
				}
			},
		})
		require.Empty(r, k.Hazards())
	})
}
