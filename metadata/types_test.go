package metadata_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

// allTypes is a group with every field that the segments of pools, raids and
// caches can have, in both forms as lvm2 2.03.16 wrote them: its vgcfgrestore took
// a text that was written by hand.
func allTypes(t testing.TB) (area, backup []byte) {
	t.Helper()
	area, err := os.ReadFile("testdata/types/area.txt")
	require.NoError(t, err)
	backup, err = os.ReadFile("testdata/types/backup.conf")
	require.NoError(t, err)
	return append(area, 0), backup
}

// segmentNamed returns the first segment of an LV, and the LVs by their names.
func segmentNamed(t testing.TB, vg *metadata.VolumeGroup, name string) (*metadata.Segment, map[string]metadata.ID) {
	t.Helper()
	var found *metadata.Segment
	ids := map[string]metadata.ID{}
	for _, lv := range vg.LVs {
		ids[lv.Name] = lv.ID
		if lv.Name == name {
			found = &lv.Segments[0]
		}
	}
	require.NotNil(t, found, name)
	return found, ids
}

func TestAllTypesAreWrittenAsTheyWere(t *testing.T) {
	t.Parallel()
	area, backup := allTypes(t)
	of := decode(t, area)
	encoded, err := of.EncodeArea()
	require.NoError(t, err)
	require.Equal(t, string(area), string(encoded))
	require.NoError(t, of.VG.Validate())

	file := decode(t, backup)
	encoded, err = file.EncodeBackup()
	require.NoError(t, err)
	require.Equal(t, string(backup), string(encoded))
	require.Equal(t, file.VG, of.VG)

	assert.Empty(t, of.VG.OpaqueTypes())
	for _, lv := range of.VG.LVs {
		for _, s := range lv.Segments {
			assert.Empty(t, s.Extra, lv.Name)
		}
	}
}

