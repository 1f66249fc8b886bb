package lvm

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/units"
)

// sparse is a device that is mostly zeroes.
type sparse struct {
	size units.Bytes
	rows map[int64][]byte // by offset, which is a multiple of their length
	read int64
	fail error
}

const sparseRow = 16

func (d *sparse) ReadAt(p []byte, off int64) (int, error) {
	if d.fail != nil {
		return 0, d.fail
	}
	d.read += int64(len(p))
	clear(p)
	for at, row := range d.rows {
		if at < off+int64(len(p)) && at+int64(len(row)) > off {
			from := max(off-at, 0)
			copy(p[at+from-off:], row[from:])
		}
	}
	if off+int64(len(p)) > int64(d.size) {
		return max(int(int64(d.size)-off), 0), io.EOF
	}
	return len(p), nil
}

func (d *sparse) wipe(found []Signature) {
	for _, s := range found {
		for i := range int64(s.Length) {
			at := int64(s.Offset) + i
			if row := d.rows[at&^(sparseRow-1)]; at%sparseRow < int64(len(row)) {
				row[at%sparseRow] = 0
			}
		}
	}
}

func (d *sparse) clone() *sparse {
	c := &sparse{size: d.size, rows: map[int64][]byte{}}
	for at, row := range d.rows {
		c.rows[at] = bytes.Clone(row)
	}
	return c
}

// signatureSample is an image, and what wipefs found on it.
type signatureSample struct {
	name   string
	device *sparse
	want   []Signature
}

// signatureSamples are recorded by testdata/signatures/make.sh.
func signatureSamples(t *testing.T) []*signatureSample {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join("testdata", "signatures", "samples.gz"))
	require.NoError(t, err)
	z, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	var samples []*signatureSample
	for lines := bufio.NewScanner(z); lines.Scan(); {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		if word == "sample" {
			s := &signatureSample{device: &sparse{rows: map[int64][]byte{}}}
			_, err = fmt.Sscan(rest, &s.name, (*uint64)(&s.device.size))
			samples = append(samples, s)
			require.NoError(t, err)
			continue
		}
		s := samples[len(samples)-1]
		switch word {
		case "want":
			s.want = append(s.want, parseWipefs(t, rest))
		case "at":
			var at int64
			var row []byte
			_, err = fmt.Sscanf(rest, "0x%x %x", &at, &row)
			s.device.rows[at] = row
		}
		require.NoError(t, err)
	}
	require.Greater(t, len(samples), 100)
	return samples
}

// parseWipefs reads a line of offset, length, usage and type.
func parseWipefs(t *testing.T, line string) Signature {
	var sig Signature
	var usage string
	_, err := fmt.Sscanf(line, "0x%x %d %s %s", (*uint64)(&sig.Offset), (*uint64)(&sig.Length), &usage, &sig.Type)
	require.NoError(t, err, line)
	for u := UsageFilesystem; u <= UsagePartitionTable; u++ {
		if u.String() == usage {
			sig.Usage = u
		}
	}
	return sig
}

// finds reports whether want is among found; of the longest magic bytes we take
// a part. What wipefs takes for an empty DOS partition table behind the name of
// a file system is that file system's own.
func finds(found []Signature, want Signature) bool {
	return slices.ContainsFunc(found, func(s Signature) bool {
		if want.Type == "dos" && s.Usage == UsageFilesystem {
			s.Type, s.Usage = want.Type, want.Usage
		}
		short := s.Length < want.Length && s.Usage == UsageRAID
		return s == want || short && s.Type == want.Type && s.Offset == want.Offset
	})
}

// beyondWipefs are signatures that only we report.
var beyondWipefs = map[string]int{
	"f2fs-backup": 1, // the second superblock
	"zfs":         3, // it shows one label's uberblocks, and not all
}

func TestFindSignatures(t *testing.T) {
	t.Parallel()
	for _, s := range signatureSamples(t) {
		found, err := FindSignatures(s.device, s.device.size)
		require.NoError(t, err)
		for _, want := range s.want {
			assert.True(t, finds(found, want), "%s: %+v not in %+v", s.name, want, found)
		}
		assert.Len(t, found, len(s.want)+beyondWipefs[s.name], s.name)
		assert.Less(t, s.device.read, int64(2<<20), s.name)

		rest := s.device.clone()
		rest.wipe(found)
		found, err = FindSignatures(rest, rest.size)
		require.NoError(t, err)
		assert.Empty(t, found, "%s after its signatures were wiped", s.name)
	}
}

