package raid_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/units"
)

// benchmarked are arrays of legs of 8 MiB, with chunks of 64 KiB.
func benchmarked() []raid.Geometry {
	return []raid.Geometry{
		{Layout: raid.RAID0, Legs: 4, Chunk: 128},
		{Layout: raid.RAID1, Legs: 2},
		{Layout: raid.RAID10Near, Legs: 4, Chunk: 128, Copies: 2},
		{Layout: raid.RAID5LS, Legs: 5, Chunk: 128},
		{Layout: raid.RAID6ZR, Legs: 6, Chunk: 128},
	}
}

func benchmarkArray(b *testing.B, g raid.Geometry, missing ...int) *raid.Array {
	const leg = 16384
	legs := all(memories(g, leg))
	a, err := raid.New(g, leg, legs, raid.Options{})
	require.NoError(b, err)
	_, err = a.WriteAt(random(1, a.Size()), 0)
	require.NoError(b, err)
	for _, i := range missing {
		legs[i].Data = nil
	}
	a, err = raid.New(g, leg, legs, raid.Options{Log: &noted{}})
	require.NoError(b, err)
	return a
}

func BenchmarkRead(b *testing.B) {
	for _, g := range benchmarked() {
		for missing := range 3 {
			if missing > 0 && (missing > g.ParityLegs() || g.ParityLegs() == 0) {
				continue
			}
			b.Run(fmt.Sprintf("%s/missing=%d", g.Layout, missing), func(b *testing.B) {
				a := benchmarkArray(b, g, []int{0, 1}[:missing]...)
				p := make([]byte, 1<<20)
				b.SetBytes(int64(len(p)))
				b.ReportAllocs()
				for off := int64(0); b.Loop(); off = (off + int64(len(p))) % (int64(a.Size()) - int64(len(p)) + 1) {
					_, err := a.ReadAt(p, off)
					require.NoError(b, err)
				}
			})
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, g := range benchmarked() {
		for _, size := range []units.Bytes{4 * units.KiB, units.MiB} {
			b.Run(fmt.Sprintf("%s/%v", g.Layout, size), func(b *testing.B) {
				a := benchmarkArray(b, g)
				p := random(1, size)
				b.SetBytes(int64(len(p)))
				b.ReportAllocs()
				for off := int64(0); b.Loop(); off = (off + int64(len(p))) % (int64(a.Size()) - int64(len(p)) + 1) {
					_, err := a.WriteAt(p, off)
					require.NoError(b, err)
				}
			})
		}
	}
}
