package raid_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/units"
)

const recordedLeg units.Sectors = 96

// recorded is what the kernel left on metadata devices, as devices.
func recorded(t require.TestingT, file string) [][]byte {
	b, err := os.ReadFile(filepath.Join("testdata", "metas", file+".bin"))
	require.NoError(t, err)
	var metas [][]byte
	for part := range slices.Chunk(b, 1024) {
		m := make([]byte, 8192)
		copy(m, part[:512])
		copy(m[4096:], part[512:])
		metas = append(metas, m)
	}
	return metas
}

func readMetas(t require.TestingT, all [][]byte) []*raid.Meta {
	var metas []*raid.Meta
	for _, b := range all {
		if b == nil {
			metas = append(metas, nil)
			continue
		}
		m, err := raid.ReadMeta(bytes.NewReader(b))
		require.NoError(t, err)
		metas = append(metas, m)
	}
	return metas
}

// put writes a number into a copy of a device.
func put(b []byte, off int, v uint64) []byte {
	b = slices.Clone(b)
	binary.LittleEndian.PutUint64(b[off:], v)
	return b
}

// Where things are in a metadata device.
const (
	atEvents       = 16
	atFailed       = 24
	atInSync       = 32
	atResynced     = 40
	atFlags        = 60
	atDataOffset   = 96
	atBitmapEvents = 4096 + 24
	atBits         = 4096 + 256
)

// recordedGeometries are those of the recorded arrays, by file.
func recordedGeometries(t require.TestingT) map[string]raid.Geometry {
	files, err := filepath.Glob(filepath.Join("testdata", "metas", "*-clean.bin"))
	require.NoError(t, err)
	require.Len(t, files, 19)
	all := map[string]raid.Geometry{}
	for _, f := range files {
		file := strings.TrimSuffix(filepath.Base(f), ".bin")
		words := strings.Split(file, "-")
		g := raid.Geometry{Layout: raid.Layout(words[0]), Legs: int(words[1][0] - '0'), Chunk: 8}
		switch {
		case g.Layout == raid.RAID1:
			g.Chunk = 0
		case strings.HasPrefix(words[0], "raid10"):
			g.Copies = 2
		}
		all[file] = g
	}
	return all
}

func TestRecordedSuperblocks(t *testing.T) {
	t.Parallel()
	for file, g := range recordedGeometries(t) {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			metas := readMetas(t, recorded(t, file))
			size, _ := g.ArraySize(recordedLeg)
			for i, m := range metas {
				s := m.Superblock
				assert.Positive(t, s.Events)
				want := &raid.Superblock{Geometry: g, Position: i, Events: s.Events, InSync: raid.Whole, Resynced: raid.Whole,
					LegSize: recordedLeg, ArraySize: size}
				assert.Equal(t, want, s)
				if g.Layout == raid.RAID0 {
					assert.Nil(t, m.Bitmap)
					continue
				}
				counted := recordedLeg
				if g.Copies > 0 {
					counted = size
				}
				assert.NoError(t, m.BitmapErr)
				assert.Equal(t, &raid.Bitmap{Events: s.Events, Size: counted, Region: 8}, m.Bitmap)
			}
			state, err := raid.Judge(g, recordedLeg, metas)
			require.NoError(t, err)
			assert.False(t, state.Doubtful(0, size))
			assert.False(t, state.Fresh)
			assert.Equal(t, metas[0].Superblock.Events, state.Events)
			for i := range state.Legs {
				assert.Equal(t, raid.LegState{InSync: raid.Whole}, state.Legs[i])
			}
		})
	}
}

var raid5 = raid.Geometry{Layout: raid.RAID5LS, Legs: 3, Chunk: 8}

