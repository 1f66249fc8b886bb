package lvm

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// forger changes devices in ways that no program would, with right checksums.
type forger struct {
	t     testing.TB
	disks *recorder.Disks
}

const firstLabel = int64(units.SectorSize)

func (f *forger) label(path string, change func(*metadata.Label)) {
	l, err := metadata.DecodeLabel(f.disks.Contents(path, firstLabel, 512), 1)
	require.NoError(f.t, err)
	change(l)
	b, err := l.Encode()
	require.NoError(f.t, err)
	f.disks.Change(path, int64(l.Sector)*512, b)
}

func (f *forger) header(path string, change func(*metadata.AreaHeader)) {
	h, err := metadata.DecodeAreaHeader(f.disks.Contents(path, int64(firstAreaStart), 512), firstAreaStart)
	require.NoError(f.t, err)
	change(h)
	f.disks.Change(path, int64(firstAreaStart), h.Encode())
}

// raw changes a header without a thought, but for the checksum.
func (f *forger) raw(path string, change func([]byte)) {
	b := f.disks.Contents(path, int64(firstAreaStart), 512)
	change(b)
	binary.LittleEndian.PutUint32(b, metadata.Checksum(b[4:]))
	f.disks.Change(path, int64(firstAreaStart), b)
}

func (f *forger) flip(path string, at int64) {
	b := f.disks.Contents(path, at, 1)
	f.disks.Change(path, at, []byte{b[0] ^ 0x40})
}

// flipText spoils the committed text.
func (f *forger) flipText(path string) {
	f.header(path, func(h *metadata.AreaHeader) {
		f.flip(path, int64(h.Start+h.Slots[metadata.SlotCommitted].Offset)+100)
	})
}

// text changes the committed text of each of the devices and puts it where the
// next text would go.
func (f *forger) text(change func(string) string, paths ...string) {
	for _, path := range paths {
		f.header(path, func(h *metadata.AreaHeader) {
			d, err := f.disks.Open(path, false)
			require.NoError(f.t, err)
			old, err := h.ReadText(d, h.Slots[metadata.SlotCommitted])
			require.NoError(f.t, err)
			text := append([]byte(change(string(bytes.TrimRight(old, "\x00")))), 0)
			loc, err := h.NextLocation(text)
			require.NoError(f.t, err)
			for _, w := range h.TextWrites(loc, text) {
				f.disks.Change(path, int64(w.Offset), w.Data)
			}
			h.Slots[metadata.SlotCommitted] = loc
		})
	}
}

// swap replaces one piece of text, which must be there, by another.
func (f *forger) swap(pairs ...string) {
	f.text(func(s string) string {
		for i := 0; i < len(pairs); i += 2 {
			require.Contains(f.t, s, pairs[i])
			s = strings.Replace(s, pairs[i], pairs[i+1], 1)
		}
		return s
	}, "a", "b")
}

func (f *forger) both(change func(path string)) {
	change("a")
	change("b")
}

const flagsLine = "flags = []\nextent_size"

// forgery is an image with something wrong, and what is to come of it.
type forgery struct {
	name   string
	forge  func(*forger)
	view   error // nil: the group can be looked at
	reason error // matched as well by the error of View
	change error // of an update of the group; nil: it works
}

