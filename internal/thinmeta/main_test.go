package thinmeta_test

import (
	"encoding/xml"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/pdata/pdatatest"
	"github.com/lvm-go/lvm/internal/thinmeta"
	"github.com/lvm-go/lvm/internal/umltest"
)

var update = flag.Bool("update", false, "write testdata anew")

func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }

// mappings returns all runs of a device.
func mappings(t require.TestingT, d *thinmeta.Device) []thinmeta.Run {
	var list []thinmeta.Run
	for run, err := range d.Mappings(0) {
		require.NoError(t, err)
		list = append(list, run)
	}
	return list
}

// dump is what thin_dump prints.
type dump struct {
	Transaction uint64 `xml:"transaction,attr"`
	BlockSize   uint64 `xml:"data_block_size,attr"`
	Blocks      uint64 `xml:"nr_data_blocks,attr"`
	Devices     []struct {
		ID          uint32 `xml:"dev_id,attr"`
		Mapped      uint64 `xml:"mapped_blocks,attr"`
		Transaction uint64 `xml:"transaction,attr"`
		Created     uint32 `xml:"creation_time,attr"`
		Snapshotted uint32 `xml:"snap_time,attr"`
		Parts       []struct {
			XMLName xml.Name
			Origin  uint64 `xml:"origin_begin,attr"`
			Data    uint64 `xml:"data_begin,attr"`
			Length  uint64 `xml:"length,attr"`
			Virtual uint64 `xml:"origin_block,attr"`
			Block   uint64 `xml:"data_block,attr"`
			Time    uint32 `xml:"time,attr"`
		} `xml:",any"`
	} `xml:"device"`
}

func checkDump(t require.TestingT, p *thinmeta.Pool, text string) {
	var d dump
	require.NoError(t, xml.Unmarshal([]byte(text), &d))
	assert.Equal(t, d.Transaction, p.TransactionID())
	assert.Equal(t, d.BlockSize, uint64(p.BlockSize()))
	assert.Equal(t, d.Blocks, p.Data().Total)
	found := map[uint32]thinmeta.Details{}
	for details, err := range p.Devices() {
		require.NoError(t, err)
		found[details.ID] = details
	}
	require.Len(t, found, len(d.Devices))
	for _, want := range d.Devices {
		assert.Equal(t, thinmeta.Details{ID: want.ID, Mapped: thinmeta.Block(want.Mapped), TransactionID: want.Transaction, Created: want.Created, Snapshotted: want.Snapshotted}, found[want.ID])
		device, err := p.Device(want.ID)
		require.NoError(t, err)
		// Runs of different times are one for us if they are shared alike.
		var runs []thinmeta.Run
		for _, part := range want.Parts {
			run := thinmeta.Run{Virtual: thinmeta.Block(part.Origin), Data: thinmeta.Block(part.Data), Length: thinmeta.Block(part.Length), Shared: part.Time < want.Snapshotted}
			if part.XMLName.Local == "single_mapping" {
				run.Virtual, run.Data, run.Length = thinmeta.Block(part.Virtual), thinmeta.Block(part.Block), 1
			}
			if n := len(runs); n > 0 && runs[n-1].Virtual+runs[n-1].Length == run.Virtual && runs[n-1].Data+runs[n-1].Length == run.Data && runs[n-1].Shared == run.Shared {
				runs[n-1].Length += run.Length
				continue
			}
			runs = append(runs, run)
		}
		require.Equal(t, runs, mappings(t, device), "thin device %d", want.ID)
	}
}

// image returns a metadata device of the kernel's.
func image(t testing.TB, name string) *pdatatest.Image {
	return pdatatest.Load(t, "testdata/"+name+".meta.gz")
}

func load(t testing.TB, name string) *thinmeta.Pool {
	m := image(t, name)
	p, err := thinmeta.Open(m, m.Size())
	require.NoError(t, err)
	return p
}