// What is known of the legs, by what is on all of them.
func TestJudge(t *testing.T) {
	t.Parallel()
	clean := recorded(t, "raid5_ls-3-clean")
	blank := make([]byte, 8192)
	whole, none := raid.LegState{InSync: raid.Whole}, raid.LegState{Condition: raid.NoMeta}
	failed, behind := raid.LegState{Condition: raid.Failed}, raid.LegState{Condition: raid.Behind}
	missed := func(sector, length units.Sectors) raid.LegState {
		return raid.LegState{Condition: raid.Missed, InSync: raid.Whole, Missed: []raid.Range{{Sector: sector, Length: length}}}
	}
	events := binary.LittleEndian.Uint64(clean[0][atEvents:])
	older := func(b []byte, by uint64) []byte { return put(put(b, atEvents, events-by), atBitmapEvents, events-by) }
	bits := func(b []byte, v uint64) []byte {
		return put(b, atBits, binary.LittleEndian.Uint64(b[atBits:])&^0xfff|v)
	}
	const all = 1 << 20 // doubtful everywhere
	for _, c := range []struct {
		name     string
		metas    [][]byte
		want     []raid.LegState
		doubtful []units.Sectors // one of each range
		degraded bool
	}{
		{"clean", clean, []raid.LegState{whole, whole, whole}, nil, false},
		{"missing", [][]byte{clean[0], nil, clean[2]}, []raid.LegState{whole, none, whole}, nil, false},
		{"blank leg", [][]byte{clean[0], blank, clean[2]}, []raid.LegState{whole, none, whole}, nil, false},
		{"blank", [][]byte{blank, blank, blank}, []raid.LegState{whole, whole, whole}, []units.Sectors{0, 95, all}, false},
		{"blank, and one missing", [][]byte{blank, nil, blank}, []raid.LegState{whole, none, whole}, []units.Sectors{0, all}, false},
		{"nothing", [][]byte{nil, nil, nil}, []raid.LegState{none, none, none}, []units.Sectors{0, all}, false},
		{"died", recorded(t, "raid5_ls-3-dirty"), []raid.LegState{whole, whole, whole}, []units.Sectors{24, 31}, false},
		{"degraded", recorded(t, "raid5_ls-3-degraded"), []raid.LegState{whole, failed, whole}, nil, true},
		{"died degraded", recorded(t, "raid5_ls-3-died-degraded"), []raid.LegState{whole, missed(24, 16), whole}, nil, false},
		{"degraded, leg missing", [][]byte{recorded(t, "raid5_ls-3-degraded")[0], nil, recorded(t, "raid5_ls-3-degraded")[2]},
			[]raid.LegState{whole, none, whole}, nil, true},
		{"rebuilding", [][]byte{clean[0], put(clean[1], atInSync, 40), clean[2]},
			[]raid.LegState{whole, {Condition: raid.Rebuilding, InSync: 40}, whole}, nil, false},
		{"first synchronisation", [][]byte{put(clean[0], atResynced, 40), put(clean[1], atResynced, 40), put(clean[2], atResynced, 40)},
			[]raid.LegState{whole, whole, whole}, []units.Sectors{40, 95, all}, false},
		{"torn superblocks", [][]byte{clean[0], older(clean[1], 1), clean[2]}, []raid.LegState{whole, whole, whole}, nil, false},
		{"an old leg", [][]byte{clean[0], older(clean[1], 2), clean[2]}, []raid.LegState{whole, behind, whole}, nil, false},
		{"an old leg, that says the others failed", [][]byte{clean[0], put(older(clean[1], 2), atFailed, 5), clean[2]},
			[]raid.LegState{whole, behind, whole}, nil, false},
		{"each says that another failed", [][]byte{put(clean[0], atFailed, 2), put(clean[1], atFailed, 1), clean[2]},
			[]raid.LegState{failed, failed, whole}, nil, true},
		{"it says that itself has failed", [][]byte{put(clean[0], atFailed, 1), clean[1], clean[2]},
			[]raid.LegState{whole, whole, whole}, nil, false},
		{"an older bitmap", [][]byte{clean[0], put(clean[1], atBitmapEvents, events-1), clean[2]}, []raid.LegState{whole, whole, whole}, nil, false},
		{"older bitmaps", [][]byte{put(clean[0], atBitmapEvents, 1), put(clean[1], atBitmapEvents, 1), put(clean[2], atBitmapEvents, 1)},
			[]raid.LegState{whole, whole, whole}, []units.Sectors{0, all}, false},
		{"bits while two legs were away", [][]byte{bits(clean[0], 6), clean[1], clean[2]}, []raid.LegState{whole, whole, whole}, []units.Sectors{8, 23}, false},
		{"bits while each was away", [][]byte{bits(clean[0], 6), bits(clean[1], 3), bits(clean[2], 5)},
			[]raid.LegState{missed(0, 8), missed(16, 8), missed(8, 8)}, nil, false},
		{"bits while one was away, and others with it", [][]byte{bits(clean[0], 3), bits(clean[1], 2), bits(clean[2], 3)},
			[]raid.LegState{whole, missed(0, 8), whole}, []units.Sectors{8, 15}, false},
		{"bits of a new leg", [][]byte{clean[0], put(bits(clean[1], 0xaaa), atInSync, 40), clean[2]},
			[]raid.LegState{whole, {Condition: raid.Rebuilding, InSync: 40}, whole}, nil, false},
		{"a new leg that writes went past", [][]byte{bits(clean[0], 1), put(clean[1], atInSync, 40), bits(clean[2], 1)},
			[]raid.LegState{whole, {Condition: raid.Missed, InSync: 40, Missed: []raid.Range{{Length: 8}}}, whole}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := raid.Judge(raid5, recordedLeg, readMetas(t, c.metas))
			require.NoError(t, err)
			assert.Equal(t, c.want, s.Legs)
			assert.Equal(t, c.degraded, s.Degraded)
			assert.Equal(t, strings.HasPrefix(c.name, "blank") && c.name != "blank leg", s.Fresh)
			for _, at := range c.doubtful {
				assert.True(t, s.Doubtful(at, 1), "sector %d", at)
			}
			if len(c.doubtful) == 0 {
				assert.False(t, s.Doubtful(0, recordedLeg))
			} else if len(c.doubtful) == 2 && c.doubtful[1] != all {
				from, to := c.doubtful[0], c.doubtful[1]+1
				assert.False(t, s.Doubtful(0, from))
				assert.True(t, s.Doubtful(0, from+1))
				assert.False(t, s.Doubtful(to, recordedLeg-to))
				assert.False(t, s.Doubtful(from, 0))
			}
		})
	}
}

