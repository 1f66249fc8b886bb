package lvm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// cutFiles is how many files are written in turn, again and again.
const cutFiles = 8

// makeFS makes a file system on a volume.
func (r *cutRun) makeFS(name string) {
	r.Helper()
	umltest.NeedTool(r.T, "e2fsck")
	umltest.Run(r, umltest.NeedTool(r.T, "mkfs.ext4"), "-q", "-b", "1024", "-J", "size=1", r.volume(name).Path())
}

// startFiles mounts a file system, and writes files to it until it is told to stop.
// Each time one is safe it is noted in the log.
func (r *cutRun) startFiles(name string) (stop func()) {
	r.Helper()
	dir := r.TempDir()
	umltest.Run(r, "mount", "-t", "ext4", r.volume(name).Path(), dir)
	done, ended := make(chan struct{}), make(chan struct{})
	one := func(n int) bool { return assert.NoError(r, writeCutFile(dir, n)) }
	for n := range cutFiles {
		require.True(r, one(n))
	}
	go func() {
		defer close(ended)
		for n := cutFiles; one(n); n++ {
			r.mark("file-" + strconv.Itoa(n))
			select {
			case <-done:
				return
			default:
			}
		}
	}()
	return func() {
		close(done)
		<-ended
		umltest.Run(r, "umount", dir)
	}
}

// cutFile returns what the n-th file holds.
func cutFile(n int) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(n)), bytes.Repeat([]byte{byte(n)}, 5000)...)
}

// writeCutFile writes the n-th file in the place of another, and waits until it is
// safe.
func writeCutFile(dir string, n int) error {
	name := filepath.Join(dir, "new")
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(cutFile(n))
	if err = joinErrors(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(name, filepath.Join(dir, strconv.Itoa(n%cutFiles))); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return joinErrors(d.Sync(), d.Close())
}

// filesInOrder checks that a file system is of one piece once its journal is written
// back, and has the files that were safe when the power failed, or newer ones.
func (r *cutRun) filesInOrder(name string, at int) {
	r.Helper()
	path := r.volume(name).Path()
	umltest.Run(r, "e2fsck", "-y", "-E", "journal_only", path)
	umltest.Run(r, "e2fsck", "-f", "-n", path)
	safe := cutFiles - 1
	for _, w := range r.writes[:at] {
		if n, found := strings.CutPrefix(w.mark, "file-"); found {
			var err error
			safe, err = strconv.Atoi(n)
			require.NoError(r, err)
		}
	}
	dir := r.TempDir()
	umltest.Run(r, "mount", "-t", "ext4", "-o", "ro", path, dir)
	defer umltest.Run(r, "umount", dir)
	for n := safe - cutFiles + 1; n <= safe; n++ {
		got, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(n%cutFiles)))
		require.NoError(r, err, r.where)
		require.Greater(r, len(got), 4, r.where)
		held := int(binary.LittleEndian.Uint32(got))
		require.True(r, bytes.Equal(cutFile(held), got), "%s: file %d", r.where, n)
		require.GreaterOrEqual(r, held, n, fmt.Sprintf("%s: file %d is older than what was safe", r.where, n))
	}
}
