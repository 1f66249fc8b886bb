package lvm

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// A file system on a striped volume of ours is extended over a new physical
// volume while it is written to, and read again after lvm2 has activated it; and
// the other way round.
func TestKernelFileSystems(t *testing.T) {
	umltest.NeedKernel(t)
	for _, fs := range []struct {
		name  string
		size  int64 // of each device
		grow  []string
		check []string
	}{
		{"ext4", 96 << 20, []string{"resize2fs", "$DEV"}, []string{"e2fsck", "-fn", "$DEV"}},
		{"xfs", 224 << 20, []string{"xfs_growfs", "$MNT"}, []string{"xfs_repair", "-n", "$DEV"}},
	} {
		t.Run(fs.name, func(t *testing.T) {
			const dev = "/dev/vg/data"
			mnt := t.TempDir()
			run := func(args []string) {
				t.Helper()
				for i := range args {
					args[i] = strings.NewReplacer("$DEV", dev, "$MNT", mnt).Replace(args[i])
				}
				umltest.Run(t, args[0], args[1:]...)
			}
			r := newInteropRun(t, scenario{vg: "vg", sizes: []int64{fs.size, fs.size, fs.size, fs.size}})
			half := ExactSize(Bytes(fs.size) * 3 / 2)
			r.update(func(tx *Tx) error {
				if err := tx.CreateVG(VGSpec{PVs: r.dev[:2]}); err != nil {
					return err
				}
				_, err := tx.CreateLV(LVSpec{Name: "data", Size: half, Stripes: 2})
				return err
			})
			run([]string{"mkfs." + fs.name, "-q", dev})
			assert.Equal(t, fs.name, strings.TrimSpace(umltest.Run(t, "blkid", "-p", "-o", "value", "-s", "TYPE", dev)))
			run([]string{"mount", dev, mnt})
			defer func() {
				if t.Failed() {
					_ = os.RemoveAll(filepath.Join(mnt, "files"))
					umltest.Run(t, "umount", "-l", mnt)
				}
			}()

			w := startWriter(t, filepath.Join(mnt, "files"))
			w.wait(20)
			r.update(func(tx *Tx) error {
				if err := tx.ExtendVG(PVSpec{}, r.dev[2], r.dev[3]); err != nil {
					return err
				}
				return tx.ExtendLV("data", ExtendSpec{By: half})
			})
			w.wait(20)
			run(fs.grow)
			w.wait(20)
			w.stop()
			sums := w.sums()
			assert.Greater(t, diskSizeOf(t, mnt), uint64(fs.size)*5/2)
			run([]string{"umount", mnt})
			run(fs.check)

			r.update(func(tx *Tx) error { return tx.Deactivate("data") })
			lvm2(t, "lvchange", "-qq", "-ay", "vg/data")
			run([]string{"mount", dev, mnt})
			verifyFiles(t, sums)
			theirs := startWriter(t, filepath.Join(mnt, "more"))
			theirs.wait(5)
			theirs.stop()
			for name, sum := range theirs.sums() {
				sums[name] = sum
			}
			run([]string{"umount", mnt})
			lvm2(t, "lvchange", "-qq", "-an", "vg/data")
			r.update(func(tx *Tx) error { return tx.Activate("data") })
			run([]string{"mount", "-o", "ro", dev, mnt})
			verifyFiles(t, sums)
			run([]string{"umount", mnt})
			run(fs.check)
			assert.Equal(t, fs.name, strings.TrimSpace(umltest.Run(t, "blkid", "-p", "-o", "value", "-s", "TYPE", dev)))
			r.ask(true)
		})
	}
}

func diskSizeOf(t *testing.T, mnt string) uint64 {
	t.Helper()
	var kib uint64
	_, err := fmt.Sscan(strings.Split(umltest.Run(t, "df", "-k", "--output=size", mnt), "\n")[1], &kib)
	require.NoError(t, err)
	return kib * 1024
}

// writer writes files one after the other, and reads earlier ones back.
type writer struct {
	t    *testing.T
	dir  string
	mu   sync.Mutex // guards what follows
	cond *sync.Cond
	done map[string][32]byte
	err  error
	end  bool
	over chan struct{}
}

func startWriter(t *testing.T, dir string) *writer {
	t.Helper()
	require.NoError(t, os.Mkdir(dir, 0o755))
	w := &writer{t: t, dir: dir, done: map[string][32]byte{}, over: make(chan struct{})}
	w.cond = sync.NewCond(&w.mu)
	go w.loop()
	t.Cleanup(w.stop)
	return w
}

const writerFiles = 24

func (w *writer) loop() {
	defer close(w.over)
	var seed [32]byte
	for i := 0; ; i++ {
		binary.LittleEndian.PutUint64(seed[:], uint64(i))
		data := make([]byte, 100_000+i%7*30_000)
		_, _ = rand.NewChaCha8(seed).Read(data)
		name := filepath.Join(w.dir, fmt.Sprint(i%writerFiles))
		err := writeFileSync(name, data)
		old := filepath.Join(w.dir, fmt.Sprint((i*7)%min(i+1, writerFiles)))
		w.mu.Lock()
		w.done[name] = sha256.Sum256(data)
		if want, ok := w.done[old]; ok && err == nil {
			var got []byte
			if got, err = os.ReadFile(old); err == nil && sha256.Sum256(got) != want {
				err = fmt.Errorf("%s is not as it was written", old)
			}
		}
		w.err = err
		stop := w.end || err != nil
		w.cond.Broadcast()
		w.mu.Unlock()
		if stop {
			return
		}
	}
}

func writeFileSync(name string, data []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return joinErrors(err, f.Sync(), f.Close())
}

// wait waits until n more files are written.
func (w *writer) wait(n int) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for range n {
		w.cond.Wait()
		require.NoError(w.t, w.err)
	}
}

func (w *writer) stop() {
	w.mu.Lock()
	w.end = true
	w.mu.Unlock()
	<-w.over
	assert.NoError(w.t, w.err)
}

func (w *writer) sums() map[string][32]byte { return w.done }

func verifyFiles(t *testing.T, sums map[string][32]byte) {
	t.Helper()
	require.NotEmpty(t, sums)
	for name, want := range sums {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		got := sha256.Sum256(data)
		require.True(t, bytes.Equal(want[:], got[:]), name)
	}
}
