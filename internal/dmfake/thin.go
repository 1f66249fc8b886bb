package dmfake

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
)

// pool is what the tables of a thin pool's device and those of its volumes share.
// It is there as long as one of them is.
//
// Source: Linux, drivers/md/dm-thin.c, and what the targets were seen to do.
type pool struct {
	holder         *device
	metadata, data dm.Dev
	users          int
	meta           *thinMeta
	mode           poolMode
	bound          *poolTarget // the one that was resumed last
	suspended      bool        // not resumed yet, too
	lowWater       bool        // was told of
	changed        bool        // since the last commit
}

// poolMode says what a pool can do.
type poolMode uint8

const (
	poolWrites poolMode = iota
	poolNoData          // has no free blocks
	poolNoMetadata
	poolReadOnly
	poolFailed
)

// poolTarget is a thin-pool target of a table.
type poolTarget struct {
	dm.ThinPool
	pool   *pool
	length units.Sectors
	// waits is what the target does if there is no space: not for ever.
	expired bool
}

// thin is a thin target of a table.
type thin struct {
	pool     *pool
	id       uint32
	external dm.Dev // 0: none
}

// newPool is the constructor of a thin-pool target of a table for the device
// holder.
func (k *Kernel) newPool(holder *device, t dm.ThinPool, length units.Sectors) (*poolTarget, syscall.Errno) {
	metadata, _ := dm.ParseDev(t.Metadata)
	data, _ := dm.ParseDev(t.Data)
	if metadata == data || t.BlockSize < 128 || t.BlockSize > 2097152 || t.BlockSize%128 != 0 {
		return nil, syscall.EINVAL
	}
	p, errno := k.findPool(holder, metadata, data)
	if errno != 0 {
		return nil, errno
	}
	switch {
	case p == nil:
		if !k.awake(metadata) {
			return nil, syscall.EDEADLK // which the kernel does not say: it waits
		}
		meta, err := openThinMeta(flow{k, metadata}, k.knownSize(metadata), t.BlockSize)
		if err != nil {
			return nil, errnoOf(err)
		}
		p = &pool{holder: holder, metadata: metadata, data: data, meta: meta, suspended: true}
		k.pools = append(k.pools, p)
	case p.ignoresDiscards() != (t.Discard == dm.ThinDiscardIgnore):
		return nil, syscall.EINVAL // once they are passed on, they are
	}
	p.users++
	return &poolTarget{ThinPool: t, pool: p, length: length}, 0
}

// findPool returns the pool that a device or its metadata belongs to.
func (k *Kernel) findPool(holder *device, metadata, data dm.Dev) (*pool, syscall.Errno) {
	for _, p := range k.pools {
		switch {
		case p.metadata == metadata && (p.holder != holder || p.data != data):
			return nil, syscall.EBUSY
		case p.metadata == metadata:
			return p, 0
		case p.holder == holder:
			return nil, syscall.EINVAL
		}
	}
	return nil, 0
}

func (p *pool) ignoresDiscards() bool {
	return p.bound != nil && p.bound.Discard == dm.ThinDiscardIgnore
}

// errnoOf returns the number of an error of I/O.
func errnoOf(err error) syscall.Errno {
	if errno, ok := err.(syscall.Errno); ok {
		return errno
	}
	return syscall.EIO
}

// newThin is the constructor of a thin target.
func (k *Kernel) newThin(t dm.Thin) (*thin, syscall.Errno) {
	dev, _ := dm.ParseDev(t.Pool)
	i := slices.IndexFunc(k.pools, func(p *pool) bool { return p.holder.dev == dev })
	if i < 0 || t.ExternalOrigin == t.Pool {
		return nil, syscall.EINVAL
	}
	p := k.pools[i]
	switch {
	case p.mode == poolFailed:
		return nil, syscall.EINVAL
	case p.meta.devices[t.ID] == nil:
		return nil, syscall.ENODATA
	case p.suspended:
		return nil, syscall.EINVAL
	}
	origin, _ := dm.ParseDev(t.ExternalOrigin)
	p.users++
	return &thin{pool: p, id: t.ID, external: origin}, 0
}

// leave ends a target with its table.
func (p *pool) leave(k *Kernel) {
	if p.users--; p.users == 0 {
		_ = p.commit(k)
		k.pools = slices.DeleteFunc(k.pools, func(o *pool) bool { return o == p })
	}
}