func forgeries() []forgery {
	const huge = "18446744073709551615"
	unreadable := func(reason error) forgery { return forgery{view: ErrVGNotFound, reason: reason, change: ErrVGNotFound} }
	invalid := forgery{view: ErrDamaged, reason: metadata.ErrInvalid, change: ErrDamaged}
	broken := forgery{view: ErrDamaged, reason: metadata.ErrSyntax, change: ErrDamaged}
	refused := func(err error) forgery { return forgery{change: err} }
	like := func(f forgery, name string, forge func(*forger)) forgery {
		f.name, f.forge = name, forge
		return f
	}
	labels := func(change func(*metadata.Label)) func(*forger) {
		return func(f *forger) { f.both(func(p string) { f.label(p, change) }) }
	}
	headers := func(change func(*metadata.AreaHeader)) func(*forger) {
		return func(f *forger) { f.both(func(p string) { f.header(p, change) }) }
	}
	raws := func(change func([]byte)) func(*forger) {
		return func(f *forger) { f.both(func(p string) { f.raw(p, change) }) }
	}
	swap := func(pairs ...string) func(*forger) { return func(f *forger) { f.swap(pairs...) } }
	area := func(offset, size Bytes) func(*forger) {
		return labels(func(l *metadata.Label) { l.MetadataAreas = []metadata.DiskArea{{Offset: offset, Size: size}} })
	}
	return []forgery{
		like(invalid, "overlapping segments", swap(`"pv0", 24`, `"pv0", 3`)),
		like(invalid, "an lv in itself", swap(`"pv0", 0`, `"data", 0`)),
		like(invalid, "two lvs in each other", swap(`"pv0", 0`, `"other", 0`, `"pv0", 24`, `"data", 0`, "extent_count = 5\n", "extent_count = 20\n")),
		like(invalid, "segment past the end of its pv", swap("pe_count = 503", "pe_count = 10")),
		like(invalid, "segment starts past all", swap(`"pv0", 0`, `"pv0", 4294967295`)),
		like(invalid, "extents that overflow", swap("start_extent = 0\nextent_count = 20", "start_extent = 4294967290\nextent_count = 4294967290")),
		like(invalid, "extents beyond 64 bits", swap("extent_count = 20", "extent_count = "+huge)),
		like(invalid, "pv that overflows", swap("pe_start = 72", "pe_start = 9223372036854775807")),
		like(invalid, "pv of too many extents", swap("pe_count = 503", "pe_count = 4294967296")),
		like(invalid, "extents of 2 TiB", swap("extent_size = 8", "extent_size = 4294967295")),
		like(invalid, "extents of size 0", swap("extent_size = 8", "extent_size = 0")),
		like(invalid, "segment count", swap("segment_count = 1", "segment_count = 4294967295")),
		like(invalid, "stripe count", swap("stripe_count = 2", "stripe_count = 4294967295")),
		like(invalid, "no stripes", swap("stripe_count = 2", "stripe_count = 0")),
		like(invalid, "stripe size", swap("stripe_size = 8", "stripe_size = 4294967295")),
		like(broken, "lv with a slash", swap("\ndata {", "\nda/ta {")),
		like(invalid, "lv called ..", swap("\ndata {", "\n.. {")),
		like(invalid, "two lvs of one name", swap("\ndata {", "\nother {")),
		like(invalid, "lv id twice", func(f *forger) {
			f.text(func(s string) string {
				from, to := lvID(s, "data"), lvID(s, "other")
				return strings.Replace(s, from, to, 1)
			}, "a", "b")
		}),
		like(invalid, "unknown pv", swap(`"pv0", 24`, `"pv7", 24`)),
		like(invalid, "format of a later time", swap(`format = "lvm2"`, `format = "lvm9"`)),
		like(broken, "text that nests for ever", func(f *forger) {
			f.text(func(s string) string { return s + strings.Repeat("x {\n", 2500) }, "a", "b")
		}),
		like(unreadable(metadata.ErrSyntax), "text that does not end", swap("vg0 {", "vg0 {{")),
		like(unreadable(nil), "vg with a slash", swap("vg0 {", "../vg0 {")),
		like(unreadable(nil), "vg called ..", swap("vg0 {", ".. {")),

		like(refused(ErrReadOnly), "unknown status", swap(`"RESIZEABLE"`, `"RESIZEABLE", "FROBNICATED"`)),
		like(refused(ErrReadOnly), "unknown segment type", swap(`type = "striped"`, `type = "magic"`)),
		like(refused(ErrReadOnly), "exported", swap(`"RESIZEABLE"`, `"RESIZEABLE", "EXPORTED"`)),
		like(refused(ErrReadOnly), "clustered", swap(`"RESIZEABLE"`, `"RESIZEABLE", "CLUSTERED"`)),
		like(refused(ErrReadOnly), "read-only", swap(`, "WRITE"]`, `]`)),
		like(refused(ErrReadOnly), "another host's", swap(flagsLine, "flags = []\nsystem_id = \"other\"\nextent_size")),
		like(refused(ErrReadOnly), "shared", swap(flagsLine, "flags = []\nlock_type = \"sanlock\"\nextent_size")),
		like(refused(ErrMissingPV), "pv marked as missing", swap("flags = []\ndev_size", "flags = [\"MISSING\"]\ndev_size")),
		like(refused(ErrMissingPV), "pv with an id of its own", func(f *forger) {
			f.text(func(s string) string {
				at := strings.Index(s, "pv1 {\nid = \"") + len("pv1 {\nid = \"")
				return s[:at] + "z" + s[at+1:]
			}, "a", "b")
		}),
		like(refused(ErrDamaged), "extents over the label", swap("pe_start = 72", "pe_start = 0")),
		like(refused(ErrDamaged), "extents over the metadata", swap("pe_start = 72", "pe_start = 8")),
		like(refused(ErrDamaged), "two texts of one seqno", func(f *forger) {
			f.text(func(s string) string { return strings.Replace(s, "max_lv = 0", "max_lv = 9", 1) }, "b")
		}),
		like(refused(ErrDamaged), "pv in two groups", func(f *forger) {
			f.text(func(s string) string {
				at := strings.Index(s, `id = "`) + len(`id = "`)
				return strings.Replace(s[:at]+"z"+s[at+1:], "vg0 {", "vg1 {", 1)
			}, "b")
		}),
		like(refused(ErrDuplicatePV), "pv on two devices", func(f *forger) { f.disks.Copy("a", "d") }),
		like(forgery{view: ErrAmbiguous, change: ErrAmbiguous}, "two groups of one name", func(f *forger) {
			f.disks.Copy("a", "d")
			id := "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
			f.label("d", func(l *metadata.Label) { copy(l.PVID[:], id) })
			f.text(func(s string) string {
				at := strings.Index(s, `id = "`) + len(`id = "`)
				return s[:at] + "z" + s[at+1:]
			}, "d")
		}),

		like(refused(ErrMissingPV), "one broken label", func(f *forger) { f.flip("b", firstLabel+60) }),
		like(refused(ErrMissingPV), "one device cut off in its label", func(f *forger) { f.disks.Truncate("b", 600) }),
		like(refused(ErrMissingPV), "label of another pv in front", func(f *forger) {
			f.label("a", func(l *metadata.Label) { l.Sector = 0; copy(l.PVID[:], "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy") })
		}),
		like(unreadable(nil), "all labels broken", func(f *forger) {
			f.both(func(p string) { f.flip(p, firstLabel+60) })
		}),
		like(unreadable(metadata.ErrChecksum), "all texts broken", func(f *forger) { f.both(f.flipText) }),
		like(unreadable(metadata.ErrChecksum), "all headers broken", func(f *forger) {
			f.both(func(p string) { f.flip(p, int64(firstAreaStart)+200) })
		}),
		like(unreadable(metadata.ErrMagic), "headers without magic", raws(func(b []byte) { b[5]++ })),
		like(unreadable(metadata.ErrVersion), "headers of a later version", raws(func(b []byte) { b[20]++ })),
		like(unreadable(metadata.ErrInvalid), "headers of another place", raws(func(b []byte) { b[25]++ })),
		like(unreadable(ErrDamaged), "headers that say more than the labels", headers(func(h *metadata.AreaHeader) { h.Size += 512 })),
		like(unreadable(metadata.ErrInvalid), "headers of no size", raws(func(b []byte) { clear(b[32:40]) })),
		like(unreadable(metadata.ErrInvalid), "text beyond its area", headers(func(h *metadata.AreaHeader) { h.Slots[0].Offset = h.Size })),
		like(unreadable(metadata.ErrInvalid), "text in the header", headers(func(h *metadata.AreaHeader) { h.Slots[0].Offset = 8 })),
		like(unreadable(metadata.ErrInvalid), "text of 1 EiB", headers(func(h *metadata.AreaHeader) { h.Slots[0].Size = units.EiB })),
		like(unreadable(metadata.ErrInvalid), "text of no size", headers(func(h *metadata.AreaHeader) { h.Slots[0].Size = 0 })),
		like(unreadable(ErrDamaged), "area behind the end", area(firstAreaStart, diskSize)),
		like(unreadable(ErrDamaged), "area that overflows", area(1<<63, 1<<63)),
		like(unreadable(ErrDamaged), "area over the label", area(1024, 32*KiB)),
		like(unreadable(ErrDamaged), "area in the data", area(firstAreaStart, 256*KiB)),
		like(unreadable(ErrDamaged), "overlapping areas", labels(func(l *metadata.Label) {
			l.MetadataAreas = append(l.MetadataAreas, metadata.DiskArea{Offset: 8 * KiB, Size: 8 * KiB})
		})),
		like(unreadable(ErrDamaged), "the same area twenty times", labels(func(l *metadata.Label) {
			l.MetadataAreas = slices.Repeat(l.MetadataAreas, 20)
		})),
		like(unreadable(ErrDamaged), "bootloader area over the metadata", labels(func(l *metadata.Label) {
			l.BootloaderAreas = []metadata.DiskArea{{Offset: 16 * KiB, Size: 4 * KiB}}
		})),
		like(unreadable(ErrDamaged), "devices cut off in the metadata", func(f *forger) {
			f.both(func(p string) { f.disks.Truncate(p, 20*KiB) })
		}),

		{name: "label in the last sector", forge: func(f *forger) {
			f.both(func(p string) {
				f.label(p, func(l *metadata.Label) { l.Sector = 3 })
				f.disks.Change(p, firstLabel, make([]byte, 512))
			})
		}},
		{name: "second label behind", forge: func(f *forger) {
			f.label("a", func(l *metadata.Label) { l.Sector = 2; copy(l.PVID[:], "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy") })
		}},
		{name: "text that wraps", forge: func(f *forger) {
			f.both(func(p string) {
				f.header(p, func(h *metadata.AreaHeader) {
					d, err := f.disks.Open(p, false)
					require.NoError(f.t, err)
					text, err := h.ReadText(d, h.Slots[0])
					require.NoError(f.t, err)
					h.Slots[0].Offset = h.Size - 512
					for _, w := range h.TextWrites(h.Slots[0], text) {
						f.disks.Change(p, int64(w.Offset), w.Data)
					}
				})
			})
		}},
		{name: "one broken text", forge: func(f *forger) { f.flipText("a") }},
		{name: "one broken header", forge: func(f *forger) { f.flip("b", int64(firstAreaStart)+200) }},
		{name: "one area behind the end", forge: func(f *forger) {
			f.label("b", func(l *metadata.Label) { l.MetadataAreas[0].Offset = diskSize })
		}},
	}
}