// What blkid wants to see more of, or came to know later than the release that
// the samples are of.
func TestFindSignaturesOfOthers(t *testing.T) {
	t.Parallel()
	type bytesAt map[int64]string
	for _, tt := range []struct {
		typ    string
		size   units.Bytes
		bytes  bytesAt
		places []units.Bytes
	}{
		{"bcachefs", units.MiB, bytesAt{0xe00: "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef", 0x1018: "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef"}, []units.Bytes{0xe00, 0x1018}},
		{"btrfs", 300 * units.GiB, bytesAt{0x10040: "_BHRfS_M", 0x4000040: "_BHRfS_M", 0x4000000040: "_BHRfS_M"}, []units.Bytes{0x10040, 0x4000040, 0x4000000040}},
		{"crypto_LUKS", 8 * units.MiB, bytesAt{4 << 20: "SKUL\xba\xbe"}, []units.Bytes{4 * units.MiB}},
		{"apfs", units.MiB, bytesAt{32: "NXSB"}, []units.Bytes{32}},
		{"befs", units.MiB, bytesAt{544: "1SFB"}, []units.Bytes{544}},
		{"bsd", units.MiB, bytesAt{512: "\x57\x45\x56\x82", 644: "\x57\x45\x56\x82"}, []units.Bytes{512}},
		{"BitLocker", units.MiB, bytesAt{0: "\xeb\x58\x90MSWIN4.1", 424: "\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01"}, []units.Bytes{0}},
		{"gfs", units.MiB, bytesAt{65536: "\x01\x16\x19\x70", 65560: "\x00\x00\x05\x1d"}, []units.Bytes{65536}},
		{"gpt", units.MiB, bytesAt{4096: "EFI PART", 1<<20 - 4096: "EFI PART"}, []units.Bytes{4096, 1<<20 - 4096}},
		{"hpfs", units.MiB, bytesAt{8192: "\x49\xe8\x95\xf9"}, []units.Bytes{8192}},
		{"iso9660", units.MiB, bytesAt{0x8009: "CDROM"}, []units.Bytes{0x8009}},
		{"ocfs", units.MiB, bytesAt{8192: "OracleCFS"}, []units.Bytes{8192}},
		{"stratis", units.MiB, bytesAt{516: "!Stra0tis\x86\xff\x02^\x41rh"}, []units.Bytes{516}},
		{"LVM2_member", units.MiB, bytesAt{0x600: "LABELONE", 0x618: "LVM2 001"}, []units.Bytes{0x618}},
		{"linux_raid_member", units.MiB + 1, bytesAt{1<<20 - 8192: "\xfc\x4e\x2b\xa9\x01\x00\x00\x00"}, []units.Bytes{1<<20 - 8192}},
		{"ddf_raid_member", units.MiB, bytesAt{1<<20 - 128<<10: "\x11\xde\x11\xde"}, []units.Bytes{1<<20 - 128<<10}},
	} {
		d := &sparse{size: tt.size, rows: map[int64][]byte{}}
		for at, text := range tt.bytes {
			d.rows[at] = []byte(text)
		}
		found, err := FindSignatures(d, tt.size)
		require.NoError(t, err)
		var places []units.Bytes
		for _, s := range found {
			assert.Equal(t, tt.typ, s.Type)
			assert.NotEqual(t, "unknown", s.Usage.String())
			places = append(places, s.Offset)
		}
		assert.Equal(t, tt.places, places, tt.typ)
	}
}