func TestBodiesOfAllTypes(t *testing.T) {
	t.Parallel()
	_, backup := allTypes(t)
	vg := decode(t, backup).VG
	lv := func(name string) metadata.ID {
		_, ids := segmentNamed(t, vg, "p")
		id, ok := ids[name]
		require.True(t, ok, name)
		return id
	}
	legs := func(names ...string) (legs []metadata.RAIDLeg) {
		for i := 0; i < len(names); i += 2 {
			legs = append(legs, metadata.RAIDLeg{Meta: lv(names[i]), Image: lv(names[i+1])})
		}
		return legs
	}
	for name, want := range map[string]metadata.Body{
		"p": &metadata.ThinPool{
			Metadata: lv("p_tmeta"), Data: lv("p_tdata"), TransactionID: 5, ChunkSize: 384, Discards: metadata.DiscardsNoPassdown,
			ZeroNewBlocks: true, Crop: metadata.ChoiceNo, Messages: []metadata.ThinMessage{{Create: lv("t")}, {Delete: 7}},
		},
		"t": &metadata.Thin{
			Pool: lv("p"), TransactionID: 4, DeviceID: 1, ExternalOrigin: lv("e"), Origin: lv("u"), Merge: lv("u"),
		},
		"u": &metadata.Thin{Pool: lv("p"), TransactionID: 4, DeviceID: metadata.MaxThinDeviceID, Origin: lv("t")},
		"q": &metadata.CachePool{
			Data: lv("q_cdata"), Metadata: lv("q_cmeta"), CacheSettings: metadata.CacheSettings{
				MetadataFormat: 1, ChunkSize: 128, Mode: "passthrough", Policy: "mq", Settings: []metadata.Setting{
					{Key: "b", Value: `te"xt`, IsText: true}, {Key: "a", Value: "10"}, {Key: "c#d", Value: "-3"},
				},
			},
		},
		"x": &metadata.Cache{
			Pool: lv("x_cvol"), Origin: lv("x_corig"), Cleaner: true, CacheSettings: metadata.CacheSettings{
				MetadataFormat: 2, ChunkSize: 128, Mode: "writethrough", Policy: "cleaner", Settings: []metadata.Setting{{Key: "a", Value: "10"}},
			},
			MetadataLen: 16384, DataStart: 16384, DataLen: 16384,
			MetadataID: id(t, "t3ueJi-MXbL-iePk-AUu8-SZAE-adAq-HjOlbc"), DataID: id(t, "t3ueJi-MXbL-iePk-AUu8-SZAE-adAq-HjOlbb"),
		},
		"y": &metadata.Cache{Pool: lv("y_cpool"), Origin: lv("y_corig"), Cleaner: true},
		"w": &metadata.WriteCache{
			Cache: lv("w_cvol"), Origin: lv("w_wcorig"), BlockSize: 4096, Settings: []metadata.Setting{
				{Key: "high_watermark", Value: "0"}, {Key: "low_watermark", Value: "2"}, {Key: "writeback_jobs", Value: "3"},
				{Key: "autocommit_blocks", Value: "4"}, {Key: "autocommit_time", Value: "5"}, {Key: "fua", Value: "1"},
				{Key: "nofua", Value: "1"}, {Key: "cleaner", Value: "1"}, {Key: "max_age", Value: "1234"},
			},
			OtherKey: "foo", OtherValue: "12",
		},
		"r_rimage_1": &metadata.Integrity{
			Origin: lv("r_rimage_1_iorig"), Meta: lv("r_rimage_1_imeta"), DataSectors: 16384, Mode: "J", TagSize: 4, BlockSize: 512,
			InternalHash: "crc32c", Recalculate: true, Settings: []metadata.Setting{
				{Key: "journal_sectors", Value: "2048"}, {Key: "interleave_sectors", Value: "32768"}, {Key: "buffer_sectors", Value: "128"},
				{Key: "journal_watermark", Value: "6"}, {Key: "commit_time", Value: "7"}, {Key: "bitmap_flush_interval", Value: "5"},
				{Key: "sectors_per_bit", Value: "3"},
			},
		},
		"r": &metadata.RAID{
			Legs:       legs("r_rmeta_0", "r_rimage_0", "r_rmeta_1", "r_rimage_1"),
			RegionSize: 4096, WriteBehind: 256, MinRate: 128, MaxRate: 1024,
		},
		"grow": &metadata.RAID{
			Legs:       legs("grow_rmeta_0", "grow_rimage_0", "grow_rmeta_1", "grow_rimage_1", "grow_rmeta_2", "grow_rimage_2"),
			RegionSize: 4096, StripeSize: 128, HasDataOffset: true,
		},
		"m": &metadata.RAID{Legs: legs("m_rmeta_0", "m_rimage_0", "m_rmeta_1", "m_rimage_1"), StripeSize: 4},
		"v": &metadata.VDOPool{
			Data: lv("v_vdata"), HeaderSize: 1024, VirtualExtents: 100, Compression: true, Deduplication: true, MetadataHints: true,
			SparseIndex: true, MinimumIOSize: 4096, BlockMapCacheSize: 128, BlockMapEraLength: 16380, IndexMemorySize: 256,
			MaxDiscard: 1, SlabSize: 2048, AckThreads: 1, BioThreads: 4, BioRotation: 64, CPUThreads: 2, HashZoneThreads: 1,
			LogicalThreads: 1, PhysicalThreads: 1, WritePolicy: "async-unsafe",
		},
		"vv": &metadata.VDO{Pool: lv("v"), Offset: 5},
	} {
		s, _ := segmentNamed(t, vg, name)
		assert.Equal(t, want, s.Body, name)
	}
}

