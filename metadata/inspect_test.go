package metadata_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// fields returns the names of the fields that are wrong.
func fields(problems []*metadata.FormatError) []string {
	var out []string
	for _, p := range problems {
		out = append(out, p.Field)
	}
	return out
}

func TestInspectLabel(t *testing.T) {
	t.Parallel()
	_, err := metadata.InspectLabel(make([]byte, 511))
	require.ErrorIs(t, err, metadata.ErrTruncated)

	sector, want := sectorOf(t, exampleLabel), example(t)
	raw, err := metadata.InspectLabel(sector)
	require.NoError(t, err)
	assert.Empty(t, raw.Problems(1))
	assert.Equal(t, want.DeviceSize, raw.DeviceSize)
	assert.Equal(t, want.PVID, metadata.ID(raw.PVID))
	assert.Equal(t, metadata.RawAreas{At: 72, Areas: want.DataAreas, Ended: true}, raw.Data)
	assert.Equal(t, metadata.RawAreas{At: 104, Areas: want.MetadataAreas, Ended: true}, raw.Metadata)
	assert.Equal(t, want.ExtensionVersion, raw.ExtensionVersion)
	assert.Equal(t, 136, raw.ExtensionAt)

	assert.Equal(t, []string{"sector"}, fields(raw.Problems(2)))
	blank, err := metadata.InspectLabel(make([]byte, 512))
	require.NoError(t, err)
	assert.Equal(t, []string{"id", "sector", "crc", "offset", "type", "pv_uuid"}, fields(blank.Problems(1)))
	assert.EqualValues(t, 0x2c81f10, blank.Sum, "what pvck of lvm2 says of zeros")

	full := bytes.Repeat([]byte{1}, 512) // lists without an end
	raw, err = metadata.InspectLabel(full)
	require.NoError(t, err)
	assert.False(t, raw.Data.Ended)
	assert.Zero(t, raw.Metadata.At)
	assert.Zero(t, raw.ExtensionAt)
}

// What precedes the PV header can be written anew from nothing.
func TestRawLabelToLabel(t *testing.T) {
	t.Parallel()
	whole, want := sectorOf(t, exampleLabel), example(t)
	damaged := bytes.Clone(whole)
	clear(damaged[:32])
	raw, err := metadata.InspectLabel(damaged)
	require.NoError(t, err)
	label, err := raw.Label(1)
	require.NoError(t, err)
	assert.Equal(t, want, label)
	written, err := label.Encode()
	require.NoError(t, err)
	assert.Equal(t, whole, written)

	for name, damage := range map[string]func([]byte){
		"no uuid":                  func(b []byte) { b[40] = 0 },
		"lists without an end":     func(b []byte) { copy(b[72:], bytes.Repeat([]byte{1}, 440)) },
		"a bootloader without one": func(b []byte) { copy(b[144:], bytes.Repeat([]byte{1}, 368)) },
	} {
		sector := bytes.Clone(whole)
		damage(sector)
		raw, err := metadata.InspectLabel(sector)
		require.NoError(t, err)
		_, err = raw.Label(1)
		var format *metadata.FormatError
		require.ErrorAs(t, err, &format, name)
		require.ErrorIs(t, err, metadata.ErrInvalid, name)
	}
}

func TestInspectAreaHeader(t *testing.T) {
	t.Parallel()
	disk := append(make([]byte, 4096), sectorOf(t, exampleHeader)...)
	area := metadata.DiskArea{Offset: 4096, Size: 0xff000}
	raw, err := metadata.InspectAreaHeader(bytes.NewReader(disk), 4096)
	require.NoError(t, err)
	assert.Empty(t, raw.Problems(area))
	assert.Equal(t, metadata.RawLocation{Offset: 0x600, Size: 1104, Checksum: 0xfab38fbf}, raw.Slots[0])

	assert.Equal(t, []string{"start", "size"}, fields(raw.Problems(metadata.DiskArea{Offset: 8192, Size: 4096})))
	disk[4100] ^= 1
	raw, err = metadata.InspectAreaHeader(bytes.NewReader(disk), 4096)
	require.NoError(t, err)
	assert.Equal(t, []string{"checksum", "magic"}, fields(raw.Problems(area)))

	_, err = metadata.InspectAreaHeader(bytes.NewReader(disk), 4097)
	require.ErrorIs(t, err, metadata.ErrTruncated)
}

func TestFindTexts(t *testing.T) {
	t.Parallel()
	doc := decode(t, []byte(exampleText))
	text, err := doc.EncodeArea()
	require.NoError(t, err)
	const start, size = 4096, 8192
	ring := func(at ...int) []byte {
		disk := make([]byte, start+size)
		for _, at := range at {
			n := copy(disk[start+512+at:], text)
			copy(disk[start+512:], text[n:])
		}
		return disk
	}
	found := func(disk []byte) (at []units.Bytes, texts []metadata.FoundText) {
		for f, err := range metadata.FindTexts(bytes.NewReader(disk), metadata.DiskArea{Offset: start, Size: size}) {
			require.NoError(t, err)
			at, texts = append(at, f.Offset), append(texts, f)
		}
		return at, texts
	}

	require.Less(t, len(text), 2048)
	last := size - 512 - 512
	at, texts := found(ring(1024, 4096, last))
	require.Equal(t, []units.Bytes{start + 512 + 1024, start + 512 + 4096, start + size - 512}, at)
	for _, f := range texts {
		require.NoError(t, f.Err)
		require.Equal(t, text, f.Text)
		require.Equal(t, doc.VG.Name, f.Document.VG.Name)
	}

	// One that was written over is told from what came in its place.
	at, texts = found(ring(1024, 1024+512))
	require.Len(t, at, 2)
	require.ErrorIs(t, texts[0].Err, metadata.ErrTruncated)
	require.Nil(t, texts[0].Document)
	require.NoError(t, texts[1].Err)

	// So is one that is damaged.
	disk := ring(1024)
	copy(disk[start+512+1024+20:], strings.Repeat("{", 8))
	_, texts = found(disk)
	require.Len(t, texts, 1)
	require.Error(t, texts[0].Err)

	// A size that no device has is not believed.
	for f, err := range metadata.FindTexts(bytes.NewReader(ring(1024)), metadata.DiskArea{Offset: start, Size: 1<<64 - 1}) {
		require.NoError(t, err)
		require.NoError(t, f.Err)
	}
	for range metadata.FindTexts(bytes.NewReader(disk), metadata.DiskArea{Offset: 1<<64 - 1, Size: 4096}) {
		t.Fatal("a text where no device is")
	}
}
