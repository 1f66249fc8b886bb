package lvm

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// madeCase is a group with volumes that the kernel makes of others.
type madeCase struct {
	name    string
	pvs     int
	make    []string // commands of lvm2
	more    []string // after the first writes
	last    []string // after the next
	volumes []string
	fixed   []string // volumes that are written but once
	spare   int      // how many physical volumes may be missing
}

func madeCases() []madeCase {
	raid := func(layout string, args string, pvs, spare int) madeCase {
		return madeCase{
			name: layout, pvs: pvs, volumes: []string{"r"}, spare: spare,
			make: []string{"lvcreate -y -n r --type " + layout + " " + args + " vg"},
		}
	}
	cases := []madeCase{
		{
			name: "thin", pvs: 2, volumes: []string{"t", "s1", "s2", "u"},
			make: []string{"lvcreate -y -T -L16M -c64k -V10M -n t vg/pool", "lvcreate -y -V3M -T -n u vg/pool"},
			more: []string{"lvcreate -y -s -kn -n s1 vg/t"},
			last: []string{"lvcreate -y -s -kn -n s2 vg/s1", "lvextend -y -L12M vg/t", "lvextend -y -L24M vg/pool"},
		},
		{
			name: "thin external origin", pvs: 2, volumes: []string{"o", "t", "s"}, fixed: []string{"o"},
			make: []string{"lvcreate -y -L6M -n o vg", "lvcreate -y -T -L16M -c128k vg/pool"},
			more: []string{"lvchange -pr vg/o", "lvchange -an vg/o", "lvcreate -y -s --thinpool vg/pool -n t vg/o", "lvextend -L8M vg/t"},
			last: []string{"lvcreate -y -s -kn -n s vg/t", "lvchange -ay vg/o"},
		},
		{
			name: "thin pool on raid", pvs: 3, volumes: []string{"t", "s"}, spare: 1,
			make: []string{
				"lvcreate -y --type raid1 -m1 -L16M -n pool vg", "lvcreate -y --type raid1 -m1 -L4M -n meta vg",
				"lvconvert -y --type thin-pool -c64k --poolmetadata meta vg/pool", "lvcreate -y -V8M -T -n t vg/pool",
			},
			more: []string{"lvcreate -y -s -kn -n s vg/t"},
		},
		{
			name: "cached thin pool", pvs: 2, volumes: []string{"t", "s"},
			make: []string{
				"lvcreate -y -T -L16M -c64k -V8M -n t vg/pool", "lvcreate -y --type cache-pool -L8M -n fast vg",
				"lvconvert -y --type cache --cachemode writeback --cachepool fast vg/pool",
			},
			more: []string{"lvcreate -y -s -kn -n s vg/t"},
		},
		{
			name: "mirror", pvs: 3, volumes: []string{"m"}, spare: 1,
			make: []string{"lvcreate -y --type mirror -m1 -L8M -n m vg"},
		},
		{
			name: "mirror core log", pvs: 2, volumes: []string{"m"},
			make: []string{"lvcreate -y --type mirror -m1 --mirrorlog core -L8M -n m vg"},
		},
		{
			name: "integrity", pvs: 2, volumes: []string{"r"}, spare: 1,
			make: []string{"lvcreate -y --type raid1 -m1 --raidintegrity y --raidintegritymode bitmap -L8M -n r vg"},
		},
		{
			name: "integrity with journal", pvs: 2, volumes: []string{"r"}, spare: 1,
			make: []string{"lvcreate -y --type raid1 -m1 --raidintegrity y -L8M -n r vg"},
		},
		{
			name: "cow of raid", pvs: 3, volumes: []string{"r", "s"},
			make: []string{"lvcreate -y --type raid5 -i2 -L8M -n r vg"},
			more: []string{"lvcreate -y -s -L8M -n s vg/r"},
		},
		{
			name: "cow of cached", pvs: 2, volumes: []string{"c", "s"},
			make: []string{"lvcreate -y -L12M -n c vg", "lvcreate -y --type cache-pool -L8M -n fast vg",
				"lvconvert -y --type cache --cachemode writeback --cachepool fast vg/c"},
			more: []string{"lvcreate -y -s -L8M -n s vg/c"},
		},
		{
			name: "cow of thin", pvs: 2, volumes: []string{"t", "s"},
			make: []string{"lvcreate -y -T -L16M -V8M -n t vg/pool"},
			more: []string{"lvcreate -y -s -L8M -n s vg/t"},
		},
		{
			name: "writecache", pvs: 2, volumes: []string{"w"},
			make: []string{"lvcreate -y -L8M -n w vg", "lvcreate -y -L4M -n fast vg", "lvchange -an vg/fast",
				"lvconvert -y --type writecache --cachevol fast vg/w"},
		},
		{
			name: "writecache on raid", pvs: 3, volumes: []string{"w"},
			make: []string{"lvcreate -y --type raid1 -m1 -L8M -n w vg", "lvcreate -y -L4M -n fast vg", "lvchange -an vg/fast",
				"lvconvert -y --type writecache --cachevol fast vg/w"},
		},
		{
			name: "cached raid on raid", pvs: 3, volumes: []string{"c"}, spare: 1,
			make: []string{
				"lvcreate -y --type raid1 -m1 -L8M -n c vg", "lvcreate -y --type raid1 -m1 -L4M -n fast vg", "lvcreate -y --type raid1 -m1 -L8M -n meta vg",
				"lvconvert -y --type cache-pool --poolmetadata meta vg/fast", "lvconvert -y --type cache --cachemode writeback --cachepool fast vg/c",
			},
		},
		raid("raid0", "-i3 -I16k -L12M", 3, 0), raid("raid0_meta", "-i3 -I16k -L12M", 3, 0),
		raid("raid1", "-m2 -L8M", 3, 2), raid("raid4", "-i3 -I64k -L12M", 4, 1), raid("raid10", "-i2 -m1 -I16k -L8M", 4, 1),
	}
	for _, mode := range []string{"writethrough", "writeback", "passthrough"} {
		cases = append(cases, madeCase{
			name: "cache " + mode, pvs: 2, volumes: []string{"c"},
			make: []string{"lvcreate -y -L12M -n c vg", "lvcreate -y --type cache-pool -L8M -n fast vg",
				"lvconvert -y --type cache --cachemode " + mode + " --cachepool fast vg/c"},
		}, madeCase{
			name: "cachevol " + mode, pvs: 2, volumes: []string{"c"},
			make: []string{"lvcreate -y -L12M -n c vg", "lvcreate -y -L12M -n fast vg",
				"lvconvert -y --type cache --cachemode " + mode + " --cachevol fast vg/c"},
		})
	}
	for _, layout := range []string{"raid5_ls", "raid5_la", "raid5_rs", "raid5_ra", "raid5_n"} {
		cases = append(cases, raid(layout, "-i2 -I16k -L8M", 3, 1))
	}
	for _, layout := range []string{"raid6_zr", "raid6_nr", "raid6_nc", "raid6_ls_6", "raid6_la_6", "raid6_rs_6", "raid6_ra_6", "raid6_n_6"} {
		cases = append(cases, raid(layout, "-i3 -I8k -L12M", 5, 2))
	}
	return cases
}