// isOpen says whether a table has a device of the pool.
func (p *pool) isOpen(k *Kernel, id uint32) bool {
	return k.anyTarget(func(_ *device, s any) bool {
		t, ok := s.(*thin)
		return ok && t.pool == p && t.id == id
	})
}

// anyTarget says whether there is a target in a table of a device.
func (k *Kernel) anyTarget(is func(d *device, state any) bool) bool {
	for _, d := range k.devices {
		for _, t := range []*table{d.live, d.replaced, d.inactive} {
			if t != nil && slices.ContainsFunc(t.state, func(s any) bool { return is(d, s) }) {
				return true
			}
		}
	}
	return false
}

// preresume makes a target the pool's, and the pool as large as its devices are.
func (t *poolTarget) preresume(k *Kernel) syscall.Errno {
	p := t.pool
	p.bound, t.expired = t, false
	if p.mode == poolFailed {
		return 0
	}
	blocks, metaBlocks := uint64(t.length/p.meta.chunk), metaBlocksOf(k.knownSize(p.metadata))
	switch {
	case t.ReadOnly || p.meta.needsCheck:
		p.setMode(k, poolReadOnly)
	case p.mode == poolReadOnly:
		p.setMode(k, poolWrites)
	}
	switch {
	case blocks < p.meta.blocks, metaBlocks < p.meta.metaBlocks:
		return syscall.EINVAL
	case p.meta.needsCheck || blocks == p.meta.blocks && metaBlocks == p.meta.metaBlocks:
		return 0
	}
	if blocks > p.meta.blocks && p.mode == poolNoData || metaBlocks > p.meta.metaBlocks && p.mode == poolNoMetadata {
		p.setMode(k, poolWrites)
	}
	p.meta.blocks, p.meta.metaBlocks = blocks, metaBlocks
	p.changed = true
	return errnoOfCommit(p.commit(k))
}

func errnoOfCommit(err error) syscall.Errno {
	if err != nil {
		return errnoOf(err)
	}
	return 0
}

// resume lets the pool go on.
func (t *poolTarget) resume() { t.pool.suspended, t.pool.lowWater = false, false }

// suspend makes the pool keep still.
func (t *poolTarget) suspend(k *Kernel) {
	t.pool.suspended = true
	_ = t.pool.commit(k)
}

func (p *pool) setMode(k *Kernel, mode poolMode) {
	if p.mode == mode {
		return
	}
	p.mode = mode
	if p.bound != nil {
		k.event(p.holder)
	}
}

// commit writes what has changed to the metadata device. Without room there the
// pool is read-only; with an error it fails.
func (p *pool) commit(k *Kernel) error {
	if !p.changed || p.mode >= poolNoMetadata {
		return nil
	}
	err := p.meta.write(flow{k, p.metadata})
	if err != nil && err != syscall.ENOSPC {
		p.setMode(k, poolFailed)
		return err
	}
	p.changed = err != nil
	_, free := p.free()
	switch {
	case p.meta.used() == p.meta.metaBlocks:
		p.setMode(k, poolNoMetadata)
	case p.mode == poolNoData && free > 0:
		p.setMode(k, poolWrites)
	}
	return err
}

// free returns the lowest block that is free, and how many there are.
func (p *pool) free() (first, n uint64) {
	used := map[uint64]bool{}
	lists := []map[uint32]*thinDevice{p.meta.devices}
	if p.meta.held != nil {
		lists = append(lists, p.meta.held.devices)
	}
	for _, list := range lists {
		for _, d := range list {
			for _, m := range d.mapped {
				used[m.block] = true
			}
		}
	}
	for used[first] {
		first++
	}
	return first, p.meta.blocks - min(p.meta.blocks, uint64(len(used)))
}

// allocate returns a free block of data.
func (p *pool) allocate(k *Kernel) (uint64, error) {
	block, n := p.free()
	if n <= p.bound.LowWater && p.bound.LowWater > 0 && !p.lowWater {
		p.lowWater = true
		k.event(p.holder)
	}
	switch {
	case p.mode == poolReadOnly, p.mode == poolNoMetadata:
		return 0, syscall.EIO
	case n > 0:
		return block, nil
	}
	p.setMode(k, poolNoData)
	if p.bound.ErrorIfNoSpace || p.bound.expired {
		return 0, syscall.ENOSPC
	}
	return 0, syscall.EAGAIN
}

