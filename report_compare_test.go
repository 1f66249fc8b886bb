package lvm

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lvm2Row is a row of a report: values by the names of their fields.
type lvm2Row = map[string]string

// lvm2Report is a report of lvm2 with all its sections.
type lvm2Report struct {
	VG, PV, LV, Seg, PVseg []lvm2Row
}

// fullreport is how lvm2 is asked for all that it reports of a group, whose name
// follows.
const fullreport = "fullreport --all --reportformat json --units b --nosuffix --configreport vg -o vg_all --configreport pv -o pv_all" +
	" --configreport lv -o lv_all --configreport seg -o lv_uuid,seg_all --configreport pvseg -o pv_uuid,lv_uuid,pvseg_all "

// compareReports compares all that both say of a group. report is what lvm2
// printed when it was asked for fullreport.
func compareReports(t testing.TB, vg *VolumeGroup, report, where string) {
	t.Helper()
	var full struct{ Report []lvm2Report }
	require.NoError(t, json.NewDecoder(strings.NewReader(report)).Decode(&full), where)
	require.Len(t, full.Report, 1, where)
	c := &comparison{t: t, fields: map[string]bool{}}
	c.group(where, vg, full.Report[0])
	assert.Greater(t, len(c.fields), 60, where)
}

// notReported are the fields of lvm2 that our reports do not have, and why. A
// field that is neither here nor in our reports fails the comparison.
var notReported = map[string]string{
	"lv_historical":   "removed volumes are in a list of their own",
	"lv_time_removed": "removed volumes are in a list of their own",
	"pv_duplicate":    "a PV on several devices is missing, and a problem of the group: none of them is chosen",
	"seg_monitor":     "whether dmeventd watches a volume is its business",

	// What the target of a VDO pool says of itself.
	"vdo_operating_mode": "not known here", "vdo_compression_state": "not known here", "vdo_index_state": "not known here",
	"vdo_used_size": "not known here", "vdo_saving_percent": "not known here",
}

// wordOf is what lvm2 prints for a field that is true. What it prints for one
// that is false is nothing.
var wordOf = map[string]string{
	"vg_extendable": "extendable", "vg_exported": "exported", "vg_autoactivation": "enabled", "vg_partial": "partial",
	"vg_clustered": "clustered", "vg_shared": "shared",
	"pv_allocatable": "allocatable", "pv_exported": "exported", "pv_missing": "missing", "pv_in_use": "used",
	"lv_initial_image_sync": "initial image sync", "lv_image_synced": "image synced", "lv_merging": "merging",
	"lv_converting": "converting", "lv_allocation_locked": "allocation locked", "lv_fixed_minor": "fixed minor",
	"lv_skip_activation": "skip activation", "lv_autoactivation": "enabled", "lv_active": "active",
	"lv_suspended": "suspended", "lv_live_table": "live table present", "lv_inactive_table": "inactive table present",
	"lv_device_open": "open", "lv_check_needed": "check needed", "lv_merge_failed": "merge failed",
	"lv_snapshot_invalid": "snapshot invalid", "zero": "zero",
	"vdo_compression": "enabled", "vdo_deduplication": "enabled", "vdo_use_metadata_hints": "enabled", "vdo_use_sparse_index": "enabled",
}

// otherName is our name of what lvm2 has under several.
var otherName = map[string]string{
	"vg_sysid": "vg_systemid", "lv_active_locally": "lv_active", "lv_active_exclusively": "lv_active",
}

// whereAbsent is what lvm2 prints for a field that our report of the object does
// not have.
var whereAbsent = map[string]string{
	"lv_kernel_major": "-1", "lv_kernel_minor": "-1", "lv_kernel_read_ahead": "-1",
	"lv_suspended": "unknown", "lv_live_table": "unknown", "lv_inactive_table": "unknown", "lv_device_open": "unknown",
	"lv_check_needed": "unknown", "lv_merge_failed": "unknown", "lv_snapshot_invalid": "unknown", "zero": "unknown",
	"raidintegrityblocksize": "-1", "writecache_block_size": "-1",
}

// lvNameFields hold names of volumes, which lvm2 puts into brackets if they are hidden.
var lvNameFields = []string{"lv_name", "lv_parent", "origin", "mirror_log", "data_lv", "metadata_lv", "pool_lv", "convert_lv"}

