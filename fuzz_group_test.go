package lvm

import (
	"bytes"
	"encoding/json"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// textEdits change the text of a group as one who knows what it means, and takes bytes
// from the fuzzer to choose.
type textEdits struct {
	lines  []string
	choice []byte
}

func (e *textEdits) byte() int {
	if len(e.choice) == 0 {
		return 0
	}
	b := e.choice[0]
	e.choice = e.choice[1:]
	return int(b)
}

// line returns the number of a line that fits, the first behind a random place; -1 if
// there is none.
func (e *textEdits) line(fits func(string) bool) int {
	at := (e.byte()<<8 | e.byte()) % max(len(e.lines), 1)
	for i := range e.lines {
		if n := (at + i) % len(e.lines); fits(e.lines[n]) {
			return n
		}
	}
	return -1
}

// section returns where a section begins and ends, both with the lines of its braces.
func (e *textEdits) section() (from, to int) {
	if from = e.line(isHead); from < 0 {
		return 0, 0
	}
	depth := 0
	for to = from; to < len(e.lines); to++ {
		depth += strings.Count(e.lines[to], "{") - strings.Count(e.lines[to], "}")
		if depth <= 0 {
			return from, to + 1
		}
	}
	return from, to
}

func isHead(s string) bool   { return strings.HasSuffix(strings.TrimSpace(s), "{") }
func isNumber(s string) bool { return valueOf(s) != "" && !strings.ContainsAny(valueOf(s), `"[`) }
func isText(s string) bool {
	return strings.Contains(s, `"`) && !strings.HasPrefix(strings.TrimSpace(s), "#")
}

func valueOf(s string) string {
	_, value, _ := strings.Cut(s, " = ")
	return value
}

// Names and numbers that somebody may put where others belong.
var (
	oddNames = []string{
		"a/b", "..", ".", "-", "", "a b", "a\x01b", "\x1b[2J", "pvmove0", "snapshot0", "data_tmeta", "data_mlog", "lvol0_pmspare",
		strings.Repeat("n", 200), "LVM-x", "data-real", "vg0", "ä", "#", "{",
	}
	oddNumbers = []string{
		"0", "1", "-1", "2147483647", "2147483648", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808",
		"18446744073709551615", "18446744073709551616", "99999999999999999999999999", "1e9", "0x10", "3", "7",
	}
)

// edit makes one change.
func (e *textEdits) edit() {
	switch e.byte() % 8 {
	case 0: // an absurd number, or one that is elsewhere
		if n := e.line(isNumber); n >= 0 {
			value := oddNumbers[e.byte()%len(oddNumbers)]
			if other := e.line(isNumber); e.byte()%2 == 0 {
				value = valueOf(e.lines[other])
			}
			key, _, _ := strings.Cut(e.lines[n], " = ")
			e.lines[n] = key + " = " + value
		}
	case 1: // what one refers to is what another does: cycles, duplicates, wrong parents
		n, other := e.line(isText), e.line(isText)
		if n >= 0 && other >= 0 {
			e.lines[n] = withText(e.lines[n], textIn(e.lines[other]))
		}
	case 2: // what one refers to is the name of a section
		n, head := e.line(isText), e.line(isHead)
		if n >= 0 && head >= 0 {
			e.lines[n] = withText(e.lines[n], strings.TrimSuffix(strings.TrimSpace(e.lines[head]), " {"))
		}
	case 3: // an odd name
		if n := e.line(isHead); n >= 0 {
			e.lines[n] = oddNames[e.byte()%len(oddNames)] + " {"
		}
	case 4: // an odd text
		if n := e.line(isText); n >= 0 {
			e.lines[n] = withText(e.lines[n], oddNames[e.byte()%len(oddNames)])
		}
	case 5: // a section twice
		from, to := e.section()
		e.lines = append(e.lines[:to:to], append(append([]string(nil), e.lines[from:to]...), e.lines[to:]...)...)
	case 6: // a section in another place, or gone
		from, to := e.section()
		section := append([]string(nil), e.lines[from:to]...)
		e.lines = append(e.lines[:from:from], e.lines[to:]...)
		if at := e.line(isHead); at >= 0 && e.byte()%4 > 0 {
			e.lines = append(e.lines[:at+1:at+1], append(section, e.lines[at+1:]...)...)
		}
	case 7: // deep in itself
		if n := e.line(isHead); n >= 0 {
			depth := e.byte() * 8
			e.lines[n] = strings.Repeat("x {\n", depth) + e.lines[n]
			if e.byte()%2 == 0 {
				e.lines = append(e.lines, strings.Repeat("}\n", depth))
			}
		}
	}
}

func textIn(line string) string {
	_, rest, _ := strings.Cut(line, `"`)
	text, _, _ := strings.Cut(rest, `"`)
	return text
}

func withText(line, text string) string {
	before, rest, _ := strings.Cut(line, `"`)
	_, after, _ := strings.Cut(rest, `"`)
	return before + strconv.Quote(text) + after
}

// fuzzWorlds are the groups whose texts are changed.
func fuzzWorlds(t testing.TB) []*recorder.Disks {
	var out []*recorder.Disks
	for _, setup := range []func(testing.TB, *System, MetadataAreas){
		volumes, snapshots, thinVolumes, andCached, raids, andMirror(MirrorLogDisk), andIntegrity, then(shifted, moving(MoveOptions{MaxSegment: 32 * KiB}, 1)),
	} {
		out = append(out, (&alteration{setup: setup}).start(t, OneArea))
	}
	return out
}

// forgeText puts a text on all devices that have one, unless there is no room for it.
func forgeText(t testing.TB, disks *recorder.Disks, text string) bool {
	raw := append([]byte(text), 0)
	for _, path := range []string{"a", "b", "c"} {
		h, err := metadata.DecodeAreaHeader(disks.Contents(path, int64(firstAreaStart), 512), firstAreaStart)
		if err != nil || h.Slots[metadata.SlotCommitted].Size == 0 {
			continue
		}
		loc, err := h.NextLocation(raw)
		if err != nil {
			return false
		}
		for _, w := range h.TextWrites(loc, raw) {
			disks.Change(path, int64(w.Offset), w.Data)
		}
		h.Slots[metadata.SlotCommitted] = loc
		disks.Change(path, int64(firstAreaStart), h.Encode())
	}
	return true
}

// plans are updates of any volume.
func plans(lv string) []func(*Tx) error {
	return []func(*Tx) error{
		(*Tx).ActivateAll, (*Tx).DeactivateAll, (*Tx).RepairMetadata,
		func(tx *Tx) error { return tx.Refresh(lv) },
		func(tx *Tx) error { return tx.RemoveLV(lv) },
		func(tx *Tx) error { return tx.RemoveLVWith(lv, RemoveSpec{Dependents: true, Snapshots: true}) },
		func(tx *Tx) error { return tx.RenameLV(lv, "renamed") },
		func(tx *Tx) error { return tx.ReduceLV(lv, ReduceSpec{By: ExtentCount(1)}) },
		func(tx *Tx) error { return tx.ExtendLV(lv, ExtendSpec{By: ExtentCount(1)}) },
		func(tx *Tx) error { return tx.addSnapshot(lv, "snapped", 3) },
		func(tx *Tx) error { return tx.move("", "a") },
		func(tx *Tx) error { return tx.DetachCache(lv, DetachSpec{}) },
		func(tx *Tx) error { return tx.SplitVG("vg1", SplitSpec{PVs: []string{"a"}}) },
		func(tx *Tx) error { return tx.RemoveMissing(RemoveMissingSpec{Force: true}) },
	}
}

// FuzzGroup changes what the text of a group says, checksums being right, and has all be
// looked at, reported, rendered and planned. What is changed all the same leaves what
// other volumes hold.
func FuzzGroup(f *testing.F) {
	worlds := fuzzWorlds(f)
	for i := range byte(len(worlds)) {
		f.Add([]byte{i, 0, 0, 40, 9})
		f.Add([]byte{i, 1, 0, 40, 0, 90, 2, 2, 0, 60, 0, 3})
		f.Add([]byte{i, 5, 0, 70, 3, 1, 5, 2})
		f.Add([]byte{i, 7, 0, 70, 200, 0, 6, 0, 90, 1, 9})
	}
	f.Fuzz(func(t *testing.T, edits []byte) {
		if len(edits) == 0 {
			return
		}
		disks := worlds[int(edits[0])%len(worlds)].Clone()
		e := &textEdits{lines: strings.Split(committedText(t, disks, "a"), "\n"), choice: edits[1:min(len(edits), 200)]}
		for range 12 {
			if e.edit(); len(e.choice) == 0 {
				break
			}
		}
		if !forgeText(t, disks, strings.Join(e.lines, "\n")) {
			return
		}
		started := time.Now()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		tryEverything(t, disks)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(memoryLimit))
		require.Less(t, time.Since(started), timeLimit)
	})
}

