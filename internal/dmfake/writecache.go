package dmfake

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"syscall"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
)

// writeCache is a writecache target of a table. All that is written stays in the
// cache until it is full, or told to write it back.
//
// Source: Linux, drivers/md/dm-writecache.c, and what the target was seen to do.
type writeCache struct {
	dm.WriteCache
	origin, data   dm.Dev
	length         units.Sectors
	block          int64 // bytes
	first          int64 // where block 0 is
	sequence       uint64
	blocks         []int64       // what of the origin each has, in blocks; -1: nothing
	where          map[int64]int // blocks of the origin
	started        bool
	cleaner        bool
	flushOnSuspend bool
	failed         bool
	next           int // to be written back

	reads, readHits, writes, writeHits, around, allocated, flushes uint64
}

const (
	wcMagic     = 0x23489321
	wcHeader    = 64
	wcEntrySize = 16
	wcNothing   = 1<<64 - 1
)

var wcSettings = []string{"start_sector", "high_watermark", "low_watermark", "writeback_jobs", "autocommit_blocks", "autocommit_time",
	"max_age", "cleaner", "fua", "nofua", "metadata_only", "pause_writeback"}

// newWriteCache is the constructor of a target.
func (k *Kernel) newWriteCache(t dm.WriteCache, length units.Sectors) (*writeCache, syscall.Errno) {
	w := &writeCache{WriteCache: t, length: length, block: int64(t.BlockSize)}
	w.origin, _ = dm.ParseDev(t.Origin)
	w.data, _ = dm.ParseDev(t.Cache)
	if t.BlockSize < 512 || t.BlockSize > 4096 || bits.OnesCount64(uint64(t.BlockSize)) != 1 || !k.holds(t.Origin, 0, length) {
		return nil, syscall.EINVAL
	}
	if t.PMem {
		return nil, syscall.EOPNOTSUPP
	}
	for _, s := range t.Settings {
		if !slices.Contains(wcSettings, s.Key) {
			return nil, syscall.EINVAL
		}
		w.cleaner = w.cleaner || s.Key == "cleaner"
	}
	if !k.awake(w.data) {
		return nil, syscall.EDEADLK // which the kernel does not say: it waits
	}
	n := w.fit(int64(inBytes(k.knownSize(w.data))))
	if n == 0 {
		return nil, syscall.ENOSPC
	}
	header := make([]byte, wcHeader)
	if err := k.io(w.data, header, 0, false); err != nil {
		return nil, errnoOf(err)
	}
	le := binary.LittleEndian
	switch magic, version := le.Uint32(header), le.Uint32(header[4:]); {
	case magic == 0 && version == 0:
		if err := w.format(k, n); err != nil {
			return nil, errnoOf(err)
		}
	case magic != wcMagic, version != 1, int64(le.Uint32(header[8:])) != w.block, le.Uint64(header[16:]) != uint64(n):
		return nil, syscall.EINVAL
	}
	return w, w.read(k, n)
}

// fit returns how many blocks there is room for, with their entries.
func (w *writeCache) fit(size int64) int {
	n := max(size-wcHeader, 0) / (w.block + wcEntrySize)
	for n > 0 && w.start(int(n))+n*w.block > size {
		n--
	}
	return int(n)
}

// start returns where the first of n blocks is.
func (w *writeCache) start(n int) int64 {
	return (wcHeader + int64(n)*wcEntrySize + w.block - 1) / w.block * w.block
}

// format makes an empty cache.
func (w *writeCache) format(k *Kernel, n int) error {
	for i := range n {
		if err := w.writeEntry(k, i, wcNothing, wcNothing); err != nil {
			return err
		}
	}
	w.blocks = make([]int64, n)
	return w.writeHeader(k)
}

func (w *writeCache) writeHeader(k *Kernel) error {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, wcMagic)
	b = le.AppendUint32(b, 1)
	b = le.AppendUint32(b, uint32(w.block))
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, uint64(len(w.blocks)))
	b = le.AppendUint64(b, w.sequence)
	return k.io(w.data, append(b, make([]byte, wcHeader-len(b))...), 0, true)
}

func (w *writeCache) writeEntry(k *Kernel, i int, sector, sequence uint64) error {
	return k.io(w.data, word64(sector, sequence), wcHeader+int64(i)*wcEntrySize, true)
}

// read reads which block has what.
func (w *writeCache) read(k *Kernel, n int) syscall.Errno {
	b := make([]byte, wcHeader+n*wcEntrySize)
	if err := k.io(w.data, b, 0, false); err != nil {
		return errnoOf(err)
	}
	le := binary.LittleEndian
	w.sequence, w.first = le.Uint64(b[24:]), w.start(n)
	w.blocks, w.where = make([]int64, n), map[int64]int{}
	latest := map[int64]uint64{}
	for i := range n {
		w.blocks[i] = -1
		sector, sequence := le.Uint64(b[wcHeader+i*wcEntrySize:]), le.Uint64(b[wcHeader+i*wcEntrySize+8:])
		if sequence >= w.sequence || sector >= uint64(w.length) {
			continue
		}
		block := int64(sector) * 512 / w.block
		if old, ok := w.where[block]; ok {
			if latest[block] > sequence {
				continue
			}
			w.blocks[old] = -1
		}
		w.blocks[i], w.where[block], latest[block] = block, i, sequence
	}
	return 0
}

