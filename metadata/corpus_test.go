package metadata_test

import (
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/corpus"
	"github.com/lvm-go/lvm/metadata"
)

// loaded is a case of the corpus with what the tests look at.
type loaded struct {
	*corpus.Case
	pvs   []*corpus.PV
	texts []areaText
}

// areaText is the text in force in a metadata area of the corpus.
type areaText struct {
	pv     *corpus.PV
	header *metadata.AreaHeader
	text   []byte
}

// load reads a case.
func load(t testing.TB, c *corpus.Case) *loaded {
	t.Helper()
	l := &loaded{Case: c, pvs: c.PVs(t)}
	for _, pv := range l.pvs {
		label, _, err := metadata.ReadLabel(pv)
		if err != nil {
			require.ErrorIs(t, err, metadata.ErrNoLabel)
			continue
		}
		for _, a := range label.MetadataAreas {
			h, err := metadata.ReadAreaHeader(pv, a.Offset)
			require.NoError(t, err)
			require.Equal(t, a.Size, h.Size)
			if loc := h.Slots[metadata.SlotCommitted]; loc.InUse() {
				text, err := h.ReadText(pv, loc)
				require.NoError(t, err)
				l.texts = append(l.texts, areaText{pv, h, text})
			}
		}
	}
	return l
}

// everything holds the whole corpus, which takes a while to unpack.
var everything struct {
	once  sync.Once
	cases []*loaded
}

func loadAll(t testing.TB) []*loaded {
	t.Helper()
	everything.once.Do(func() {
		for _, c := range corpus.Cases(t) {
			everything.cases = append(everything.cases, load(t, c))
		}
	})
	require.NotEmpty(t, everything.cases)
	return everything.cases
}

// Labels and headers must come out again as they lie on disk.
func TestCorpusLabelsAndHeaders(t *testing.T) {
	t.Parallel()
	labels, headers := 0, 0
	for _, c := range loadAll(t) {
		for _, pv := range c.pvs {
			label, problems, err := metadata.ReadLabel(pv)
			assert.Empty(t, problems)
			if err != nil {
				require.ErrorIs(t, err, metadata.ErrNoLabel, "%s %s", c.Name, pv.Name)
				continue
			}
			labels++
			sector, err := label.Encode()
			require.NoError(t, err)
			was := make([]byte, 512)
			_, err = pv.ReadAt(was, int64(label.Sector*512))
			require.NoError(t, err)
			assert.Equal(t, was, sector, "%s %s", c.Name, pv.Name)
			for _, a := range label.MetadataAreas {
				headers++
				b := make([]byte, metadata.AreaHeaderSize)
				_, err := pv.ReadAt(b, int64(a.Offset))
				require.NoError(t, err)
				h, err := metadata.DecodeAreaHeader(b, a.Offset)
				require.NoError(t, err, "%s %s", c.Name, pv.Name)
				assert.Equal(t, b, h.Encode(), "%s %s", c.Name, pv.Name)
			}
		}
	}
	assert.Greater(t, labels, 300)
	assert.Greater(t, headers, 300)
}

// Texts must come out again as they were, from the tree and from the records.
func TestCorpusTexts(t *testing.T) {
	t.Parallel()
	for _, c := range loadAll(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			for _, a := range c.texts {
				tree, err := metadata.ParseTree(a.text)
				require.NoError(t, err)
				printed, err := tree.Print(metadata.AreaForm)
				require.NoError(t, err)
				require.Equal(t, string(a.text), string(printed))

				doc, err := metadata.DecodeDocument(a.text)
				require.NoError(t, err)
				encoded, err := doc.EncodeArea()
				require.NoError(t, err)
				require.Equal(t, string(a.text), string(encoded))
				require.NoError(t, doc.VG.Validate())
			}
			for name, text := range c.Backups(t) {
				tree, err := metadata.ParseTree(text)
				require.NoError(t, err, name)
				printed, err := tree.Print(metadata.BackupForm)
				require.NoError(t, err)
				require.Equal(t, string(text), string(printed), name)

				doc, err := metadata.DecodeDocument(text)
				require.NoError(t, err, name)
				encoded, err := doc.EncodeBackup()
				require.NoError(t, err)
				require.Equal(t, string(text), string(encoded), name)
				require.NoError(t, doc.VG.Validate())
			}
		})
	}
}

