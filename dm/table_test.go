package dm_test

import (
	"os"
	"strings"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorded returns the lines of a file of testdata.
func recorded(t testing.TB, name string) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	require.Greater(t, len(lines), 100)
	return lines
}

// one is a table of one target.
func one(length units.Sectors, target dm.Target) dm.Table {
	return dm.Table{{Length: length, Target: target}}
}

func TestRecordedTables(t *testing.T) {
	t.Parallel()
	types := map[string]int{}
	for _, line := range recorded(t, "tables.txt") {
		l, err := dm.ParseLine(line)
		require.NoError(t, err, line)
		if l.Target.Type() == "integrity" { // the kernel's order is another one
			again, err := dm.ParseLine(l.String())
			require.NoError(t, err, line)
			assert.Equal(t, l, again)
		} else {
			assert.Equal(t, strings.TrimSuffix(line, " "), strings.TrimSuffix(l.String(), " "))
		}
		types[l.Target.Type()]++
		_, unknown := l.Target.(dm.Unknown)
		assert.False(t, unknown, line)
		for i, d := range l.Target.Devices() {
			_, err := dm.ParseDev(d)
			assert.NoError(t, err, "device %d of %s", i, line)
		}
	}
	assert.Greater(t, len(types), 10)
	assert.Contains(t, types, "striped")
	assert.Contains(t, types, "zero")
}

func TestRecordedStatus(t *testing.T) {
	t.Parallel()
	striped := 0
	for _, line := range recorded(t, "status.txt") {
		l, err := dm.ParseStatusLine(line)
		require.NoError(t, err, line)
		assert.Equal(t, line, l.String())
		if l.Type == "striped" {
			striped++
			s, err := dm.ParseStripedStatus(l.Status)
			require.NoError(t, err, line)
			assert.GreaterOrEqual(t, len(s.Stripes), 2)
		}
	}
	assert.Positive(t, striped)
}

func TestParseTable(t *testing.T) {
	t.Parallel()
	const text = "0 40960 linear 7:0 2048\n" +
		"40960 49152 striped 3 128 7:0 2048 7:1 2048 7:2 4096\n" +
		"90112 8 error \n" +
		"90120 8 zero \n" +
		"90128 65536 dust 254:0 0 512\n"
	want := dm.Table{
		{Start: 0, Length: 40960, Target: dm.Linear{Device: "7:0", Offset: 2048}},
		{Start: 40960, Length: 49152, Target: dm.Striped{ChunkSize: 128, Stripes: []dm.StripeArea{
			{Device: "7:0", Offset: 2048}, {Device: "7:1", Offset: 2048}, {Device: "7:2", Offset: 4096},
		}}},
		{Start: 90112, Length: 8, Target: dm.ErrorTarget{}},
		{Start: 90120, Length: 8, Target: dm.Zero{}},
		{Start: 90128, Length: 65536, Target: dm.Unknown{Name: "dust", Text: "254:0 0 512"}},
	}
	got, err := dm.ParseTable(text)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, text, got.String())
	assert.NoError(t, got.Validate())
	assert.Equal(t, units.Sectors(155664), got.Length())
	assert.Equal(t, []string{"7:0", "7:1", "7:2"}, got.Devices())

	loose, err := dm.ParseTable("\n# what a person writes\n  0  40960\tlinear 7:0   2048  \n\n")
	assert.Error(t, err, "a tab does not part words")
	assert.Nil(t, loose)
	loose, err = dm.ParseTable("\n# what a person writes\n  0  40960 linear 7:0   2048  \n40960 8 error\n")
	require.NoError(t, err)
	assert.Equal(t, "0 40960 linear 7:0 2048\n40960 8 error \n", loose.String())
}

func TestParseTableRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"x 8 zero", "0 x zero", "0 8", "0", "-1 8 zero", "0 -8 zero", "0x0 8 zero", "+0 8 zero",
		"0 36028797018963968 zero", "36028797018963968 8 zero", "0 99999999999999999999 zero",
		"0 8 " + strings.Repeat("t", 16),
		"0 8 linear", "0 8 linear 7:0", "0 8 linear 7:0 x", "0 8 linear 7:0 -1", "0 8 linear 7:0 0 0", "0 8 linear 7:0 36028797018963968",
		"0 8 zero 1", "0 8 error 1",
		"0 8 striped", "0 8 striped 0 8", "0 8 striped 1 8 7:0", "0 8 striped 2 8 7:0 0", "0 8 striped 1 8 7:0 0 7:1 0",
		"0 8 striped 1 x 7:0 0", "0 8 striped x 8 7:0 0", "0 8 striped 1 8 7:0 x", "0 8 striped 1 4294967296 7:0 0",
		"0 8 striped 18446744073709551615 8 7:0 0",
	} {
		_, err := dm.ParseLine(text)
		assert.ErrorIs(t, err, dm.ErrInvalid, text)
		table, err := dm.ParseTable("0 8 zero\n" + text + "\n")
		assert.ErrorIs(t, err, dm.ErrInvalid, text)
		assert.Nil(t, table)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	zero := func(start, length units.Sectors) dm.Line {
		return dm.Line{Start: start, Length: length, Target: dm.Zero{}}
	}
	with := func(target dm.Target) dm.Table { return dm.Table{{Length: 8, Target: target}} }
	for name, table := range map[string]dm.Table{
		"one":           {zero(0, 1)},
		"two":           {zero(0, 8), zero(8, 8)},
		"largest":       {zero(0, 1<<55-1)},
		"reference":     with(dm.Linear{Device: "LVM-whatever"}),
		"backslash":     with(dm.Unknown{Name: "x", Text: `a\b`}),
		"type 15 bytes": with(dm.Unknown{Name: strings.Repeat("t", 15)}),
	} {
		assert.NoError(t, table.Validate(), name)
	}
	for name, table := range map[string]dm.Table{
		"empty":           {},
		"not from 0":      {zero(8, 8)},
		"gap":             {zero(0, 8), zero(9, 8)},
		"overlap":         {zero(0, 8), zero(7, 8)},
		"backwards":       {zero(0, 8), zero(0, 8)},
		"no length":       {zero(0, 8), zero(8, 0)},
		"overflow":        {zero(0, 1<<55-1), zero(1<<55-1, 1)},
		"overflow 64":     {zero(0, 1<<55-1), zero(1<<55-1, 1<<64-1)},
		"no target":       {{Length: 8}},
		"no type":         with(dm.Unknown{}),
		"type 16 bytes":   with(dm.Unknown{Name: strings.Repeat("t", 16)}),
		"blank in type":   with(dm.Unknown{Name: "a b"}),
		"NUL in type":     with(dm.Unknown{Name: "a\x00"}),
		"NUL in text":     with(dm.Unknown{Name: "a", Text: "b\x00c"}),
		"line in text":    with(dm.Unknown{Name: "a", Text: "b\nc"}),
		"no device":       with(dm.Linear{}),
		"blank in device": with(dm.Linear{Device: "/dev/a b"}),
		"NUL in device":   with(dm.Linear{Device: "/dev/a\x00"}),
		"stripe":          with(dm.Striped{ChunkSize: 8, Stripes: []dm.StripeArea{{Device: "7:0"}, {}}}),
	} {
		assert.ErrorIs(t, table.Validate(), dm.ErrInvalid, name)
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	linear := dm.Table{{Length: 8, Target: dm.Linear{Device: "7:0", Offset: 1}}}
	assert.True(t, dm.Table(nil).Equal(dm.Table{}))
	assert.True(t, linear.Equal(dm.Table{{Length: 8, Target: dm.Unknown{Name: "linear", Text: "7:0 1 "}}}))
	for _, other := range []dm.Table{
		nil,
		{{Length: 9, Target: dm.Linear{Device: "7:0", Offset: 1}}},
		{{Start: 1, Length: 8, Target: dm.Linear{Device: "7:0", Offset: 1}}},
		{{Length: 8, Target: dm.Linear{Device: "7:1", Offset: 1}}},
		{{Length: 8, Target: dm.Linear{Device: "7:0", Offset: 2}}},
		{{Length: 8, Target: dm.Unknown{Name: "linea", Text: "7:0 1"}}},
		{{Length: 8}},
		append(linear[:1:1], dm.Line{Start: 8, Length: 8, Target: dm.Zero{}}),
	} {
		assert.False(t, linear.Equal(other), other)
	}
}

func TestEqualMirrors(t *testing.T) {
	t.Parallel()
	mirror := func(sync dm.MirrorSync) dm.Table {
		return dm.Table{{Length: 64, Target: dm.Mirror{RegionSize: 8, Sync: sync, Legs: []dm.MirrorLeg{{Device: "7:0"}, {Device: "7:1"}}}}}
	}
	assert.True(t, mirror(dm.MirrorSyncSkip).Equal(mirror(dm.MirrorSyncLogged)), "what counted only when it was loaded")
	assert.True(t, mirror(dm.MirrorSyncSkip).Equal(mirror(dm.MirrorSyncSkip)))
	assert.False(t, mirror(dm.MirrorSyncLogged).Equal(mirror(dm.MirrorSyncForce)), "what is to count now")
}

func TestMapDevices(t *testing.T) {
	t.Parallel()
	table := dm.Table{
		{Start: 0, Length: 8, Target: dm.Linear{Device: "a", Offset: 1}},
		{Start: 8, Length: 8, Target: dm.Striped{ChunkSize: 4, Stripes: []dm.StripeArea{{Device: "b"}, {Device: "a", Offset: 2}}}},
		{Start: 16, Length: 8, Target: dm.Zero{}},
		{Start: 24, Length: 8, Target: dm.Unknown{Name: "dust", Text: "a 0 512"}},
	}
	before := table.String()
	mapped, err := table.MapDevices(func(d string) (string, error) { return map[string]string{"a": "7:0", "b": "7:1"}[d], nil })
	require.NoError(t, err)
	assert.Equal(t, "0 8 linear 7:0 1\n8 8 striped 2 4 7:1 0 7:0 2\n16 8 zero \n24 8 dust a 0 512\n", mapped.String())
	assert.Equal(t, before, table.String(), "the original stays")

	lost := errors.New("lost")
	mapped, err = table.MapDevices(func(d string) (string, error) {
		if d == "b" {
			return "", lost
		}
		return d, nil
	})
	assert.ErrorIs(t, err, lost)
	assert.Nil(t, mapped)
}

func TestWithDevicesOfAnotherNumber(t *testing.T) {
	t.Parallel()
	assert.Equal(t, dm.Linear{Device: "a"}, dm.Linear{Device: "a"}.WithDevices(nil))
	striped := dm.Striped{Stripes: []dm.StripeArea{{Device: "a"}, {Device: "b"}}}
	assert.Equal(t, []string{"x", "b"}, striped.WithDevices([]string{"x"}).Devices())
	assert.Equal(t, []string{"x", "y"}, striped.WithDevices([]string{"x", "y", "z"}).Devices())
}

func TestParseStripedStatus(t *testing.T) {
	t.Parallel()
	s, err := dm.ParseStripedStatus("3 7:0 7:1 7:2 1 ADA")
	require.NoError(t, err)
	assert.Equal(t, dm.StripedStatus{Stripes: []dm.StripeStatus{{Device: "7:0"}, {Device: "7:1", Failed: true}, {Device: "7:2"}}}, s)
	for _, text := range []string{
		"", "0", "0 1 ", "0 0 1 A", "1 7:0 1", "1 7:0 1 AA", "2 7:0 1 A", "2 7:0 7:1 1 A", "1 7:0 2 A", "1 7:0 1 X", "x 7:0 1 A",
		"-1 7:0 1 A", "18446744073709551615 7:0 1 A", "1 7:0 7:1 1 A", "1 7:0 1 A A",
	} {
		_, err := dm.ParseStripedStatus(text)
		assert.ErrorIs(t, err, dm.ErrInvalid, text)
	}
}

func FuzzParseTable(f *testing.F) {
	for _, line := range recorded(f, "tables.txt") {
		f.Add(line)
	}
	f.Add("0 8 zero\n8 8 error\n# x\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := dm.ParseTable(text)
		if err != nil {
			require.ErrorIs(t, err, dm.ErrInvalid)
			require.Nil(t, table)
			return
		}
		printed := table.String()
		again, err := dm.ParseTable(printed)
		require.NoError(t, err)
		require.True(t, table.Equal(again), printed)
		_ = table.Validate()
	})
}

func FuzzParseStripedStatus(f *testing.F) {
	f.Add("3 7:0 7:1 7:2 1 ADA")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := dm.ParseStripedStatus(text)
		if err != nil {
			require.ErrorIs(t, err, dm.ErrInvalid)
			return
		}
		require.NotEmpty(t, s.Stripes)
		require.LessOrEqual(t, len(s.Stripes), len(text))
	})
}
