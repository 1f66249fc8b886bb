// Package iocheck writes to block devices, or files, and reads back what it
// wrote, while a test does something to them. It notices blocks that are wrong,
// calls that fail and how long the longest of them took; and it can tell whether
// a copy of the devices, such as a snapshot, is what they held at one moment.
//
// Each writer has blocks of its own and makes one write after the other, with a
// number that grows by one. So what the devices hold at one moment is, of each
// writer, all writes up to some number and none behind it.
package iocheck

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"
)

// Options say how much I/O there is to be, and where.
type Options struct {
	// BlockSize is how many bytes are written at once, 4096 if it is 0.
	BlockSize int
	// Offset and Length are the bytes of each device that are used; a length of 0
	// is up to the end. What was there is lost.
	Offset, Length int64
	// Seed tells the blocks of one Checker from another's.
	Seed uint64
	// Writers is how many write at the same time, 2 if it is 0.
	Writers int
	// Pause is between two writes of a writer.
	Pause time.Duration
}

// Checker writes and reads until it is stopped.
type Checker struct {
	o       Options
	files   []*os.File
	blocks  int // of one device
	writers []*writer
	quit    chan struct{}
	done    sync.WaitGroup
}

// writer is one of those that write. Its blocks are those whose numbers, counted
// over all devices, are the same modulo the number of writers.
type writer struct {
	c      *Checker
	number int
	buf    []byte
	random *rand.Rand

	mu      sync.Mutex // guards what follows
	changed *sync.Cond
	history []int // the block of each write, the first being write 1
	acked   uint64
	reads   int
	longest time.Duration
	wrong   []error
	failed  error
	ended   bool
}

// State is how far the writers had come at a moment. For each there is the last
// write that was done, and the last that was begun.
type State struct{ acked, begun []uint64 }

// Result is what happened between Start and Stop.
type Result struct {
	Writes, Reads int
	// Longest is how long the longest call took.
	Longest time.Duration
	// Wrong is how many blocks were not as they had to be.
	Wrong int
}

// String returns a line for a test's log.
func (r Result) String() string {
	return fmt.Sprintf("%d writes, %d reads, longest stall %s, %d wrong blocks", r.Writes, r.Reads, r.Longest.Round(100*time.Microsecond), r.Wrong)
}

// Start fills devices with blocks, and goes on writing and reading them in the
// background. All devices have to be of the same size, unless there is a length.
func Start(o Options, paths ...string) (*Checker, error) {
	if o.BlockSize == 0 {
		o.BlockSize = 4096
	}
	if o.Writers == 0 {
		o.Writers = 2
	}
	if o.BlockSize < headerSize || o.BlockSize%512 != 0 || len(paths) == 0 {
		return nil, fmt.Errorf("blocks of %d bytes on %d devices", o.BlockSize, len(paths))
	}
	c := &Checker{o: o, quit: make(chan struct{})}
	for _, path := range paths {
		f, err := openDirect(path, os.O_RDWR)
		if err != nil {
			c.close()
			return nil, err
		}
		c.files = append(c.files, f)
	}
	if c.o.Length == 0 {
		end, err := c.files[0].Seek(0, io.SeekEnd)
		if err != nil {
			c.close()
			return nil, err
		}
		c.o.Length = end - o.Offset
	}
	c.blocks = int(c.o.Length / int64(c.o.BlockSize))
	if c.blocks*len(paths) < c.o.Writers {
		c.close()
		return nil, fmt.Errorf("%d bytes of %s are not enough", c.o.Length, paths[0])
	}
	if err := c.fill(); err != nil {
		c.close()
		return nil, err
	}
	for _, w := range c.writers {
		c.done.Go(w.run)
	}
	return c, nil
}

func (c *Checker) close() {
	for _, f := range c.files {
		_ = f.Close()
	}
}

// fill writes all blocks once.
func (c *Checker) fill() error {
	for i := range c.o.Writers {
		w := &writer{c: c, number: i, buf: alignedBlock(c.o.BlockSize), random: rand.New(rand.NewPCG(c.o.Seed, uint64(i)))}
		w.changed = sync.NewCond(&w.mu)
		c.writers = append(c.writers, w)
	}
	for block := range c.blocks * len(c.files) {
		if err := c.writers[block%c.o.Writers].write(block); err != nil {
			return err
		}
	}
	return nil
}

// place returns where a block is.
func (c *Checker) place(block int) (file int, off int64) {
	return block / c.blocks, c.o.Offset + int64(block%c.blocks)*int64(c.o.BlockSize)
}

// any returns one of the writer's blocks.
func (w *writer) any() int {
	all := w.c.blocks * len(w.c.files)
	mine := (all - w.number + w.c.o.Writers - 1) / w.c.o.Writers
	return w.number + w.random.IntN(mine)*w.c.o.Writers
}

func (w *writer) run() {
	err := w.goOn()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed, w.ended = err, true
	w.changed.Broadcast()
}

func (w *writer) goOn() error {
	for {
		select {
		case <-w.c.quit:
			return nil
		case <-time.After(w.c.o.Pause):
		}
		if err := w.write(w.any()); err != nil {
			return err
		}
		if w.random.IntN(2) == 0 {
			if err := w.read(w.any()); err != nil {
				return err
			}
		}
	}
}