func TestJudgeOfRAID1(t *testing.T) {
	t.Parallel()
	g := raid.Geometry{Layout: raid.RAID1, Legs: 2}
	clean := recorded(t, "raid1-2-clean")
	set := func(b []byte, v byte) []byte {
		b = slices.Clone(b)
		b[atBits] = v
		return b
	}
	for name, c := range map[string]struct {
		metas [][]byte
		want  []raid.Condition
	}{
		"leg 1 was away":      {[][]byte{set(clean[0], 8), clean[1]}, []raid.Condition{raid.InSync, raid.Missed}},
		"leg 0 was away":      {[][]byte{clean[0], set(clean[1], 8)}, []raid.Condition{raid.Missed, raid.InSync}},
		"they went apart":     {[][]byte{set(clean[0], 4), set(clean[1], 8)}, []raid.Condition{raid.Missed, raid.Missed}},
		"died with both":      {[][]byte{set(clean[0], 8), set(clean[1], 8)}, []raid.Condition{raid.InSync, raid.InSync}},
		"one knows of more":   {[][]byte{set(clean[0], 12), set(clean[1], 8)}, []raid.Condition{raid.InSync, raid.Missed}},
		"one is another's":    {[][]byte{set(clean[0], 8), nil}, []raid.Condition{raid.InSync, raid.NoMeta}},
		"the new leg has all": {[][]byte{clean[0], put(set(clean[1], 8), atInSync, 8)}, []raid.Condition{raid.InSync, raid.Rebuilding}},
	} {
		s, err := raid.Judge(g, recordedLeg, readMetas(t, c.metas))
		require.NoError(t, err)
		var got []raid.Condition
		for _, l := range s.Legs {
			got = append(got, l.Condition)
		}
		assert.Equal(t, c.want, got, name)
	}
}

func TestJudgeRefuses(t *testing.T) {
	t.Parallel()
	clean := recorded(t, "raid5_ls-3-clean")
	far := recorded(t, "raid10_far-4-clean")
	farGeometry := raid.Geometry{Layout: raid.RAID10Far, Legs: 4, Chunk: 8, Copies: 2}
	for name, c := range map[string]struct {
		g     raid.Geometry
		leg   units.Sectors
		metas [][]byte
		want  error
	}{
		"geometry":        {raid.Geometry{}, 96, nil, raid.ErrGeometry},
		"too few":         {raid5, 96, clean[:2], raid.ErrGeometry},
		"another layout":  {raid.Geometry{Layout: raid.RAID5RS, Legs: 3, Chunk: 8}, 96, clean, raid.ErrMismatch},
		"another chunk":   {raid.Geometry{Layout: raid.RAID5LS, Legs: 3, Chunk: 16}, 96, clean, raid.ErrMismatch},
		"other positions": {raid5, 96, [][]byte{clean[1], clean[0], clean[2]}, raid.ErrMismatch},
		"other places":    {raid5, 96, [][]byte{clean[0], put(clean[1], atDataOffset, 8), clean[2]}, raid.ErrMismatch},
		"reshaping":       {raid5, 96, [][]byte{put(clean[0], atFlags, 1), clean[1], clean[2]}, raid.ErrReshaping},
		"far copies":      {farGeometry, 192, far, raid.ErrMismatch},
	} {
		_, err := raid.Judge(c.g, c.leg, readMetas(t, c.metas))
		assert.ErrorIs(t, err, c.want, name)
	}
	s, err := raid.Judge(raid5, 200, readMetas(t, clean))
	require.NoError(t, err, "it was made longer")
	assert.False(t, s.Doubtful(0, 96))
	assert.True(t, s.Doubtful(96, 1))
}

