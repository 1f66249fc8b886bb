package dmfake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
)

// cache is a cache target of a table. It takes in every block that is read or
// written, and writes what is dirty back when it needs the room, or is a cleaner:
// so what is not taken from it properly is lost.
//
// Source: Linux, drivers/md/dm-cache-target.c, and what the target was seen to do.
type cache struct {
	dm.Cache
	metadata, data, origin dm.Dev
	length                 units.Sectors
	threshold              string
	meta                   *cacheMeta
	where                  map[uint64]int // blocks of the origin
	started                bool
	failed                 bool
	next                   int // to be demoted

	readHits, readMisses, writeHits, writeMisses, demotions, promotions uint64
}

// newCache is the constructor of a target.
func (k *Kernel) newCache(t dm.Cache, length units.Sectors) (*cache, syscall.Errno) {
	c := &cache{Cache: t, length: length, threshold: "2048"}
	c.metadata, _ = dm.ParseDev(t.Metadata)
	c.data, _ = dm.ParseDev(t.Cache)
	c.origin, _ = dm.ParseDev(t.Origin)
	if t.BlockSize < 64 || t.BlockSize > 2097152 || t.BlockSize%64 != 0 || k.size(c.origin) < length || k.knownSize(c.data) < t.BlockSize {
		return nil, syscall.EINVAL
	}
	switch t.Policy {
	case "default", "smq", "mq", "cleaner":
	default:
		return nil, syscall.EINVAL
	}
	for _, s := range t.Settings {
		if !c.set(s.Key, s.Value) {
			return nil, syscall.EINVAL
		}
	}
	if !k.awake(c.metadata) {
		return nil, syscall.EDEADLK // which the kernel does not say: it waits
	}
	version := uint32(1)
	if t.Metadata2 {
		version = 2
	}
	meta, err := openCacheMeta(flow{k, c.metadata}, k.knownSize(c.metadata), version, c.policy(), t.BlockSize)
	if err != nil {
		return nil, errnoOf(err)
	}
	known := meta.blocks
	k.anyTarget(func(_ *device, s any) bool {
		live, ok := s.(*cache)
		if ok = ok && live.metadata == c.metadata && live.started; ok {
			known = live.meta.blocks
		}
		return ok
	})
	if t.Mode == dm.CachePassthrough && slices.ContainsFunc(known, func(b cacheBlock) bool { return b.dirty }) {
		return nil, syscall.EINVAL
	}
	c.meta = meta
	return c, 0
}

func (c *cache) policy() string {
	if c.Policy == "default" {
		return "smq"
	}
	return c.Policy
}

// set changes a setting; the result is whether there is such a one.
func (c *cache) set(key, value string) bool {
	_, err := strconv.ParseUint(value, 10, 32)
	switch {
	case err != nil:
		return false
	case key == "migration_threshold":
		c.threshold = value
		return true
	}
	mq := []string{"random_threshold", "sequential_threshold", "discard_promote_adjustment", "read_promote_adjustment", "write_promote_adjustment"}
	return c.Policy == "mq" && slices.Contains(mq, key)
}

// preresume reads which block is where, the first time, and gives the cache the
// size of its device.
func (c *cache) preresume(k *Kernel) syscall.Errno {
	if !c.started {
		meta, err := readCacheMeta(metaReader{flow{k, c.metadata}})
		if err != nil {
			return errnoOf(err)
		}
		c.meta, c.started = meta, true
	}
	n := int(k.knownSize(c.data) / c.BlockSize)
	for i := n; i < len(c.meta.blocks); i++ {
		if c.meta.blocks[i].dirty {
			return syscall.EINVAL
		}
	}
	blocks := make([]cacheBlock, n)
	copy(blocks, c.meta.blocks)
	c.meta.blocks, c.meta.policy = blocks, c.policy()
	c.where = map[uint64]int{}
	for i, b := range blocks {
		if b.used {
			c.where[b.origin] = i
		}
	}
	c.commit(k, false)
	return 0
}

// suspend writes what is dirty, as a cache that was shut down.
func (c *cache) suspend(k *Kernel) {
	if c.started {
		c.commit(k, true)
	}
}

func (c *cache) commit(k *Kernel, clean bool) {
	c.failed = c.failed || c.meta.write(flow{k, c.metadata}, clean) != nil
}

// io does I/O from byte off on.
func (c *cache) io(k *Kernel, p []byte, off int64, write bool) error {
	switch {
	case c.failed:
		return syscall.EIO
	case !k.awake(c.metadata), !k.awake(c.data), !k.awake(c.origin):
		return syscall.EAGAIN
	}
	size := int64(inBytes(c.BlockSize))
	for len(p) > 0 {
		n := min(int64(len(p)), size-off%size)
		if err := c.blockIO(k, p[:n], uint64(off/size), off%size, write); err != nil {
			return err
		}
		p, off = p[n:], off+n
	}
	return nil
}