// asLVM2 returns a field of one of our reports as lvm2 prints it.
func asLVM2(field string, ours map[string]any, hidden map[string]bool) (string, bool) {
	switch field {
	case "lv_active_remotely":
		return "", true // nobody but this host activates volumes
	case "vg_mda_copies":
		if ours[field] == json.Number("0") {
			return "unmanaged", true
		}
	case "pv_ext_vsn":
		if ours["pv_name"] == "" {
			return "", true
		}
	case "pv_major", "pv_minor":
		if ours["pv_name"] == "" {
			return "0", true
		}
	case "pv_name":
		if ours[field] == "" {
			return "[unknown]", true
		}
	case "lv_read_ahead":
		if ours[field] == json.Number("-1") {
			return "auto", true
		}
	}
	if name, ok := otherName[field]; ok {
		word := map[string]string{"lv_active_locally": "active locally", "lv_active_exclusively": "active exclusively"}[field]
		if ours[name] == true {
			return word, true
		} else if ours[name] == false {
			return "", true
		}
		field = name
	}
	value, ok := ours[field]
	if !ok {
		return whereAbsent[field], true
	}
	switch v := value.(type) {
	case bool:
		word, known := wordOf[field]
		if !v {
			word = ""
		}
		return word, known
	case string:
		if v != "" && hidden[v] && slices.Contains(lvNameFields, field) {
			v = "[" + v + "]"
		}
		return v, true
	case json.Number:
		return v.String(), true
	case []any:
		words := make([]string, len(v))
		for i := range v {
			words[i] = fmt.Sprint(v[i])
		}
		if strings.HasSuffix(field, "_tags") {
			slices.Sort(words)
		}
		if field == "seg_pe_ranges" {
			return strings.Join(words, " "), true
		}
		return strings.Join(words, ","), true
	}
	return "", false
}

// comparison compares reports field by field and remembers which it saw.
type comparison struct {
	t      testing.TB
	except func(object, field string) bool // fields that cannot be compared there
	equal  int
	fields map[string]bool
}

// differs says whether a value differs from lvm2's on purpose.
func differs(field string, ours map[string]any) bool {
	has := func(list, word string) bool { return slices.Contains(ours[list].([]any), any(word)) }
	switch field {
	case "lv_kernel_read_ahead": // lvm2 does not look if it reports the target's status too
		return has("lv_layout", "thin") && has("lv_layout", "pool")
	case "lv_descendants", "lv_full_descendants": // with snapshots of both kinds, lvm2 forgets the thin ones
		return has("lv_role", "thickorigin") && has("lv_role", "thinorigin")
	case "lv_layout": // lvm2 cannot tell, and says so
		return strings.Contains(ours["lv_name"].(string), "_mimagetmp_")
	case "lv_attr", "lv_health_status": // lvm2 does not look whether the checksums of an image are missing
		return strings.HasSuffix(ours["lv_name"].(string), "_imeta") && ours["lv_health_status"] == "partial"
	case "kernel_discards": // lvm2 takes what is not known for 0, which is one of them
		return ours["lv_health_status"] == "failed"
	}
	return false
}

// row compares one object.
func (c *comparison) row(where string, ours map[string]any, theirs lvm2Row, hidden map[string]bool) {
	c.t.Helper()
	for _, field := range slices.Sorted(maps.Keys(theirs)) {
		if notReported[field] != "" || c.except != nil && c.except(where, field) || differs(field, ours) {
			continue
		}
		got, ok := asLVM2(field, ours, hidden)
		if !assert.True(c.t, ok, "%s: our reports lack %s, which lvm2 says is %q", where, field, theirs[field]) {
			continue
		}
		if field == "lv_time" {
			got = strings.NewReplacer("T", " ", "Z", " +0000").Replace(got)
		}
		if c.same(field, got, theirs[field]) {
			c.equal++
			c.fields[field] = true
			continue
		}
		c.t.Errorf("%s: %s is %q, lvm2 says %q", where, field, got, theirs[field])
	}
}

// same compares values. lvm2's may be a size that it rounded for people, or
// nothing at all where we say 0.
func (c *comparison) same(field, ours, theirs string) bool {
	if ours == theirs {
		return true
	}
	n, err := strconv.ParseFloat(ours, 64)
	if theirs == "" || err != nil {
		return false
	}
	number := strings.TrimLeft(strings.TrimSpace(theirs), "<>")
	unit := 1.0
	if i := strings.IndexByte("bkmgt", number[max(len(number)-1, 0)]); i > 0 {
		for range i {
			unit *= 1024
		}
		number = number[:len(number)-1]
	}
	rounded, err := strconv.ParseFloat(number, 64)
	return err == nil && unit*rounded-n <= 0.005*unit && n-unit*rounded <= 0.005*unit
}

