package exception_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/units"
)

func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }

// stamp fills whole sectors so that each tells its number and the write.
func stamp(write, length int) []byte {
	b := make([]byte, length)
	for i := range b {
		b[i] = byte(write*37 + i/512*11 + i%512*3 + 1)
	}
	return b
}

func device(t require.TestingT, d *recorder.Disks, path string) *recorder.Device {
	v, err := d.Open(path, true)
	require.NoError(t, err)
	return v
}

// contents reads all of a snapshot or origin.
func contents(t require.TestingT, r interface {
	ReadAt([]byte, int64) (int, error)
	Size() units.Bytes
}) []byte {
	b := make([]byte, r.Size())
	n, err := r.ReadAt(b, 0)
	require.NoError(t, err)
	require.Equal(t, len(b), n)
	return b
}

// same compares without printing all of it.
func same(t require.TestingT, want, got []byte, format string, args ...any) {
	if bytes.Equal(want, got) {
		return
	}
	require.Equal(t, len(want), len(got))
	for i := range want {
		if want[i] != got[i] {
			require.Fail(t, "contents differ", append([]any{"from byte %d: " + format, i}, args...)...)
		}
	}
}

// either fails if a byte is neither the one nor the other.
func either(t require.TestingT, a, b, got []byte, format string, args ...any) {
	for i := range got {
		if got[i] != a[i] && got[i] != b[i] {
			require.Fail(t, "contents are neither", append([]any{"byte %d: " + format, i}, args...)...)
		}
	}
}

// setup describes devices: an origin, and a store for each chunk size.
type setup struct {
	origin int
	stores []int // sectors
	chunks []units.Sectors
}

func storeName(i int) string { return string(rune('a' + i)) }

// blank returns the devices with empty stores, and an origin with contents.
func (u setup) blank(t require.TestingT) *recorder.Disks {
	d := recorder.New(units.Bytes(u.origin), "origin")
	d.Change("origin", 0, stamp(0, u.origin))
	for i, sectors := range u.stores {
		d.Copy("origin", storeName(i)) // what was there before is not zeroes
		d.Truncate(storeName(i), units.Bytes(sectors*512))
		require.NoError(t, exception.Init(device(t, d, storeName(i)), units.Bytes(sectors*512), u.chunks[i]))
	}
	d.Record()
	return d
}

// open opens origin and snapshots anew.
func (u setup) open(t require.TestingT, d *recorder.Disks) (*exception.Origin, []*exception.Snapshot) {
	origin := device(t, d, "origin")
	var snapshots []*exception.Snapshot
	for i, sectors := range u.stores {
		store, err := exception.Open(device(t, d, storeName(i)), units.Bytes(sectors*512))
		require.NoError(t, err)
		s, err := exception.NewSnapshot(origin, units.Bytes(u.origin), store)
		require.NoError(t, err)
		snapshots = append(snapshots, s)
	}
	o, err := exception.NewOrigin(origin, units.Bytes(u.origin), snapshots...)
	require.NoError(t, err)
	return o, snapshots
}
