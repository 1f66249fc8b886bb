package dm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/lvm-go/lvm/units"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// listRecord is a record of a list of devices as a kernel of today writes it.
func listRecord(dev uint64, next uint32, name, uuid string, event uint32) []byte {
	ne := binary.NativeEndian
	p := ne.AppendUint64(nil, dev)
	p = ne.AppendUint32(p, next)
	p = append(append(p, name...), 0)
	p = append(p, make([]byte, -len(p)&7)...)
	p = ne.AppendUint32(p, event)
	if uuid == "" {
		return ne.AppendUint32(p, 2)
	}
	p = ne.AppendUint32(p, 1)
	p = append(append(p, uuid...), 0)
	return append(p, make([]byte, -len(p)&7)...)
}

// list is a payload of records with their distances filled in.
func list(records ...[]byte) []byte {
	for _, r := range records[:len(records)-1] {
		binary.NativeEndian.PutUint32(r[8:], uint32(len(r)))
	}
	return bytes.Join(records, nil)
}

func TestDecodeInfo(t *testing.T) {
	t.Parallel()
	buf := base{minor: 47, size: 305, targets: 3, event: 9, dev: 0xfd07, name: "vg-lv", uuid: strings.Repeat("u", 128),
		flags: 1 | 2 | 4 | 0x20 | 0x40 | 0x2000 | 0x20000 | 0x40000}.bytes()
	binary.NativeEndian.PutUint32(buf[24:], 1<<32-1)
	r, err := decodeReply(buf)
	require.NoError(t, err)
	assert.Equal(t, Version{Major: 4, Minor: 47}, r.version)
	assert.Empty(t, r.payload)
	assert.Equal(t, Info{
		Name: "vg-lv", UUID: strings.Repeat("u", 128), Dev: MakeDev(253, 7), OpenCount: -1, TargetCount: 3, EventNr: 9,
		Suspended: true, ReadOnly: true, LiveTable: true, InactiveTable: true, DeferredRemove: true,
		InternalSuspend: true, UeventGenerated: true,
	}, r.info())
	// Each flag by itself is one field.
	for flag, want := range map[uint32]Info{
		0x1: {ReadOnly: true}, 0x2: {Suspended: true}, 0x4: {}, 0x20: {LiveTable: true}, 0x40: {InactiveTable: true},
		0x2000: {UeventGenerated: true}, 0x20000: {DeferredRemove: true}, 0x40000: {InternalSuspend: true},
	} {
		r := reply{flags: flag}
		assert.Equal(t, want, r.info(), "%#x", flag)
	}
}

func TestDecodeReplyRefuses(t *testing.T) {
	t.Parallel()
	good := func() []byte { return append(base{size: 320}.bytes(), 1, 2, 3, 4, 5, 6, 7, 8) }
	r, err := decodeReply(good())
	require.NoError(t, err)
	assert.Equal(t, []byte{1, 2, 3, 4, 5, 6, 7, 8}, r.payload)
	for name, spoil := range map[string]func([]byte) []byte{
		"short":         func(b []byte) []byte { return b[:311] },
		"empty":         func([]byte) []byte { return nil },
		"size":          func(b []byte) []byte { b[12], b[13] = 255, 255; b[14], b[15] = 255, 255; return b },
		"start":         func(b []byte) []byte { clear(b[16:20]); return b },
		"name no end":   func(b []byte) []byte { copy(b[48:176], strings.Repeat("n", 128)); return b },
		"uuid no end":   func(b []byte) []byte { copy(b[176:305], strings.Repeat("n", 129)); return b },
		"size by a bit": func(b []byte) []byte { return b[:319] },
	} {
		_, err := decodeReply(spoil(good()))
		assert.ErrorIs(t, err, ErrMalformed, name)
	}
	beyond := good()
	binary.NativeEndian.PutUint32(beyond[16:], 1<<32-1)
	r, err = decodeReply(beyond)
	require.NoError(t, err)
	assert.Empty(t, r.payload, "a start beyond the size is no payload")
}