// Two bytes are soon there by chance.
func TestFindSignaturesNeedsMoreThanShortMagic(t *testing.T) {
	t.Parallel()
	for name, bytesAt := range map[string]map[int64]string{
		"ext":           {0x438: "\x53\xef"},
		"nilfs2":        {0x406: "\x34\x34"},
		"minix":         {0x410: "\x7f\x13"},
		"minix3":        {0x418: "\x5a\x4d"},
		"hfs":           {0x400: "BD"},
		"hfsplus":       {0x400: "H+"},
		"mac":           {0: "ER"},
		"sun":           {508: "\xda\xbe"},
		"lvm1":          {0: "HM"},
		"lvm2":          {0x218: "LVM2 001"},
		"bsd":           {512: "\x57\x45\x56\x82"},
		"squashfs":      {0: "hsqs"},
		"gfs":           {65536: "\x01\x16\x19\x70"},
		"boot code":     {446: "\x12", 510: "\x55\xaa"},
		"FAT's jump":    {0: "\xeb\x3c\x90"},
		"FAT's name":    {0x36: "FAT16   "},
		"windows":       {0: "\xeb\x58\x90MSWIN4.1"},
		"uberblocks":    {0x20000: "\x0c\xb1\xba\x00", 0x20400: "\x0c\xb1\xba\x00"},
		"XFS log":       {0: "\xfe\xed\xba\xbe"},
		"md, version 7": {4096: "\xfc\x4e\x2b\xa9\x07\x00\x00\x00"},
	} {
		d := &sparse{size: units.MiB, rows: map[int64][]byte{}}
		for at, text := range bytesAt {
			d.rows[at] = []byte(text)
		}
		found, err := FindSignatures(d, d.size)
		require.NoError(t, err)
		assert.Empty(t, found, name)
	}
}

func TestFindSignaturesOnSmallDevices(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte{0xff}, 5000)
	for size := range len(data) {
		found, err := FindSignatures(bytes.NewReader(data[:size]), units.Bytes(size))
		require.NoError(t, err, size)
		require.Empty(t, found)
	}
}

func TestFindSignaturesReadError(t *testing.T) {
	t.Parallel()
	sick := errors.New("medium error")
	_, err := FindSignatures(&sparse{size: units.MiB, fail: sick}, units.MiB)
	assert.ErrorIs(t, err, sick)
	_, err = FindSignatures(&sparse{size: units.MiB}, 4*units.MiB)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "shorter than it was said to be")
	_, err = FindSignatures(&sparse{size: units.MiB}, 1<<64-1)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func FuzzFindSignatures(f *testing.F) {
	f.Add([]byte("XFSB"), 0, 1<<20)
	f.Add(bytes.Repeat([]byte{0x55, 0xaa}, 256), 0, 4096)
	f.Fuzz(func(t *testing.T, data []byte, at, size int) {
		if size < 0 || size > 4<<20 || at < 0 || at > 4<<20 {
			return
		}
		d := &sparse{size: units.Bytes(size), rows: map[int64][]byte{int64(at): data}}
		found, err := FindSignatures(d, d.size)
		require.NoError(t, err)
		for _, s := range found {
			require.LessOrEqual(t, s.Offset+s.Length, d.size)
			require.NotZero(t, s.Length)
		}
	})
}

// Whatever release of blkid is here: it finds no more than we do, and nothing
// at all when we have wiped.
func TestSignaturesAgainstWipefs(t *testing.T) {
	t.Parallel()
	wipefs, blkid := umltest.NeedTool(t, "wipefs"), umltest.NeedTool(t, "blkid")
	list := func(path string) (found []Signature) {
		out, err := exec.Command(wipefs, "-n", "-i", "--noheadings", "-O", "OFFSET,LENGTH,USAGE,TYPE", path).Output()
		require.NoError(t, err)
		for line := range strings.Lines(string(out)) {
			found = append(found, parseWipefs(t, line))
		}
		return found
	}
	dir := t.TempDir()
	for _, s := range signatureSamples(t) {
		path := filepath.Join(dir, s.name)
		f, err := os.Create(path)
		require.NoError(t, err)
		require.NoError(t, f.Truncate(int64(s.device.size)))
		for at, row := range s.device.rows {
			_, err = f.WriteAt(row, at)
			require.NoError(t, err)
		}
		found, err := FindSignatures(f, s.device.size)
		require.NoError(t, err)
		theirs := list(path)
		assert.NotEmpty(t, theirs, s.name)
		for _, want := range theirs {
			assert.True(t, finds(found, want), "%s: %+v not in %+v", s.name, want, found)
		}
		for _, sig := range found {
			_, err = f.WriteAt(make([]byte, sig.Length), int64(sig.Offset))
			require.NoError(t, err)
		}
		assert.Empty(t, list(path), "%s after its signatures were wiped", s.name)
		out, err := exec.Command(blkid, "-p", path).CombinedOutput()
		var status *exec.ExitError
		require.ErrorAs(t, err, &status, "%s: %s", s.name, out)
		assert.Equal(t, 2, status.ExitCode(), "%s: %s", s.name, out)
		require.NoError(t, f.Close())
		require.NoError(t, os.Remove(path))
	}
}