// ExpireNoSpace makes pools that have no space stop waiting for it, as they do a
// minute after: writes fail.
func (k *Kernel) ExpireNoSpace() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.pools {
		if p.mode == poolNoData && !p.bound.ErrorIfNoSpace && !p.bound.expired {
			p.bound.expired = true
			k.event(p.holder)
		}
	}
}

// SetNeedsCheck makes the pool of a device do what it does after an error in its
// metadata: be read-only until somebody has checked that. The result is whether
// there is such a pool.
func (k *Kernel) SetNeedsCheck(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.pools {
		if p.holder.name == name {
			p.meta.needsCheck, p.changed = true, true
			_ = p.commit(k)
			p.setMode(k, poolReadOnly)
			return true
		}
	}
	return false
}

// status returns the text of the status line.
func (t *poolTarget) status(k *Kernel) string {
	p := t.pool
	if p.mode == poolFailed {
		return "Fail"
	}
	if !p.suspended {
		_ = p.commit(k)
	}
	_, free := p.free()
	held, mode, discard, noSpace, check := "-", "rw", "discard_passdown", "queue_if_no_space", "-"
	if p.meta.held != nil {
		held = strconv.FormatUint(p.meta.held.block, 10)
	}
	switch p.mode {
	case poolNoData:
		mode = "out_of_data_space"
	case poolNoMetadata, poolReadOnly:
		mode = "ro"
	}
	features := &poolTarget{}
	if p.bound != nil {
		features = p.bound
	}
	switch features.Discard {
	case dm.ThinDiscardIgnore:
		discard = "ignore_discard"
	case dm.ThinDiscardNoPassdown:
		discard = "no_discard_passdown"
	}
	if features.ErrorIfNoSpace || features.expired {
		noSpace = "error_if_no_space"
	}
	if p.meta.needsCheck {
		check = "needs_check"
	}
	return fmt.Sprintf("%d %d/%d %d/%d %s %s %s %s %s %d", p.meta.transaction, p.meta.used(), p.meta.metaBlocks, p.meta.blocks-free, p.meta.blocks,
		held, mode, discard, noSpace, check, min(p.meta.metaBlocks/4, 1024))
}

// status returns the text of the status line.
func (t *thin) status() string {
	if t.pool.mode == poolFailed {
		return "Fail"
	}
	mapped := t.device().mapped
	if len(mapped) == 0 {
		return "0 -"
	}
	chunk := uint64(t.pool.meta.chunk)
	return fmt.Sprintf("%d %d", uint64(len(mapped))*chunk, (slices.Max(slices.Collect(maps.Keys(mapped)))+1)*chunk-1)
}

func (t *thin) device() *thinDevice { return t.pool.meta.devices[t.id] }

// io does I/O from byte off of the volume on.
func (t *thin) io(k *Kernel, p []byte, off int64, write bool) error {
	switch {
	case t.pool.mode == poolFailed:
		return syscall.EIO
	case t.pool.suspended, !k.awake(t.pool.metadata), !k.awake(t.pool.data):
		return syscall.EAGAIN
	}
	chunk := int64(inBytes(t.pool.meta.chunk))
	for len(p) > 0 {
		n := min(int64(len(p)), chunk-off%chunk)
		if err := t.chunkIO(k, p[:n], uint64(off/chunk), off%chunk, write); err != nil {
			return err
		}
		p, off = p[n:], off+n
	}
	return nil
}

// chunkIO does I/O within a chunk. What is written where nothing is yet, or
// where a snapshot has it as well, gets a block of its own.
func (t *thin) chunkIO(k *Kernel, p []byte, chunk uint64, within int64, write bool) error {
	pl, d := t.pool, t.device()
	size := int64(inBytes(pl.meta.chunk))
	m, ok := d.mapped[chunk]
	switch {
	case !write && !ok:
		return t.externalIO(k, p, int64(chunk)*size+within)
	case !write, ok && m.time >= d.snapshotted:
		return k.io(pl.data, p, int64(m.block)*size+within, write)
	}
	block, err := pl.allocate(k)
	if err != nil {
		return err
	}
	if int64(len(p)) < size {
		if err := t.fill(k, block, chunk); err != nil {
			return err
		}
	}
	if err := k.io(pl.data, p, int64(block)*size+within, true); err != nil {
		return err
	}
	d.mapped[chunk] = mapping{block, pl.meta.time}
	pl.changed = true
	return nil
}

