package cachemeta_test

import (
	"encoding/xml"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/cachemeta"
	"github.com/lvm-go/lvm/internal/pdata/pdatatest"
	"github.com/lvm-go/lvm/internal/umltest"
)

var update = flag.Bool("update", false, "write testdata anew")

func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }

// dump is what cache_dump prints, and cache_restore reads.
type dump struct {
	XMLName  xml.Name `xml:"superblock"`
	UUID     string   `xml:"uuid,attr"`
	Size     uint64   `xml:"block_size,attr"`
	Blocks   uint64   `xml:"nr_cache_blocks,attr"`
	Policy   string   `xml:"policy,attr"`
	Hint     int      `xml:"hint_width,attr"`
	Mappings []entry  `xml:"mappings>mapping"`
	Hints    []hint   `xml:"hints>hint"`
}

type entry struct {
	Cache  uint64 `xml:"cache_block,attr"`
	Origin uint64 `xml:"origin_block,attr"`
	Dirty  bool   `xml:"dirty,attr"`
}

type hint struct{}

func mappings(t require.TestingT, c *cachemeta.Cache) []entry {
	var list []entry
	for m, err := range c.Mappings() {
		require.NoError(t, err)
		list = append(list, entry{uint64(m.Cache), uint64(m.Origin), m.Dirty})
	}
	return list
}

func checkDump(t require.TestingT, c *cachemeta.Cache, text []byte) {
	var d dump
	require.NoError(t, xml.Unmarshal(text, &d))
	assert.Equal(t, d.Size, uint64(c.BlockSize()))
	assert.Equal(t, d.Blocks, c.Blocks())
	assert.Equal(t, d.Policy, c.Policy())
	assert.True(t, c.Clean())
	got := mappings(t, c)
	if c.Version() == 2 { // cache_dump 0.9 shows the flags of version 1
		for i := range got {
			got[i].Dirty = false
		}
	}
	require.Equal(t, d.Mappings, got)
}

func open(t testing.TB, m *pdatatest.Image) *cachemeta.Cache {
	c, err := cachemeta.Open(m, m.Size())
	require.NoError(t, err)
	return c
}
