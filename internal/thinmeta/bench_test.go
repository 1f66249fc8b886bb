package thinmeta_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/pdata"
	"github.com/lvm-go/lvm/internal/pdata/pdatatest"
	"github.com/lvm-go/lvm/internal/thinmeta"
	"github.com/lvm-go/lvm/units"
)

// big makes a pool with two thin devices of this many blocks, which differ in
// every one of step blocks.
func big(b *testing.B, blocks, step int) (m *pdatatest.Image, devices [2]*thinmeta.Device) {
	m = pdatatest.New()
	list := make([]pdatatest.Entry, blocks)
	for i := range list {
		list[i] = pdatatest.Entry{Key: uint64(i), Value: pdatatest.U64(uint64(i) << 24)}
	}
	root := m.Tree(8, list)
	changed := root
	for i := 0; i < blocks; i += step {
		other := pdatatest.U64(uint64(blocks+i) << 24)
		if list[i].Value = other; step > 1000 {
			changed = m.Change(changed, uint64(i), other)
		}
	}
	if step <= 1000 { // nothing is left to share
		changed = m.Tree(8, list)
	}
	mapping := m.Tree(8, []pdatatest.Entry{{Key: 0, Value: pdatatest.U64(uint64(root))}, {Key: 1, Value: pdatatest.U64(uint64(changed))}})
	details := m.Tree(24, []pdatatest.Entry{{Key: 0, Value: make([]byte, 24)}, {Key: 1, Value: make([]byte, 24)}})
	s := m.Block(0)
	for at, v := range map[int]uint64{
		32: 27022010, 40: 2, 64: uint64(2 * blocks), 192: uint64(len(m.Data) / 4096),
		atMapping: uint64(mapping), atDetails: uint64(details), 336: 128 | 8<<32,
	} {
		binary.LittleEndian.PutUint64(s[at:], v)
	}
	m.Seal(0, kindSuperblock)
	p, err := thinmeta.Open(m, m.Size())
	require.NoError(b, err)
	for i := range devices {
		devices[i], err = p.Device(uint32(i))
		require.NoError(b, err)
	}
	return m, devices
}

// The cost of a comparison follows the differences: of a million blocks, all
// leaves have to be looked at, or few.
func BenchmarkCompare(b *testing.B) {
	for _, c := range []struct {
		name string
		step int
	}{{"every 5th", 5}, {"every 100th", 100}, {"every 10000th", 10000}, {"one", 1 << 20}} {
		b.Run(c.name, func(b *testing.B) {
			const blocks = 1 << 20
			m, devices := big(b, blocks, c.step)
			m.Reads = 0
			n := 0
			for b.Loop() {
				n = 0
				for d, err := range thinmeta.Compare(devices[0], devices[1]) {
					if err != nil {
						b.Fatal(err)
					}
					n += int(d.Length)
				}
			}
			b.ReportMetric(float64(n), "blocks")
			b.ReportMetric(float64(m.Reads)/float64(b.N), "reads/op")
		})
	}
}

// Sequential reading of a device, against reading the data itself.
func BenchmarkRead(b *testing.B) {
	_, devices := big(b, 1<<14, 3)
	const size = units.GiB
	for _, c := range []struct {
		name  string
		piece int
	}{{"4KiB", 4 << 10}, {"64KiB", 64 << 10}, {"1MiB", 1 << 20}} {
		b.Run(c.name, func(b *testing.B) {
			v, err := thinmeta.NewVolume(devices[1], size, nothing{}, nil)
			require.NoError(b, err)
			p := make([]byte, c.piece)
			b.SetBytes(int64(c.piece))
			off := int64(0)
			for b.Loop() {
				if _, err := v.ReadAt(p, off); err != nil {
					b.Fatal(err)
				}
				off = (off + int64(c.piece)) % int64(size)
			}
		})
	}
}

// nothing takes no time to read.
type nothing struct{}

func (nothing) ReadAt(p []byte, _ int64) (int, error) { return len(p), nil }

func BenchmarkCheck(b *testing.B) {
	m := image(b, "many")
	p, err := thinmeta.Open(m, m.Size())
	require.NoError(b, err)
	b.SetBytes(int64(p.Metadata().Used) * int64(pdata.BlockSize))
	for b.Loop() {
		if _, err := p.Check(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
