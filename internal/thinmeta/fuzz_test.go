package thinmeta_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/pdata/pdatatest"
	"github.com/lvm-go/lvm/internal/thinmeta"
)

// Whatever metadata says, with checksums that are right: it is refused, or read
// with no more effort than there are blocks.
func FuzzThinMetadata(f *testing.F) {
	images := []*pdatatest.Image{image(f, "small"), image(f, "many")}
	for i, m := range images {
		for _, at := range []int{atDataIndex, atMetadata, atMapping, atDetails, 56} {
			f.Add(uint8(i), uint16(0), uint16(at), []byte{7}, uint16(0), uint16(0), []byte(nil))
			b := uint16(find(m, at))
			f.Add(uint8(i), b, uint16(16), []byte{0}, b, uint16(32), []byte{200, 1})
			f.Add(uint8(i), b, uint16(4), []byte{1}, b, uint16(32+8*252), []byte{byte(b)})
			f.Add(uint8(i), b, uint16(24), []byte{255, 255, 255, 255}, b, uint16(20), []byte{255, 255, 255, 255})
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, block1, off1 uint16, change1 []byte, block2, off2 uint16, change2 []byte) {
		m := images[int(which)%len(images)].Clone()
		blocks := len(m.Data) / 4096
		m.Mutate(kindSuperblock, int(block1)%blocks*4096+int(off1)%4096, change1)
		m.Mutate(kindSuperblock, int(block2)%blocks*4096+int(off2)%4096, change2)
		p, err := thinmeta.Open(m, m.Size())
		if err != nil {
			require.Nil(t, p)
			return
		}
		checkErr := func(err error) bool {
			if err != nil {
				require.ErrorIs(t, err, thinmeta.ErrDamaged)
			}
			return err != nil
		}
		_, err = p.Check(context.Background())
		require.NoError(t, err)
		require.LessOrEqual(t, m.Reads, 4*blocks)
		pools := []*thinmeta.Pool{p}
		if h, err := p.Held(); err == nil {
			pools = append(pools, h)
		}
		total := p.Data().Total
		for _, p := range pools {
			var before *thinmeta.Device
			n := 0
			for details, err := range p.Devices() {
				if n++; n > 6 || checkErr(err) {
					break
				}
				d, err := p.Device(details.ID)
				if checkErr(err) {
					continue
				}
				m.Reads = 0
				for run, err := range d.Mappings(0) {
					if checkErr(err) {
						break
					}
					require.LessOrEqual(t, uint64(run.Data+run.Length), total)
				}
				require.LessOrEqual(t, m.Reads, blocks)
				v, err := thinmeta.NewVolume(d, 1<<40, zeroes{}, nil)
				require.NoError(t, err)
				for _, off := range []int64{0, 1 << 24, 1<<40 - 100} {
					if _, err := v.ReadAt(make([]byte, 1000), off); err != io.EOF {
						checkErr(err)
					}
				}
				if before != nil {
					m.Reads = 0
					for _, err := range thinmeta.Compare(before, d) {
						checkErr(err)
					}
					require.LessOrEqual(t, m.Reads, 3*blocks)
				}
				before = d
			}
		}
	})
}

type zeroes struct{}

func (zeroes) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}