// lvID returns the id of an LV in a text.
func lvID(text, name string) string {
	_, rest, _ := strings.Cut(text, "\n"+name+" {\nid = \"")
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// attempts are updates that would harm the group if they were let.
func attempts() map[string]func(*System) error {
	ctx := context.Background()
	return map[string]func(*System) error{
		"create pv": func(s *System) error {
			return s.Update(ctx, "", func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: "b"}) })
		},
		"create vg": func(s *System) error {
			return s.Update(ctx, "new", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: []string{"b"}}) })
		},
		"create vg of the same name": func(s *System) error {
			return s.Update(ctx, "vg0", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: []string{"c"}}) })
		},
		"remove pv": func(s *System) error {
			return s.Update(ctx, "", func(tx *Tx) error { return tx.RemovePV("a") })
		},
	}
}

func TestHostileImages(t *testing.T) {
	t.Parallel()
	good := (&alteration{setup: volumes}).start(t, OneArea)
	for _, c := range forgeries() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			disks := good.Clone()
			c.forge(&forger{t, disks})
			disks.Record()
			look(t, openDisks(t, disks, 2))
			_, err := openDisks(t, disks, 2).VG(ctx, "vg0")
			expect(t, c.view, err)
			expect(t, c.reason, err)
			for name, attempt := range attempts() {
				if c.view == ErrVGNotFound && c.reason == nil && name == "create vg of the same name" {
					continue // there is no group of that name any more
				}
				err := attempt(openDisks(t, disks, 3))
				var op *OpError
				assert.ErrorAs(t, err, &op, name)
				assert.Empty(t, written(disks), "%s: %v", name, err)
			}
			for name, change := range map[string]func(*Tx) error{
				"tag":       func(tx *Tx) error { return tx.SetTags("t") },
				"create lv": func(tx *Tx) error { return tx.addLV("new", 3, 2) },
				"remove lv": func(tx *Tx) error { return tx.RemoveLV("data") },
				"extend vg": func(tx *Tx) error { return tx.ExtendVG(areaSpec(OneArea), "c") },
				"reduce vg": func(tx *Tx) error { return tx.ReduceVG("b") },
				"remove vg": func(tx *Tx) error { return tx.RemoveVG() },
			} {
				disks := disks.Clone()
				err := openDisks(t, disks, 4).Update(ctx, "vg0", change)
				switch {
				case c.change == ErrMissingPV && (name == "tag" || name == "remove lv"):
					require.NoError(t, err, name)
					assert.True(t, openedVG(t, disks).Partial(), name)
				case c.change != nil:
					assert.ErrorIs(t, err, c.change, name)
					assert.Empty(t, written(disks), "%s: %v", name, err)
				case name == "reduce vg" || name == "remove vg":
					assert.ErrorIs(t, err, ErrBusy, name)
					assert.Empty(t, written(disks), "%s: %v", name, err)
				default:
					require.NoError(t, err, name)
					checkPatterns(t, openDisks(t, disks, 6), recordOf(t, openDisks(t, good.Clone(), 6), "vg0"))
				}
			}
		})
	}
}

