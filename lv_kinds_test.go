package lvm

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/corpus"
)

// nameOf returns the name of a volume, "" if there is none.
func nameOf(lv *LogicalVolume) string {
	if lv == nil {
		return ""
	}
	return lv.Name()
}

// TestCorpusKinds compares what a volume says it is and belongs to with what
// lvm2 said of it.
func TestCorpusKinds(t *testing.T) {
	t.Parallel()
	recorded := readReports(t)
	plain := strings.NewReplacer("[", "", "]", "", "(0)", "")
	seen := map[string]int{}
	for _, cs := range corpus.Cases(t) {
		inv, err := corpusSystem(t, cs).Scan(context.Background())
		require.NoError(t, err, cs.Name)
		for _, vg := range inv.VGs {
			theirs := ofGroup(vg, recorded[cs.Name].lvm2Report)
			for lv := range vg.LVs() {
				if snapshotLinkOf(lv.rec) != nil {
					continue // it is no volume
				}
				where := cs.Name + " " + lv.Name()
				row, seg := find(theirs.LV, lvm2Row{"lv_uuid": lv.ID().String()}), find(theirs.Seg, lvm2Row{"lv_uuid": lv.ID().String()})
				require.NotNil(t, row, where)
				same := func(row lvm2Row, field, ours string) {
					want, ok := row[field]
					if !ok {
						return // of hidden volumes not all was recorded
					}
					if want = plain.Replace(want); want != "" {
						seen[field]++
					}
					assert.Equal(t, want, ours, "%s: %s", where, field)
				}
				same(row, "pool_lv", nameOf(lv.Pool())+nameOf(lv.CachePool()))
				same(row, "data_lv", nameOf(lv.PoolData()))
				same(row, "metadata_lv", nameOf(lv.PoolMetadata()))
				if lv.IsThin() {
					same(row, "origin", cmp.Or(nameOf(lv.ThinOrigin()), nameOf(lv.ExternalOrigin())))
				} else if origin := lv.CacheOrigin(); origin != nil {
					same(row, "origin", origin.Name())
				}
				if parent := row["lv_parent"]; parent != "" {
					same(row, "lv_parent", nameOf(lv.PartOf()))
				}
				kindFacts(t, lv, seg, same)
				for part := range lv.Parts() {
					assert.Equal(t, lv.Name(), nameOf(part.PartOf()), where)
					seen["parts"]++
				}
			}
		}
	}
	for _, field := range []string{"pool_lv", "data_lv", "metadata_lv", "origin", "thin_id", "thin_count", "transaction_id", "devices",
		"metadata_devices", "region_size", "chunk_size", "parts"} {
		assert.Positive(t, seen[field], field)
	}
}

// kindFacts compares what lvm2 says of a segment.
func kindFacts(t *testing.T, lv *LogicalVolume, seg lvm2Row, same func(row lvm2Row, field, ours string)) {
	t.Helper()
	if id, ok := lv.DeviceID(); ok {
		assert.True(t, lv.IsThin())
		same(seg, "thin_id", strconv.Itoa(int(id)))
	}
	if id, ok := lv.TransactionID(); ok {
		same(seg, "transaction_id", strconv.FormatUint(id, 10))
	}
	if lv.IsThinPool() {
		count := 0
		for thin := range lv.ThinVolumes() {
			assert.Equal(t, lv.Name(), nameOf(thin.Pool()))
			count++
		}
		same(seg, "thin_count", strconv.Itoa(count))
	} else if !lv.IsThin() {
		for range lv.ThinVolumes() {
			assert.Fail(t, "thin volumes of "+lv.Name())
		}
	}
	if lv.IsRAID() {
		var images, metas []string
		for _, leg := range lv.RAIDLegs() {
			images = append(images, nameOf(leg.Image))
			if leg.Meta != nil {
				metas = append(metas, leg.Meta.Name())
			}
		}
		same(seg, "devices", strings.Join(images, ","))
		same(seg, "metadata_devices", strings.Join(metas, ","))
	}
	for s := range lv.Segments() {
		if lv.IsRAID() || s.Type() == "mirror" {
			same(seg, "region_size", strconv.FormatUint(uint64(s.RegionSize()), 10))
			same(seg, "stripe_size", strconv.FormatUint(uint64(s.StripeSize()), 10))
		}
		if lv.IsThinPool() || s.Type() == "cache-pool" {
			same(seg, "chunk_size", strconv.FormatUint(uint64(s.ChunkSize()), 10))
		}
		break
	}
}

// Snapshots of thin volumes know what they are of, and it of them.
func TestThinOrigins(t *testing.T) {
	t.Parallel()
	vg, err := corpusSystem(t, corpus.Load(t, "thin-snapshots")).VG(context.Background(), "vg")
	require.NoError(t, err)
	names := func(of string) (names []string) {
		lv, err := vg.LV(of)
		require.NoError(t, err)
		for s := range lv.ThinSnapshots() {
			assert.Equal(t, of, nameOf(s.ThinOrigin()))
			assert.True(t, s.IsThin())
			assert.False(t, s.IsSnapshot())
			names = append(names, s.Name())
		}
		return names
	}
	assert.Equal(t, []string{"s1", "s2"}, names("t"))
	assert.Equal(t, []string{"s2s"}, names("s2"))
	assert.Empty(t, names("pool"))
}
