package lvm

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// imageFiles makes n sparse files of size bytes.
func imageFiles(t testing.TB, n int, size Bytes) []string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for i := range n {
		path := filepath.Join(dir, "pv"+string(rune('0'+i)))
		f, err := os.Create(path)
		require.NoError(t, err)
		require.NoError(t, f.Truncate(int64(size)))
		require.NoError(t, f.Close())
		paths = append(paths, path)
	}
	return paths
}

// imageConfig returns a Config for images that gives the same results each time.
func imageConfig(devices []string) Config {
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	return Config{
		Devices: devices, Kernel: KernelNone, Host: "testhost",
		Clock:  func() time.Time { return now },
		Random: rand.NewChaCha8([32]byte{7}),
	}
}

func openSystem(t testing.TB, cfg Config) *System {
	t.Helper()
	sys, err := Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sys.Close()) })
	return sys
}

// imageGroup returns a System on a new group "vg" of n images.
func imageGroup(t testing.TB, n int, size Bytes) (*System, []string) {
	t.Helper()
	devices := imageFiles(t, n, size)
	sys := openSystem(t, imageConfig(devices))
	alter(t, sys, func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: devices}) })
	return sys, devices
}

// alter changes the group "vg" and checks what it leaves.
func alter(t testing.TB, sys *System, fn func(*Tx) error) {
	t.Helper()
	require.NoError(t, sys.Update(context.Background(), "vg", fn))
}

// reread reads the group "vg" as a new process would and expects no oddities.
func reread(t testing.TB, sys *System) *VolumeGroup {
	t.Helper()
	cfg := sys.cfg
	if !sys.custom {
		cfg.OpenDevice = nil
	}
	fresh := openSystem(t, cfg)
	vg, err := fresh.VG(context.Background(), "vg")
	require.NoError(t, err)
	assert.Empty(t, vg.Problems())
	return vg
}

// countingDevice counts reads and writes.
type countingDevice struct {
	Device
	reads, writes *atomic.Int64
}

func (d countingDevice) ReadAt(p []byte, off int64) (int, error) {
	d.reads.Add(1)
	return d.Device.ReadAt(p, off)
}

func (d countingDevice) WriteAt(p []byte, off int64) (int, error) {
	d.writes.Add(1)
	return d.Device.WriteAt(p, off)
}

// counted opens devices so that their reads and writes are counted.
func counted(cfg Config) (_ Config, reads, writes *atomic.Int64) {
	reads, writes = new(atomic.Int64), new(atomic.Int64)
	cfg.OpenDevice = func(path string, write bool) (Device, error) {
		d, err := openFileDevice(path, write)
		if err != nil {
			return nil, err
		}
		return countingDevice{d, reads, writes}, nil
	}
	return cfg, reads, writes
}