func openedVG(t testing.TB, disks *recorder.Disks) *VolumeGroup {
	t.Helper()
	vg, err := openDisks(t, disks, 6).VG(context.Background(), "vg0")
	require.NoError(t, err)
	return vg
}

// written returns where something was written.
func written(disks *recorder.Disks) []string {
	var out []string
	for _, w := range disks.Writes() {
		out = append(out, fmt.Sprintf("%d bytes at byte %d of %s", len(w.Data), w.Offset, w.Path))
	}
	return out
}

// expect checks for an error, or for none.
func expect(t *testing.T, want, err error) {
	t.Helper()
	if want != nil {
		assert.ErrorIs(t, err, want)
	}
}

// look looks at everything there is to see.
func look(t testing.TB, sys *System) {
	inv, err := sys.Scan(context.Background())
	require.NoError(t, err)
	for _, p := range inv.Problems {
		assert.NotEmpty(t, p.String())
	}
	for _, vg := range inv.VGs {
		assert.NoError(t, vg.ExtentMap().WriteText(io.Discard, DrawOptions{}))
		for lv := range vg.LVs() {
			_, _ = lv.Table() // may be refused
			for seg := range lv.Segments() {
				_ = seg.Areas()
			}
		}
	}
}

// twins makes two groups of the same name, on a and b and on d, and returns
// their UUIDs.
func twins(t testing.TB) (*recorder.Disks, []string) {
	disks := (&alteration{setup: volumes}).start(t, OneArea)
	ids := []string{recordOf(t, openDisks(t, disks, 1), "vg0").ID.String()}
	other := recorder.New(diskSize, "d")
	update(t, openDisks(t, other, 9), "vg0", func(tx *Tx) error {
		return joinErrors(tx.CreateVG(VGSpec{PVs: []string{"d"}, ExtentSize: 4 * KiB}), tx.addLV("twin", 3, 1))
	})
	ids = append(ids, recordOf(t, openDisks(t, other, 1), "vg0").ID.String())
	disks.Copy("c", "d")
	disks.Change("d", 0, other.Contents("d", 0, int(diskSize)))
	disks.Record()
	slices.Sort(ids)
	return disks, ids
}