// madeRun is a case in the kernel.
type madeRun struct {
	*testing.T
	madeCase
	devices, files []string
	rand           *rand.Rand
	writes         uint64
}

// What the kernel gives to read of volumes of all types is what they hold in
// image mode: of disks that were taken away while all was active, of those of a
// group that was deactivated, and as long as it takes none of them, without some.
func TestKernelImagesOfMadeVolumes(t *testing.T) {
	umltest.NeedKernel(t)
	for _, c := range madeCases() {
		t.Run(c.name, func(t *testing.T) {
			r := &madeRun{T: t, madeCase: c, rand: rand.New(rand.NewPCG(5, 6))}
			for range c.pvs {
				device, file := umltest.Loop(t, 40<<20)
				r.devices, r.files = append(r.devices, device), append(r.files, file)
			}
			r.lvm2("vgcreate -qq -s1M vg " + strings.Join(r.devices, " "))
			defer r.lvm2("vgremove -ff -y vg")
			defer r.lvm2("vgchange -an vg")
			for n, commands := range [][]string{c.make, c.more, c.last} {
				if commands == nil {
					continue
				}
				for _, command := range commands {
					r.lvm2(command)
				}
				r.settle()
				if n == 0 {
					r.write(nil)
				} else {
					r.write(c.fixed)
				}
			}
			want := r.held()
			pulled := r.pull()
			r.check("pulled", pulled, want, 0)
			if *updateImages && slices.Contains(keptImages, c.name) {
				keepImages(t, c.name, pulled, want)
			}
			r.lvm2("vgchange -an vg")
			r.check("deactivated", r.files, want, 0)
			for n := range c.spare {
				for i := range c.pvs {
					if n == 0 || i+n < c.pvs {
						r.check(fmt.Sprint("pulled, missing from ", i), without(pulled, i, n+1), want, n+1)
						r.check(fmt.Sprint("missing from ", i), without(r.files, i, n+1), want, n+1)
					}
				}
			}
		})
	}
}

