package lvm

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

var updateDrawings = flag.Bool("update-drawings", false, "write the golden files of pictures anew")

// drawnVG is a group with all that a picture can show.
func drawnVG() *metadata.VolumeGroup {
	vg := &metadata.VolumeGroup{Name: "vg0", ExtentSize: (4 * MiB).Sectors()}
	for i, n := range []Extents{60, 40, 40, 12} {
		vg.PVs = append(vg.PVs, &metadata.PhysicalVolume{ID: testID("pv", i), Device: fmt.Sprintf("/dev/sd%c", 'a'+i), PECount: n})
	}
	add := func(name string, segs ...metadata.Segment) {
		var le Extents
		for i := range segs {
			segs[i].Start, segs[i].Type = le, "striped"
			le += segs[i].Count
		}
		vg.LVs = append(vg.LVs, &metadata.LogicalVolume{Name: name, ID: testID("lv", len(vg.LVs)), Segments: segs})
	}
	add("root", stripedSegment(20, 0, areaAt(0, 0)), stripedSegment(5, 0, areaAt(0, 33)))
	add("swap", stripedSegment(2, 0, areaAt(0, 20)))
	add("data", stripedSegment(54, 128, areaAt(1, 0), areaAt(2, 0), areaAt(0, 38)), stripedSegment(1, 0, areaAt(3, 0)))
	add("log_1", stripedSegment(10, 0, areaAt(0, 23)))
	return vg
}

func areaAt(pv int, start Extents) metadata.Area {
	return metadata.Area{PV: testID("pv", pv), Start: start}
}

func stripedSegment(count Extents, stripeSize Sectors, areas ...metadata.Area) metadata.Segment {
	return metadata.Segment{Count: count, Type: "striped", Body: &metadata.Striped{StripeSize: stripeSize, Stripes: areas}}
}

// bigVG has runs that are too small for the picture, hostile names, held extents,
// and a segment of an unknown type.
func bigVG(t *testing.T) *ExtentMap {
	vg := drawnVG()
	vg.PVs[0].PECount = 100000
	vg.PVs[1].Device = "/dev/<b>&\x1b[31m\xff/" + strings.Repeat("x", 60)
	vg.LVs[0].Name = `<root>"&`
	vg.LVs[0].Segments = append(vg.LVs[0].Segments, metadata.Segment{Start: 25, Count: 5000, Type: "striped",
		Body: &metadata.Striped{Stripes: []metadata.Area{areaAt(0, 50000)}}})
	vg.LVs = append(vg.LVs, &metadata.LogicalVolume{Name: "odd", ID: testID("lv", 9),
		Segments: []metadata.Segment{{Count: 1, Type: "vdo", Body: &metadata.Opaque{}}}})
	m := NewExtentMap(vg).clone()
	m.dropLV(vg.LVs[3].ID)
	return m
}

// manyVG has more logical volumes than letters, and more runs than columns.
func manyVG() *ExtentMap {
	vg := &metadata.VolumeGroup{Name: "vg0", ExtentSize: (4 * MiB).Sectors(), PVs: []*metadata.PhysicalVolume{
		{ID: testID("pv", 0), Device: "/dev/sda", PECount: 300}, {ID: testID("pv", 1), Device: "/dev/sdb"},
	}}
	for i := range 60 {
		vg.LVs = append(vg.LVs, &metadata.LogicalVolume{Name: fmt.Sprintf("lv%d", i), ID: testID("lv", i),
			Segments: []metadata.Segment{stripedSegment(2, 0, areaAt(0, Extents(i*5)))}})
	}
	return NewExtentMap(vg)
}

func TestDrawings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		m    *ExtentMap
		o    DrawOptions
	}{
		{"plain", NewExtentMap(drawnVG()), DrawOptions{}},
		{"narrow", NewExtentMap(drawnVG()), DrawOptions{Width: 30}},
		{"color", NewExtentMap(drawnVG()), DrawOptions{Color: true}},
		{"odd", bigVG(t), DrawOptions{}},
		{"many", manyVG(), DrawOptions{}},
		{"empty", NewExtentMap(&metadata.VolumeGroup{}), DrawOptions{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var text, svg bytes.Buffer
			require.NoError(t, tt.m.WriteText(&text, tt.o))
			checkDrawing(t, tt.name+".txt", text.Bytes())
			require.NoError(t, tt.m.WriteSVG(&svg, DrawOptions{Color: tt.o.Color}))
			checkDrawing(t, tt.name+".svg", svg.Bytes())
		})
	}
}

func checkDrawing(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "draw", name)
	if *updateDrawings {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

// Each run has its title, and the document is well formed whatever the names.
func TestSVGIsXMLWithATitlePerRun(t *testing.T) {
	t.Parallel()
	m := bigVG(t)
	runs := 0
	for _, p := range m.pvs {
		for range m.Runs(p.id) {
			runs++
		}
	}
	var b bytes.Buffer
	require.NoError(t, m.WriteSVG(&b, DrawOptions{}))
	titles := 0
	d := xml.NewDecoder(&b)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok {
			assert.Contains(t, []string{"svg", "title", "desc", "style", "defs", "pattern", "rect", "g", "text", "tspan"}, e.Name.Local)
			if e.Name.Local == "title" {
				titles++
			}
		}
	}
	assert.Equal(t, runs+1, titles)
}

func TestTextHasNoControlCharacters(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, bigVG(t).WriteText(&b, DrawOptions{}))
	for _, r := range b.String() {
		assert.True(t, r == '\n' || r >= ' ' && r != 0x7f, "%q", r)
	}
}

// As long as there are columns, every run is seen, and no row is longer than
// asked for.
func TestDivide(t *testing.T) {
	t.Parallel()
	tests := []struct {
		parts []Extents
		n     int
		want  []int
	}{
		{[]Extents{5, 5}, 10, []int{5, 5}},
		{[]Extents{1, 1000, 1}, 10, []int{1, 7, 2}},
		{[]Extents{1 << 63, 1 << 62}, 5, []int{3, 2}},
		{[]Extents{1, 1, 1}, 3, []int{1, 1, 1}},
		{[]Extents{1, 1, 1}, 2, nil},
		{nil, 0, []int{}},
	}
	for _, tt := range tests {
		got := divide(tt.parts, tt.n)
		assert.Equal(t, tt.want, got)
		sum := 0
		for _, c := range got {
			assert.GreaterOrEqual(t, c, 1)
			sum += c
		}
		if got != nil {
			assert.Equal(t, tt.n, sum)
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestDrawingReportsWriteErrors(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	m := NewExtentMap(drawnVG())
	require.ErrorIs(t, m.WriteText(failingWriter{full}, DrawOptions{}), full)
	require.ErrorIs(t, m.WriteSVG(failingWriter{full}, DrawOptions{}), full)
}
