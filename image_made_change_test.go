package lvm

import (
	"bytes"
	"context"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// writableDisk is a sparseDisk that is written.
type writableDisk struct {
	*sparseDisk
	mu *sync.Mutex
}

func (d writableDisk) ReadAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sparseDisk.ReadAt(p, off)
}

func (d writableDisk) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > d.size {
		return 0, io.ErrShortWrite
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for done := 0; done < len(p); {
		n, at := (off+int64(done))/sparseBlock, (off+int64(done))%sparseBlock
		block := make([]byte, sparseBlock)
		copy(block, d.blocks[n])
		done += copy(block[at:], p[done:])
		d.blocks[n] = block
	}
	return len(p), nil
}

// What is open on thin volumes goes on while the group is changed without a kernel,
// and what that makes holds what it will when the kernel is told.
func TestThinImagesFollow(t *testing.T) {
	t.Parallel()
	m := readImages(t, "thin external origin")
	var mu sync.Mutex
	sys, err := Open(Config{Devices: m.names(), Kernel: KernelNone, OpenDevice: func(path string, _ bool) (Device, error) {
		return writableDisk{m.disks[path], &mu}, nil
	}})
	require.NoError(t, err)
	defer sys.Close()
	file := func(name string) *LVFile {
		t.Helper()
		f, err := findIn(t, sys, name).Open()
		require.NoError(t, err)
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	read := func(f *LVFile) []byte {
		t.Helper()
		b := make([]byte, f.size)
		_, err := f.ReadAt(b, 0)
		require.NoError(t, err)
		return b
	}
	open := file("t")
	want, origin := read(open), read(file("o"))
	snapshot := func(name, of string) {
		t.Helper()
		update(t, sys, "vg", func(tx *Tx) error {
			_, err := tx.CreateThinSnapshot(of, ThinSnapshotSpec{Name: name})
			return err
		})
	}
	snapshot("first", "t")
	snapshot("second", "first")
	for _, f := range []*LVFile{open, file("t"), file("first"), file("second")} {
		equalContents(t, want, read(f), "%s", f.lv)
		_, err := f.WriteAt([]byte{1}, 0)
		require.ErrorIs(t, err, ErrReadOnly)
	}
	for range findIn(t, sys, "second").Changes(context.Background(), findIn(t, sys, "t")) {
		require.Fail(t, "they are alike")
	}
	update(t, sys, "vg", func(tx *Tx) error {
		_, blank := tx.CreateThin(ThinSpec{Name: "blank", Pool: "pool", VirtualSize: ExactSize(3 * MiB)})
		return blank
	})
	require.True(t, bytes.Equal(make([]byte, 3*MiB), read(file("blank"))))
	for range findIn(t, sys, "blank").Mapped(context.Background()) {
		require.Fail(t, "it has nothing")
	}
	found, err := findIn(t, sys, "pool").CheckPool(context.Background())
	require.NoError(t, err)
	require.Empty(t, found)

	gone := file("blank")
	update(t, sys, "vg", func(tx *Tx) error { return tx.RemoveLV("blank") })
	_, err = gone.ReadAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, ErrLVNotFound)
	equalContents(t, want, read(open), "in the end")
	equalContents(t, origin, read(file("o")), "the external origin")
}