// without returns a list without n of its elements, from i on.
func without(list []string, i, n int) []string {
	return slices.Delete(slices.Clone(list), i, min(i+n, len(list)))
}

func (r *madeRun) lvm2(command string) {
	r.Helper()
	words := strings.Fields(command)
	umltest.Run(r, umltest.NeedTool(r, "lvm"), append([]string{words[0], "-qq"}, words[1:]...)...)
}

// settle waits until legs are alike.
func (r *madeRun) settle() {
	r.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		out := umltest.Run(r, umltest.NeedTool(r, "lvm"), "lvs", "--noheadings", "-a", "-o", "segtype,sync_percent", "vg")
		busy := slices.ContainsFunc(strings.Split(out, "\n"), func(line string) bool {
			words := strings.Fields(line)
			return len(words) == 2 && (strings.HasPrefix(words[0], "raid") || words[0] == "mirror" || words[0] == "integrity") && words[1] != "100.00"
		})
		if !busy {
			return
		}
		require.True(r, time.Now().Before(deadline), out)
		time.Sleep(50 * time.Millisecond)
	}
}

// each opens the devices of the volumes that are there.
func (r *madeRun) each(flag int, skip []string, do func(name string, f *os.File)) {
	r.Helper()
	for _, name := range r.volumes {
		if slices.Contains(skip, name) {
			continue
		}
		f, err := os.OpenFile("/dev/vg/"+name, flag, 0)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		require.NoError(r, err, name)
		do(name, f)
		require.NoError(r, f.Close())
	}
}

// write writes here and there.
func (r *madeRun) write(skip []string) {
	r.Helper()
	r.each(os.O_RDWR, skip, func(name string, f *os.File) {
		size, err := f.Seek(0, io.SeekEnd)
		require.NoError(r, err)
		for range 16 {
			n := (1 + r.rand.IntN(32)) * 4096
			off := r.rand.Int64N((size-int64(n))/4096+1) * 4096
			_, err := f.WriteAt(r.stamp(off, n), off)
			require.NoError(r, err, name)
		}
		require.NoError(r, f.Sync())
	})
}

// stamp returns what tells of each of its sectors where, and by which write, it was
// written.
func (r *madeRun) stamp(off int64, n int) []byte {
	r.writes++
	p := make([]byte, n)
	for i := 0; i < n; i += 16 {
		binary.LittleEndian.PutUint64(p[i:], uint64(off)/512+uint64(i/512))
		binary.LittleEndian.PutUint64(p[i+8:], r.writes)
	}
	return p
}

// held reads all that the kernel has.
func (r *madeRun) held() map[string][]byte {
	r.Helper()
	want := map[string][]byte{}
	r.each(os.O_RDONLY, nil, func(name string, f *os.File) {
		b, err := io.ReadAll(f)
		require.NoError(r, err, name)
		want[name] = b
	})
	for _, name := range r.volumes {
		require.True(r, len(want[name]) > 0, name)
	}
	return want
}