// ourJSON returns what an object gives as JSON.
func ourJSON(t testing.TB, object any) map[string]any {
	t.Helper()
	text, err := json.Marshal(object)
	require.NoError(t, err)
	var out map[string]any
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	require.NoError(t, d.Decode(&out))
	return out
}

func rowsOf(object map[string]any, list string) []map[string]any {
	var out []map[string]any
	values, _ := object[list].([]any)
	for _, v := range values {
		out = append(out, v.(map[string]any))
	}
	return out
}

func find(rows []lvm2Row, want lvm2Row) lvm2Row {
	for _, r := range rows {
		same := true
		for k, v := range want {
			same = same && r[k] == v
		}
		if same {
			return r
		}
	}
	return nil
}

// addRelatives adds to our report of a volume what it does not have, since of all
// volumes together that can be much more than the metadata.
func addRelatives(t testing.TB, vg *VolumeGroup, report map[string]any) {
	t.Helper()
	lv, err := vg.LV(report["lv_name"].(string))
	require.NoError(t, err)
	for field, names := range map[string][]string{
		"lv_ancestors": lv.Ancestors(false), "lv_full_ancestors": lv.Ancestors(true),
		"lv_descendants": lv.Descendants(false), "lv_full_descendants": lv.Descendants(true),
	} {
		report[field] = strings.Join(names, ",")
	}
}

// group compares all that both say of a group. A section that lvm2's report does
// not have is not looked at.
func (c *comparison) group(where string, vg *VolumeGroup, theirs lvm2Report) {
	t := c.t
	t.Helper()
	ours := ourJSON(t, vg)
	hidden := map[string]bool{}
	for _, lv := range rowsOf(ours, "lvs") {
		hidden[fmt.Sprint(lv["lv_name"])] = lv["lv_hidden"] == true
	}
	object := func(section string, rows []lvm2Row, key, value string) lvm2Row {
		r := find(rows, lvm2Row{key: value})
		assert.NotNil(t, r, "%s: lvm2 does not report %s %s", where, section, value)
		return r
	}
	if theirs.VG != nil {
		c.row(where, ours, object("vg", theirs.VG, "vg_uuid", fmt.Sprint(ours["vg_uuid"])), hidden)
	}
	segments := 0
	for _, lv := range rowsOf(ours, "lvs") {
		addRelatives(t, vg, lv)
		name, id := where+" lv "+fmt.Sprint(lv["lv_name"]), fmt.Sprint(lv["lv_uuid"])
		if theirs.LV != nil {
			c.row(name, lv, object("lv", theirs.LV, "lv_uuid", id), hidden)
		}
		for _, seg := range rowsOf(lv, "segments") {
			segments++
			if theirs.Seg == nil {
				continue
			}
			row := find(theirs.Seg, lvm2Row{"lv_uuid": id, "seg_start_pe": fmt.Sprint(seg["seg_start_pe"])})
			if assert.NotNil(t, row, "%s: lvm2 does not report the segment at %s", name, seg["seg_start_pe"]) {
				seg["lv_uuid"] = id
				c.row(name+" segment", seg, row, hidden)
			}
		}
	}
	if theirs.LV != nil {
		assert.Len(t, theirs.LV, len(rowsOf(ours, "lvs")), where)
	}
	if theirs.Seg != nil {
		assert.Len(t, theirs.Seg, segments, where)
	}
	parts := 0
	for _, pv := range rowsOf(ours, "pvs") {
		name, id := where+" pv "+fmt.Sprint(pv["pv_uuid"]), fmt.Sprint(pv["pv_uuid"])
		if theirs.PV != nil {
			c.row(name, pv, object("pv", theirs.PV, "pv_uuid", id), hidden)
		}
		for _, part := range rowsOf(pv, "pv_segments") {
			parts++
			if theirs.PVseg == nil {
				continue
			}
			row := find(theirs.PVseg, lvm2Row{"pv_uuid": id, "pvseg_start": fmt.Sprint(part["pvseg_start"])})
			if assert.NotNil(t, row, "%s: lvm2 does not report the part at %s", name, part["pvseg_start"]) {
				part["pv_uuid"], part["pv_name"] = id, pv["pv_name"]
				only := lvm2Row{}
				for field, value := range row {
					if _, ok := part[field]; ok {
						only[field] = value // it repeats what it says of the volume
					}
				}
				c.row(name+" part", part, only, hidden)
			}
		}
	}
	if theirs.PVseg != nil {
		assert.Len(t, theirs.PVseg, parts, where)
	}
}
