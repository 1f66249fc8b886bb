package lvm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// updateImages has TestKernelImagesOfMadeVolumes write testdata/images anew.
var updateImages = flag.Bool("update-images", false, "write the images of volumes that the kernel made anew")

// keptImages are the cases of which testdata/images has the disks, as they were
// when they were taken away while all was active.
var keptImages = []string{
	"thin external origin", "thin pool on raid", "cached thin pool", "cow of thin", "writecache on raid",
	"mirror", "integrity", "integrity with journal", "raid1", "raid5_ls", "raid6_zr", "raid10",
}

func imagePath(name string) string {
	return filepath.Join("testdata", "images", strings.ReplaceAll(name, " ", "-")+".tar.gz")
}

// keepImages writes disks, and the sums of what the volumes on them hold.
func keepImages(t *testing.T, name string, disks []string, holds map[string][]byte) {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	require.NoError(t, err)
	out := tar.NewWriter(z)
	add := func(name string, content []byte) {
		require.NoError(t, out.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}))
		_, err := out.Write(content)
		require.NoError(t, err)
	}
	for i, path := range disks {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		add(fmt.Sprint("disk", i), fmt.Append(nil, len(content)))
		for n := 0; n*sparseBlock < len(content); n++ {
			block := content[n*sparseBlock : min(len(content), (n+1)*sparseBlock)]
			if !bytes.Equal(block, make([]byte, len(block))) {
				add(fmt.Sprint("disk", i, "/", n), block)
			}
		}
	}
	for _, lv := range slices.Sorted(maps.Keys(holds)) {
		add("lv "+lv, fmt.Appendf(nil, "%d %x", len(holds[lv]), sha256.Sum256(holds[lv])))
	}
	require.NoError(t, out.Close())
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(imagePath(name), b.Bytes(), 0o644))
}

// sparseDisk is a disk in memory, of which only what is not zero takes any, and
// that is not written.
type sparseDisk struct {
	size   int64
	blocks map[int64][]byte
}

const sparseBlock = 64 << 10

