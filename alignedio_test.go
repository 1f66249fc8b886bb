package lvm

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// blockMemory is a device that only takes what O_DIRECT lets through.
type blockMemory struct {
	mu        sync.Mutex
	data      []byte
	blockSize int
	misuse    string
	failRead  error
	reads     []*byte // where each read began to put what it read
}

func (m *blockMemory) check(p []byte, off int64) {
	switch {
	case off%int64(m.blockSize) != 0:
		m.misuse = "offset not aligned"
	case len(p) == 0 || len(p)%m.blockSize != 0:
		m.misuse = "length not aligned"
	case uintptr(unsafe.Pointer(&p[0]))%memoryAlignment != 0 && len(p) > m.blockSize:
		m.misuse = "memory not aligned"
	case uintptr(unsafe.Pointer(&p[0]))%512 != 0:
		m.misuse = "memory not aligned"
	case len(p) > ioChunk:
		m.misuse = "too much at once"
	}
}

func (m *blockMemory) ReadAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.check(p, off)
	m.reads = append(m.reads, &p[0])
	if m.failRead != nil {
		return 0, m.failRead
	}
	n := copy(p, m.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (m *blockMemory) WriteAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.check(p, off)
	return copy(m.data[off:], p), nil
}

func TestAlignedIO(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		blockSize := rapid.SampledFrom([]int{512, 4096, 65536}).Draw(t, "block size")
		const size = ioChunk + 2*maxBlockSize
		want := bytes.Repeat([]byte("0123456789abcde"), size/15+1)[:size]
		mem := &blockMemory{data: bytes.Clone(want), blockSize: blockSize}
		io1 := &alignedIO{dev: mem, blockSize: int64(blockSize)}
		near := rapid.Custom(func(t *rapid.T) int { // places around the edges of blocks and chunks
			at := rapid.SampledFrom([]int{0, 512, blockSize, 2 * blockSize, ioChunk, ioChunk + blockSize, size}).Draw(t, "edge")
			return min(max(at+rapid.IntRange(-3, 3).Draw(t, "off"), 0), size)
		})
		for range 2 {
			a, b := near.Draw(t, "a"), near.Draw(t, "b")
			from, to := min(a, b), max(a, b)
			data := bytes.Repeat([]byte{byte(rapid.IntRange(0, 255).Draw(t, "fill"))}, to-from)
			n, err := io1.writeAt(data, int64(from))
			require.NoError(t, err)
			require.Equal(t, len(data), n)
			copy(want[from:to], data)
			require.True(t, bytes.Equal(want, mem.data), "writing %d..%d", from, to)

			a, b = near.Draw(t, "a"), near.Draw(t, "b")
			from, to = min(a, b), max(a, b)
			got := make([]byte, to-from)
			n, err = io1.readAt(got, int64(from), size)
			if from == size {
				require.Equal(t, io.EOF, err)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, len(got), n)
			require.True(t, bytes.Equal(want[from:to], got), "reading %d..%d", from, to)
		}
		require.Empty(t, mem.misuse)
	})
}

// What is long is read straight to where it is wanted, but for a part of a block.
func TestAlignedReadInPlace(t *testing.T) {
	t.Parallel()
	const size = 2*ioChunk + 8192
	mem := &blockMemory{data: bytes.Repeat([]byte("0123456789abcde"), size/15+1)[:size], blockSize: 4096}
	a := &alignedIO{dev: mem, blockSize: 4096}
	p := alignedBuffer(ioChunk + 4096 + 100)
	n, err := a.readAt(p, 4096, size)
	require.NoError(t, err)
	assert.Equal(t, len(p), n)
	assert.True(t, bytes.Equal(mem.data[4096:][:len(p)], p))
	require.Len(t, mem.reads, 3)
	assert.Same(t, &p[0], mem.reads[0])
	assert.Same(t, &p[ioChunk], mem.reads[1])
	assert.NotSame(t, &p[ioChunk+4096], mem.reads[2])
	assert.Empty(t, mem.misuse)
}

func TestAlignedIOAtEnd(t *testing.T) {
	t.Parallel()
	mem := &blockMemory{data: bytes.Repeat([]byte{7}, 8192), blockSize: 4096}
	a := &alignedIO{dev: mem, blockSize: 4096}
	p := make([]byte, 100)
	n, err := a.readAt(p, 8192-40, 8192)
	assert.Equal(t, io.EOF, err)
	assert.Equal(t, 40, n)
	n, err = a.readAt(p, 9000, 8192)
	assert.Equal(t, io.EOF, err)
	assert.Zero(t, n)
	// The device has become shorter than it said.
	_, err = a.readAt(p, 8000, 1<<20)
	assert.NoError(t, err)
	_, err = a.readAt(make([]byte, 8192), 4096, 1<<20)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// What cannot be read must not be written with something made up.
func TestAlignedWriteKeepsRestOfBlock(t *testing.T) {
	t.Parallel()
	sick := errors.New("medium error")
	mem := &blockMemory{data: bytes.Repeat([]byte{7}, 8192), blockSize: 4096, failRead: sick}
	a := &alignedIO{dev: mem, blockSize: 4096}
	n, err := a.writeAt(make([]byte, 4096), 2048)
	require.ErrorIs(t, err, sick)
	assert.Zero(t, n)
	assert.Equal(t, bytes.Repeat([]byte{7}, 8192), mem.data)
	_, err = a.writeAt(make([]byte, 4096), 4096)
	require.NoError(t, err, "whole blocks need not be read")
}

func TestAlignedWritesToOneBlock(t *testing.T) {
	t.Parallel()
	const writers, length = 8, 512
	mem := &blockMemory{data: make([]byte, writers*length), blockSize: writers * length}
	a := &alignedIO{dev: mem, blockSize: writers * length}
	for range 20 {
		var wg sync.WaitGroup
		clear(mem.data)
		for i := range writers {
			wg.Go(func() {
				_, err := a.writeAt(bytes.Repeat([]byte{byte(i + 1)}, length), int64(i*length))
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		for i := range writers {
			require.Equal(t, bytes.Repeat([]byte{byte(i + 1)}, length), mem.data[i*length:(i+1)*length])
		}
	}
	require.Empty(t, mem.misuse)
}