// preresume reads again what another table may have changed.
func (w *writeCache) preresume(k *Kernel) syscall.Errno {
	w.started = true
	return w.read(k, len(w.blocks))
}

// suspend keeps all that is there, unless it was told to write it back.
func (w *writeCache) suspend(k *Kernel) {
	if w.flushOnSuspend {
		w.flush(k, 0)
	}
}

// io does I/O from byte off on.
func (w *writeCache) io(k *Kernel, p []byte, off int64, write bool) error {
	switch {
	case w.failed:
		return syscall.EIO
	case !k.awake(w.data), !k.awake(w.origin):
		return syscall.EAGAIN
	}
	if write {
		w.flushes++
	}
	for len(p) > 0 {
		n := min(int64(len(p)), w.block-off%w.block)
		if err := w.blockIO(k, p[:n], off/w.block, off%w.block, write); err != nil {
			return err
		}
		p, off = p[n:], off+n
	}
	return nil
}

// blockIO does I/O within a block.
func (w *writeCache) blockIO(k *Kernel, p []byte, block, within int64, write bool) error {
	i, hit := w.where[block]
	switch {
	case write && hit:
		w.writes++
		w.writeHits++
	case write && w.cleaner:
		w.writes++
		w.around++
	case write:
		w.writes++
		w.allocated++
		var err error
		if i, err = w.take(k, block); err != nil {
			return err
		}
		hit = true
	case hit:
		w.reads++
		w.readHits++
	default:
		w.reads++
	}
	if hit {
		return k.io(w.data, p, w.first+int64(i)*w.block+within, write)
	}
	return k.io(w.origin, p, block*w.block+within, write)
}

// take gives a block of the origin one of the cache.
func (w *writeCache) take(k *Kernel, block int64) (int, error) {
	i := slices.Index(w.blocks, -1)
	if i < 0 {
		i = w.next % len(w.blocks)
		w.next++
		if err := w.writeBack(k, i); err != nil {
			return 0, err
		}
	}
	b := make([]byte, w.block)
	err := k.io(w.origin, b, block*w.block, false)
	if err == nil {
		err = k.io(w.data, b, w.first+int64(i)*w.block, true)
	}
	if err == nil {
		err = w.writeEntry(k, i, uint64(block*w.block/512), w.sequence)
	}
	if err != nil {
		return 0, err
	}
	w.blocks[i], w.where[block] = block, i
	w.sequence++
	return i, w.writeHeader(k)
}

// writeBack moves a block to the origin.
func (w *writeCache) writeBack(k *Kernel, i int) error {
	b := make([]byte, w.block)
	err := k.io(w.data, b, w.first+int64(i)*w.block, false)
	if err == nil {
		err = k.io(w.origin, b, w.blocks[i]*w.block, true)
	}
	if err == nil {
		err = w.writeEntry(k, i, wcNothing, wcNothing)
	}
	if err != nil {
		return err
	}
	delete(w.where, w.blocks[i])
	w.blocks[i] = -1
	return nil
}

// flush moves n blocks to the origin, all if n is 0.
func (w *writeCache) flush(k *Kernel, n int) {
	done := 0
	for i, block := range w.blocks {
		if block < 0 {
			continue
		}
		if done++; n > 0 && done > n {
			return
		}
		if w.writeBack(k, i) != nil {
			w.failed = true
			return
		}
	}
}

// work moves n blocks to the origin if it is a cleaner, all if n is 0.
func (w *writeCache) work(k *Kernel, n int) {
	if w.cleaner && k.awake(w.data) && k.awake(w.origin) {
		w.flush(k, n)
	}
}

// status returns the text of the status line.
func (w *writeCache) status() string {
	free := 0
	for _, block := range w.blocks {
		if block < 0 && w.started {
			free++
		}
	}
	failed := 0
	if w.failed {
		failed = 1
	}
	return fmt.Sprintf("%d %d %d 0 %d %d %d 0 %d %d %d 0 %d 0", failed, len(w.blocks), free,
		w.reads, w.readHits, w.writes, w.writeHits, w.around, w.allocated, w.flushes)
}

// message carries out a message.
func (w *writeCache) message(k *Kernel, text string) syscall.Errno {
	switch text {
	case "flush":
		if k.holderOf(w).suspended {
			return syscall.EBUSY
		}
		w.flush(k, 0)
	case "flush_on_suspend":
		w.flushOnSuspend = true
	case "cleaner":
		w.cleaner = true
	case "clear_stats":
		w.reads, w.readHits, w.writes, w.writeHits, w.around, w.allocated, w.flushes = 0, 0, 0, 0, 0, 0, 0
	default:
		return syscall.EINVAL
	}
	return 0
}