// fill writes to a new block what the chunk holds so far.
func (t *thin) fill(k *Kernel, block, chunk uint64) error {
	pl := t.pool
	b := make([]byte, inBytes(pl.meta.chunk))
	size := int64(len(b))
	m, ok := t.device().mapped[chunk]
	var err error
	switch {
	case ok:
		err = k.io(pl.data, b, int64(m.block)*size, false)
	case t.external != 0:
		err = t.externalIO(k, b, int64(chunk)*size)
	case pl.bound.SkipZeroing:
		return nil
	}
	if err != nil {
		return err
	}
	return k.io(pl.data, b, int64(block)*size, true)
}

// externalIO reads what a volume holds where nothing was written: what its
// external origin has, and zeroes behind that.
func (t *thin) externalIO(k *Kernel, p []byte, off int64) error {
	clear(p)
	if t.external == 0 {
		return nil
	}
	n := min(int64(len(p)), int64(inBytes(k.knownSize(t.external)))-off)
	if n <= 0 {
		return nil
	}
	return k.io(t.external, p[:n], off, false)
}

// message carries out a message to the pool.
func (p *pool) message(k *Kernel, text string) syscall.Errno {
	word := strings.Fields(text)
	want := map[string]int{"create_thin": 1, "create_snap": 2, "delete": 1, "set_transaction_id": 2, "reserve_metadata_snap": 0, "release_metadata_snap": 0}
	args, known := want[word[0]]
	switch {
	case p.mode >= poolNoMetadata:
		return syscall.EOPNOTSUPP
	case !known, len(word)-1 != args:
		return syscall.EINVAL
	case !k.awake(p.metadata):
		return syscall.EDEADLK // which the kernel does not say: it waits
	}
	arg := make([]uint64, args)
	for i := range arg {
		bits := 24
		if word[0] == "set_transaction_id" {
			bits = 64
		}
		var err error
		if arg[i], err = strconv.ParseUint(word[1+i], 10, bits); err != nil {
			return syscall.EINVAL
		}
	}
	if errno := p.carryOut(k, word[0], arg); errno != 0 {
		return errno
	}
	p.changed = true
	_ = p.commit(k) // an error is seen in the status
	return 0
}

func (p *pool) carryOut(k *Kernel, verb string, arg []uint64) syscall.Errno {
	m := p.meta
	switch verb {
	case "create_thin":
		return p.add(uint32(arg[0]), &thinDevice{mapped: map[uint64]mapping{}})
	case "create_snap":
		id, origin := uint32(arg[0]), m.devices[uint32(arg[1])]
		switch {
		case m.devices[id] != nil:
			return syscall.EEXIST
		case origin == nil:
			return syscall.ENODATA
		}
		k.noteUnquiet(p, uint32(arg[1]))
		m.time++
		origin.snapshotted = m.time
		return p.add(id, origin.clone())
	case "delete":
		id := uint32(arg[0])
		switch {
		case m.devices[id] == nil:
			return syscall.ENODATA
		case p.isOpen(k, id):
			return syscall.EBUSY
		}
		delete(m.devices, id)
	case "set_transaction_id":
		if m.transaction != arg[0] {
			return syscall.EINVAL
		}
		m.transaction = arg[1]
	case "reserve_metadata_snap":
		if m.held != nil {
			return syscall.EBUSY
		}
		m.held = &heldMeta{transaction: m.transaction, time: m.time, devices: map[uint32]*thinDevice{}}
		for id, d := range m.devices {
			m.held.devices[id] = d.clone()
		}
	case "release_metadata_snap":
		if m.held == nil {
			return syscall.EINVAL
		}
		m.held = nil
	}
	return 0
}

// add puts a device into the pool.
func (p *pool) add(id uint32, d *thinDevice) syscall.Errno {
	if p.meta.devices[id] != nil {
		return syscall.EEXIST
	}
	d.transaction, d.created, d.snapshotted = p.meta.transaction, p.meta.time, p.meta.time
	p.meta.devices[id] = d
	return 0
}

// noteUnquiet notes that a device is written to while it gets a snapshot.
func (k *Kernel) noteUnquiet(p *pool, id uint32) {
	if p.suspended {
		return
	}
	k.anyTarget(func(d *device, s any) bool {
		if t, ok := s.(*thin); ok && t.pool == p && t.id == id && d.live != nil && slices.Contains(d.live.state, s) && !d.suspended {
			k.hazards = append(k.hazards, "snapshot of "+d.name+", which is not suspended")
		}
		return false
	})
}