func TestDecodeLines(t *testing.T) {
	t.Parallel()
	payload := bytes.Join([][]byte{
		spec(0, 8, 56, "linear", "7:0 2048", 8),
		spec(8, 16, 56+64, "thin-pool", "7:0 7:1 128 0 0 ", 8),
		spec(24, 8, 56+64+56, "linear", "7:0 8 more", 6),
		spec(32, 8, 999, "zero", "", 8), // the last next means nothing
	}, nil)
	r := reply{targetCount: 4, payload: payload}
	lines, err := r.lines()
	require.NoError(t, err)
	assert.Equal(t, []StatusLine{
		{0, 8, "linear", "7:0 2048"}, {8, 16, "thin-pool", "7:0 7:1 128 0 0 "}, {24, 8, "linear", "7:0 8 more"}, {32, 8, "zero", ""},
	}, lines)
	table, err := r.table()
	require.NoError(t, err)
	assert.Equal(t, Table{
		{0, 8, Linear{Device: "7:0", Offset: 2048}},
		{8, 16, ThinPool{Metadata: "7:0", Data: "7:1", BlockSize: 128}},
		{24, 8, Unknown{Name: "linear", Text: "7:0 8 more"}}, // of a kernel to come
		{32, 8, Zero{}},
	}, table)

	none := reply{payload: payload}
	table, err = none.table()
	require.NoError(t, err)
	assert.Nil(t, table)

	two := func(next uint32) []byte {
		return append(spec(0, 8, next, "zero", "", 8), spec(8, 8, 0, "zero", "", 8)...)
	}
	for name, r := range map[string]reply{
		"more targets than bytes": {targetCount: 1<<32 - 1, payload: payload},
		"one too many":            {targetCount: 5, payload: payload},
		"no payload":              {targetCount: 1},
		"next 0":                  {targetCount: 2, payload: two(0)},
		"next within":             {targetCount: 2, payload: two(40)},
		"next beyond":             {targetCount: 2, payload: two(97)},
		"next far beyond":         {targetCount: 2, payload: two(1<<32 - 1)},
		"next at the end":         {targetCount: 2, payload: two(96)},
		"text without end":        {targetCount: 1, payload: spec(0, 8, 0, "zero", "x", 0)},
		"type without end":        {targetCount: 1, payload: spec(0, 8, 0, strings.Repeat("t", 16), "", 8)},
		"no type":                 {targetCount: 1, payload: spec(0, 8, 0, "", "", 8)},
	} {
		_, err := r.lines()
		assert.ErrorIs(t, err, ErrMalformed, name)
		_, err = r.table()
		assert.ErrorIs(t, err, ErrMalformed, name)
	}
}

func TestDecodeDevices(t *testing.T) {
	t.Parallel()
	now := Version{Major: 4, Minor: 47}
	payload := list(listRecord(0xfd00, 0, "a", "LVM-1", 3), listRecord(0xfd01, 0, "abc", "", 0), listRecord(0xfd02, 0, "abcd", "u", 9))
	r := reply{version: now, payload: payload}
	got, err := r.devices()
	require.NoError(t, err)
	assert.Equal(t, []listed{
		{Device{0xfd00, "a", "LVM-1", 3}, true}, {Device{0xfd01, "abc", "", 0}, true}, {Device{0xfd02, "abcd", "u", 9}, true},
	}, got)

	old := reply{version: Version{Major: 4, Minor: 37}, payload: payload}
	got, err = old.devices()
	require.NoError(t, err)
	assert.Equal(t, []listed{{Device: Device{Dev: 0xfd00, Name: "a"}}, {Device: Device{Dev: 0xfd01, Name: "abc"}}, {Device: Device{Dev: 0xfd02, Name: "abcd"}}}, got)

	for name, p := range map[string][]byte{"nothing": nil, "dev 0": make([]byte, 16), "a word": make([]byte, 8)} {
		r := reply{version: now, payload: p}
		got, err := r.devices()
		require.NoError(t, err, name)
		assert.Empty(t, got, name)
	}
	spoiled := func(at int, v uint32) []byte {
		p := bytes.Clone(payload)
		binary.NativeEndian.PutUint32(p[at:], v)
		return p
	}
	for name, p := range map[string][]byte{
		"next within":      spoiled(8, 12),
		"next to itself":   spoiled(8, 1),
		"next beyond":      spoiled(8, uint32(len(payload))+1),
		"next far beyond":  spoiled(8, 1<<32-1),
		"next at the end":  spoiled(8, uint32(len(payload))),
		"name without end": append(bytes.Clone(payload[:12]), "abcdefgh"...),
		"uuid without end": payload[:len(payload)-8],
	} {
		r := reply{version: now, payload: p}
		_, err := r.devices()
		assert.ErrorIs(t, err, ErrMalformed, name)
	}
}