// committedText returns the text that holds on a device.
func committedText(t testing.TB, disks *recorder.Disks, path string) string {
	h, err := metadata.DecodeAreaHeader(disks.Contents(path, int64(firstAreaStart), 512), firstAreaStart)
	require.NoError(t, err)
	d, err := disks.Open(path, false)
	require.NoError(t, err)
	text, err := h.ReadText(d, h.Slots[metadata.SlotCommitted])
	require.NoError(t, err)
	return string(bytes.TrimRight(text, "\x00"))
}

// tryEverything looks at what is on the devices, and plans updates of it with a kernel and
// without.
func tryEverything(t *testing.T, disks *recorder.Disks) {
	look(t, openDisks(t, disks, 2))
	inv, err := openDisks(t, disks, 2).Scan(t.Context())
	require.NoError(t, err)
	held := contents(t, disks)
	for _, vg := range inv.VGs {
		_, err := json.Marshal(vg)
		require.NoError(t, err)
		require.NoError(t, vg.ExtentMap().WriteSVG(io.Discard, DrawOptions{}))
		names := 0
		for lv := range vg.LVs() {
			if names++; names > 3 {
				break
			}
			for _, do := range plans(lv.Name()) {
				m := newMachine(disks.Clone())
				for _, sys := range []*System{m.open(t, 3), openDisks(t, m.disks, 3)} {
					plan, err := sys.Plan(t.Context(), vg.ID().String(), do)
					if err == nil {
						_ = plan.String()
					}
				}
				require.Empty(t, written(m.disks))
			}
		}
	}
	for _, change := range []func(*Tx) error{
		func(tx *Tx) error { return tx.SetTags("t") },
		func(tx *Tx) error { return tx.addLV("new", 3, 1) },
	} {
		disks.Record()
		if err := openDisks(t, disks, 4).Update(t.Context(), "vg0", change); err != nil {
			require.Empty(t, written(disks), "%v", err)
		}
	}
	_, _ = openDisks(t, disks, 5).Recover(t.Context())
	for id, b := range contents(t, disks) {
		if old := held[id]; old != nil {
			require.True(t, bytes.Equal(old, b), "contents of lv %s", id)
		}
	}
}
