package lvm

import (
	"cmp"
	"io"
	"sync"
	"unsafe"
)

const (
	// ioChunk bounds how much is read or written at once, and so the memory it
	// takes. A multiple of every logical block size.
	ioChunk = 1 << 20
	// memoryAlignment of buffers satisfies every device: that of a page.
	memoryAlignment = 4096
	// ioBuffer is the least that is allocated: what reading a label takes.
	ioBuffer = 64 << 10
	// maxBlockSize is the largest logical block size of a device.
	maxBlockSize = 64 << 10
)

// readWriterAt is what can be read and written at any place.
type readWriterAt interface {
	io.ReaderAt
	io.WriterAt
}

// alignedIO does reads and writes of any place and length on a device that only
// takes whole blocks, from memory that is aligned: what O_DIRECT asks for.
type alignedIO struct {
	dev       readWriterAt
	blockSize int64 // a power of two, up to maxBlockSize

	// partial keeps one write that changes parts of a block from undoing
	// another: both read the block, change it and write it.
	partial sync.Mutex
	buffers sync.Pool // of *[]byte, aligned, from ioBuffer to ioChunk long
}

// readAt reads blocks and picks p from them. size is that of the device.
func (a *alignedIO) readAt(p []byte, off, size int64) (int, error) {
	short := error(nil)
	if off >= size {
		return 0, io.EOF
	}
	if int64(len(p)) > size-off {
		p, short = p[:size-off], io.EOF
	}
	done, err := a.readWhole(p, off)
	if err != nil || done == len(p) {
		return done, cmp.Or(err, short)
	}
	buf := a.buffer(off+int64(done), len(p)-done)
	defer a.buffers.Put(buf)
	for done < len(p) {
		w := a.window(off+int64(done), len(p)-done)
		b := (*buf)[:w.length]
		if err := a.readBlocks(b, w.start, w.skip+w.take); err != nil {
			return done, err
		}
		done += copy(p[done:], b[w.skip:w.skip+w.take])
	}
	return done, short
}

// readWhole reads the whole blocks that p begins with straight into it, if it lies as the
// device takes it: long reads then touch no other memory. It returns how many bytes.
func (a *alignedIO) readWhole(p []byte, off int64) (int, error) {
	if off&(a.blockSize-1) != 0 || uintptr(unsafe.Pointer(unsafe.SliceData(p)))&(memoryAlignment-1) != 0 {
		return 0, nil
	}
	whole := len(p) &^ int(a.blockSize-1)
	for done := 0; done < whole; {
		n := min(whole-done, ioChunk)
		if err := a.readBlocks(p[done:done+n], off+int64(done), n); err != nil {
			return done, err
		}
		done += n
	}
	return whole, nil
}

// readBlocks reads blocks from start on into b, at least n bytes of them.
func (a *alignedIO) readBlocks(b []byte, start int64, n int) error {
	got, err := a.dev.ReadAt(b, start)
	if got >= n {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// writeAt writes p, which lies within the device. Blocks that it covers in part
// keep the rest of what they hold.
func (a *alignedIO) writeAt(p []byte, off int64) (int, error) {
	buf := a.buffer(off, len(p))
	defer a.buffers.Put(buf)
	done := 0
	for done < len(p) {
		w := a.window(off+int64(done), len(p)-done)
		if err := a.writeWindow((*buf)[:w.length], w, p[done:done+w.take]); err != nil {
			return done, err
		}
		done += w.take
	}
	return done, nil
}

// writeWindow writes data as the window w by way of the buffer b.
func (a *alignedIO) writeWindow(b []byte, w blockWindow, data []byte) error {
	if w.take < w.length {
		a.partial.Lock()
		defer a.partial.Unlock()
		if err := a.readEdges(b, w); err != nil {
			return err
		}
	}
	copy(b[w.skip:], data)
	n, err := a.dev.WriteAt(b, w.start)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// readEdges fills the first and the last block of b, where w covers them in part.
func (a *alignedIO) readEdges(b []byte, w blockWindow) error {
	first, last := 0, w.length-int(a.blockSize)
	blocks := []int{}
	if w.skip > 0 {
		blocks = append(blocks, first)
	}
	if w.skip+w.take < w.length && (w.skip == 0 || last > first) {
		blocks = append(blocks, last)
	}
	for _, at := range blocks {
		block := b[at : at+int(a.blockSize)]
		if err := a.readBlocks(block, w.start+int64(at), len(block)); err != nil {
			return err
		}
	}
	return nil
}

// blockWindow is a run of whole blocks, and what is wanted of it.
type blockWindow struct {
	start  int64
	length int
	skip   int // bytes before what is wanted
	take   int // bytes wanted
}

// window returns the blocks that hold the bytes from off on, as many of n as a
// buffer takes.
func (a *alignedIO) window(off int64, n int) blockWindow {
	mask := a.blockSize - 1
	start := off &^ mask
	skip := int(off - start)
	take := min(n, ioChunk-skip)
	length := (int64(skip+take) + mask) &^ mask
	return blockWindow{start: start, length: int(length), skip: skip, take: take}
}

// buffer returns one for any window of n bytes at off: the first is the longest.
func (a *alignedIO) buffer(off int64, n int) *[]byte {
	length := max(a.window(off, n).length, ioBuffer)
	if b, ok := a.buffers.Get().(*[]byte); ok && len(*b) >= length {
		return b
	}
	b := alignedBuffer(length)
	return &b
}

// alignedBuffer returns n bytes that begin at a multiple of memoryAlignment.
func alignedBuffer(n int) []byte {
	b := make([]byte, n+memoryAlignment-1)
	at := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (memoryAlignment - 1)
	return b[at : at+n : at+n]
}
