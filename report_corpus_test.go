package lvm

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/corpus"
)

// recordedReports is what lvm2 reported of the cases of the corpus, and the
// status of the targets at that time.
type recordedReports struct {
	lvm2Report
	Status []string
}

func readReports(t testing.TB) map[string]recordedReports {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "reports", "reports.json.gz"))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var out map[string]recordedReports
	require.NoError(t, json.NewDecoder(z).Decode(&out))
	return out
}

// recordedKernel is the kernel that a case was recorded on. It can be asked for
// what was recorded, and do nothing.
type recordedKernel struct {
	kernel
	devices []dm.Device
	infos   map[string]dm.Info
	status  map[string][]dm.StatusLine
}

func newRecordedKernel(t testing.TB, info, status []string) recordedKernel {
	t.Helper()
	k := recordedKernel{infos: map[string]dm.Info{}, status: map[string][]dm.StatusLine{}}
	byName := map[string][]dm.StatusLine{}
	for _, line := range status {
		if name, text, ok := strings.Cut(line, ": "); ok {
			w := strings.SplitN(text, " ", 4)
			require.Len(t, w, 4, line)
			start, err := strconv.ParseUint(w[0], 10, 64)
			require.NoError(t, err)
			byName[name] = append(byName[name], dm.StatusLine{Start: Sectors(start), Type: w[2], Status: w[3]})
		}
	}
	for _, line := range info {
		w := strings.Split(line, "|")
		require.Len(t, w, 7, line)
		dev, err := dm.ParseDev(w[2] + ":" + w[3])
		require.NoError(t, err)
		in := dm.Info{
			Name: w[0], UUID: w[1], Dev: dev, LiveTable: w[6][0] == 'L', InactiveTable: w[6][1] == 'I',
			Suspended: w[6][2] == 's', ReadOnly: w[6][3] == 'r',
		}
		if w[4] != "0" {
			in.OpenCount = 1
		}
		k.devices = append(k.devices, dm.Device{Dev: dev, Name: w[0], UUID: w[1]})
		k.infos[w[1]] = in
		k.status[w[1]] = byName[w[0]]
	}
	return k
}

func (k recordedKernel) Devices(o dm.ListOptions) ([]dm.Device, error) {
	return slices.DeleteFunc(slices.Clone(k.devices), func(d dm.Device) bool { return !strings.HasPrefix(d.UUID, o.UUIDPrefix) }), nil
}

func (k recordedKernel) TargetStatus(r dm.Ref, _ dm.QueryOptions) (dm.Info, []dm.StatusLine, error) {
	uuid, _ := r.UUID()
	return k.infos[uuid], k.status[uuid], nil
}

func (k recordedKernel) Close() error { return nil }

// TestCorpusReports compares our reports with those that lvm2 gave of the same
// disks and devices.
func TestCorpusReports(t *testing.T) {
	t.Parallel()
	recorded := readReports(t)
	c := &comparison{t: t, fields: map[string]bool{}}
	c.except = func(where, field string) bool {
		switch {
		case field == "lv_kernel_read_ahead", field == "pv_major", field == "pv_minor":
			return true // of the machine that it was recorded on
		case field == "lv_full_ancestors", field == "lv_full_descendants":
			return strings.HasPrefix(where, "lv-history") // lvm2 was not asked for the history
		case field == "data_percent", field == "snap_percent":
			return strings.HasPrefix(where, "snapshot-merging ") // it went on between one question and the next
		}
		return false
	}
	for _, cs := range corpus.Cases(t) {
		theirs, ok := recorded[cs.Name]
		require.True(t, ok, cs.Name)
		sys := corpusSystem(t, cs)
		sys.kernel = newRecordedKernel(t, cs.Info(t), theirs.Status)
		inv, err := sys.Scan(context.Background())
		require.NoError(t, err, cs.Name)
		for _, vg := range inv.VGs {
			c.group(cs.Name, vg, ofGroup(vg, theirs.lvm2Report))
		}
		for _, pv := range inv.Orphans {
			ours := ourJSON(t, pv)
			theirs := find(theirs.PV, lvm2Row{"pv_uuid": pv.ID.String()})
			require.NotNil(t, theirs, cs.Name)
			c.row(cs.Name+" "+pv.Device, ours, theirs, nil)
		}
	}
	t.Logf("%d values of %d fields are equal", c.equal, len(c.fields))
	assert.Greater(t, c.equal, 40_000)
	assert.Greater(t, len(c.fields), 120)
}

// ofGroup returns the part of a report that is about one group.
func ofGroup(vg *VolumeGroup, all lvm2Report) lvm2Report {
	pvs, lvs := map[string]bool{}, map[string]bool{}
	for pv := range vg.PVs() {
		pvs[pv.ID().String()] = true
	}
	for lv := range vg.LVs() {
		lvs[lv.ID().String()] = true
	}
	only := func(rows []lvm2Row, key string, of map[string]bool) []lvm2Row {
		out := []lvm2Row{}
		for _, r := range rows {
			if of[r[key]] {
				out = append(out, r)
			}
		}
		return out
	}
	return lvm2Report{
		VG: only(all.VG, "vg_uuid", map[string]bool{vg.ID().String(): true}), PV: only(all.PV, "pv_uuid", pvs),
		LV: only(all.LV, "lv_uuid", lvs), Seg: only(all.Seg, "lv_uuid", lvs), PVseg: only(all.PVseg, "pv_uuid", pvs),
	}
}