// A group read from an area must make the backup file that vgcfgbackup made of
// it, and the other way round.
func TestCorpusAreaAgainstBackup(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, c := range loadAll(t) {
		newest := map[string]*metadata.Document{}
		for _, a := range c.texts {
			doc, err := metadata.DecodeDocument(a.text)
			require.NoError(t, err)
			if last := newest[doc.VG.Name]; last == nil || last.VG.Seqno < doc.VG.Seqno {
				newest[doc.VG.Name] = doc
			}
		}
		for name, text := range c.Backups(t) {
			backup, err := metadata.DecodeDocument(text)
			require.NoError(t, err)
			area := newest[backup.VG.Name]
			if area == nil || area.VG.Seqno != backup.VG.Seqno {
				continue
			}
			// Where a PV is, and whether, is what the tool knew when it wrote the one and the other.
			for i, pv := range area.VG.PVs {
				if other := backup.VG.PVs[i]; pv.Device == "[unknown]" || other.Device == "[unknown]" {
					pv.Device, pv.Status = other.Device, other.Status
				}
			}
			// While it reshapes a raid10, lvm2 writes one copy of the data, and reads two.
			for i, lv := range area.VG.LVs {
				for s := range lv.Segments {
					if raid, ok := lv.Segments[s].Body.(*metadata.RAID); ok && raid.Copies == 1 {
						raid.Copies = backup.VG.LVs[i].Segments[s].Body.(*metadata.RAID).Copies
					}
				}
			}
			compared++
			assert.Equal(t, backup.VG, area.VG, "%s %s", c.Name, name)
			mixed := metadata.Document{Header: backup.Header, VG: area.VG}
			encoded, err := mixed.EncodeBackup()
			require.NoError(t, err)
			assert.Equal(t, string(text), string(encoded), "%s %s", c.Name, name)
		}
	}
	assert.Greater(t, compared, 125)
}

// Cloning must lose nothing, and changing the clone must not show.
func TestCorpusClone(t *testing.T) {
	t.Parallel()
	for _, c := range corpus.Cases(t) {
		for _, text := range c.Backups(t) {
			doc, err := metadata.DecodeDocument(text)
			require.NoError(t, err)
			again, err := metadata.DecodeDocument(text)
			require.NoError(t, err)
			clone := doc.VG.Clone()
			assert.Equal(t, doc.VG, clone, c.Name)
			for _, pv := range clone.PVs {
				pv.PECount++
				pv.Tags = append(pv.Tags[:0], "changed")
			}
			for _, lv := range clone.LVs {
				lv.Name += "x"
				lv.Tags = append(lv.Tags[:0], "changed")
				lv.Segments[0].Count++
			}
			assert.Equal(t, again.VG, doc.VG, c.Name)
		}
	}
}

// Of all that lvm2 makes, nothing is opaque.
func TestCorpusTypes(t *testing.T) {
	t.Parallel()
	types := map[string]bool{}
	for _, c := range corpus.Cases(t) {
		for _, text := range c.Backups(t) {
			doc, err := metadata.DecodeDocument(text)
			require.NoError(t, err)
			assert.Empty(t, doc.VG.OpaqueTypes(), c.Name)
			for _, lv := range doc.VG.LVs {
				assert.False(t, lv.IsOpaque())
				for _, s := range lv.Segments {
					types[s.Type] = true
					assert.Empty(t, s.Extra, c.Name)
				}
			}
		}
	}
	assert.Subset(t, slices.Collect(maps.Keys(types)), []string{
		"raid0", "raid0_meta", "raid1", "raid4", "raid5", "raid5_ls", "raid6", "raid6_zr", "raid10",
		"raid5+RESHAPE+RESHAPE_DATA_OFFSET", "thin", "thin-pool", "cache", "cache-pool+METADATA_FORMAT",
		"cache+CACHE_USES_CACHEVOL", "writecache", "integrity", "mirror", "snapshot",
	})
}

// corpusText returns the newest text in the areas of a case.
func corpusText(t testing.TB, name string) []byte {
	t.Helper()
	texts := load(t, corpus.Load(t, name)).texts
	require.NotEmpty(t, texts)
	return texts[0].text
}
