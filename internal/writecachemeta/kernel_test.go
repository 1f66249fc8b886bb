package writecachemeta_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/pdata/pdatatest"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/internal/writecachemeta"
	"github.com/lvm-go/lvm/units"
)

// disk is a file, and the loop device on it that the kernel gets.
type disk struct {
	*os.File
	loop, path string
	size       units.Bytes
}

func newDisk(t *testing.T, size units.Bytes) disk {
	t.Helper()
	loop, path := umltest.Loop(t, int64(size))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return disk{f, loop, path, size}
}

// all returns what a disk holds now.
func (d disk) all(t *testing.T) []byte {
	t.Helper()
	b := make([]byte, d.size)
	_, err := d.ReadAt(b, 0)
	require.NoError(t, err)
	return b
}

// Whatever is written, and however much of it the origin has got: what we read
// is what the kernel showed, whether it was shut down or not.
func TestKernelWritecache(t *testing.T) {
	umltest.NeedKernel(t)
	const name = "written"
	const size = 8*units.MiB + 20*units.KiB
	for _, c := range []struct {
		name    string
		block   int
		cache   units.Bytes
		options string
	}{
		{"blocks of 4096", 4096, 4 * units.MiB, "0"},
		{"blocks of 512", 512, 2*units.MiB + 512*3, "0"},
		{"written back", 4096, units.MiB, "4 high_watermark 20 low_watermark 10"},
		{"kept", 1024, 6 * units.MiB, "4 high_watermark 100 low_watermark 100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(c.block), uint64(c.cache)))
			cache, origin := newDisk(t, c.cache), newDisk(t, size)
			model := pdatatest.Stamp(1, int(size))
			_, err := origin.WriteAt(model, 0)
			require.NoError(t, err)
			active := false
			start := func() *os.File {
				umltest.Run(t, "dmsetup", "create", name, "--noudevrules", "--noudevsync", "--table", fmt.Sprintf("0 %d writecache s %s %s %d %s",
					uint64(size.Sectors()), origin.loop, cache.loop, c.block, c.options))
				active = true
				dev, err := os.OpenFile("/dev/mapper/"+name, os.O_RDWR, 0)
				require.NoError(t, err)
				return dev
			}
			stop := func() {
				if active {
					umltest.Run(t, "dmsetup", "remove", "--noudevrules", "--noudevsync", name)
					active = false
				}
			}
			t.Cleanup(stop)
			read := func(dev *os.File) []byte {
				b := make([]byte, size)
				_, err := dev.ReadAt(b, 0)
				require.NoError(t, err)
				return b
			}
			for round := range 2 { // a cache has another size later
				dev := start()
				if round == 1 {
					pdatatest.Same(t, model, read(dev), "the kernel's device, grown")
				}
				for i := range 150 {
					n := (1 + r.IntN(60)) * 512
					off := r.IntN((int(size)-n)/512) * 512
					b := pdatatest.Stamp(2000*(round+1)+i, n)
					_, err := dev.WriteAt(b, int64(off))
					require.NoError(t, err)
					copy(model[off:], b)
					if i%10 == 0 {
						require.NoError(t, dev.Sync())
					}
				}
				require.NoError(t, dev.Sync())
				// The disks as they would be after a crash. What is written back
				// meanwhile is on the origin before it leaves the cache.
				crash := &pdatatest.Image{Data: cache.all(t)}
				behind := bytes.NewReader(origin.all(t))
				pdatatest.Same(t, model, read(dev), "the kernel's device")
				require.NoError(t, dev.Close())
				stop()

				crashed, err := writecachemeta.Open(crash, crash.Size())
				require.NoError(t, err)
				v, err := writecachemeta.NewVolume(crashed, size, behind)
				require.NoError(t, err)
				pdatatest.Same(t, model, pdatatest.Contents(t, v), "not shut down")

				now, err := writecachemeta.Open(cache, cache.size)
				require.NoError(t, err)
				assert.Equal(t, units.Bytes(c.block), now.BlockSize())
				v, err = writecachemeta.NewVolume(now, size, origin)
				require.NoError(t, err)
				pdatatest.Same(t, model, pdatatest.Contents(t, v), "shut down")
				if c.name == "kept" || c.name == "blocks of 4096" {
					assert.NotZero(t, now.Used())
					assert.False(t, bytes.Equal(model, origin.all(t)))
				}
				require.NoError(t, start().Close())
				fields := strings.Fields(umltest.Run(t, "dmsetup", "status", name))
				assert.Equal(t, fields[4], strconv.FormatUint(now.Blocks(), 10))
				if c.name == "kept" {
					assert.Equal(t, fields[5], strconv.FormatUint(now.Blocks()-now.Used(), 10))
				}
				stop()
				if *update && round == 0 && c.name == "kept" {
					pdatatest.Save(t, "testdata/kept.gz", crash.Data)
				}
				if round == 0 {
					require.NoError(t, os.Truncate(cache.path, int64(c.cache)*4))
					umltest.Run(t, "losetup", "-c", cache.loop)
					cache.size *= 4
				}
			}
			// All of it is written back; the cache is empty then.
			require.NoError(t, start().Close())
			umltest.Run(t, "dmsetup", "message", name, "0", "flush")
			stop()
			now, err := writecachemeta.Open(cache, cache.size)
			require.NoError(t, err)
			assert.Zero(t, now.Used())
			pdatatest.Same(t, model, origin.all(t), "the origin, flushed")
		})
	}
}