func (d *sparseDisk) ReadAt(p []byte, off int64) (int, error) {
	done := 0
	for done < len(p) && off < d.size {
		at := off % sparseBlock
		n := int(min(sparseBlock-at, int64(len(p)-done), d.size-off))
		clear(p[done : done+n])
		if b := d.blocks[off/sparseBlock]; b != nil {
			copy(p[done:done+n], b[at:])
		}
		done, off = done+n, off+int64(n)
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

func (*sparseDisk) WriteAt([]byte, int64) (int, error) { return 0, ErrReadOnly }
func (*sparseDisk) Sync() error                        { return nil }
func (*sparseDisk) Close() error                       { return nil }
func (d *sparseDisk) Size() (Bytes, error)             { return Bytes(d.size), nil }

// change returns a disk that has other bytes at some place.
func (d *sparseDisk) change(off int64, p []byte) {
	for i, b := range p {
		at := off + int64(i)
		if at < 0 || at >= d.size {
			continue
		}
		old := d.blocks[at/sparseBlock]
		block := make([]byte, sparseBlock)
		copy(block, old)
		block[at%sparseBlock] = b
		d.blocks[at/sparseBlock] = block
	}
}

// madeImages are disks by their names, and the sums of what is on them.
type madeImages struct {
	disks map[string]*sparseDisk
	sums  map[string]string
}

func readImages(t testing.TB, name string) *madeImages {
	t.Helper()
	f, err := os.Open(imagePath(name))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	in := tar.NewReader(z)
	m := &madeImages{map[string]*sparseDisk{}, map[string]string{}}
	for {
		head, err := in.Next()
		if err == io.EOF {
			return m
		}
		require.NoError(t, err)
		content, err := io.ReadAll(in)
		require.NoError(t, err)
		disk, block, isBlock := strings.Cut(head.Name, "/")
		switch lv, isLV := strings.CutPrefix(head.Name, "lv "); {
		case isLV:
			m.sums[lv] = string(content)
		case isBlock:
			n, err := strconv.ParseInt(block, 10, 64)
			require.NoError(t, err)
			m.disks[disk].blocks[n] = append(content, make([]byte, sparseBlock-len(content))...)
		default:
			size, err := strconv.ParseInt(string(content), 10, 64)
			require.NoError(t, err)
			m.disks[disk] = &sparseDisk{size, map[int64][]byte{}}
		}
	}
}

// open opens a System on some of the disks.
func (m *madeImages) open(t testing.TB, disks ...string) *System {
	t.Helper()
	sys, err := Open(Config{Devices: disks, Kernel: KernelNone, OpenDevice: func(path string, _ bool) (Device, error) {
		return m.disks[path], nil
	}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sys.Close()) })
	return sys
}

func (m *madeImages) names() []string { return slices.Sorted(maps.Keys(m.disks)) }

// sum reads a volume, and returns what stands for it in the sums.
func sumOf(lv *LogicalVolume) (string, error) {
	f, err := lv.Open()
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.CopyBuffer(h, io.NewSectionReader(f, 0, int64(f.size)), make([]byte, 300_000))
	return fmt.Sprintf("%d %x", n, h.Sum(nil)), err
}

// What the kernel wrote and lost power with, is read on any platform.
func TestImagesOfMadeVolumes(t *testing.T) {
	t.Parallel()
	spare := map[string]int{}
	for _, c := range madeCases() {
		spare[c.name] = c.spare
	}
	for _, name := range keptImages {
		m := readImages(t, name)
		vg, err := m.open(t, m.names()...).VG(context.Background(), "vg")
		require.NoError(t, err)
		require.NotEmpty(t, m.sums)
		for lv, want := range m.sums {
			sum, err := sumOf(findPart(t, vg, lv))
			require.NoError(t, err, "%s: %s", name, lv)
			assert.Equal(t, want, sum, "%s: %s", name, lv)
		}
		for i, disk := range m.names() {
			vg, err := m.open(t, without(m.names(), i, 1)...).VG(context.Background(), "vg")
			require.NoError(t, err)
			for lv, want := range m.sums {
				sum, err := sumOf(findPart(t, vg, lv))
				switch {
				case err == nil:
					assert.Equal(t, want, sum, "%s: %s without %s", name, lv, disk)
				case spare[name] == 0:
					require.ErrorIs(t, err, ErrMissingPV, "%s: %s without %s", name, lv, disk)
				default:
					require.Regexp(t, "^raid[56]", name, "there is no parity: %v", err)
					require.ErrorIs(t, err, ErrNotInSync, "%s: %s without %s", name, lv, disk)
				}
			}
		}
	}
}

func findPart(t testing.TB, vg *VolumeGroup, name string) *LogicalVolume {
	t.Helper()
	lv, err := vg.LV(name)
	require.NoError(t, err)
	return lv
}

// Nothing that disks hold makes reading them panic, take more memory than there
// is, or go on for ever; and they are not written.
func FuzzMadeImages(f *testing.F) {
	var all []*madeImages
	for _, name := range keptImages {
		all = append(all, readImages(f, name))
	}
	f.Add([]byte{0, 0, 0, 0, 0, 1})
	f.Add([]byte{3, 1, 0, 7, 200, 255, 1, 0, 9, 100, 3})
	f.Fuzz(func(t *testing.T, edits []byte) {
		if len(edits) == 0 {
			return
		}
		m := all[int(edits[0])%len(all)]
		own := &madeImages{map[string]*sparseDisk{}, m.sums}
		for name, d := range m.disks {
			own.disks[name] = &sparseDisk{d.size, maps.Clone(d.blocks)}
		}
		// What is not zero is what means something.
		for rest := edits[1:min(len(edits), 300)]; len(rest) >= 5; rest = rest[5:] {
			d := own.disks[own.names()[int(rest[0])%len(own.disks)]]
			blocks := slices.Sorted(maps.Keys(d.blocks))
			at := blocks[int(rest[1])%len(blocks)]*sparseBlock + int64(rest[2])<<8 + int64(rest[3])
			d.change(at, rest[4:5])
		}
		started := time.Now()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		inv, err := own.open(t, own.names()...).Scan(context.Background())
		require.NoError(t, err)
		for _, vg := range inv.VGs {
			for lv := range vg.LVs() {
				if lv.Size() > 64*MiB {
					continue
				}
				_, _ = sumOf(lv)
				_, _ = lv.CheckPool(context.Background())
				for _, err := range lv.Mapped(context.Background()) {
					if err != nil {
						break
					}
				}
			}
		}
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4*memoryLimit))
		require.Less(t, time.Since(started), timeLimit)
	})
}
