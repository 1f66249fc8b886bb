package metadata_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// exampleLabel is what pvcreate wrote to a device of 64 MiB.
const exampleLabel = `
	4c41 4245 4c4f 4e45 0100 0000 0000 0000
	789f dc4a 2000 0000 4c56 4d32 2030 3031
	5535 7976 6c64 776b 465a 7865 414d 3875
	3967 6631 4348 5031 6b38 5655 6849 6241
	0000 0004 0000 0000 0000 1000 0000 0000
	0000 0000 0000 0000 0000 0000 0000 0000
	0000 0000 0000 0000 0010 0000 0000 0000
	00f0 0f00 0000 0000 0000 0000 0000 0000
	0000 0000 0000 0000 0200 0000 0000 0000
	0000 0000 0000 0000 0000 0000 0000 0000`

// sectorOf returns a sector that begins with the given hexadecimal bytes.
func sectorOf(t testing.TB, dump string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(dump), ""))
	require.NoError(t, err)
	return append(b, make([]byte, 512-len(b))...)
}

func example(t testing.TB) *metadata.Label {
	t.Helper()
	l, err := metadata.DecodeLabel(sectorOf(t, exampleLabel), 1)
	require.NoError(t, err)
	return l
}

func TestLabelExample(t *testing.T) {
	t.Parallel()
	l := example(t)
	assert.Equal(t, &metadata.Label{
		Sector:           1,
		PVID:             l.PVID,
		DeviceSize:       64 * units.MiB,
		DataAreas:        []metadata.DiskArea{{Offset: units.MiB}},
		MetadataAreas:    []metadata.DiskArea{{Offset: 4096, Size: 1044480}},
		ExtensionVersion: 2,
	}, l)
	assert.Equal(t, printedID, l.PVID.String())
	assert.False(t, l.InUse())
	b, err := l.Encode()
	require.NoError(t, err)
	assert.Equal(t, sectorOf(t, exampleLabel), b)

	// As it was after the PV came into a group.
	l.ExtensionFlags |= metadata.PVInUse
	assert.True(t, l.InUse())
	b, err = l.Encode()
	require.NoError(t, err)
	assert.Equal(t, []byte{0x96, 0x6a, 0x95, 0x4b}, b[16:20])
}

// The extension lies behind the lists, however long they are.
func TestLabelExtension(t *testing.T) {
	t.Parallel()
	for areas, at := range map[int]int{0: 120, 1: 136, 2: 152} {
		l := example(t)
		l.MetadataAreas = make([]metadata.DiskArea, areas)
		for i := range l.MetadataAreas {
			l.MetadataAreas[i] = metadata.DiskArea{Offset: units.Bytes(i+1) * units.MiB, Size: units.MiB}
		}
		b, err := l.Encode()
		require.NoError(t, err)
		assert.Equal(t, uint32(2), binary.LittleEndian.Uint32(b[at:]), "%d areas", areas)
	}

	// Labels from before there was an extension.
	l := example(t)
	l.ExtensionVersion = 0
	b, err := l.Encode()
	require.NoError(t, err)
	old, err := metadata.DecodeLabel(b, 1)
	require.NoError(t, err)
	assert.Zero(t, old.ExtensionVersion)
	assert.False(t, old.InUse())

	// A newer one can be read, but not written: nobody knows what it has beside.
	b = sectorOf(t, exampleLabel)
	b[136] = 3
	resum(b)
	l, err = metadata.DecodeLabel(b, 1)
	require.NoError(t, err)
	_, err = l.Encode()
	require.ErrorIs(t, err, metadata.ErrVersion)
}

// resum corrects the checksum of a label sector.
func resum(sector []byte) {
	binary.LittleEndian.PutUint32(sector[16:], metadata.Checksum(sector[20:]))
}

func TestDecodeLabelRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(b []byte)
		field  string
		err    error
	}{
		{"no magic", func(b []byte) { b[0] = 'l' }, "id", metadata.ErrMagic},
		{"other sector", func(b []byte) { b[8] = 2; resum(b) }, "sector", metadata.ErrInvalid},
		{"flipped bit", func(b []byte) { b[300] ^= 4 }, "crc", metadata.ErrChecksum},
		{"flipped checksum", func(b []byte) { b[17] ^= 1 }, "crc", metadata.ErrChecksum},
		{"other type", func(b []byte) { b[24] = 'X'; resum(b) }, "type", metadata.ErrMagic},
		{"header within the label's", func(b []byte) { b[20] = 31; resum(b) }, "offset", metadata.ErrInvalid},
		{"header beyond the sector", func(b []byte) { b[20], b[21] = 0xd9, 1; resum(b) }, "offset", metadata.ErrInvalid},
		{"header far away", func(b []byte) { copy(b[20:], "\xff\xff\xff\xff"); resum(b) }, "offset", metadata.ErrInvalid},
		{"dash in the id", func(b []byte) { b[40] = '-'; resum(b) }, "pv_uuid", metadata.ErrInvalid},
		{"no id", func(b []byte) { clear(b[32:64]); resum(b) }, "pv_uuid", metadata.ErrInvalid},
		{"endless data areas", func(b []byte) { fill(b[72:]); resum(b) }, "data areas", metadata.ErrTruncated},
		{"endless metadata areas", func(b []byte) { fill(b[104:]); resum(b) }, "metadata areas", metadata.ErrTruncated},
		{"endless bootloader areas", func(b []byte) { fill(b[144:]); resum(b) }, "bootloader areas", metadata.ErrTruncated},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := sectorOf(t, exampleLabel)
			test.change(b)
			l, err := metadata.DecodeLabel(b, 1)
			assert.Nil(t, l)
			require.ErrorIs(t, err, test.err)
			var format *metadata.FormatError
			require.ErrorAs(t, err, &format)
			assert.Equal(t, test.field, format.Field)
			assert.Equal(t, units.Bytes(512), format.Offset)
		})
	}
	_, err := metadata.DecodeLabel(make([]byte, 511), 1)
	require.ErrorIs(t, err, metadata.ErrTruncated)
}

