package lvm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/internal/recorder"
)

// originSize is that of the origin in these tests: twenty extents of 4 KiB.
const originSize = 20 * 4 * KiB

// makeOrigin makes vg0 with the volume "origin" in two stripes, full of a
// pattern, which it returns.
func makeOrigin(t tester, sys *System) []byte {
	t.Helper()
	return makeOriginWith(t, sys, OneArea)
}

func makeOriginWith(t tester, sys *System, areas MetadataAreas) []byte {
	t.Helper()
	amendVG(t, sys, func(tx *Tx) error {
		return joinErrors(makeGroup(tx, areas), tx.addLV("origin", 20, 2), tx.addLV("other", 3, 1))
	})
	f := openFile(t, sys, "origin")
	data := pattern(testID("lv", 1), originSize)
	putBytes(t, f, data, 0)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
	return data
}

func amendVG(t tester, sys *System, fn func(*Tx) error) {
	t.Helper()
	require.NoError(t, sys.Update(context.Background(), "vg0", fn))
}

// amendSnapshot makes a snapshot of the origin.
func amendSnapshot(t tester, sys *System, spec SnapshotSpec) {
	t.Helper()
	amendVG(t, sys, func(tx *Tx) error { _, err := tx.CreateSnapshot("origin", spec); return err })
}

func findVolume(t tester, sys *System, name string) *LogicalVolume {
	t.Helper()
	vg, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	lv, err := vg.LV(name)
	require.NoError(t, err)
	return lv
}

func openFile(t tester, sys *System, name string) *LVFile {
	t.Helper()
	f, err := findVolume(t, sys, name).Open()
	require.NoError(t, err)
	return f
}

func putBytes(t tester, f *LVFile, p []byte, off int64) {
	t.Helper()
	n, err := f.WriteAt(p, off)
	require.NoError(t, err)
	require.Equal(t, len(p), n)
}

// fileHolds checks all that a file reads.
func fileHolds(t tester, want []byte, f *LVFile, format string, args ...any) {
	t.Helper()
	size, err := f.Size()
	require.NoError(t, err)
	got := make([]byte, size)
	n, err := f.ReadAt(got, 0)
	require.NoError(t, err)
	require.Equal(t, len(got), n)
	equalContents(t, want, got, format, args...)
}

// volumeHolds checks a volume by a file of its own.
func volumeHolds(t tester, want []byte, sys *System, name string) {
	t.Helper()
	f := openFile(t, sys, name)
	fileHolds(t, want, f, "%s", name)
	require.NoError(t, f.Close())
}

// equalContents compares without printing all of it.
func equalContents(t tester, want, got []byte, format string, args ...any) {
	t.Helper()
	if bytes.Equal(want, got) {
		return
	}
	require.Equal(t, len(want), len(got))
	for i := range want {
		if want[i] != got[i] {
			require.Fail(t, "contents differ", append([]any{"from byte %d: " + format, i}, args...)...)
		}
	}
}

// volumesModel is what an origin and its snapshots must hold.
type volumesModel struct {
	origin    []byte
	snapshots map[string][]byte // nil: given up
	merging   string            // the snapshot that the origin shows
	files     map[string][]*LVFile
	made      int
}

// smallCOW has room for one to some chunks, fewer than the origin has.
const smallCOW Extents = 12

// Any sequence of writes through files that are open on an origin and its
// snapshots, while these come and go, does what copies would.
func TestSnapshotFilesAreCopies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		disks := recorder.New(diskSize, "a", "b")
		sys := openDisks(t, disks, 1)
		m := &volumesModel{origin: makeOrigin(t, sys), snapshots: map[string][]byte{}, files: map[string][]*LVFile{}}
		m.files["origin"] = []*LVFile{openFile(t, sys, "origin")}
		for n := range rapid.IntRange(1, 40).Draw(t, "ops") {
			op := rapid.SampledFrom([]string{
				"write", "write", "write", "write", "open", "close", "create", "create", "remove", "extend", "start", "step", "merge",
			}).Draw(t, "op")
			m.do(t, sys, op, n)
			m.check(t, sys)
		}
		// What is on the disks says the same.
		m.files = map[string][]*LVFile{}
		m.check(t, openDisks(t, disks, 2))
	})
}

