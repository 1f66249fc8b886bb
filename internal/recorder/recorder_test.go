package recorder

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// states returns what the first three sectors of the devices hold in each state.
func states(d *Disks, o CrashOptions) map[string]int {
	out := map[string]int{}
	for c := range d.Crashes(o) {
		s := ""
		for _, p := range c.Disks.Paths() {
			for i := range int64(3) {
				s += string('0' + c.Disks.Contents(p, i*sectorSize, 1)[0])
			}
		}
		out[s]++
	}
	return out
}

func write(t *testing.T, d *Disks, path string, sector int64, values ...byte) *Device {
	t.Helper()
	v, err := d.Open(path, true)
	require.NoError(t, err)
	var data []byte
	for _, b := range values {
		data = append(data, bytes.Repeat([]byte{b}, int(sectorSize))...)
	}
	_, err = v.WriteAt(data, sector*sectorSize)
	require.NoError(t, err)
	return v
}

func TestCrashesAreAllSubsetsOfSectors(t *testing.T) {
	t.Parallel()
	d := New(4096, "a")
	write(t, d, "a", 0, 1, 2)
	assert.Equal(t, map[string]int{"000": 1, "100": 1, "020": 1, "120": 1}, states(d, CrashOptions{Exhaustive: 8}))
}

func TestCrashesAreInAnyOrder(t *testing.T) {
	t.Parallel()
	d := New(4096, "a")
	write(t, d, "a", 0, 1)
	write(t, d, "a", 0, 2)
	write(t, d, "a", 1, 3)
	assert.Equal(t, map[string]int{"000": 1, "100": 1, "200": 1, "030": 1, "130": 1, "230": 1}, states(d, CrashOptions{Exhaustive: 8}))
}

func TestSyncIsOfOneDevice(t *testing.T) {
	t.Parallel()
	d := New(4096, "a", "b")
	write(t, d, "a", 0, 1)
	require.NoError(t, write(t, d, "b", 0, 2).Sync())
	d.Record()
	v := write(t, d, "a", 1, 3)
	write(t, d, "b", 1, 4)
	require.NoError(t, v.Sync())
	write(t, d, "a", 2, 5)
	assert.Equal(t, map[string]int{
		"100200": 1, "130200": 1, "100240": 1, "130240": 1, "135200": 1, "135240": 1,
	}, states(d, CrashOptions{Exhaustive: 8}))
}

func TestManySectorsAreSampled(t *testing.T) {
	t.Parallel()
	d := New(1<<20, "a")
	write(t, d, "a", 0, bytes.Repeat([]byte{1}, 40)...)
	seen := states(d, CrashOptions{Exhaustive: 8, Random: 4})
	n := 0
	for _, k := range seen {
		n += k
	}
	assert.Contains(t, seen, "000")
	assert.Contains(t, seen, "111")
	assert.Greater(t, n, 20)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	d := New(4096, "a")
	v, err := d.Open("a", true)
	require.NoError(t, err)
	d.FailAt(2, Before, false)
	_, err = v.WriteAt([]byte{1}, 0)
	require.NoError(t, err)
	_, err = v.WriteAt([]byte{2}, 0)
	require.ErrorIs(t, err, ErrInjected)
	require.NoError(t, v.Sync())
	assert.Equal(t, 3, d.Calls())
	assert.Equal(t, []byte{1}, d.Contents("a", 0, 1))
	d.FailAt(1, After, true)
	_, err = v.WriteAt([]byte{3}, 0)
	require.ErrorIs(t, err, ErrInjected)
	require.ErrorIs(t, v.Sync(), ErrInjected)
	assert.Equal(t, []byte{3}, d.Contents("a", 0, 1))
	d.Inject(nil)
	_, err = v.WriteAt(make([]byte, 2), 4095)
	require.Error(t, err)
	_, err = d.Open("b", true)
	require.Error(t, err)
	assert.Len(t, d.Writes(), 2)
}

func TestEqual(t *testing.T) {
	t.Parallel()
	d := New(64<<10, "a", "b")
	d.Change("a", 5000, []byte("mark"))
	same := d.Clone()
	require.True(t, d.Equal(same))
	same.Change("b", 0, make([]byte, 5000)) // zeroes as before
	require.True(t, d.Equal(same))
	require.True(t, same.Equal(d))
	same.Change("a", 5003, []byte("c"))
	require.False(t, d.Equal(same))
	require.False(t, d.Equal(same, "a"))
	require.True(t, d.Equal(same, "b"))
	same.Change("b", 10, []byte("c"))
	require.False(t, d.Equal(same, "b"))
	require.False(t, same.Equal(d, "b"))
}