// pull copies the disks as they are.
func (r *madeRun) pull() []string {
	r.Helper()
	var copies []string
	for i, file := range r.files {
		to := filepath.Join(r.TempDir(), fmt.Sprint("disk", i))
		umltest.Run(r, "cp", "--sparse=always", file, to)
		copies = append(copies, to)
	}
	return copies
}

// check compares all volumes in image mode.
func (r *madeRun) check(when string, disks []string, want map[string][]byte, missing int) {
	r.Helper()
	sys, err := Open(Config{Devices: disks, Kernel: KernelNone})
	require.NoError(r, err)
	defer func() { assert.NoError(r, sys.Close()) }()
	vg, err := sys.VG(context.Background(), "vg")
	require.NoError(r, err)
	for _, name := range r.volumes {
		lv, err := vg.LV(name)
		require.NoError(r, err)
		f, err := lv.Open()
		require.NoError(r, err, "%s: %s", when, name)
		require.EqualValues(r, len(want[name]), f.size, "%s: %s", when, name)
		for rest, off := want[name], 0; len(rest) > 0; {
			got := make([]byte, min(len(rest), 1+r.rand.IntN(700_000)))
			_, err = f.ReadAt(got, int64(off))
			if missing == 0 || !errors.Is(err, ErrNotInSync) || !strings.HasPrefix(when, "pulled") { // else writers died there
				require.NoError(r, err, "%s: %s", when, name)
				equalContents(r, rest[:len(got)], got, "%s: %s, from byte %d", when, name, off)
			}
			rest, off = rest[len(got):], off+len(got)
		}
		_, err = f.WriteAt(make([]byte, 512), 0)
		require.ErrorIs(r, err, ErrReadOnly)
		require.NoError(r, f.Close())
	}
}

// What was written to a volume with integrity, and got no further than its journal,
// is there, whichever round through the journal it was written in.
func TestKernelImagesOfIntegrityJournal(t *testing.T) {
	umltest.NeedKernel(t)
	const looked = 128 * KiB
	r := &madeRun{T: t, madeCase: madeCase{volumes: []string{"r"}}, rand: rand.New(rand.NewPCG(8, 9))}
	for range 2 {
		device, file := umltest.Loop(t, 80<<20)
		r.devices, r.files = append(r.devices, device), append(r.files, file)
	}
	r.lvm2("vgcreate -qq -s1M vg " + strings.Join(r.devices, " "))
	defer r.lvm2("vgremove -ff -y vg")
	defer r.lvm2("vgchange -an vg")
	r.lvm2("lvcreate -y --type raid1 -m1 --raidintegrity y -L64M -n r vg") // enough for several sections
	r.settle()
	older := 0
	for range 20 {
		want := make([]byte, looked)
		r.each(os.O_RDWR, nil, func(_ string, f *os.File) {
			for range 1 + r.rand.IntN(4) {
				n := (1 + r.rand.IntN(24)) * 512
				off := r.rand.Int64N(100) * 512 // often over the same again
				_, err := f.WriteAt(r.stamp(off, n), off)
				require.NoError(t, err)
			}
			require.NoError(t, f.Sync())
			_, err := f.ReadAt(want, 0)
			require.NoError(t, err)
		})
		sys, err := Open(Config{Devices: r.pull(), Kernel: KernelNone})
		require.NoError(t, err)
		read := func(name string) []byte {
			f, err := findIn(t, sys, name).Open()
			require.NoError(t, err)
			got := make([]byte, looked)
			_, err = f.ReadAt(got, 0)
			require.NoError(t, err)
			require.NoError(t, f.Close())
			return got
		}
		for _, image := range []string{"r_rimage_0", "r_rimage_1"} {
			equalContents(t, want, read(image), "%s", image)
			if !bytes.Equal(want, read(image+"_iorig")) {
				older++
			}
		}
		equalContents(t, want, read("r"), "the raid")
		require.NoError(t, sys.Close())
	}
	assert.Greater(t, older, 10, "how often something was in the journal alone")
}
