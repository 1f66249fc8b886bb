package thinmeta_test

import (
	"encoding/xml"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/pdata/pdatatest"
	"github.com/lvm-go/lvm/internal/thinmeta"
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

// thinPool is a pool of the kernel's with its thin devices, which are all of one
// size.
type thinPool struct {
	t          *testing.T
	meta, data disk
	block      units.Sectors
	features   []string
	size       units.Bytes
	external   map[uint32]disk
	active     []string
}

func newPool(t *testing.T, meta, data, size units.Bytes, block units.Sectors, features ...string) *thinPool {
	t.Helper()
	umltest.NeedKernel(t)
	k := &thinPool{t: t, meta: newDisk(t, meta), data: newDisk(t, data), block: block, features: features, size: size, external: map[uint32]disk{}}
	t.Cleanup(k.stop)
	k.start()
	return k
}

func (k *thinPool) create(name string, size units.Bytes, params string) {
	k.t.Helper()
	umltest.Run(k.t, "dmsetup", "create", name, "--noudevrules", "--noudevsync", "--table", fmt.Sprintf("0 %d %s", uint64(size.Sectors()), params))
	k.active = append(k.active, name)
}

func (k *thinPool) remove(name string) {
	k.t.Helper()
	umltest.Run(k.t, "dmsetup", "remove", "--noudevrules", "--noudevsync", name)
	k.active = slices.DeleteFunc(k.active, func(n string) bool { return n == name })
}

func (k *thinPool) start() {
	k.t.Helper()
	k.create("pool", k.data.size, strings.TrimSpace(fmt.Sprintf("thin-pool %s %s %d 0 %d %s", k.meta.loop, k.data.loop, uint64(k.block), len(k.features), strings.Join(k.features, " "))))
}

// stop deactivates all.
func (k *thinPool) stop() {
	for _, name := range slices.Backward(slices.Clone(k.active)) {
		k.remove(name)
	}
}

func (k *thinPool) message(format string, args ...any) {
	k.t.Helper()
	umltest.Run(k.t, "dmsetup", "message", "pool", "0", fmt.Sprintf(format, args...))
}

// status returns what the status line says behind the target.
func (k *thinPool) status(name string) []string {
	k.t.Helper()
	f := strings.Fields(umltest.Run(k.t, "dmsetup", "status", name))
	require.Greater(k.t, len(f), 3)
	return f[3:]
}

func thinName(id uint32) string { return "thin" + strconv.Itoa(int(id)) }

// thin activates a thin device.
func (k *thinPool) thin(id uint32) {
	k.t.Helper()
	params := fmt.Sprintf("thin /dev/mapper/pool %d", id)
	if e, ok := k.external[id]; ok {
		params += " " + e.loop
	}
	k.create(thinName(id), k.size, params)
}

// snapshot makes a snapshot of an active thin device.
func (k *thinPool) snapshot(id, origin uint32) {
	k.t.Helper()
	umltest.Run(k.t, "dmsetup", "suspend", "--noudevsync", thinName(origin))
	k.message("create_snap %d %d", id, origin)
	umltest.Run(k.t, "dmsetup", "resume", "--noudevrules", "--noudevsync", thinName(origin))
	if e, ok := k.external[origin]; ok {
		k.external[id] = e
	}
	k.thin(id)
}

func (k *thinPool) with(id uint32, do func(f *os.File)) {
	k.t.Helper()
	f, err := os.OpenFile("/dev/mapper/"+thinName(id), os.O_RDWR, 0)
	require.NoError(k.t, err)
	do(f)
	require.NoError(k.t, f.Sync())
	require.NoError(k.t, f.Close())
}

func (k *thinPool) write(id uint32, off int64, data []byte) {
	k.t.Helper()
	k.with(id, func(f *os.File) {
		_, err := f.WriteAt(data, off)
		require.NoError(k.t, err)
	})
}

// read returns what the kernel shows.
func (k *thinPool) read(id uint32) []byte {
	k.t.Helper()
	b := make([]byte, k.size)
	k.with(id, func(f *os.File) {
		_, err := f.ReadAt(b, 0)
		require.NoError(k.t, err)
	})
	return b
}

func (k *thinPool) open() *thinmeta.Pool {
	k.t.Helper()
	p, err := thinmeta.Open(k.meta, k.meta.size)
	require.NoError(k.t, err)
	return p
}

func (k *thinPool) volume(p *thinmeta.Pool, id uint32) *thinmeta.Volume {
	k.t.Helper()
	d, err := p.Device(id)
	require.NoError(k.t, err)
	var origin *thinmeta.Origin
	if e, ok := k.external[id]; ok {
		origin = &thinmeta.Origin{ReaderAt: e, Size: e.size}
	}
	v, err := thinmeta.NewVolume(d, k.size, k.data, origin)
	require.NoError(k.t, err)
	return v
}

// whole checks an inactive pool with our check and with thin_check, and compares
// what we find in it with thin_dump.
func (k *thinPool) whole() *thinmeta.Pool {
	k.t.Helper()
	p := k.open()
	problems, err := p.Check(k.t.Context())
	require.NoError(k.t, err)
	require.Empty(k.t, problems)
	umltest.Run(k.t, umltest.NeedTool(k.t, "thin_check"), k.meta.loop)
	checkDump(k.t, p, umltest.Run(k.t, umltest.NeedTool(k.t, "thin_dump"), k.meta.loop))
	return p
}

// delta is what thin_delta prints.
type delta struct {
	Parts []struct {
		XMLName xml.Name
		Begin   uint64 `xml:"begin,attr"`
		Length  uint64 `xml:"length,attr"`
	} `xml:",any"`
}

// compare compares two devices, as thin_delta does, and what they hold, if that
// is known.
func (k *thinPool) compare(p *thinmeta.Pool, a, b uint32, contents map[uint32][]byte) {
	k.t.Helper()
	var ds []*thinmeta.Device
	for _, id := range []uint32{a, b} {
		d, err := p.Device(id)
		require.NoError(k.t, err)
		ds = append(ds, d)
	}
	var got []thinmeta.Difference
	for d, err := range thinmeta.Compare(ds[0], ds[1]) {
		require.NoError(k.t, err)
		got = append(got, d)
	}
	text := umltest.Run(k.t, umltest.NeedTool(k.t, "thin_delta"), "--snap1", strconv.Itoa(int(a)), "--snap2", strconv.Itoa(int(b)), k.meta.loop)
	// It prints a superblock around a diff.
	var all struct {
		Diff delta `xml:"diff"`
	}
	require.NoError(k.t, xml.Unmarshal([]byte(text), &all))
	var want []thinmeta.Difference
	kinds := map[string]thinmeta.Kind{"left_only": thinmeta.OnlyA, "right_only": thinmeta.OnlyB, "different": thinmeta.Other}
	for _, part := range all.Diff.Parts {
		if kind := kinds[part.XMLName.Local]; kind != 0 {
			d := thinmeta.Difference{Kind: kind, Virtual: thinmeta.Block(part.Begin), Length: thinmeta.Block(part.Length)}
			if n := len(want); n > 0 && want[n-1].Kind == kind && want[n-1].Virtual+want[n-1].Length == d.Virtual {
				want[n-1].Length += d.Length
				continue
			}
			want = append(want, d)
		}
	}
	require.Equal(k.t, want, got, text)
	// What is not named is equal.
	if contents == nil {
		return
	}
	block, _ := k.block.Bytes()
	x, y := slices.Clone(contents[a]), slices.Clone(contents[b])
	for _, d := range got {
		from, to := units.Bytes(d.Virtual)*block, units.Bytes(d.Virtual+d.Length)*block
		clear(x[min(from, k.size):min(to, k.size)])
		clear(y[min(from, k.size):min(to, k.size)])
	}
	pdatatest.Same(k.t, x, y, "blocks without a difference")
}

// Whatever is written, discarded, deleted and made a snapshot of: what we read
// is what the kernel showed.
func TestKernelRandom(t *testing.T) {
	for _, c := range []struct {
		name     string
		block    units.Sectors
		size     units.Bytes
		external bool
		features []string
	}{
		{"small blocks", 128, 24*units.MiB + 20*units.KiB, false, nil},
		{"large blocks", 1024, 30 * units.MiB, false, nil},
		{"odd blocks", 384, 16 * units.MiB, true, nil},
		{"external origin", 128, 16 * units.MiB, true, []string{"skip_block_zeroing"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newPool(t, 4*units.MiB, 256*units.MiB, c.size, c.block, c.features...)
			r := rand.New(rand.NewPCG(uint64(c.block), uint64(c.size)))
			models := map[uint32][]byte{}
			add := func(id uint32, m []byte) {
				models[id] = m
			}
			k.message("create_thin 0")
			m := make([]byte, c.size)
			if c.external {
				e := newDisk(t, 9*units.MiB+3*512)
				_, err := e.WriteAt(pdatatest.Stamp(1<<20, int(e.size)), 0)
				require.NoError(t, err)
				k.external[0] = e
				copy(m, pdatatest.Stamp(1<<20, int(e.size)))
			}
			k.thin(0)
			add(0, m)
			block, _ := c.block.Bytes()
			next := uint32(1)
			for step := range 60 {
				ids := slices.Sorted(maps.Keys(models))
				id := ids[r.IntN(len(ids))]
				switch action := r.IntN(20); {
				case action < 13:
					length := (1 + r.IntN(400)) * 512
					off := r.IntN((int(c.size)-length)/512) * 512
					data := pdatatest.Stamp(step+1, length)
					k.write(id, int64(off), data)
					copy(models[id][off:], data)
				case action < 15 && !c.external:
					// A block is only given back as a whole.
					off := r.IntN(int(c.size/block)) * int(block)
					length := min(1+r.IntN(20), (int(c.size)-off)/int(block)) * int(block)
					umltest.Run(t, umltest.NeedTool(t, "blkdiscard"), "-f", "-o", strconv.Itoa(off), "-l", strconv.Itoa(length), "/dev/mapper/"+thinName(id))
					clear(models[id][off : off+length])
				case action < 18 && len(models) < 7:
					k.snapshot(next*5, id)
					add(next*5, slices.Clone(models[id]))
					next++
				case action == 19 && len(models) > 3:
					k.remove(thinName(id))
					k.message("delete %d", id)
					delete(models, id)
				}
				if step == 30 {
					k.message("set_transaction_id 0 40")
				}
			}
			require.Greater(t, len(models), 2)
			for id, m := range models {
				pdatatest.Same(t, m, k.read(id), "the kernel's thin device %d", id)
			}
			used, meta := k.status("pool")[2], k.status("pool")[1]
			k.stop()
			p := k.whole()
			assert.Equal(t, uint64(40), p.TransactionID())
			assert.Equal(t, used, fmt.Sprintf("%d/%d", p.Data().Used, p.Data().Total))
			assert.Regexp(t, "/"+strconv.FormatUint(p.Metadata().Total, 10)+"$", meta)
			for id, m := range models {
				pdatatest.Same(t, m, pdatatest.Contents(t, k.volume(p, id)), "thin device %d", id)
			}
			ids := slices.Sorted(maps.Keys(models))
			for i, b := range ids[1:] {
				k.compare(p, ids[i], b, models)
			}
			k.compare(p, ids[len(ids)-1], ids[0], models)
		})
	}
}

// A mapping of three levels of nodes, with many snapshots of it, and holes.
func TestKernelDeep(t *testing.T) {
	const blocks = 34000
	k := newPool(t, 16*units.MiB, 4*units.GiB, (blocks+100)*64*units.KiB, 128, "skip_block_zeroing")
	k.message("create_thin 3")
	k.thin(3)
	r := rand.New(rand.NewPCG(1, 2))
	k.with(3, func(f *os.File) {
		for i := range blocks {
			_, err := f.WriteAt(pdatatest.Stamp(i+1, 512), int64(i)*65536)
			require.NoError(t, err)
		}
	})
	written := map[uint32]map[int]int{3: {}}
	for i := range blocks {
		written[3][i] = i + 1
	}
	for id := uint32(4); id < 9; id++ {
		k.snapshot(id, id-1)
		written[id] = maps.Clone(written[id-1])
		k.with(id, func(f *os.File) {
			for n := range 200 {
				i := r.IntN(blocks + 100)
				if n > 50 {
					i = (n + int(id)*3000) % blocks
				}
				_, err := f.WriteAt(pdatatest.Stamp(int(id)*100000+i, 512), int64(i)*65536)
				require.NoError(t, err)
				written[id][i] = int(id)*100000 + i
			}
		})
	}
	for _, id := range []uint32{3, 6, 7} {
		for range 4 {
			from, n := r.IntN(blocks-9000), 1+r.IntN(4000*int(id-2))
			umltest.Run(t, "blkdiscard", "-f", "-o", strconv.Itoa(from*65536), "-l", strconv.Itoa(n*65536), "/dev/mapper/"+thinName(id))
			for i := range n {
				delete(written[id], from+i)
			}
		}
	}
	k.stop()
	p := k.whole()
	for id, w := range written {
		d, err := p.Device(id)
		require.NoError(t, err)
		assert.Equal(t, thinmeta.Block(len(w)), d.Mapped)
		v := k.volume(p, id)
		b := make([]byte, 512)
		for i := 0; i < blocks+100; i += 1 + r.IntN(40) {
			_, err := v.ReadAt(b, int64(i)*65536)
			require.NoError(t, err)
			want := make([]byte, 512)
			if w[i] != 0 {
				want = pdatatest.Stamp(w[i], 512)
			}
			pdatatest.Same(t, want, b, "block %d of thin device %d", i, id)
			m, ok, err := d.Lookup(thinmeta.Block(i))
			require.NoError(t, err)
			assert.Equal(t, w[i] != 0, ok)
			assert.Less(t, uint64(m.Data), p.Data().Total)
		}
	}
	for id := uint32(4); id < 9; id++ {
		k.compare(p, id-1, id, nil)
	}
	k.compare(p, 8, 3, nil)
}

// A metadata snapshot is read while the pool goes on.
func TestKernelHeld(t *testing.T) {
	k := newPool(t, 4*units.MiB, 64*units.MiB, 16*units.MiB, 128)
	k.message("create_thin 0")
	k.thin(0)
	k.write(0, 0, pdatatest.Stamp(1, 3<<20))
	k.snapshot(1, 0)
	_, err := k.open().Held()
	require.ErrorIs(t, err, thinmeta.ErrNotHeld)
	k.message("set_transaction_id 0 5")
	k.message("reserve_metadata_snap")
	held := k.read(0)
	k.write(0, 2<<20, pdatatest.Stamp(2, 3<<20))
	k.snapshot(2, 1)
	k.message("set_transaction_id 5 6")
	p := k.open()
	assert.Equal(t, k.status("pool")[3], strconv.FormatUint(p.HeldRoot(), 10))
	h, err := p.Held()
	require.NoError(t, err)
	assert.Equal(t, uint64(5), h.TransactionID())
	assert.Equal(t, uint64(6), p.TransactionID())
	text := umltest.Run(t, "thin_dump", "-m", k.meta.loop)
	checkDump(t, h, text)
	_, err = h.Device(2)
	require.ErrorIs(t, err, thinmeta.ErrNoDevice)
	// The snapshot has kept all that the device held.
	pdatatest.Same(t, held, pdatatest.Contents(t, k.volume(h, 1)), "held")
	pdatatest.Same(t, held, pdatatest.Contents(t, k.volume(h, 0)), "held")
	pdatatest.Same(t, k.read(0), pdatatest.Contents(t, k.volume(p, 0)), "now")
	k.stop()
	k.whole()
}

// The images in testdata are such as are made here; with -update, just these.
func TestKernelImages(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(k *thinPool)
	}{
		{"small", func(k *thinPool) {
			k.message("create_thin 0")
			k.message("create_thin 7")
			k.thin(0)
			k.write(0, 0, pdatatest.Stamp(1, 20<<16))
			k.snapshot(1, 0)
			k.write(0, 8<<16, pdatatest.Stamp(2, 5<<16))
			k.message("set_transaction_id 0 41")
			k.message("reserve_metadata_snap")
			k.write(0, 30<<16, pdatatest.Stamp(3, 3<<16))
			k.message("set_transaction_id 41 42")
		}},
		{"many", func(k *thinPool) {
			r := rand.New(rand.NewPCG(1, 2))
			k.message("create_thin 10")
			k.thin(10)
			some := func(id uint32, n int) {
				k.with(id, func(f *os.File) {
					for range n {
						_, err := f.WriteAt(pdatatest.Stamp(1, 512), int64(r.IntN(2000))*65536)
						require.NoError(t, err)
					}
				})
			}
			some(10, 1500)
			for id := uint32(11); id < 17; id++ {
				k.snapshot(id, 10+(id-10)/2)
				some(id, 20)
			}
			k.snapshot(17, 16)
			umltest.Run(t, "blkdiscard", "-f", "-o", "20971520", "-l", "52428800", "/dev/mapper/thin17")
			k.remove("thin12")
			k.message("delete 12")
		}},
		{"blank", func(*thinPool) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newPool(t, 2*units.MiB, units.GiB, 256*units.MiB, 128)
			c.make(k)
			k.stop()
			p := k.whole()
			text := umltest.Run(t, "thin_dump", k.meta.loop)
			image := make([]byte, k.meta.size)
			_, err := k.meta.ReadAt(image, 0)
			require.NoError(t, err)
			if *update {
				pdatatest.Save(t, "testdata/"+c.name+".meta.gz", image)
				pdatatest.Save(t, "testdata/"+c.name+".xml.gz", []byte(text))
			}
			known := load(t, c.name)
			require.Equal(t, known.Data(), p.Data())
			require.Equal(t, known.Metadata().Total, p.Metadata().Total)
			checkDump(t, p, string(pdatatest.Load(t, "testdata/"+c.name+".xml.gz").Data))
		})
	}
}