// write writes a block with the next number.
func (w *writer) write(block int) error {
	w.mu.Lock()
	w.history = append(w.history, block)
	number := uint64(len(w.history))
	w.mu.Unlock()
	encode(w.buf, header{w.c.o.Seed, uint64(block), number})
	file, off := w.c.place(block)
	err := w.timed(func() error {
		_, err := w.c.files[file].WriteAt(w.buf, off)
		return err
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.acked = number
	}
	w.changed.Broadcast()
	return err
}

// read reads a block and compares it with the last write there. Nobody else
// writes it.
func (w *writer) read(block int) error {
	file, off := w.c.place(block)
	err := w.timed(func() error {
		_, err := w.c.files[file].ReadAt(w.buf, off)
		return err
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads++
	if err := w.compare(w.buf, block, w.lastTo(block, w.acked)); err != nil {
		w.wrong = append(w.wrong, fmt.Errorf("%s: %w", w.c.files[file].Name(), err))
	}
	return nil
}

func (w *writer) timed(do func() error) error {
	start := time.Now()
	err := do()
	took := time.Since(start)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.longest = max(w.longest, took)
	return err
}

// lastTo returns the number of the last write to a block up to some number.
func (w *writer) lastTo(block int, upTo uint64) uint64 {
	for i := upTo; i > 0; i-- {
		if w.history[i-1] == block {
			return i
		}
	}
	return 0
}

// compare compares a block with that of a write.
func (w *writer) compare(b []byte, block int, number uint64) error {
	got, err := decode(b)
	switch want := (header{w.c.o.Seed, uint64(block), number}); {
	case err != nil:
		return fmt.Errorf("block %d: %w, want write %d of writer %d", block, err, number, w.number)
	case got.seed != want.seed || got.block != want.block:
		return fmt.Errorf("block %d holds block %d of seed %d", block, got.block, got.seed)
	case got.number != want.number:
		return fmt.Errorf("block %d holds write %d of writer %d, want %d", block, got.number, w.number, number)
	}
	return nil
}

// Progress waits until each writer has made some more writes, or has ended as
// a call failed.
func (c *Checker) Progress(writes int) {
	for _, w := range c.writers {
		w.mu.Lock()
		for until := w.acked + uint64(writes); w.acked < until && !w.ended; {
			w.changed.Wait()
		}
		w.mu.Unlock()
	}
}

// State returns how far the writers have come. A write that is done when State is
// called counts as done, one that begins after it has returned not as begun.
func (c *Checker) State() State {
	var s State
	for _, w := range c.writers {
		w.mu.Lock()
		s.acked, s.begun = append(s.acked, w.acked), append(s.begun, uint64(len(w.history)))
		w.mu.Unlock()
	}
	return s
}

// Stop ends the I/O and reads all blocks once more. The error has all that went
// wrong.
func (c *Checker) Stop() (Result, error) {
	close(c.quit)
	c.done.Wait()
	var r Result
	var errs []error
	for _, w := range c.writers {
		if w.failed != nil {
			errs = append(errs, w.failed)
		}
	}
	if len(errs) == 0 {
		errs = append(errs, c.readAll())
	}
	for _, w := range c.writers {
		r.Writes += len(w.history)
		r.Reads += w.reads
		r.Wrong += len(w.wrong)
		r.Longest = max(r.Longest, w.longest)
		errs = append(errs, w.wrong[:min(len(w.wrong), shown)]...)
	}
	for _, f := range c.files {
		errs = append(errs, f.Close())
	}
	return r, errors.Join(errs...)
}

// shown is how many wrong blocks of a writer are named.
const shown = 5

func (c *Checker) readAll() error {
	for block := range c.blocks * len(c.files) {
		if err := c.writers[block%c.o.Writers].read(block); err != nil {
			return err
		}
	}
	return nil
}

// Verify checks that copies of the devices, in the same order, are what these
// held at one moment between two states: of each writer all writes up to one
// number, which was done at the second state's time, or begun, and not behind
// what was done at that of the first. It may be called while writers write.
func (c *Checker) Verify(first, second State, paths ...string) error {
	if len(paths) != len(c.files) {
		return fmt.Errorf("%d copies of %d devices", len(paths), len(c.files))
	}
	var files []*os.File
	for _, path := range paths {
		f, err := openDirect(path, os.O_RDONLY)
		if err != nil {
			return err
		}
		defer f.Close()
		files = append(files, f)
	}
	var errs []error
	for _, w := range c.writers {
		errs = append(errs, w.verify(files, first.acked[w.number], second.begun[w.number]))
	}
	return errors.Join(errs...)
}

func (w *writer) verify(files []*os.File, least, most uint64) error {
	w.mu.Lock()
	history := slices.Clone(w.history)
	w.mu.Unlock()
	found := map[int]uint64{}
	buf := alignedBlock(w.c.o.BlockSize)
	var last uint64
	for block := w.number; block < w.c.blocks*len(files); block += w.c.o.Writers {
		file, off := w.c.place(block)
		if _, err := files[file].ReadAt(buf, off); err != nil {
			return err
		}
		h, err := decode(buf)
		if err != nil || h.seed != w.c.o.Seed || h.block != uint64(block) {
			return fmt.Errorf("%s: block %d is none of ours: %v", files[file].Name(), block, err)
		}
		found[block] = h.number
		last = max(last, h.number)
	}
	if last < least || last > most {
		return fmt.Errorf("%s: the last write of writer %d is %d, not one of %d to %d", files[0].Name(), w.number, last, least, most)
	}
	want := map[int]uint64{}
	for i, block := range history[:last] {
		want[block] = uint64(i) + 1
	}
	for block, number := range found {
		if number != want[block] {
			return fmt.Errorf("block %d holds write %d of writer %d, but %d is there, so it has to be %d", block, number, w.number, last, want[block])
		}
	}
	return nil
}