// What a segment lies on, consists of, and shares.
func TestVolumesOfAllTypes(t *testing.T) {
	t.Parallel()
	_, backup := allTypes(t)
	vg := decode(t, backup).VG
	names := map[metadata.ID]string{}
	for _, lv := range vg.LVs {
		names[lv.ID] = lv.Name
	}
	list := func(ids []metadata.ID) string {
		var s []string
		for _, id := range ids {
			s = append(s, names[id])
		}
		return strings.Join(s, " ")
	}
	for name, want := range map[string][3]string{
		"p":          {"p_tdata", "p_tmeta", ""},
		"t":          {"", "", "p e"},
		"u":          {"", "", "p"},
		"q":          {"q_cdata", "q_cmeta", ""},
		"x":          {"x_corig", "x_cvol", ""},
		"y":          {"y_corig", "y_cpool", ""},
		"w":          {"w_wcorig", "w_cvol", ""},
		"r_rimage_1": {"r_rimage_1_iorig", "r_rimage_1_imeta", ""},
		"r":          {"r_rimage_0 r_rimage_1", "r_rmeta_0 r_rmeta_1", ""},
		"v":          {"v_vdata", "", ""},
		"vv":         {"", "", "v"},
	} {
		s, _ := segmentNamed(t, vg, name)
		var areas []metadata.ID
		for _, a := range s.Body.Areas() {
			assert.True(t, a.PV.IsZero())
			assert.Zero(t, a.Start)
			areas = append(areas, a.LV)
		}
		assert.Equal(t, want, [...]string{list(areas), list(s.Body.Parts()), list(s.Body.Uses())}, name)
	}
	for name, want := range map[string]metadata.Segment{
		"p": {Count: 10}, "t": {}, "q": {Count: 10}, "x": {Count: 4}, "w": {Count: 4}, "r_rimage_1": {Count: 2},
		"r": {Count: 2}, "grow": {Count: 3}, "m": {Count: 4}, "odd": {Count: 3}, "v": {Count: 10}, "vv": {},
	} {
		s, _ := segmentNamed(t, vg, name)
		assert.Equal(t, want.Count, s.AreaLength(), name)
	}
}

func TestTypeFlags(t *testing.T) {
	t.Parallel()
	s := metadata.Segment{Type: "raid5_n+RESHAPE+RESHAPE_DATA_OFFSET"}
	assert.Equal(t, "raid5_n", s.BaseType())
	assert.True(t, s.HasFlag("RESHAPE"))
	assert.True(t, s.HasFlag("RESHAPE_DATA_OFFSET"))
	assert.False(t, s.HasFlag("RESHAPE_DATA"))
	assert.False(t, s.HasFlag("raid5_n"))
	assert.False(t, s.HasFlag(""))
	s.Type = "striped"
	assert.Equal(t, "striped", s.BaseType())
	assert.False(t, s.HasFlag(""))
	assert.False(t, s.HasFlag("striped"))
}

// A type is known with the flags that go with it, and opaque with any other.
func TestTypesWithUnknownFlags(t *testing.T) {
	t.Parallel()
	area, _ := allTypes(t)
	text := string(area)
	for _, test := range [][2]string{
		{`"thin-pool+CROP_METADATA"`, `"thin-pool+NEW"`},
		{`"thin-pool+CROP_METADATA"`, `"thin-pool+CROP_METADATA+NEW"`},
		{`"thin-pool+CROP_METADATA"`, `"thin-pool+"`},
		{`"thin"`, `"thin+CROP_METADATA"`},
		{`"vdo"`, `"vdo2"`},
		{`"cache+CACHE_USES_CACHEVOL"`, `"cache+METADATA_FORMAT"`},
		{`"raid1"`, `"raid2"`},
		{`"raid1"`, `"raid1+CACHE_USES_CACHEVOL"`},
	} {
		changed := strings.Replace(text, test[0], test[1], 1)
		require.NotEqual(t, text, changed)
		doc := decode(t, []byte(changed))
		assert.Equal(t, []string{strings.Trim(test[1], `"`)}, doc.VG.OpaqueTypes())
		encoded, err := doc.EncodeArea()
		require.NoError(t, err)
		assert.Equal(t, changed, string(encoded))
		require.NoError(t, doc.VG.Validate(), test[1])
	}
	for _, test := range [][2]string{
		{`"thin-pool+CROP_METADATA"`, `"thin-pool"`},
		{`"raid1"`, `"raid1+RESHAPE"`},
		{`"integrity"`, `"integrity+REMOVE_AFTER_RESHAPE"`},
		{`"raid10"`, `"raid10_near"`},
	} {
		changed := strings.Replace(text, test[0], test[1], 1)
		doc := decode(t, []byte(changed))
		assert.Empty(t, doc.VG.OpaqueTypes(), test[1])
		encoded, err := doc.EncodeArea()
		require.NoError(t, err)
		assert.Equal(t, changed, string(encoded))
	}
}