func TestGroupsOfOneName(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	disks, ids := twins(t)
	sys := openDisks(t, disks, 5)
	err := sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.SetTags("t") })
	var ambiguous *AmbiguousError
	require.ErrorAs(t, err, &ambiguous)
	assert.Equal(t, ids, ambiguous.IDs)
	assert.Empty(t, written(disks))
	for _, id := range ids {
		update(t, sys, id, func(tx *Tx) error { return tx.SetTags("tag-" + id[:6]) })
		vg, err := openDisks(t, disks, 6).VG(ctx, id)
		require.NoError(t, err)
		assert.Equal(t, []string{"tag-" + id[:6]}, vg.Tags())
		assert.Equal(t, uint32(2), vg.Seqno())
	}
	rec, err := sys.Recover(ctx)
	require.NoError(t, err)
	assert.Empty(t, rec.Done)
	// With one of them gone the name is the other's.
	update(t, sys, ids[0], func(tx *Tx) error {
		for lv := range tx.VG().LVs() {
			if err := tx.RemoveLV(lv.Name()); err != nil {
				return err
			}
		}
		return tx.RemoveVG()
	})
	vg, err := openDisks(t, disks, 6).VG(ctx, "vg0")
	require.NoError(t, err)
	assert.Equal(t, ids[1], vg.ID().String())
}

