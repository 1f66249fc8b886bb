package report

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/examples/lvm/internal/sizes"
)

// shown returns what a command line prints of a source.
func shown(t *testing.T, src *Source, line string) string {
	t.Helper()
	c, err := parseLine(split(line))
	require.NoError(t, err)
	c.o.Zone = time.UTC
	var out strings.Builder
	require.NoError(t, RunAll(&out, src, c.reports, c.o), line)
	return out.String()
}

func TestReportsInImages(t *testing.T) {
	t.Parallel()
	src := image(t, 3)
	for line, want := range map[string]string{
		"lvs -o name,size": "  LV   LSize\n  lv0  1.00m\n  lv1  1.00m\n  lv2  1.00m\n",
		"lvs -o name,data_percent,lv_tags,lv_minor,zero --reportformat json_std -S lv_name=lv1": `  {
      "report": [
          {
              "lv": [
                  {"lv_name":"lv1", "data_percent":null, "lv_tags":[], "lv_minor":null, "zero":null}
              ]
          }
      ]
  }
`,
		"lvs --noheadings -o seg_size_pe,devices --reportformat json_std -S lv_name=lv2": `  {
      "report": [
          {
              "lv": [
                  {"seg_size_pe":"1", "devices":["disk(2)"]}
              ]
          }
      ]
  }
`,
		"vgs --noheadings -o lv_count,max_lv --separator +": "  3+0\n",
		"lvs -o name -O -name --noheadings --rows":          "  lv2 lv1 lv0\n",
		"lvs -S name=nothing":                               "",
	} {
		got := shown(t, src, line)
		if disk, err := firstDisk(src); assert.NoError(t, err) {
			got = strings.ReplaceAll(got, disk, "disk")
		}
		assert.Equal(t, want, got, line)
	}
}

func firstDisk(src *Source) (string, error) {
	for pv := range src.Groups[0].VG.PVs() {
		return pv.Device(), nil
	}
	return "", errors.New("none")
}

func TestErrors(t *testing.T) {
	t.Parallel()
	src := &Source{}
	run := func(kind Kind, r Report) error {
		r.Kind = kind
		return Run(io.Discard, src, r, Options{Units: sizes.Default()})
	}
	var field *FieldError
	require.ErrorAs(t, run(LVs, Report{Changes: []string{"+nosuch"}}), &field)
	assert.Equal(t, FieldError{Name: "nosuch"}, *field)
	require.ErrorAs(t, run(LVs, Report{Changes: []string{"help"}}), &field)
	assert.True(t, field.Help)
	var sel *SelectError
	require.ErrorAs(t, run(VGs, Report{Select: "vg_name=a &&"}), &sel)
	assert.NotEmpty(t, sel.Lines)
	require.ErrorAs(t, run(VGs, Report{Select: strings.Repeat("(", 1<<20)}), &sel)
	require.NoError(t, run(VGs, Report{Select: strings.Repeat("(", 999) + "vg_name=a" + strings.Repeat(")", 999)}))
	require.ErrorIs(t, run(LVs, Report{Changes: []string{"pv_name"}}), ErrMixed)
	require.ErrorIs(t, run(LVs, Report{Changes: []string{""}}), ErrColumns)
	assert.ErrorIs(t, Run(fullDisk{}, src, Report{Kind: LVs}, Options{Format: JSON, Units: sizes.Default()}), errFull)
}

var errFull = errors.New("no space")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestMatcher(t *testing.T) {
	t.Parallel()
	vg := image(t, 3).Groups[0].VG
	o := Options{Units: sizes.Default()}
	selected := func(selection string) (out []string) {
		m, err := NewMatcher(LVs, selection, o)
		require.NoError(t, err)
		for lv := range vg.Volumes() {
			ok, err := m.LV(vg, lv)
			require.NoError(t, err)
			if ok {
				out = append(out, lv.Name())
			}
		}
		return out
	}
	assert.Equal(t, []string{"lv0", "lv2"}, selected("name!=lv1"))
	assert.Equal(t, []string{"lv1"}, selected("segtype=~nothing || name=lv1 && vg_name=vg"))
	m, err := NewMatcher(VGs, "lv_name=lv2", o)
	require.NoError(t, err)
	ok, err := m.VG(vg)
	require.NoError(t, err)
	assert.True(t, ok)
	m, err = NewMatcher(PVs, "lv_name=lv9 || pv_free=0", o)
	require.NoError(t, err)
	for pv := range vg.PVs() {
		ok, err = m.PV(vg, pv)
		require.NoError(t, err)
		assert.False(t, ok)
	}
	ok, err = m.Orphan(lvm.OrphanPV{})
	require.NoError(t, err)
	assert.True(t, ok)
	_, err = NewMatcher(LVs, "pv_name=x", o)
	assert.ErrorIs(t, err, ErrMixed)
	_, err = NewMatcher(LVs, "x=x", o)
	assert.Error(t, err)
}

func TestFieldsAreKnown(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, s := range sections() {
		for i := range s.fields {
			f := &s.fields[i]
			assert.False(t, names[f.name], f.name)
			names[f.name] = true
			got, ok := findField(strings.ToUpper(f.name), PVSegments)
			assert.True(t, ok, f.name)
			assert.Same(t, f, got, f.name)
		}
	}
	assert.Len(t, names, 219)
	for name := range flagWords() {
		assert.True(t, names[name], name)
	}
	for _, name := range kernelFields() {
		assert.True(t, names[name], name)
	}
	for _, k := range []Kind{VGs, PVs, LVs, Segments, PVSegments, DevTypes} {
		for _, verbose := range []bool{false, true} {
			_, err := newLayout(&Report{Kind: k}, &Options{Verbose: verbose})
			assert.NoError(t, err)
		}
	}
	for _, r := range Full() {
		_, err := newLayout(&r, &Options{})
		assert.NoError(t, err)
	}
}

func TestStrftime(t *testing.T) {
	t.Parallel()
	at := time.Date(2021, 1, 3, 4, 5, 6, 0, time.FixedZone("X", 5400))
	assert.Equal(t, "2021-01-03 04:05:06 +0130", formatTime(at, "%Y-%m-%d %T %z"))
	assert.Equal(t, "Sun Sunday Jan 03  3 003 04 AM 7 0 01 00 53 2020 20 %", formatTime(at, "%a %A %b %d %e %j %I %p %u %w %U %W %V %G %C %%"))
	assert.Equal(t, "1609641306%", formatTime(at, "%s%"))
}

func FuzzSelect(f *testing.F) {
	for line := range strings.Lines(selections) {
		if words := split(strings.TrimSpace(line)); len(words) > 2 {
			f.Add(words[len(words)-1])
		}
	}
	o := &Options{Units: sizes.Default(), Now: time.Unix(1700000000, 0), Zone: time.UTC}
	all := &row{o: o, vg: &vgRow{}, pv: &pvRow{}, lv: noVolume(&vgRow{}, ""), seg: &lvm.SegmentReport{}}
	f.Fuzz(func(t *testing.T, s string) {
		p := &selectParser{text: s, kind: LVs, o: o, note: func(*field) {}}
		if c, err := p.parse(); err == nil {
			c.holds(all)
		}
	})
}