func TestDecodeTargets(t *testing.T) {
	t.Parallel()
	record := func(next uint32, v Version, name string) []byte {
		ne := binary.NativeEndian
		p := ne.AppendUint32(nil, next)
		p = ne.AppendUint32(ne.AppendUint32(ne.AppendUint32(p, v.Major), v.Minor), v.Patch)
		p = append(append(p, name...), 0)
		return append(p, make([]byte, -len(p)&7)...)
	}
	v := Version{Major: 1, Minor: 2, Patch: 3}
	r := reply{payload: append(record(24, v, "zero"), record(0, v, "thin-pool")...)}
	got, err := r.targets()
	require.NoError(t, err)
	assert.Equal(t, []TargetVersion{{"zero", v}, {"thin-pool", v}}, got)
	for name, p := range map[string][]byte{
		"short":            make([]byte, 16),
		"no name":          record(0, v, ""),
		"name without end": record(0, v, "1234567")[:20],
		"next within":      record(16, v, "zero"),
		"next beyond":      record(25, v, "zero"),
		"next far beyond":  record(1<<32-1, v, "zero"),
	} {
		r := reply{payload: p}
		_, err := r.targets()
		assert.ErrorIs(t, err, ErrMalformed, name)
	}
}

func TestDecodeDeps(t *testing.T) {
	t.Parallel()
	payload := func(n uint32, devs ...uint64) []byte {
		p := binary.NativeEndian.AppendUint32(nil, n)
		p = append(p, 0, 0, 0, 0)
		for _, d := range devs {
			p = binary.NativeEndian.AppendUint64(p, d)
		}
		return p
	}
	r := reply{payload: payload(2, 0x701, 0x700)}
	got, err := r.deps()
	require.NoError(t, err)
	assert.Equal(t, []Dev{0x701, 0x700}, got)
	none := reply{}
	got, err = none.deps()
	require.NoError(t, err)
	assert.Empty(t, got)
	for _, p := range [][]byte{make([]byte, 7), payload(1), payload(3, 1, 2), payload(1<<32-1, 1)} {
		r := reply{payload: p}
		_, err := r.deps()
		assert.ErrorIs(t, err, ErrMalformed)
	}
}

func TestDecodeAnswer(t *testing.T) {
	t.Parallel()
	r := reply{flags: flagDataOut, payload: []byte("0\x00junk")}
	text, replied, err := r.answer()
	require.NoError(t, err)
	assert.True(t, replied)
	assert.Equal(t, "0", text)
	r.flags = 0
	text, replied, err = r.answer()
	require.NoError(t, err)
	assert.False(t, replied)
	assert.Empty(t, text)
	r = reply{flags: flagDataOut, payload: []byte("0")}
	_, _, err = r.answer()
	assert.ErrorIs(t, err, ErrMalformed)
}

