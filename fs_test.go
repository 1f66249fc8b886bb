package lvm

import (
	"encoding/binary"
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bytesAt is an image of which only some bytes are not zero.
func bytesAt(size Bytes, parts map[int64][]byte) *sparse { return &sparse{size: size, rows: parts} }

// extSuper is a superblock of ext with blocks of 1 KiB.
func extSuper(blocks, free uint32, change ...func([]byte)) *sparse {
	b := make([]byte, 1024)
	le.PutUint32(b, 128)
	le.PutUint32(b[4:], blocks)
	le.PutUint32(b[12:], free)
	copy(b[0x38:], "\x53\xef")
	b[0x3a] = extValid
	le.PutUint32(b[0x5c:], 0x4|0x10)
	le.PutUint32(b[0x60:], 0x2|0x40) // with extents: ext4
	copy(b[0x68:], "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef")
	copy(b[0x78:], "a label")
	for _, c := range change {
		c(b)
	}
	return bytesAt(64*MiB, map[int64][]byte{1024: b})
}

func put32(at int, v uint32) func([]byte) {
	return func(b []byte) { le.PutUint32(b[at:], v) }
}

func xfsSuper(block uint32, blocks uint64) *sparse {
	b := make([]byte, 512)
	copy(b, "XFSB")
	be.PutUint32(b[4:], block)
	be.PutUint64(b[8:], blocks)
	copy(b[32:], "0123456789abcdef")
	copy(b[108:], "twelve chars")
	return bytesAt(64*MiB, map[int64][]byte{0: b})
}

func btrfsSuper(size, used, devices uint64, sector uint32) *sparse {
	b := make([]byte, 4096)
	copy(b[64:], "_BHRfS_M")
	le.PutUint64(b[120:], used)
	le.PutUint64(b[136:], devices)
	le.PutUint32(b[144:], sector)
	le.PutUint64(b[btrfsDevItem:], 7)
	le.PutUint64(b[btrfsDevItem+8:], size)
	copy(b[btrfsLabel:], "b")
	return bytesAt(1*GiB, map[int64][]byte{64 << 10: b})
}

// swapSuper is the first page of a swap area, whose size is that of its last
// one.
func swapSuper(order binary.ByteOrder, page int64, last, bad uint32, magic string) *sparse {
	b := make([]byte, page)
	order.PutUint32(b[1024:], 1)
	order.PutUint32(b[1028:], last)
	order.PutUint32(b[1032:], bad)
	copy(b[1036:], "\xff")
	copy(b[1052:], "sw")
	copy(b[page-10:], magic)
	return bytesAt(64*MiB, map[int64][]byte{0: b})
}

func TestReadSuperblock(t *testing.T) {
	t.Parallel()
	const id = "01234567-89ab-cdef-0123-456789abcdef"
	for _, c := range []struct {
		name  string
		image *sparse
		want  superblock
	}{
		{"ext4", extSuper(60000, 50000), superblock{FileSystem: FileSystem{Type: "ext4", UUID: id, Label: "a label", Size: 60000 * KiB, BlockSize: KiB},
			least: 10000 * KiB, most: (1<<32 - 1) * KiB}},
		{"ext2 in use", extSuper(60000, 0, put32(0x5c, 0), put32(0x60, 2), func(b []byte) { b[0x3a] = 0 }),
			superblock{FileSystem: FileSystem{Type: "ext2", UUID: id, Label: "a label", Size: 60000 * KiB, BlockSize: KiB},
				least: 60000 * KiB, most: (1<<32 - 1) * KiB, unclean: true}},
		{"ext4 in use", extSuper(9, 9, put32(0x60, 0x46), func(b []byte) { b[0x3a] = 0 }),
			superblock{FileSystem: FileSystem{Type: "ext4", UUID: id, Label: "a label", Size: 9 * KiB, BlockSize: KiB},
				least: KiB, most: (1<<32 - 1) * KiB, replay: true}},
		{"ext4 with errors, 64 bits and blocks of 4 KiB", extSuper(1, 0, put32(0x18, 2), put32(0x60, 0xc2), put32(0x150, 1), put32(0x158, 1),
			put32(0x5c, 0x204), func(b []byte) { b[0x3a] = 3 }),
			superblock{FileSystem: FileSystem{Type: "ext4", UUID: id, Label: "a label", Size: (1<<32 + 1) * 4 * KiB, BlockSize: 4 * KiB},
				least: 4 * KiB, errors: true, offlineOnly: "of its feature sparse_super2"}},
		{"xfs", xfsSuper(4096, 76800), superblock{FileSystem: FileSystem{Type: "xfs", UUID: "30313233-3435-3637-3839-616263646566", Label: "twelve chars",
			Size: 300 * MiB, BlockSize: 4 * KiB}, replay: true}},
		{"btrfs", btrfsSuper(512<<20, 300<<20, 1, 4096), superblock{FileSystem: FileSystem{Type: "btrfs", Label: "b", Size: 512 * MiB, BlockSize: 4 * KiB},
			least: 300 * MiB, devid: 7}},
		{"empty btrfs", btrfsSuper(512<<20, 1<<20, 1, 4096), superblock{FileSystem: FileSystem{Type: "btrfs", Label: "b", Size: 512 * MiB, BlockSize: 4 * KiB},
			least: 256 * MiB, devid: 7}},
		{"swap", swapSuper(le, 4096, 99, 0, "SWAPSPACE2"), superblock{FileSystem: FileSystem{Type: "swap", UUID: "ff000000-0000-0000-0000-000000000000",
			Label: "sw", Size: 400 * KiB, BlockSize: 4 * KiB}, least: 40 * KiB, most: (1<<32 - 1) * 4 * KiB, order: le}},
		{"swap of another machine", swapSuper(be, 65536, 99, 0, "SWAPSPACE2"), superblock{FileSystem: FileSystem{Type: "swap",
			UUID: "ff000000-0000-0000-0000-000000000000", Label: "sw", Size: 6400 * KiB, BlockSize: 64 * KiB}, least: 640 * KiB, most: (1<<32 - 1) * 64 * KiB, order: be}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sb, err := readSuperblock(c.image, c.image.size)
			require.NoError(t, err)
			require.NotNil(t, sb)
			require.NotNil(t, sb.kind)
			sb.kind = nil
			assert.Equal(t, c.want, *sb)
		})
	}
}

func TestReadSuperblockRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		image  *sparse
		refuse bool // it is read, but not resized
	}{
		{"ext with more free blocks than blocks", extSuper(10, 11), false},
		{"ext of 2^64 bytes", extSuper(1<<31, 0, put32(0x18, 6), put32(0x60, 0xc2), put32(0x150, 1<<31)), false},
		{"xfs without blocks", xfsSuper(4096, 0), false},
		{"xfs with blocks of 5000", xfsSuper(5000, 1000), false},
		{"xfs with blocks of 0", xfsSuper(0, 1000), false},
		{"xfs of 2^80 bytes", xfsSuper(4096, 1<<63), false},
		{"btrfs with sectors of 0", btrfsSuper(512<<20, 1, 1, 0), false},
		{"btrfs of 2^63 bytes", btrfsSuper(1<<63, 1, 1, 4096), false},
		{"btrfs that uses 2^63 bytes", btrfsSuper(1<<20, 1<<63, 1, 4096), false},
		{"btrfs of which a copy is left", bytesAt(65*MiB, map[int64][]byte{64<<20 + 64: []byte("_BHRfS_M")}), false},
		{"btrfs on two devices", btrfsSuper(512<<20, 1, 2, 4096), true},
		{"swap with bad pages", swapSuper(le, 4096, 99, 1, "SWAPSPACE2"), true},
		{"swap of another version", swapSuper(le, 4096, 99, 0, "SWAP-SPACE"), false},
		{"ext4 and xfs", func() *sparse {
			s := extSuper(60000, 50000)
			s.rows[0] = []byte("XFSB")
			return s
		}(), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.name == "swap of another version" {
				le.PutUint32(c.image.rows[0][1024:], 2)
				c.refuse = true
			}
			sb, err := readSuperblock(c.image, c.image.size)
			if c.refuse {
				require.NoError(t, err)
				err = sb.refuse
			}
			require.ErrorIs(t, err, ErrUnsupported)
		})
	}
}

