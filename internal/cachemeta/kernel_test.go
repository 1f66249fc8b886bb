package cachemeta_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/cachemeta"
	"github.com/lvm-go/lvm/internal/pdata/pdatatest"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/units"
)

// disk is a file, and the loop device on it that the kernel gets.
type disk struct {
	*os.File
	loop string
	size units.Bytes
}

func newDisk(t *testing.T, size units.Bytes) disk {
	t.Helper()
	loop, path := umltest.Loop(t, int64(size))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return disk{f, loop, size}
}

func (d disk) fill(t *testing.T, b []byte, off int64) {
	t.Helper()
	_, err := d.WriteAt(b, off)
	require.NoError(t, err)
}

// all returns what a disk holds now.
func (d disk) all(t *testing.T) []byte {
	t.Helper()
	b := make([]byte, d.size)
	_, err := d.ReadAt(b, 0)
	require.NoError(t, err)
	return b
}

// Whatever a cache holds, dirty or clean, and what is written through it: what
// we read is what the kernel showed, whether it was shut down or not.
func TestKernelCache(t *testing.T) {
	umltest.NeedKernel(t)
	const name = "cached"
	const size = 24*units.MiB + 20*units.KiB
	for _, c := range []struct {
		version int
		mode    string
		block   int // sectors
		data    units.Bytes
	}{{1, "writeback", 128, 12 * units.MiB}, {2, "writeback", 128, 12 * units.MiB}, {2, "writethrough", 64, 20 * units.MiB}, {1, "writethrough", 192, 8 * units.MiB}} {
		t.Run(fmt.Sprintf("%d %s", c.version, c.mode), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(c.version), uint64(c.block)))
			meta, data, origin := newDisk(t, 4*units.MiB), newDisk(t, c.data), newDisk(t, size)
			block := c.block * 512
			blocks := int(data.size) / block
			model := pdatatest.Stamp(1, int(size))
			origin.fill(t, model, 0)
			// A cache as an earlier run may have left it.
			d := dump{Size: uint64(c.block), Blocks: uint64(blocks), Policy: "smq", Hint: 4}
			places := r.Perm(int(size) / block)
			for i := range blocks {
				if r.IntN(3) == 0 {
					continue
				}
				e := entry{uint64(i), uint64(places[i]), c.mode == "writeback" && r.IntN(2) == 0}
				at := places[i] * block
				if e.Dirty {
					copy(model[at:at+block], pdatatest.Stamp(1000+i, block))
				}
				data.fill(t, model[at:at+block], int64(i*block))
				d.Mappings = append(d.Mappings, e)
			}
			text, err := xml.Marshal(d)
			require.NoError(t, err)
			file := filepath.Join(t.TempDir(), "cache.xml")
			require.NoError(t, os.WriteFile(file, text, 0o600))
			umltest.Run(t, umltest.NeedTool(t, "cache_restore"), fmt.Sprintf("--metadata-version=%d", c.version), "-i", file, "-o", meta.loop)

			features := "1 " + c.mode
			if c.version == 2 {
				features = "2 metadata2 " + c.mode
			}
			// Nothing moves but by what is written.
			umltest.Run(t, "dmsetup", "create", name, "--noudevrules", "--noudevsync", "--table", fmt.Sprintf("0 %d cache %s %s %s %d %s smq 2 migration_threshold 0",
				uint64(size.Sectors()), meta.loop, data.loop, origin.loop, c.block, features))
			active := true
			stop := func() {
				if active {
					umltest.Run(t, "dmsetup", "remove", "--noudevrules", "--noudevsync", name)
					active = false
				}
			}
			t.Cleanup(stop)
			dev, err := os.OpenFile("/dev/mapper/"+name, os.O_RDWR, 0)
			require.NoError(t, err)
			read := func() []byte {
				b := make([]byte, size)
				_, err := dev.ReadAt(b, 0)
				require.NoError(t, err)
				return b
			}
			pdatatest.Same(t, model, read(), "the kernel's device")
			for i := range 120 {
				n := (1 + r.IntN(200)) * 512
				off := r.IntN((int(size)-n)/512) * 512
				if i%3 == 0 { // a whole block is put into the cache at once
					n, off = block, r.IntN(int(size)/block)*block
				}
				b := pdatatest.Stamp(2000+i, n)
				_, err := dev.WriteAt(b, int64(off))
				require.NoError(t, err)
				copy(model[off:], b)
				if i%3 == 0 {
					require.NoError(t, dev.Sync())
				}
			}
			require.NoError(t, dev.Sync())
			// The disks as they would be after a crash.
			crash := &pdatatest.Image{Data: meta.all(t)}
			crashed := open(t, crash)
			crashData, crashOrigin := &pdatatest.Image{Data: data.all(t)}, &pdatatest.Image{Data: origin.all(t)}
			pdatatest.Same(t, model, read(), "the kernel's device, written")
			require.NoError(t, dev.Close())
			fields := strings.Fields(umltest.Run(t, "dmsetup", "status", name))
			stop()

			now, err := cachemeta.Open(meta, meta.size)
			require.NoError(t, err)
			assert.Equal(t, c.version, now.Version())
			used, total := now.MetadataUsage()
			assert.True(t, strings.HasSuffix(fields[4], fmt.Sprintf("/%d", total)))
			assert.Less(t, used, total)
			umltest.Run(t, umltest.NeedTool(t, "cache_check"), meta.loop)
			dumped := umltest.Run(t, umltest.NeedTool(t, "cache_dump"), meta.loop)
			checkDump(t, now, []byte(dumped))
			v, err := cachemeta.NewVolume(now, size, origin, data)
			require.NoError(t, err)
			pdatatest.Same(t, model, pdatatest.Contents(t, v), "shut down")
			assert.Equal(t, c.mode == "writeback", v.Dirty() > 0)
			assert.Equal(t, fields[13], strconv.FormatUint(v.Dirty(), 10))
			behind := origin.all(t)
			for _, e := range mappings(t, now) {
				if at := int(e.Origin) * block; !e.Dirty {
					pdatatest.Same(t, model[at:at+block], behind[at:at+block], "block %d of the origin", e.Origin)
				}
			}
			alone, err := cachemeta.NewVolume(now, size, origin, nil)
			if c.mode == "writeback" {
				require.ErrorIs(t, err, cachemeta.ErrDirty)
				require.False(t, bytes.Equal(behind, model))
			} else {
				require.NoError(t, err)
				pdatatest.Same(t, model, pdatatest.Contents(t, alone), "the origin alone")
			}

			assert.False(t, crashed.Clean())
			for _, e := range mappings(t, crashed) {
				require.True(t, e.Dirty)
			}
			v, err = cachemeta.NewVolume(crashed, size, crashOrigin, crashData)
			require.NoError(t, err)
			pdatatest.Same(t, model, pdatatest.Contents(t, v), "not shut down")

			if image := fmt.Sprintf("testdata/%s-%d", c.mode, c.version); *update {
				pdatatest.Save(t, image+".meta.gz", meta.all(t))
				pdatatest.Save(t, image+".xml.gz", []byte(dumped))
				pdatatest.Save(t, image+"-crashed.meta.gz", crash.Data)
			}
		})
	}
}