// blockIO does I/O within a block of the origin.
func (c *cache) blockIO(k *Kernel, p []byte, block uint64, within int64, write bool) error {
	size := int64(inBytes(c.BlockSize))
	i, hit := c.where[block]
	c.count(hit, write)
	switch {
	case c.Mode == dm.CachePassthrough && write && hit:
		c.meta.blocks[i] = cacheBlock{}
		delete(c.where, block)
		c.commit(k, false)
		hit = false
	case c.Mode == dm.CachePassthrough:
		hit = false
	case !hit && c.Policy != "cleaner":
		var err error
		if i, err = c.promote(k, block); err != nil {
			return err
		}
		hit = true
	}
	if !hit {
		return k.io(c.origin, p, int64(block)*size+within, write)
	}
	if err := k.io(c.data, p, int64(i)*size+within, write); err != nil || !write {
		return err
	}
	if c.Mode == dm.CacheWritethrough {
		return k.io(c.origin, p, int64(block)*size+within, true)
	}
	c.meta.blocks[i].dirty = true
	return nil
}

func (c *cache) count(hit, write bool) {
	switch {
	case hit && write:
		c.writeHits++
	case hit:
		c.readHits++
	case write:
		c.writeMisses++
	default:
		c.readMisses++
	}
}

// promote takes a block in.
func (c *cache) promote(k *Kernel, block uint64) (int, error) {
	i := slices.IndexFunc(c.meta.blocks, func(b cacheBlock) bool { return !b.used })
	if i < 0 {
		i = c.next % len(c.meta.blocks)
		c.next++
		if err := c.clean(k, i); err != nil {
			return 0, err
		}
		delete(c.where, c.meta.blocks[i].origin)
		c.demotions++
	}
	if err := c.copyBlock(k, i, block, false); err != nil {
		return 0, err
	}
	c.meta.blocks[i] = cacheBlock{used: true, origin: block}
	c.where[block] = i
	c.promotions++
	c.commit(k, false)
	return i, nil
}

// clean writes a block back if it is dirty.
func (c *cache) clean(k *Kernel, i int) error {
	b := &c.meta.blocks[i]
	if !b.dirty {
		return nil
	}
	if err := c.copyBlock(k, i, b.origin, true); err != nil {
		return err
	}
	b.dirty = false
	return nil
}

// copyBlock copies a block of the origin to the cache, or back.
func (c *cache) copyBlock(k *Kernel, i int, block uint64, back bool) error {
	start := units.Sectors(block) * c.BlockSize
	b := make([]byte, inBytes(min(c.BlockSize, c.length-start)))
	from, to := c.origin, c.data
	at, target := int64(inBytes(start)), int64(i)*int64(inBytes(c.BlockSize))
	if back {
		from, to, at, target = to, from, target, at
	}
	if err := k.io(from, b, at, false); err != nil {
		return err
	}
	return k.io(to, b, target, true)
}

// work writes n dirty blocks back if it is a cleaner, all if n is 0.
func (c *cache) work(k *Kernel, n int) {
	if c.Policy != "cleaner" || c.failed || !k.awake(c.data) || !k.awake(c.origin) {
		return
	}
	done := 0
	for i := range c.meta.blocks {
		if !c.meta.blocks[i].dirty {
			continue
		}
		if done++; n > 0 && done > n || c.clean(k, i) != nil {
			return
		}
	}
}

// status returns the text of the status line.
func (c *cache) status(k *Kernel) string {
	if c.failed {
		return "Fail"
	}
	used, dirty, total := 0, 0, uint64(k.knownSize(c.data)/c.BlockSize)
	for _, b := range c.meta.blocks {
		if b.used {
			used++
		}
		if b.dirty {
			dirty++
		}
	}
	features := []string{c.Mode.String()}
	if c.Metadata2 {
		features = slices.Insert(features, 0, "metadata2")
	}
	if c.NoDiscardPassdown {
		features = append(features, "no_discard_passdown")
	}
	settings := "0"
	if c.Policy == "mq" {
		settings = "10 random_threshold 0 sequential_threshold 0 discard_promote_adjustment 0 read_promote_adjustment 0 write_promote_adjustment 0"
	}
	return fmt.Sprintf("8 %d/%d %d %d/%d %d %d %d %d %d %d %d %d %s 2 migration_threshold %s %s %s rw - ",
		c.meta.allocated, c.meta.metaBlocks, uint64(c.BlockSize), used, total,
		c.readHits, c.readMisses, c.writeHits, c.writeMisses, c.demotions, c.promotions, dirty,
		len(features), strings.Join(features, " "), c.threshold, c.policy(), settings)
}

// message carries out a message.
func (c *cache) message(k *Kernel, text string) syscall.Errno {
	word := strings.Fields(text)
	switch {
	case word[0] == "invalidate_cblocks" && c.Mode != dm.CachePassthrough:
		return syscall.EPERM
	case word[0] == "invalidate_cblocks":
		return c.invalidate(k, word[1:])
	case len(word) != 2 || !c.set(word[0], word[1]):
		return syscall.EINVAL
	}
	return 0
}

// invalidate drops blocks: each range is a number, or two parted by "-", of which
// the second is behind the end.
func (c *cache) invalidate(k *Kernel, ranges []string) syscall.Errno {
	for _, r := range ranges {
		first, last, ok := strings.Cut(r, "-")
		begin, err := strconv.ParseUint(first, 10, 32)
		end := begin + 1
		if err == nil && ok {
			end, err = strconv.ParseUint(last, 10, 32)
		}
		if err != nil || begin >= end || end > uint64(len(c.meta.blocks)) {
			return syscall.EINVAL
		}
		for i := begin; i < end; i++ {
			delete(c.where, c.meta.blocks[i].origin)
			c.meta.blocks[i] = cacheBlock{}
		}
	}
	c.commit(k, false)
	return 0
}