func TestReadSuperblockOfNothing(t *testing.T) {
	t.Parallel()
	sb, err := readSuperblock(bytesAt(MiB, nil), MiB)
	require.NoError(t, err)
	assert.Nil(t, sb)
	// Boot code in front of a file system is no partition table.
	image := extSuper(60000, 50000)
	image.rows[510] = []byte("\x55\xaa")
	sb, err = readSuperblock(image, image.size)
	require.NoError(t, err)
	assert.Equal(t, "ext4", sb.Type)
}

// The disk of a virtual machine is one thing, although two tables are on it.
func TestReadSuperblockOfPartitions(t *testing.T) {
	t.Parallel()
	image := bytesAt(MiB, map[int64][]byte{450: {0xee}, 510: []byte("\x55\xaa"), 512: []byte("EFI PART")})
	sb, err := readSuperblock(image, image.size)
	require.NoError(t, err)
	assert.Equal(t, "gpt", sb.Type)
	assert.Nil(t, sb.kind, "nothing that can be resized")
	image.rows[64<<10+64] = []byte("_BHRfS_M")
	_, err = readSuperblock(image, image.size)
	require.ErrorIs(t, err, ErrUnsupported, "a table and a file system")
}

// What real tools made.
func TestReadSuperblockOfSamples(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range signatureSamples(t) {
		sb, err := readSuperblock(s.device, s.device.size)
		if err != nil {
			assert.ErrorIs(t, err, ErrUnsupported, s.name)
			continue
		}
		if sb == nil || sb.kind == nil {
			continue
		}
		seen[sb.Type] = true
		assert.LessOrEqual(t, sb.Size, s.device.size, s.name)
		assert.Positive(t, sb.Size, s.name)
		assert.LessOrEqual(t, sb.least, max(sb.Size, btrfsLeast), s.name)
	}
	for _, typ := range []string{"ext2", "ext3", "ext4", "xfs", "btrfs", "swap"} {
		assert.True(t, seen[typ], typ)
	}
}

func FuzzReadSuperblock(f *testing.F) {
	for i, image := range []*sparse{
		extSuper(60000, 50000), xfsSuper(4096, 76800), btrfsSuper(512<<20, 300<<20, 1, 4096), swapSuper(le, 4096, 99, 0, "SWAPSPACE2"),
	} {
		for _, row := range image.rows {
			f.Add(uint8(i), row)
		}
	}
	places := []int64{1024, 0, 64 << 10, 0}
	f.Fuzz(func(t *testing.T, place uint8, row []byte) {
		image := bytesAt(64*MiB, map[int64][]byte{places[int(place)%len(places)]: row})
		sb, err := readSuperblock(image, image.size)
		if err != nil || sb == nil || sb.kind == nil {
			return
		}
		assert.LessOrEqual(t, sb.Size, maxFSSize)
		assert.LessOrEqual(t, sb.least, maxFSSize)
		assert.True(t, isBlockSize(uint64(sb.BlockSize), 512, 64<<10), sb.BlockSize)
	})
}

func TestFileSystemJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(FileSystem{Type: "ext4", UUID: "u", Label: "l", Size: 8 * KiB, BlockSize: 4 * KiB, Mounted: true, MountPoints: []string{"/"}})
	require.NoError(t, err)
	assert.Equal(t, `{"fstype":"ext4","uuid":"u","label":"l","fssize":8192,"block_size":4096,"mounted":true,"mountpoints":["/"]}`, string(text))
}

func TestSwapSize(t *testing.T) {
	t.Parallel()
	w := swapSize(be, 4*KiB, 400*KiB)
	assert.Equal(t, Bytes(1028), w.Offset)
	assert.Equal(t, []byte{0, 0, 0, 99}, w.Data)
}

// Programs are started in one place only.
func TestOnlyOneFileRunsPrograms(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	var found []string
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range file.Imports {
			if spec.Path.Value == `"os/exec"` {
				found = append(found, f.Name())
			}
		}
	}
	assert.Equal(t, []string{"fs_tools.go"}, slices.Compact(found))
}
