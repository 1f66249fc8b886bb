package metadata_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// randomBytes gives the same bytes in every run.
func randomBytes(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

// manyLVs makes a group of n logical volumes with two segments each.
func manyLVs(t testing.TB, n int) *metadata.Document {
	t.Helper()
	random := randomBytes(1)
	newID := func() metadata.ID {
		id, err := metadata.NewID(random)
		require.NoError(t, err)
		return id
	}
	vg := &metadata.VolumeGroup{
		Name: "vg", ID: newID(), Seqno: 1, Format: "lvm2", ExtentSize: 8192,
		Status: metadata.VGResizeable | metadata.VGRead | metadata.VGWrite,
	}
	for i := range 2 {
		vg.PVs = append(vg.PVs, &metadata.PhysicalVolume{
			ID: newID(), Device: fmt.Sprintf("/dev/sd%c", 'a'+i), Status: metadata.PVAllocatable,
			DeviceSize: 1 << 40, PEStart: 2048, PECount: units.Extents(3 * n),
		})
	}
	for i := range n {
		at := units.Extents(i)
		vg.LVs = append(vg.LVs, &metadata.LogicalVolume{
			Name: fmt.Sprintf("volume%d", i), ID: newID(),
			Status:       metadata.LVRead | metadata.LVWrite | metadata.LVVisible,
			CreationTime: time.Unix(1795337674, 0).UTC(), CreationHost: "host",
			Segments: []metadata.Segment{
				{Count: 1, Type: "striped", Body: &metadata.Striped{
					Stripes: []metadata.Area{{PV: vg.PVs[0].ID, Start: at}}}},
				{Start: 1, Count: 4, Type: "striped", Body: &metadata.Striped{StripeSize: 128,
					Stripes: []metadata.Area{
						{PV: vg.PVs[0].ID, Start: units.Extents(n) + 2*at},
						{PV: vg.PVs[1].ID, Start: 2 * at},
					}}},
			},
		})
	}
	return &metadata.Document{
		Header: metadata.Header{Generator: "a benchmark", CreationTime: time.Unix(1795337674, 0).UTC()},
		VG:     vg,
	}
}

func eachSize(b *testing.B, run func(b *testing.B, doc *metadata.Document, text []byte)) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			doc := manyLVs(b, n)
			text, err := doc.EncodeArea()
			require.NoError(b, err)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			run(b, doc, text)
		})
	}
}

func BenchmarkParse(b *testing.B) {
	eachSize(b, func(b *testing.B, _ *metadata.Document, text []byte) {
		for b.Loop() {
			if _, err := metadata.ParseTree(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	eachSize(b, func(b *testing.B, _ *metadata.Document, text []byte) {
		for b.Loop() {
			if _, err := metadata.DecodeDocument(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	eachSize(b, func(b *testing.B, doc *metadata.Document, _ []byte) {
		for b.Loop() {
			if _, err := doc.EncodeArea(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	eachSize(b, func(b *testing.B, doc *metadata.Document, _ []byte) {
		for b.Loop() {
			if err := doc.VG.Validate(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkClone(b *testing.B) {
	eachSize(b, func(b *testing.B, doc *metadata.Document, _ []byte) {
		for b.Loop() {
			doc.VG.Clone()
		}
	})
}

func TestManyLVs(t *testing.T) {
	t.Parallel()
	doc := manyLVs(t, 1000)
	require.NoError(t, doc.VG.Validate())
	text, err := doc.EncodeArea()
	require.NoError(t, err)
	again, err := metadata.DecodeDocument(text)
	require.NoError(t, err)
	require.Equal(t, doc, again)
	require.Equal(t, 1, bytes.Count(text, []byte{0}))
}
