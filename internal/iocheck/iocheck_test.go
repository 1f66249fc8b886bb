package iocheck

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const fileSize = 64 << 10

func files(t *testing.T, n int) []string {
	t.Helper()
	var paths []string
	for i := range n {
		path := filepath.Join(t.TempDir(), string(rune('a'+i)))
		require.NoError(t, os.WriteFile(path, make([]byte, fileSize), 0o600))
		paths = append(paths, path)
	}
	return paths
}

func TestCheckerFindsNothing(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{}, {BlockSize: 8192, Writers: 5, Seed: 7}, {Offset: 8192, Length: 32768, Writers: 1}} {
		paths := files(t, 3)
		c, err := Start(o, paths...)
		require.NoError(t, err)
		before := c.State()
		c.Progress(200)
		after := c.State()
		r, err := c.Stop()
		require.NoError(t, err)
		assert.Greater(t, r.Writes, 200*len(c.writers))
		assert.Positive(t, r.Reads)
		assert.Positive(t, r.Longest)
		assert.Zero(t, r.Wrong)
		for i := range before.acked {
			assert.GreaterOrEqual(t, before.begun[i], before.acked[i])
			assert.GreaterOrEqual(t, after.acked[i], before.acked[i]+200)
		}
		if o.Offset > 0 {
			b, err := os.ReadFile(paths[0])
			require.NoError(t, err)
			assert.Equal(t, make([]byte, o.Offset), b[:o.Offset])
			assert.Equal(t, make([]byte, fileSize-40960), b[40960:])
		}
	}
}

// What is not what was written is found, whatever it is.
func TestCheckerFindsWrongBlocks(t *testing.T) {
	t.Parallel()
	block := func(h header) []byte {
		b := make([]byte, 4096)
		encode(b, h)
		return b
	}
	torn := block(header{1, 3, 9})
	copy(torn[2048:], block(header{1, 3, 8})[2048:])
	for name, b := range map[string][]byte{
		"zeroes": make([]byte, 4096), "torn": torn, "another block": block(header{1, 4, 1}), "another seed": block(header{2, 3, 1}),
		"a write never made": block(header{1, 3, 1 << 40}),
	} {
		paths := files(t, 1)
		c, err := Start(Options{Seed: 1}, paths...)
		require.NoError(t, err)
		close(c.quit)
		c.done.Wait()
		c.quit = make(chan struct{})
		_, err = c.files[0].WriteAt(append(alignedBlock(4096)[:0], b...), 3*4096)
		require.NoError(t, err)
		r, err := c.Stop()
		assert.Error(t, err, name)
		assert.Equal(t, 1, r.Wrong, name)
	}
}

func TestCheckerReportsErrors(t *testing.T) {
	t.Parallel()
	_, err := Start(Options{}, "/nonexistent/file")
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Start(Options{})
	require.Error(t, err)
	_, err = Start(Options{BlockSize: 1000}, files(t, 1)...)
	require.Error(t, err)
	_, err = Start(Options{Length: 100}, files(t, 1)...)
	require.Error(t, err)

	c, err := Start(Options{}, files(t, 1)...)
	require.NoError(t, err)
	require.NoError(t, c.files[0].Close())
	c.Progress(1 << 20) // ends all the same
	_, err = c.Stop()
	require.ErrorIs(t, err, os.ErrClosed)
}

// image makes files of what there was when each writer had made so many writes.
func (c *Checker) image(t *testing.T, upTo []uint64) []string {
	t.Helper()
	paths := files(t, len(c.files))
	for _, w := range c.writers {
		for i, block := range w.history[:upTo[w.number]] {
			encode(w.buf, header{c.o.Seed, uint64(block), uint64(i) + 1})
			file, off := c.place(block)
			f, err := os.OpenFile(paths[file], os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteAt(w.buf, off)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}
	}
	return paths
}

func TestVerify(t *testing.T) {
	t.Parallel()
	c, err := Start(Options{Seed: 5}, files(t, 2)...)
	require.NoError(t, err)
	c.Progress(20)
	first := c.State()
	c.Progress(20)
	second := c.State()
	c.Progress(20)
	_, err = c.Stop()
	require.NoError(t, err)

	moved := func(s []uint64, by ...int64) []uint64 {
		out := make([]uint64, len(s))
		for i := range s {
			out[i] = uint64(int64(s[i]) + by[i])
		}
		return out
	}
	for _, upTo := range [][]uint64{first.acked, second.begun, moved(first.acked, 3, 9)} {
		require.NoError(t, c.Verify(first, second, c.image(t, upTo)...))
	}
	for _, upTo := range [][]uint64{moved(first.acked, -1, 0), moved(second.begun, 0, 1)} {
		require.Error(t, c.Verify(first, second, c.image(t, upTo)...))
	}
	require.Error(t, c.Verify(first, second, files(t, 2)...), "blank")
	require.Error(t, c.Verify(first, second, files(t, 1)...), "too few")

	// A write is missing, though a later one is there.
	upTo := moved(first.acked, 10, 10)
	paths := c.image(t, upTo)
	w := c.writers[0]
	lost := upTo[0] - 1
	for w.history[lost-1] == w.history[upTo[0]-1] {
		lost--
	}
	block := w.history[lost-1]
	encode(w.buf, header{5, uint64(block), w.lastTo(block, lost-1)})
	file, off := c.place(block)
	f, err := os.OpenFile(paths[file], os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(w.buf, off)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Error(t, c.Verify(first, second, paths...))

	// One device is of another moment than the other.
	older := c.image(t, first.acked)
	newer := c.image(t, second.begun)
	require.Error(t, c.Verify(first, second, older[0], newer[1]))
}
