package lvm

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/units"
)

func testImage(t *testing.T, size int) string {
	path := filepath.Join(t.TempDir(), "image")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte{7}, size), 0o600))
	return path
}

func TestImageFile(t *testing.T) {
	t.Parallel()
	path := testImage(t, 5000)
	d, err := openFileDevice(path, true)
	require.NoError(t, err)
	size, err := d.Size()
	require.NoError(t, err)
	assert.EqualValues(t, 5000, size)
	assert.Equal(t, deviceFacts{blockSize: units.SectorSize}, factsOf(d))

	n, err := d.WriteAt([]byte("end"), 4997)
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	require.NoError(t, d.Sync())
	p := make([]byte, 5)
	n, err = d.ReadAt(p[:4], 4996)
	require.NoError(t, err)
	assert.Equal(t, "\aend", string(p[:n]))
	n, err = d.ReadAt(p, 4997)
	assert.Equal(t, io.EOF, err)
	assert.Equal(t, "end", string(p[:n]))
	require.NoError(t, d.Close())
	_, err = d.ReadAt(p, 0)
	assert.ErrorIs(t, err, os.ErrClosed)
}

func TestImageDoesNotGrow(t *testing.T) {
	t.Parallel()
	path := testImage(t, 4096)
	d, err := openFileDevice(path, true)
	require.NoError(t, err)
	defer d.Close()
	for _, off := range []int64{-1, 4095, 4096, 1 << 40, 1<<63 - 1} {
		n, err := d.WriteAt([]byte{1, 2}, off)
		assert.Zero(t, n, off)
		var failed *DeviceError
		require.ErrorAs(t, err, &failed, off)
		assert.Equal(t, path, failed.Path)
		assert.ErrorIs(t, err, io.ErrShortWrite)
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, bytes.Repeat([]byte{7}, 4096), text)
}

func TestImageForReading(t *testing.T) {
	t.Parallel()
	d, err := openFileDevice(testImage(t, 512), false)
	require.NoError(t, err)
	defer d.Close()
	assert.True(t, factsOf(d).readOnly)
	_, err = d.WriteAt([]byte{1}, 0)
	var failed *DeviceError
	require.ErrorAs(t, err, &failed)
}

func TestOpenNoDevice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, want := range map[string]error{
		dir:                      ErrUnsupported,
		os.DevNull:               ErrUnsupported,
		filepath.Join(dir, "no"): os.ErrNotExist,
	} {
		d, err := openFileDevice(path, false)
		assert.Nil(t, d)
		assert.ErrorIs(t, err, want, path)
		var failed *DeviceError
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, path, failed.Path)
	}
}

// A device of the user's own making need not tell any facts.
func TestFactsOfOthers(t *testing.T) {
	t.Parallel()
	var d struct{ Device }
	assert.Equal(t, deviceFacts{blockSize: units.SectorSize}, factsOf(d))
}