func TestDeviceThatBecameSmaller(t *testing.T) {
	t.Parallel()
	disks := (&alteration{setup: volumes}).start(t, OneArea)
	disks.Truncate("b", MiB)
	sys := openDisks(t, disks, 3)
	assert.NotEmpty(t, problems(t, sys))
	ctx := context.Background()
	onB := []PVSelection{{PV: "b"}}
	update(t, sys, "vg0", func(tx *Tx) error {
		_, err := tx.CreateLV(LVSpec{Name: "fits", Size: ExactSize(512 * KiB), PVs: onB})
		return err
	})
	disks.Record()
	for name, change := range map[string]func(*Tx) error{
		"create": func(tx *Tx) error {
			_, err := tx.CreateLV(LVSpec{Name: "new", Size: ExactSize(512 * KiB), PVs: onB})
			return err
		},
		"extend": func(tx *Tx) error {
			return tx.ExtendLV("fits", ExtendSpec{By: ExactSize(512 * KiB), PVs: onB})
		},
	} {
		assert.ErrorIs(t, sys.Update(ctx, "vg0", change), ErrDamaged, name)
		assert.Empty(t, written(disks), name)
	}
}

// TestWhatAnUpdateMustNotUndo holds combinations that would be carried out in an
// order in which a loss of power loses a group.
func TestWhatAnUpdateMustNotUndo(t *testing.T) {
	t.Parallel()
	cpv := func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: "c"}) }
	for name, c := range map[string]struct {
		setup func(testing.TB, *System, MetadataAreas)
		do    func(*Tx) error
	}{
		"pv made anew that leaves its group":  {andSpare, func(tx *Tx) error { return joinErrors(tx.ReduceVG("c"), cpv(tx)) }},
		"pv made anew whose group is removed": {emptyGroup, func(tx *Tx) error { return joinErrors(tx.RemoveVG(), tx.CreatePV(PVSpec{Device: "b"})) }},
		"group made anew":                     {emptyGroup, func(tx *Tx) error { return joinErrors(tx.RemoveVG(), makeGroup(tx, OneArea)) }},
		"pv blanked and added": {then(volumes, orphans("c")), func(tx *Tx) error {
			return joinErrors(tx.RemovePV("c"), tx.ExtendVG(PVSpec{}, "c"))
		}},
		"pv blanked and made anew": {then(volumes, orphans("c")), func(tx *Tx) error { return joinErrors(tx.RemovePV("c"), cpv(tx)) }},
		"pv blanked twice":         {then(volumes, orphans("c")), func(tx *Tx) error { return joinErrors(tx.RemovePV("c"), tx.RemovePV("c")) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks := (&alteration{setup: c.setup}).start(t, OneArea)
			err := openDisks(t, disks, 3).Update(context.Background(), "vg0", c.do)
			require.ErrorIs(t, err, ErrUnsupported)
			assert.Empty(t, written(disks))
		})
	}
}