func TestDamagedMeta(t *testing.T) {
	t.Parallel()
	clean := recorded(t, "raid5_ls-3-clean")[0]
	change := func(off int, v byte) []byte {
		b := slices.Clone(clean)
		b[off] = v
		return b
	}
	for name, b := range map[string][]byte{
		"magic":             change(0, 'd'),
		"features":          change(4, 9),
		"more features":     change(144, 1),
		"no legs":           change(8, 0),
		"too many legs":     change(9, 1),
		"position":          change(12, 3),
		"level":             change(48, 7),
		"layout":            change(52, 77),
		"chunk":             change(56, 9),
		"size of the array": change(95, 1),
		"offset":            change(103, 1),
		"size of the legs":  change(119, 1),
	} {
		_, err := raid.ReadMeta(bytes.NewReader(b))
		require.ErrorIs(t, err, raid.ErrFormat, name)
		var at *raid.FormatError
		require.ErrorAs(t, err, &at, name)
	}
	_, err := raid.ReadMeta(bytes.NewReader(clean[:4000]))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, _, err = raid.DecodeSuperblock(clean[:100])
	require.ErrorIs(t, err, raid.ErrFormat)

	for name, b := range map[string][]byte{
		"magic":            change(4096, 'B'),
		"version":          change(4100, 5),
		"size":             change(4096+47, 1),
		"odd regions":      change(4096+52, 1),
		"no regions":       change(4096+53, 0),
		"too many regions": change(4096+44, 1),
	} {
		m, err := raid.ReadMeta(bytes.NewReader(b))
		require.NoError(t, err, name)
		assert.Nil(t, m.Bitmap, name)
		assert.ErrorIs(t, m.BitmapErr, raid.ErrFormat, name)
	}
	m, err := raid.ReadMeta(bytes.NewReader(clean[:4096+257]))
	require.NoError(t, err)
	assert.ErrorIs(t, m.BitmapErr, io.ErrUnexpectedEOF)
}

// A kernel of old has not written what came later.
func TestOldSuperblock(t *testing.T) {
	t.Parallel()
	b := recorded(t, "raid5_ls-3-clean")[0]
	b[4] = 0
	for i := 60; i < 512; i++ {
		b[i] = 0xa5
	}
	s, blank, err := raid.DecodeSuperblock(b)
	require.NoError(t, err)
	assert.False(t, blank)
	assert.Equal(t, raid5, s.Geometry)
	assert.Empty(t, s.Failed)
	assert.False(t, s.Reshaping)
	assert.Zero(t, s.DataOffset)
}

func TestConditions(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for c := raid.InSync; c <= raid.NoMeta; c++ {
		seen[c.String()] = true
	}
	assert.Len(t, seen, 6)
	assert.Equal(t, "Condition(9)", fmt.Sprint(raid.Condition(9)))
}

func FuzzMeta(f *testing.F) {
	for file := range recordedGeometries(f) {
		for _, b := range recorded(f, file) {
			f.Add(b[:512], b[4096:4608])
		}
	}
	f.Fuzz(func(t *testing.T, super, bitmap []byte) {
		b := make([]byte, 16384)
		copy(b[:4096], super)
		copy(b[4096:], bitmap)
		m, err := raid.ReadMeta(bytes.NewReader(b))
		if err != nil {
			require.ErrorIs(t, err, raid.ErrFormat)
			require.Nil(t, m)
			return
		}
		if m.Bitmap != nil {
			var end units.Sectors
			for i, r := range m.Bitmap.Dirty {
				require.Positive(t, r.Length)
				require.True(t, i == 0 || r.Sector > end, "apart and in order")
				end = r.Sector + r.Length
			}
			require.LessOrEqual(t, end, m.Bitmap.Size)
		}
		if m.Superblock == nil {
			return
		}
		g := m.Superblock.Geometry
		require.NoError(t, g.Validate())
		if p := m.Superblock.Position; p < 0 || p >= g.Legs { // a reshape has freed it, or adds it
			require.True(t, p == -1 || m.Superblock.Reshaping)
			return
		}
		metas := make([]*raid.Meta, g.Legs)
		metas[m.Superblock.Position] = m
		s, err := raid.Judge(g, recordedLeg, metas)
		if err != nil {
			return
		}
		for sector := range units.Sectors(200) {
			_ = s.Doubtful(sector, 3)
		}
		require.Len(t, s.Legs, g.Legs)
	})
}