func fill(b []byte) {
	for i := range b {
		b[i] = 1
	}
}

// A list that ends with the sector is whole; there is just no extension.
func TestLabelFullSector(t *testing.T) {
	t.Parallel()
	l := example(t)
	l.ExtensionVersion = 0
	l.MetadataAreas = nil
	for len(l.MetadataAreas) < 24 {
		l.MetadataAreas = append(l.MetadataAreas, metadata.DiskArea{Offset: 4096, Size: 4096})
	}
	b, err := l.Encode()
	require.NoError(t, err)
	again, err := metadata.DecodeLabel(b, 1)
	require.NoError(t, err)
	assert.Equal(t, l, again)

	l.MetadataAreas = append(l.MetadataAreas, metadata.DiskArea{Offset: 4096, Size: 4096})
	_, err = l.Encode()
	require.ErrorIs(t, err, metadata.ErrInvalid)
}

func TestEncodeLabelRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(l *metadata.Label){
		"sector":             func(l *metadata.Label) { l.Sector = 4 },
		"no id":              func(l *metadata.Label) { l.PVID = metadata.ID{} },
		"area at 0":          func(l *metadata.Label) { l.MetadataAreas[0].Offset = 0 },
		"flag without place": func(l *metadata.Label) { l.ExtensionVersion, l.ExtensionFlags = 0, 1 },
		"bootloader area without place": func(l *metadata.Label) {
			l.ExtensionVersion, l.BootloaderAreas = 0, []metadata.DiskArea{{Offset: 1}}
		},
		"a thousand areas": func(l *metadata.Label) {
			l.MetadataAreas = bytesAreas(1000)
		},
	} {
		l := example(t)
		change(l)
		_, err := l.Encode()
		require.ErrorIs(t, err, metadata.ErrInvalid, name)
	}
}

func bytesAreas(n int) []metadata.DiskArea {
	areas := make([]metadata.DiskArea, n)
	for i := range areas {
		areas[i] = metadata.DiskArea{Offset: 4096, Size: 4096}
	}
	return areas
}

func TestReadLabel(t *testing.T) {
	t.Parallel()
	in := func(sectors map[int]func([]byte)) *bytes.Reader {
		disk := make([]byte, 4096)
		for n, change := range sectors {
			l := example(t)
			l.Sector = uint64(n)
			b, err := l.Encode()
			require.NoError(t, err)
			change(b)
			copy(disk[512*n:], b)
		}
		return bytes.NewReader(disk)
	}
	asIs := func([]byte) {}
	broken := func(b []byte) { b[100]++ }
	misplaced := func(b []byte) { b[8] = 7; resum(b) }

	for n := range 4 {
		l, problems, err := metadata.ReadLabel(in(map[int]func([]byte){n: asIs}))
		require.NoError(t, err)
		assert.Empty(t, problems)
		assert.Equal(t, uint64(n), l.Sector)
	}

	l, problems, err := metadata.ReadLabel(in(map[int]func([]byte){0: broken, 1: misplaced, 2: asIs, 3: asIs}))
	require.NoError(t, err)
	assert.Equal(t, uint64(2), l.Sector)
	require.Len(t, problems, 3)
	require.ErrorIs(t, problems[0], metadata.ErrChecksum)
	require.ErrorIs(t, problems[1], metadata.ErrInvalid)
	require.ErrorIs(t, problems[2], metadata.ErrInvalid)

	l, problems, err = metadata.ReadLabel(in(map[int]func([]byte){1: broken}))
	require.ErrorIs(t, err, metadata.ErrNoLabel)
	assert.Nil(t, l)
	assert.Len(t, problems, 1)

	// Labels beyond the fourth sector do not count.
	_, problems, err = metadata.ReadLabel(in(nil))
	require.ErrorIs(t, err, metadata.ErrNoLabel)
	assert.Empty(t, problems)
}

func TestReadLabelOfShortDevice(t *testing.T) {
	t.Parallel()
	disk := append(make([]byte, 512), sectorOf(t, exampleLabel)...)
	for _, size := range []int{0, 1, 511, 512, 1023, 1024} {
		l, _, err := metadata.ReadLabel(bytes.NewReader(disk[:size]))
		if size < 1024 {
			require.ErrorIs(t, err, metadata.ErrNoLabel, size)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, uint64(1), l.Sector)
	}
}

var errDevice = errors.New("device is sick")

type sickReader struct{}

func (sickReader) ReadAt([]byte, int64) (int, error) { return 0, errDevice }

func TestReadErrorsComeThrough(t *testing.T) {
	t.Parallel()
	_, _, err := metadata.ReadLabel(sickReader{})
	require.ErrorIs(t, err, errDevice)
	require.NotErrorIs(t, err, metadata.ErrNoLabel)
	_, err = metadata.ReadAreaHeader(sickReader{}, 4096)
	require.ErrorIs(t, err, errDevice)
	h := &metadata.AreaHeader{Start: 4096, Size: 1 << 20}
	_, err = h.ReadText(sickReader{}, metadata.RawLocation{Offset: 512, Size: 10})
	require.ErrorIs(t, err, errDevice)
}