func TestRemovePVTakesAllLabels(t *testing.T) {
	t.Parallel()
	disks := (&alteration{setup: orphans("a")}).start(t, OneArea)
	f := &forger{t, disks}
	f.label("a", func(l *metadata.Label) { l.Sector = 3; copy(l.PVID[:], "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy") })
	sys := openDisks(t, disks, 3)
	update(t, sys, "", func(tx *Tx) error { return tx.RemovePV("a") })
	inv, err := sys.Scan(context.Background())
	require.NoError(t, err)
	assert.Empty(t, inv.Orphans)
	assert.Empty(t, inv.Problems)
	for crash := range disks.Crashes(recorder.CrashOptions{Exhaustive: 64}) {
		inv, err := openDisks(t, crash.Disks, 4).Scan(context.Background())
		require.NoError(t, err)
		for _, pv := range inv.Orphans {
			assert.NotContains(t, pv.ID.String(), "yyyy", "the second label came to count")
		}
	}
	// A new PV that is taken back leaves what was there: nothing.
	update(t, sys, "", func(tx *Tx) error { return joinErrors(tx.CreatePV(PVSpec{Device: "a"}), tx.RemovePV("a")) })
	inv, err = sys.Scan(context.Background())
	require.NoError(t, err)
	assert.Empty(t, inv.Orphans)
}

// A time that JSON has no word for keeps nothing else from being said.
func TestAbsurdTimes(t *testing.T) {
	t.Parallel()
	for seconds, said := range map[string]bool{"253402300799": true, "253402300800": false, "9223372036854775807": false} {
		disks := (&alteration{setup: volumes}).start(t, OneArea)
		f := &forger{t, disks}
		times := regexp.MustCompile(`(?m)^creation_time = \d+`)
		f.text(func(s string) string { return times.ReplaceAllString(s, "creation_time = "+seconds) }, "a", "b")
		vg := openedVG(t, disks)
		text, err := json.Marshal(vg)
		require.NoError(t, err)
		require.Equal(t, said, bytes.Contains(text, []byte(`"lv_time":"9999-12-31T23:59:59Z"`)), "%s", text)
		require.Equal(t, said, bytes.Contains(text, []byte("lv_time")))
		lv, err := vg.LV("data")
		require.NoError(t, err)
		require.Equal(t, seconds, strconv.FormatInt(lv.CreationTime().Unix(), 10))
		update(t, openDisks(t, disks, 3), "vg0", func(tx *Tx) error { return tx.SetTags("t") })
		require.Equal(t, seconds, strconv.FormatInt(lv.CreationTime().Unix(), 10))
	}
}