func (m *volumesModel) do(t *rapid.T, sys *System, op string, n int) {
	var names []string
	for name := range m.snapshots {
		names = append(names, name)
	}
	draw := func(list ...string) string {
		slices.Sort(list)
		return rapid.SampledFrom(list).Draw(t, "volume")
	}
	switch {
	case op == "write" && len(m.files) > 0:
		var opened []string
		for name := range m.files {
			opened = append(opened, name)
		}
		name := draw(opened...)
		off := rapid.IntRange(0, int(originSize)).Draw(t, "offset")
		data := pattern(testID("write", n), Bytes(rapid.IntRange(0, min(20000, int(originSize)-off)).Draw(t, "length")))
		m.write(t, name, m.files[name][rapid.IntRange(0, len(m.files[name])-1).Draw(t, "file")], data, off)
	case op == "open":
		name := draw(append(names, "origin")...)
		if len(m.files[name]) < 2 && (name == "origin" || m.snapshots[name] != nil) {
			m.files[name] = append(m.files[name], openFile(t, sys, name))
		}
	case op == "close":
		m.closeAll(t, draw(append(names, "origin")...))
	case op == "create" && len(names) < 3 && m.merging == "":
		m.made++
		spec := SnapshotSpec{
			Name:      fmt.Sprintf("snap%d", m.made),
			Size:      ExtentCount(rapid.SampledFrom([]Extents{smallCOW, 60}).Draw(t, "cow extents")),
			ChunkSize: rapid.SampledFrom([]Bytes{4 * KiB, 8 * KiB, 16 * KiB}).Draw(t, "chunk"),
		}
		amendSnapshot(t, sys, spec)
		m.snapshots[spec.Name] = slices.Clone(m.origin)
	case op == "remove" && len(names) > 0:
		name := draw(names...)
		amendVG(t, sys, func(tx *Tx) error { return tx.RemoveLV(name) })
		m.failing(t, name, ErrLVNotFound)
		delete(m.snapshots, name)
	case op == "extend" && len(names) > 0:
		name := draw(names...)
		amendVG(t, sys, func(tx *Tx) error {
			err := tx.ExtendLV(name, ExtendSpec{By: ExtentCount(50)})
			if errors.Is(err, ErrInvalidSize) {
				return nil // it is as large as is of use
			}
			return err
		})
	case op == "start" && len(names) > 0 && m.merging == "":
		name := draw(names...)
		if m.snapshots[name] == nil {
			break
		}
		amendVG(t, sys, func(tx *Tx) error { return tx.MergeSnapshot(name) })
		m.failing(t, name, ErrMerging)
		m.merging, m.origin = name, m.snapshots[name]
		delete(m.snapshots, name)
	case op == "step" && m.merging != "":
		origin := findVolume(t, sys, "origin")
		v, _, err := sys.openVolume(origin.layout(), origin.ID())
		require.NoError(t, err)
		_, _, err = v.mergeStep()
		require.NoError(t, err)
		require.NoError(t, v.close())
	case op == "merge" && m.merging != "":
		require.NoError(t, sys.mergeFiles(context.Background(), findVolume(t, sys, "origin"), nil))
		amendVG(t, sys, func(tx *Tx) error { return tx.FinishMerge("origin") })
		m.merging = ""
	}
	m.lost(t, sys)
}

func (m *volumesModel) closeAll(t tester, name string) {
	t.Helper()
	for _, f := range m.files[name] {
		require.NoError(t, f.Close())
	}
	delete(m.files, name)
}

// failing checks that the files of a volume are of no use any more.
func (m *volumesModel) failing(t tester, name string, why error) {
	t.Helper()
	for _, f := range m.files[name] {
		_, err := f.ReadAt(make([]byte, 1), 0)
		require.ErrorIs(t, err, why)
		_, err = f.WriteAt(make([]byte, 1), 0)
		require.ErrorIs(t, err, why)
	}
	m.closeAll(t, name)
}

func (m *volumesModel) write(t tester, name string, f *LVFile, data []byte, off int) {
	t.Helper()
	n, err := f.WriteAt(data, int64(off))
	if name == "origin" {
		require.NoError(t, err)
		copy(m.origin[off:], data)
		return
	}
	switch want := m.snapshots[name]; {
	case len(data) == 0:
		require.NoError(t, err)
	case want == nil:
		require.ErrorIs(t, err, ErrSnapshotInvalid)
	case errors.Is(err, ErrNoSpace):
		require.Zero(t, n)
	default:
		require.NoError(t, err)
		copy(want[off:], data)
	}
}

// lost takes note of snapshots that were given up: only those that are small.
func (m *volumesModel) lost(t tester, sys *System) {
	t.Helper()
	for name := range m.snapshots {
		lv := findVolume(t, sys, name)
		f, err := lv.Open()
		if errors.Is(err, ErrSnapshotInvalid) {
			if m.snapshots[name] != nil {
				require.Equal(t, smallCOW, lv.Extents(), "there was room")
			}
			m.snapshots[name] = nil
			continue
		}
		require.NoError(t, err)
		require.NotNil(t, m.snapshots[name], "%s was given up", name)
		require.NoError(t, f.Close())
	}
}

func (m *volumesModel) check(t tester, sys *System) {
	t.Helper()
	for name, want := range m.snapshots {
		if want == nil {
			_, err := findVolume(t, sys, name).Open()
			require.ErrorIs(t, err, ErrSnapshotInvalid)
			for _, f := range m.files[name] {
				_, err := f.ReadAt(make([]byte, 1), 0)
				require.ErrorIs(t, err, ErrSnapshotInvalid)
			}
			continue
		}
		volumeHolds(t, want, sys, name)
		for _, f := range m.files[name] {
			fileHolds(t, want, f, "%s, open before", name)
		}
	}
	volumeHolds(t, m.origin, sys, "origin")
	for _, f := range m.files["origin"] {
		fileHolds(t, m.origin, f, "origin, open before")
	}
	m.compare(t, sys)
}

// compare checks that volumes differ only where they are said to.
func (m *volumesModel) compare(t tester, sys *System) {
	t.Helper()
	all := maps.Clone(m.snapshots)
	all["origin"] = m.origin
	for a, contents := range all {
		for b := range all {
			if a == b {
				require.Empty(t, changesOf(t, sys, a, b))
				continue
			}
			if contents == nil || all[b] == nil {
				require.ErrorIs(t, changesError(t, sys, a, b), ErrSnapshotInvalid)
				continue
			}
			same := slices.Clone(contents)
			for _, r := range changesOf(t, sys, a, b) {
				copy(same[r.Offset:r.end()], all[b][r.Offset:r.end()])
			}
			equalContents(t, all[b], same, "%s, with the changes of %s", a, b)
		}
	}
}

// mergeFiles copies all that is left to merge, step by step.
func (s *System) mergeFiles(ctx context.Context, origin *LogicalVolume, progress func(done, total Bytes)) error {
	total := Bytes(0)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		before, left, err := s.mergeSome(ctx, origin, 1)
		if err != nil {
			return err
		}
		total = max(total, before)
		if progress != nil {
			progress(total-left, total)
		}
		if left == 0 {
			return nil
		}
	}
}