// fuzzReply gives decode every payload that there is, and measures what it
// allocates.
func fuzzReply(f *testing.F, decode func(*reply) (length int, err error)) {
	f.Helper()
	f.Add(uint32(2), uint32(47), append(spec(0, 8, 56, "linear", "7:0 2048", 8), spec(8, 8, 0, "zero", "", 8)...))
	f.Add(uint32(0), uint32(47), list(listRecord(0xfd00, 0, "a", "LVM-1", 3), listRecord(0xfd01, 0, "abc", "", 0)))
	f.Add(uint32(0), uint32(37), list(listRecord(0xfd00, 0, "a", "", 3)))
	f.Add(uint32(0), uint32(0), []byte{2, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, targets, minor uint32, payload []byte) {
		buf := append(base{minor: minor, size: uint32(312 + len(payload)), targets: targets, flags: flagDataOut}.bytes(), payload...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := decodeReply(buf)
		require.NoError(t, err)
		n, err := decode(&r)
		runtime.ReadMemStats(&after)
		require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<10+64*len(payload)))
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			require.Zero(t, n, "a value beside an error")
		}
	})
}

func FuzzReplyTable(f *testing.F) {
	fuzzReply(f, func(r *reply) (int, error) {
		table, err := r.table()
		_ = table.String()
		return len(table), err
	})
}

func FuzzReplyStatus(f *testing.F) {
	fuzzReply(f, func(r *reply) (int, error) { lines, err := r.lines(); return len(lines), err })
}

func FuzzReplyDevices(f *testing.F) {
	fuzzReply(f, func(r *reply) (int, error) { list, err := r.devices(); return len(list), err })
}

func FuzzReplyTargets(f *testing.F) {
	fuzzReply(f, func(r *reply) (int, error) { list, err := r.targets(); return len(list), err })
}

func FuzzReplyDeps(f *testing.F) {
	fuzzReply(f, func(r *reply) (int, error) { devs, err := r.deps(); return len(devs), err })
}

func FuzzReplyAnswer(f *testing.F) {
	fuzzReply(f, func(r *reply) (int, error) { text, _, err := r.answer(); return len(text), err })
}

func FuzzReplyBase(f *testing.F) {
	f.Add(base{size: 305, name: "vg-lv"}.bytes())
	f.Add(append(base{size: 320, uuid: "u"}.bytes(), make([]byte, 8)...))
	f.Fuzz(func(t *testing.T, buf []byte) {
		r, err := decodeReply(buf)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			require.Empty(t, r)
			return
		}
		require.LessOrEqual(t, len(r.payload), len(buf)-312)
		info := r.info()
		require.LessOrEqual(t, len(info.Name), 127)
		require.LessOrEqual(t, len(info.UUID), 128)
	})
}

func manyLines(n int) Table {
	t := make(Table, n)
	for i := range t {
		t[i] = Line{Start: units.Sectors(i) * 8192, Length: 8192, Target: Linear{Device: "253:17", Offset: units.Sectors(i) * 8192}}
	}
	return t
}

func BenchmarkEncodeTable(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			t := manyLines(n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := encodeTable(t); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeTable(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var payload []byte
			for _, l := range manyLines(n) {
				params := l.Target.Params()
				pad := 8 - len(params)&7
				next := len(payload) + 40 + len(params) + pad
				payload = append(payload, spec(uint64(l.Start), uint64(l.Length), uint32(next), "linear", params, pad)...)
			}
			r := reply{targetCount: uint32(n), payload: payload}
			b.ReportAllocs()
			for b.Loop() {
				if t, err := r.table(); err != nil || len(t) != n {
					b.Fatal(len(t), err)
				}
			}
		})
	}
}

func BenchmarkDecodeDevices(b *testing.B) {
	const n = 10_000
	records := make([][]byte, n)
	for i := range records {
		records[i] = listRecord(uint64(MakeDev(253, uint32(i))), 0, fmt.Sprintf("vg-lv%d", i), "LVM-"+strings.Repeat("u", 64), 0)
	}
	r := reply{version: Version{Major: 4, Minor: 47}, payload: list(records...)}
	b.ReportAllocs()
	for b.Loop() {
		if l, err := r.devices(); err != nil || len(l) != n {
			b.Fatal(len(l), err)
		}
	}
}
