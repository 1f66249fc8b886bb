package lvm

import (
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

// fragmentedVG has pvs physical volumes with as many runs in all, every other one
// of them free. A run is as many bytes long whatever the extents are.
func fragmentedVG(pvs, runs int, extent Bytes) *metadata.VolumeGroup {
	const length = 64 * MiB
	vg := &metadata.VolumeGroup{Name: "vg0", ExtentSize: extent.Sectors()}
	unit := Extents(length / extent)
	for p := range pvs {
		vg.PVs = append(vg.PVs, &metadata.PhysicalVolume{ID: testID("pv", p), Device: fmt.Sprintf("/dev/sd%d", p),
			Status: metadata.PVAllocatable, PECount: Extents(runs/pvs) * unit})
		for r := range runs / pvs / 2 {
			n := len(vg.LVs)
			vg.LVs = append(vg.LVs, &metadata.LogicalVolume{Name: fmt.Sprintf("lv%d", n), ID: testID("lv", n), Segments: []metadata.Segment{
				{Count: unit, Type: "striped", Body: &metadata.Striped{Stripes: []metadata.Area{{PV: testID("pv", p), Start: Extents(2*r) * unit}}}},
			}})
		}
	}
	return vg
}

func BenchmarkNewExtentMap(b *testing.B) {
	for _, lvs := range []int{1000, 10000} {
		vg := fragmentedVG(8, 2*lvs, 4*MiB)
		b.Run(fmt.Sprintf("%d LVs", lvs), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				NewExtentMap(vg)
			}
		})
	}
}

// The cost must follow the number of runs, not that of the extents.
func BenchmarkAllocateAndFree(b *testing.B) {
	for _, extent := range []Bytes{128 * KiB, 32 * MiB} {
		for _, runs := range []int{1000, 100000} {
			vg := fragmentedVG(64, runs, extent)
			m := NewExtentMap(vg).clone()
			lv := &metadata.LogicalVolume{Name: "new", ID: testID("lv", runs)}
			// Three runs' worth: several rounds.
			r := allocRequest{Name: "new", Extents: Extents(192 * MiB / extent)}
			b.Run(fmt.Sprintf("64 PVs, %d runs, extents of %s", runs, extent), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					pieces, err := m.allocate(vg, r)
					if err != nil {
						b.Fatal(err)
					}
					lv.Segments = appendSegments(&metadata.LogicalVolume{}, pieces, 0)
					if err := m.setLV(lv); err != nil {
						b.Fatal(err)
					}
					m.dropLV(lv.ID)
				}
			})
		}
	}
}

// Creating many volumes in one transaction must not be quadratic in their number.
func BenchmarkCreateMany(b *testing.B) {
	for _, lvs := range []int{1000, 10000} {
		vg := pvsOf(Extents(lvs)*4, Extents(lvs)*4)
		empty := NewExtentMap(vg)
		b.Run(fmt.Sprintf("%d LVs", lvs), func(b *testing.B) {
			for b.Loop() {
				m := empty.clone()
				for i := range lvs {
					lv := &metadata.LogicalVolume{Name: "new", ID: testID("lv", i)}
					pieces, err := m.allocate(vg, allocRequest{Extents: 4, Stripes: 1 + i%2})
					if err != nil {
						b.Fatal(err)
					}
					lv.Segments = appendSegments(lv, pieces, 128)
					if err := m.setLV(lv); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(lvs), "ns/LV")
		})
	}
}

// All that is free in a badly fragmented group, in one request.
func BenchmarkAllocateAllFree(b *testing.B) {
	for _, runs := range []int{1000, 10000} {
		vg := fragmentedVG(64, runs, 4*MiB)
		m := NewExtentMap(vg)
		b.Run(fmt.Sprintf("%d runs", runs), func(b *testing.B) {
			for b.Loop() {
				if _, err := m.allocate(vg, allocRequest{Extents: m.FreeTotal()}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCloneForTransaction(b *testing.B) {
	m := NewExtentMap(fragmentedVG(64, 20000, 4*MiB))
	b.ReportAllocs()
	for b.Loop() {
		m.clone()
	}
}

func BenchmarkMapBytes(b *testing.B) {
	vg := pvsOf(100000, 100000)
	vg.LVs = []*metadata.LogicalVolume{{ID: testID("lv", 0), Segments: []metadata.Segment{
		{Count: 100000, Type: "striped", Body: &metadata.Striped{StripeSize: 128, Stripes: []metadata.Area{areaAt(0, 0), areaAt(1, 0)}}}}}}
	m := NewExtentMap(vg)
	b.SetBytes(int64(64 * MiB))
	for b.Loop() {
		for _, err := range m.Map(testID("lv", 0), 12345, 64*MiB) {
			require.NoError(b, err)
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	m := NewExtentMap(fragmentedVG(64, 20000, 4*MiB))
	b.Run("text", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, m.WriteText(io.Discard, DrawOptions{}))
		}
	})
	b.Run("svg", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, m.WriteSVG(io.Discard, DrawOptions{}))
		}
	})
}
